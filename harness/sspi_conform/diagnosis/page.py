# SPDX-License-Identifier: Apache-2.0
"""Exchanges and what was found in them as a page: a row for each, which opens its legs, the finding and its causes."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..decode.token_tree import Exchange as Known
from ..exchange.model import CLIENT, Exchange, KdcMessage, Recording, Status
from ..importing.shown import remark
from ..model import ConformError
from ..report import blocks
from ..report.exchange import leg
from ..report.page import Section, write_page
from . import engine, shown
from .model import Diagnosed
from .view import View

Found = Sequence[tuple[View, Diagnosed]]


def write(path: Path, recording: Recording, only: int | None = None) -> None:
    """The page of a recording, or of one exchange. What should not be seen must be gone from it before."""
    try:
        _write(path, recording, engine.diagnose(recording, only))
    except OSError as error:
        raise ConformError(f"cannot write {path}: {error.strerror}", "", "Name another place with --html FILE.") from error


def _write(path: Path, recording: Recording, found: Found) -> None:
    wrong = sum(bool(one.findings) for _, one in found)
    sections = [Section("exchanges", "Exchanges", [_table(found)])]
    if recording.kdc:
        sections.append(Section("kdc", "Messages to the KDC", [_kdc(recording.kdc)]))
    origin = [("input", recording.name), ("kind", recording.kind), ("SHA-256", recording.sha256),
              ("names, addresses and secrets", "replaced" if recording.redacted else "as they were")]
    missing = [blocks.items(recording.missing)] if recording.missing else []
    sections.append(Section("origin", "Where this comes from", [blocks.facts(origin), *missing]))
    subtitle = f"{len(found)} exchange{'' if len(found) == 1 else 's'}, something wrong in {wrong or 'none'}"
    write_page(path, "What was on the wire", sections, subtitle, "bad" if wrong else "good")


def _table(found: Found) -> blocks.Block:
    rows = [[one.exchange.number, one.exchange.transport, f"{one.exchange.client or '?'} \u2192 {one.exchange.server or '?'}",
             len(one.exchange.legs), _status(one.exchange.outcome), _opening(view, one)] for view, one in found]
    return blocks.table(["number", "transport", "way", "legs", "outcome", "found"], rows)


def _opening(view: View, one: Diagnosed) -> Any:
    content = shown.as_json(one, view)
    first = content["findings"][0] if content["findings"] else None
    tone = "bad" if first else "good" if one.failed is False else "fair"
    return blocks.cell(first["id"] if first else "nothing", tone, opens=list(_opened(one, content)))


def _opened(one: Diagnosed, content: dict[str, Any]) -> Iterator[blocks.Block]:
    for number, finding in enumerate(content["findings"]):
        if number:
            yield blocks.heading("Further")
        yield from _finding(finding)
    yield blocks.exchange(_legs(one.exchange, content["findings"][:1]), _status(one.exchange.outcome),
                          "bad" if one.failed else "good" if one.failed is False else "fair",
                          {"initiator": one.exchange.client or "client", "acceptor": one.exchange.server or "server"})
    if one.exchange.missing:
        yield blocks.items([remark(text) for text in one.exchange.missing])
    if one.exchange.about:
        yield blocks.facts(list(one.exchange.about.items()))
    for note in content["notes"]:
        yield blocks.text(f"Differs from Windows and need not harm: {note['says']} {note['field']} is {note['found']}; "
                          f"Windows: {note['expected']} ({note['clause']})", tone="fair")


def _finding(finding: dict[str, Any]) -> Iterator[blocks.Block]:
    yield blocks.text(finding["says"], tone="bad")
    where = f"leg {int(finding['leg'])}" if finding["leg"] == int(finding["leg"]) and finding["leg"] else "the exchange"
    yield blocks.compare([{"path": f"{where}: {finding['field']}", "expected": finding["expected"], "actual": finding["found"],
                           "differs": True}], "Windows", "in this exchange")
    if not finding["certain"]:
        yield blocks.text(f"Likely, not certain. To be sure: {finding['sure']}")
    yield blocks.heading("Likely causes, in this order")
    yield blocks.items([f"{one['cause']}. Check: {one['check']}" for one in finding["causes"]], ordered=True)
    yield blocks.facts([("diagnosis", finding["id"]), ("clause", finding["clause"]), ("evidence", ", ".join(finding["sources"]))])


def _legs(exchange: Exchange, findings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    known = Known()
    found = []
    for number, one in enumerate(exchange.legs, 1):
        marks: dict[str, Any] = {}
        for finding in findings:
            if finding["leg"] == number:
                marks = {"mark": "bad", "note": finding["says"], "differs": [finding["field"].rpartition(".")[2]]}
        facts = ", ".join(f"{name}: {value}" for name, value in one.facts.items())
        if facts and "note" not in marks:
            marks["note"] = facts
        found.append(leg("initiator" if one.sender == CLIENT else "acceptor", _status(one.status), one.token, known, **marks))
    return found


def _status(status: Status | None) -> str:
    if status is None:
        return ""
    return status.name or (str(status.value) if status.value < 1000 else f"0x{status.value:08x}")


def _kdc(messages: Sequence[KdcMessage]) -> blocks.Block:
    return blocks.table(["frame", "message", "client", "server", "realm", "error", "etypes"],
                        [[one.frame, one.kind, one.client, one.server, one.realm,
                          "" if one.code is None else blocks.cell(f"{one.code} {one.text}".strip(), "bad"),
                          ", ".join(map(str, one.etypes))] for one in messages])
