# SPDX-License-Identifier: Apache-2.0
"""What the cases cover: counted from the scenarios and captures as loaded, nothing is written down here.

A case counts where it judges: by the paths of its subject for which there is an expectation.
"""
from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import comb
from typing import Any

from . import covering, flags, patterns
from .captures import Captures, judged_paths, unrecorded
from .model import SIDES, Case, Matcher, PathExpectation, Source
from .project import Project

MECHANISMS = ("NTLM", "Negotiate/NTLM", "Kerberos", "Negotiate/Kerberos")
SECTIONS = ("flags", "pairs", "statuses", "bindings", "paths", "attributes", "facts", "cases")
_PREFIX = {"initiator": "ISC", "acceptor": "ASC"}
_ATTRIBUTE = "SECPKG_ATTR_"


@dataclass
class Count:
    """Cases: those with a binding expectation, and the others."""

    binding: int = 0
    advisory: int = 0

    def add(self, binding: bool) -> None:
        if binding:
            self.binding += 1
        else:
            self.advisory += 1

    @property
    def total(self) -> int:
        return self.binding + self.advisory


@dataclass(frozen=True)
class Judged:
    """A case, what is judged of it, and where it belongs in the tables."""

    case: Case
    mechanism: str  # such as Negotiate/Kerberos
    paths: Mapping[str, PathExpectation]

    def sources(self) -> dict[str, bool]:
        """The facts that judge this case, and whether one of their records binds."""
        found: dict[str, bool] = {}
        for one in self.paths.values():
            for record in one.records:
                for source in record.sources:
                    found[source.id] = found.get(source.id, False) or record.binding
        return found

    def flags(self) -> dict[str, bool]:
        """The flags that are expected among what is returned, or not, and whether anything binds to them."""
        found: dict[str, bool] = {}
        for name, path in self.paths.items():
            if name.endswith(".attributes"):
                for flag in {flag for matcher in _matchers(path) for flag in (*matcher.asked(), *matcher.excludes)}:
                    found[flag] = found.get(flag, False) or path.binding
        return found

    def statuses(self) -> dict[str, bool]:
        """The statuses that are expected, and whether anything binds to them."""
        found: dict[str, bool] = {}
        for name, path in self.paths.items():
            if name.endswith(".status"):
                for status in {value for matcher in _matchers(path) for value in matcher.asked()}:
                    found[status] = found.get(status, False) or path.binding
        return found


@dataclass
class Row:
    """A line of a table: its cells by column."""

    name: str
    cells: dict[str, Count] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(cell.total for cell in self.cells.values())


@dataclass(frozen=True)
class Pairs:
    """The covering array of a side: its cases, the pairs of flags in them, and the pairs that there are."""

    side: str
    cases: int
    covered: int
    total: int


def judged_cases(project: Project, cases: Iterable[Case] | None = None) -> list[Judged]:
    """Every case that judges anything, of all or of those given."""
    found = []
    for case in project.cases if cases is None else cases:
        names = set(judged_paths(case, project.captures))
        paths = {path: one for path, one in project.captures.of(case).paths.items() if path in names}
        if paths:
            found.append(Judged(case, patterns.implied(case.settings)["mechanism"], paths))
    return found


def report(project: Project, judged: list[Judged] | None = None) -> dict[str, Any]:
    """All sections, as they are written with --json. `judged` is what `judged_cases` found, by whoever has it already."""
    cases = judged_cases(project) if judged is None else judged
    return {
        **tables(cases, project),
        "pairs": pair_rows(cases),
        "facts": facts(project, by_source(cases, project)),
        "cases": {"total": len(project.cases), "binding": sum(map(_binds, cases)),
                  "unrecorded": {case.id: case.scenario.observe_only or "reasoning without a source"
                                 for case in unrecorded(project.cases, project.captures)}},
    }


def tables(cases: list[Judged], project: Project) -> dict[str, list[Row]]:
    """What some cases cover, table by table."""
    sources = project.captures.sources
    judged = by_source(cases, project)
    return {
        "flags": [row for side in SIDES for row in flag_rows(cases, side)],
        "statuses": status_rows(cases, sources),
        "bindings": _source_rows(judged, sources, "channel-bindings", ("outcome",)),
        "paths": _source_rows(judged, sources, "multileg", ("path", "fact")),
        "attributes": attribute_rows(cases, sources),
    }


def as_json(counted: Mapping[str, Any]) -> str:
    """The text of coverage.json."""
    return json.dumps(counted, indent=1, default=dataclasses.asdict) + "\n"


def in_a_line(counted: Mapping[str, Any]) -> str:
    """How many rows of each table have a case, for the summary of a run."""
    tables = [f"{name} {sum(bool(row.total) for row in counted[name])} of {len(counted[name])}"
              for name in ("flags", "statuses", "bindings", "paths", "attributes")]
    return "Coverage: " + ", ".join([*tables, f"facts without a case {len(counted['facts']['missing'])}"])


def flag_rows(cases: list[Judged], side: str) -> list[Row]:
    """Each requirement flag of a side: asked alone (`alone`), and expected in what comes back, or not (`returned`)."""
    rows = []
    asked, returned = f"{_PREFIX[side]}_REQ_", f"{_PREFIX[side]}_RET_"
    mine = [(one, one.case.settings[side]["flags"], one.flags(), _binds(one)) for one in cases if one.case.subject == side]
    for flag in flags.of(asked):
        row, twin = Row(asked + flag.name), returned_twin(flag, returned)
        for one, alone, says, binds in mine:
            if alone == [flag.name]:
                row.cells.setdefault(f"{one.mechanism} alone", Count()).add(binds)
            if twin in says:
                row.cells.setdefault(f"{one.mechanism} returned", Count()).add(says[twin])
        rows.append(row)
    return rows


def pair_rows(cases: list[Judged]) -> list[Pairs]:
    """What the covering arrays are worth: for each side their cases, and how many pairs of flags these ask together."""
    rows = []
    for side in SIDES:
        mine = [one.case for one in cases if one.case.scenario.covering and one.case.subject == side]
        rows.append(Pairs(side, len(mine), len(covering.pairs(mine, side)), comb(len(flags.of(f"{_PREFIX[side]}_REQ_")), 2)))
    return rows


def asked_for(side: str) -> dict[str, list[str]]:
    """For each flag that a side may return those that ask for it."""
    found: dict[str, list[str]] = {}
    for flag in flags.of(f"{_PREFIX[side]}_REQ_"):
        twin = returned_twin(flag, f"{_PREFIX[side]}_RET_")
        if twin:
            found.setdefault(twin, []).append(flag.name)
    return found


def returned_twin(flag: flags.Flag, prefix: str) -> str | None:
    """The name under which a flag comes back: its own, or that of a bit which exists only there."""
    back = {one.name: flags.number(prefix, one) for one in flags.of(prefix)}
    if flag.name in back:
        return flag.name
    asked = set(flags.names(prefix.replace("RET", "REQ")))
    return next((name for name, number in back.items() if number == flag.req and name not in asked), None)


def status_rows(cases: list[Judged], sources: Mapping[str, Source]) -> list[Row]:
    """Each status that has a row of its own among the facts: how many cases expect it."""
    names = dict.fromkeys(source.fields["name"] for source in sources.values()
                          if source.fields.get("kind") == "status" and "name" in source.fields)
    rows = {name: Row(name) for name in names}
    for one in cases:
        for status, binding in one.statuses().items():
            if status in rows:
                rows[status].cells.setdefault(one.mechanism, Count()).add(binding)
    return list(rows.values())


def attribute_rows(cases: list[Judged], sources: Mapping[str, Source]) -> list[Row]:
    """Each context attribute among the facts: how many cases judge what a side answers."""
    rows, known = {}, {}
    for source in sources.values():
        if source.fields.get("kind") == "attribute" and "name" in source.fields:
            name = source.fields["name"].removeprefix(_ATTRIBUTE)
            rows[name] = Row(name)
            known |= {name: name, source.fields.get("value", name): name}  # a query may use the number
    for one in cases:
        asked: dict[tuple[str, str], bool] = {}
        for name, path in one.paths.items():
            words = name.split(".")
            if words[0] == "query" and words[2] in known:
                key = known[words[2]], words[1]
                asked[key] = asked.get(key, False) or path.binding
        for (attribute, side), binding in asked.items():
            rows[attribute].cells.setdefault(f"{one.mechanism} {side}", Count()).add(binding)
    return list(rows.values())


def facts(project: Project, judged: Mapping[str, Row]) -> dict[str, Any]:
    """Which facts judge a case, which cannot and why, and which do not yet."""
    sources, no_case = project.captures.sources, project.captures.no_case
    missing = [name for name in sources if name not in judged and name not in no_case]
    by_table: dict[str, dict[str, int]] = {}
    for name, source in sources.items():
        table = by_table.setdefault(source.fields.get("table", "other"), {"judge": 0, "cannot": 0, "missing": 0})
        table["judge" if name in judged else "cannot" if name in no_case else "missing"] += 1
    return {"total": len(sources), "judge": len(judged), "cannot": dict(no_case), "missing": missing, "tables": by_table}


def by_source(cases: list[Judged], project: Project) -> dict[str, Row]:
    """For each fact the cases that it judges. A fact that stronger ones overrule counts as well: it was compared. So
    does a fact about a status where that status is expected, whoever says so."""
    rows: dict[str, Row] = {}
    named = facts_of_statuses(project.captures)
    for one in cases:
        for name, binding in facts_of(one, project.captures, named).items():
            rows.setdefault(name, Row(name)).cells.setdefault(one.mechanism, Count()).add(binding)
    return rows


def facts_of(one: Judged, captures: Captures, named: Mapping[str, str]) -> dict[str, bool]:
    """The facts that judge a case, as `by_source` counts them."""
    found = one.sources()
    for record in captures.of(one.case).records:
        if any(path in one.paths for path in record.expect):
            for source in record.sources:
                found.setdefault(source.id, False)
    return {named[name]: binding for name, binding in one.statuses().items() if name in named} | found


def facts_of_statuses(captures: Captures) -> dict[str, str]:
    """For each status the fact that is about it."""
    return {source.fields["name"]: source.id for source in captures.sources.values()
            if source.fields.get("kind") == "status" and "name" in source.fields}


def _source_rows(judged: Mapping[str, Row], sources: Mapping[str, Source], table: str,
                 kinds: tuple[str, ...]) -> list[Row]:
    return [judged.get(name, Row(name)) for name, source in sources.items()
            if source.fields.get("table") == table and source.fields.get("kind") in kinds]


def _matchers(path: PathExpectation) -> Iterator[Matcher]:
    for group in path.alternatives:
        yield from group


def _binds(one: Judged) -> bool:
    return any(path.binding for path in one.paths.values())
