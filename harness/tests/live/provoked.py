# SPDX-License-Identifier: Apache-2.0
"""A case that provokes a diagnosis."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from live_bench import LiveCase


@dataclass(frozen=True)
class Provoked:
    """id: of the diagnosis. words: in what was seen, among them what the case is about. observed: what the conductor must
    have seen, so that the case is what it claims to be. password: given to the diagnosis, as is the keytab that the case
    names. is_note: the exchange succeeds, and the diagnosis is a note."""

    id: str
    case: LiveCase
    words: tuple[str, ...] = ()
    observed: Mapping[str, Any] = field(default_factory=dict)
    password: str = ""
    is_note: bool = False

    @property
    def is_injected(self) -> bool:
        """Whether the refusal is put there instead of brought about."""
        scripted = "krb-error" in self.case.settings.get("acceptor.misbehave", {})
        return scripted or self.case.nt_status is not None or self.case.http is not None


def collected(*modules: ModuleType) -> dict[str, Provoked]:
    """The cases of modules by a name of their own: a diagnosis may have several."""
    found: dict[str, Provoked] = {}
    for module in modules:
        for one in module.PROVOKED:
            number = sum(1 for name in found if name.partition(" ")[0] == one.id)
            found[f"{one.id} {number + 1}" if number else one.id] = one
    return found
