# SPDX-License-Identifier: Apache-2.0
"""Tickets that no KDC would issue: a genuine one opened with the key of its service, altered, and sealed again.

Messages are RFC 4120 5.3, the PAC inside is MS-PAC, the file is MIT's format of ticket caches.
"""
from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

from .errors import RealmError
from .krb5_bytes import Fields, crypt, drop, field, inside, joined, keytab_keys, put, sequence, tlv

HOUR = 3600
# An end that no run reaches and no zone moves past 2038, so that a scenario can name it.
FIXED_START, FIXED_END = 1767225600, 2114380800  # 2026-01-01 and 2037-01-01, 00:00 UTC
_TICKET_USAGE = 2  # RFC 4120 7.5.1
_IF_RELEVANT, _PAC = 1, 128
_SERVER_SIGNATURE, _CLIENT_INFO = 6, 10
_START, _END, _FLAGS, _AUTHORIZATION = 0xA6, 0xA7, 0xA0, 0xAA  # fields of EncTicketPart
_INVALID = 0x01  # bit 7 of the flags, in their first byte

Edit = Callable[[Fields, float], None]


def edits() -> dict[str, Edit]:
    """What can be done to a ticket, by name."""
    return {
        "expired": lambda part, now: _times(part, now - 2 * HOUR, now - HOUR),
        "just-over": lambda part, now: _times(part, now - HOUR, now - 60),  # within the skew that is allowed
        "not-yet-valid": lambda part, now: _times(part, now + HOUR, now + 2 * HOUR),
        "fixed-times": lambda part, now: _times(part, FIXED_START, FIXED_END),
        "invalid": _invalid,
        "no-pac": lambda part, now: drop(part, _AUTHORIZATION),
        "pac-signature": lambda part, now: _pac(part, _spoil_signature),
        "pac-altered": lambda part, now: _pac(part, _spoil_name),
        "pac-cut": lambda part, now: _pac(part, lambda pac: pac[:20]),
    }


def set_clock(cache: Path, seconds: int) -> None:
    """The cache says that the KDC's clock is ahead by so much, which is what its user then goes by."""
    data = cache.read_bytes()
    size, = struct.unpack_from(">H", data, 2)
    offset = struct.pack(">HHii", 1, 8, seconds, 0)  # the field DeltaTime
    cache.write_bytes(data[:2] + struct.pack(">H", len(offset)) + offset + data[4 + size:])


def let_end(cache: Path) -> None:
    """The cache says that its tickets ended an hour ago."""
    data = cache.read_bytes()
    for begin, end, _, _ in _entries(data):
        now = int(time.time())
        data = data[:begin] + _with_times(data[begin:end], now - 2 * HOUR, now - HOUR) + data[end:]
    cache.write_bytes(data)


def alter(cache: Path, keytab: Path, spn: str, edit: str) -> None:
    """Replace the ticket for a service in a cache. The times that the cache tells stay as they were, except
    fixed-times: a client uses a ticket that is over only if it does not know."""
    data = cache.read_bytes()
    for begin, end, server, ticket in _entries(data):
        if server.partition("@")[0] == spn:
            entry = data[begin:end]
            old = data[ticket[0]:ticket[1]]
            new = _altered(old, keytab_keys(keytab), edits()[edit])
            entry = entry.replace(struct.pack(">I", len(old)) + old, struct.pack(">I", len(new)) + new)
            if edit == "fixed-times":
                entry = _with_times(entry, FIXED_START, FIXED_END)
            cache.write_bytes(data[:begin] + entry + data[end:])
            return
    raise RealmError(f"there is no ticket for {spn} in {cache}")


# What edits do

def _times(part: Fields, start: float, end: float) -> None:
    for tag, when in ((_START, start), (_END, end)):
        text = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(when)).encode()
        put(part, tag, tlv(0x18, text))


def _invalid(part: Fields, now: float) -> None:
    bits = bytearray(field(part, _FLAGS))
    bits[3] |= _INVALID  # behind tag, length and the number of unused bits
    put(part, _FLAGS, bytes(bits))


def _pac(part: Fields, spoil: Callable[[bytes], bytes]) -> None:
    """AD-IF-RELEVANT around AD-WIN2K-PAC (MS-PAC 2.1)."""
    if _AUTHORIZATION not in dict(part):
        raise RealmError("the ticket has no PAC")
    outer = sequence(field(part, _AUTHORIZATION))
    found = False
    for number, (tag, element) in enumerate(outer):
        kind, content = _authdata(element)
        if kind != _IF_RELEVANT:
            continue
        inner = sequence(content)
        for place, (inner_tag, inner_element) in enumerate(inner):
            inner_kind, pac = _authdata(inner_element)
            if inner_kind == _PAC:
                inner[place] = inner_tag, _authdata_of(_PAC, spoil(pac))
                found = True
        outer[number] = tag, _authdata_of(_IF_RELEVANT, tlv(0x30, joined(inner)))
    if not found:
        raise RealmError("the ticket has no PAC")
    put(part, _AUTHORIZATION, tlv(0x30, joined(outer)))


def _spoil_signature(pac: bytes) -> bytes:
    return _flipped(pac, _SERVER_SIGNATURE, 4)  # behind the type of the signature


def _spoil_name(pac: bytes) -> bytes:
    return _flipped(pac, _CLIENT_INFO, 10)  # behind the time and the length


def _flipped(pac: bytes, kind: int, place: int) -> bytes:
    count, = struct.unpack_from("<I", pac)
    for number in range(count):
        found, _, offset = struct.unpack_from("<IIQ", pac, 8 + 16 * number)
        if found == kind:
            return pac[:offset + place] + bytes([pac[offset + place] ^ 1]) + pac[offset + place + 1:]
    raise RealmError(f"the PAC has no buffer of type {kind}")


def _altered(ticket: bytes, keys: dict[int, bytes], edit: Edit) -> bytes:
    fields = sequence(inside(ticket, 0x61))
    sealed = sequence(field(fields, 0xA3))
    kind = int.from_bytes(inside(field(sealed, 0xA0), 0x02), "big")
    if kind not in keys:
        raise RealmError(f"the keytab has no key of type {kind}")
    plain = crypt(keys[kind], kind, _TICKET_USAGE, inside(field(sealed, 0xA2), 0x04), opening=True)
    part = sequence(inside(plain, 0x63))
    edit(part, time.time())
    again = tlv(0x63, tlv(0x30, joined(part)))
    put(sealed, 0xA2, tlv(0x04, crypt(keys[kind], kind, _TICKET_USAGE, again, opening=False)))
    put(fields, 0xA3, tlv(0x30, joined(sealed)))
    return tlv(0x61, tlv(0x30, joined(fields)))


def _authdata(element: bytes) -> tuple[int, bytes]:
    fields = sequence(tlv(0x30, element))
    return int.from_bytes(inside(field(fields, 0xA0), 0x02), "big"), inside(field(fields, 0xA1), 0x04)


def _authdata_of(kind: int, content: bytes) -> bytes:
    number = kind.to_bytes(kind.bit_length() // 8 + 1, "big")
    return tlv(0xA0, tlv(0x02, number)) + tlv(0xA1, tlv(0x04, content))


# Files

def _entries(data: bytes) -> list[tuple[int, int, str, tuple[int, int]]]:
    """Begin, end, server and place of the ticket of every credential in a cache of format 4."""
    if data[:2] != b"\x05\x04":
        raise RealmError("this is no ticket cache of format 4")
    _, at = _principal(data, 4 + struct.unpack_from(">H", data, 2)[0])
    found = []
    while at < len(data):
        begin = at
        _, at = _principal(data, at)
        server, at = _principal(data, at)
        at += 6 + struct.unpack_from(">I", data, at + 2)[0]  # session key
        at += 16 + 1 + 4  # times, is_skey, flags
        for _ in range(2):  # addresses, authorization data
            count, = struct.unpack_from(">I", data, at)
            at += 4
            for _ in range(count):
                at += 6 + struct.unpack_from(">I", data, at + 2)[0]
        size, = struct.unpack_from(">I", data, at)
        ticket = at + 4, at + 4 + size
        at = ticket[1] + 4 + struct.unpack_from(">I", data, ticket[1])[0]
        found.append((begin, at, server, ticket))
    return found


def _principal(data: bytes, at: int) -> tuple[str, int]:
    count, = struct.unpack_from(">I", data, at + 4)
    at, words = at + 8, []
    for _ in range(count + 1):
        size, = struct.unpack_from(">I", data, at)
        words.append(data[at + 4:at + 4 + size].decode(errors="replace"))
        at += 4 + size
    return "/".join(words[1:]) + "@" + words[0], at


def _with_times(entry: bytes, start: int, end: int) -> bytes:
    _, at = _principal(entry, 0)
    _, at = _principal(entry, at)
    at += 6 + struct.unpack_from(">I", entry, at + 2)[0] + 4  # the key, then authtime
    return entry[:at] + struct.pack(">II", start, end) + entry[at + 8:]


