# SPDX-License-Identifier: Apache-2.0
"""What every transport's reader has in common."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from .draft import Draft, Place
from .streams import NOT_THIS, UNKNOWN, Framing, Piece, Record


class Reader:
    """Reads one connection. Records come in the order of the capture, from both sides."""

    protocol: ClassVar[str] = ""       # as --port and the list of what was seen call it
    dissector: ClassVar[str] = ""      # tshark's, for connections that are or become TLS
    carries_tls: ClassVar[bool] = False

    def __init__(self, place: Place) -> None:
        self.place = place
        self.drafts: list[Draft] = []
        self._is_closed = False
        self.is_tls = self.carries_tls  # becomes True where a connection changes to TLS

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        """Who begins with `data`: CLIENT, SERVER, empty for one of both, None when this is another protocol."""
        raise NotImplementedError

    def framing(self, sender: str) -> Framing:
        """How this side's bytes are cut."""
        raise NotImplementedError

    def record(self, sender: str, record: Record) -> None:
        """The next record of this side."""
        raise NotImplementedError

    def lost(self, sender: str, piece: Piece) -> None:
        """Bytes of this side are not in the capture."""
        for draft in self.drafts[-1:]:
            if not draft.over:
                draft.miss(f"{piece.hole} bytes of the {sender} are not in the capture before frame {piece.frame}")

    def closed(self, sender: str, reset: bool, record: Record) -> None:
        """This side closed the connection."""
        for draft in self.drafts[-1:]:
            if not self._is_closed and not draft.over and draft.has_tokens and draft.ended() is None:
                draft.miss(f"the {sender} {'reset' if reset else 'closed'} the connection in frame {record.frame}")
        self._is_closed = True

    def finish(self) -> None:
        """The capture is over."""

    def begin(self, transport: str, **about: str) -> Draft:
        draft = Draft(transport, self.place, about={name.replace("_", "-"): text for name, text in about.items() if text})
        self.drafts.append(draft)
        return draft


@dataclass(frozen=True, slots=True)
class Sized:
    """A framing by one function that knows the size of a record, and one that knows its beginning."""

    how_long: Callable[[bytes | bytearray], int]
    is_one: Callable[[bytes], bool]
    want: Callable[[bytearray, int], bool] = lambda data, size: True

    def begins(self, data: bytes) -> bool:
        return self.is_one(data)

    def size(self, data: bytearray) -> int:
        return self.how_long(data)

    def wanted(self, data: bytearray, size: int) -> bool:
        return self.want(data, size)


__all__ = ["NOT_THIS", "UNKNOWN", "Reader", "Sized"]
