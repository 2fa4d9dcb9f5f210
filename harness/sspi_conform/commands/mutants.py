# SPDX-License-Identifier: Apache-2.0
"""mutants: does the suite notice when libsspi is wrong?"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..model import ConformError, Verdict
from ..mutation.faults import Fault, choose, load_faults
from ..mutation.hunt import Outcome, hunt
from ..mutation.weave import VARIABLE, build
from ..profiles import Profile
from ..programs import peer_program, program_of
from ..project import Project, open_project
from ..report.files import commit_of
from ..report.kills import write_kills

_EPILOG = """\
examples:
  sspi-conform mutants                    every fault; build/mutants.json keeps the outcomes, and `run` shows the rate
  sspi-conform mutants 'ntlm-*'           those of some names
  sspi-conform mutants --list             what is made wrong
  sspi-conform mutants --search mic-unchecked   every case of the suite that notices this fault

harness/mutants/*.yaml holds the faults. Exit: 0 each was noticed by a case that names it, 1 one survived, 2 a case
fails without any fault or the harness broke."""


def add(commands: Any) -> None:
    parser = commands.add_parser(
        "mutants", help="prove that the suite notices faults", epilog=_EPILOG,
        description="Builds one libsspi that holds many faults, wakes one at a time and plays the cases that must notice "
                    "it.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; * is allowed")
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    parser.add_argument("--search", metavar="NAME", help="play the whole suite against this fault")
    parser.add_argument("--json", action="store_true", help="the outcomes on standard output instead of lines")
    parser.add_argument("--jobs", type=int, default=0, metavar="N", help="processes side by side (default: cores)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    project = open_project(options.root)
    known = load_faults(project.root / "harness" / "mutants", project.root, project.cases)
    faults = choose(known, [options.search] if options.search else options.names)
    if options.list:
        for fault in faults:
            print(f"{fault.name}: {fault.wrong}{f' ({fault.known})' if fault.known else ''}")
        return 0
    profile = project.profile("libsspi")
    library = build(project.root, known, project.root / "build" / "mutants")
    subject = replace(program_of(profile, project.probe(), project.root), argv=(str(project.probe()), str(library)))
    if options.search:
        return _search(project, profile, subject, faults[0])
    start = time.monotonic()
    outcomes: list[Outcome] = []
    with closing(hunt(project, profile, subject, peer_program(), faults, options.jobs)) as found:
        for outcome in found:
            outcomes.append(outcome)
            _progress(outcomes, faults, options.json)
    return _tell(faults, outcomes, time.monotonic() - start, project.root, len(faults) == len(known), options.json)


def _progress(outcomes: Sequence[Outcome], faults: Sequence[Fault], quiet: bool) -> None:
    outcome = outcomes[-1]
    if quiet:
        return
    if sys.stdout.isatty():
        done = sum(bool(one.fault) for one in outcomes)
        print(f"\r{done}/{len(faults)} faults", end="" if done < len(faults) else "\r\033[K", flush=True)
    elif outcome.fault and outcome.killed:
        how = "caught by advice" if outcome.advisory else "caught"
        print(f"{how} {outcome.fault}: {outcome.case}: {outcome.difference}", flush=True)


def _tell(faults: Sequence[Fault], outcomes: Sequence[Outcome], seconds: float, root: Path, whole: bool,
          as_json: bool) -> int:
    by_name = {outcome.fault: outcome for outcome in outcomes if outcome.fault}
    controls = [outcome for outcome in outcomes if not outcome.fault]
    awake = [outcome for outcome in controls if outcome.killed]
    trouble = [outcome for outcome in outcomes if outcome.trouble]
    survivors = [fault for fault in faults if not by_name[fault.name].killed and not by_name[fault.name].trouble] \
        if len(by_name) == len(faults) else []
    advice = sum(outcome.advisory for outcome in by_name.values())
    killed = sum(outcome.killed for outcome in by_name.values())
    document = {"schema": 1, "faults": [{"wrong": fault.wrong, "known": fault.known} | asdict(by_name[fault.name])
                                        for fault in faults if fault.name in by_name],
                "killed": killed, "advisory": advice, "of": len(faults), "date": time.strftime("%Y-%m-%d", time.gmtime()),
                "commit": commit_of(root), "controls": sum(outcome.played for outcome in controls),
                "seconds": round(seconds, 2)}
    if whole:
        write_kills(root / "build", document)
    out = sys.stderr if as_json else sys.stdout
    for fault in survivors:
        print(f"SURVIVED {fault.name}: {fault.wrong} {by_name[fault.name].played} cases were played "
              f"({fault.source})", file=out)
    for outcome in awake:
        print(f"fails without any fault: {outcome.case}: {outcome.difference}", file=out)
    for outcome in trouble:
        print(f"ERROR {outcome.fault or 'control'}: {outcome.trouble}", file=out)
    print(f"{killed} of {len(faults)} faults caught, {advice} of these by advisory expectations only; {document['controls']} cases pass without a fault, "
          f"{sum(outcome.played for outcome in by_name.values())} were played with one; {seconds:.1f} s", file=out)
    if as_json:
        json.dump(document, sys.stdout, indent=1)
        print()
    if awake or trouble or len(by_name) != len(faults) or not controls:
        return 2
    return 1 if survivors else 0


def _search(project: Project, profile: Profile, subject: Any, fault: Fault) -> int:
    """Every case that notices the fault, to choose from."""
    from .. import judge
    from ..pipelines import RunOptions, run_cases

    cases = [case for case in project.cases if not judge.unsupported(case, profile)]
    program = replace(subject, environment={**subject.environment, VARIABLE: fault.name})
    options = RunOptions(program, None if fault.alone else peer_program(), profile.acceptor_identity, deadline=10.0)
    count = 0
    with closing(run_cases(cases, options)) as pairs:
        for result in judge.judge_all(pairs, project.captures, profile, judge.Rules(strict=True, peer_is_harness=not fault.alone)):
            if result.verdict is Verdict.FAIL:
                count += 1
                one = min(result.differences, key=lambda one: not one.binding, default=None)
                print(f"{result.case.id}: {one.path if one else result.reason}" + ("" if not one or one.binding else " (advisory)"))
    if not count and not cases:
        raise ConformError("no case was played", "")
    print(f"{count} of {len(cases)} cases notice {fault.name}", file=sys.stderr)
    return 0 if count else 1
