# SPDX-License-Identifier: Apache-2.0
"""The matrix as a page: a table per mechanism, one cell per pair, which opens its first difference and decoded legs."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..report import blocks
from ..report.exchange import legs_of_trace
from ..report.page import Section, write_page
from .columns import COLUMNS
from .pairs import ADVISORY, DIED, DIFFERS, LACKS, OK, UNKNOWN, Cell, Party
from .shown import first_mark, sentence, told

_TONES = {OK: "good", DIFFERS: "bad", DIED: "bad", ADVISORY: "fair", LACKS: "mute", UNKNOWN: "mute"}


def write(path: Path, cells: Sequence[Cell], parties: Sequence[Party], absent: Mapping[str, str]) -> None:
    played = [cell for cell in cells if cell.plays]
    whole = sum(cell.worst == OK for cell in played)
    mechanisms = dict.fromkeys(cell.mechanism for cell in played)
    sections = [Section(mechanism.replace("/", "-"), mechanism, [_table([cell for cell in played if cell.mechanism == mechanism])])
                for mechanism in mechanisms]
    sections.append(Section("who", "Who takes part", list(_who(parties, absent))))
    write_page(path, "Every initiator against every acceptor", sections,
               f"{whole} of {len(played)} pairs are in all columns as Windows is known to be", "good" if whole == len(played) else "fair")


def _table(cells: Sequence[Cell]) -> blocks.Block:
    """Initiators down, acceptors across. The words of a cell are the columns that are not ok."""
    initiators = list(dict.fromkeys(cell.initiator for cell in cells))
    acceptors = list(dict.fromkeys(cell.acceptor for cell in cells))
    by_pair = {(cell.initiator, cell.acceptor): cell for cell in cells}
    rows = [[initiator, *(_cell(by_pair.get((initiator, acceptor))) for acceptor in acceptors)] for initiator in initiators]
    return blocks.table(["initiator \\ acceptor", *acceptors], rows)


def _cell(cell: Cell | None) -> Any:
    if cell is None:
        return ""
    wrong = [name for name, mark in cell.marks.items() if mark.kind in (DIFFERS, ADVISORY, DIED)]
    return blocks.cell(", ".join(wrong) or "ok", _TONES[cell.worst], f"{cell.seconds:.1f} s", list(_opened(cell)))


def _opened(cell: Cell) -> Iterator[blocks.Block]:
    """The first difference, all columns, then each case with its legs."""
    yield blocks.heading(f"{cell.initiator} to {cell.acceptor}, {cell.mechanism}")
    first = first_mark(cell)
    if first is not None:
        yield blocks.text(f"First difference ({first[0]}): {sentence(first[1])}", tone=_TONES[first[1].kind])
    titles = {column.name: column.title for column in COLUMNS}
    yield blocks.table(["column", "verdict", "what", "first difference"],
                       [[name, blocks.cell(mark.kind, _TONES[mark.kind]), titles[name], "" if mark.kind == OK else sentence(mark)]
                        for name, mark in cell.marks.items()])
    for case, trace in cell.plays:
        marks = [mark for mark in cell.marks.values() if mark.case == case.id]
        wrong = {one.path: told(side, one) for mark in marks for side, one in mark.differences}
        died = next((mark.reason for mark in marks if mark.kind == DIED), "")
        yield blocks.fold(case.id, [
            blocks.exchange(legs_of_trace(case, trace, wrong), died or case.scenario.title, "bad" if wrong or died else "good",
                            {"initiator": cell.initiator, "acceptor": cell.acceptor}),
            blocks.command(f"harness/sspi-conform show '{case.id}'")], "bad" if wrong or died else "good")


def _who(parties: Sequence[Party], absent: Mapping[str, str]) -> Iterator[blocks.Block]:
    rows: list[list[Any]] = [[party.name, ", ".join(party.packages),
                              "an adapter chooses its statuses" if party.adapter else ""] for party in parties]
    yield blocks.table(["name", "packages", ""], rows + [[name, "", f"does not start here: {why}"] for name, why in absent.items()])
    yield blocks.facts([(column.name, column.title) for column in COLUMNS])
