# SPDX-License-Identifier: Apache-2.0
"""What a refusal itself tells when nothing else does. It is last: whatever knows more is said first."""
from __future__ import annotations

from . import refusals
from .model import Rule, Seen
from .view import View


def refused(view: View) -> Seen | None:
    """A status that has a name."""
    refusal = view.refusal
    meaning = refusals.meaning(refusal.code) if refusal is not None else ""
    if refusal is None or refusal.step is None or not meaning:
        return None
    name = refusals.name(refusal.code)
    detail = f" ({refusal.status.detail})" if refusal.status.detail else ""
    return refusal.step.seen("the server's status", f"{name}, 0x{refusal.code:08x}{detail}", "success", name=name, meaning=meaning)


RULES: tuple[Rule, ...] = (refused,)
