# SPDX-License-Identifier: Apache-2.0
"""The initiator of the Negotiate package, as recorded Windows clients do it (RFC 4178, MS-SPNG 3.1)."""
from __future__ import annotations

from ..tokens import TokenError
from ..tokens import spnego as wire
from . import model, spnego_craft
from .model import Leg, SspiError
from .spnego import KERBEROS_OIDS, LATE_FALLBACK, UNKNOWN_MECHANISM, Negotiation
from .statuses import (SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED, SEC_E_NO_CREDENTIALS, SEC_E_OK,
                       SEC_I_CONTINUE_NEEDED)


class Initiator(Negotiation):
    """ISC."""

    _integrity = model.ISC_INTEGRITY
    _fragment_wish = model.ISC_FRAGMENT_TO_FIT

    def _wanted_integrity(self, leg: Leg) -> int:
        return 0 if leg.flags & model.ISC_NO_INTEGRITY else self._integrity

    def _gathers(self) -> bool:
        return self._started  # before, there is nothing but a hint, which a caller need not have read whole

    def _place(self, token: bytes) -> str:
        return "later-token" if self._trailed else "init"

    def _step_whole(self, leg: Leg) -> tuple[int, bytes | None]:
        self._note(leg)
        if self._raw:
            return self._step_raw(leg)
        try:
            if not self._started:
                return self._first(leg)
            message = wire.parse(leg.token or b"")
            if not isinstance(message, wire.NegTokenResp):
                raise SspiError(SEC_E_INVALID_TOKEN)
            return self._next(leg, message)
        except TokenError:
            raise SspiError(SEC_E_INVALID_TOKEN) from None

    def _first(self, leg: Leg) -> tuple[int, bytes]:
        if leg.token:  # the server's hint: read, and as by Windows not followed (fact.init2-ignored)
            wire.parse(leg.token)
        token = self._optimistic(leg)
        if self._inner is not None and self._inner.package == "Kerberos":
            offered = [wire.MS_KRB5, wire.KRB5, wire.NEGOEX]
            if self._mechanisms.ntlm:
                offered.append(wire.NTLM)
        else:
            offered = [wire.NTLM]
        order = self._misbehave.get("mechanism-order")
        if order == "krb5-first":
            offered.sort(key=lambda oid: oid != wire.KRB5)
        if order == "late-fallback-last":
            offered.append(LATE_FALLBACK)
        if order == "negoex-first":
            offered = [wire.NEGOEX, *(oid for oid in offered if oid != wire.NEGOEX)]
            token, self._inner = b"NEGOEXTS" + bytes(8), None
        if order == "unknown-only":
            offered, token, self._inner = [UNKNOWN_MECHANISM, wire.NEGOEX], b"\0", None
        if self._misbehave.get("mechTypes"):
            return self._unlisted(token)
        if order == "unsupported-first":
            # The real token is lost: the acceptor has to ask for another mechanism, and that begins anew
            offered, token = [UNKNOWN_MECHANISM, *offered], b"\0"
            self._inner = None
        message = wire.NegTokenInit(tuple(offered), token)
        self._offered, self._current, self._started = message.mech_types, offered[0], True
        self._mech_types_der = wire.write_mech_types(message.mech_types)
        token_of_it = message.pack()
        if self._misbehave.get("init") in spnego_craft.BY_SENDER:
            altered = wire.parse(spnego_craft.altered(token_of_it, self._misbehave["init"]))
            assert isinstance(altered, wire.NegTokenInit)
            self._mech_types_der = altered.mech_types_der
        return SEC_I_CONTINUE_NEEDED, token_of_it

    def _unlisted(self, token: bytes | None) -> tuple[int, bytes]:
        """No list of mechanisms: what Windows answers with bare NTLM."""
        if self._misbehave["mechTypes"] == "omit-with-other-token":
            token = b"not NTLM"
        self._raw = self._started = True
        return SEC_I_CONTINUE_NEEDED, wire.NegTokenInit((), token).pack()

    def _optimistic(self, leg: Leg) -> bytes | None:
        """The first token of Kerberos, or of NTLM where Kerberos cannot work."""
        failure = SspiError(SEC_E_NO_CREDENTIALS)
        for oid in (wire.MS_KRB5, wire.NTLM):
            try:
                self._inner = self._mechanisms.make(oid)
                if self._inner is not None:
                    return self._step_inner(leg, None)
            except SspiError as error:
                self._inner = None
                failure = error
                if error.status == SEC_E_LOGON_DENIED:
                    break
        raise failure

    def _next(self, leg: Leg, message: wire.NegTokenResp) -> tuple[int, bytes | None]:
        if message.neg_state == wire.REJECT:
            raise SspiError(SEC_E_LOGON_DENIED)
        if message.neg_state == wire.REQUEST_MIC:
            self._mic_required = True
        if self._inner_done and self._mic_sent:
            return self._last(message)
        produced = None
        chosen = message.supported_mech
        if chosen is not None and not _same_mechanism(chosen, self._current):
            produced = self._reselect(leg, message, chosen)
        elif not self._inner_done:
            if not message.response_token or self._inner is None:
                raise SspiError(SEC_E_INVALID_TOKEN)
            produced = self._step_inner(leg, message.response_token)
        elif message.response_token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        return self._reply(message, produced)

    def _reply(self, message: wire.NegTokenResp, produced: bytes | None) -> tuple[int, bytes | None]:
        assert self._inner is not None
        if not self._inner_done:
            if message.neg_state == wire.ACCEPT_COMPLETED or not produced:
                raise SspiError(SEC_E_INVALID_TOKEN)
            return SEC_I_CONTINUE_NEEDED, wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, None, produced).pack()
        if produced:  # ours is the last token of the mechanism: our MIC goes with it (RFC 4178 5 c)
            if message.neg_state == wire.ACCEPT_COMPLETED:
                raise SspiError(SEC_E_INVALID_TOKEN)
            mic = self._make_mic() if self._inner.can_sign else None
            reply = wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, None, produced, mic)
            return SEC_I_CONTINUE_NEEDED, reply.pack()
        if message.mic is not None:  # the acceptor's token was the last, its MIC came with it
            self._verify_mic(message.mic)
            reply = wire.NegTokenResp(wire.ACCEPT_COMPLETED, None, None, self._make_mic())
            self._finish()
            return SEC_E_OK, reply.pack()
        if self._mic_required or message.neg_state not in (wire.ACCEPT_COMPLETED, None):
            raise SspiError(SEC_E_INVALID_TOKEN)
        self._finish()
        return SEC_E_OK, None

    def _last(self, message: wire.NegTokenResp) -> tuple[int, None]:
        """The acceptor's answer to our MIC: its own."""
        if message.neg_state not in (wire.ACCEPT_COMPLETED, None) or message.response_token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        if message.mic is None:
            raise SspiError(SEC_E_INVALID_TOKEN)
        self._verify_mic(message.mic)
        self._finish()
        return SEC_E_OK, None

    def _reselect(self, leg: Leg, message: wire.NegTokenResp, chosen: str) -> bytes | None:
        """The acceptor wants another mechanism: begin with that one, and MICs become a must (RFC 4178 5)."""
        inner = self._mechanisms.make(chosen) if chosen in self._offered else None
        if inner is None or message.response_token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        self._inner, self._inner_done, self._current, self._mic_required = inner, False, chosen, True
        return self._step_inner(leg, None)


def _same_mechanism(one: str, other: str) -> bool:
    return one == other or one in KERBEROS_OIDS and other in KERBEROS_OIDS
