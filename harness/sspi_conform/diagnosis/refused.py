# SPDX-License-Identifier: Apache-2.0
"""What a refusal itself tells when nothing else does: whatever knows more is said instead."""
from __future__ import annotations

from ..exchange.model import HTTP, RPC_FAULT
from . import refusals
from .model import Rule, Seen
from .ntlm import GENERIC, authenticate_of, says_nothing, who
from .view import View


def wrong_password(view: View) -> Seen | None:
    """The refusal says so, or may say so, and no secret was given to look."""
    found, refusal = authenticate_of(view), view.refusal
    if found is None or refusal is None or not found[1].nt_response or not says_nothing(view):
        return None
    step = refusal.step or found[0]
    told = refusals.name(refusal.code) if refusal.code in GENERIC else f"{refusal.status.kind.upper()} {refusal.status.value}"
    if found[0].leg.facts.get("proof") == "right":
        return None
    expected = "200" if refusal.status.kind == HTTP else "STATUS_SUCCESS"
    return step.seen("the server's status", f"{told} for {who(found[1])}", f"{expected} for a right password",
                     refusal.code == refusals.WRONG_PASSWORD, told=told)


def right_password_refused(view: View) -> Seen | None:
    """The secret says that the response is right: it is something else, and the wire does not tell what."""
    found, refusal = authenticate_of(view), view.refusal
    if found is None or refusal is None or found[0].leg.facts.get("proof") != "right" or not says_nothing(view):
        return None
    step = refusal.step or found[0]
    told = refusals.name(refusal.code) if refusal.code in GENERIC else f"{refusal.status.kind.upper()} {refusal.status.value}"
    return step.seen("the server's status", f"{told} for {who(found[1])}, whose response is right", "acceptance", told=told)


def rpc_refused(view: View) -> Seen | None:
    """The first call is refused: an AUTH3 has no answer of its own."""
    refusal = view.refusal
    known = refusals.RPC_FAULTS.get(refusal.status.value) if refusal and refusal.status.kind == RPC_FAULT else None
    if refusal is None or known is None or refusal.step is None:
        return None
    return refusal.step.seen("the fault of the first call", f"{known[0]}, 0x{refusal.status.value:x}", "a response", False,
                             name=known[0], meaning=known[1])


def refused(view: View) -> Seen | None:
    """A status that has a name."""
    refusal = view.refusal
    meaning = refusals.meaning(refusal.code) if refusal is not None and refusal.code else ""
    if refusal is None or refusal.step is None or not meaning:
        return None
    name = refusals.name(refusal.code)
    detail = f" ({refusal.status.detail})" if refusal.status.detail else ""
    return refusal.step.seen("the server's status", f"{name}, 0x{refusal.code:08x}{detail}", "success", name=name, meaning=meaning)


RULES: tuple[Rule, ...] = (wrong_password, right_password_refused, rpc_refused, refused)
