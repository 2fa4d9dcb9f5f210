# SPDX-License-Identifier: Apache-2.0
"""list: the cases there are."""
from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from .. import patterns
from ..model import ConformError
from ..project import open_project

_EPILOG = """\
examples:
  sspi-conform list                        every case, one per line
  sspi-conform list 'cbt[mechanism=NTLM]'  those that a pattern matches
  sspi-conform list --titles               with what they require
  sspi-conform list --skipped              impossible combinations that scenarios leave out, and why"""


def add(commands: Any) -> None:
    parser = commands.add_parser("list", help="the cases there are", epilog=_EPILOG,
                                 description="Lists cases.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="id or id[axis=value,...]; all without")
    parser.add_argument("--json", action="store_true", help="with everything a scenario says of the case")
    parser.add_argument("--titles", action="store_true", help="with titles")
    parser.add_argument("--skipped", action="store_true", help="what scenarios leave out instead")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    project = open_project(options.root, allow_unjudged=True)
    if options.skipped:
        return _skipped(project, options)
    cases = project.select(options.patterns)
    if options.json:
        json.dump([{
            "id": case.id, "scenario": case.scenario.id, "title": case.scenario.title,
            "clause": list(case.scenario.clause), "level": case.scenario.level, "severity": case.scenario.severity,
            "subject": case.subject, "package": case.settings["package"], "mechanism": case.mechanism,
            "needs": sorted(case.needs), "isolate": case.isolate, "axes": dict(case.axes),
            "source": case.scenario.source} for case in cases], sys.stdout, indent=1)
        print()
        return 0
    for case in cases:
        print(f"{case.id}  {case.scenario.title}" if options.titles else case.id)
    scenarios = len({case.scenario.id for case in cases})
    skipped = f"; {len(project.suite.skipped)} combinations left out (list --skipped)" if not options.patterns else ""
    print(f"{len(cases)} cases of {scenarios} scenarios{skipped}", file=sys.stderr)
    return 0


def _skipped(project: Any, options: argparse.Namespace) -> int:
    wanted = [patterns.parse(text) for text in options.patterns]
    found = [one for one in project.suite.skipped if not wanted or any(_matches(text, one.id) for text in wanted)]
    if wanted and not found:
        raise ConformError("no combination left out matches", "", "'sspi-conform list --skipped' shows all of them.")
    if options.json:
        json.dump([vars(one) for one in found], sys.stdout, indent=1)
        print()
        return 0
    for one in found:
        print(f"{one.id}  {one.reason} ({one.source})")
    print(f"{len(found)} combinations left out", file=sys.stderr)
    return 0


def _matches(pattern: patterns.Pattern, case_id: str) -> bool:
    name, _, rest = case_id.partition("[")
    return pattern.matches_point(name, dict(part.split("=", 1) for part in rest.rstrip("]").split(",") if part))
