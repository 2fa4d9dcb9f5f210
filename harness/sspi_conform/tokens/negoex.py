# SPDX-License-Identifier: Apache-2.0
"""NEGOEX messages (MS-NEGOEX 2.2.6), one after the other in one token, without any extension looked into."""
from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import TokenError

SIGNATURE = b"NEGOEXTS"
# 2.2.6.2
NAMES = ("INITIATOR_NEGO", "ACCEPTOR_NEGO", "INITIATOR_META_DATA", "ACCEPTOR_META_DATA", "CHALLENGE", "AP_REQUEST",
         "VERIFY", "ALERT")
NEGO, EXCHANGE, VERIFY, ALERT = ("INITIATOR_NEGO", "ACCEPTOR_NEGO"), NAMES[2:6], "VERIFY", "ALERT"
HEADER = 40
# Authentication schemes that are known by name (MS-NEGOEX 2.2.2 leaves them to the mechanisms).
SCHEMES = {"0d53335c-f9ea-4d0d-b2ec-4ae3786ec308": "PKU2U"}


@dataclass(frozen=True, slots=True)
class Message:
    """A message at `offset` of its token. `fields` are its parts: name, offset in the token, size."""

    number: int
    sequence: int
    offset: int
    size: int
    fields: tuple[tuple[str, int, int], ...]

    @property
    def name(self) -> str:
        return NAMES[self.number] if self.number < len(NAMES) else f"message type {self.number}"


def messages(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Message]:
    """Each message; TokenError where one is malformed."""
    end = len(data) if end is None else end
    while at < end:
        if at + HEADER > end or data[at:at + 8] != SIGNATURE:
            raise TokenError(at, "the header of a NEGOEX message")
        number, sequence, _, size = struct.unpack_from("<IIII", data, at + 8)
        if size < HEADER or at + size > end:
            raise TokenError(at + 20, f"a message of at least {HEADER} bytes inside the token, not {size}")
        yield Message(number, sequence, at, size, tuple(_fields(data, at, size, number)))
        at += size


def scheme_name(value: bytes) -> str:
    """An AUTH_SCHEME for people."""
    first, second, third = struct.unpack_from("<IHH", value)  # a GUID (MS-DTYP 2.3.4.2)
    text = f"{first:08x}-{second:04x}-{third:04x}-{value[8:10].hex()}-{value[10:16].hex()}"
    return f"{text} {SCHEMES.get(text, '')}".strip()


def _fields(data: bytes, at: int, size: int, number: int) -> Iterator[tuple[str, int, int]]:
    """2.2.6.3 to 2.2.6.6."""
    name = NAMES[number] if number < len(NAMES) else ""
    if name in NEGO:
        _room(at, size, 96)
        yield "random", at + 40, 32
        yield "protocol version", at + 72, 8
        yield from _vector(data, at, size, at + 80, 16, "auth scheme")
        yield from _vector(data, at, size, at + 88, 12, "extension")
    elif name in EXCHANGE:
        _room(at, size, 64)
        yield "auth scheme", at + 40, 16
        offset, length = struct.unpack_from("<II", data, at + 56)
        yield "exchange", *_inside(at, size, offset, length)
    elif name == VERIFY:
        _room(at, size, 76)
        yield "auth scheme", at + 40, 16
        yield "checksum type", at + 64, 4
        offset, length = struct.unpack_from("<II", data, at + 68)
        yield "checksum", *_inside(at, size, offset, length)
    elif name == ALERT:
        _room(at, size, 60)
        yield "auth scheme", at + 40, 16
        yield "error code", at + 56, 4


def _vector(data: bytes, at: int, size: int, place: int, each: int, name: str) -> Iterator[tuple[str, int, int]]:
    offset, count = struct.unpack_from("<IH", data, place)
    start, length = _inside(at, size, offset, count * each)
    for one in range(start, start + length, each):
        yield name, one, each


def _inside(at: int, size: int, offset: int, length: int) -> tuple[int, int]:
    if offset + length > size:
        raise TokenError(at, f"{length} bytes at {offset} inside a message of {size}")
    return at + offset, length


def _room(at: int, size: int, needed: int) -> None:
    if size < needed:
        raise TokenError(at, f"a message of at least {needed} bytes of its type, not {size}")
