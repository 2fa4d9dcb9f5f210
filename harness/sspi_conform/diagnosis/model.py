# SPDX-License-Identifier: Apache-2.0
"""The types that travel between rules, engine and report."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..exchange.model import Exchange

if TYPE_CHECKING:
    from .view import View


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule saw. `place` is the number of the leg, from 1; a KDC message before leg n has n - 0.5, what holds for
    the whole exchange 0. `found` is what is there, `expected` what Windows does or expects there. `certain` is False
    when the input cannot prove it; the diagnosis' text says what could. `blanks` fill `{names}` in that text."""

    place: float
    frame: int
    field: str
    found: str
    expected: str
    certain: bool = True
    blanks: Mapping[str, str] = field(default_factory=dict)


Rule = Callable[["View"], Seen | None]


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind a finding, and the command or place that tells."""

    cause: str
    check: str


@dataclass(frozen=True, slots=True)
class Text:
    """What a diagnosis says. `says` is one sentence. `sources` are rows of captures/sources.yaml. `sure` says what a
    capture must hold for certainty. `after` names diagnoses that this one is a mere consequence of. An `advisory` one
    tells a difference from Windows that need not harm."""

    id: str
    title: str
    says: str
    clause: str
    sources: tuple[str, ...]
    causes: tuple[Cause, ...]
    sure: str
    after: tuple[str, ...]
    advisory: bool
    where: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A text with its blanks filled in, and what was seen."""

    text: Text
    seen: Seen


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """An exchange and all that was found, what goes wrong first in front. `failed` is None when the input does not tell."""

    exchange: Exchange
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    failed: bool | None
