# SPDX-License-Identifier: Apache-2.0
"""A certification profile: a claim that a customer understands, and the cases that it needs."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import patterns
from ..captures import Captures, judged_paths
from ..model import Case, ConformError
from ..project import Project
from ..yamlfile import Section, did_you_mean, load

ADVISORY = "advisory only, certifies nothing: no binding evidence says what Windows does"
DISPUTED = "disputed, certifies nothing: sources of equal strength contradict each other, so that not even Windows could pass"
NOT_REQUIRED = "not required by this profile"
_KEYS = ("title", "claim", "required", "excluded")


@dataclass(frozen=True)
class Exclusion:
    """Cases that the patterns name and the claim does not need, and why."""

    patterns: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Certification:
    """A profile, and what it comes to with the suite of this checkout."""

    name: str
    title: str
    claim: str                          # one sentence
    patterns: tuple[str, ...]
    excluded: tuple[Exclusion, ...]
    required: tuple[Case, ...]          # in the order of the suite; each rests on a binding expectation
    left_out: Mapping[str, str]         # every other case of the suite -> why
    source: str                         # "file:line"


def names(root: Path) -> list[str]:
    """The profiles of a checkout."""
    return sorted(path.stem for path in _folder(root).glob("*.yaml"))


def find(name: str, project: Project) -> Certification:
    """The profile of a name, checked against the suite. ConformError when there is none, or when it could prove nothing."""
    known = names(project.root)
    if name not in known:
        raise ConformError(f"no certification profile is called '{name}'", "", did_you_mean(name, known))
    top = load(_folder(project.root) / f"{name}.yaml", project.root).only(_KEYS, "a certification profile")
    wanted = top.texts("required", "a list of case patterns")
    if not wanted:
        raise ConformError("'required' is empty", top.where("required"), "Name the cases that the claim needs.")
    named = _select(wanted, project.cases, top.where("required"))
    exclusions, excluded = _exclusions(top, project.cases, named)
    left_out = {}
    for case in project.cases:
        why = excluded.get(case.id) or _why_not(case, project.captures) if case.id in named else NOT_REQUIRED
        if why:
            left_out[case.id] = why
    required = tuple(case for case in project.cases if case.id not in left_out)
    if not required:
        raise ConformError(f"profile '{name}' rests on advisory evidence alone: none of its {len(named)} cases has a binding "
                           "expectation", top.where("required"), "Name cases whose evidence binds; 'sspi-conform show' tells.")
    return Certification(name, top.text("title", "a few words"), top.text("claim", "a sentence that a customer understands"),
                         tuple(wanted), exclusions, required, left_out, top.where())


def _folder(root: Path) -> Path:
    return root / "harness" / "certification"


def _select(texts: Iterable[str], cases: Iterable[Case], where: str) -> set[str]:
    """The ids that patterns match; one that matches nothing is refused."""
    cases = list(cases)
    return {case.id for text in texts for case in patterns.select(patterns.parse_at(text, where), cases, where)}


def _exclusions(top: Section, cases: Iterable[Case], named: set[str]) -> tuple[tuple[Exclusion, ...], dict[str, str]]:
    """What is left out on purpose, and the reason by case."""
    cases = list(cases)
    found, reasons = [], {}
    for entry in top.sections("excluded", "a list of {case, reason}", []):
        entry.only(("case", "reason"), "an exclusion")
        texts, reason = entry.texts("case", "a pattern, or a list of them"), entry.text("reason", "a sentence")
        ids = _select(texts, cases, entry.where("case")) & named
        if not ids:
            raise ConformError("it excludes no case that 'required' names", entry.where("case"), "Remove it.")
        found.append(Exclusion(tuple(texts), reason))
        reasons |= dict.fromkeys(ids, f"excluded: {reason}")
    return tuple(found), reasons


def _why_not(case: Case, captures: Captures) -> str:
    """Why a case cannot be required although the profile names it; empty when it can."""
    known = captures.of(case).paths
    paths = [known[path] for path in judged_paths(case, captures)]
    if not any(path.binding for path in paths):
        return ADVISORY
    return DISPUTED if any(path.contradicted for path in paths) else ""
