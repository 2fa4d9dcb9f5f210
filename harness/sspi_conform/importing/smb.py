# SPDX-License-Identifier: Apache-2.0
"""SMB over TCP (MS-SMB2 2.1, RFC 1002 4.3): messages of SMB1 and SMB2 of one connection, and the hint they begin with."""
from __future__ import annotations

from ..exchange.model import CLIENT, SERVER, Leg
from . import rpc
from .draft import Draft, Place, is_first
from .reader import NOT_THIS, UNKNOWN, Reader, Sized
from .smb1 import Smb1
from .smb2 import Smb2
from .streams import Cutter, Framing, Piece, Record

SMB1, SMB2 = b"\xffSMB", b"\xfeSMB"
_SEALED, _PACKED = b"\xfdSMB", b"\xfcSMB"
_SESSION_MESSAGES = (0x81, 0x82, 0x83, 0x84, 0x85)  # request, responses, keep-alive
_LARGEST_READ = 1 << 18  # bytes; a token has at most 64 KiB, the rest is data of files


class Smb(Reader):
    """Both dialects: a connection may begin with SMB1 and go on with SMB2."""

    protocol = "smb"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._dialects = {SMB1: Smb1(self), SMB2: Smb2(self)}
        self._hint: Leg | None = None
        self._about: dict[str, str] = {}
        self._spoken = ""

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if len(data) < 24 or data[0] != 0:
            return None
        if data[4:8] == SMB1:
            return SERVER if data[4 + 9] & 0x80 else CLIENT
        if data[4:8] == SMB2:
            return SERVER if data[4 + 16] & 1 else CLIENT
        return None

    def framing(self, sender: str) -> Framing:
        return Sized(size_of, _begins, lambda data, size: size <= _LARGEST_READ)

    def record(self, sender: str, record: Record) -> None:
        dialect = self._dialects.get(record.data[4:8])
        if record.data[:1] == b"\0" and dialect:
            dialect.message(sender, record.data[4:], record)

    def offer(self, transport: str, token: bytes, record: Record, **about: str) -> None:
        """The answer to NEGOTIATE: with the hint, if there is one, every session setup of the connection begins."""
        self._hint = Leg(SERVER, token, record.frame, record.time) if token and not record.damaged else None
        self._about, self._spoken = about, transport

    def session(self, transport: str, **about: str) -> Draft:
        draft = self.begin(transport, service="cifs", **{**self._about, **about})
        if self._hint:
            draft.legs.append(self._hint)
        return draft

    def continued(self, known: Draft | None, token: bytes) -> Draft | None:
        """The exchange that a setup with a session's id goes on with: the `known` one of the session, or the last one that
        nobody answered, where the answer with the id is not in the capture. None when it begins anew."""
        if known is None and not is_first(token):
            known = next((one for one in reversed(self.drafts) if one.last_sender == CLIENT), None)
        return known if known and not known.over else None

    def pipe(self, session: int, file: bytes, transport: str) -> Pipe:
        """An open file. With several channels (MS-SMB2 3.2.4.20.7) its bytes go over any connection of the session."""
        key = (self.place.client, self.place.server, session, file)
        found = self.place.shared.get(key)
        if found is None:
            found = self.place.shared[key] = Pipe(rpc.Association(transport, self.begin))
        return found

    def finish(self) -> None:
        if self._hint and not self.drafts:
            self.session(self._spoken).miss("no session setup follows")


class Pipe:
    """Bytes that were written to and read from one open file, as far as they are DCE/RPC."""

    def __init__(self, association: rpc.Association) -> None:
        self._cutters = {sender: _cutter(association, sender) for sender in (CLIENT, SERVER)}

    def feed(self, sender: str, data: bytes, record: Record) -> None:
        if data:
            self._cutters[sender].feed(Piece(record.frame, record.time, data))


def _cutter(association: rpc.Association, sender: str) -> Cutter:
    return Cutter(rpc.FRAMING, lambda record: association.pdu(sender, record), lambda piece: None)


def size_of(data: bytes | bytearray) -> int:
    if len(data) < 4:
        return UNKNOWN
    return 4 + int.from_bytes(data[1:4], "big") if data[0] == 0 or data[0] in _SESSION_MESSAGES else NOT_THIS


def _begins(data: bytes) -> bool:
    return data[:1] == b"\0" and data[4:8] in (SMB1, SMB2, _SEALED, _PACKED) or data[0] in _SESSION_MESSAGES
