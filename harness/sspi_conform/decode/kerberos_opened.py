# SPDX-License-Identifier: Apache-2.0
"""Kerberos tokens opened with the key of a service (RFC 4120 5.3, 5.5, RFC 4121 4.1, MS-PAC 2)."""
from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ..error import ConformError
from ..proof import krb5_crypto, krb5_tokens
from ..tokens import TokenError, der, message_kind
from .kerberos_tree import Exchange, Key, etype_name
from .notes import Notes
from .ntlm_tree import time_of
from .tree import Node

# RFC 4121 4.1.1.1; the last three are of MS-KILE 3.2.5.2.
_GSS_FLAGS = {0x1: "DELEG", 0x2: "MUTUAL", 0x4: "REPLAY", 0x8: "SEQUENCE", 0x10: "CONF", 0x20: "INTEG",
              0x1000: "DCE-STYLE", 0x2000: "IDENTIFY", 0x4000: "EXTENDED-ERROR"}
# RFC 4120 5.3, RFC 6112, MS-KILE 2.2.1: bit numbers from the left.
_TICKET_FLAGS = {1: "forwardable", 2: "forwarded", 3: "proxiable", 4: "proxy", 5: "may-postdate", 6: "postdated",
                 7: "invalid", 8: "renewable", 9: "initial", 10: "pre-authent", 11: "hw-authent",
                 12: "transited-policy-checked", 13: "ok-as-delegate", 15: "canonicalize"}
_AUTHDATA = {1: "AD-IF-RELEVANT", 128: "AD-WIN2K-PAC", 129: "AD-ETYPE-NEGOTIATION", 141: "KERB-AUTH-DATA-TOKEN-RESTRICTIONS",
             142: "KERB-LOCAL", 143: "AD-AUTH-DATA-AP-OPTIONS", 144: "AD-TARGET-PRINCIPAL"}
# MS-PAC 2.4
_PAC = {1: "LOGON_INFO", 2: "CREDENTIALS", 6: "SERVER_CHECKSUM", 7: "KDC_CHECKSUM", 10: "CLIENT_INFO", 11: "DELEGATION_INFO",
        12: "UPN_DNS_INFO", 13: "CLIENT_CLAIMS", 14: "DEVICE_INFO", 15: "DEVICE_CLAIMS", 16: "TICKET_CHECKSUM",
        17: "ATTRIBUTES_INFO", 18: "REQUESTOR", 19: "FULL_CHECKSUM"}
_AP_OPTIONS = 143  # KERB_AUTH_DATA_AP_OPTIONS (MS-KILE 3.2.5.8)
_AP_OPTIONS_CBT, _AP_OPTIONS_UNVERIFIED = 0x4000, 0x8000
_ACCEPTOR_SIGN, _INITIATOR_SIGN = 23, 25  # key usages of RFC 4121 2
_RC4_SIGN, _RC4_MIC = 15, 24  # usage of RFC 4757 7.2; bytes behind the framing
_SIGNATURES = {-138: 16, 15: 12, 16: 12, 19: 16, 20: 24}  # bytes, by type (MS-PAC 2.8.1, RFC 8009 6)
_CHECKSUM_GSS = 24  # bytes without delegation


def open_token(kind: str, data: bytes, node: Node, exchange: Exchange) -> None:
    """An AP-REQ, or the AP-REP to the one before it, below `node`."""
    try:
        if kind == "AP-REQ":
            _request(data, node, exchange)
        elif exchange.session_key:
            _reply(data, node, exchange)
    except TokenError:
        raise
    except (LookupError, ValueError, struct.error) as error:  # whoever holds a key may have encrypted anything
        raise TokenError(0, "a well-formed message inside what the key opens") from error


def _request(data: bytes, node: Node, exchange: Exchange) -> None:
    request = krb5_tokens.request(data)
    exchange.session_key = b""
    facts = exchange.notes.facts
    opened = _open(request, exchange.keys)
    if isinstance(opened, _Shut):
        facts["ticket"] = opened.fact
        node.add("ticket", opened.text, "bad")
        return
    key, plain = opened
    own = not key.owner or key.owner.lower() == str(request.server).lower()
    facts |= {"ticket": "opened", "ticket-key": "same" if own else "another"}
    part = krb5_tokens.inside(der.read(plain), "EncTicketPart")
    ticket = node.add("ticket", f"opened with the key of {key.owner or 'this secret'}", "good")
    _ticket(ticket, part, key, exchange.notes)
    session = part[1].only(der.SEQUENCE, "key").fields("key")
    exchange.session_key = session[1].only(der.OCTET_STRING, "keyvalue").value
    try:
        inner = krb5_tokens.authenticator(request.authenticator, exchange.session_key)
    except ConformError as problem:
        facts["authenticator"] = "wrong"
        node.add("authenticator", f"the session key of the ticket does not open it: {problem.what}", "bad")
        return
    exchange.sent = inner.time
    kind = der.read_integer(session[0].only(der.INTEGER, "keytype"))
    same = (inner.client, inner.realm) == (krb5_tokens.name(part[3]), krb5_tokens.text(part[2]))
    facts |= {"session-etype": kind, "authenticator": "right", "client": "same" if same else "another"}
    _note(inner, exchange.notes)
    exchange.keys_of_messages = {False: (inner.subkey_type, inner.subkey) if inner.subkey
                                 else (kind, exchange.session_key)}
    exchange.dce_style = len(inner.checksum) >= _CHECKSUM_GSS and bool(inner.checksum[21] & 0x10)
    _authenticator(node.add("authenticator", "opened with the session key", "good"), inner)


@dataclass(frozen=True)
class _Shut:
    """Why a ticket does not open: a word of verify.py, and a sentence."""

    fact: str
    text: str


def _open(request: krb5_tokens.Request, keys: Sequence[Key]) -> tuple[Key, bytes] | _Shut:
    """The key that fits with what it opens, or why none does."""
    etype = request.sealed.etype
    same = [key for key in keys if key.etype == etype]
    if etype not in krb5_crypto.CONFOUNDER:
        return _Shut("etype unknown", f"encrypted with {etype_name(etype)}, which is not opened here")
    if not same:
        given = ", ".join(sorted({etype_name(key.etype) for key in keys})) or "no type"
        return _Shut("no such etype", f"encrypted with {etype_name(etype)}; the keys given are of {given}")
    for key in same:
        try:
            return key, request.sealed.open(key.value, krb5_crypto.TICKET)[1]
        except ConformError:
            continue
    return _Shut("no key fits", f"none of {len(same)} keys of {etype_name(etype)} opens it: another account's ticket, or a "
                 f"key of another version (the ticket says kvno {request.sealed.kvno})")


def _note(inner: krb5_tokens.Part, notes: Notes) -> None:
    """What an authenticator says."""
    notes.times["clock"] = inner.time / 10_000_000 - krb5_tokens.EPOCH
    if inner.subkey:
        notes.facts["subkey-etype"] = inner.subkey_type
    if len(inner.checksum) >= _CHECKSUM_GSS:
        notes.facts["gss-flags"] = _gss_flags(inner.checksum)
        notes.bindings = inner.checksum[4:20]
    options = next((content for kind, content in inner.authdata if kind == _AP_OPTIONS and len(content) == 4), bytes(4))
    notes.facts["bindings-aware"] = bool(int.from_bytes(options, "little") & _AP_OPTIONS_CBT)


def _gss_flags(checksum: bytes) -> list[str]:
    bits = int.from_bytes(checksum[20:24], "little")
    return [name for bit, name in _GSS_FLAGS.items() if bits & bit]


def _ticket(node: Node, part: dict[int, der.Element], key: Key, notes: Notes) -> None:
    bits = part[0].only(der.BIT_STRING, "flags").value[1:5]
    node.add("flags", [name for bit, name in _TICKET_FLAGS.items() if int.from_bytes(bits, "big") >> (31 - bit) & 1])
    session = part[1].only(der.SEQUENCE, "key").fields("key")
    node.add("session key type", etype_name(der.read_integer(session[0].only(der.INTEGER, "keytype"))))
    node.add("client", f"{krb5_tokens.name(part[3])}@{krb5_tokens.text(part[2])}")
    for number, name in ((5, "authtime"), (6, "starttime"), (7, "endtime"), (8, "renew-till")):
        if number in part:
            node.add(name, _stamp(part[number]))
            notes.times |= _limit(name, part[number])
    notes.facts["pac"] = "absent"
    if 10 in part:
        for kind, content in krb5_tokens.authdata(part[10].only(der.SEQUENCE, "authorization-data")):
            if kind == 128:
                notes.facts["pac"] = {True: "right", False: "wrong", None: "unsigned"}[_pac(node.add("PAC"), content, key)]
            else:
                node.add(_AUTHDATA.get(kind, f"authorization data {kind}"), content)


def _pac(node: Node, pac: bytes, key: Key) -> bool | None:
    """MS-PAC 2.3; the server's checksum is verified, the KDC's cannot be. None: there is none."""
    if len(pac) < 8:
        node.add("PAC", "cut off", "bad")
        return None
    count, _ = struct.unpack_from("<II", pac)
    blank = bytearray(pac)
    server = None
    for number in range(min(count, 64)):
        if 8 + 16 * number + 16 > len(pac):
            node.add("buffer", "its description is cut off", "bad")
            return None
        kind, size, offset = struct.unpack_from("<IIQ", pac, 8 + 16 * number)
        if offset + size > len(pac):
            node.add(_PAC.get(kind, f"buffer {kind}"), f"{size} bytes at {offset}, outside of the PAC", "bad")
            continue
        content = pac[offset:offset + size]
        found = node.add(_PAC.get(kind, f"buffer {kind}"), f"{size} bytes")
        if kind == 10 and size >= 10:
            found.add("client", content[10:10 + int.from_bytes(content[8:10], "little")].decode("utf-16-le", "replace"))
        if kind in (6, 7) and size >= 4:
            signature = _SIGNATURES.get(int.from_bytes(content[:4], "little", signed=True), size - 4)
            blank[offset + 4:offset + 4 + signature] = bytes(signature)
            server = (found, content[:4], content[4:4 + signature]) if kind == 6 else server
    if not server:
        return None
    found, type_, signature_ = server
    made = krb5_crypto.checksum(key.etype, key.value, 17, bytes(blank))
    good = krb5_crypto.equal(made, signature_)
    found.add("signature", "made with the service's key" if good else "does not fit the PAC", "good" if good else "bad")
    return good


def _authenticator(node: Node, inner: krb5_tokens.Part) -> None:
    node.add("client", f"{inner.client}@{inner.realm}")
    node.add("time", time_of(inner.time))
    node.add("subkey", etype_name(inner.subkey_type) if inner.subkey else "none")
    node.add("sequence number", "none" if inner.sequence is None else inner.sequence)
    checksum = node.add("checksum (RFC 4121 4.1.1)")
    if len(inner.checksum) >= _CHECKSUM_GSS:
        bindings = inner.checksum[4:20]
        checksum.add("channel bindings", bindings if any(bindings) else "zero: none given")
        checksum.add("flags", _gss_flags(inner.checksum))
        if inner.checksum[20] & 1 and len(inner.checksum) >= 28:
            checksum.add("delegated credential", f"{int.from_bytes(inner.checksum[26:28], 'little')} bytes of KRB-CRED")
    else:
        checksum.value = inner.checksum or "none"
    for kind, content in inner.authdata:
        name = _AUTHDATA.get(kind, f"authorization data {kind}")
        if kind == _AP_OPTIONS and len(content) == 4:
            bits = int.from_bytes(content, "little")
            node.add(name, [text for bit, text in ((_AP_OPTIONS_CBT, "client knows of channel bindings"),
                                                   (_AP_OPTIONS_UNVERIFIED, "target name not verified")) if bits & bit])
        elif kind == 144:
            node.add(name, content.decode("utf-16-le", "replace"))
        else:
            node.add(name, content)


def _reply(data: bytes, node: Node, exchange: Exchange) -> None:
    try:
        part = krb5_tokens.reply_part(krb5_tokens.reply(data), exchange.session_key)
    except ConformError as problem:
        exchange.notes.facts["reply"] = "wrong"
        node.add("AP-REP", f"the session key of the AP-REQ does not open it: {problem.what}", "bad")
        return
    inner = node.add("enc-part", "opened with the session key", "good")
    exchange.notes.facts["reply"] = "right"
    if exchange.dce_style:
        exchange.notes.times["clock"] = part.time / 10_000_000 - krb5_tokens.EPOCH
        inner.add("time", f"{time_of(part.time)}, its sender's own, as in DCE style")
    else:
        same = part.time == exchange.sent
        exchange.notes.facts["reply"] = "right" if same else "of another request"
        inner.add("time", "that of the authenticator: the service is genuine" if same
                  else f"{time_of(part.time)}, not that of the authenticator", "good" if same else "bad")
    inner.add("subkey", etype_name(part.subkey_type) if part.subkey else "none")
    if part.subkey:
        exchange.keys_of_messages.setdefault(True, (part.subkey_type, part.subkey))
    inner.add("sequence number", "none" if part.sequence is None else part.sequence)


def check_mic(mic: bytes, message: bytes, exchange: Exchange) -> bool | None:
    """Whether a MIC token of RFC 4121 4.2.6.1 or RFC 4757 7.2 covers a message; None when its key is not known."""
    if message_kind(mic) == "RC4 MIC":
        return _check_rc4(mic, message, exchange)
    if mic[:2] != b"\x04\x04" or len(mic) < 16:
        return None
    acceptor = bool(mic[2] & 1)
    etype, key = exchange.keys_of_messages.get(bool(mic[2] & 4), (0, b""))
    if etype not in krb5_crypto.CONFOUNDER:
        return None
    usage = _ACCEPTOR_SIGN if acceptor else _INITIATOR_SIGN
    return krb5_crypto.equal(krb5_crypto.checksum(etype, key, usage, message + mic[:16]), mic[16:])


def _check_rc4(mic: bytes, message: bytes, exchange: Exchange) -> bool | None:
    """The token does not say whose key it is made with."""
    keys = [key for etype, key in exchange.keys_of_messages.values() if etype == krb5_crypto.RC4]
    token = mic[-_RC4_MIC:]
    if not keys:
        return None
    return any(krb5_crypto.equal(krb5_crypto.checksum(krb5_crypto.RC4, key, _RC4_SIGN, token[:8] + message)[:8], token[16:])
               for key in keys)


def _limit(name: str, element: der.Element) -> dict[str, float]:
    """The time a ticket begins or ends, as `times` of Notes has it."""
    found = {"starttime": "ticket-begins", "endtime": "ticket-ends"}.get(name)
    text = element.only(0x18, "a time").value.decode("latin-1")
    return {found: float(krb5_tokens.seconds(text))} if found else {}


def _stamp(element: der.Element) -> str:
    text = element.only(0x18, "a time").value.decode("ascii", "replace")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:14]}Z" if len(text) == 15 else text
