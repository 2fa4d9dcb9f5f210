# SPDX-License-Identifier: Apache-2.0
"""captures lint: what is known of each case, and what is not."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .. import matchers
from ..captures import judged_paths
from ..lint import problems
from ..model import ConformError
from ..project import Project, open_project
from ..proof import recordings, shown

_EPILOG = """\
examples:
  sspi-conform captures lint             what is refused, and where sources contradict each other
  sspi-conform captures lint cbt         for each case which records reached it"""


def add(commands: Any) -> None:
    parser = commands.add_parser("captures", help="check what is recorded of Windows", epilog=_EPILOG,
                                 description="Checks the captures.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("lint",), help="what to do")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="list the records of these cases")
    parser.add_argument("--recordings", type=Path, metavar="DIR",
                        help="folder that holds windows-captures (default: SSPI_CONFORM_SHARED, or ../shared)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """3 when anything is refused, 0 otherwise; a bad file is refused before."""
    project = open_project(options.root, allow_unjudged=True)
    captures = project.captures
    for case in project.select(options.patterns) if options.patterns else ():
        print(case.id)
        expectation = captures.of(case)
        for record in expectation.records:
            decides = [path for path, one in expectation.paths.items() if record in one.records]
            print(f"  {record.source}  {record.evidence}, {'binding' if record.binding else 'advisory'}: "
                  + (", ".join(decides) or "decides nothing here (stronger records do)"))
        if not expectation.records:
            print("  no record")
    contradicted = [(case, path, one) for case in project.cases
                    for path, one in captures.of(case).paths.items()
                    if one.contradicted and matchers.side_of(path, case) in ("", case.subject)]
    for case, path, one in contradicted:
        print(f"contradiction: {case.id}: {path}: {one} ({', '.join(record.source for record in one.records)})")
    found = [*problems(project), *_recorded(project, options.recordings)]
    for one in found:
        print(one)
    binding = [case for case in project.cases if any(captures.of(case).paths[path].binding
                                                     for path in judged_paths(case, captures))]
    print(f"{len(captures.records)} records, {len(captures.sources)} sources, {len(project.cases)} cases: "
          f"{len(binding)} with a binding expectation; {len(contradicted)} contradictions, {len(found)} refused",
          file=sys.stdout)
    return 3 if found else 0


def _recorded(project: Project, named: Path | None) -> list[ConformError]:
    """What the recordings do not bear out; without recordings that is said."""
    count = sum(len(source.shown) for source in project.captures.sources.values())
    try:
        place = recordings.folder(named, project.root)
    except ConformError:
        if named:
            raise
        print(f"{count} statements about recordings were not looked up: there are none here")
        return []
    print(f"{count} statements about recordings looked up")
    return list(shown.wrong(project.captures.sources.values(), place))
