# SPDX-License-Identifier: Apache-2.0
"""baseline: the first profile of an implementation."""
from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path
from typing import Any

from ..model import ConformError, Verdict
from ..profiles import Profile
from ..project import open_project
from ..report import draft
from ..report.terminal import Printer
from . import run as run_command

_EPILOG = """\
examples:
  sspi-conform baseline --impl path/to/libmine.so        writes build/baseline/libmine.so.yaml
  sspi-conform baseline --impl mine --out new.yaml       what the profile of mine does not say yet

Fill in each reason, put the file into harness/implementations/ and run with --impl NAME: from then on a failure
that is not in it, and one of it that no longer happens, fails the run.
Exit: 0 the draft is written, 2 the harness broke, 3 bad input."""


def add(commands: Any) -> None:
    parser = commands.add_parser("baseline", help="draft the profile of an implementation", epilog=_EPILOG,
                                 description="Plays the suite once and writes a profile draft with the failures grouped "
                                             "by cause.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="CASE-PATTERN", help="only these cases; all without")
    run_command.add_implementation(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write (default build/baseline/NAME.yaml)")
    parser.add_argument("--jobs", type=int, default=0, help=argparse.SUPPRESS)
    parser.set_defaults(command=run, strict=False, verbose=False)


def run(options: argparse.Namespace, engine: Any = None) -> int:
    project = open_project(options.root)
    profile = project.profile(options.impl, options.build)
    out = options.out or project.output_folder / "baseline" / f"{profile.name}.yaml"
    if out.exists():
        raise ConformError(f"{out} is there already", "", "Its reasons may be somebody's work: move it, or give --out.")
    cases = project.select(options.patterns)
    one = run_command.Run(project, profile, options)
    printer = Printer(sys.stderr, len(cases), quiet=not sys.stderr.isatty())
    printer.notice(run_command.forecast(profile, cases, options))
    one.play(cases, printer, engine)
    broken = [result for result in one.results if result.verdict is Verdict.ERROR]
    if broken or one.interrupted:
        print(f"exit 2: the harness broke in {len(broken)} cases, such as {broken[0].case.id}: {broken[0].reason}"
              if broken else "exit 2: interrupted")
        return 2
    found, missing = draft.causes(one.results), draft.lacking(one.results)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(draft.text(_head(profile), found, missing, project.cases, datetime.date.today().isoformat()))
    failed = len({case.id for cause in found for case in cause.cases} | {one.id for some in missing.values() for one in some})
    print(f"{len(one.results)} cases: {failed} fail, from {len(found) + len(missing)} causes; {out} waits for their reasons"
          if failed else f"{len(one.results)} cases, none fails; {out} has no known failure")
    return 0


def _head(profile: Profile) -> dict[str, Any]:
    """What the new profile takes over from the one that was used."""
    how = {"command": list(profile.command)} if profile.command else {"library": profile.library}
    lacks = [{"case": [one.text for one in entry.pattern.patterns], "reason": entry.reason}
             for entry in profile.unsupported]
    rest = {"packages": list(profile.packages), "acceptor-identity": profile.acceptor_identity,
            "environment": dict(profile.environment), "files": dict(profile.files), "policy": dict(profile.policy),
            "requires": dict(profile.requires), "adapter": profile.adapter, "host": profile.host,
            "pace": dict(profile.pace), "remarks": profile.remarks, "unsupported": lacks}
    return {"name": profile.name, **how, **{key: value for key, value in rest.items() if value}}
