# SPDX-License-Identifier: Apache-2.0
"""An exchange while it is being read."""
from __future__ import annotations

from dataclasses import dataclass, field

from ..exchange.model import CLIENT, SERVER, Channel, Exchange, Leg, Status
from .streams import Record


@dataclass(frozen=True, slots=True)
class Place:
    """Between whom. `channel` is the TLS around it, None without."""

    connection: str
    client: str
    server: str
    server_port: int | None
    channel: Channel | None = None


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
    def has_tokens(self) -> bool:
        """Whether a token of the client was seen, or more than a hint of the server."""
        return any(leg.sender == CLIENT and leg.token for leg in self.legs)

    @property
    def first(self) -> int:
        return next((leg.frame for leg in self.legs if leg.sender == CLIENT), self.legs[0].frame if self.legs else 0)

    def exchange(self, number: int) -> Exchange:
        """As it is now; says what a reader could not know to be missing."""
        place = self.place
        return Exchange(number, self.transport, tuple(self.legs), place.connection, place.client, place.server,
                        place.server_port, self.outcome, place.channel, dict(self.about), tuple(self._all_missing()))

    def _all_missing(self) -> list[str]:
        senders = {leg.sender for leg in self.legs if leg.token}
        found = list(self.missing)
        if self.legs and not senders & {SERVER} and self.outcome is None and not any(leg.sender == SERVER for leg in self.legs):
            found.append("nothing from the server is in the capture")
        elif self.legs and CLIENT not in senders and not any(leg.sender == CLIENT for leg in self.legs):
            found.append("nothing from the client is in the capture")
        if self.outcome is None:
            found.append("how it ended is not in the capture")
        return found


def worth_telling(drafts: list[Draft]) -> list[Draft]:
    """A server that asks for a token and never gets one counts once, and only when nobody else satisfied it."""
    served = {(one.place.server, one.place.server_port) for one in drafts if one.has_tokens}
    found = []
    for draft in drafts:
        where = (draft.place.server, draft.place.server_port)
        if not draft.has_tokens and draft.transport == "HTTP":
            if where in served:
                continue
            served.add(where)
            draft.miss("the client never sent a token")
        found.append(draft)
    return found
