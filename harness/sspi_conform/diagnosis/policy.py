# SPDX-License-Identifier: Apache-2.0
"""What a policy refuses: NTLM as such, short keys, binds without signing."""
from __future__ import annotations

from ..exchange.model import LDAP, SERVER
from ..tokens import ntlm
from .model import Rule, Seen
from .view import View

_UNSUPPORTED, _NTLM_BLOCKED, _NOT_SUPPORTED = 0x80090302, 0xC0000418, 0xC00000BB
_STRONGER_AUTH_REQUIRED, _CONFIDENTIALITY_REQUIRED = 8, 13


def ntlm_blocked(view: View) -> Seen | None:
    refusal = view.refusal
    if refusal is None or refusal.step is None or refusal.code not in (_UNSUPPORTED, _NTLM_BLOCKED, _NOT_SUPPORTED):
        return None
    if not any(step.ntlm for step in view.steps) or _lacks_128(view) is not None:
        return None
    last = view.authenticate or view.negotiate or refusal.step
    return refusal.step.seen("the server's status", f"0x{refusal.code:08x} to {last.kind}", "NTLM accepted, or Kerberos used",
                             refusal.code == _NTLM_BLOCKED)


def key_too_short(view: View) -> Seen | None:
    """MS-NLMP 3.1.1.1, 3.2.1.1: 128 bit required and not negotiated.

    A refusal after the AUTHENTICATE must say so itself: the server refuses the NEGOTIATE (3.2.5.1.1), and a client that
    requires 128 bit sends no AUTHENTICATE (3.1.5.1.2).
    """
    found = _lacks_128(view)
    if found is None or view.failed is False:
        return None
    message, by_whom = found
    refusal = view.refusal
    if refusal is not None and refusal.code not in (0, _UNSUPPORTED, _NOT_SUPPORTED):
        return None
    if refusal is not None and refusal.code == 0 and view.authenticate is not None:
        return None
    if refusal is None and not (view.steps and view.steps[-1].leg.sender == SERVER and view.authenticate is None):
        return None
    step = next(one for one in view.steps if one.ntlm is message)
    return step.seen("the flags", f"0x{message.flags:08x}, without NTLMSSP_NEGOTIATE_128", "NTLMSSP_NEGOTIATE_128", False,
                     who=by_whom)


def _lacks_128(view: View) -> tuple[ntlm.Negotiate | ntlm.Challenge, str] | None:
    """The first message without 128."""
    for step, who in ((view.negotiate, "client"), (view.challenge, "server")):
        if step is not None and isinstance(step.ntlm, (ntlm.Negotiate, ntlm.Challenge)) and not step.ntlm.flags & ntlm.KEY_128:
            return step.ntlm, who
    return None


def ldap_signing_required(view: View) -> Seen | None:
    """RFC 4511 4.1.9: strongerAuthRequired; MS-ADTS 5.1.1.2 says when."""
    refusal = view.refusal
    if refusal is None or refusal.status.kind != LDAP or refusal.step is None:
        return None
    if refusal.status.value not in (_STRONGER_AUTH_REQUIRED, _CONFIDENTIALITY_REQUIRED):
        return None
    return refusal.step.seen("resultCode", f"{refusal.status.value}, {refusal.status.name or 'strongerAuthRequired'}",
                             "a bind with integrity (SIGN or SEAL), or TLS")


RULES: tuple[Rule, ...] = (key_too_short, ntlm_blocked, ldap_signing_required)
