# SPDX-License-Identifier: Apache-2.0
"""One direction of a TCP connection put in order, and cut into the records of a protocol.

Nothing is kept that is not needed: bytes that a framing does not want are skipped as they come, so that a capture of
gigabytes needs little memory. Bytes that the capture does not have (a lost packet, one cut by snaplen) are holes: a
record across one is `damaged`, and where the length of the hole or of the record is unknown, reading begins anew at
the next segment that looks like the beginning of a record.
"""
from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from .packets import Packet

UNKNOWN, NOT_THIS = 0, -1  # of Framing.size
ENDLESS = 1 << 62
_MOST_WAITING = 64         # segments behind a gap that nobody acknowledged
_LARGEST_HOLE = 64 << 20   # bytes
_LARGEST_HEAD = 1 << 18    # bytes without a size
_CIRCLE = 1 << 32


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes in order, or a hole of so many bytes."""

    frame: int
    time: float
    data: bytes = b""
    hole: int = 0


class Half:
    """One direction, by sequence numbers."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._acknowledged = self._arrived = 0
        self._waiting: list[tuple[int, int, Packet]] = []

    def add(self, packet: Packet) -> Iterator[Piece]:
        """The pieces that this segment brings or makes complete."""
        number = packet.number + (1 if packet.is_syn else 0)
        if self._next is None:
            self._next = number
        if not packet.size:
            return
        ahead = (number - self._next) % _CIRCLE
        if ahead and ahead < _CIRCLE // 2:
            self._arrived += 1  # of two with one number the first counts
            heapq.heappush(self._waiting, (self._next + ahead, self._arrived, packet))
        else:
            yield from self._take(packet, number)
        yield from self._ripe(len(self._waiting) > _MOST_WAITING)

    def acknowledge(self, number: int) -> Iterator[Piece]:
        """The other side has everything before `number`: what is missing here was not captured."""
        self._acknowledged = number
        yield from self._ripe(False)

    def end(self) -> Iterator[Piece]:
        """What waits behind gaps when the capture is over."""
        while self._waiting:
            yield from self._ripe(True)

    def _ripe(self, forced: bool) -> Iterator[Piece]:
        assert self._next is not None or not self._waiting
        while self._waiting:
            number, _, packet = self._waiting[0]
            missing = number - self._next  # type: ignore[operator]
            if missing > 0:
                if not forced and (self._acknowledged - number) % _CIRCLE >= _CIRCLE // 2:
                    return
                forced = False
                yield Piece(packet.frame, packet.time, hole=min(missing, _LARGEST_HOLE + 1))
                self._next = number
            heapq.heappop(self._waiting)
            yield from self._take(packet, number)

    def _take(self, packet: Packet, number: int) -> Iterator[Piece]:
        """What of the segment was not there before."""
        assert self._next is not None
        known = (self._next - number) % _CIRCLE
        if known >= packet.size:
            return
        self._next += packet.size - known
        if packet.payload[known:]:
            yield Piece(packet.frame, packet.time, packet.payload[known:])
        lost = packet.size - max(known, len(packet.payload))
        if lost > 0:
            yield Piece(packet.frame, packet.time, hole=lost)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a protocol, complete in `frame`."""

    data: bytes
    frame: int
    time: float
    damaged: bool = False


class Framing(Protocol):
    """How one direction of a protocol is cut."""

    def begins(self, data: bytes) -> bool:
        """Whether a record begins here, as far as one can see."""

    def size(self, data: bytearray) -> int:
        """Of the record at the beginning; UNKNOWN when there is too little of it, NOT_THIS when it is none."""

    def wanted(self, data: bytearray, size: int) -> bool:
        """Whether anybody will read this record; asked when its size is known."""


@dataclass
class Cutter:
    """Cuts pieces into records and hands them to `sink`; `lost` hears of bytes that are missing."""

    framing: Framing
    sink: Callable[[Record], None]
    lost: Callable[[Piece], None]
    _left: bytearray = field(default_factory=bytearray)
    _skip: int = 0
    _in_step: bool = False
    _damaged: bool = False

    def feed(self, piece: Piece) -> None:
        if piece.hole:
            self._hole(piece)
            return
        data = piece.data
        if self._skip:
            passed = min(self._skip, len(data))
            self._skip -= passed
            data = data[passed:]
        if not data:
            return
        if not self._in_step and not self.framing.begins(data):
            return
        self._in_step = True
        self._left += data
        self._cut(piece)

    def _cut(self, piece: Piece) -> None:
        while self._left and self._in_step:
            size = self.framing.size(self._left)
            if size == NOT_THIS or size == UNKNOWN and len(self._left) > _LARGEST_HEAD:
                self._give_up()
                return
            if size == UNKNOWN or size > len(self._left) and self.framing.wanted(self._left, size):
                return
            if size > len(self._left):
                self._skip = size - len(self._left)
                self._left.clear()
                self._damaged = False
                return
            wanted = self.framing.wanted(self._left, size)
            record = Record(bytes(self._left[:size]), piece.frame, piece.time, self._damaged) if wanted else None
            del self._left[:size]
            self._damaged = False
            if record:
                self.sink(record)

    def _hole(self, piece: Piece) -> None:
        passed = min(self._skip, piece.hole)
        self._skip -= passed
        missing = piece.hole - passed
        if not missing:
            return
        size = self.framing.size(self._left) if self._left and self._in_step else UNKNOWN
        if size > 0 and missing <= size - len(self._left) and missing <= _LARGEST_HOLE:
            self._left += bytes(missing)
            self._damaged = True
            self._cut(piece)
        else:
            self._give_up()
        self.lost(piece)

    def _give_up(self) -> None:
        self._left.clear()
        self._in_step = self._damaged = False
        self._skip = 0
