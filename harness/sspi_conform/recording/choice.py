# SPDX-License-Identifier: Apache-2.0
"""Which cases can be played between two machines that nobody prepares for each case."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..model import SIDES, Case
from ..verbs import verb_of
from .accounts import Accounts

_DERIVED = ("wrong-password", "unknown-user", "foreign-domain", "anonymous", "default")  # from `normal`, or from none
_NEEDS = {"ad": "it breaks a domain of its own", "trust": "it needs a second realm", "standalone": "it needs another server role",
          "pin": "it pins clock and random numbers", "failalloc": "it lets allocations fail"}
_VERBS = {"world": "it changes the realm", "churn": "it looks at the heap", "onward": "it needs delegation"}
# What a case may set for a side, and what recordings are made with.
_USUAL: Mapping[str, tuple[Any, str]] = {
    "misbehave": ({}, "a side misbehaves on purpose"), "policy": ({}, "it sets a policy of the machine"),
    "zone": ("UTC0", "it sets the time zone"), "ccache": ("auto", "it arranges a cache of tickets"),
    "ticket": ("genuine", "it alters a ticket"), "keytab": ("all", "it takes keys away")}


def why_not(case: Case, accounts: Accounts) -> str:
    """Why a case cannot be recorded with these accounts; '' when it can."""
    found = next((reason for need, reason in _NEEDS.items() if need in case.needs), "")
    found = found or next((_VERBS[verb] for verb in map(_verb, case.play) if verb in _VERBS), "")
    if not found and case.settings["authority"] != "winbind":
        found = "it plays with the acceptor's own accounts"
    if not found and case.mechanism == "Kerberos" and not accounts.kerberos:
        found = "the accounts have no realm, which Kerberos needs"
    return found or next(filter(None, (_side(case, side, accounts) for side in SIDES)), "") or _names(case, accounts)


def _verb(step: Any) -> str:
    return step.split()[0] if isinstance(step, str) else verb_of(step)


def _side(case: Case, side: str, accounts: Accounts) -> str:
    settings = case.settings[side]
    for key, (usual, reason) in _USUAL.items():
        if settings.get(key, usual) != usual:
            return reason
    if isinstance(settings["bindings"], Mapping) and "tls" in settings["bindings"]:
        return "it binds to a live TLS connection"
    if settings["account"] not in accounts.world.accounts and settings["account"] not in _DERIVED:
        return f"there is no account '{settings['account']}'"
    return ""


def _names(case: Case, accounts: Accounts) -> str:
    """Names of the suite's own realm, which mean nothing elsewhere."""
    target = case.settings["initiator"]["target"]
    if target is not None and target not in accounts.world.targets and case.mechanism == "Kerberos":
        return "it names a service of the suite's own realm"
    words = json.dumps([list(case.play), case.settings.get("parameters", {})], default=str)
    if '"identity"' in words or "$keytab" in words:
        return "a call in it names an account of the suite's own realm"
    return ""
