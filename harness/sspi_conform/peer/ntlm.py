# SPDX-License-Identifier: Apache-2.0
"""What both sides of the NTLM package share: time and chance, attributes, message protection."""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..tokens import ntlm as wire
from . import model
from .model import Leg, Part, Sizes, SspiError
from .ntlm_crypto import Session
from .statuses import SEC_E_INVALID_HANDLE

WINDOWS_VERSION = wire.Version(10, 0, 20348)
MAX_TOKEN, SIGNATURE_SIZE = 2888, 16
NO_EXPIRY = 0x7FFFFFFFFFFFFFFF
_EPOCH = 116_444_736_000_000_000  # 1970 as FILETIME


def filetime_now() -> int:
    return time.time_ns() // 100 + _EPOCH


# What the misbehaviour "offer" takes away.
WITHHELD: Mapping[str, int] = {
    "no-key-exchange": wire.KEY_EXCH, "56-bit": wire.KEY_128, "40-bit": wire.KEY_128 | wire.KEY_56,
    "no-extended-security": wire.EXTENDED_SESSIONSECURITY, "oem": wire.UNICODE,
    "no-charset": wire.UNICODE | wire.OEM, "no-datagram": wire.DATAGRAM, "no-ntlm": wire.NTLM,
    "no-sign": wire.SIGN, "no-seal": wire.SEAL, "no-target-info": wire.TARGET_INFO,
}


@dataclass(frozen=True, slots=True)
class World:
    """Chance, time and the machine's identity, so that a test can make them those of a recording."""

    random: Callable[[int], bytes] = os.urandom
    now: Callable[[], int] = filetime_now
    workstation: str = "SSPIPEER"
    version: wire.Version = WINDOWS_VERSION
    padding: int = 4  # zeros behind the AV pairs: 4 in all recordings since build 19041, mostly 8 before
    single_host: bytes = field(default_factory=lambda: make_single_host(os.urandom(32)))
    policy: Mapping[str, str] = field(default_factory=dict)


def make_single_host(machine: bytes) -> bytes:
    """Single_Host_Data (MS-NLMP 2.2.2.2): size, zero, custom data (here: medium integrity), machine identifier."""
    return b"\x30\0\0\0\0\0\0\0" + b"\1\0\0\0\0\x20\0\0" + machine


class NtlmContext:
    """What both sides have in common."""

    package = "NTLM"
    expiry = NO_EXPIRY

    def __init__(self) -> None:
        self.attributes = 0
        self.requested = 0
        self.misbehave: dict[str, Any] = {}
        self.flags = 0
        self.user = ""
        self._session: Session | None = None
        self._negotiate = b""
        self._challenge = b""
        self.mic_used = False

    @property
    def wants_mech_list_mic(self) -> bool:
        """Windows refuses SPNEGO without mechListMIC when the AUTHENTICATE has a MIC (MS-SPNG, note on 3.3.5.1)."""
        return self.mic_used

    @property
    def can_sign(self) -> bool:
        return bool(self.flags & (wire.SIGN | wire.SEAL))

    def sizes(self) -> Sizes:
        return Sizes(MAX_TOKEN, SIGNATURE_SIZE, 0, SIGNATURE_SIZE)

    def user_name(self) -> str:
        self._established()
        return self.user

    def session_key(self) -> bytes:
        return self._established().key

    def sign(self, data: bytes) -> bytes:
        return self._established().sign(data)

    def verify(self, data: bytes, token: bytes) -> None:
        self._established().verify(data, token)

    def encrypt(self, parts: Sequence[Part], qop: int = 0) -> tuple[list[bytes], bytes]:
        return self._established().encrypt(parts)

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]:
        return self._established().decrypt(parts, token)

    def decrypt_stream(self, data: bytes) -> bytes:
        return self._established().decrypt_stream(data)

    def reset_after_mech_list_mic(self) -> None:
        self._established().reset_ciphers()

    def _established(self) -> Session:
        if self._session is None:
            raise SspiError(SEC_E_INVALID_HANDLE)
        return self._session

    def _withheld(self) -> int:
        return WITHHELD.get(self.misbehave.get("offer", ""), 0)

    def _note(self, leg: Leg) -> None:
        self.requested = leg.flags
        self.misbehave.update(leg.misbehave)

    def _granted(self, integrity: int) -> int:
        """The attributes that the negotiated flags stand for; `integrity` is the bit of this side."""
        granted = self.requested & (model.CONNECTION | model.ALLOCATE_MEMORY | model.MUTUAL_AUTH)
        if self.flags & wire.SIGN:
            granted |= integrity | self.requested & (model.REPLAY_DETECT | model.SEQUENCE_DETECT)
        if self.flags & wire.SEAL:
            granted |= model.CONFIDENTIALITY
        if self.flags & wire.DATAGRAM:
            granted |= model.DATAGRAM
        return granted


def world_from(environment: Mapping[str, str]) -> World:
    """The world of a real run."""
    lines = environment.get("SSPI_PEER_POLICY", "").splitlines()
    return World(workstation=environment.get("SSPI_PEER_NETBIOS", "SSPIPEER"),
                 policy={name: value for name, _, value in (line.partition(" ") for line in lines)})


def account_name(domain: str | None, user: str) -> str:
    return f"{domain}\\{user}" if domain else user


def flip(value: bytes) -> bytes:
    return bytes((value[0] ^ 1,)) + value[1:]


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
