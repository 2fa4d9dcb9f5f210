# SPDX-License-Identifier: Apache-2.0
"""Tokens in a protocol that nobody here reads, such as TNS of Oracle: found by how they begin, measured by what they say."""
from __future__ import annotations

import re
import struct

from ..exchange.model import CLIENT, SERVER
from ..tokens import spnego, der
from .draft import Draft, Place, is_first
from .reader import UNKNOWN, Reader
from .streams import Framing, Record

_NTLM = b"NTLMSSP\0"
_OIDS = tuple(der.write_oid(oid) for oid in (spnego.SPNEGO, spnego.KRB5, spnego.MS_KRB5))
_SIZE = rb"(?:[\x00-\x7f]|\x81.|\x82..)"
_BEGINNING = re.compile(b"|".join((
    rb"NTLMSSP\x00[\x01-\x03]\x00\x00\x00", *(rb"\x60" + _SIZE + re.escape(oid) for oid in _OIDS),
    rb"\xa1" + _SIZE + rb"\x30" + _SIZE + rb"\xa0\x03\x0a\x01[\x00-\x03]")), re.DOTALL)
_LARGEST = 1 << 16
_TAIL = 24  # bytes that may be the beginning of one
_TNS_PORT = 1521
# Where an NTLM message has lengths and offsets of its fields, and its least size without them (MS-NLMP 2.2.1).
_FIELDS = {1: ((16, 24), 32), 2: ((12, 40), 48), 3: ((12, 20, 28, 36, 44, 52), 64)}
_VERSION_FLAG, _VERSION_END = 0x02000000, {1: 40, 2: 56, 3: 72}
_FLAGS_AT = {1: 12, 2: 20, 3: 60}


class Carved(Reader):
    protocol = "carved"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._current: Draft | None = None

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        found = _BEGINNING.search(data)
        if found is None:
            return None
        token = data[found.start():found.start() + 9]
        if token[:8] == _NTLM:
            return SERVER if token[8] == 2 else CLIENT
        return SERVER if token[:1] == b"\xa1" else CLIENT

    def framing(self, sender: str) -> Framing:
        return _Anything()

    def record(self, sender: str, record: Record) -> None:
        found = _BEGINNING.search(record.data)
        if found is None:
            return
        token = record.data[found.start():]
        if self._current is None or sender == CLIENT and is_first(token) and self._current.has_tokens:
            self._current = self.begin("TNS" if self.place.server_port == _TNS_PORT else "TCP")
            self._current.miss("the protocol is not read, only tokens in it")
        self._current.leg(sender, token, record)


class _Anything:
    """Cut behind each token; bytes before it belong to its record."""

    def begins(self, data: bytes) -> bool:
        return True

    def size(self, data: bytearray) -> int:
        found = _BEGINNING.search(data)
        if found is None:
            return max(len(data) - _TAIL, 0)  # UNKNOWN when all of it may still become one
        end = found.start() + _length(data, found.start())
        return end if end <= len(data) else UNKNOWN

    def wanted(self, data: bytearray, size: int) -> bool:
        return _BEGINNING.search(data, 0, size) is not None


def _length(data: bytearray, at: int) -> int:
    """Of the token at `at`; more than there is when its end is not there yet."""
    if data[at:at + 8] == _NTLM:
        return _ntlm_length(data[at:at + _LARGEST])
    octets = data[at + 1] & 0x7F if data[at + 1] & 0x80 else 0
    size = int.from_bytes(data[at + 2:at + 2 + octets], "big") if octets else data[at + 1]
    return min(2 + octets + size, _LARGEST)


def _ntlm_length(data: bytearray) -> int:
    fields, least = _FIELDS[data[8]]
    if len(data) < least:
        return least
    flags = int.from_bytes(data[_FLAGS_AT[data[8]]:][:4], "little")
    end = _VERSION_END[data[8]] if flags & _VERSION_FLAG else least
    for place in fields:
        length, _, offset = struct.unpack_from("<HHI", data, place)
        if length and offset < _LARGEST:
            end = max(end, offset + length)
    return end
