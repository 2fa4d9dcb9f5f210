# SPDX-License-Identifier: Apache-2.0
"""A TCP connection of a capture: who is the client, which protocol it speaks, and its reader."""
from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from ..exchange.model import CLIENT, SERVER, Channel
from .draft import Place
from .packets import Packet
from .reader import Reader
from .readers import carved, recognise
from .streams import Cutter, Half, Piece, Record

End = tuple[str, int]
_LONGEST_HEAD = 4096  # bytes of one side among which a beginning is looked for


class Connection:
    """Fed with packets or, where TLS was opened, with pieces."""

    def __init__(self, name: str, first: End, second: End, shared: dict[Hashable, Any], forced: Mapping[int, str] | None = None,
                 channel: Channel | None = None) -> None:
        self.name, self.ends, self.channel, self._shared = name, (first, second), channel, shared
        self.client: End | None = None
        self.reader: Reader | None = None
        self.bytes = 0
        self.attempt: Packet | None = None  # the client's SYN, as long as nothing was said
        self.refused = False
        self.forced = next((name for port, name in (forced or {}).items() if port in (first[1], second[1])), "")
        self._halves = {end: Half() for end in self.ends}
        self._heads = {end: bytearray() for end in self.ends}
        self._cutters: dict[End, Cutter] = {}

    def packet(self, packet: Packet) -> None:
        source = packet.source if packet.source in self._halves else self.ends[0]
        if packet.opens:
            self.client = source
            self.attempt = self.attempt or packet
        self.refused = self.refused or packet.resets
        if packet.size:
            self.attempt = None
        if packet.acknowledged is not None:
            for piece in self._halves[self._across(source)].acknowledge(packet.acknowledged):
                self.piece(self._across(source), piece)
        for piece in self._halves[source].add(packet):
            self.piece(source, piece)
        if packet.closes and self.reader:
            self.reader.closed(self._sender(source), packet.resets, Record(b"", packet.frame, packet.time))

    def inside(self, channel: Channel) -> Connection:
        """The same connection inside its TLS; its pieces come from elsewhere."""
        found = Connection(self.name, *self.ends, self._shared, channel=channel)
        found.client = self.client
        return found

    def client_end(self, client: bool) -> End:
        """The end that is the client's, or the other one."""
        assert self.client is not None
        return self.client if client else self._across(self.client)

    def end(self) -> None:
        """The capture is over."""
        for end, half in self._halves.items():
            for piece in half.end():
                self.piece(end, piece)
        if self.reader:
            self.reader.finish()

    def piece(self, end: End, piece: Piece) -> None:
        """The next bytes of one side."""
        self.bytes += len(piece.data)
        if self.reader is None:
            self._recognise(end, piece)
        elif not self.reader.is_tls:
            self._cutters[end].feed(piece)

    def _sender(self, end: End) -> str:
        return CLIENT if end == self.client else SERVER

    def _across(self, end: End) -> End:
        return self.ends[1] if end == self.ends[0] else self.ends[0]

    def _recognise(self, end: End, piece: Piece) -> None:
        """By what the side has said so far, then by this piece alone: a capture may begin anywhere."""
        head = self._heads[end]
        if piece.hole:
            head.clear()
            return
        if len(head) < _LONGEST_HEAD:
            head += piece.data
        whole = bytes(head)
        for look, data in ((recognise, whole), (recognise, piece.data), (carved, whole)):
            found = look(data, self.forced)
            if found:
                kind, sender = found
                self._begin(kind, end, sender)
                self.piece(end, Piece(piece.frame, piece.time, data))
                return
        if len(head) >= _LONGEST_HEAD:
            head.clear()

    def _begin(self, kind: type[Reader], end: End, sender: str) -> None:
        if self.client is None:
            across = self._across(end)
            self.client = {CLIENT: end, SERVER: across}.get(sender) or max(end, across, key=lambda one: one[1])
        server = self._across(self.client)
        self.reader = reader = kind(Place(self.name, self.client[0], server[0], server[1] or None, self.channel, self._shared))
        for one in self.ends:
            self._cutters[one] = _cutter(reader, self._sender(one))
            self._heads[one].clear()


def _cutter(reader: Reader, sender: str) -> Cutter:
    return Cutter(reader.framing(sender), lambda record: reader.record(sender, record), lambda piece: reader.lost(sender, piece))

