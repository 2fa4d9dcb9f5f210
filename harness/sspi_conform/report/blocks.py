# SPDX-License-Identifier: Apache-2.0
"""What a page can show: a function for each kind of block. Tones are good, fair, bad, mute, or "" for none."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Block = Mapping[str, Any]


def text(*sentences: str, tone: str = "") -> Block:
    """Paragraphs."""
    return {"kind": "text", "text": sentences, "tone": tone}


def heading(words: str) -> Block:
    return {"kind": "heading", "text": words}


def facts(rows: Sequence[tuple[str, Any]]) -> Block:
    """Names with their values."""
    return {"kind": "facts", "rows": rows}


def items(sentences: Sequence[str], ordered: bool = False) -> Block:
    """A list, numbered when the order means something."""
    return {"kind": "items", "items": sentences, "ordered": ordered}


def command(line: str) -> Block:
    """A command, with a button that copies it."""
    return {"kind": "command", "text": line}


def tiles(rows: Sequence[Sequence[Any]]) -> Block:
    """The numbers to see first: label, number, tone, a note below; and, where a click leads somewhere, its anchor."""
    return {"kind": "tiles", "tiles": rows}


def bar(parts: Sequence[tuple[str, int, str]], label: str = "") -> Block:
    """One bar of parts: name, number, tone."""
    return {"kind": "bar", "parts": parts, "label": label}


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]], caption: str = "", dense: bool = False,
          groups: Sequence[Any] = ()) -> Block:
    """A table whose cells are texts or made by `cell`. The first column names the rows; `dense` is for many of them.

    `groups` stand above the head, each over as many columns as its `span` says.
    """
    return {"kind": "table", "head": head, "rows": rows, "caption": caption, "dense": dense, "groups": groups}


def cell(words: Any, tone: str = "", note: str = "", opens: Sequence[Block] | None = None, to: str = "",
         weight: float | None = None, mark: str = "", span: int = 0) -> Block:
    """A cell that says more than its words.

    `note` is told on pointing; `opens` are blocks that a click shows; `to` is the anchor that a click leads to;
    `weight` from 0 to 1 is how strongly the tone shows; `mark` stands small behind the words; `span` is how many columns
    the cell takes.
    """
    given = {"tone": tone, "note": note, "opens": opens, "to": to, "weight": weight, "mark": mark, "span": span or None}
    return {"text": words} | {key: value for key, value in given.items() if value not in ("", None)}


def fold(words: str, opens: Sequence[Block], tone: str = "") -> Block:
    """A line that opens what is below it."""
    return {"kind": "fold", "text": words, "opens": opens, "tone": tone}


def compare(rows: Sequence[Mapping[str, Any]], expected: str = "Windows", actual: str = "here") -> Block:
    """Expected beside actual. A row: `path`, `expected`, `actual`, `differs`; and `missing`, `extra`, words to mark."""
    return {"kind": "compare", "rows": rows, "expected": expected, "actual": actual}


def exchange(legs: Sequence[Mapping[str, Any]], outcome: str = "", tone: str = "",
             sides: Mapping[str, str] | None = None) -> Block:
    """A sequence diagram; `page/__init__.py` says what a leg is, `sides` how the two sides are called."""
    return {"kind": "exchange", "legs": legs, "outcome": outcome, "tone": tone, "sides": sides or {}}


def beside(columns: Sequence[Sequence[Block]]) -> Block:
    """Several lists of blocks next to each other where there is room."""
    return {"kind": "beside", "columns": [one for one in columns if one]}
