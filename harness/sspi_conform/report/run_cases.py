# SPDX-License-Identifier: Apache-2.0
"""The cases of a run for its page: a row each for the list and its filters, and what a case opens.

The block `cases` has `names`, the words of each facet; `cases`, a list [id, scenario, verdict, mechanism, side,
evidence, flags, statuses, facts, alone, returned, expects, note] for each case, words as places in `names`, the last three
of them as coverage.py counts cases; `details`, what each opens; `sources`,
what all of them cite. A case opens a block `case`; a row of it is [path, expected, actual, evidence, bits, records, missing,
extra], where `bits` are those of `case.js`, `records` are places in `sources` and the last two the words to mark.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .. import judge, matchers, settings
from ..captures import Captures
from ..coverage import Judged, asked_for, facts_of, facts_of_statuses
from ..model import SIDES, Case, Difference, PathExpectation, Record, Result, Source, Verdict, show
from ..patterns import implied
from . import blocks
from .detail import REDACTED
from .exchange import legs_of_trace
from .page import Ready

TONES: Mapping[Verdict, str] = {
    Verdict.PASS: "good", Verdict.ACCEPTABLE: "good", Verdict.DIFFERS: "fair", Verdict.KNOWN_FAILURE: "fair",
    Verdict.FAIL: "bad", Verdict.ERROR: "bad", Verdict.DISABLED: "mute", Verdict.UNSUPPORTED: "mute"}
SIGNS: Mapping[Verdict, str] = {
    Verdict.PASS: "✓", Verdict.ACCEPTABLE: "✓", Verdict.DIFFERS: "≠", Verdict.KNOWN_FAILURE: "≈",
    Verdict.FAIL: "✗", Verdict.ERROR: "!", Verdict.DISABLED: "○", Verdict.UNSUPPORTED: "–"}
_BINDING, _DIFFERS, _CONTRADICTED, _OTHER_SIDE = 1, 2, 4, 8
_LONGEST = 2000  # characters of an observed value


class _Words:
    """Words that are said once and named by their place from then on."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._places: dict[Any, int] = {}

    def place(self, key: Any, word: Any = None) -> int:
        if key not in self._places:
            self._places[key] = len(self.all)
            self.all.append(key if word is None else word)
        return self._places[key]


class Cases:
    """Collects the cases of a run as they come: decoding their tokens takes a second in all, which is free while the
    implementation works."""

    def __init__(self, captures: Captures, here: str, repeat: Callable[[Case], str]) -> None:
        self._captures, self._here, self._repeat = captures, here, repeat
        self._names = {name: _Words() for name in ("scenario", "verdict", "mechanism", "side", "evidence", "flag", "status",
                                                   "fact", "alone", "returned", "expects")}
        self._named, self._asked_for = facts_of_statuses(captures), {side: asked_for(side) for side in SIDES}
        self._records, self._facts = _Words(), dict[str, Any]()
        self._found: dict[str, tuple[Verdict, list[Any], Ready]] = {}
        for verdict in sorted(Verdict, reverse=True):
            self._names["verdict"].place(verdict.label, [verdict.label, TONES[verdict], SIGNS[verdict]])

    def add(self, result: Result) -> None:
        """One more case."""
        self._found[result.case.id] = result.verdict, self._row(result), Ready.of([self._case(result)])

    def block(self, order: Iterable[str]) -> Mapping[str, Any]:
        """The list: the worst first, otherwise in this order of ids."""
        found = sorted((self._found[one] for one in order), key=lambda one: -one[0])
        return {"kind": "cases", "names": {name: words.all for name, words in self._names.items()},
                "cases": [row for _, row, _ in found], "details": [{"opens": case} for _, _, case in found],
                "sources": {"opens": {"records": self._records.all, "facts": self._facts}}}

    def _row(self, result: Result) -> list[Any]:
        case, names = result.case, self._names
        mechanism, flags = implied(case.settings)["mechanism"], case.settings[case.subject]["flags"]
        judged = Judged(case, mechanism, {path: one for path, one in self._captures.of(case).paths.items() if _is_own(path, case)})
        back, twins = judged.flags(), self._asked_for[case.subject]
        many = {"flag": flags, "status": dict.fromkeys(judged.statuses()) | _observed_statuses(result),
                "fact": facts_of(judged, self._captures, self._named), "alone": flags if len(flags) == 1 and judged.paths else (),
                "returned": [flag for name in back for flag in twins.get(name, ())], "expects": judged.statuses()}
        return [case.id, names["scenario"].place(case.scenario.id, case.scenario.title),
                names["verdict"].place(result.verdict.label), names["mechanism"].place(mechanism),
                names["side"].place(case.subject), names["evidence"].place(result.evidence or "none"),
                *([names[name].place(word) for word in words] for name, words in many.items()), _note(result)]

    def _case(self, result: Result) -> Mapping[str, Any]:
        case, scenario = result.case, result.case.scenario
        observed = result.trace.observed if result.trace else {}
        wrong = {one.path: f"{one.path}: expected {one.expected}, got {one.actual}" for one in result.differences}
        paths = self._captures.of(case).paths
        return {
            "kind": "case", "title": scenario.title, "verdict": result.verdict.label, "tone": TONES[result.verdict], "sign": SIGNS[result.verdict],
            "tags": [f"the {case.subject} is judged", implied(case.settings)["mechanism"], scenario.level,
                     f"{scenario.severity} severity", *(f"needs {one}" for one in sorted(case.needs)),
                     f"{result.seconds * 1000:.1f} ms"],
            "reason": result.reason, "here": self._here, "source": scenario.source, "clause": scenario.clause,
            "rows": [*(self._difference(one) for one in result.differences if one.path not in paths),
                     *(self._path(path, one, result, path in wrong) for path, one in paths.items())],
            "exchange": blocks.exchange(legs_of_trace(case, result.trace, wrong), *_outcome(result)) if result.trace else None,
            "repeat": self._repeat(case),
            "settings": [[key, _flow(value)] for key, value in settings.differing(case.settings).items()],
            "play": [_flow(step) for step in case.play],
            "observed": [[path, _shown(path, value)] for path, value in observed.items()],
        }

    def _difference(self, one: Difference) -> list[Any]:
        """A difference that no record speaks of: a death, a canary."""
        return [one.path, one.expected, one.actual, one.evidence, _DIFFERS | (_BINDING if one.binding else 0), [], None, None]

    def _path(self, path: str, one: PathExpectation, result: Result, wrong: bool) -> list[Any]:
        bits = (_BINDING if one.binding else 0) | (_CONTRADICTED if one.contradicted else 0) | (_DIFFERS if wrong else 0) \
            | (0 if _is_own(path, result.case) else _OTHER_SIDE)
        actual, missing, extra = None, None, None
        if result.trace is not None:
            value = result.trace.observed.get(path, _ABSENT)
            actual = judge.why_missing(path, result.case, result.trace) if value is _ABSENT else _shown(path, value)
            if wrong and isinstance(value, (list, tuple)):
                missing, extra = _marks(one, value)
        return [path, str(one), actual, one.evidence, bits, [self._record(record) for record in one.records], missing, extra]

    def _record(self, record: Record) -> int:
        for source in record.sources:
            if source.id not in self._facts:
                self._facts[source.id] = _fact(source)
        return self._records.place(record.source, [record.source, record.evidence, record.windows, record.note,
                                                   [source.id for source in record.sources]])


_ABSENT = object()


def _is_own(path: str, case: Case) -> bool:
    return matchers.side_of(path, case) in ("", case.subject)


def _observed_statuses(result: Result) -> dict[str, None]:
    """Those that the judged side returned."""
    observed = result.trace.observed if result.trace else {}
    return {value: None for path, value in observed.items() if path.endswith(".status") and _is_own(path, result.case)}


def _note(result: Result) -> str:
    """What the list says below the name: the first difference, or why there is none."""
    if not result.differences or result.verdict is Verdict.ERROR:
        return result.reason
    first = next((one for one in result.differences if one.binding), result.differences[0])
    more = len(result.differences) - 1
    return f"{first.path}: expected {first.expected}, got {first.actual}" + (f" and {more} more" if more else "")


def _outcome(result: Result) -> tuple[str, str]:
    """The last line of the diagram."""
    assert result.trace is not None
    if result.trace.ended is not None:
        return show(result.trace.observed.get("end", f"{result.trace.ended.kind}: {result.trace.ended.detail}")), "bad"
    established = result.trace.observed.get("established")
    if established is None:
        return "", ""
    return ("established", "good") if established else ("not established", "mute")


def _marks(one: PathExpectation, actual: Sequence[Any]) -> tuple[list[str], list[str]]:
    """Of the lists of an expectation and of what came the words that make the difference."""
    missing, extra = dict[str, None](), dict[str, None]()
    for matcher in one.alternatives[0] if len(one.alternatives) == 1 else ():
        asked = [show(value) for value in matcher.asked()]
        if matcher.kind in ("equals", "includes"):
            missing |= dict.fromkeys(value for value in asked if value not in actual)
        if matcher.kind == "equals":
            extra |= dict.fromkeys(show(value) for value in actual if show(value) not in asked)
        extra |= dict.fromkeys(show(value) for value in matcher.excludes if value in actual)
    return list(missing), list(extra)


def _fact(source: Source) -> list[Any]:
    return [source.fact, [[one["kind"], one["text"]] for one in source.citations], source.contradictions, source.resolved]


def _shown(path: str, value: Any) -> str:
    if path.endswith(".SessionKey"):
        return REDACTED
    text = show(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _flow(value: Any) -> str:
    """A step or setting as one line of YAML (JSON is YAML)."""
    return value if isinstance(value, str) else json.dumps(value)
