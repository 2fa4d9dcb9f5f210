# SPDX-License-Identifier: Apache-2.0
"""Runs every rule over every exchange and puts what they saw in order: what goes wrong first, and causes before consequences."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType

from ..exchange.model import Recording
from . import accounts, bindings, http, kdc, kerberos, negotiate, ntlm, policy, refused, texts, unlike_windows
from .model import Diagnosed, Finding, Text
from .view import View, views

# Of two findings at one leg the one of the earlier module and rule comes first.
MODULES: tuple[ModuleType, ...] = (kdc, kerberos, bindings, ntlm, negotiate, http, policy, accounts, unlike_windows)
LAST = refused  # what the status of a refusal says, when no other rule knows more; its first rule that fits


def diagnose(recording: Recording, only: int | None = None) -> list[tuple[View, Diagnosed]]:
    """What is wrong with each exchange, or with `only` one, and with the messages to the KDC that belong to none."""
    known = texts.load((*MODULES, LAST))
    return [(view, _diagnosed(view, known)) for view in views(recording) if only in (None, view.exchange.number)]


def _diagnosed(view: View, known: Mapping[str, Text]) -> Diagnosed:
    found = [one for module in MODULES for one in _findings(module, view, known)]
    wrong = [one for one in found if not one.text.advisory] or list(_findings(LAST, view, known))[:1]
    return Diagnosed(view.exchange, tuple(_ordered(wrong)), tuple(one for one in found if one.text.advisory), view.failed)


def _findings(module: ModuleType, view: View, known: Mapping[str, Text]) -> Iterator[Finding]:
    for rule in module.RULES:
        seen = rule(view)
        if seen is not None:
            yield Finding(known[texts.id_of(rule)], seen)


def _ordered(found: list[Finding]) -> list[Finding]:
    """By leg; what is certain before what is likely; consequences behind what they come of."""
    there = {one.text.id for one in found}
    return sorted(found, key=lambda one: (any(name in there for name in one.text.after), one.seen.place, not one.seen.certain))
