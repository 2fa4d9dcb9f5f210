# SPDX-License-Identifier: Apache-2.0
"""Kerberos messages as bytes, for those who alter them: DER, the keys of a keytab, encryption of RFC 3961.

Encryption is libk5crypto's, which every realm has anyway.
"""
from __future__ import annotations

import ctypes
import struct
from pathlib import Path

from .errors import RealmError

Fields = list[tuple[int, bytes]]


# DER

def tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def split(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what stands behind it."""
    tag, size, at = data[0], data[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(data[2:at], "big")
    return tag, data[at:at + size], data[at + size:]


def inside(data: bytes, expected: int) -> bytes:
    tag, content, _ = split(data)
    if tag != expected:
        raise RealmError(f"tag {expected:#x} expected, {tag:#x} found")
    return content


def sequence(data: bytes) -> Fields:
    rest, fields = inside(data, 0x30), []
    while rest:
        tag, content, rest = split(rest)
        fields.append((tag, content))
    return fields


def joined(fields: Fields) -> bytes:
    return b"".join(tlv(tag, content) for tag, content in fields)


def field(fields: Fields, tag: int) -> bytes:
    return next(content for found, content in fields if found == tag)


def put(fields: Fields, tag: int, content: bytes) -> None:
    drop(fields, tag)
    fields.append((tag, content))
    fields.sort(key=lambda field: field[0])  # context tags in ascending order are DER's order here


def drop(fields: Fields, tag: int) -> None:
    fields[:] = [field for field in fields if field[0] != tag]


# Keys

def keytab_keys(keytab: Path, principal: str = "") -> dict[int, bytes]:
    """The keys of a principal, or of all, by encryption type; of the highest version number each, since files are
    written in that order. Names without the realm."""
    data, at, found = keytab.read_bytes(), 2, {}
    while at < len(data):
        size, = struct.unpack_from(">i", data, at)
        at, end = at + 4, at + 4 + abs(size)
        if size > 0:
            components, = struct.unpack_from(">H", data, at)
            place, words = at + 2, []
            for _ in range(components + 1):  # the realm first
                length, = struct.unpack_from(">H", data, place)
                words.append(data[place + 2:place + 2 + length].decode(errors="replace"))
                place += 2 + length
            kind, length = struct.unpack_from(">HH", data, place + 9)  # behind name type, time and version
            if principal in ("", "/".join(words[1:])):
                found[kind] = data[place + 13:place + 13 + length]
        at = end
    return found


# libk5crypto

class _Data(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("length", ctypes.c_uint), ("data", ctypes.c_void_p)]


class _Key(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("length", ctypes.c_uint),
                ("contents", ctypes.c_void_p)]


class _Sealed(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_int32), ("enctype", ctypes.c_int32), ("kvno", ctypes.c_uint),
                ("ciphertext", _Data)]


def crypt(key: bytes, kind: int, usage: int, data: bytes, opening: bool) -> bytes:
    """Decrypts, or encrypts; `usage` is of RFC 4120 7.5.1."""
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
        code = library.krb5_c_decrypt(None, ctypes.byref(block), usage, None, ctypes.byref(sealed),
                                      ctypes.byref(out))
        length = out.length
    else:
        sealed = _Sealed(0, kind, 0, out)
        code = library.krb5_c_encrypt(None, ctypes.byref(block), usage, None, ctypes.byref(plain),
                                      ctypes.byref(sealed))
        length = sealed.ciphertext.length
    if code:
        raise RealmError(f"libk5crypto refused with {code}: another key sealed it")
    return room.raw[:length]
