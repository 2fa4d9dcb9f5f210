# SPDX-License-Identifier: Apache-2.0
"""The recorded exchange beside the one that was played: the same legs, and the same end?"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..exchange.model import CLIENT, SERVER, Leg
from ..model import Trace
from .outcomes import Divergence
from .situation import SIDES, shown

_ENDS = ("SEC_I_CONTINUE_NEEDED", "SEC_E_OK")


@dataclass(frozen=True)
class Row:
    """A leg of one side on both sides of the comparison; empty where there was none."""

    side: str
    number: int
    recorded: str
    played: str


def same(ended: Divergence, trace: Trace) -> bool:
    """Whether the play ended as the recording: the same side in the same leg with the same status."""
    status = trace.observed.get(f"{ended.side}.leg.{ended.leg}.status")
    if not ended.known or status is None or trace.ended is not None:
        return False
    if ended.succeeded:
        return bool(status == ended.status and trace.observed.get("established"))
    if ended.token:
        return _error_sent(ended, trace) and (not ended.status or status == ended.status)
    return bool(status == ended.status) if ended.status else status not in _ENDS


def _error_sent(ended: Divergence, trace: Trace) -> bool:
    where = f"{ended.side}.leg.{ended.leg}.token"
    code = trace.observed.get(f"{where}.errorCode", trace.observed.get(f"{where}.inner.errorCode"))
    return f"KRB-ERROR {code}" == ended.token


def rows(legs: tuple[Leg, ...], trace: Trace) -> list[Row]:
    """Leg by leg of each side, in the order of the exchange."""
    recorded: dict[tuple[str, int], str] = {}
    counts = {CLIENT: 0, SERVER: 0}
    for leg in legs:
        counts[leg.sender] += 1
        status = f", {leg.status.name or hex(leg.status.value)}" if leg.status else ""
        recorded[SIDES[leg.sender], counts[leg.sender]] = shown(leg) + status
    played = dict(_played(trace))
    keys = sorted({*recorded, *played}, key=lambda key: (key[1], key[0] == SIDES[SERVER]))
    return [Row(side, number, recorded.get((side, number), ""), played.get((side, number), "")) for side, number in keys]


def _played(trace: Trace) -> Iterator[tuple[tuple[str, int], str]]:
    for side in SIDES.values():
        number = 1
        while (status := trace.observed.get(f"{side}.leg.{number}.status")) is not None:
            where = f"{side}.leg.{number}.token"
            name = trace.observed.get(where, "none")
            inner = trace.observed.get(f"{where}.inner")
            words = "(no token)" if name == "none" else f"{name} <{inner}>" if inner not in (None, "none") else str(name)
            yield (side, number), f"{words}, {status}"
            number += 1


def lines(found: list[Row]) -> Iterator[str]:
    width = max([len("recorded"), *(len(row.recorded) for row in found)]) + 2
    yield f"  {'leg':<13}{'recorded':<{width}}played"
    for row in found:
        yield f"  {row.side} {row.number:<3}".ljust(15) + f"{row.recorded:<{width}}{row.played}"


def as_json(found: list[Row]) -> list[dict[str, Any]]:
    return [{"side": row.side, "leg": row.number, "recorded": row.recorded, "played": row.played} for row in found]
