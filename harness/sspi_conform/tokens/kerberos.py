# SPDX-License-Identifier: Apache-2.0
"""Kerberos tokens (RFC 4121 4.1, RFC 4120 5.5): framing and the outer fields, which nobody has to decrypt."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import der, spnego
from .errors import TokenError

# Token identifiers of RFC 4121 4.1 and of user-to-user (draft-swift-win2k-krb-user2user).
TOKEN_IDS = {
    b"\x01\x00": "AP-REQ", b"\x02\x00": "AP-REP", b"\x03\x00": "KRB-ERROR", b"\x04\x00": "TGT-REQ",
    b"\x04\x01": "TGT-REP", b"\x04\x04": "MIC", b"\x05\x04": "WRAP",
}
APPLICATION_TAGS = {0x6E: "AP-REQ", 0x6F: "AP-REP", 0x7E: "KRB-ERROR"}
KERBEROS_OIDS = (spnego.KRB5, spnego.MS_KRB5, spnego.KRB5_U2U)
AP_OPTIONS = {1: "use-session-key", 2: "mutual-required"}


@dataclass(frozen=True, slots=True)
class KerberosToken:
    """kind is AP-REQ, AP-REP, KRB-ERROR or TGT-REQ and the like; oid is None in DCE style, where nothing is around."""

    kind: str
    oid: str | None
    values: dict[str, Any] = field(default_factory=dict)


def parse(data: bytes) -> KerberosToken:
    """Read a Kerberos context token."""
    if data[:1] in (b"\x6e", b"\x6f", b"\x7e"):
        message = der.read_whole(data)
        kind = APPLICATION_TAGS[message.tag]
        return KerberosToken(kind, None, _READERS[kind](message))
    outer = der.read_whole(data)
    outer.must_be(0x60, "GSS framing or a bare Kerberos message")
    oid = der.read(data, outer.start, outer.stop)
    name = der.read_oid(oid)
    if name not in KERBEROS_OIDS:
        raise TokenError(oid.offset, f"the object identifier of Kerberos, not {name}")
    kind = TOKEN_IDS.get(data[oid.stop:min(oid.stop + 2, outer.stop)])
    if kind is None:
        raise TokenError(oid.stop, "a token identifier of RFC 4121 4.1")
    if kind not in _READERS:
        return KerberosToken(kind, name)
    message = der.read(data, oid.stop + 2, outer.stop)
    if message.stop != outer.stop:
        raise TokenError(message.stop, "the end of the token")
    if APPLICATION_TAGS.get(message.tag, message.tag) not in (kind, der.SEQUENCE if kind.startswith("TGT-") else None):
        raise TokenError(message.offset, f"an {kind}, as the token identifier says")
    return KerberosToken(kind, name, _READERS[kind](message))


def _read_request(message: der.Element) -> dict[str, Any]:
    """AP-REQ: pvno [0], msg-type [1], ap-options [2], ticket [3], authenticator [4]."""
    found = _fields(message, "AP-REQ", (0, 1, 2, 3, 4))
    options = found[2].only(der.BIT_STRING, "ap-options")
    if options.stop - options.start != 5:
        raise TokenError(options.offset, "32 bits of ap-options")
    bits = int.from_bytes(options.value[1:], "big")
    ticket = found[3].only(0x61, "a ticket")
    inner = _fields(ticket, "Ticket", (0, 1, 2, 3))
    sealed = _encrypted(inner[3], "the ticket's enc-part")
    return {
        "apOptions": [AP_OPTIONS.get(bit, str(bit)) for bit in range(32) if bits >> (31 - bit) & 1],
        "realm": _text(inner[1], "the realm"), "sname": _name(inner[2]),
        "etype": sealed["etype"], "kvno": sealed.get("kvno"),
        "authenticatorEtype": _encrypted(found[4], "the authenticator")["etype"],
    }


def _read_reply(message: der.Element) -> dict[str, Any]:
    found = _fields(message, "AP-REP", (0, 1, 2))
    return {"etype": _encrypted(found[2], "the AP-REP's enc-part")["etype"]}


def _read_error(message: der.Element) -> dict[str, Any]:
    """KRB-ERROR: stime [4], susec [5], error-code [6], realm [9], sname [10], e-data [12] among optional others."""
    found = _fields(message, "KRB-ERROR", (0, 1, 4, 5, 6, 9, 10))
    return {
        "errorCode": der.read_integer(found[6].only(der.INTEGER, "error-code")),
        "realm": _text(found[9], "the realm"), "sname": _name(found[10]),
        "eData": found[12].only(der.OCTET_STRING, "e-data").value.hex() if 12 in found else "absent",
    }


def _read_tgt_request(message: der.Element) -> dict[str, Any]:
    """TGT-REQ: pvno [0], msg-type [1], server-name [2] and realm [3], both optional."""
    found = message.fields("TGT-REQ")
    name = _fields(found[2], "a principal name", (0, 1)) if 2 in found else {}
    return {
        "sname": _name(found[2]) if name else "absent",
        "nameType": der.read_integer(name[0].only(der.INTEGER, "name-type")) if name else "absent",
        "realm": _text(found[3], "the realm") if 3 in found else "absent",
    }


def _read_tgt_reply(message: der.Element) -> dict[str, Any]:
    """TGT-REP: pvno [0], msg-type [1], ticket [2]."""
    found = message.fields("TGT-REP")
    if 2 not in found:
        raise TokenError(message.offset, "the ticket of TGT-REP")
    inner = _fields(found[2].only(0x61, "a ticket"), "Ticket", (0, 1, 2, 3))
    return {"realm": _text(inner[1], "the realm"), "sname": _name(inner[2]),
            "etype": _encrypted(inner[3], "the ticket's enc-part")["etype"]}


def _fields(message: der.Element, what: str, needed: tuple[int, ...]) -> dict[int, der.Element]:
    found = message.only(der.SEQUENCE, f"the SEQUENCE of {what}").fields(what)
    for number in needed:
        if number not in found:
            raise TokenError(message.offset, f"the field [{number}] of {what}")
    return found


def _encrypted(field_: der.Element, what: str) -> dict[str, int]:
    parts = _fields(field_, what, (0, 2))
    found = {"etype": der.read_integer(parts[0].only(der.INTEGER, "etype"))}
    if 1 in parts:
        found["kvno"] = der.read_integer(parts[1].only(der.INTEGER, "kvno"))
    parts[2].only(der.OCTET_STRING, "cipher")
    return found


def _name(field_: der.Element) -> str:
    parts = _fields(field_, "a principal name", (0, 1))
    names = parts[1].only(der.SEQUENCE, "name-string")
    return "/".join(_string(child) for child in names.children())


def _text(field_: der.Element, what: str) -> str:
    return _string(field_.only(der.GENERAL_STRING, what))


def _string(element: der.Element) -> str:
    element.must_be(der.GENERAL_STRING, "a general string")
    return element.value.decode("utf-8", "replace")


_READERS: dict[str, Callable[[der.Element], dict[str, Any]]] = {
    "AP-REQ": _read_request, "AP-REP": _read_reply, "KRB-ERROR": _read_error,
    "TGT-REQ": _read_tgt_request, "TGT-REP": _read_tgt_reply,
}
