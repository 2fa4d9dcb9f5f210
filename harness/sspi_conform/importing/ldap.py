# SPDX-License-Identifier: Apache-2.0
"""LDAP binds by SASL (RFC 4511 4.2, RFC 4513) and by Sicily (MS-ADTS 5.1.1.1.3)."""
from __future__ import annotations

from ..exchange.model import CLIENT, LDAP, SERVER, Status
from ..tokens import TokenError, der
from . import names
from .draft import Draft, Place
from .reader import NOT_THIS, UNKNOWN, Reader, Sized
from .streams import Framing, Record

_BIND_REQUEST, _BIND_RESPONSE, _UNBIND = 0x60, 0x61, 0x42
_EXTENDED_REQUEST, _EXTENDED_RESPONSE = 0x77, 0x78
_FROM_CLIENT = (_BIND_REQUEST, _UNBIND, 0x63, 0x66, 0x68, 0x4A, 0x6C, 0x6E, 0x50, _EXTENDED_REQUEST)
_FROM_SERVER = (_BIND_RESPONSE, 0x64, 0x65, 0x67, 0x69, 0x6B, 0x6D, 0x6F, 0x73, _EXTENDED_RESPONSE)
_SASL, _SICILY_NEGOTIATE, _SICILY_RESPONSE = 0xA3, (0x8A, 0xAA), (0x8B, 0xAB)
_MECHANISMS = (b"GSS-SPNEGO", b"GSSAPI", b"NTLM")
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_SUCCESS, _IN_PROGRESS = 0, 14
_LARGEST = 16 << 20


class Ldap(Reader):
    protocol = dissector = "ldap"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._current: Draft | None = None
        self._wants_tls = False

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        tag = _operation(data)
        return CLIENT if tag in _FROM_CLIENT else SERVER if tag in _FROM_SERVER else None

    def framing(self, sender: str) -> Framing:
        return Sized(size_of, lambda data: _operation(data) is not None, self._is_wanted)

    def _is_wanted(self, data: bytearray, size: int) -> bool:
        return not self.is_tls and _operation(bytes(data[:24])) in (
            _BIND_REQUEST, _BIND_RESPONSE, _EXTENDED_REQUEST, _EXTENDED_RESPONSE)

    def record(self, sender: str, record: Record) -> None:
        try:
            _, operation, *_ = der.read(record.data).children()
            self._operation(sender, operation.tag, list(operation.children()), record)
        except (TokenError, ValueError, LookupError):
            return  # broken; its token would be too

    def _operation(self, sender: str, tag: int, parts: list[der.Element], record: Record) -> None:
        if tag == _BIND_REQUEST and sender == CLIENT:
            self._request(parts, record)
        elif tag == _BIND_RESPONSE and sender == SERVER:
            self._response(parts, record)
        elif tag == _EXTENDED_REQUEST:
            self._wants_tls = parts[0].value == _START_TLS
        elif tag == _EXTENDED_RESPONSE and self._wants_tls and parts[0].value == b"\0":
            self.is_tls = True

    def _request(self, parts: list[der.Element], record: Record) -> None:
        choice = parts[2]
        if choice.tag == _SASL:
            inner = list(choice.children())
            mechanism, token = inner[0].value, inner[1].value if len(inner) > 1 else b""
            if mechanism not in _MECHANISMS:
                self._current = None
                return
        elif choice.tag in _SICILY_NEGOTIATE + _SICILY_RESPONSE:
            mechanism, token = b"Sicily", choice.value
            if choice.tag & 0x20:  # as some clients write it, with an OCTET STRING inside
                token = der.read(choice.data, choice.start, choice.stop).value
        else:
            self._current = None
            return
        if self._current is None or self._current.over:
            self._current = self.begin("LDAP", method=mechanism.decode("ascii"), service="ldap",
                                       sealed="TLS" if self.place.channel else "")
        if token[:1] != b"\x05":  # the wrapped choice of a security layer (RFC 4752 3.1) is no token of the exchange
            self._current.leg(CLIENT, token, record)

    def _response(self, parts: list[der.Element], record: Record) -> None:
        current = self._current
        if current is None:  # of a simple bind, or of one before the capture
            token = next((part.value for part in parts[3:] if part.tag == 0x87), b"")
            if not token:
                return
            current = self._current = self.begin("LDAP", service="ldap")
        code = int.from_bytes(parts[0].value[-4:], "big")
        token = next((part.value for part in parts[3:] if part.tag == 0x87), b"")
        if parts[1].value[:8] == b"NTLMSSP\0":  # Sicily: the challenge is where the name belongs
            token = parts[1].value
        elif token[:1] == b"\x05":
            token = b""
        going = code == _IN_PROGRESS or code == _SUCCESS and parts[1].value[:8] == b"NTLMSSP\0"
        status = Status(LDAP, code, names.LDAP.get(code, ""), None if going else code == _SUCCESS, _text(parts[2].value))
        current.leg(SERVER, token, record, status)
        if not going:
            current.ends(status)


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")[:400]


def size_of(data: bytes | bytearray) -> int:
    """An LDAPMessage in BER, or what SASL puts around a protected one: four octets of length (RFC 4422 3.7)."""
    if len(data) < 6:
        return UNKNOWN
    if data[0] != 0x30:
        size = 4 + int.from_bytes(data[:4], "big")
    else:
        octets = data[1] & 0x7F if data[1] & 0x80 else 0
        size = 2 + octets + (int.from_bytes(data[2:2 + octets], "big") if octets else data[1])
    return size if 4 < size <= _LARGEST else NOT_THIS


def _operation(data: bytes) -> int | None:
    """The tag of the operation of the LDAPMessage that begins here; None when none does."""
    if len(data) < 8 or data[0] != 0x30:
        return None
    at = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    if at > 6 or data[at:at + 1] != b"\x02" or at + 2 > len(data):
        return None
    octets = data[at + 1]
    at += 2 + octets
    tag = data[at] if octets <= 5 and at < len(data) else None
    return tag if tag in _FROM_CLIENT or tag in _FROM_SERVER else None
