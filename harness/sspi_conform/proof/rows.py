# SPDX-License-Identifier: Apache-2.0
"""The table: every recorded exchange, each side whose recorded part Windows played, message by message."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from ..tokens import ntlm
from ..world import World
from . import inputs, krb5_rows, live, messages, recordings, wire
from .compare import SECRETS
from .inputs import Known
from .play import OK, Played, Stage, begin_acceptor, begin_initiator, play_acceptor, play_initiator
from .recordings import Exchange
from .row import BUT_SECRETS, EQUAL, STRUCTURE, Row
from .side import Side

_NOT_WINDOWS = "not Windows"


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
    return [Listed(**{**one, "exchange": name}) for one in found
            for name in (one["exchange"] if isinstance(one["exchange"], list) else [one["exchange"]])]


def build_of(version: ntlm.Version | None) -> str | None:
    """The Windows build that a VERSION names; None when its sender is no Windows, or too old to say."""
    if version is None or version.revision != 15 or (version.major, version.minor, version.build) == (6, 1, 0):
        return None  # other NTLM implementations say nothing, revision 0, or always 6.1.0
    return f"{version.major}.{version.minor}.{version.build}" if version.major in (5, 6, 10) else None


def known_rows(stage: Stage, one: Known, place: Path | None = None) -> Iterator[Row]:
    """An exchange whose secret is known: the messages byte for byte, the outcome and the session key. `place`: where
    the recordings are, for the messages that followed; None without them."""
    negotiate, challenge, _ = one.exchange.messages()
    key = one.exchange.verified["ExportedSessionKey"]
    with ExitStack() as stack:
        played, client = begin_initiator(stack, stage, one.exchange, one)
        if one.windows_client:
            yield from _rows(one.exchange, "initiator", build_of(negotiate.version), played)
            if played.statuses[-1] == OK:
                yield _fact(one.exchange, "initiator", negotiate.version, "session key", played.key, key)
        played, server = begin_acceptor(stack, stage, one.exchange, one)
        yield from _rows(one.exchange, "acceptor", build_of(challenge.version), played)
        wanted = OK if one.outcome == "accepted" else "0x8009030c"
        yield _fact(one.exchange, "acceptor", challenge.version, "outcome", played.statuses[-1], wanted)
        if place and one.outcome == "accepted" and one.exchange.transport in wire.TRANSPORTS:
            yield from _message_rows(place, one, Side(client), Side(server))
    if one.outcome != "accepted":  # and the answer is right: without the policy it is accepted
        played = play_acceptor(stage, one.exchange, replace(one, outcome="accepted", account="U"))
    yield _fact(one.exchange, "acceptor", challenge.version, "session key", played.key, key)


def _message_rows(place: Path, one: Known, client: Side, server: Side) -> Iterator[Row]:
    negotiate, challenge, _ = one.exchange.messages()
    builds = {"initiator": build_of(negotiate.version), "acceptor": build_of(challenge.version)}
    if wire.tshark() is None:
        yield Row(one.exchange.name, "both", "-", "messages", "not read", wire.NO_TSHARK)
        return
    found = wire.messages(one.exchange, wire.connections(place, one.exchange.file, [one.exchange]))
    verdicts = messages.played(client, server, found, messages.Ntlm())
    for side, message, difference in sorted(verdicts, key=lambda verdict: verdict[0]):
        yield Row(one.exchange.name, side, builds[side] or _NOT_WINDOWS, message, difference)


def other_rows(stage: Stage, exchange: Exchange) -> Iterator[Row]:
    """An exchange whose secret nobody knows: byte for byte but for what only the secret gives."""
    negotiate, challenge, _ = exchange.messages()
    client, server = build_of(negotiate.version), build_of(challenge.version)
    if client:
        played = play_initiator(stage, exchange, None, SECRETS)
        yield from _rows(exchange, "initiator", client, played, secrets=False)
        if exchange.begins_otherwise:
            played = play_initiator(stage, exchange.bare(), None, SECRETS)
            yield from _rows(exchange, "initiator", client, played, secrets=False)
    if server or challenge.version is None:
        played = play_acceptor(stage, exchange, None, SECRETS)
        yield from _rows(exchange, "acceptor", server or "before VERSION", played, secrets=False)


def kerberos_rows(realm: live.Realm, exchange: Exchange, not_windows: frozenset[str]) -> Iterator[Row]:
    """An exchange with Kerberos: the structure of each token that Windows sent, beside a live run's."""
    wanted = live.parameters(exchange)
    made = realm.run(wanted)
    start = 0 if wanted.hint else next(place for place, leg in enumerate(exchange.legs) if leg.from_client)
    for place, leg in enumerate(exchange.legs[start:]):
        side = "initiator" if leg.from_client else "acceptor"
        if side in not_windows:
            continue
        recorded = live.structure(leg.token)
        ours = made[place][1] if place < len(made) and made[place][0] == leg.from_client else None
        inner = recorded.get("inner", "none")
        message = recorded["kind"] + (f" with {inner}" if inner != "none" else "")
        for difference in live.differences(recorded, ours) or [None]:
            yield Row(exchange.name, side, "Kerberos", message, difference, degree=STRUCTURE)


def _rows(exchange: Exchange, side: str, build: str | None, played: Played,
          secrets: bool = True) -> Iterator[Row]:
    made = [one for one in played.compared if one.made]
    refused = [one for one in played.compared if not one.made]
    if not secrets and (side == "acceptor" or made):
        refused = []  # without the secret there is no verdict that could be compared
    for one in made + refused:
        masked = not secrets and one.message == "AUTHENTICATE"
        yield Row(exchange.name, side, build or _NOT_WINDOWS, one.message, one.difference,
                  degree=BUT_SECRETS if masked else EQUAL)


def _fact(exchange: Exchange, side: str, version: ntlm.Version | None, what: str, made: str | None,
          recorded: str) -> Row:
    return Row(exchange.name, side, build_of(version) or _NOT_WINDOWS, what,
               None if made == recorded else f"{made}, recorded is {recorded}")


def table(stage: Stage, place: Path, world: World) -> tuple[list[Row], list[Listed]]:
    """All rows with the listed reasons, and the listed differences that were not found."""
    known = inputs.known(place)
    names = {one.exchange.name for one in known}
    realm = live.Realm(stage, world)
    others = inputs.exchanges_file()["not-windows"]
    rows = [row for one in known for row in known_rows(stage, one, place)]
    exchanges = {exchange.name: exchange for exchange in recordings.every(place)}
    asides = {name: _aside(exchange, others) for name, exchange in exchanges.items()}
    opened = list(krb5_rows.known_rows(stage, place, {name: frozenset(one["sides"]) for name, one in asides.items()}))
    rows += opened
    names |= {row.exchange for row in opened if not live.is_kerberos(exchanges[row.exchange])}
    for exchange in exchanges.values():
        if exchange.name in names:
            continue
        aside = asides[exchange.name]
        if exchange.is_ntlm:
            rows += other_rows(stage, exchange)
        elif len(aside["sides"]) == 2:
            rows.append(Row(exchange.name, "both", "-", "exchange", "not compared", aside["why"]))
        elif live.is_kerberos(exchange):
            rows += kerberos_rows(realm, exchange, frozenset(aside["sides"]))
        else:
            rows.append(Row(exchange.name, "both", "-", "exchange", "not played"))
    differences = [one for one in listed() if one.message != messages.MADE or wire.tshark()]
    return explained(rows, differences)


def _aside(exchange: Exchange, others: list[dict[str, Any]]) -> dict[str, Any]:
    return next((one for one in others if fnmatchcase(exchange.name, one["exchange"])), {"sides": [], "why": ""})


def explained(rows: list[Row], differences: list[Listed]) -> tuple[list[Row], list[Listed]]:
    found, used = [], set()
    for row in rows:
        reason = next((one for one in differences if row.difference and one.explains(row)), None)
        if reason:
            used.add(reason)
            row = replace(row, reason=reason.reason)
        found.append(row)
    return found, [one for one in differences if one not in used]
