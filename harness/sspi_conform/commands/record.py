# SPDX-License-Identifier: Apache-2.0
"""record: what Windows does, played there."""
from __future__ import annotations

import argparse
import datetime
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model import SIDES, Case, ConformError, Trace
from ..patterns import implied
from ..project import Project, open_project

if TYPE_CHECKING:
    from ..recording.accounts import Accounts
    from ..recording.player import Player

_EPILOG = """\
examples:
  sspi-conform record --accounts accounts.yaml --out captures/recorded/server-2022 \\
      --initiator 'ssh winhost1 sspi-probe.exe secur32.dll' --acceptor 'ssh winhost2 sspi-probe.exe secur32.dll'
  sspi-conform record --accounts accounts.yaml --dry-run 'flag*'     what would be played, and what not and why

Plays each case on both commands and writes what was the same each time, without names, times and nonces, as
captures of the kind 'recorded', with build and policy of both systems. captures/README.md shows how to set up the
machines, and what stands in the file of accounts; passwords are read from there and never written.
Exit: 0 written, 2 the machines could not be recorded, 3 wrong usage, or no Windows."""


def add(commands: Any) -> None:
    parser = commands.add_parser("record", help="play cases on real Windows and write what it does", epilog=_EPILOG,
                                 description="Writes captures of the kind 'recorded' from two commands that run "
                                             "sspi-probe on Windows.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="CASE-PATTERN",
                        help="only these cases; without, all that need nothing but the accounts")
    for side in SIDES:
        parser.add_argument(f"--{side}", metavar="CMD", type=shlex.split, default=[],
                            help=f"the command of the {side}'s probe, split into words as a shell would")
    parser.add_argument("--accounts", type=Path, metavar="FILE", required=True, help="names and passwords there")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where recording.yaml goes, captures/recorded/BUILD")
    parser.add_argument("--times", type=int, default=2, metavar="N", help="how often each case is played (default 2)")
    parser.add_argument("--not-windows", action="store_true",
                        help="write what is no evidence of Windows, to try this out; --out must be outside captures/")
    parser.add_argument("--dry-run", action="store_true", help="show what would be played, and what not and why")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from ..recording.accounts import load_accounts
    from ..recording.choice import why_not

    project = open_project(options.root)
    accounts = load_accounts(options.accounts)
    reasons = {case.id: why_not(case, accounts) for case in project.select(options.patterns)}
    cases = [case for case in project.cases if reasons.get(case.id) == ""]
    if options.dry_run:
        return _dry_run(reasons)
    _check(options, cases)
    with tempfile.TemporaryDirectory(prefix="record-") as folder:
        return _record(options, project, accounts, cases, reasons, Path(folder))


def _dry_run(reasons: Mapping[str, str]) -> int:
    for name, reason in reasons.items():
        print(f"{name}  (left out: {reason})" if reason else name)
    played = sum(not reason for reason in reasons.values())
    print(f"exit 0: {played} cases would be played, {len(reasons) - played} not")
    return 0


def _check(options: argparse.Namespace, cases: Sequence[Case]) -> None:
    """What can be known to be wrong before anything starts."""
    missing = [f"--{name}" for name in (*SIDES, "out") if not getattr(options, name)]
    if missing:
        raise ConformError(f"{' and '.join(missing)} missing", "", "'sspi-conform record --help' has an example.")
    if options.times < 1:
        raise ConformError(f"--times {options.times}", "", "Play each case at least once.")
    if not cases:
        raise ConformError("none of these cases can be recorded", "", "--dry-run says why of each.")
    if (options.out / "recording.yaml").exists():
        raise ConformError(f"{options.out / 'recording.yaml'} is there already", "", "Move it, or give another --out.")
    if options.not_windows and _is_inside(options.out, options.root / "captures"):
        raise ConformError(f"{options.out} is for what Windows does", "", "With --not-windows give an --out elsewhere.")


def _is_inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _require_basics(player: Player, project: Project, cases: Sequence[Case]) -> None:
    """What every other case builds on must work: a machine that was set up wrongly would be recorded as Windows' way."""
    from ..recording.stable import is_loopback

    for name in dict.fromkeys(implied(case.settings)["mechanism"] for case in cases):
        trace = player.play(project.one(f"flag-common[subject=initiator,mechanism={name}]"))
        if is_loopback(trace):
            raise ConformError(f"{name} takes the loopback path: both sides are on one machine", "", "That path leaves the "
                               "proofs away. Give the initiator another machine (captures/README.md).")
        if trace.observed.get("established") is True:
            continue
        last = [f"{path} {value}" for path, value in trace.observed.items() if path.endswith(".status")]
        what = trace.ended.detail.partition(";")[0] if trace.ended else last[-1] if last else "nothing happened"
        raise ConformError(f"{name} does not work between these two: {what}", "",
                           "Whatever was recorded now would say more of the setup than of Windows. captures/README.md "
                           "shows how to set up accounts, names and clocks; patterns such as '*[mechanism=NTLM]' leave "
                           "the other mechanisms out.")


def _record(options: argparse.Namespace, project: Project, accounts: Accounts, cases: Sequence[Case], reasons: Mapping[str, str],
            folder: Path) -> int:
    from ..recording.player import Player
    from ..recording.provenance import described, why_not_windows
    from ..recording.stable import expectation
    from ..recording.text import capture_file

    with Player({side: getattr(options, side) for side in SIDES}, accounts, folder) as player:
        systems, probe = {}, ""
        for side in SIDES:
            systems[side], probe = player.system(side)
            reason = why_not_windows(systems[side])
            if reason and not options.not_windows:
                raise ConformError(f"the {side} is no Windows: {reason}", "", "Recordings are evidence of Windows and come "
                                   "from there; --not-windows with an --out outside captures/ tries this out.")
            print(f"{side}: {described(systems[side])}, sspi-probe {probe}")
        _require_basics(player, project, cases)
        records, lost = [], Counter(filter(None, reasons.values()))
        for number, case in enumerate(cases, 1):
            traces = [player.play(case) for _ in range(options.times)]
            expect = {} if any(trace.ended for trace in traces) else expectation(case, traces, accounts)
            if expect:
                records.append((case, expect))
            else:
                lost[_why_lost(traces)] += 1
            _progress(number, len(cases), case)
    options.out.mkdir(parents=True, exist_ok=True)
    out = options.out / "recording.yaml"
    out.write_text(capture_file(systems, probe, datetime.date.today().isoformat(), accounts.how, records), encoding="utf-8")
    for reason, count in lost.most_common():
        print(f"left out: {count} case{'' if count == 1 else 's'}: {reason}")
    print(f"{len(records)} cases recorded in {out}" + ("; no evidence of Windows" if options.not_windows else
                                                      "; now run: sspi-conform captures lint"))
    return 0 if records else 2


def _why_lost(traces: Sequence[Trace]) -> str:
    ended = next((trace.ended for trace in traces if trace.ended), None)
    if ended is None:
        return "nothing in them was the same each time"
    where = f" in {ended.last_call}" if ended.last_call else ""
    detail = ended.detail.partition(";")[0].strip().splitlines()
    return f"{ended.kind}{where} ({ended.side}): {detail[-1] if detail else ''}"


def _progress(number: int, total: int, case: Case) -> None:
    """A moving line on a terminal, a line now and then in a pipe."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K[{number}/{total}] {case.id}"[:160], end="\n" if number == total else "", flush=True)
    elif number == total or number * 10 // total > (number - 1) * 10 // total:
        print(f"{number} of {total} played", flush=True)
