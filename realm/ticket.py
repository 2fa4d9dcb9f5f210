# SPDX-License-Identifier: Apache-2.0
"""Tickets that no KDC would issue: a genuine one opened with the key of its service, altered, and sealed again.

Messages are RFC 4120 5.3, the PAC inside is MS-PAC, files are MIT's formats of ticket caches and keytabs. Encryption is
libk5crypto's, which every realm has anyway.
"""
from __future__ import annotations

import ctypes
import struct
import time
from collections.abc import Callable
from pathlib import Path

from .errors import RealmError

HOUR = 3600
# An end that no run reaches and no zone moves past 2038, so that a scenario can name it.
FIXED_START, FIXED_END = 1767225600, 2114380800  # 2026-01-01 and 2037-01-01, 00:00 UTC
_TICKET_USAGE = 2  # RFC 4120 7.5.1
_IF_RELEVANT, _PAC = 1, 128
_SERVER_SIGNATURE, _CLIENT_INFO = 6, 10
_START, _END, _FLAGS, _AUTHORIZATION = 0xA6, 0xA7, 0xA0, 0xAA  # fields of EncTicketPart
_INVALID = 0x01  # bit 7 of the flags, in their first byte

Fields = list[tuple[int, bytes]]
Edit = Callable[[Fields, float], None]


def edits() -> dict[str, Edit]:
    """What can be done to a ticket, by name."""
    return {
        "expired": lambda part, now: _times(part, now - 2 * HOUR, now - HOUR),
        "just-over": lambda part, now: _times(part, now - HOUR, now - 60),  # within the skew that is allowed
        "not-yet-valid": lambda part, now: _times(part, now + HOUR, now + 2 * HOUR),
        "fixed-times": lambda part, now: _times(part, FIXED_START, FIXED_END),
        "invalid": _invalid,
        "no-pac": lambda part, now: _drop(part, _AUTHORIZATION),
        "pac-signature": lambda part, now: _pac(part, _spoil_signature),
        "pac-altered": lambda part, now: _pac(part, _spoil_name),
        "pac-cut": lambda part, now: _pac(part, lambda pac: pac[:20]),
    }


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
            new = _altered(old, _keys(keytab), edits()[edit])
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
        _put(part, tag, _tlv(0x18, text))


def _invalid(part: Fields, now: float) -> None:
    bits = bytearray(_field(part, _FLAGS))
    bits[3] |= _INVALID  # behind tag, length and the number of unused bits
    _put(part, _FLAGS, bytes(bits))


def _pac(part: Fields, spoil: Callable[[bytes], bytes]) -> None:
    """AD-IF-RELEVANT around AD-WIN2K-PAC (MS-PAC 2.1)."""
    if _AUTHORIZATION not in dict(part):
        raise RealmError("the ticket has no PAC")
    outer = _sequence(_field(part, _AUTHORIZATION))
    found = False
    for number, (tag, element) in enumerate(outer):
        kind, content = _authdata(element)
        if kind != _IF_RELEVANT:
            continue
        inner = _sequence(content)
        for place, (inner_tag, inner_element) in enumerate(inner):
            inner_kind, pac = _authdata(inner_element)
            if inner_kind == _PAC:
                inner[place] = inner_tag, _authdata_of(_PAC, spoil(pac))
                found = True
        outer[number] = tag, _authdata_of(_IF_RELEVANT, _tlv(0x30, _joined(inner)))
    if not found:
        raise RealmError("the ticket has no PAC")
    _put(part, _AUTHORIZATION, _tlv(0x30, _joined(outer)))


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
    fields = _sequence(_inside(ticket, 0x61))
    sealed = _sequence(_field(fields, 0xA3))
    kind = int.from_bytes(_inside(_field(sealed, 0xA0), 0x02), "big")
    if kind not in keys:
        raise RealmError(f"the keytab has no key of type {kind}")
    plain = _crypt(keys[kind], kind, _inside(_field(sealed, 0xA2), 0x04), opening=True)
    part = _sequence(_inside(plain, 0x63))
    edit(part, time.time())
    again = _tlv(0x63, _tlv(0x30, _joined(part)))
    _put(sealed, 0xA2, _tlv(0x04, _crypt(keys[kind], kind, again, opening=False)))
    _put(fields, 0xA3, _tlv(0x30, _joined(sealed)))
    return _tlv(0x61, _tlv(0x30, _joined(fields)))


# DER

def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what stands behind it."""
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    return tag, data[at:at + size], data[at + size:]


def _inside(data: bytes, expected: int) -> bytes:
    tag, content, _ = _split(data)
    if tag != expected:
        raise RealmError(f"tag {expected:#x} expected, {tag:#x} found")
    return content


def _sequence(data: bytes) -> Fields:
    rest, fields = _inside(data, 0x30), []
    while rest:
        tag, content, rest = _split(rest)
        fields.append((tag, content))
    return fields


def _joined(fields: Fields) -> bytes:
    return b"".join(_tlv(tag, content) for tag, content in fields)


def _field(fields: Fields, tag: int) -> bytes:
    return next(content for found, content in fields if found == tag)


def _put(fields: Fields, tag: int, content: bytes) -> None:
    _drop(fields, tag)
    fields.append((tag, content))
    fields.sort(key=lambda field: field[0])  # context tags in ascending order are DER's order here


def _drop(fields: Fields, tag: int) -> None:
    fields[:] = [field for field in fields if field[0] != tag]


def _authdata(element: bytes) -> tuple[int, bytes]:
    fields = _sequence(_tlv(0x30, element))
    return int.from_bytes(_inside(_field(fields, 0xA0), 0x02), "big"), _inside(_field(fields, 0xA1), 0x04)


def _authdata_of(kind: int, content: bytes) -> bytes:
    number = kind.to_bytes(kind.bit_length() // 8 + 1, "big")
    return _tlv(0xA0, _tlv(0x02, number)) + _tlv(0xA1, _tlv(0x04, content))


# Files

def _keys(keytab: Path) -> dict[int, bytes]:
    """The keys of a one-principal keytab by encryption type, of the highest version number each."""
    data, at, found = keytab.read_bytes(), 2, {}
    while at < len(data):
        size, = struct.unpack_from(">i", data, at)
        at, end = at + 4, at + 4 + abs(size)
        if size > 0:
            components, = struct.unpack_from(">H", data, at)
            place = at + 2
            for _ in range(components + 1):  # the realm too
                place += 2 + struct.unpack_from(">H", data, place)[0]
            kind, length = struct.unpack_from(">HH", data, place + 9)  # behind name type, time and version
            found[kind] = data[place + 13:place + 13 + length]
        at = end
    return found


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


# libk5crypto

class _Data(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("length", ctypes.c_uint), ("data", ctypes.c_void_p)]


class _Key(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("length", ctypes.c_uint),
                ("contents", ctypes.c_void_p)]


class _Sealed(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("kvno", ctypes.c_uint),
                ("ciphertext", _Data)]


def _crypt(key: bytes, kind: int, data: bytes, opening: bool) -> bytes:
    library = ctypes.CDLL("libk5crypto.so.3")
    kept = ctypes.create_string_buffer(key, len(key))
    source = ctypes.create_string_buffer(data, len(data))
    size = ctypes.c_size_t(len(data))
    if not opening and library.krb5_c_encrypt_length(None, kind, ctypes.c_size_t(len(data)), ctypes.byref(size)):
        raise RealmError(f"libk5crypto does not know encryption type {kind}")
    room = ctypes.create_string_buffer(size.value)
    block = _Key(0, kind, len(key), ctypes.cast(kept, ctypes.c_void_p))
    plain = _Data(0, len(data), ctypes.cast(source, ctypes.c_void_p))
    out = _Data(0, size.value, ctypes.cast(room, ctypes.c_void_p))
    if opening:
        sealed = _Sealed(0, kind, 0, plain)
        code = library.krb5_c_decrypt(None, ctypes.byref(block), _TICKET_USAGE, None, ctypes.byref(sealed),
                                      ctypes.byref(out))
        length = out.length
    else:
        sealed = _Sealed(0, kind, 0, out)
        code = library.krb5_c_encrypt(None, ctypes.byref(block), _TICKET_USAGE, None, ctypes.byref(plain),
                                      ctypes.byref(sealed))
        length = sealed.ciphertext.length
    if code:
        raise RealmError(f"libk5crypto refused a ticket with {code}: another key sealed it")
    return room.raw[:length]
