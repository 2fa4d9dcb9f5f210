# SPDX-License-Identifier: Apache-2.0
"""The acceptor of the Negotiate package, as recorded Windows servers do it (RFC 4178, MS-SPNG 3.2)."""
from __future__ import annotations

from ..tokens import TokenError, kind
from ..tokens import spnego as wire
from . import model
from .model import Leg, SspiError
from .spnego import KERBEROS_OIDS, UNKNOWN_MECHANISM, Negotiation
from .statuses import (SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED, SEC_E_OK, SEC_I_CONTINUE_NEEDED)


class Acceptor(Negotiation):
    """ASC."""

    _fragment_wish = model.ASC_FRAGMENT_TO_FIT

    _answered = False

    def _place(self, token: bytes) -> str:
        if token[:1] == b"\x60":
            return "hint"
        first, self._answered = not self._answered, True
        return "first-answer" if first else "last-answer"

    def _step_whole(self, leg: Leg) -> tuple[int, bytes | None]:
        self._note(leg)
        first = not self._started
        if first and not leg.token:
            return SEC_I_CONTINUE_NEEDED, self._hint()
        self._started = True
        if first and kind(leg.token or b"") in ("NTLM NEGOTIATE", "AP-REQ"):
            self._raw = True  # a client without SPNEGO is answered without (path.negotiate-server.raw-ntlm-client)
            oid = wire.NTLM if kind(leg.token or b"") == "NTLM NEGOTIATE" else wire.KRB5
            self._inner = self._mechanisms.make(oid)
            if self._inner is None:
                raise SspiError(SEC_E_INVALID_TOKEN)
        if self._raw:
            return self._step_raw(leg)
        try:
            message = wire.parse(leg.token or b"")
        except TokenError:
            raise SspiError(SEC_E_INVALID_TOKEN) from None
        if first and isinstance(message, wire.NegTokenInit):
            return self._first(leg, message)
        if not first and isinstance(message, wire.NegTokenResp):
            return self._next(leg, message)
        raise SspiError(SEC_E_INVALID_TOKEN)

    def _hint(self) -> bytes:
        """NegTokenInit2 of a server that speaks first (MS-SPNG 3.2.5.2)."""
        if self._misbehave.get("mechTypes") == "omit":
            return wire.NegTokenInit((), hint_name=wire.HINT_NAME, is_init2=True).pack()
        offered = ([*KERBEROS_OIDS, wire.KRB5_U2U] if self._mechanisms.kerberos else []) + (
            [wire.NTLM] if self._mechanisms.ntlm else [])
        return wire.NegTokenInit(tuple(offered), hint_name=wire.HINT_NAME, is_init2=True).pack()

    def _first(self, leg: Leg, message: wire.NegTokenInit) -> tuple[int, bytes]:
        self._mech_types_der = message.mech_types_der
        if self._misbehave.get("negState") == "reject" or not message.mech_types:
            raise SspiError(SEC_E_LOGON_DENIED, wire.NegTokenResp(wire.REJECT).pack())
        self._mic_required = self._misbehave.get("negState") == "request-mic"
        chosen = self._misbehave.get("supportedMech")
        if chosen in ("foreign", "foreign-with-token"):
            token = b"\0" if chosen == "foreign-with-token" else None
            return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, UNKNOWN_MECHANISM, token).pack()
        for position, oid in enumerate(message.mech_types):
            self._inner = self._mechanisms.make(oid)
            if self._inner is None:
                continue
            self._current = oid
            optimistic = message.mech_token if position == 0 else None
            if position or optimistic is not None and _is_user_to_user(optimistic):
                if not position and self._mechanisms.ntlm and wire.NTLM in message.mech_types:
                    oid, self._inner = wire.NTLM, self._mechanisms.ntlm()
                if self._misbehave.get("negState") == "accept-incomplete":
                    return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, oid).pack()
                self._mic_required = True
                return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.REQUEST_MIC, oid).pack()
            if not optimistic:
                return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, oid).pack()
            if chosen == "other-kerberos" and oid in KERBEROS_OIDS:
                oid = KERBEROS_OIDS[1 - KERBEROS_OIDS.index(oid)]
            return self._answer(leg, optimistic, None, oid)
        raise SspiError(SEC_E_INVALID_TOKEN, wire.NegTokenResp(wire.REJECT).pack())

    def _next(self, leg: Leg, message: wire.NegTokenResp) -> tuple[int, bytes | None]:
        if message.neg_state == wire.REJECT:
            raise SspiError(SEC_E_LOGON_DENIED)
        if self._inner_done:  # our token was the last, and our MIC went with it
            if message.mic is None or message.response_token:
                raise SspiError(SEC_E_INVALID_TOKEN)
            self._verify_mic(message.mic)
            self._finish()
            return SEC_E_OK, None
        if not message.response_token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        again = wire.NTLM if self._misbehave.get("supportedMech") == "again" else None
        return self._answer(leg, message.response_token, message.mic, again)

    def _answer(self, leg: Leg, token: bytes, mic: bytes | None, mechanism: str | None) -> tuple[int, bytes]:
        """One leg of the mechanism and what SPNEGO says about it; `mechanism` is named in the first answer only."""
        try:
            produced = self._step_inner(leg, token)
        except SspiError as error:
            if error.token:  # recorded: a KRB-ERROR travels in accept-incomplete
                error.token = wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, mechanism, error.token).pack()
            raise
        assert self._inner is not None
        if not self._inner_done:
            state = wire.REQUEST_MIC if self._mic_required and mechanism else wire.ACCEPT_INCOMPLETE
            return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(state, mechanism, produced).pack()
        if produced:  # the mechanism ends with our token
            if not self._mic_required:
                self._finish()
                return SEC_E_OK, wire.NegTokenResp(wire.ACCEPT_COMPLETED, mechanism, produced).pack()
            return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, mechanism, produced,
                                                            self._make_mic()).pack()
        if mic is None:
            if self._mic_required and mechanism:  # it was the first token too: the MICs need two more messages
                return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, mechanism, None,
                                                                self._make_mic()).pack()
            if self._mic_required or self._inner.wants_mech_list_mic and self._inner.can_sign:
                raise SspiError(SEC_E_INVALID_TOKEN)
            self._finish()
            return SEC_E_OK, wire.NegTokenResp(wire.ACCEPT_COMPLETED, mechanism).pack()
        self._verify_mic(mic)
        reply = wire.NegTokenResp(wire.ACCEPT_COMPLETED, mechanism, None, self._make_mic()).pack()
        self._finish()
        return SEC_E_OK, reply


def _is_user_to_user(token: bytes) -> bool:
    """A TGT-REQ, which only a user-to-user acceptor understands; recorded servers then choose NTLM."""
    try:
        return token[:1] == b"\x60" and wire.unframe(token)[0] == wire.KRB5_U2U
    except TokenError:
        return False
