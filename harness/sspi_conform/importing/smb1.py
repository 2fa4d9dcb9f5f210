# SPDX-License-Identifier: Apache-2.0
"""SMB1 with extended security (MS-SMB 2.2.4.5, 2.2.4.6; MS-CIFS 2.2.4.52): session setups, and what goes through pipes."""
from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ..exchange.model import CLIENT, SERVER
from . import names
from .draft import Draft
from .streams import Record

if TYPE_CHECKING:
    from .smb import Smb

_HEADER = 32
_NEGOTIATE, _SESSION_SETUP, _TRANSACTION, _READ, _WRITE = 0x72, 0x73, 0x25, 0x2E, 0x2F
_EXTENDED_SECURITY = 0x0800        # Flags2
_CAP_EXTENDED_SECURITY = 0x80000000
_NT_STATUS, _UNICODE = 0x4000, 0x8000  # Flags2
_GUEST = 1                         # Action
_TRANSACT_PIPE = 0x26
_TRANSPORT, _IN_PIPE = "SMB1", "DCERPC over SMB1 pipe"


class Smb1:
    def __init__(self, smb: Smb) -> None:
        self._smb = smb
        self._asked: dict[bytes, Draft] = {}     # by process and message
        self._sessions: dict[int, Draft] = {}    # by user id
        self._piped: dict[bytes, bytes] = {}     # process and message: file

    def message(self, sender: str, data: bytes, record: Record) -> None:
        if len(data) < _HEADER + 3:
            return
        packet = _Packet(data)
        handler = _HANDLERS.get((packet.command, sender))
        if handler:
            handler(self, packet, record)

    def offer(self, packet: _Packet, record: Record) -> None:
        """The security blob stands behind the server's GUID."""
        if packet.word_count == 17 and packet.number("<I", 19) & _CAP_EXTENDED_SECURITY:
            self._smb.offer(_TRANSPORT, packet.bytes[16:], record)

    def setup(self, packet: _Packet, record: Record) -> None:
        if packet.word_count != 12:
            return  # without extended security there is no token
        token = packet.bytes[:packet.number("<H", 14)]
        draft = self._smb.continued(self._sessions.get(packet.user), token) if packet.user else None
        if draft is None:
            draft = self._smb.session(_TRANSPORT)
        if packet.user:
            self._sessions[packet.user] = draft
        self._asked[packet.key] = draft
        draft.leg(CLIENT, token, record)

    def answer(self, packet: _Packet, record: Record) -> None:
        draft = self._asked.pop(packet.key, None) or self._sessions.get(packet.user)
        if draft is None or draft.over:
            if packet.word_count != 4:
                return
            draft = self._smb.session(_TRANSPORT)
        token, detail = b"", ""
        if packet.word_count == 4:
            size = packet.number("<H", 6)
            token, detail = packet.bytes[:size], "guest" if packet.number("<H", 4) & _GUEST else ""
            self._native(packet, size, draft)
        told = names.nt_status(packet.status, detail) if packet.flags2 & _NT_STATUS else names.dos_error(packet.status)
        draft.leg(SERVER, token, record, told)
        if packet.status != names.MORE_PROCESSING:
            draft.ends(told)
        if packet.user:
            self._sessions[packet.user] = draft

    def _native(self, packet: _Packet, at: int, draft: Draft) -> None:
        """What the server says that it runs on."""
        if packet.flags2 & _UNICODE:
            at += (packet.bytes_at + at) % 2
            text = packet.bytes[at:].decode("utf-16-le", "replace")
        else:
            text = packet.bytes[at:].decode("latin-1")
        name = text.partition("\0")[0]
        if name:
            draft.about["native-os"] = name[:100]

    def transact(self, packet: _Packet, record: Record) -> None:
        """SMB_COM_TRANSACTION with TRANS_TRANSACT_NMPIPE: the setup words hold function and file."""
        if packet.word_count < 16 or packet.number("<H", 28) != _TRANSACT_PIPE:
            return
        self._piped[packet.key] = packet.words[30:32]
        self._pipe(packet.user, packet.words[30:32], CLIENT, packet.part(packet.number("<H", 24), packet.number("<H", 22)), record)

    def transacted(self, packet: _Packet, record: Record) -> None:
        file = self._piped.get(packet.key)
        if file is not None and packet.word_count >= 10:
            self._pipe(packet.user, file, SERVER, packet.part(packet.number("<H", 14), packet.number("<H", 12)), record)

    def write(self, packet: _Packet, record: Record) -> None:
        if packet.word_count in (12, 14):
            self._pipe(packet.user, packet.words[4:6], CLIENT, packet.part(packet.number("<H", 22), packet.number("<H", 20)), record)

    def read(self, packet: _Packet, record: Record) -> None:
        if packet.word_count in (10, 12):
            self._piped[packet.key] = packet.words[4:6]

    def were_read(self, packet: _Packet, record: Record) -> None:
        file = self._piped.get(packet.key)
        if file is not None and packet.word_count == 12:
            self._pipe(packet.user, file, SERVER, packet.part(packet.number("<H", 12), packet.number("<H", 10)), record)

    def _pipe(self, user: int, file: bytes, sender: str, data: bytes, record: Record) -> None:
        if len(file) == 2 and not record.damaged:
            self._smb.pipe(user, file, _IN_PIPE).feed(sender, data, record)


class _Packet:
    """Header, words and bytes (MS-CIFS 2.2.3). Numbers beyond the end are 0."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.command = data[4]
        self.status, _, self.flags2 = struct.unpack_from("<IBH", data, 5)
        self.key = data[26:28] + data[30:32]
        self.user = int.from_bytes(data[28:30], "little")
        self.word_count = data[_HEADER]
        end = _HEADER + 1 + 2 * self.word_count
        self.words = data[_HEADER + 1:end]
        self.bytes_at = end + 2
        self.bytes = data[end + 2:end + 2 + int.from_bytes(data[end:end + 2], "little")]

    def number(self, form: str, at: int) -> int:
        return struct.unpack_from(form, self.words, at)[0] if at + struct.calcsize(form) <= len(self.words) else 0

    def part(self, offset: int, size: int) -> bytes:
        return self.data[offset:offset + size] if offset >= _HEADER and offset + size <= len(self.data) else b""


_HANDLERS = {
    (_NEGOTIATE, SERVER): Smb1.offer, (_SESSION_SETUP, CLIENT): Smb1.setup, (_SESSION_SETUP, SERVER): Smb1.answer,
    (_TRANSACTION, CLIENT): Smb1.transact, (_TRANSACTION, SERVER): Smb1.transacted, (_WRITE, CLIENT): Smb1.write,
    (_READ, CLIENT): Smb1.read, (_READ, SERVER): Smb1.were_read,
}
