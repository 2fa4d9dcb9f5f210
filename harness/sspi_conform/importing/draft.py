# SPDX-License-Identifier: Apache-2.0
"""An exchange while it is being read."""
from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..exchange.model import CLIENT, SERVER, Channel, Exchange, Leg, Status
from . import names
from .streams import Record

_FRAMED = b"\x60"  # GSS framing of a first token


@dataclass(frozen=True, slots=True)
class Place:
    """Between whom. `channel` is the TLS around it, None without. `shared` is what the connections of a capture share."""

    connection: str
    client: str
    server: str
    server_port: int | None
    channel: Channel | None = None
    shared: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass
class Draft:
    """One exchange: legs as they come. `over` once the last word was said; `first` is the frame that orders it."""

    transport: str
    place: Place
    legs: list[Leg] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    outcome: Status | None = None
    over: bool = False

    def leg(self, sender: str, token: bytes | None, record: Record, status: Status | None = None) -> None:
        """A token out of a record with holes is none: what is left of it would look like a damaged one."""
        if token is not None and record.damaged:
            self.miss(f"the token of frame {record.frame} is not whole in the capture")
            token = None
        self.legs.append(Leg(sender, token or None, record.frame, record.time, status))

    def ends(self, status: Status) -> None:
        self.outcome, self.over = status, True

    def miss(self, sentence: str) -> None:
        if sentence not in self.missing:
            self.missing.append(sentence)

    @property
    def last_sender(self) -> str:
        return self.legs[-1].sender if self.legs else ""

    @property
    def is_empty(self) -> bool:
        """Whether no token was seen."""
        return not any(leg.token for leg in self.legs)

    @property
    def has_tokens(self) -> bool:
        """Whether a token of the client was seen."""
        return any(leg.sender == CLIENT and leg.token for leg in self.legs)

    @property
    def first(self) -> int:
        return next((leg.frame for leg in self.legs if leg.sender == CLIENT), self.legs[0].frame if self.legs else 0)

    def exchange(self, number: int) -> Exchange:
        """As it is now; says what a reader could not know to be missing."""
        place = self.place
        return Exchange(number, self.transport, tuple(self.legs), place.connection, place.client, place.server,
                        place.server_port, self.ended(), place.channel, dict(self.about), tuple(self._all_missing()))

    def ended(self) -> Status | None:
        """The outcome. Where the transport said nothing, the server's last token may: nobody answered it."""
        last = next((leg for leg in reversed(self.legs) if leg.token), None)
        if self.outcome is None and last and last.sender == SERVER and last.token:
            return names.of_token(last.token)
        return self.outcome

    def _all_missing(self) -> Iterator[str]:
        yield from self.missing
        senders = {leg.sender for leg in self.legs}
        if self.legs and len(senders) < 2:
            yield f"nothing from the {SERVER if CLIENT in senders else CLIENT} is in the capture"
        yield from self._gaps([leg for leg in self.legs if leg.token])
        if self.ended() is None:
            yield "how it ended is not in the capture"

    @staticmethod
    def _gaps(tokens: list[Leg]) -> Iterator[str]:
        """Both sides take turns, and the client begins; only SMB's hint comes before."""
        if tokens and tokens[0].sender == SERVER and (tokens[0].token or b"")[:1] == _FRAMED:
            tokens = tokens[1:]
        if tokens and not (tokens[0].sender == CLIENT and is_first(tokens[0].token)):
            yield f"it began before frame {tokens[0].frame}: its first token is not in the capture"
        for one, following in zip(tokens, tokens[1:]):
            if one.sender == following.sender:
                yield (f"a token of the {SERVER if one.sender == CLIENT else CLIENT} between frames {one.frame} and "
                       f"{following.frame} is not in the capture")


def is_first(token: bytes | None) -> bool:
    """Whether a client's token begins an exchange: NTLM NEGOTIATE, NegTokenInit, AP-REQ."""
    token = token or b""
    return token[:9] == b"NTLMSSP\0\1" or token[:1] in (_FRAMED, b"\xa0", b"\x6e")


def worth_telling(drafts: list[Draft]) -> list[Draft]:
    """A server that asks for a token and never gets one counts once, and only when nobody else satisfied it."""
    served = {(one.place.server, one.place.server_port) for one in drafts if one.has_tokens}
    found = []
    for draft in drafts:
        where = (draft.place.server, draft.place.server_port)
        if draft.is_empty and draft.transport.startswith("HTTP"):
            if where in served:
                continue
            served.add(where)
            draft.miss("the client never sent a token")
        found.append(draft)
    return found
