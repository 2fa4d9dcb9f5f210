# SPDX-License-Identifier: Apache-2.0
"""coverage: what the cases cover of flags, statuses, bindings, paths, attributes and facts."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from .. import coverage
from ..coverage import MECHANISMS, SECTIONS, Row
from ..model import SIDES
from ..project import open_project

_EPILOG = """\
examples:
  sspi-conform coverage                     all tables; a cell is binding+advisory cases
  sspi-conform coverage flags               one table
  sspi-conform coverage statuses --missing  only what no case covers
  sspi-conform coverage facts               which facts judge no case, which cannot and why
  sspi-conform coverage --json              the counts, for programs
  sspi-conform coverage facts --check       exit 1 when a fact judges no case and says not why"""
_TITLES = {
    "flags": "Requirement flags: asked alone by the side under test / expected among what it returns, or not",
    "statuses": "Statuses: cases that expect them",
    "bindings": "Outcomes of channel bindings",
    "paths": "Multi-leg paths and facts",
    "attributes": "Context attributes: cases that judge the initiator / the acceptor",
}


def add(commands: Any) -> None:
    parser = commands.add_parser("coverage", help="what the cases cover, and which facts none of them judges",
                                 epilog=_EPILOG, description="Counts what the cases cover.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; all without")
    parser.add_argument("--missing", action="store_true", help="only rows without any case")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--check", action="store_true", help="exit 1 when facts are missing")
    parser.set_defaults(command=run, complain=parser.error)


def run(options: argparse.Namespace) -> int:
    """0, or with --check 1 when a fact judges no case and captures/unjudged.yaml does not say why."""
    for name in options.sections:
        if name not in SECTIONS:
            options.complain(f"'{name}' is no section; known: {', '.join(SECTIONS)}")
    wanted = [name for name in SECTIONS if not options.sections or name in options.sections]
    counted = coverage.report(open_project(options.root, allow_unjudged=True))
    if options.json:
        print(coverage.as_json({name: counted[name] for name in wanted}), end="")
    else:
        print("\n\n".join("\n".join(_section(name, counted[name], options.missing)) for name in wanted))
    return 1 if options.check and counted["facts"]["missing"] else 0


def _section(name: str, counted: Any, missing: bool) -> list[str]:
    if name == "facts":
        return _facts(counted, missing)
    if name == "cases":
        return [f"Cases: {counted['total']}; {counted['binding']} with an expectation that binds, "
                f"{len(counted['unrecorded'])} unrecorded (no source says what Windows does; they certify nothing)",
                *(f"  {case}: {why}" for case, why in counted["unrecorded"].items())]
    if name == "pairs":
        return ["Covering arrays, advisory: pairs of requirement flags asked together",
                *(f"  {one.side}: {one.cases} cases, {one.covered} of {one.total} pairs" for one in counted)]
    rows: list[Row] = counted
    covered = sum(1 for row in rows if row.total)
    head = f"{_TITLES[name]} ({covered} of {len(rows)} have cases)"
    shown = [row for row in rows if not (missing and row.total)]
    if missing:
        return [head, *(f"  {row.name}" for row in shown)]
    suffixes = {"flags": (" alone", " returned"), "attributes": tuple(f" {side}" for side in SIDES)}.get(name, ("",))
    return [head, *_table([(row.name, *_cells(row, suffixes)) for row in shown])]


def _cells(row: Row, suffixes: Sequence[str]) -> list[str]:
    """One cell for each mechanism, its parts apart by a slash."""
    return [" / ".join(_count(row, mechanism + suffix) for suffix in suffixes) for mechanism in MECHANISMS]


def _count(row: Row, column: str) -> str:
    cell = row.cells.get(column)
    if cell is None:
        return "-"
    return f"{cell.binding}+{cell.advisory}" if cell.advisory else str(cell.binding)


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [("", *MECHANISMS), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


def _facts(counted: dict[str, Any], missing: bool) -> list[str]:
    text = [f"Facts: {counted['total']}; {counted['judge']} judge a case, {len(counted['cannot'])} cannot, "
            f"{len(counted['missing'])} do not yet"]
    if not missing:
        text += [f"  {table:<20} {one['judge']:>3} judge, {one['cannot']:>3} cannot, {one['missing']:>3} not yet"
                 for table, one in counted["tables"].items()]
        text += ["No case can judge", *(f"  {name}: {why}" for name, why in counted["cannot"].items())]
    if counted["missing"]:
        text += ["Judge no case yet", *(f"  {name}" for name in counted["missing"])]
    return text
