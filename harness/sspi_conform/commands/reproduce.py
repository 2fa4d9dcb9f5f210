# SPDX-License-Identifier: Apache-2.0
"""reproduce: a recorded exchange played again in the throwaway realm."""
from __future__ import annotations

import argparse
import json
from contextlib import closing
from pathlib import Path
from typing import Any

from ..exchange.model import Exchange, Recording
from ..importing import given
from ..model import Case, ConformError, Trace

_EPILOG = """\
examples:
  sspi-conform reproduce failed-login.pcapng --case ticket-4711
  sspi-conform reproduce customer.exchanges.json --exchange 3 --case ticket-4711 --impl winpr2
  sspi-conform reproduce failed-login.pcapng --case ticket-4711 --keytab http.keytab   knows flags, clock, key version
  sspi-conform run --also reproduced ticket-4711                                       plays it again

Writes DIR/NAME.yaml: a scenario with what the file shows of flags, mechanism, bindings, account, ticket, clock and
policies; names and secrets are the realm's. Then plays it and lays it beside the recording.
Exit: 0 it ends as recorded, 1 it does not, 2 it cannot be played here, 3 bad input."""


def add(commands: Any) -> None:
    parser = commands.add_parser("reproduce", help="play a recorded exchange again in the throwaway realm", epilog=_EPILOG,
                                 description="Writes a scenario that recreates a recorded exchange, plays it and compares.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", required=True, metavar="NAME", help="of the scenario: small letters, digits, hyphens")
    parser.add_argument("--exchange", type=int, metavar="N", help="its number in the file (default: the first that failed)")
    parser.add_argument("--also", type=Path, default=Path("reproduced"), metavar="DIR",
                        help="where NAME.yaml is written (default: reproduced)")
    parser.add_argument("--write-only", action="store_true", help="do not play it")
    given.add_options(parser)
    from .run import add_implementation
    add_implementation(parser)
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from ..reproduce import compare, scenario, situation

    recording = given.recording(options)
    exchange = _chosen(recording, options.exchange)
    found = situation.of(exchange, recording.kdc)
    path = scenario.write(options.also, options.case, found, recording, exchange)
    if options.write_only:
        print(_before(path, exchange, found))
        return 0
    case, trace, why_not = _played(options)
    if trace is None:
        print("\n".join([_before(path, exchange, found), f"not played: {why_not}", "exit 2: it cannot be played here"]))
        return 2
    shows = compare.same(found.divergence, trace)
    rows = compare.rows(found.legs, trace)
    if options.json:
        print(json.dumps({"schema": 1, "case": case.id, "scenario": str(path), "exchange": exchange.number,
                          "recorded": found.divergence.told, "reproduced": shows, "legs": compare.as_json(rows),
                          "assumed": found.assumed, "not-reproduced": found.lost}, indent=1))
        return 0 if shows else 1
    print("\n".join([_before(path, exchange, found), *compare.lines(rows), *_ended(trace), _verdict(found, shows)]))
    return 0 if shows else 1


def _chosen(recording: Recording, number: int | None) -> Exchange:
    """The one that is meant: the first that failed, else the first."""
    from ..reproduce import situation

    if not recording.exchanges and not recording.kdc:
        raise ConformError("no security exchange in it", recording.name, "`sspi-conform diagnose` tells what is in it.")
    if not recording.exchanges and number is None:
        return Exchange(0, "Kerberos", ())  # it came to nothing but messages to and from the KDC
    if number is None:
        ended = ((one, situation.of(one, recording.kdc).divergence) for one in recording.exchanges)
        return next((one for one, how in ended if how.refused), recording.exchanges[0])
    found = next((one for one in recording.exchanges if one.number == number), None)
    if found is None:
        numbers = [one.number for one in recording.exchanges]
        raise ConformError(f"there is no exchange {number}", recording.name,
                           f"They are numbered from {min(numbers)} to {max(numbers)}." if numbers else "It has none at all.")
    return found


def _played(options: argparse.Namespace) -> tuple[Case, Trace | None, str]:
    """The case with what happened, or why it cannot be played."""
    from .. import judge
    from ..pipelines import run_cases
    from ..project import open_project
    from .run import lacking_here, programs

    project = open_project(options.root, also=options.also)
    profile = project.profile(options.impl, options.build)
    case = project.one(options.case)
    lacks = judge.unsupported(case, profile, lacking_here([case]))
    if lacks is not None:
        return case, None, lacks.reason
    with closing(run_cases([case], programs(project, profile, options))) as pairs:
        _, trace = next(pairs)
    if trace.ended is not None and trace.ended.kind in ("harness", "unsupported", "undeclared"):
        return case, None, trace.ended.detail
    return case, trace, ""


def _before(path: Path, exchange: Exchange, found: Any) -> str:
    lines = [f"exchange {exchange.number} ({exchange.transport}): {found.divergence.told}", f"written: {path}"]
    lines += [f"  {key}: {value}" for key, value in found.settings.items() if value]
    lines += [f"assumed: {one}" for one in found.assumed]
    return "\n".join([*lines, *(f"not reproduced: {one}" for one in found.lost)])


def _ended(trace: Trace) -> list[str]:
    return [f"  the play ended: {trace.ended.kind} {trace.ended.detail}"] if trace.ended else []


def _verdict(found: Any, shows: bool) -> str:
    ended = found.divergence
    if not ended.known:
        return "exit 1: how the recorded exchange ended is not in the file, so nothing can be compared"
    where = f"leg {ended.leg} of the {ended.side}"
    if not shows:
        return f"exit 1: not reproduced: {where} does not end as recorded ({ended.told})"
    how = ended.status or ("any refusal: the file does not say more" if not ended.token else ended.token)
    return f"exit 0: {'it succeeds, as recorded' if ended.succeeded else 'the same divergence'}: {where}, {how}"
