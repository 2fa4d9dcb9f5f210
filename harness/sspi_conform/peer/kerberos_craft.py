# SPDX-License-Identifier: Apache-2.0
"""AP-REQs that no client would send, and AP-REPs: genuine ones opened with the key of the service, altered, and sealed
again.

The peer reads that key from the keytab of the realm (KRB5_KTNAME), as an acceptor would; hence this is for throwaway
realms alone. Messages are RFC 4120 5.5.1, the checksum of type 0x8003 is RFC 4121 4.1.1.
"""
from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from realm.krb5_bytes import Fields, crypt, drop, field, inside, joined, keytab_keys, put, sequence, split, tlv

SKEW = 300  # seconds that acceptors allow
_TICKET, _AUTHENTICATOR = 2, 11  # key usages, RFC 4120 7.5.1
_OPTIONS, _IN_REQUEST, _SEALED = 0xA2, 0xA3, 0xA4  # fields of AP-REQ
_VERSION, _REALM, _NAME, _CHECKSUM, _, _CTIME, _SUBKEY, _NUMBER = range(0xA0, 0xA8)  # of Authenticator
_USE_SESSION_KEY = 0x40
_DELEG = 1
_MD5, _GSS = 7, 0x8003

Edit = Callable[[Fields], None]


def edits() -> Mapping[str, Edit]:
    """What is done to an authenticator, by the names of misbehave.py."""
    mallory = tlv(0x30, tlv(0xA0, _integer(1)) + tlv(0xA1, tlv(0x30, tlv(0x1B, b"mallory"))))
    return {
        "untouched": lambda part: None,
        "other-client": lambda part: put(part, _NAME, mallory),
        "other-realm": lambda part: put(part, _REALM, tlv(0x1B, b"ELSEWHERE.TEST")),
        "version": lambda part: put(part, _VERSION, _integer(4)),
        "late": lambda part: _clock(part, -2 * SKEW),
        "early": lambda part: _clock(part, 2 * SKEW),
        "a-little-late": lambda part: _clock(part, -SKEW / 2),
        "a-little-early": lambda part: _clock(part, SKEW / 2),
        "no-checksum": lambda part: drop(part, _CHECKSUM),
        "plain-checksum": lambda part: _checksum(part, _MD5, bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")),
        "unknown-checksum": lambda part: _checksum(part, 0x7001, bytes(16)),
        "short-checksum": lambda part: _gss(part, lambda body: body[:23]),
        "bindings-length": lambda part: _gss(part, lambda body: struct.pack("<I", 15) + body[4:]),
        "unknown-flags": lambda part: _gss(part, lambda body: body[:20] + _more_flags(body, 0xFFF00000) + body[24:]),
        "extensions": lambda part: _gss(part, lambda body: body + b"\x7f\xff\0\1\0\0\0\4more"),
        "delegation-missing": lambda part: _delegation(part, b""),
        "delegation-option": lambda part: _delegation(part, struct.pack("<HH", 2, 0)),
        "delegation-long": lambda part: _delegation(part, struct.pack("<HH", 1, 500) + b"x"),
        "delegation-garbage": lambda part: _delegation(part, struct.pack("<HH", 1, 4) + b"abcd"),
        "subkey-unknown": lambda part: _subkey(part, 999, 32),
        "subkey-aes128": lambda part: _subkey(part, 17, 16),
        "subkey-rc4": lambda part: _subkey(part, 23, 16),
        "no-subkey": lambda part: drop(part, _SUBKEY),
        "no-number": lambda part: drop(part, _NUMBER),
    }


def altered(token: bytes, edit: str) -> bytes:
    """The GSS token of an AP-REQ, or the AP-REQ alone, as `edit` wants it."""
    head = token.find(b"\x01\x00\x6e") + 2 if token[:1] == b"\x60" else 0
    request = sequence(inside(token[head:], 0x6E))
    found = edits()
    if edit in found:
        _edit_authenticator(request, found[edit])
    else:
        _edit_request(request, edit)
    made = tlv(0x6E, tlv(0x30, joined(request)))
    if not head:
        return made
    _, framed, _ = split(token)
    oid = framed[:len(framed) - len(token) + head]  # object identifier and TOK_ID
    return tlv(0x60, oid + made)


# AP-REPs

_REPLY, _REPLY_PART, _REPLY_USAGE = 0x6F, 0x7B, 12  # RFC 4120 5.5.2, 7.5.1
_REPLY_CTIME, _REPLY_CUSEC, _REPLY_SUBKEY, _REPLY_NUMBER = range(0xA0, 0xA4)
_KRB5_OID, _SPNEGO_OID = bytes.fromhex("06092a864886f712010202"), bytes.fromhex("06062b0601050502")


def reply_edits() -> Mapping[str, Edit]:
    """What is done to the encrypted part of an AP-REP."""
    return {
        "untouched": lambda part: None,
        "other-second": lambda part: put(part, _REPLY_CTIME, tlv(0x18, b"20200101000000Z")),
        "other-microsecond": lambda part: put(part, _REPLY_CUSEC, _other_number(field(part, _REPLY_CUSEC))),
        "no-subkey": lambda part: drop(part, _REPLY_SUBKEY),
        "subkey-unknown": lambda part: put(part, _REPLY_SUBKEY, _key(999, 32)),
        "other-subkey": lambda part: put(part, _REPLY_SUBKEY, _key(18, 32)),
        "subkey-short": lambda part: put(part, _REPLY_SUBKEY, _key(18, 5)),
        "no-number": lambda part: drop(part, _REPLY_NUMBER),
        "other-number": lambda part: put(part, _REPLY_NUMBER, _other_number(field(part, _REPLY_NUMBER))),
    }


def framing_edits() -> Mapping[str, Callable[[bytes, bytes], bytes]]:
    """What is done to an AP-REP around its encryption: of the token as it would go out and the bare message in it."""
    return {
        "token-id": lambda token, bare: tlv(0x60, _KRB5_OID + b"\x01\x00" + bare),
        "mechanism": lambda token, bare: tlv(0x60, _SPNEGO_OID + b"\x02\x00" + bare),
        "framing": lambda token, bare: bare if token[:1] == b"\x60" else tlv(0x60, _KRB5_OID + b"\x02\x00" + bare),
        "cut": lambda token, bare: token[:-8],
        "sealed-cut": lambda token, bare: _around(token, _outer(bare, 0xA2, _encrypted(b"short"))),
        "version": lambda token, bare: _around(token, _outer(bare, 0xA0, _integer(4))),
        "type": lambda token, bare: _around(token, _outer(bare, 0xA1, _integer(14))),
    }


def altered_reply(token: bytes, request: bytes, edit: str) -> bytes:
    """The AP-REP in `token`, which answers `request`, as `edit` wants it."""
    bare = token[token.find(b"\x02\x00\x6f") + 2:] if token[:1] == b"\x60" else token
    around = framing_edits()
    if edit in around:
        return around[edit](token, bare)
    head = request.find(b"\x01\x00\x6e") + 2 if request[:1] == b"\x60" else 0
    key, kind = _session_key(field(sequence(inside(request[head:], 0x6E)), _IN_REQUEST))
    sealed = sequence(field(sequence(inside(bare, _REPLY)), 0xA2))
    part = sequence(inside(crypt(key, kind, _REPLY_USAGE, inside(field(sealed, 0xA2), 0x04), opening=True), _REPLY_PART))
    if edit == "other-key":
        key = os.urandom(len(key))
    else:
        reply_edits()[edit](part)
    again = crypt(key, kind, _REPLY_USAGE, tlv(_REPLY_PART, tlv(0x30, joined(part))), opening=False)
    put(sealed, 0xA2, tlv(0x04, again))
    return _around(token, _outer(bare, 0xA2, tlv(0x30, joined(sealed))))


def _outer(bare: bytes, tag: int, content: bytes) -> bytes:
    """The AP-REP with another field."""
    reply = sequence(inside(bare, _REPLY))
    put(reply, tag, content)
    return tlv(_REPLY, tlv(0x30, joined(reply)))


def _around(token: bytes, bare: bytes) -> bytes:
    """Framed as the token was."""
    return tlv(0x60, _KRB5_OID + b"\x02\x00" + bare) if token[:1] == b"\x60" else bare


def _encrypted(cipher: bytes) -> bytes:
    return tlv(0x30, tlv(0xA0, _integer(18)) + tlv(0xA2, tlv(0x04, cipher)))


def _other_number(element: bytes) -> bytes:
    return _integer(_number(element) ^ 1)


# AP-REQs

def _edit_request(request: Fields, edit: str) -> None:
    if edit == "use-session-key":
        bits = bytearray(field(request, _OPTIONS))
        bits[3] |= _USE_SESSION_KEY  # behind tag, length and the number of unused bits
        put(request, _OPTIONS, bytes(bits))
    elif edit == "request-version":
        put(request, 0xA0, _integer(4))
    else:
        put(request, 0xA1, _integer(15))


def _edit_authenticator(request: Fields, edit: Edit) -> None:
    session, kind = _session_key(field(request, _IN_REQUEST))
    sealed = sequence(field(request, _SEALED))
    plain = crypt(session, kind, _AUTHENTICATOR, inside(field(sealed, 0xA2), 0x04), opening=True)
    part = sequence(inside(plain, 0x62))
    edit(part)
    again = crypt(session, kind, _AUTHENTICATOR, tlv(0x62, tlv(0x30, joined(part))), opening=False)
    put(sealed, 0xA2, tlv(0x04, again))
    put(request, _SEALED, tlv(0x30, joined(sealed)))


def _session_key(ticket: bytes) -> tuple[bytes, int]:
    """The key inside a ticket and its type."""
    fields = sequence(inside(ticket, 0x61))
    sealed = sequence(field(fields, 0xA3))
    kind = _number(field(sealed, 0xA0))
    names = [part.decode() for _, part in sequence(field(sequence(field(fields, 0xA2)), 0xA1))]
    keytab = Path(os.environ["KRB5_KTNAME"].removeprefix("FILE:"))
    key = keytab_keys(keytab, "/".join(names))[kind]
    part = sequence(inside(crypt(key, kind, _TICKET, inside(field(sealed, 0xA2), 0x04), opening=True), 0x63))
    inner = sequence(field(part, 0xA1))
    return inside(field(inner, 0xA1), 0x04), _number(field(inner, 0xA0))


# What edits do

def _integer(value: int) -> bytes:
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _number(element: bytes) -> int:
    return int.from_bytes(inside(element, 0x02), "big")


def _clock(part: Fields, ahead: float) -> None:
    text = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + ahead)).encode()
    put(part, _CTIME, tlv(0x18, text))


def _checksum(part: Fields, kind: int, body: bytes) -> None:
    put(part, _CHECKSUM, tlv(0x30, tlv(0xA0, _integer(kind)) + tlv(0xA1, tlv(0x04, body))))


def _gss(part: Fields, change: Callable[[bytes], bytes]) -> None:
    """RFC 4121 4.1.1: Lgth, Bnd, Flags, perhaps DlgOpt, Dlgth and Deleg, perhaps Exts."""
    body = inside(field(sequence(field(part, _CHECKSUM)), 0xA1), 0x04)
    _checksum(part, _GSS, change(body))


def _more_flags(body: bytes, more: int) -> bytes:
    return struct.pack("<I", struct.unpack_from("<I", body, 20)[0] | more)


def _delegation(part: Fields, field_of_it: bytes) -> None:
    _gss(part, lambda body: body[:20] + _more_flags(body, _DELEG) + field_of_it)


def _subkey(part: Fields, kind: int, size: int) -> None:
    put(part, _SUBKEY, _key(kind, size))


def _key(kind: int, size: int) -> bytes:
    return tlv(0x30, tlv(0xA0, _integer(kind)) + tlv(0xA1, tlv(0x04, os.urandom(size))))
