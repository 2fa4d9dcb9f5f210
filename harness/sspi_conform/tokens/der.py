# SPDX-License-Identifier: Apache-2.0
"""A small reader and writer of DER (X.690).

Not pyasn1: the peer builds broken tokens on purpose and handles hundreds of exchanges a second, and
the reader has to name the offset of the first wrong byte. It reads the low tag numbers, which are all that SPNEGO
and Kerberos use, and is strict but for one thing: a definite length may be longer than needed, as recorded third-party
clients send it and Windows takes it.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import TokenError

INTEGER, BIT_STRING, OCTET_STRING, OID, ENUMERATED = 0x02, 0x03, 0x04, 0x06, 0x0A
GENERAL_STRING, SEQUENCE = 0x1B, 0x30


@dataclass(frozen=True, slots=True)
class Element:
    """One tag-length-value inside `data`: the value is data[start:stop], the header begins at `offset`."""

    data: bytes
    tag: int
    offset: int
    start: int
    stop: int

    @property
    def value(self) -> bytes:
        return self.data[self.start:self.stop]

    @property
    def whole(self) -> bytes:
        """Header and value, as they are on the wire (the mechListMIC covers such bytes)."""
        return self.data[self.offset:self.stop]

    def children(self) -> Iterator[Element]:
        """The elements that fill the value."""
        position = self.start
        while position < self.stop:
            child = read(self.data, position, self.stop)
            yield child
            position = child.stop

    def only(self, tag: int, what: str) -> Element:
        """The single child, which must have this tag."""
        child = read(self.data, self.start, self.stop)
        if child.tag != tag:
            raise TokenError(child.offset, f"{what} (tag 0x{tag:02x}), not tag 0x{child.tag:02x}")
        if child.stop != self.stop:
            raise TokenError(child.stop, f"the end of the field after {what}")
        return child

    def fields(self, what: str) -> dict[int, Element]:
        """The [n] fields of the SEQUENCE that is this element, by n, in ascending order and without repetition."""
        self.must_be(SEQUENCE, what)
        found: dict[int, Element] = {}
        last = -1
        for child in self.children():
            number = child.tag - 0xA0
            if not 0 <= number < 31:
                raise TokenError(child.offset, f"a tagged field of {what}, not tag 0x{child.tag:02x}")
            if number <= last:
                raise TokenError(child.offset, f"the fields of {what} in order, each once; [{number}] follows [{last}]")
            found[number] = child
            last = number
        return found

    def must_be(self, tag: int, what: str) -> None:
        if self.tag != tag:
            raise TokenError(self.offset, f"{what} (tag 0x{tag:02x}), not tag 0x{self.tag:02x}")


def read(data: bytes, offset: int = 0, end: int | None = None) -> Element:
    """The element that begins at `offset` and ends at or before `end`."""
    if end is None:
        end = len(data)
    if offset + 2 > end:
        raise TokenError(offset, "a DER tag and length")
    tag, size = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise TokenError(offset, "a tag number below 31")
    start = offset + 2
    if size >= 0x80:
        octets = size & 0x7F
        if not 1 <= octets <= 4 or start + octets > end:
            raise TokenError(offset + 1, "a definite length of at most four octets")
        size = int.from_bytes(data[start:start + octets], "big")
        start += octets
    if start + size > end:
        raise TokenError(offset, f"{size} bytes of value, there are {end - start}")
    return Element(data, tag, offset, start, start + size)


def read_whole(data: bytes, offset: int = 0) -> Element:
    """The element that fills `data` from `offset` to its end."""
    element = read(data, offset)
    if element.stop != len(data):
        raise TokenError(element.stop, "the end of the token")
    return element


def read_oid(element: Element) -> str:
    """The value of an OBJECT IDENTIFIER, dotted."""
    element.must_be(OID, "an object identifier")
    if element.start == element.stop or element.data[element.stop - 1] & 0x80:
        raise TokenError(element.offset, "a complete object identifier")
    numbers: list[int] = []
    value = 0
    for octet in element.value:
        if octet == 0x80 and value == 0:
            raise TokenError(element.offset, "the shortest form of the object identifier")
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:])))


def read_integer(element: Element, tag: int = INTEGER) -> int:
    """The value of an INTEGER or ENUMERATED of at most eight octets."""
    element.must_be(tag, "an integer")
    if not 1 <= element.stop - element.start <= 8:
        raise TokenError(element.offset, "an integer of one to eight octets")
    return int.from_bytes(element.value, "big", signed=True)


def write(tag: int, *values: bytes) -> bytes:
    """Tag, length and the values one after the other."""
    value = b"".join(values)
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    octets = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + size.to_bytes(octets, "big") + value


def write_oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER with its header."""
    first, second, *rest = map(int, dotted.split("."))
    octets = bytearray()
    for number in (40 * first + second, *rest):
        part = [number & 0x7F]
        while number := number >> 7:
            part.append(number & 0x7F | 0x80)
        octets.extend(reversed(part))
    return write(OID, bytes(octets))
