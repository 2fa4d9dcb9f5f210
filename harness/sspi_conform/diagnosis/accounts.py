# SPDX-License-Identifier: Apache-2.0
"""Why a server refuses an account whose name and password may be right, by the NT status it gives (MS-ERREF 2.3.1).

HTTP carries no NT status: there these stay silent, and the server's event 4625 has it.
"""
from __future__ import annotations

from . import refusals
from .model import Rule, Seen
from .view import View


def _told(view: View, *codes: int) -> Seen | None:
    """The refusal, when it has one of these numbers."""
    refusal = view.refusal
    if refusal is None or refusal.code not in codes:
        return None
    step = refusal.step or (view.steps[-1] if view.steps else None)
    return None if step is None else step.seen("the server's status", f"{refusals.name(refusal.code)}, 0x{refusal.code:08x}",
                                               "STATUS_SUCCESS", told=refusals.name(refusal.code))


def account_locked_out(view: View) -> Seen | None:
    return _told(view, 0xC0000234)


def account_disabled(view: View) -> Seen | None:
    return _told(view, 0xC0000072)


def account_expired(view: View) -> Seen | None:
    return _told(view, 0xC0000193)


def password_expired(view: View) -> Seen | None:
    return _told(view, 0xC0000071)


def password_must_change(view: View) -> Seen | None:
    return _told(view, 0xC0000224)


def outside_logon_hours(view: View) -> Seen | None:
    return _told(view, 0xC000006F)


def workstation_not_allowed(view: View) -> Seen | None:
    return _told(view, 0xC0000070)


def account_restricted(view: View) -> Seen | None:
    return _told(view, 0xC000006E, 0xC0000413)


def logon_type_not_granted(view: View) -> Seen | None:
    return _told(view, 0xC000015B)


def no_logon_servers(view: View) -> Seen | None:
    return _told(view, 0xC000005E)


def machine_trust_broken(view: View) -> Seen | None:
    """Of the server's computer account (018B, 018A, 018D) or between domains (018C, 019B)."""
    return _told(view, 0xC000018A, 0xC000018B, 0xC000018C, 0xC000018D, 0xC000019B)


def clock_differs_at_dc(view: View) -> Seen | None:
    return _told(view, 0xC0000133) if view.authenticate else None


RULES: tuple[Rule, ...] = (
    account_locked_out, account_disabled, account_expired, password_expired, password_must_change, outside_logon_hours,
    workstation_not_allowed, account_restricted, logon_type_not_granted, no_logon_servers, machine_trust_broken,
    clock_differs_at_dc)
