# SPDX-License-Identifier: Apache-2.0
"""compare: what changed between two runs."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..report.changes import as_json, changes, read

DIFFER = 16
_EPILOG = """\
examples:
  sspi-conform compare before/ build/report             two report folders
  sspi-conform compare before.json after.json --json    for machines

Exit: 0 the same verdicts and the same differences, 16 not, 3 a file that is no results.json."""


def add(commands: Any) -> None:
    parser = commands.add_parser("compare", help="what changed between two runs", epilog=_EPILOG,
                                 description="Compares two results.json, case by case.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a results.json, or its folder")
    parser.add_argument("after", type=Path, help="another one")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    before, after = read(options.before), read(options.after)
    found = changes(before, after)
    if options.json:
        print(json.dumps(as_json(found), indent=1))
        return DIFFER if found else 0
    for one in found:
        print("\n".join(one.lines()))
    code = DIFFER if found else 0
    print(f"exit {code}: " + (f"{len(found)} cases differ" if found
                              else f"the same verdicts and differences in {len(after['cases'])} cases"))
    return code
