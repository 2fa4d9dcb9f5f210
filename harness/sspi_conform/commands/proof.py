# SPDX-License-Identifier: Apache-2.0
"""proof: recordings of Windows played again, token by token."""
from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from ..model import ConformError
from ..proof import inputs, krb5_inputs, recordings
from ..proof.play import Stage
from ..proof.messages import OPENED
from ..proof.row import BUT_SECRETS, EQUAL, STRUCTURE, Row
from ..proof.rows import table
from ..world import world_of

_FACTS = ("outcome", "session key", "flags", "client name", "accepted", OPENED)
_DEGREES = {EQUAL: "", BUT_SECRETS: " (but for secrets)", STRUCTURE: " (structure)"}
_EPILOG = """\
examples:
  sspi-conform proof                             recordings in SSPI_CONFORM_SHARED, or in ../shared
  sspi-conform proof --recordings ~/captures     the folder that holds windows-captures
  sspi-conform proof --known                     only exchanges whose secret is known
  sspi-conform proof --differences               only what is not equal, and why"""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "proof", help="libsspi's tokens beside those of recorded Windows, byte for byte", epilog=_EPILOG,
        description="Plays recorded exchanges again with libsspi-test as one side and compares its tokens with those "
                    "that Windows sent.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=Path, metavar="DIR", help="the folder that holds windows-captures")
    parser.add_argument("--build", type=Path, metavar="DIR", help="where libsspi-test.so and sspi-probe are "
                        "(default: build)")
    parser.add_argument("--known", action="store_true", help="print only the exchanges whose secret is known")
    parser.add_argument("--differences", action="store_true", help="print only what is not equal, each reason once")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    place = recordings.folder(options.recordings, options.root)
    build = options.build or options.root / "build"
    for name in ("sspi-probe", "libsspi-test.so", "krb5-pins.so"):
        if not (build / name).exists():
            raise ConformError(f"no {name} in {build}", "", "`make all` builds it.")
    from realm import Realm, RealmError
    try:
        with Realm() as realm:
            rows, missing = table(Stage(build), place, world_of(realm))
    except RealmError as problem:
        raise ConformError(f"no realm for the Kerberos exchanges: {problem}") from problem
    known = {one.exchange.name for one in (*inputs.known(place), *krb5_inputs.known(place))}
    shown = [row for row in rows if row.exchange in known or not options.known]
    print("\n".join(by_reason(shown) if options.differences else lines(shown)))
    print(summary(rows))
    for one in missing:
        print(f"listed and not found: {one.exchange} {one.side} {one.message} {one.field}")
    return 1 if missing or not all(row.good for row in rows) else 0


def lines(rows: list[Row]) -> list[str]:
    """One line for each side of an exchange; messages that differ have their own line below."""
    found = [f"{'exchange':<44} {'side':<9} {'build':<14} equal"]
    for (exchange, side, build), group in groupby(rows, lambda row: (row.exchange, row.side, row.build)):
        parts = list(group)
        equal = _counted(row.message + _DEGREES[row.degree] for row in parts if row.difference is None)
        found.append(f"{_short(exchange):<44} {side:<9} {build:<14} {', '.join(equal) or '-'}".rstrip())
        found += [f"    {one}" for one in _counted(f"{row.message}: {row.verdict}" for row in parts
                                                   if row.difference is not None)]
    return found


def _counted(texts: Iterable[str]) -> list[str]:
    return [f"{text} ({times})" if times > 1 else text for text, times in Counter(texts).items()]


def by_reason(rows: list[Row]) -> list[str]:
    """Each difference once, with the number of exchanges that have it."""
    found: dict[tuple[str, str, str], set[str]] = {}
    for row in rows:
        if row.difference is not None:
            found.setdefault((row.side, row.message, row.verdict), set()).add(row.exchange)
    return [f"{len(exchanges):>3} {side:<9} {message}: {verdict}"
            for (side, message, verdict), exchanges in sorted(found.items(), key=lambda one: -len(one[1]))]


def summary(rows: list[Row]) -> str:
    messages = [row for row in rows if row.message not in _FACTS]
    same = {degree: sum(row.difference is None and row.degree == degree for row in messages) for degree in _DEGREES}
    other = [row for row in messages if row.difference is not None]
    facts = [row for row in rows if row.message in _FACTS]
    return (f"{len({row.exchange for row in rows})} exchanges: {same[EQUAL]} messages equal byte for byte, "
            f"{same[BUT_SECRETS]} equal but for secrets nobody knows, {same[STRUCTURE]} of the same structure; "
            f"{len(other)} differences, {sum(row.good for row in other)} of them with a listed reason; outcomes, "
            f"session keys, messages opened: {sum(row.good for row in facts)} of {len(facts)} equal")


def _short(name: str) -> str:
    """The capture's name, shortened in the middle to fit the column."""
    file, _, number = name.rpartition(":")
    file = file.partition("__")[2]
    return f"{file if len(file) <= 40 else file[:24] + '..' + file[-14:]}:{number}"
