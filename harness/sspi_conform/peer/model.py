# SPDX-License-Identifier: Apache-2.0
"""What the packages of the peer and its endpoint hand to each other."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Flags that both sides share are equal in ISC and ASC; the others differ, hence two names (sspi.h).
DELEGATE, MUTUAL_AUTH, REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY = 0x1, 0x2, 0x4, 0x8, 0x10
ISC_FRAGMENT_TO_FIT, ASC_FRAGMENT_TO_FIT, ISC_NO_INTEGRITY = 0x200000, 0x800000, 0x800000
USE_SESSION_KEY, ALLOCATE_MEMORY, USE_DCE_STYLE, CONNECTION = 0x20, 0x100, 0x200, 0x800
DATAGRAM = 0x400
ISC_EXTENDED_ERROR, ISC_INTEGRITY, ISC_IDENTIFY, ISC_NULL_SESSION = 0x4000, 0x10000, 0x20000, 0x40000
ISC_UNVERIFIED_TARGET_NAME = 0x20000000
ASC_EXTENDED_ERROR, ASC_INTEGRITY, ASC_IDENTIFY, ASC_ALLOW_NULL_SESSION = 0x8000, 0x20000, 0x80000, 0x100000
ASC_PROXY_BINDINGS, ASC_ALLOW_MISSING_BINDINGS = 0x4000000, 0x10000000
INBOUND, OUTBOUND = 1, 2


class SspiError(Exception):
    """A function of the peer ends with this status; a refusing acceptor may still have a token to send."""

    def __init__(self, status: int, token: bytes | None = None) -> None:
        super().__init__(f"0x{status:08x}")
        self.status = status
        self.token = token


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a message: covered by the signature, and sealed unless it is a header or trailer in clear."""

    data: bytes
    sealed: bool = True
    padding: bool = False  # no text, but room for what the mechanism pads with


@dataclass(frozen=True, slots=True)
class Identity:
    """Explicit credentials. None: the caller passed a NULL pointer. Never printed."""

    user: str | None = None
    domain: str | None = None
    password: str | None = field(default=None, repr=False)
    package_list: str | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """The in parameters of one call of InitializeSecurityContext or AcceptSecurityContext."""

    token: bytes | None = None
    flags: int = 0
    target: str | None = None
    bindings: bytes | None = None  # a SEC_CHANNEL_BINDINGS structure
    misbehave: Mapping[str, Any] = field(default_factory=dict)
    room: int | None = None  # bytes of the output buffer; None when the peer allocates it


@dataclass(frozen=True, slots=True)
class Sizes:
    max_token: int
    max_signature: int
    block_size: int
    security_trailer: int


class Context(Protocol):
    """One side of one exchange, and the message protection that it leads to."""

    attributes: int
    package: str  # the package inside: NTLM or Kerberos, also under Negotiate
    expiry: int

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        """One leg: its status and the token to send. Raises SspiError when it fails."""

    def sizes(self) -> Sizes: ...

    def user_name(self) -> str: ...

    def session_key(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes: ...

    def verify(self, data: bytes, token: bytes) -> None: ...

    def encrypt(self, parts: Sequence[Part], qop: int = 0) -> tuple[list[bytes], bytes]: ...

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]: ...

    def decrypt_stream(self, data: bytes) -> bytes: ...

    def reset_after_mech_list_mic(self) -> None:
        """What the mechanism does when the mechListMICs were exchanged."""

    @property
    def wants_mech_list_mic(self) -> bool:
        """The mechanism insists on a mechListMIC even where RFC 4178 lets it be left out."""

    @property
    def can_sign(self) -> bool: ...
