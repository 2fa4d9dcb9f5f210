# SPDX-License-Identifier: Apache-2.0
"""The coverage of a run as heat maps: what its cases judge, and where they went otherwise."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from .. import coverage
from ..coverage import MECHANISMS, Count, Judged, Row
from ..model import SIDES, Result, Verdict
from ..project import Project
from . import blocks
from .blocks import Block

_WRONG = (Verdict.FAIL, Verdict.ERROR)
_KNOWN = (Verdict.KNOWN_FAILURE, Verdict.DIFFERS)
_NOT_PLAYED = (Verdict.UNSUPPORTED,)
_MANY = 40  # cases from which on a cell has its full colour
_FACETS = {"statuses": "expects", "bindings": "fact", "paths": "fact"}  # of the list
_TITLES = {
    "bindings": "Channel bindings: each outcome that is known, and the cases that its facts judge",
    "statuses": "Statuses: cases that expect them",
    "paths": "Multi-leg paths and facts",
    "attributes": "Context attributes: what each side answers",
}
LEGEND = ("A number is how many cases judge that, +n those that only advise. Green: all of them as Windows. Amber: ≈n are known "
          "failures or differ from advice. Red: ✗n fail. Grey: not played. A dot: no case. A cell leads to its cases.")


class Maps:
    """The tables of a run: of all its cases, and of those that ended in some way."""

    def __init__(self, project: Project, results: Sequence[Result], judged: Sequence[Judged]) -> None:
        self._whole = len(results) == len(project.cases)
        self._facts = project.captures.sources
        verdicts = {result.case.id: result.verdict for result in results}

        def tables(*wanted: Verdict) -> Mapping[str, Mapping[str, Row]]:
            some = [one for one in judged if one.case.id in verdicts and (not wanted or verdicts[one.case.id] in wanted)]
            found = coverage.tables(some, project) if some else {}
            return {name: {row.name: row for row in rows} for name, rows in found.items()}

        self._all, self._wrong, self._known, self._idle = tables(), tables(*_WRONG), tables(*_KNOWN), tables(*_NOT_PLAYED)

    def blocks(self) -> list[Block]:
        """What the section shows."""
        if not self._all:
            return [blocks.text("The cases of this run judge nothing.", tone="mute")]
        found = [blocks.text(LEGEND), blocks.beside([self._flags(side) for side in SIDES])]
        for name, title in _TITLES.items():
            rows = self._rows(name)
            covered = sum(bool(row.total) for row in self._all[name].values())
            head = f"{title} ({covered} of {len(self._all[name])})"
            suffixes = tuple(f" {side}" for side in SIDES) if name == "attributes" else ("",)
            if rows and name == "bindings":
                found += [blocks.heading(head), self._table(name, rows, suffixes)]
            elif rows:
                found.append(blocks.fold(head, [self._table(name, rows, suffixes)]))
        return found

    def _rows(self, name: str) -> list[Row]:
        """Rows without a case are gaps of the suite; of a part of it they say nothing."""
        return [row for row in self._all[name].values() if self._whole or row.total]

    def _flags(self, side: str) -> list[Block]:
        prefix = {"initiator": "ISC_REQ_", "acceptor": "ASC_REQ_"}[side]
        rows = [row for row in self._rows("flags") if row.name.startswith(prefix)]
        if not rows:
            return []
        return [blocks.heading(f"Flags that the {side} asks for: alone, and judged among those returned"),
                self._table("flags", rows, (" alone", " returned"), {"side": side})]

    def _table(self, name: str, rows: Sequence[Row], suffixes: Sequence[str], address: Mapping[str, str] | None = None) -> Block:
        columns = [mechanism + suffix for mechanism in MECHANISMS for suffix in suffixes]
        cells = [[self._name(row.name), *(self._cell(name, row.name, column, address or {}) for column in columns)] for row in rows]
        if len(suffixes) == 1:
            return blocks.table(["", *MECHANISMS], cells, dense=True)
        groups = ["", *(blocks.cell(mechanism, span=len(suffixes)) for mechanism in MECHANISMS)]
        return blocks.table(["", *(suffix.strip() for suffix in suffixes * len(MECHANISMS))], cells, dense=True, groups=groups)

    def _name(self, name: str) -> object:
        source = self._facts.get(name)
        return blocks.cell(name, note=source.fact) if source else name.removeprefix("ISC_REQ_").removeprefix("ASC_REQ_")

    def _cell(self, table: str, name: str, column: str, address: Mapping[str, str]) -> object:
        count = _count(self._all, table, name, column)
        if not count.total:
            return blocks.cell("·", note=f"{name}, {column}: no case")
        wrong, known, idle = (_count(one, table, name, column).total for one in (self._wrong, self._known, self._idle))
        number = f"{count.binding}+{count.advisory}" if count.advisory else str(count.binding)
        parts = [f"{name}, {column}: {count.binding} cases bind, {count.advisory} advise"]
        parts += [f"{amount} {words}" for amount, words in ((wrong, "failed"), (known, "known to fail or advisory differences"),
                                                            (idle, "not played")) if amount]
        tone = "bad" if wrong else "fair" if known else "mute" if idle == count.total else "good"
        mark = f"✗{wrong}" if wrong else f"≈{known}" if known else ""
        return blocks.cell(number, tone, "; ".join(parts), to=_address(table, name, column, address), mark=mark,
                           weight=1.0 if tone == "bad" else 0.5 if tone == "mute" else _weight(count))


def _weight(count: Count) -> float:
    """How strongly something is covered, from 0 to 1: what only advises is worth a quarter of what binds."""
    return round(min(1.0, math.log1p(count.binding + count.advisory / 4) / math.log1p(_MANY)), 2)


def _count(tables: Mapping[str, Mapping[str, Row]], table: str, name: str, column: str) -> Count:
    row = tables.get(table, {}).get(name)
    return row.cells.get(column, _NONE) if row else _NONE


_NONE = Count()


def _address(table: str, name: str, column: str, more: Mapping[str, str]) -> str:
    """The filters that show the cases of a cell."""
    mechanism, _, kind = column.partition(" ")
    facet = kind if table == "flags" else _FACETS.get(table)
    if facet is None:
        return ""
    value = name.removeprefix("ISC_REQ_").removeprefix("ASC_REQ_") if table == "flags" else name
    return urlencode({"mechanism": mechanism, facet: value, **more})
