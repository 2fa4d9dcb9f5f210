# SPDX-License-Identifier: Apache-2.0
"""GSS-TSIG: tokens in TKEY records of DNS (RFC 2930 2, RFC 3645 3), over UDP and TCP."""
from __future__ import annotations

import struct

from ..exchange.model import CLIENT, SERVER
from .draft import Draft, Place, is_first
from .reader import UNKNOWN, Reader, Sized
from .streams import Framing, Record

_TKEY, _GSS_API = 249, 3

_MOST_RECORDS = 64


class Dns(Reader):
    protocol = "dns"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._current: Draft | None = None

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        """Two octets of length (RFC 1035 4.2.2), then a question for TKEY."""
        if len(data) < 14 or _question(data[2:]) != _TKEY:
            return None
        return SERVER if data[4] & 0x80 else CLIENT

    def framing(self, sender: str) -> Framing:
        return Sized(lambda data: 2 + int.from_bytes(data[:2], "big") if len(data) > 2 else UNKNOWN,
                     lambda data: self.sender(data) is not None)

    def record(self, sender: str, record: Record) -> None:
        self.message(sender, record.data[2:], record)

    def message(self, sender: str, data: bytes, record: Record) -> None:
        """The message of a record, or of a datagram. Who sends is what it says itself."""
        found = _tkey(data)
        if found is None:
            return
        token, error = found
        sender = SERVER if data[2] & 0x80 else CLIENT
        draft = self._current
        if draft is None or draft.over or sender == CLIENT and is_first(token) and draft.has_tokens:
            draft = self._current = self.begin("DNS", service="DNS")
        draft.leg(sender, token, record)
        if error:
            draft.miss(f"the server's TKEY has error {error} (RFC 2930 2.6)")


def _question(data: bytes) -> int | None:
    """The type that the first question asks for; None when this is no message of DNS."""
    if len(data) < 12 or data[2] & 0x78:  # a standard query
        return None
    questions = struct.unpack_from(">H", data, 4)[0]
    at = _behind_name(data, 12) if questions == 1 else None
    return int.from_bytes(data[at:at + 2], "big") if at is not None and at + 4 <= len(data) else None


def _behind_name(data: bytes, at: int) -> int | None:
    """Where a name ends (RFC 1035 4.1.4)."""
    while at < len(data):
        size = data[at]
        if size == 0:
            return at + 1
        if size & 0xC0 == 0xC0:
            return at + 2
        if size & 0xC0:
            return None
        at += 1 + size
    return None


def _tkey(data: bytes) -> tuple[bytes, int] | None:
    """Key data and error of the first TKEY in GSS-API mode, in answers or additional records."""
    at = _behind_name(data, 12) if _question(data) == _TKEY else None
    if at is None:
        return None
    at += 4
    for _ in range(min(sum(struct.unpack_from(">HHH", data, 6)), _MOST_RECORDS)):
        named = _behind_name(data, at)
        if named is None or named + 10 > len(data):
            return None
        kind, _, _, size = struct.unpack_from(">HHIH", data, named)
        at = named + 10 + size
        if kind == _TKEY and at <= len(data):
            return _key(data, named + 10, at)
    return None


def _key(data: bytes, at: int, end: int) -> tuple[bytes, int] | None:
    fields = _behind_name(data, at)  # algorithm; then inception, expiration, mode, error, key
    if fields is None or fields + 14 > end:
        return None
    mode, error, size = struct.unpack_from(">HHH", data, fields + 8)
    key = data[fields + 14:fields + 14 + size]
    return (key, error) if mode == _GSS_API and len(key) == size else None



