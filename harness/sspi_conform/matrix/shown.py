# SPDX-License-Identifier: Apache-2.0
"""The matrix as lines and as JSON."""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..model import Difference, Trace
from .columns import COLUMNS
from .pairs import ADVISORY, DIFFERS, LACKS, OK, UNKNOWN, Cell, Mark, Party

_WORDS = {ADVISORY: "(differs)", LACKS: "-"}
_WIDE = 12  # of a name


def head(parties: Sequence[Party], absent: Mapping[str, str]) -> Iterator[str]:
    """Who takes part and who cannot, and what the columns ask."""
    for party in parties:
        yield f"{party.name}: {', '.join(party.packages)}{'; an adapter chooses its statuses' if party.adapter else ''}"
    for name, why in absent.items():
        yield f"{name}: does not start here: {why}"
    yield ""
    for column in COLUMNS:
        yield f"{column.name:<15} {column.title}"
    yield ""
    yield _row("mechanism", "initiator", "acceptor", [column.name for column in COLUMNS], "seconds")


def lines(cell: Cell) -> Iterator[str]:
    """A line for the pair, and one for its first difference. A pair that lacks the mechanism has none."""
    if not cell.plays:
        return
    words = [_WORDS.get(mark.kind, mark.kind) for mark in cell.marks.values()]
    yield _row(cell.mechanism, cell.initiator, cell.acceptor, words, f"{cell.seconds:.1f}")
    first = first_mark(cell)
    if first is not None:
        yield f"    {first[0]}: {sentence(first[1])}"


def tail(cells: Sequence[Cell], folder: Path) -> Iterator[str]:
    """Counts, and where the rest is."""
    played = [cell for cell in cells if cell.plays]
    whole = sum(cell.worst == OK for cell in played)
    seconds = sum(cell.seconds for cell in played)
    yield ""
    yield (f"{len(played)} pairs played, {whole} of them ok in all columns; {len(cells) - len(played)} lack the mechanism; "
           f"{seconds:.1f} s, {seconds / max(1, len(played)):.2f} s a pair")
    yield f"{folder}/index.html shows the legs and the first difference of each pair; matrix.json beside it is for machines"


def first_mark(cell: Cell) -> tuple[str, Mark] | None:
    """The column with the first binding difference or death, else the first advisory one."""
    wrong = [(name, mark) for name, mark in cell.marks.items() if mark.kind not in (OK, LACKS, UNKNOWN)]
    return next((pair for pair in wrong if pair[1].kind != ADVISORY), wrong[0] if wrong else None)


def sentence(mark: Mark) -> str:
    """What a mark says, with the clause."""
    return told(*mark.differences[0]) if mark.differences else mark.reason


def told(side: str, one: Difference) -> str:
    """A difference as a sentence."""
    return f"{side}: {one.path} expected {one.expected}, got {one.actual} ({one.evidence}; {one.clause})"


def document(cells: Sequence[Cell], parties: Sequence[Party], absent: Mapping[str, str]) -> dict[str, Any]:
    """matrix.json."""
    return {
        "schema": 1,
        "implementations": [{"name": one.name, "packages": list(one.packages), "adapter": one.adapter} for one in parties],
        "absent": dict(absent),
        "columns": {column.name: column.title for column in COLUMNS},
        "cells": [_entry(cell) for cell in cells],
    }


def _entry(cell: Cell) -> dict[str, Any]:
    return {"mechanism": cell.mechanism, "initiator": cell.initiator, "acceptor": cell.acceptor, "verdict": cell.worst,
            "seconds": round(cell.seconds, 3), "columns": {name: _mark(mark) for name, mark in cell.marks.items()},
            "legs": legs(cell.plays[0][1]) if cell.plays else []}


def _mark(mark: Mark) -> dict[str, Any]:
    found: dict[str, Any] = {"verdict": mark.kind}
    if mark.case:
        found["case"] = mark.case
    if mark.kind != OK:
        found["says"] = sentence(mark)
    if mark.kind in (DIFFERS, ADVISORY):
        found["side"] = mark.side
    return found


def legs(trace: Trace) -> list[dict[str, Any]]:
    """The legs of the first case in their order: side, status by name, what the token is, and its bytes as hex."""
    tokens = getattr(trace.observed, "tokens", {})
    found = []
    for path, status in trace.observed.items():
        side, _, rest = path.partition(".leg.")
        if rest.endswith(".status") and rest.count(".") == 1:
            token = path.removesuffix("status") + "token"
            found.append({"side": side, "status": status, "what": trace.observed.get(token, "none"), "token": tokens.get(token)})
    return found


def _row(mechanism: str, initiator: str, acceptor: str, words: Sequence[str], last: str) -> str:
    cells = " ".join(f"{word:<{max(len(column.name), 9)}}" for word, column in zip(words, COLUMNS, strict=True))
    return f"{mechanism:<18} {initiator:<{_WIDE}} {acceptor:<{_WIDE}} {cells} {last:>7}"
