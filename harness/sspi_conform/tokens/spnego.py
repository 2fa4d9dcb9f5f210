# SPDX-License-Identifier: Apache-2.0
"""SPNEGO messages (RFC 4178 4.2, MS-SPNG 2.2.1): NegTokenInit, NegTokenInit2, NegTokenResp."""
from __future__ import annotations

from dataclasses import dataclass, replace

from . import der
from .errors import TokenError

SPNEGO = "1.3.6.1.5.5.2"
KRB5 = "1.2.840.113554.1.2.2"
KRB5_U2U = "1.2.840.113554.1.2.2.3"
MS_KRB5 = "1.2.840.48018.1.2.2"  # a bit lost on the way by Windows 2000, kept since (MS-SPNG 1.9)
NEGOEX = "1.3.6.1.4.1.311.2.2.30"
NTLM = "1.3.6.1.4.1.311.2.2.10"
MECHANISM_NAMES = {KRB5: "KRB5", KRB5_U2U: "KRB5-U2U", MS_KRB5: "MS-KRB5", NEGOEX: "NEGOEX", NTLM: "NTLM"}

ACCEPT_COMPLETED, ACCEPT_INCOMPLETE, REJECT, REQUEST_MIC = range(4)
STATE_NAMES = ("accept-completed", "accept-incomplete", "reject", "request-mic")

# MS-SPNG 2.2.1: the name of the hint has had no meaning since Windows Vista and is always this one.
HINT_NAME = b"not_defined_in_RFC4178@please_ignore"


@dataclass(frozen=True, slots=True)
class NegTokenInit:
    """The first message; with negHints it is NegTokenInit2, where the MIC moves from [3] to [4]."""

    mech_types: tuple[str, ...] = ()
    mech_token: bytes | None = None
    mic: bytes | None = None
    hint_name: bytes | None = None
    is_init2: bool = False
    req_flags: bytes | None = None
    mech_types_der: bytes = b""  # as received: what the mechListMIC covers (RFC 4178 5)
    framed: bool = True

    def pack(self) -> bytes:
        fields = []
        if self.mech_types:
            fields.append(der.write(0xA0, self.mech_types_der or write_mech_types(self.mech_types)))
        if self.req_flags is not None:
            fields.append(der.write(0xA1, der.write(der.BIT_STRING, self.req_flags)))
        if self.mech_token is not None:
            fields.append(der.write(0xA2, der.write(der.OCTET_STRING, self.mech_token)))
        if self.is_init2 and self.hint_name is not None:
            hint = der.write(0xA0, der.write(der.GENERAL_STRING, self.hint_name))
            fields.append(der.write(0xA3, der.write(der.SEQUENCE, hint)))
        if self.mic is not None:
            fields.append(der.write(0xA4 if self.is_init2 else 0xA3, der.write(der.OCTET_STRING, self.mic)))
        body = der.write(0xA0, der.write(der.SEQUENCE, *fields))
        return frame(SPNEGO, body) if self.framed else body


@dataclass(frozen=True, slots=True)
class NegTokenResp:
    neg_state: int | None = None
    supported_mech: str | None = None
    response_token: bytes | None = None
    mic: bytes | None = None

    def pack(self) -> bytes:
        fields = []
        if self.neg_state is not None:
            fields.append(der.write(0xA0, der.write(der.ENUMERATED, bytes((self.neg_state,)))))
        if self.supported_mech is not None:
            fields.append(der.write(0xA1, der.write_oid(self.supported_mech)))
        if self.response_token is not None:
            fields.append(der.write(0xA2, der.write(der.OCTET_STRING, self.response_token)))
        if self.mic is not None:
            fields.append(der.write(0xA3, der.write(der.OCTET_STRING, self.mic)))
        return der.write(0xA1, der.write(der.SEQUENCE, *fields))

    @property
    def state_name(self) -> str | None:
        if self.neg_state is None:
            return None
        return STATE_NAMES[self.neg_state] if 0 <= self.neg_state < 4 else str(self.neg_state)


def mechanism_name(oid: str) -> str:
    """The short name of a mechanism, or the dotted identifier."""
    return MECHANISM_NAMES.get(oid, oid)


def frame(oid: str, body: bytes) -> bytes:
    """GSS framing of a first token (RFC 2743 3.1)."""
    return der.write(0x60, der.write_oid(oid), body)


def unframe(data: bytes) -> tuple[str, bytes]:
    """The mechanism of a framed token and what is inside."""
    outer = der.read_whole(data)
    outer.must_be(0x60, "GSS framing")
    oid = der.read(data, outer.start, outer.stop)
    return der.read_oid(oid), data[oid.stop:outer.stop]


def write_mech_types(mech_types: tuple[str, ...]) -> bytes:
    """The MechTypeList, the bytes of which the mechListMIC covers."""
    return der.write(der.SEQUENCE, *map(der.write_oid, mech_types))


def parse(data: bytes) -> NegTokenInit | NegTokenResp:
    """Read a SPNEGO message. NegTokenInit without GSS framing and NegTokenResp with it are read too: both are seen."""
    if data[:1] == b"\x60":
        outer = der.read_whole(data)
        oid = der.read(data, outer.start, outer.stop)
        if der.read_oid(oid) != SPNEGO:
            raise TokenError(oid.offset, "the object identifier of SPNEGO")
        body = der.read(data, oid.stop, outer.stop)
        if body.stop != outer.stop:
            raise TokenError(body.stop, "the end of the token")
        return _read_response(body) if body.tag == 0xA1 else _read_init(body)
    body = der.read_whole(data)
    if body.tag == 0xA0:
        return replace(_read_init(body), framed=False)
    if body.tag == 0xA1:
        return _read_response(body)
    raise TokenError(0, f"a SPNEGO message, not tag 0x{body.tag:02x}")


def _read_init(body: der.Element) -> NegTokenInit:
    body.must_be(0xA0, "NegTokenInit")
    found = body.only(der.SEQUENCE, "the SEQUENCE of NegTokenInit").fields("NegTokenInit")
    _refuse_others(found, 4, "NegTokenInit")
    mech_types: tuple[str, ...] = ()
    mech_types_der = b""
    if 0 in found:
        sequence = found[0].only(der.SEQUENCE, "mechTypes")
        mech_types = tuple(der.read_oid(child) for child in sequence.children())
        mech_types_der = sequence.whole
    req_flags = found[1].only(der.BIT_STRING, "reqFlags").value if 1 in found else None
    hint_name = mic = None
    # [3] is the mechListMIC of RFC 4178 or, as a SEQUENCE, the negHints of MS-SPNG.
    is_init2 = 4 in found or 3 in found and der.read(body.data, found[3].start, found[3].stop).tag == der.SEQUENCE
    if is_init2:
        if 3 in found:
            hint_name = _read_hint(found[3])
        if 4 in found:
            mic = _octets(found[4], "mechListMIC")
    elif 3 in found:
        mic = _octets(found[3], "mechListMIC")
    return NegTokenInit(mech_types, _octets(found[2], "mechToken") if 2 in found else None, mic, hint_name, is_init2,
                        req_flags, mech_types_der)


def _read_hint(field: der.Element) -> bytes | None:
    hints = field.only(der.SEQUENCE, "negHints").fields("negHints")
    _refuse_others(hints, 1, "negHints")
    if 1 in hints:
        _octets(hints[1], "hintAddress")
    return hints[0].only(der.GENERAL_STRING, "hintName").value if 0 in hints else None


def _read_response(body: der.Element) -> NegTokenResp:
    found = body.only(der.SEQUENCE, "the SEQUENCE of NegTokenResp").fields("NegTokenResp")
    _refuse_others(found, 3, "NegTokenResp")
    state = der.read_integer(found[0].only(der.ENUMERATED, "negState"), der.ENUMERATED) if 0 in found else None
    mech = der.read_oid(found[1].only(der.OID, "supportedMech")) if 1 in found else None
    return NegTokenResp(state, mech, _octets(found[2], "responseToken") if 2 in found else None,
                        _octets(found[3], "mechListMIC") if 3 in found else None)


def _octets(field: der.Element, what: str) -> bytes:
    return field.only(der.OCTET_STRING, what).value


def _refuse_others(found: dict[int, der.Element], highest: int, what: str) -> None:
    for number, element in found.items():
        if number > highest:
            raise TokenError(element.offset, f"a field [0] to [{highest}] of {what}, not [{number}]")
