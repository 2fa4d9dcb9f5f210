# SPDX-License-Identifier: Apache-2.0
"""SMB2 and 3 (MS-SMB2 2.2): session setups, told apart by message and session, and what goes through pipes."""
from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..exchange.model import CLIENT, SERVER
from . import names
from .draft import Draft
from .streams import Record

if TYPE_CHECKING:
    from .smb import Smb

_HEADER = 64
_NEGOTIATE, _SESSION_SETUP, _TREE_CONNECT, _READ, _WRITE, _IOCTL = 0, 1, 3, 8, 9, 11
_PIPE_TRANSCEIVE = 0x0011C017
_TRANSPORT, _IN_PIPE = "SMB2", "DCERPC over SMB2 pipe"
_SESSION_FLAGS = {1: "guest", 2: "null session"}


class Smb2:
    def __init__(self, smb: Smb) -> None:
        self._smb = smb
        self._asked: dict[int, Draft] = {}     # by message id
        self._sessions: dict[int, Draft] = {}  # by session id
        self._reading: dict[int, bytes] = {}   # message id: file

    def message(self, sender: str, data: bytes, record: Record) -> None:
        for packet in chained(data):
            command = struct.unpack_from("<H", packet, 12)[0]
            handler = _HANDLERS.get((command, sender))
            if handler:
                handler(self, packet, record)

    def offer(self, packet: bytes, record: Record) -> None:
        if len(packet) < _HEADER + 60 or _number(packet, "<I", 8):
            return
        dialect = _number(packet, "<H", _HEADER + 4)
        token = _buffer(packet, _number(packet, "<H", _HEADER + 56), _number(packet, "<H", _HEADER + 58))
        self._smb.offer(_TRANSPORT, token, record, dialect=f"0x{dialect:04x}")

    def setup(self, packet: bytes, record: Record) -> None:
        if len(packet) < _HEADER + 16:
            return
        message, session = _ids(packet)
        token = _buffer(packet, _number(packet, "<H", _HEADER + 12), _number(packet, "<H", _HEADER + 14))
        draft = self._smb.continued(self._sessions.get(session), token) if session else None
        if draft is None:
            draft = self._smb.session(_TRANSPORT)
        if session:
            self._sessions[session] = draft
        self._asked[message] = draft
        draft.leg(CLIENT, token, record)

    def answer(self, packet: bytes, record: Record) -> None:
        message, session = _ids(packet)
        code = _number(packet, "<I", 8)
        if code == names.PENDING:
            return
        draft = self._asked.pop(message, None) or self._sessions.get(session) or self._smb.session(_TRANSPORT)
        token, flags = b"", 0
        if len(packet) >= _HEADER + 8 and _number(packet, "<H", _HEADER) == 9:  # an error has none (MS-SMB2 2.2.2)
            flags = _number(packet, "<H", _HEADER + 2)
            token = _buffer(packet, _number(packet, "<H", _HEADER + 4), _number(packet, "<H", _HEADER + 6))
        told = names.nt_status(code, _SESSION_FLAGS.get(flags & 3, "") if not code else "")
        draft.leg(SERVER, token, record, told)
        if code != names.MORE_PROCESSING:
            draft.ends(told)
        if session:
            self._sessions[session] = draft

    def tree(self, packet: bytes, record: Record) -> None:
        """The name that the user called the server by."""
        path = _buffer(packet, _number(packet, "<H", _HEADER + 4), _number(packet, "<H", _HEADER + 6))
        host = path.decode("utf-16-le", "replace").removeprefix("\\\\").partition("\\")[0]
        draft = self._sessions.get(_ids(packet)[1])
        if draft and host:
            draft.about.setdefault("host", host[:255])

    def write(self, packet: bytes, record: Record) -> None:
        self._pipe(packet, packet[_HEADER + 16:_HEADER + 32], CLIENT, record)

    def read(self, packet: bytes, record: Record) -> None:
        self._reading[_ids(packet)[0]] = packet[_HEADER + 16:_HEADER + 32]

    def were_read(self, packet: bytes, record: Record) -> None:
        self._pipe(packet, self._reading.get(_ids(packet)[0], b""), SERVER, record)

    def transceive(self, packet: bytes, record: Record) -> None:
        self._pipe(packet, packet[_HEADER + 8:_HEADER + 24], CLIENT, record)

    def transceived(self, packet: bytes, record: Record) -> None:
        self._pipe(packet, packet[_HEADER + 8:_HEADER + 24], SERVER, record)

    def _pipe(self, packet: bytes, file: bytes, sender: str, record: Record) -> None:
        if len(file) == 16 and not record.damaged:
            self._smb.pipe(_ids(packet)[1], file, _IN_PIPE).feed(sender, file_data(packet, sender), record)


def chained(data: bytes) -> Iterator[bytes]:
    """Compounded requests and responses (MS-SMB2 3.3.5.2.7)."""
    while data[:4] == b"\xfeSMB" and len(data) >= _HEADER:
        following = _number(data, "<I", 20)
        yield data[:following] if following >= _HEADER else data
        data = data[following:] if following >= _HEADER else b""


def file_data(packet: bytes, sender: str) -> bytes:
    """What a packet writes to a file, reads from it, or does both with in a pipe (MS-SMB2 2.2.20, 2.2.21, 2.2.31, 2.2.32)."""
    command = _number(packet, "<H", 12)
    if command == _IOCTL and _number(packet, "<I", _HEADER + 4) != _PIPE_TRANSCEIVE:
        return b""
    form, offset, size = _DATA.get((command, sender), ("<H", len(packet), len(packet)))
    return _buffer(packet, _number(packet, form, offset), _number(packet, "<I", size))


def _ids(packet: bytes) -> tuple[int, int]:
    return _number(packet, "<Q", 24), _number(packet, "<Q", 40)


def _number(packet: bytes, form: str, at: int) -> int:
    """0 beyond the end."""
    return struct.unpack_from(form, packet, at)[0] if at + struct.calcsize(form) <= len(packet) else 0


def _buffer(packet: bytes, offset: int, size: int) -> bytes:
    return packet[offset:offset + size] if offset >= _HEADER and offset + size <= len(packet) else b""


# Where offset and size of the data are; an error that has none is smaller.
_DATA = {
    (_WRITE, CLIENT): ("<H", _HEADER + 2, _HEADER + 4), (_READ, SERVER): ("<B", _HEADER + 2, _HEADER + 4),
    (_IOCTL, CLIENT): ("<I", _HEADER + 24, _HEADER + 28), (_IOCTL, SERVER): ("<I", _HEADER + 32, _HEADER + 36),
}
_HANDLERS = {
    (_NEGOTIATE, SERVER): Smb2.offer, (_SESSION_SETUP, CLIENT): Smb2.setup, (_SESSION_SETUP, SERVER): Smb2.answer,
    (_TREE_CONNECT, CLIENT): Smb2.tree, (_WRITE, CLIENT): Smb2.write, (_READ, CLIENT): Smb2.read,
    (_READ, SERVER): Smb2.were_read, (_IOCTL, CLIENT): Smb2.transceive, (_IOCTL, SERVER): Smb2.transceived,
}
