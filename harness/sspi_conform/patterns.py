# SPDX-License-Identifier: Apache-2.0
"""Case patterns: `id[axis=value|other*,...]`.

Axes left out match anything, `*` matches any characters, `|` separates
alternatives. Where a case has no axis of that name, `mechanism` (such as
NTLM or Negotiate/Kerberos), `package`, `subject` and `flags` (such as
+CONNECTION+INTEGRITY+) stand for the settings of the subject's side, so that
`*[mechanism=*Kerberos]` means every case with Kerberos inside.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .model import Case, ConformError
from .yamlfile import did_you_mean, nearest

IMPLIED_AXES = ("mechanism", "package", "subject", "flags")
_WHOLE = re.compile(r"(?P<id>[a-z0-9*|-]+)(?:\[(?P<axes>[^\[\]]*)\])?")
_WORD = re.compile(r"[A-Za-z0-9._/+*-]+")


@dataclass(frozen=True)
class Alternative:
    """One word of a pattern, in which * stands for anything."""

    text: str
    regex: re.Pattern[str]

    def matches(self, value: str) -> bool:
        return self.regex.fullmatch(value) is not None


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern."""

    text: str
    ids: tuple[Alternative, ...]
    axes: tuple[tuple[str, tuple[Alternative, ...]], ...]

    def matches(self, case: Case) -> bool:
        return any(one.matches(case.scenario.id) for one in self.ids) and self.matches_point(case.scenario.id, points(case))

    def matches_point(self, scenario_id: str, axes: Mapping[str, str]) -> bool:
        """Whether the scenario and its axis values (implied ones included) match."""
        if not any(one.matches(scenario_id) for one in self.ids):
            return False
        return all(axis in axes and any(one.matches(axes[axis]) for one in alternatives)
                   for axis, alternatives in self.axes)


@dataclass(frozen=True)
class AnyOf:
    """Several patterns, of which one is enough."""

    patterns: tuple[Pattern, ...]

    @property
    def text(self) -> str:
        return ", ".join(pattern.text for pattern in self.patterns)

    def matches(self, case: Case) -> bool:
        return any(pattern.matches(case) for pattern in self.patterns)


def points(case: Case) -> Mapping[str, str]:
    """The axis values of a case, the implied ones included."""
    return implied(case.settings) | dict(case.axes)


def implied(settings: Mapping[str, Any]) -> dict[str, str]:
    """The axes that every case has through its settings: those of the subject's side."""
    subject, mechanism = str(settings["subject"]), str(settings["mechanism"])
    package = str(settings[subject]["package"])
    full = mechanism if package == mechanism else f"{package}/{mechanism}"
    asked = f"+{'+'.join(settings[subject]['flags'])}+"
    return {"mechanism": full, "package": package, "subject": subject, "flags": asked}


def parse(text: str) -> Pattern:
    """A pattern from its text; ConformError without a place when it is none."""
    whole = _WHOLE.fullmatch(text.strip())
    if whole is None:
        raise ConformError(f"'{text}' is no case pattern", "",
                           "Write id or id[axis=value,...]; * and | are allowed, such as "
                           "'cbt[mechanism=NTLM|Kerberos,acceptor=this*]'.")
    axes = []
    for part in filter(None, (whole["axes"] or "").split(",")):
        axis, equals, values = (word.strip() for word in part.partition("="))
        words = values.split("|")
        if not equals or not _WORD.fullmatch(axis) or not all(_WORD.fullmatch(word) for word in words):
            raise ConformError(f"'{part}' in the pattern '{text}' is not axis=value", "",
                               "Write axis=value, axis=one|other or axis=begin*.")
        if any(axis == seen for seen, _ in axes):
            raise ConformError(f"axis '{axis}' twice in the pattern '{text}'", "", "Join the values with |.")
        axes.append((axis, tuple(_alternative(word) for word in words)))
    return Pattern(text.strip(), tuple(_alternative(word) for word in whole["id"].split("|")), tuple(axes))


def parse_at(text: str, where: str) -> Pattern:
    """The same for a pattern from a file."""
    try:
        return parse(text)
    except ConformError as error:
        raise ConformError(error.what, where, error.advice) from None


def by_scenario(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """The cases of each scenario."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.scenario.id, []).append(case)
    return found


def near(pattern: Pattern, cases: list[Case], scenarios: Mapping[str, list[Case]]) -> list[Case]:
    """Among which cases to look for a pattern: those of the scenarios it names; all, when it names one with a star."""
    if any(one.text not in scenarios for one in pattern.ids):
        return cases
    return [case for one in pattern.ids for case in scenarios[one.text]]


def select(pattern: Pattern, cases: Iterable[Case], where: str = "") -> list[Case]:
    """The cases a pattern matches. None, or a word in it that stands for nothing, is refused with suggestions."""
    cases = list(cases)
    found = [case for case in cases if pattern.matches(case)]
    for one in pattern.ids:
        if not any(one.matches(case.scenario.id) for case in cases):
            ids = sorted({case.scenario.id for case in cases})
            raise ConformError(f"pattern '{pattern.text}' matches no case: there is no scenario '{one.text}'",
                               where, _advice(one.text, ids))
    candidates = [points(case) for case in cases if any(one.matches(case.scenario.id) for one in pattern.ids)]
    for axis, alternatives in pattern.axes:
        values = sorted({point[axis] for point in candidates if axis in point})
        if not values:
            known = sorted({name for point in candidates for name in point})
            raise ConformError(f"pattern '{pattern.text}' matches no case: there is no axis '{axis}'",
                               where, did_you_mean(axis, known))
        for one in alternatives:
            if not any(one.matches(value) for value in values):
                raise ConformError(f"pattern '{pattern.text}': '{one.text}' is no value of the axis '{axis}'",
                                   where, did_you_mean(one.text, values))
    if not found:
        raise ConformError(f"pattern '{pattern.text}' matches no case: no case has these values together",
                           where, "'sspi-conform list' shows the cases, 'list --skipped' those left out and why.")
    return found


def _advice(word: str, ids: list[str]) -> str:
    near = nearest(word, ids) or [one for one in ids if word.strip("*") and word.strip("*") in one][:3]
    return f"Did you mean {' or '.join(near)}?" if near else "'sspi-conform list' shows all cases."


def _alternative(word: str) -> Alternative:
    return Alternative(word, re.compile(".*".join(re.escape(part) for part in word.split("*"))))
