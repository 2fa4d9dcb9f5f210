# SPDX-License-Identifier: Apache-2.0
"""A profile draft: the failures of a run grouped by cause, each with a reason that somebody has yet to write."""
from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import Case, Difference, Result, Verdict


@dataclass(frozen=True)
class Cause:
    """One wrong outcome, and the cases in which it happens."""

    path: str
    outcome: str                 # as YAML
    cases: tuple[Case, ...]
    expected: tuple[str, ...]    # what was expected instead, with evidence


def causes(results: Iterable[Result]) -> list[Cause]:
    """The wrong outcomes of all failures, the most frequent first."""
    found: dict[tuple[str, str], tuple[list[Case], dict[str, None]]] = {}
    for result in results:
        if result.verdict is not Verdict.FAIL or result.trace is None:
            continue
        observed = result.trace.observed
        for path, expected in _reached(result):
            cases, others = found.setdefault((path, _yaml(observed[path])), ([], {}))
            cases.append(result.case)
            others[expected] = None
    return [Cause(path, outcome, tuple(cases), tuple(expected)) for (path, outcome), (cases, expected)
            in sorted(found.items(), key=lambda item: (-len(item[1][0]), item[0]))]


def lacking(results: Iterable[Result]) -> dict[str, list[Case]]:
    """The cases that failed because the endpoint said `unsupported` and no profile did, by call."""
    found: dict[str, list[Case]] = {}
    for result in results:
        ended = result.trace.ended if result.trace is not None else None
        if result.verdict is Verdict.FAIL and ended is not None and ended.kind == "undeclared":
            found.setdefault(ended.last_call, []).append(result.case)
    return found


def _reached(result: Result) -> list[tuple[str, str]]:
    """The wrong paths of a result with what was expected; the last status when nothing expected was reached."""
    assert result.trace is not None
    observed = result.trace.observed
    wrong = [(one.path, _expected(one)) for one in result.differences if one.path in observed]
    last = [path for path in observed if path.endswith(".status") and (".leg." in path or ".acquire." in path)]
    return wrong or [(path, _expected(one) + " behind it") for path in last[-1:] for one in result.differences[:1]]


def text(head: Mapping[str, Any], found: Sequence[Cause], missing: Mapping[str, Sequence[Case]], cases: Sequence[Case],
         date: str) -> str:
    """The draft as YAML. `cases`: the whole suite, so that no pattern says more than was seen. missing: what lacking()
    found."""
    lines = ["# SPDX-License-Identifier: Apache-2.0",
             "# A draft: write a reason for every known failure; until then the file is refused.",
             *(f"{key}: {_yaml(value)}" for key, value in head.items() if key != "unsupported")]
    if missing or head.get("unsupported"):
        lines.append("unsupported:")
    lines += [f"- {_yaml(entry)}" for entry in head.get("unsupported", ())]
    for call, members in missing.items():
        lines += [f"# {len(members)} cases need {call}", f"- case: {_yaml(patterns_of(members, cases))}", "  reason:"]
    if found:
        lines.append("known-failures:")
    for cause in found:
        count = len(cause.cases)
        lines += [f"# {count} case{'' if count == 1 else 's'}; expected: {expected}" if not number else f"#   or {expected}"
                  for number, expected in enumerate(cause.expected[:3])]
        lines += ["- case:", *(f"  - {_yaml(one)}" for one in patterns_of(cause.cases, cases)), "  reason:",
                  f"  outcome: {{{_yaml(cause.path)}: {cause.outcome}}}", f"  since: {date}"]
    return "\n".join(lines) + "\n"


def patterns_of(wanted: Sequence[Case], cases: Sequence[Case]) -> list[str]:
    """Few patterns that match the wanted cases and no other."""
    found = []
    for scenario in dict.fromkeys(case.scenario.id for case in wanted):
        mine = [case for case in wanted if case.scenario.id == scenario]
        allowed = {case.id for case in mine}
        near = [case for case in cases if case.scenario.id == scenario]
        covered: set[str] = set()
        for case in mine:
            if case.id in covered:
                continue
            box = _widest(case, near, allowed)
            covered |= {one.id for one in near if _inside(one, box)}
            axes = [f"{axis}={'|'.join(values)}" for axis, values in box.items()
                    if {one.axes[axis] for one in near} - set(values)]
            found.append(scenario + (f"[{','.join(axes)}]" if axes else ""))
    return found


def _widest(case: Case, near: Sequence[Case], allowed: set[str]) -> dict[str, list[str]]:
    """Axis values around a case, as many as there can be without a case that is not allowed."""
    box = {axis: [value] for axis, value in case.axes.items()}
    for axis in box:
        for value in dict.fromkeys(one.axes[axis] for one in near):
            wider = box | {axis: [*box[axis], value]}
            if value not in box[axis] and all(one.id in allowed for one in near if _inside(one, wider)):
                box = wider
    return box


def _inside(case: Case, box: Mapping[str, Sequence[str]]) -> bool:
    return all(case.axes[axis] in values for axis, values in box.items())


def _expected(one: Difference) -> str:
    sources = ", ".join(dict.fromkeys(source.id for record in one.records for source in record.sources))
    return textwrap.shorten(f"{one.expected} ({one.evidence}{', ' + sources if sources else ''})", 140)


def _yaml(value: Any) -> str:
    """On one line; JSON is YAML."""
    return json.dumps(list(value) if isinstance(value, (tuple, set, frozenset)) else value)
