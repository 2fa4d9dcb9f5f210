# SPDX-License-Identifier: Apache-2.0
"""AP-REQ, AP-REP and what is encrypted in them (RFC 4120 5.3, 5.5), of recorded exchanges and of libsspi's own."""
from __future__ import annotations

import calendar
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..tokens import TokenError, der
from . import krb5_crypto

EPOCH = 11644473600  # seconds from 1601 to 1970
_IF_RELEVANT = 1


@dataclass(frozen=True, slots=True)
class Sealed:
    """EncryptedData."""

    etype: int
    kvno: int
    cipher: bytes

    def open(self, key: bytes, usage: int) -> tuple[bytes, bytes]:
        """Confounder and plaintext."""
        plain = krb5_crypto.opened(self.etype, key, usage, self.cipher)
        size = krb5_crypto.CONFOUNDER[self.etype]
        return plain[:size], plain[size:]


@dataclass(frozen=True, slots=True)
class Name:
    kind: int
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return "/".join(self.parts)


@dataclass(frozen=True, slots=True)
class Request:
    """An AP-REQ as it is on the wire. `ticket` is DER."""

    options: str
    ticket: bytes
    realm: str
    server: Name
    sealed: Sealed
    authenticator: Sealed


@dataclass(frozen=True, slots=True)
class Part:
    """What an authenticator or AP-REP has inside; fields that it has not are None or empty."""

    confounder: bytes
    time: int  # FILETIME
    subkey: bytes | None
    subkey_type: int
    sequence: int | None
    realm: str = ""
    client: Name = Name(0, ())
    checksum: bytes = b""
    authdata: tuple[tuple[int, bytes], ...] = field(default=())


def bare(token: bytes) -> bytes:
    """The Kerberos message inside GSS framing (RFC 2743 3.1), or the token itself without one; what a transport
    added behind it is left out."""
    outer = der.read(token)
    if outer.tag != 0x60:
        return outer.whole
    oid = der.read(token, outer.start, outer.stop)
    return token[oid.stop + 2:outer.stop]


def whole(token: bytes) -> bytes:
    """Without what a transport added behind it."""
    return der.read(token).whole


def request(token: bytes) -> Request:
    fields = inside(der.read_whole(bare(token)), "AP-REQ")
    ticket = fields[3].only(0x61, "a ticket")
    parts = inside(ticket, "Ticket")
    return Request(fields[2].only(der.BIT_STRING, "ap-options").value.hex(), ticket.whole, text(parts[1]),
                   name(parts[2]), _sealed(parts[3]), _sealed(fields[4]))


def reply(token: bytes) -> Sealed:
    return _sealed(inside(der.read_whole(bare(token)), "AP-REP")[2])


def user2user_ticket(token: bytes) -> bytes:
    """The ticket of a TGT-REP."""
    fields = der.read_whole(bare(token)).fields("TGT-REP")
    return fields[2].only(0x61, "a ticket").whole


def authenticator(sealed: Sealed, key: bytes) -> Part:
    confounder, plain = sealed.open(key, krb5_crypto.AUTHENTICATOR)
    found = inside(der.read(plain), "Authenticator")
    checksum = found[3].only(der.SEQUENCE, "cksum").fields("cksum")[1] if 3 in found else None
    data = tuple(authdata(found[8].only(der.SEQUENCE, "authorization-data"))) if 8 in found else ()
    return _part(confounder, found, 5, 4, 6, 7, realm=text(found[1]), client=name(found[2]), authdata=data,
                 checksum=checksum.only(der.OCTET_STRING, "checksum").value if checksum else b"")


def reply_part(sealed: Sealed, key: bytes) -> Part:
    confounder, plain = sealed.open(key, krb5_crypto.REPLY)
    return _part(confounder, inside(der.read(plain), "EncAPRepPart"), 0, 1, 2, 3)


def _part(confounder: bytes, found: dict[int, der.Element], ctime: int, cusec: int, subkey: int, sequence: int,
          **more: object) -> Part:
    key: dict[int, der.Element] = {}
    if subkey in found:
        key = found[subkey].only(der.SEQUENCE, "subkey").fields("subkey")
    number = None
    if sequence in found:  # Windows writes numbers above 2^31 as negative ones
        number = der.read_integer(found[sequence].only(der.INTEGER, "seq-number")) & 0xFFFFFFFF
    return Part(confounder, _filetime(found[ctime].only(0x18, "ctime").value.decode(),
                                      der.read_integer(found[cusec].only(der.INTEGER, "cusec"))),
                key[1].only(der.OCTET_STRING, "keyvalue").value if key else None,
                der.read_integer(key[0].only(der.INTEGER, "keytype")) if key else 0, number,
                **more)  # type: ignore[arg-type]


def _filetime(text: str, fraction: int) -> int:
    return (seconds(text) + EPOCH) * 10_000_000 + fraction * 10


def seconds(text: str) -> int:
    """Of a GeneralizedTime, since 1970; TokenError when it is none."""
    try:
        return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))
    except ValueError as error:
        raise TokenError(0, f"a time such as 20261122120000Z, not {text!r}") from error


def unix(filetime: int) -> int:
    return filetime // 10_000_000 - EPOCH


def authdata(sequence: der.Element) -> Iterator[tuple[int, bytes]]:
    """Type and content; AD-IF-RELEVANT is looked into."""
    for one in sequence.children():
        parts = one.fields("AuthorizationData")
        kind = der.read_integer(parts[0].only(der.INTEGER, "ad-type"))
        data = parts[1].only(der.OCTET_STRING, "ad-data").value
        if kind == _IF_RELEVANT:
            yield from authdata(der.read_whole(data))
        else:
            yield kind, data


def inside(message: der.Element, what: str) -> dict[int, der.Element]:
    return message.only(der.SEQUENCE, f"the SEQUENCE of {what}").fields(what)


def _sealed(field_: der.Element) -> Sealed:
    parts = field_.only(der.SEQUENCE, "EncryptedData").fields("EncryptedData")
    kvno = der.read_integer(parts[1].only(der.INTEGER, "kvno")) if 1 in parts else 0
    return Sealed(der.read_integer(parts[0].only(der.INTEGER, "etype")), kvno,
                  parts[2].only(der.OCTET_STRING, "cipher").value)


def name(field_: der.Element) -> Name:
    parts = field_.only(der.SEQUENCE, "a principal name").fields("a principal name")
    names = parts[1].only(der.SEQUENCE, "name-string")
    return Name(der.read_integer(parts[0].only(der.INTEGER, "name-type")),
                tuple(child.value.decode() for child in names.children()))


def text(field_: der.Element) -> str:
    return field_.only(der.GENERAL_STRING, "a general string").value.decode()


def keytab(owner: Name, realm: str, kvno: int, etype: int, key: bytes) -> bytes:
    """A keytab with one key (MIT's format 0x0502)."""
    texts = [realm, *owner.parts]
    entry = struct.pack(">H", len(owner.parts)) + b"".join(_counted(text.encode(), ">H") for text in texts)
    entry += struct.pack(">iIB", owner.kind, 0, kvno & 0xFF) + struct.pack(">H", etype) + _counted(key, ">H")
    entry += struct.pack(">I", kvno)
    return b"\x05\x02" + struct.pack(">i", len(entry)) + entry


@dataclass(frozen=True, slots=True)
class Ticket:
    """A line of a ticket cache. `second`: the TGT that user-to-user has the ticket encrypted with."""

    realm: str
    server: Name
    etype: int
    key: bytes
    flags: int
    ticket: bytes
    start: int
    second: bytes = b""


def ticket_cache(client: Name, client_realm: str, tickets: list[Ticket]) -> bytes:
    """A credential cache (MIT's version 4)."""
    def principal(name: Name, realm: str) -> bytes:
        return struct.pack(">iI", name.kind, len(name.parts)) + b"".join(
            _counted(text.encode(), ">I") for text in (realm, *name.parts))

    made = b"\x05\x04\x00\x00" + principal(client, client_realm)
    for one in tickets:
        made += principal(client, client_realm) + principal(one.server, one.realm)
        made += struct.pack(">H", one.etype) + _counted(one.key, ">I")
        made += struct.pack(">IIII", one.start, one.start, one.start + 36000, 0)
        made += struct.pack(">BIII", bool(one.second), one.flags, 0, 0)
        made += _counted(one.ticket, ">I") + _counted(one.second, ">I")
    return made


def _counted(data: bytes, size: str) -> bytes:
    return struct.pack(size, len(data)) + data
