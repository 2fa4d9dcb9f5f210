# SPDX-License-Identifier: Apache-2.0
""".NET NegotiateStream (MS-NNS 2.2): a handshake of framed tokens, as net.tcp bindings have it."""
from __future__ import annotations

from ..exchange.model import CLIENT, NNS, SERVER, Status
from .draft import Draft, Place
from .reader import NOT_THIS, UNKNOWN, Reader, Sized
from .streams import Framing, Record

_DONE, _ERROR, _GOING = 0x14, 0x15, 0x16
_NAMES = {_DONE: "HandshakeDone", _ERROR: "HandshakeError"}
_VERSION = b"\1\0"
_HEAD = 5  # bytes: kind, version, length


class Nns(Reader):
    protocol = "nns"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._current: Draft | None = None

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if not _begins(data):
            return None
        if len(data) == _HEAD:  # .NET sends it in a segment of its own
            return ""
        token = data[_HEAD:]
        if token[:1] == b"\x60" or token[:9] in (b"NTLMSSP\0\1", b"NTLMSSP\0\3"):
            return CLIENT
        return SERVER if token[:1] == b"\xa1" or token[:9] == b"NTLMSSP\0\2" else None

    def framing(self, sender: str) -> Framing:
        return Sized(_size, _begins)

    def record(self, sender: str, record: Record) -> None:
        kind, token = record.data[0], record.data[_HEAD:]
        draft = self._current
        if draft is None or draft.over:
            if kind != _GOING and draft is not None:
                return  # both sides say that they are done
            draft = self._current = self.begin("MS-NNS")
        status = None
        if kind != _GOING:
            detail = f"0x{int.from_bytes(token[-4:], 'big'):08x}" if kind == _ERROR and token else ""
            status = Status(NNS, kind, _NAMES[kind], kind == _DONE if kind == _ERROR or sender == SERVER else None, detail)
        draft.leg(sender, b"" if kind == _ERROR else token, record, status)
        if status and status.success is not None:
            draft.ends(status)


def _begins(data: bytes) -> bool:
    return len(data) >= _HEAD and data[0] in (_DONE, _ERROR, _GOING) and data[1:3] == _VERSION


def _size(data: bytes | bytearray) -> int:
    if len(data) < _HEAD:
        return UNKNOWN
    if data[0] not in (_DONE, _ERROR, _GOING) or data[1:3] != _VERSION:
        return NOT_THIS
    return _HEAD + int.from_bytes(data[3:5], "big")
