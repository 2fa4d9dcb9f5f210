# SPDX-License-Identifier: Apache-2.0
"""bench: how fast, beside others, in the same run."""
from __future__ import annotations

import argparse
from typing import Any

from ..model import ConformError
from ..project import BUILD, open_project

_EPILOG = """\
examples:
  sspi-conform bench                               everything; writes build/bench.json
  sspi-conform bench scenario-rate ntlm-handshake  some of it; the rest of bench.json is kept

A ratio above 1 means that we are faster. `make bench` builds what is measured."""


def add(commands: Any) -> None:
    parser = commands.add_parser("bench", help="measure speed, beside others", epilog=_EPILOG,
                                 description="Measures libsspi, the harness and the realm beside others.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID", help="what to measure; everything without")
    parser.add_argument("--build", metavar="DIR", default=BUILD, help="the build that is measured (default build)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from .. import bench

    unknown = sorted(set(options.ids) - set(bench.IDS))
    if unknown:
        raise ConformError(f"there is no benchmark '{unknown[0]}'", "", f"There are: {', '.join(bench.IDS)}.")
    project = open_project(options.root)
    build = project.root / options.build
    found = bench.measure_all(project, build, options.ids, lambda one: print(bench.line(one), flush=True))
    bench.write(found, build / "bench.json")
    missed = [one.id for one in found if not one.within]
    if missed:
        print(f"exit 1: limit missed by {', '.join(missed)}")
        return 1
    print(f"exit 0: {len(found)} benchmarks, written to {options.build}/bench.json")
    return 0
