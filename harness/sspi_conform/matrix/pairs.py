# SPDX-License-Identifier: Apache-2.0
"""Plays the pairs and decides their cells."""
from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from realm import Realm

from .. import judge
from ..endpoint import EndpointEnded
from ..matchers import side_of
from ..model import Case, ConformError, Difference, Trace
from ..pipelines import RunOptions, run_cases
from ..profiles import Profile
from ..programs import Program, hosted
from ..project import Project
from ..world import Surroundings, world_of
from .columns import COLUMNS, Asked, asked

OK, DIFFERS, ADVISORY, LACKS, DIED, UNKNOWN = "ok", "differs", "advisory", "lacks", "died", "?"
_RULES = judge.Rules(peer_is_harness=False)


@dataclass(frozen=True, slots=True)
class Party:
    """An implementation that can take part. The independent peer has every package, and no known failures."""

    name: str
    program: Program
    packages: tuple[str, ...]
    acceptor_identity: str = "none"
    adapter: bool = False
    profile: Profile | None = None

    def lacks(self, case: Case) -> str:
        """Why it cannot take part in a case; empty when it can."""
        for package in dict.fromkeys((case.settings["package"], case.mechanism)):
            if package not in self.packages:
                return f"{self.name} has no package {package}"
        return ""

    def has_not(self, case: Case | None) -> str:
        """What its profile says it lacks, of a case with this side as its subject."""
        return self.profile.why_unsupported(case) if self.profile is not None and case is not None else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What one column of a cell says. `differences` come with the side whose behaviour they are, binding ones first;
    `side` without one is who died."""

    kind: str
    reason: str = ""
    side: str = ""
    differences: tuple[tuple[str, Difference], ...] = ()
    case: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One initiator and one acceptor in one mechanism. `plays` are its cases in their order, none when one side lacks
    the mechanism."""

    initiator: str
    acceptor: str
    mechanism: str
    marks: dict[str, Mark]
    seconds: float = 0.0
    plays: tuple[tuple[Case, Trace], ...] = field(default=(), compare=False)

    @property
    def worst(self) -> str:
        """The kind that sums the cell up."""
        kinds = [mark.kind for mark in self.marks.values()]
        return next((kind for kind in (DIED, DIFFERS, ADVISORY) if kind in kinds), OK if OK in kinds else LACKS)


@contextmanager
def on_their_hosts(parties: Sequence[Party]) -> Iterator[list[Party]]:
    """The parties with what some need around them (Wine), which then serves all their pairs."""
    with ExitStack() as stack:
        found = []
        for party in parties:
            program, _, _ = stack.enter_context(hosted(party.program, None, None, None))
            found.append(replace(party, program=replace(program, wants_wine=False)))
        yield found


def starts_here(party: Party) -> str:
    """Why an implementation does not start on this machine; empty when it does."""
    with Realm() as realm, tempfile.TemporaryDirectory(dir=realm.folder) as folder:
        try:
            with on_their_hosts([party]) as (ready,), \
                    ready.program.start("acceptor", world_of(realm, tickets=False), Surroundings(), Path(folder)):
                return ""
        except EndpointEnded as problem:
            return problem.ended.detail
        except ConformError as problem:
            return f"{problem.what}: {problem.advice}"


def play(project: Project, parties: Sequence[Party], mechanisms: Sequence[str], jobs: int = 0) -> Iterator[Cell]:
    """Every initiator against every acceptor, cell by cell."""
    for mechanism in mechanisms:
        cases = asked(project, mechanism)
        for initiator, acceptor in itertools.product(parties, parties):
            yield _cell(project, initiator, acceptor, mechanism, cases, jobs)


def _cell(project: Project, initiator: Party, acceptor: Party, mechanism: str, cases: Sequence[Asked], jobs: int) -> Cell:
    lacks = initiator.lacks(cases[0].case) or acceptor.lacks(cases[0].case)
    if lacks:
        return Cell(initiator.name, acceptor.name, mechanism, {column.name: Mark(LACKS, lacks) for column in COLUMNS})
    options = RunOptions(acceptor.program, initiator.program, acceptor.acceptor_identity, jobs)
    start = time.monotonic()
    traces = {case.id: trace for case, trace in run_cases([one.case for one in cases], options)}
    seconds = time.monotonic() - start
    marks = {column.name: _mark(project, one, column.name, traces[one.case.id], initiator, acceptor)
             for one in cases for column in one.columns}
    in_order = {column.name: marks.get(column.name, Mark(LACKS, "this is not asked of this mechanism")) for column in COLUMNS}
    return Cell(initiator.name, acceptor.name, mechanism, in_order, seconds,
                tuple((one.case, traces[one.case.id]) for one in cases))


def _mark(project: Project, one: Asked, name: str, trace: Trace, initiator: Party, acceptor: Party) -> Mark:
    """The first difference of this column on either side decides; a column with nothing that held says nothing."""
    column = next(column for column in one.columns if column.name == name)
    lacks = acceptor.has_not(one.case) or initiator.has_not(one.twin)
    if lacks:
        return Mark(LACKS, lacks, case=one.case.id)
    ended = trace.ended
    if ended is not None:
        return Mark(LACKS if ended.kind in ("unsupported", "undeclared") else DIED, f"{ended.side}: {ended.detail}".lstrip(": "), ended.side,
                    case=one.case.id)
    held = 0
    found: list[tuple[str, Difference]] = []
    for side, case in (("acceptor", one.case), ("initiator", one.twin)):
        if case is None:
            continue
        expected = project.captures.of(case)
        result = judge.judge(case, expected, trace, rules=_RULES)
        wrong = [one for one in result.differences if column.takes(one.path)]
        found += [(side, one) for one in wrong]
        held += sum(column.takes(path) for path in expected.paths if side_of(path, case) in ("", case.subject)) - len(wrong)
    if not found:
        return Mark(OK if held else UNKNOWN, "" if held else "no source says what Windows does", case=one.case.id)
    found.sort(key=lambda pair: not pair[1].binding)
    side, first = found[0]
    return Mark(DIFFERS if first.binding else ADVISORY, "", side, tuple(found), one.case.id)

