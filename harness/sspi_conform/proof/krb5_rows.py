# SPDX-License-Identifier: Apache-2.0
"""Rows of the table for the exchanges whose tickets can be opened: tokens, answers and the messages that follow."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path

from . import krb5_inputs, wire
from .krb5_inputs import Known
from .krb5_play import Pair
from .messages import MADE, OPENED, Verdict
from .play import Stage
from .row import Row
from .side import Altered


def known_rows(stage: Stage, place: Path, not_windows: Mapping[str, frozenset[str]]) -> Iterator[Row]:
    """`not_windows`: sides, by exchange, whose tokens are no evidence; libsspi must still get on with them."""
    for file, group in groupby(krb5_inputs.known(place), lambda one: one.exchange.file):
        members = list(group)
        follow = [one.exchange for one in members if one.exchange.transport in wire.TRANSPORTS]
        segments = wire.connections(place, file, follow) if follow and wire.tshark() else None
        for one in members:
            if one.exchange in follow and segments is None:
                yield Row(one.exchange.name, "both", "Kerberos", "messages", "not read", wire.NO_TSHARK)
            messages = wire.messages(one.exchange, segments or {})
            yield from rows_of(stage, one, messages, not_windows.get(one.exchange.name, frozenset()))


def rows_of(stage: Stage, known: Known, messages: list[wire.Message], not_windows: frozenset[str],
            alter: Altered | None = None) -> Iterator[Row]:
    with ExitStack() as stack:
        pair = Pair(stage, known, stack, alter)
        found = [one for one in _verdicts(pair, messages) if _counts(one, not_windows)]
        for side, message, difference in sorted(found, key=lambda one: one[0]):
            yield Row(known.exchange.name, side, "Kerberos", message, difference)


def _verdicts(pair: Pair, messages: list[wire.Message]) -> Iterator[Verdict]:
    failed = False
    for verdict in pair.handshake():
        failed = failed or verdict[0] != "both" and (verdict[2] or "").startswith("0x")
        yield verdict
    if messages and not failed:
        yield from pair.messages(messages)
    elif pair.known.exchange.transport == "CredSSP":
        yield "both", "messages", "not read"


def _counts(verdict: Verdict, not_windows: frozenset[str]) -> bool:
    """Of a side that is not Windows only what libsspi says of the other side's tokens counts."""
    side, message, difference = verdict
    if side not in not_windows:
        return True
    return message in (OPENED, MADE) or difference is None or difference.startswith("0x")
