# SPDX-License-Identifier: Apache-2.0
"""Where each field of a token begins, so that a token can end there.

NTLM messages have no length of their own and are just cut. In DER every enclosing length is written anew: what is
missing is then the field and all that follows it, not a byte count that a receiver sees at once.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from . import der, kerberos, ntlm, spnego
from .der import Element
from .errors import TokenError

# MS-NLMP 2.2.1: fixed fields by offset; payload fields by the offset of their descriptor.
_NTLM_FIXED: Mapping[int, Mapping[str, int]] = {
    1: {"MessageType": 8, "NegotiateFlags": 12, "DomainNameFields": 16, "WorkstationFields": 24, "Version": 32},
    2: {"MessageType": 8, "TargetNameFields": 12, "NegotiateFlags": 20, "ServerChallenge": 24, "Reserved": 32,
        "TargetInfoFields": 40, "Version": 48},
    3: {"MessageType": 8, "LmChallengeResponseFields": 12, "NtChallengeResponseFields": 20, "DomainNameFields": 28,
        "UserNameFields": 36, "WorkstationFields": 44, "EncryptedRandomSessionKeyFields": 52, "NegotiateFlags": 60,
        "Version": 64, "MIC": 72}}
_FIELDS = "Fields"  # how a descriptor's name ends

# RFC 4120 5.4.1, 5.5.1, 5.5.2, 5.9.1, draft-swift-win2k-krb-user2user 3: [n] to a name and what is inside it.
Grammar = Mapping[int, tuple[str, "Grammar | None"]]
_ENCRYPTED: Grammar = {0: ("etype", None), 1: ("kvno", None), 2: ("cipher", None)}
_TICKET: Grammar = {0: ("tkt-vno", None), 1: ("realm", None), 2: ("sname", None), 3: ("enc-part", _ENCRYPTED)}
_KERBEROS: Mapping[int, Grammar] = {
    0x6E: {0: ("pvno", None), 1: ("msg-type", None), 2: ("ap-options", None), 3: ("ticket", _TICKET),
           4: ("authenticator", _ENCRYPTED)},
    0x6F: {0: ("pvno", None), 1: ("msg-type", None), 2: ("enc-part", _ENCRYPTED)},
    0x7E: {0: ("pvno", None), 1: ("msg-type", None), 4: ("stime", None), 5: ("susec", None), 6: ("error-code", None),
           9: ("realm", None), 10: ("sname", None), 12: ("e-data", None)},
    0x30: {0: ("pvno", None), 1: ("msg-type", None), 2: ("ticket", _TICKET)}}
# RFC 4178 4.2.1, 4.2.2
_INIT: Grammar = {0: ("mechTypes", None), 1: ("reqFlags", None), 2: ("mechToken", None), 3: ("mechListMIC", None)}
_RESP: Grammar = {0: ("negState", None), 1: ("supportedMech", None), 2: ("responseToken", None),
                  3: ("mechListMIC", None)}
_INNER = ("mechToken", "responseToken")


@dataclass(frozen=True)
class Boundary:
    """The first byte of a field, and the elements around it, outermost first."""

    offset: int
    around: tuple[Element, ...] = ()


def boundaries(data: bytes) -> dict[str, Boundary]:
    """Every field of a token by name; the fields of a token inside SPNEGO begin with `inner.`."""
    return _token(data, 0, len(data), ())


def end_before(data: bytes, field: str) -> bytes:
    """The token as it is when its sender stops before that field, with lengths that say so."""
    found = boundaries(data)
    if field not in found:
        raise ValueError(f"the token has no field '{field}'; it has {', '.join(found)}")
    one = found[field]
    position, kept = one.offset, b""
    for element in reversed(one.around):
        kept = der.write(element.tag, data[element.start:position] + kept)
        position = element.offset
    return data[:position] + kept


def _token(data: bytes, start: int, stop: int, around: tuple[Element, ...]) -> dict[str, Boundary]:
    if data[start:start + 8] == ntlm.SIGNATURE:
        return _ntlm(data[start:stop], start, around)
    outer = der.read(data, start, stop)
    if outer.tag == 0x60:
        return _framed(data, outer, (*around, outer))
    if outer.tag == 0xA1:
        return _choice(outer, _RESP, around)
    if outer.tag == 0xA0:
        return _choice(outer, _INIT, around)
    return _kerberos(outer, around)


def _ntlm(message: bytes, base: int, around: tuple[Element, ...]) -> dict[str, Boundary]:
    kind = int.from_bytes(message[8:12], "little")
    if kind not in _NTLM_FIXED:
        raise TokenError(base + 8, "an NTLM message type")
    found = {name: offset for name, offset in _NTLM_FIXED[kind].items() if offset < len(message)}
    for name, offset in list(found.items()):
        if name.endswith(_FIELDS):
            size = int.from_bytes(message[offset:offset + 2], "little")
            place = int.from_bytes(message[offset + 4:offset + 8], "little")
            if size and place + size <= len(message):
                found[name.removesuffix(_FIELDS)] = place
    return {name: Boundary(base + offset, around) for name, offset in found.items()}


def _framed(data: bytes, outer: Element, around: tuple[Element, ...]) -> dict[str, Boundary]:
    oid = der.read(data, outer.start, outer.stop)
    found = {"thisMech": Boundary(oid.offset, around)}
    if der.read_oid(oid) == spnego.SPNEGO:
        body = der.read(data, oid.stop, outer.stop)
        return found | {"token": Boundary(body.offset, around)} | _token(data, oid.stop, outer.stop, around)
    if der.read_oid(oid) not in kerberos.KERBEROS_OIDS:
        raise TokenError(oid.offset, "a mechanism known here")
    body = der.read(data, oid.stop + 2, outer.stop)
    return (found | {"TOK_ID": Boundary(oid.stop, around), "message": Boundary(body.offset, around)}
            | _kerberos(body, around))


def _kerberos(body: Element, around: tuple[Element, ...]) -> dict[str, Boundary]:
    if body.tag not in _KERBEROS:
        raise TokenError(body.offset, "a Kerberos message")
    if body.tag == der.SEQUENCE:
        return _fields(body, _KERBEROS[body.tag], around, "")
    return _fields(body.only(der.SEQUENCE, "a SEQUENCE"), _KERBEROS[body.tag], (*around, body), "")


def _choice(choice: Element, grammar: Grammar, around: tuple[Element, ...]) -> dict[str, Boundary]:
    found = _fields(choice.only(der.SEQUENCE, "a SEQUENCE"), grammar, (*around, choice), "")
    for name in _INNER:
        if name in found:
            field = der.read(choice.data, found[name].offset, choice.stop)
            octets = field.only(der.OCTET_STRING, "an OCTET STRING")
            if octets.start < octets.stop:
                inner = _token(choice.data, octets.start, octets.stop, (*found[name].around, field, octets))
                found |= {f"inner.{one}": boundary for one, boundary in inner.items()}
    return found


def _fields(sequence: Element, grammar: Grammar, around: tuple[Element, ...], prefix: str) -> dict[str, Boundary]:
    around = (*around, sequence)
    found: dict[str, Boundary] = {}
    for number, field in sequence.fields("a message").items():
        name, inside = grammar.get(number, (f"[{number}]", None))
        found[prefix + name] = Boundary(field.offset, around)
        if inside is not None:
            value = der.read(field.data, field.start, field.stop)
            enclosing = (*around, field)
            if value.tag != der.SEQUENCE:  # a ticket has a tag of its own
                enclosing, value = (*enclosing, value), value.only(der.SEQUENCE, "a SEQUENCE")
            found |= _fields(value, inside, enclosing, f"{prefix}{name}.")
    return found
