# SPDX-License-Identifier: Apache-2.0
"""What both sides of the Negotiate package share: the mechanism inside, and the mechListMICs (RFC 4178, MS-SPNG)."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..tokens import spnego as wire
from . import spnego_craft
from .model import Context, Leg, Part, Sizes, SspiError
from .ntlm import NO_EXPIRY
from .spnego_fragments import Fragments
from .statuses import (SEC_E_INVALID_HANDLE, SEC_E_MESSAGE_ALTERED, SEC_E_OK, SEC_E_OUT_OF_SEQUENCE,
                       SEC_I_CONTINUE_NEEDED)

KERBEROS_OIDS = (wire.MS_KRB5, wire.KRB5)
UNKNOWN_MECHANISM = spnego_craft.UNKNOWN  # for the misbehaviour mechanism-order
LATE_FALLBACK = "1.3.6.1.4.1.311.2.2.40"  # MS-SPNG 3.1.5.1


@dataclass(frozen=True, slots=True)
class Mechanisms:
    """How to make a context of each mechanism that the credential allows (PackageList); None: not allowed."""

    kerberos: Callable[[], Context] | None
    ntlm: Callable[[], Context] | None
    raw: bool = False  # PackageList "NTLM": Windows then sends NTLM without SPNEGO around it

    def make(self, oid: str) -> Context | None:
        factory = self.kerberos if oid in KERBEROS_OIDS else self.ntlm if oid == wire.NTLM else None
        return factory() if factory else None


def allowed_packages(package_list: str | None) -> tuple[bool, bool, bool]:
    """Whether a PackageList allows Kerberos and NTLM, and whether NTLM is the only name in it."""
    names = [name.strip().lower() for name in (package_list or "").split(",") if name.strip()]
    refused = {name[1:] for name in names if name.startswith("!")}
    wanted = {name for name in names if not name.startswith("!")}
    kerberos, ntlm = (name not in refused and (not wanted or name in wanted) for name in ("kerberos", "ntlm"))
    return kerberos, ntlm, wanted == {"ntlm"}


class Negotiation(ABC):
    """What both sides have in common: the inner context, and the mechListMICs."""

    expiry = NO_EXPIRY
    wants_mech_list_mic = False
    _integrity = 0
    _fragment_wish = 0
    can_sign = True

    def __init__(self, mechanisms: Mechanisms) -> None:
        self.attributes = 0
        self._mechanisms = mechanisms
        self._inner: Context | None = None
        self._inner_done = False
        self._raw = mechanisms.raw
        self._mech_types_der = b""
        self._mic_required = False
        self._mic_sent = False
        self._mic_verified = False
        self._complete = False
        self._started = False
        self._offered: tuple[str, ...] = ()
        self._current = ""
        self._trailed = False
        self._misbehave: dict[str, Any] = {}
        self._fragments = Fragments(self._fragment_wish)

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        """One leg; its token may be a piece of one."""
        status, produced = self._fragments.step(leg, self._step_whole, not self._raw and self._gathers())
        where = "first" if not self._trailed else "later"
        edit = self._misbehave.get(self._place(produced or b""))
        if produced and edit and not self._raw:
            produced = spnego_craft.altered(produced, edit)
        if produced and self._misbehave.get("trailing") == where:
            produced += b"\0\0\0"
        self._trailed = self._trailed or bool(produced)
        return status, produced

    def _gathers(self) -> bool:
        return True

    @abstractmethod
    def _place(self, token: bytes) -> str:
        """The misbehaviour that alters this token."""

    @abstractmethod
    def _step_whole(self, leg: Leg) -> tuple[int, bytes | None]:
        """One leg whose token is all there."""

    @property
    def package(self) -> str:
        return self._established().package

    def sizes(self) -> Sizes:
        return self._established().sizes()

    def user_name(self) -> str:
        return self._established().user_name()

    def session_key(self) -> bytes:
        return self._established().session_key()

    def sign(self, data: bytes) -> bytes:
        return self._established().sign(data)

    def verify(self, data: bytes, token: bytes) -> None:
        self._established().verify(data, token)

    def encrypt(self, parts: Sequence[Part], qop: int = 0) -> tuple[list[bytes], bytes]:
        return self._established().encrypt(parts, qop)

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]:
        return self._established().decrypt(parts, token)

    def decrypt_stream(self, data: bytes) -> bytes:
        return self._established().decrypt_stream(data)

    def reset_after_mech_list_mic(self) -> None:
        raise SspiError(SEC_E_INVALID_HANDLE)  # Negotiate inside Negotiate does not exist

    def _established(self) -> Context:
        if not self._complete or self._inner is None:
            raise SspiError(SEC_E_INVALID_HANDLE)
        return self._inner

    def _note(self, leg: Leg) -> None:
        if self._complete:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        self._misbehave.update(leg.misbehave)

    def _step_inner(self, leg: Leg, token: bytes | None) -> bytes | None:
        """One leg of the mechanism inside."""
        assert self._inner is not None
        if self._inner.package == "NTLM":
            # Windows always asks NTLM for signing here, for the mechListMIC's sake (recorded NEGOTIATE flags)
            leg = replace(leg, flags=leg.flags | self._wanted_integrity(leg))
        status, produced = self._inner.step(replace(leg, token=token))
        self.attributes = self._inner.attributes
        self._inner_done = status == SEC_E_OK
        return produced

    def _wanted_integrity(self, leg: Leg) -> int:
        return self._integrity

    def _step_raw(self, leg: Leg) -> tuple[int, bytes | None]:
        if self._inner is None:
            self._inner = self._mechanisms.make(wire.NTLM)
        produced = self._step_inner(leg, leg.token)
        if self._inner_done:
            self._finish()
        return SEC_E_OK if self._inner_done else SEC_I_CONTINUE_NEEDED, produced

    def _make_mic(self) -> bytes | None:
        """The mechListMIC of this side; None when the misbehaviour says so."""
        assert self._inner is not None
        wrong = self._misbehave.get("mechListMIC")
        if wrong == "drop":
            return None
        mic = self._inner.sign(self._mech_types_der)
        self._mic_sent = True
        return bytes((*mic[:-5], mic[-5] ^ 1, *mic[-4:])) if wrong == "wrong" else mic

    def _verify_mic(self, mic: bytes) -> None:
        assert self._inner is not None
        try:
            self._inner.verify(self._mech_types_der, mic)
        except SspiError:
            raise SspiError(SEC_E_MESSAGE_ALTERED) from None
        self._mic_verified = True

    def _finish(self) -> None:
        self._complete = True
        if self._mic_sent and self._mic_verified and self._inner is not None:
            self._inner.reset_after_mech_list_mic()
