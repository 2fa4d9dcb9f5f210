# SPDX-License-Identifier: Apache-2.0
"""matrix: every initiator against every acceptor."""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..matrix import columns, page, shown
from ..matrix.pairs import Cell, Party, on_their_hosts, play, starts_here
from ..model import ConformError
from ..programs import peer_program, program_of
from ..project import BUILD, Project, open_project, output_folder
from ..settings import PACKAGES

_EPILOG = """\
examples:
  sspi-conform matrix                                  every implementation that starts here, each with each
  sspi-conform matrix libsspi winpr2 peer              these; `peer` is the independent counterpart of the suite
  sspi-conform matrix libsspi path/to/libyours.so --mechanism NTLM
  sspi-conform matrix --json >matrix.json

A pair plays a few cases of the suite; what is known of Windows in them judges both sides. `ok`: all of it is as Windows
does it; `differs`: something is not, the line below says what, first of all; `(differs)`: advisory only; `died`: a crash
or a hang; `-`: one of the two does not have it. Exit: 0 every pair was played (differences are no failure here: profiles
say which are known), 2 the harness broke or nothing was played, 3 wrong usage."""
PEER = "peer"


def add(commands: Any) -> None:
    parser = commands.add_parser("matrix", help="every initiator against every acceptor", epilog=_EPILOG,
                                 description="Plays every initiator against every acceptor.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("implementations", nargs="*", metavar="NAME|PATH", help="profiles or libraries (default: all profiles)")
    parser.add_argument("--mechanism", action="append", default=[], metavar="NAME",
                        help=f"one of {', '.join(columns.MECHANISMS)}; may be repeated")
    parser.add_argument("--build", metavar="DIR", default=BUILD, help="whose probe and libsspi are used (default build)")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where index.html and matrix.json go (default build/matrix)")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    mechanisms = columns.mechanisms(options.mechanism)
    project = open_project(options.root)
    parties, absent = _here(_parties(project, options))
    if not parties:
        raise ConformError("no implementation starts here", "", "\n  ".join(f"{name}: {why}" for name, why in absent.items()))
    if not options.json:
        print("\n".join(shown.head(parties, absent)), flush=True)
    cells = []
    with on_their_hosts(parties) as ready:
        for cell in play(project, ready, mechanisms):
            cells.append(cell)
            for line in () if options.json else shown.lines(cell):
                print(line, flush=True)
    return _finish(cells, parties, absent, options)


def _finish(cells: Sequence[Cell], parties: Sequence[Party], absent: dict[str, str], options: argparse.Namespace) -> int:
    content = shown.document(cells, parties, absent)
    folder = options.out or output_folder(options.root) / "matrix"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "matrix.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    page.write(folder / "index.html", cells, parties, absent)
    played = sum(bool(cell.plays) for cell in cells)
    if options.json:
        json.dump(content, sys.stdout, indent=1)
        print()
    else:
        print("\n".join(shown.tail(cells, folder)))
    return 0 if played else 2


def _parties(project: Project, options: argparse.Namespace) -> list[Party]:
    names = options.implementations or [*sorted(
        one.stem for one in (project.root / "harness" / "implementations").glob("*.yaml")), PEER]
    if len(set(names)) != len(names):
        raise ConformError("an implementation is named twice", "", "One with itself is played anyway.")
    found = []
    for name in names:
        if name == PEER:
            found.append(Party(PEER, peer_program(), tuple(PACKAGES)))
            continue
        profile = project.profile(name, options.build)
        try:
            program = program_of(profile, project.probe(options.build), project.root)
        except ConformError:
            if name in options.implementations:
                raise
            print(f"{name}: {profile.library} is not built", file=sys.stderr)
            continue
        found.append(Party(profile.name, program, profile.packages, profile.acceptor_identity, profile.adapter, profile))
    return found


def _here(parties: Sequence[Party]) -> tuple[list[Party], dict[str, str]]:
    reasons = {party.name: starts_here(party) for party in parties}
    return [party for party in parties if not reasons[party.name]], {name: why for name, why in reasons.items() if why}
