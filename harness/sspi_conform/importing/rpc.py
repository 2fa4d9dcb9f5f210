# SPDX-License-Identifier: Apache-2.0
"""DCE/RPC over TCP and in pipes ([C706] 12.6, MS-RPCE 2.2.2): tokens in binds, and what the next call came to."""
from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from ..exchange.model import CLIENT, RPC, RPC_FAULT, SERVER, Status
from . import names
from .draft import Draft, Place, is_first
from .reader import NOT_THIS, UNKNOWN, Reader, Sized
from .streams import Framing, Record

REQUEST, RESPONSE, FAULT, BIND, BIND_ACK, BIND_NAK, ALTER, ALTER_RESPONSE, AUTH3 = 0, 2, 3, 11, 12, 13, 14, 15, 16
_FROM_CLIENT, _FROM_SERVER = (REQUEST, BIND, ALTER, AUTH3), (RESPONSE, FAULT, BIND_ACK, BIND_NAK, ALTER_RESPONSE)
_OTHERS = (17, 18, 19)  # shutdown, co_cancel, orphaned
_HEADER, _VERIFIER = 16, 8
_PACKAGES = (9, 10, 16)  # RPC_C_AUTHN_GSS_NEGOTIATE, WINNT, GSS_KERBEROS (MS-RPCE 2.2.1.1.7); Netlogon's and TLS are others
_LEVELS = {2: "connect", 3: "call", 4: "packet", 5: "integrity", 6: "privacy"}  # RPC_C_AUTHN_LEVEL_, MS-RPCE 2.2.1.1.8
# A fault that tells of authentication; others are the application's, whose call was let through.
_REFUSALS = (0x00000005, 0x00000721, 0x000006D3)


@dataclass(frozen=True, slots=True)
class Pdu:
    """One protocol data unit. `context` and `token` are those of the verifier, None and empty without."""

    kind: int
    call: int
    data: bytes
    is_little: bool
    level: int = 0
    context: int | None = None
    token: bytes = b""

    def number(self, at: int) -> int:
        found = self.data[at:at + 4]
        return int.from_bytes(found, "little" if self.is_little else "big") if len(found) == 4 else 0


@dataclass
class Association:
    """The security contexts of one connection or pipe, by auth_context_id: several may be built at a time."""

    transport: str
    begin: Callable[[str], Draft]
    _contexts: dict[int, Draft] = field(default_factory=dict)
    _calls: dict[int, Draft] = field(default_factory=dict)  # what an answer to the call will tell of
    _last: Draft | None = None

    def pdu(self, sender: str, record: Record) -> None:
        found = parse(record.data)
        if found is None:
            return
        if found.kind in (BIND, ALTER, AUTH3, BIND_ACK, ALTER_RESPONSE):
            if found.token:
                self._leg(sender, found, record)
        elif found.kind == REQUEST:
            draft = self._last if found.context is None else self._contexts.get(found.context)
            if draft is not None and not draft.over:
                self._calls[found.call] = draft
        elif found.kind in (RESPONSE, FAULT, BIND_NAK):
            self._answer(found, record)

    def _leg(self, sender: str, pdu: Pdu, record: Record) -> None:
        context = pdu.context or 0
        draft = self._contexts.get(context)
        if draft is None or draft.over or sender == CLIENT and is_first(pdu.token) and draft.has_tokens:
            draft = self._contexts[context] = self.begin(self.transport)
            if pdu.level in _LEVELS:
                draft.about["sealed"] = _LEVELS[pdu.level]
        self._last = draft
        draft.leg(sender, pdu.token, record)
        if sender == CLIENT:
            self._calls[pdu.call] = draft

    def _answer(self, pdu: Pdu, record: Record) -> None:
        draft = self._calls.pop(pdu.call, None)
        if draft is None and pdu.context is not None:
            draft = self._contexts.get(pdu.context)
        if draft is None or draft.over:
            return
        if pdu.kind == RESPONSE:
            draft.ends(Status(RPC, 0, "answered", True))
            return
        if pdu.kind == FAULT:
            code = pdu.number(24)
            status = Status(RPC_FAULT, code, names.RPC.get(code, ""), False if code in _REFUSALS else None)
        else:
            reason = int.from_bytes(pdu.data[16:18], "little" if pdu.is_little else "big")
            status = Status(RPC_FAULT, reason, "bind_nak", False, names.BIND_NAK.get(reason, ""))
        draft.leg(SERVER, None, record, status)
        draft.ends(status)


class Rpc(Reader):
    protocol = "rpc"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._association = Association("DCERPC", self.begin)

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if not begins(data):
            return None
        return CLIENT if data[2] in _FROM_CLIENT else SERVER if data[2] in _FROM_SERVER else ""

    def framing(self, sender: str) -> Framing:
        return FRAMING

    def record(self, sender: str, record: Record) -> None:
        self._association.pdu(sender, record)


def parse(data: bytes) -> Pdu | None:
    """The unit that fills `data`; None when it contradicts itself."""
    if len(data) < _HEADER:
        return None
    little = data[4] & 0xF0 == 0x10
    order = "<" if little else ">"
    verifier, call = struct.unpack_from(f"{order}HI", data, 10)
    kind = data[2]
    if not verifier:
        return Pdu(kind, call, data, little)
    at = len(data) - verifier - _VERIFIER
    if at < _HEADER:
        return None
    if data[at] not in _PACKAGES:
        return Pdu(kind, call, data, little)
    context = struct.unpack_from(f"{order}I", data, at + 4)[0]
    return Pdu(kind, call, data, little, data[at + 1], context, data[at + _VERIFIER:])


def begins(data: bytes | bytearray) -> bool:
    if len(data) < _HEADER or data[0] != 5 or data[1] > 1 or data[4] not in (0, 0x10) or data[5] > 3 or data[6] or data[7]:
        return False
    return data[2] in _FROM_CLIENT + _FROM_SERVER + _OTHERS and size_of(data) >= _HEADER


def size_of(data: bytes | bytearray) -> int:
    if len(data) < _HEADER:
        return UNKNOWN
    size = int.from_bytes(data[8:10], "little" if data[4] & 0xF0 == 0x10 else "big")
    return size if data[0] == 5 and size >= _HEADER else NOT_THIS


FRAMING = Sized(size_of, begins)
