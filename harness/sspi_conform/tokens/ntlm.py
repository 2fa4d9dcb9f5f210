# SPDX-License-Identifier: Apache-2.0
"""NTLM messages (MS-NLMP 2.2): reading them into dataclasses, and putting them together.

A message object keeps every field as bytes; text is decoded by properties, because hostile text must not
stop the reading of the rest.
"""
from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import TokenError

SIGNATURE = b"NTLMSSP\0"

# MS-NLMP 2.2.2.5, by the names of the specification. 0x4000 is no longer in it: a client and server on one machine.
FLAGS = {
    0x00000001: "NTLMSSP_NEGOTIATE_UNICODE", 0x00000002: "NTLM_NEGOTIATE_OEM", 0x00000004: "NTLMSSP_REQUEST_TARGET",
    0x00000010: "NTLMSSP_NEGOTIATE_SIGN", 0x00000020: "NTLMSSP_NEGOTIATE_SEAL",
    0x00000040: "NTLMSSP_NEGOTIATE_DATAGRAM", 0x00000080: "NTLMSSP_NEGOTIATE_LM_KEY",
    0x00000200: "NTLMSSP_NEGOTIATE_NTLM", 0x00000800: "NTLMSSP_ANONYMOUS",
    0x00001000: "NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED", 0x00002000: "NTLMSSP_NEGOTIATE_OEM_WORKSTATION_SUPPLIED",
    0x00004000: "NTLMSSP_NEGOTIATE_LOCAL_CALL", 0x00008000: "NTLMSSP_NEGOTIATE_ALWAYS_SIGN",
    0x00010000: "NTLMSSP_TARGET_TYPE_DOMAIN", 0x00020000: "NTLMSSP_TARGET_TYPE_SERVER",
    0x00080000: "NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY", 0x00100000: "NTLMSSP_NEGOTIATE_IDENTIFY",
    0x00400000: "NTLMSSP_REQUEST_NON_NT_SESSION_KEY", 0x00800000: "NTLMSSP_NEGOTIATE_TARGET_INFO",
    0x02000000: "NTLMSSP_NEGOTIATE_VERSION", 0x20000000: "NTLMSSP_NEGOTIATE_128",
    0x40000000: "NTLMSSP_NEGOTIATE_KEY_EXCH", 0x80000000: "NTLMSSP_NEGOTIATE_56",
}
UNICODE, OEM, REQUEST_TARGET, SIGN, SEAL, DATAGRAM, LM_KEY = 0x1, 0x2, 0x4, 0x10, 0x20, 0x40, 0x80
NTLM, ANONYMOUS, OEM_DOMAIN, OEM_WORKSTATION, ALWAYS_SIGN = 0x200, 0x800, 0x1000, 0x2000, 0x8000
TARGET_TYPE_DOMAIN, TARGET_TYPE_SERVER, EXTENDED_SESSIONSECURITY, IDENTIFY = 0x10000, 0x20000, 0x80000, 0x100000
TARGET_INFO, VERSION, KEY_128, KEY_EXCH, KEY_56 = 0x800000, 0x2000000, 0x20000000, 0x40000000, 0x80000000

# MS-NLMP 2.2.2.1
AV_NAMES = {
    1: "MsvAvNbComputerName", 2: "MsvAvNbDomainName", 3: "MsvAvDnsComputerName", 4: "MsvAvDnsDomainName",
    5: "MsvAvDnsTreeName", 6: "MsvAvFlags", 7: "MsvAvTimestamp", 8: "MsvAvSingleHost", 9: "MsvAvTargetName",
    10: "MsvAvChannelBindings",
}
(AV_NB_COMPUTER, AV_NB_DOMAIN, AV_DNS_COMPUTER, AV_DNS_DOMAIN, AV_DNS_TREE, AV_FLAGS, AV_TIMESTAMP, AV_SINGLE_HOST,
 AV_TARGET_NAME, AV_CHANNEL_BINDINGS) = range(1, 11)
AV_FLAG_MIC = 0x2
MIC_OFFSET = 72

AvPairs = tuple[tuple[int, bytes], ...]


def flag_names(flags: int) -> list[str]:
    """The names of the bits that are set, sorted; a bit without a name appears as its number."""
    return sorted(FLAGS.get(1 << bit, f"0x{1 << bit:08x}") for bit in range(32) if flags >> bit & 1)


@dataclass(frozen=True, slots=True)
class Version:
    """MS-NLMP 2.2.2.10: which Windows the sender says it is."""

    major: int
    minor: int
    build: int
    revision: int = 15

    def pack(self) -> bytes:
        return struct.pack("<BBHxxxB", self.major, self.minor, self.build, self.revision)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.build} revision {self.revision}"


@dataclass(frozen=True, slots=True)
class Negotiate:
    flags: int
    domain: bytes = b""
    workstation: bytes = b""
    version: Version | None = None

    def pack(self) -> bytes:
        """Recorded Windows 8 and later leave offsets of absent names at zero; the workstation goes in front."""
        start = 40 if self.version else 32
        domain = _place(self.domain, start + len(self.workstation)) if self.domain else bytes(8)
        workstation = _place(self.workstation, start) if self.workstation else bytes(8)
        version = self.version.pack() if self.version else b""
        return b"".join((struct.pack("<8sII", SIGNATURE, 1, self.flags), domain, workstation, version,
                         self.workstation, self.domain))


@dataclass(frozen=True, slots=True)
class Challenge:
    flags: int
    server_challenge: bytes
    target_name: bytes = b""
    target_info: bytes = b""
    version: Version | None = None

    def pack(self) -> bytes:
        offset = 56 if self.version else 48
        return (struct.pack("<8sI", SIGNATURE, 2) + _place(self.target_name, offset)
                + struct.pack("<I8s8x", self.flags, self.server_challenge)
                + _place(self.target_info, offset + len(self.target_name))
                + (self.version.pack() if self.version else b"") + self.target_name + self.target_info)

    @property
    def av_pairs(self) -> AvPairs:
        """None where there is no target info, as of servers from before NTLMv2."""
        return read_av_pairs(self.target_info) if self.target_info else ()

    def text(self, value: bytes) -> str:
        """Its target name as text; AV pairs are UTF-16 always."""
        return _text(value, self.flags)


@dataclass(frozen=True, slots=True)
class NtResponse:
    """An NTLMv2 response (MS-NLMP 2.2.2.8): proof and the structure that the proof covers."""

    proof: bytes
    blob: bytes
    timestamp: int
    client_challenge: bytes
    av_pairs: AvPairs

    def av(self, number: int) -> bytes | None:
        """The value of an AV pair; None when the client left it out."""
        return next((value for found, value in self.av_pairs if found == number), None)

    @property
    def av_flags(self) -> int:
        return int.from_bytes((self.av(AV_FLAGS) or b"")[:4], "little")


@dataclass(frozen=True, slots=True)
class Authenticate:
    flags: int
    domain: bytes = b""
    user: bytes = b""
    workstation: bytes = b""
    lm_response: bytes = b""
    nt_response: bytes = b""
    session_key: bytes = b""
    version: Version | None = None
    mic: bytes | None = None

    def pack(self) -> bytes:
        """Header, then the payload in the order of Windows: domain, user, workstation, LM, NT, session key."""
        offset = 88 if self.mic is not None else 72 if self.version else 64
        payload = (self.domain, self.user, self.workstation, self.lm_response, self.nt_response, self.session_key)
        places = []
        for part in payload:
            places.append(_place(part, offset))
            offset += len(part)
        domain, user, workstation, lm_response, nt_response, session_key = places
        header = b"".join((struct.pack("<8sI", SIGNATURE, 3), lm_response, nt_response, domain, user, workstation,
                           session_key, self.flags.to_bytes(4, "little")))
        if self.version or self.mic is not None:
            header += self.version.pack() if self.version else bytes(8)
        return header + (self.mic or b"") + b"".join(payload)

    def text(self, value: bytes) -> str:
        """A name as text."""
        return _text(value, self.flags)

    @property
    def response_kind(self) -> str:
        """none, NTLMv1, NTLMv1-ESS or NTLMv2 (MS-NLMP 2.2.2.6 and 2.2.2.8: only NTLMv2 is longer than 24 bytes)."""
        if not self.nt_response:
            return "none"
        if len(self.nt_response) > 24:
            return "NTLMv2"
        return "NTLMv1-ESS" if self.flags & EXTENDED_SESSIONSECURITY else "NTLMv1"

    def ntlmv2(self) -> NtResponse | None:
        """The NTLMv2 response taken apart, None when the response is another one."""
        if self.response_kind != "NTLMv2":
            return None
        blob = self.nt_response[16:]
        if len(blob) < 28 or blob[:2] != b"\1\1":
            raise TokenError(0, "an NTLMv2 response that begins with 01 01 after its proof (MS-NLMP 2.2.2.7)")
        return NtResponse(self.nt_response[:16], blob, int.from_bytes(blob[8:16], "little"), blob[16:24],
                          read_av_pairs(blob[28:]))


Message = Negotiate | Challenge | Authenticate


def parse(data: bytes) -> Message:
    """Read one NTLM message."""
    if data[:8] != SIGNATURE:
        raise TokenError(0, "the signature NTLMSSP")
    number = _number(data, 8, "the message type")
    readers = {1: _read_negotiate, 2: _read_challenge, 3: _read_authenticate}
    if number not in readers:
        raise TokenError(8, f"message type 1, 2 or 3, not {number}")
    return readers[number](data)


def read_av_pairs(data: bytes) -> AvPairs:
    """The AV pairs up to MsvAvEOL; what stands behind it (padding) is not looked at."""
    pairs = []
    offset = 0
    while True:
        if offset + 4 > len(data):
            raise TokenError(offset, "an AV pair or the end of the list (MS-NLMP 2.2.2.1)")
        number, size = struct.unpack_from("<HH", data, offset)
        offset += 4
        if number == 0:
            return tuple(pairs)
        if offset + size > len(data):
            raise TokenError(offset, f"{size} bytes of {AV_NAMES.get(number, number)}")
        pairs.append((number, data[offset:offset + size]))
        offset += size


def write_av_pairs(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    """AV pairs in this order, and MsvAvEOL."""
    return b"".join(struct.pack("<HH", number, len(value)) + value for number, value in pairs) + bytes(4)


def _text(value: bytes, flags: int) -> str:
    """UTF-16 or, without UNICODE, the OEM character set (MS-NLMP 2.2)."""
    return value.decode("utf-16-le" if flags & UNICODE else "latin-1", "replace")


def fields(message: Message) -> dict[str, Any]:
    """What the observed paths show of a message."""
    found: dict[str, Any] = {"flags": flag_names(message.flags)}
    if message.version:
        found |= {"version": str(message.version), "release": f"{message.version.major}.{message.version.minor}"}
    if isinstance(message, Negotiate):
        found |= {"domain": message.domain.decode("latin-1"), "workstation": message.workstation.decode("latin-1")}
    elif isinstance(message, Challenge):
        found["targetName"] = message.text(message.target_name)
        if message.target_info:
            found |= _av_fields(message.av_pairs)
    else:
        found |= {
            "domain": message.text(message.domain), "user": message.text(message.user),
            "workstation": message.text(message.workstation), "response": message.response_kind,
            "mic": "present" if message.mic and any(message.mic) else "absent",
            "sessionKey": "present" if message.session_key else "absent",
            "lmResponse": _lm_kind(message),
        }
        response = message.ntlmv2()
        if response:
            found |= _av_fields(response.av_pairs)
            found["avTail"] = len(response.blob) - 28 - len(write_av_pairs(response.av_pairs))
    return found


def _lm_kind(message: Authenticate) -> str:
    """`same`: the NT response stands in both places (NoLMResponseNTLMv1, MS-NLMP 3.3.1)."""
    if not message.lm_response:
        return "none"
    if message.lm_response == message.nt_response:
        return "same"
    return "present" if any(message.lm_response) else "zero"


def _av_fields(pairs: AvPairs) -> dict[str, Any]:
    found: dict[str, Any] = {"avOrder": [AV_NAMES.get(number, str(number)) for number, _ in pairs]}
    for number, value in pairs:
        if number == AV_FLAGS:
            shown = f"0x{int.from_bytes(value, 'little'):08x}"
        elif number in (AV_TIMESTAMP, AV_SINGLE_HOST):
            shown = value.hex()
            if number == AV_SINGLE_HOST:
                found["singleHostSize"] = len(value)
        elif number == AV_CHANNEL_BINDINGS:
            shown = value.hex() if any(value) else "zero"
        elif number in AV_NAMES:
            shown = value.decode("utf-16-le", "replace")
        else:
            shown = value.hex()
        found[f"av.{AV_NAMES.get(number, number)}"] = shown
    return found


def _place(value: bytes, offset: int) -> bytes:
    return struct.pack("<HHI", len(value), len(value), offset)


def _number(data: bytes, offset: int, what: str) -> int:
    if offset + 4 > len(data):
        raise TokenError(offset, what)
    return int.from_bytes(data[offset:offset + 4], "little")


def _slice(data: bytes, offset: int, what: str) -> tuple[bytes, int]:
    """The payload that the fields at `offset` point to, and where it begins (the token's end when it is empty)."""
    if offset + 8 > len(data):
        raise TokenError(offset, f"length and offset of {what}")
    size, _, start = struct.unpack_from("<HHI", data, offset)
    if size == 0:
        return b"", len(data)
    if start + size > len(data):
        raise TokenError(offset, f"{what} inside the token, not bytes {start} to {start + size} of {len(data)}")
    return data[start:start + size], start


def _version(data: bytes, flags: int, offset: int) -> Version | None:
    if not flags & VERSION:
        return None
    if offset + 8 > len(data):
        raise TokenError(offset, "the version that NTLMSSP_NEGOTIATE_VERSION announces")
    return Version(*struct.unpack_from("<BBHxxxB", data, offset))


def _read_negotiate(data: bytes) -> Negotiate:
    flags = _number(data, 12, "the flags of NEGOTIATE")
    domain = workstation = b""
    if flags & OEM_DOMAIN:
        domain, _ = _slice(data, 16, "the domain name")
    if flags & OEM_WORKSTATION:
        workstation, _ = _slice(data, 24, "the workstation name")
    return Negotiate(flags, domain, workstation, _version(data, flags, 32))


def _read_challenge(data: bytes) -> Challenge:
    target_name, _ = _slice(data, 12, "the target name")
    flags = _number(data, 20, "the flags of CHALLENGE")
    if len(data) < 32:
        raise TokenError(24, "the server challenge")
    target_info = _slice(data, 40, "the target info")[0] if flags & TARGET_INFO else b""
    return Challenge(flags, data[24:32], target_name, target_info, _version(data, flags, 48))


def _read_authenticate(data: bytes) -> Authenticate:
    parts = []
    lowest = len(data)
    for offset, what in ((28, "the domain name"), (36, "the user name"), (44, "the workstation name"),
                         (12, "the LM response"), (20, "the NT response"), (52, "the session key")):
        part, start = _slice(data, offset, what)
        parts.append(part)
        lowest = min(lowest, start)
    flags = _number(data, 60, "the flags of AUTHENTICATE")
    version = _version(data, flags, 64)
    # MS-NLMP 2.2.1.3: nothing in the header says whether the MIC is there; the room in front of the payload does.
    mic = data[MIC_OFFSET:MIC_OFFSET + 16] if lowest >= MIC_OFFSET + 16 else None
    return Authenticate(flags, *parts, version=version, mic=mic)
