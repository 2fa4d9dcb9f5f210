# SPDX-License-Identifier: Apache-2.0
"""The table: every recorded NTLM exchange, each side whose recorded part Windows played, message by message."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from ..tokens import ntlm
from . import inputs
from .compare import SECRETS
from .inputs import Known
from .play import OK, Played, Stage, play_acceptor, play_initiator
from .recordings import Exchange

_NOT_WINDOWS = "not Windows"


@dataclass(frozen=True, slots=True)
class Row:
    """One message, or one outcome. `difference` None: equal. `reason`: why it differs, None when nobody listed it."""

    exchange: str
    side: str
    build: str
    message: str
    difference: str | None
    reason: str | None = None
    by_structure: bool = False

    @property
    def good(self) -> bool:
        return self.difference is None or self.reason is not None

    @property
    def verdict(self) -> str:
        if self.difference is None:
            return "equal but for secrets" if self.by_structure else "equal"
        return f"{self.difference}: {self.reason or 'NOT LISTED'}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of differences.yaml."""

    exchange: str
    side: str
    message: str
    field: str
    reason: str

    def explains(self, row: Row) -> bool:
        return (fnmatchcase(row.exchange, self.exchange) and row.side == self.side
                and row.message == self.message and row.difference == self.field)


def listed() -> list[Listed]:
    found = yaml.safe_load((Path(__file__).parent / "differences.yaml").read_text())["differences"]
    return [Listed(**one) for one in found]


def build_of(version: ntlm.Version | None) -> str | None:
    """The Windows build that a VERSION names; None when its sender is no Windows, or too old to say."""
    if version is None or version.revision != 15 or (version.major, version.minor, version.build) == (6, 1, 0):
        return None  # other NTLM implementations say nothing, revision 0, or always 6.1.0
    return f"{version.major}.{version.minor}.{version.build}" if version.major in (5, 6, 10) else None


def known_rows(stage: Stage, one: Known) -> Iterator[Row]:
    """An exchange whose secret is known: the messages byte for byte, the outcome and the session key."""
    negotiate, challenge, _ = one.exchange.messages()
    key = one.exchange.verified["ExportedSessionKey"]
    if one.windows_client:
        played = play_initiator(stage, one.exchange, one)
        yield from _rows(one.exchange, "initiator", build_of(negotiate.version), played)
        if played.statuses[-1] == OK:
            yield _fact(one.exchange, "initiator", negotiate.version, "session key", played.key, key)
    played = play_acceptor(stage, one.exchange, one)
    yield from _rows(one.exchange, "acceptor", build_of(challenge.version), played)
    wanted = OK if one.outcome == "accepted" else "0x8009030c"
    yield _fact(one.exchange, "acceptor", challenge.version, "outcome", played.statuses[-1], wanted)
    if one.outcome != "accepted":  # and the answer is right: without the policy it is accepted
        played = play_acceptor(stage, one.exchange, replace(one, outcome="accepted", account="U"))
    yield _fact(one.exchange, "acceptor", challenge.version, "session key", played.key, key)


def other_rows(stage: Stage, exchange: Exchange) -> Iterator[Row]:
    """An exchange whose secret nobody knows: byte for byte but for what only the secret gives."""
    negotiate, challenge, _ = exchange.messages()
    client, server = build_of(negotiate.version), build_of(challenge.version)
    if client:
        played = play_initiator(stage, exchange, None, SECRETS)
        yield from _rows(exchange, "initiator", client, played, by_structure=True)
    if server or challenge.version is None:
        played = play_acceptor(stage, exchange, None, SECRETS)
        yield from _rows(exchange, "acceptor", server or "before VERSION", played, by_structure=True)


def _rows(exchange: Exchange, side: str, build: str | None, played: Played, by_structure: bool = False) -> Iterator[Row]:
    made = [one for one in played.compared if one.made]
    refused = [one for one in played.compared if not one.made]
    if by_structure and (side == "acceptor" or made):
        refused = []  # without the secret there is no verdict that could be compared
    for one in made + refused:
        yield Row(exchange.name, side, build or _NOT_WINDOWS, one.message, one.difference,
                  by_structure=by_structure and side == "initiator" and one.message == "AUTHENTICATE")


def _fact(exchange: Exchange, side: str, version: ntlm.Version | None, what: str, made: str | None,
          recorded: str) -> Row:
    return Row(exchange.name, side, build_of(version) or _NOT_WINDOWS, what,
               None if made == recorded else f"{made}, recorded is {recorded}")


def table(stage: Stage, place: Path) -> tuple[list[Row], list[Listed]]:
    """All rows with the listed reasons, and the listed differences that were not found."""
    known = inputs.known(place)
    names = {one.exchange.name for one in known}
    rows = [row for one in known for row in known_rows(stage, one)]
    for exchange in inputs.usable(place):
        if exchange.name not in names:
            rows += other_rows(stage, exchange)
    return explained(rows, listed())


def explained(rows: list[Row], differences: list[Listed]) -> tuple[list[Row], list[Listed]]:
    found, used = [], set()
    for row in rows:
        reason = next((one for one in differences if row.difference and one.explains(row)), None)
        if reason:
            used.add(reason)
            row = replace(row, reason=reason.reason)
        found.append(row)
    return found, [one for one in differences if one not in used]
