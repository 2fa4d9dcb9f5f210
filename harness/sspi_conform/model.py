# SPDX-License-Identifier: Apache-2.0
"""The types that travel between loader, engine, judge and report.

Everything that is read from files is frozen. A `Trace` is the exception: the
engine fills it while the case is played.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from .error import ConformError as ConformError

SIDES = ("initiator", "acceptor")


class Verdict(IntEnum):
    """In rising order: a status is only ever replaced by a larger one."""

    DISABLED = 0
    UNSUPPORTED = 1
    PASS = 2
    ACCEPTABLE = 3
    DIFFERS = 4
    KNOWN_FAILURE = 5
    FAIL = 6
    ERROR = 7

    @property
    def label(self) -> str:
        """The word that reports use."""
        return _LABELS[self]

    @classmethod
    def of(cls, label: str) -> Verdict:
        return next(verdict for verdict, name in _LABELS.items() if name == label)


_LABELS: Mapping[Verdict, str] = MappingProxyType({
    Verdict.DISABLED: "disabled",
    Verdict.UNSUPPORTED: "unsupported",
    Verdict.PASS: "pass",
    Verdict.ACCEPTABLE: "acceptable",
    Verdict.DIFFERS: "differs",
    Verdict.KNOWN_FAILURE: "known-failure",
    Verdict.FAIL: "FAIL",
    Verdict.ERROR: "ERROR",
})


@dataclass(frozen=True)
class Scenario:
    """What to do, never how it ends."""

    id: str
    title: str
    clause: tuple[str, ...]
    level: str                                   # must, should, may
    severity: str                                # high, medium, low
    needs: frozenset[str]
    isolate: str                                 # none, probe, realm
    settings: Mapping[str, Any]                  # dotted keys, as written
    axes: Mapping[str, Mapping[str, Mapping[str, Any]]]
    play: tuple[Any, ...]
    source: str                                  # "file:line"
    skip: tuple[tuple[str, str], ...] = ()       # (pattern, reason)
    observe_only: str = ""                       # reason why no capture judges it
    covering: bool = False                       # an axis is a covering array


@dataclass(frozen=True)
class Case:
    """One point of a scenario's axes."""

    id: str
    scenario: Scenario
    axes: Mapping[str, str]
    settings: Mapping[str, Any]                  # nested, defaults applied
    play: tuple[Any, ...]                        # steps: str or {verb: argument}
    subject: str                                 # initiator or acceptor
    mechanism: str                               # NTLM or Kerberos
    needs: frozenset[str]
    isolate: str

    def __str__(self) -> str:
        return self.id

    def is_subject(self, side: str) -> bool:
        """Whether the implementation under test plays this side, as the subject or as its own counterpart."""
        return side == self.subject or self.settings["counterpart"] == "itself"


@dataclass(frozen=True)
class Skipped:
    """A point of the axes that a scenario leaves out, and why."""

    id: str
    reason: str
    source: str


@dataclass(frozen=True)
class CallRecord:
    """One line to an endpoint and its answer (None when it died instead)."""

    side: str
    request: Mapping[str, Any]
    answer: Mapping[str, Any] | None


@dataclass(frozen=True)
class Ended:
    """Why a case stopped before its play was over."""

    kind: str                                    # crash, hang, harness, unsupported; undeclared: so says the subject
    side: str
    detail: str                                  # "SIGSEGV", "no answer within 10 s", a traceback
    last_call: str = ""                          # name of the call, such as AcceptSecurityContext


@dataclass
class Trace:
    """What happened: the calls, and the observed paths drawn from them."""

    calls: list[CallRecord] = field(default_factory=list)
    observed: dict[str, Any] = field(default_factory=dict)
    ended: Ended | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Shown:
    """What a recording shows: the fields of one token, or of all tokens that `every` selects."""

    place: str                                   # "folder/file.pcap frame 7", or "exchange 1 leg 2"; empty with `every`
    every: Mapping[str, Matcher]
    fields: Mapping[str, Matcher]                # as the observed paths of a leg, such as token.flags
    times: int                                   # how many tokens `every` selects
    source: str                                  # "file:line"


@dataclass(frozen=True)
class Source:
    """A row of captures/sources.yaml."""

    id: str
    fact: str
    confidence: str                              # as the citing row says it
    evidence: str                                # the kind of evidence it is worth
    citations: tuple[Mapping[str, Any], ...]
    contradictions: tuple[str, ...]
    resolved: str
    source: str                                  # "file:line"
    fields: Mapping[str, str] = field(default_factory=dict)  # kind, status, name, package, call: what explain searches
    shown: tuple[Shown, ...] = ()                # what can be looked up in the recordings

    @property
    def contradicted(self) -> bool:
        return bool(self.contradictions) and not self.resolved


@dataclass(frozen=True)
class Matcher:
    """What a path may be: see judge.matches."""

    kind: str                                    # equals, one-of, includes, not, at-least, at-most, absent, present
    value: Any = None
    excludes: tuple[Any, ...] = ()               # with kind includes

    def asked(self) -> tuple[Any, ...]:
        """The values it asks for; what it only forbids is not asked for."""
        if self.kind == "not":
            return ()
        return tuple(self.value) if isinstance(self.value, (list, tuple)) else (self.value,)

    def __str__(self) -> str:
        if self.kind == "equals":
            return show(self.value)
        if self.kind in ("absent", "present"):
            return self.kind
        if self.kind == "includes":
            parts = []
            if self.value:
                parts.append("includes " + show(self.value))
            if self.excludes:
                parts.append("excludes " + show(list(self.excludes)))
            return ", ".join(parts)
        if self.kind == "one-of":
            return "one of " + show(self.value)
        return f"{self.kind.replace('-', ' ')} {show(self.value)}"


@dataclass(frozen=True)
class Record:
    """One capture record: what Windows does in the cases its pattern matches."""

    patterns: tuple[str, ...]
    evidence: str
    sources: tuple[Source, ...]
    windows: str
    note: str
    expect: Mapping[str, Matcher]
    binding: bool
    source: str                                  # "file:line"
    builds: frozenset[str] = frozenset()         # of Windows it holds for; empty: all
    beside: str = ""                             # why it is kept although stronger records say otherwise

    def holds_for(self, build: str) -> bool:
        return not self.builds or build in self.builds


@dataclass(frozen=True)
class PathExpectation:
    """All matchers must hold; of `alternatives` one is enough: sources contradict each other, or builds differ."""

    alternatives: tuple[tuple[Matcher, ...], ...]
    evidence: str
    binding: bool
    records: tuple[Record, ...]
    contradicted: bool = False                   # of one and the same build

    def __str__(self) -> str:
        return " or ".join(" and ".join(str(one) for one in group) for group in self.alternatives)


@dataclass(frozen=True)
class Expectation:
    """What is known of one case."""

    case_id: str
    paths: Mapping[str, PathExpectation]
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Difference:
    """One path that is not as Windows does it."""

    path: str
    expected: str
    actual: str
    evidence: str
    binding: bool
    clause: str
    records: tuple[Record, ...] = ()
    by: str = ""                                 # with an adapter: whose doing it is, adapter or library


@dataclass(frozen=True)
class Result:
    """One judged case."""

    case: Case
    verdict: Verdict
    differences: tuple[Difference, ...] = ()
    trace: Trace | None = None
    evidence: str = ""                           # weakest of the kinds that decided
    reason: str = ""
    seconds: float = 0.0


def show(value: Any) -> str:
    """A value as one line of a report."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(show(one) for one in value) + "]"
    return str(value)
