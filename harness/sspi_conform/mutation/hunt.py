# SPDX-License-Identifier: Apache-2.0
"""Plays the cases of a fault until one notices it."""
from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import judge
from ..model import Case, Verdict
from ..pipeline import Pipeline
from ..profiles import Profile
from ..programs import Program, prepare_to_fork
from ..project import Project
from ..world import Home, World, home_of, realm_for, world_of
from .faults import Fault
from .weave import VARIABLE

_SET_PDEATHSIG = 1
_DEADLINE = 10.0  # seconds a faulty library may take over a call


@dataclass(frozen=True)
class Hunt:
    """What the hunting processes get by being forked."""

    project: Project
    profile: Profile
    subject: Program
    counterpart: Program
    worlds: Mapping[Home, World]
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a fault."""

    fault: str
    case: str = ""        # that noticed it
    difference: str = ""  # how
    advisory: bool = False  # by an expectation that does not bind: what the suite notices, but no proof against Windows
    trouble: str = ""     # the harness could not tell
    played: int = 0       # cases until then
    seconds: float = 0.0

    @property
    def killed(self) -> bool:
        return bool(self.case)


def hunt(project: Project, profile: Profile, subject: Program, counterpart: Program, faults: Sequence[Fault],
         jobs: int = 0) -> Iterator[Outcome]:
    """The outcome of each fault, as they come, then those of the control: no fault awake, every case passes."""
    cases = {case.id: case for fault in faults for case in fault.cases}
    with ExitStack() as stack:
        homes = {home_of(case): None for case in cases.values() if case.isolate != "realm"} or {False: None}
        realms = {home: stack.enter_context(realm_for(home, None)) for home in homes}
        folder = Path(tempfile.mkdtemp(prefix="mutants-", dir=next(iter(realms.values())).folder))
        shared = Hunt(project, profile, subject, counterpart,
                      {home: world_of(realm) for home, realm in realms.items()}, folder)
        work = [*_controls(faults, cases), *faults]
        yield from stack.enter_context(_Hunters(shared, work, jobs or len(os.sched_getaffinity(0)))).outcomes()


class _Hunters:
    """One process per core, each with its share of the faults."""

    def __init__(self, shared: Hunt, work: Sequence[Fault], count: int) -> None:
        self._shared, self._work, self._count = shared, work, count
        self._processes: dict[Any, Any] = {}  # connection -> process

    def __enter__(self) -> _Hunters:
        context = multiprocessing.get_context("fork")
        prepare_to_fork(self._shared.counterpart)
        cores = sorted(os.sched_getaffinity(0))
        for number in range(self._count):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, daemon=True, args=(
                self._shared, self._work[number::self._count], theirs, cores[number % len(cores)], os.getpid()))
            process.start()
            theirs.close()
            self._processes[ours] = process
        return self

    def __exit__(self, *_: object) -> None:
        for connection, process in self._processes.items():
            connection.close()
            process.kill()  # endpoints die with it
            process.join()

    def outcomes(self) -> Iterator[Outcome]:
        """As they come; one more for a process that ended before its work."""
        waiting = set(self._processes)
        while waiting:
            for connection in multiprocessing.connection.wait(list(waiting)):
                try:
                    outcome = connection.recv()
                except EOFError:
                    waiting.discard(connection)
                    outcome = Outcome("", trouble="a process of the harness ended before its work was done")
                if outcome is None:
                    waiting.discard(connection)
                else:
                    yield outcome


def _controls(faults: Sequence[Fault], cases: Mapping[str, Case]) -> list[Fault]:
    """The same cases on the same build with no fault awake, in parts that several processes share."""
    alone = {case.id for fault in faults if fault.alone for case in fault.cases}
    groups = [(False, [case for case in cases.values()
                       if case.id not in alone or any(case in fault.cases for fault in faults if not fault.alone)]),
              (True, [cases[one] for one in alone])]
    parts = [(both, group[at:at + 40]) for both, group in groups for at in range(0, len(group), 40)]
    return [Fault("", "", "", "", "", "", "", "expression", tuple(part), both, "") for both, part in parts]


def _work(shared: Hunt, faults: Sequence[Fault], connection: Any, core: int, parent: int) -> None:
    """A hunter's life."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it died before the signal was armed
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setaffinity(0, {core})
    for fault in faults:
        try:
            connection.send(_hunt_one(shared, fault))
        except Exception:
            connection.send(Outcome(fault.name, trouble=traceback.format_exc(limit=-4).strip()))
    connection.send(None)
    os._exit(0)


def _hunt_one(shared: Hunt, fault: Fault) -> Outcome:
    start = time.monotonic()
    environment: dict[str, Any] = dict(shared.subject.environment)
    if fault.name:
        environment[VARIABLE] = fault.name
    folder = Path(tempfile.mkdtemp(prefix=f"{fault.name or 'control'}-", dir=shared.folder))
    played = 0
    outcome = Outcome(fault.name)
    try:
        with Pipeline(replace(shared.subject, environment=environment),
                      None if fault.alone else shared.counterpart, shared.worlds, folder / "run", {},
                      shared.profile.acceptor_identity, _DEADLINE, forks=True) as pipeline:
            for case in fault.cases:
                played += 1
                outcome = _play(shared, pipeline, case, fault, not fault.alone)
                if outcome.killed or outcome.trouble:
                    break
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return replace(outcome, played=played, seconds=time.monotonic() - start)


def _play(shared: Hunt, pipeline: Pipeline, case: Case, fault: Fault, peer_is_harness: bool) -> Outcome:
    result = judge.judge(case, shared.project.captures.of(case), pipeline.play(case),
                         shared.profile.known(case), judge.Rules(strict=True, peer_is_harness=peer_is_harness))
    if result.verdict is Verdict.FAIL:
        one = min(result.differences, key=lambda one: not one.binding, default=None)
        how = f"{one.path} expected {one.expected}, got {one.actual}" if one is not None else result.reason
        return Outcome(fault.name, case.id, how, advisory=one is not None and not one.binding)
    if result.verdict is Verdict.ERROR:
        return Outcome(fault.name, trouble=f"{case.id}: {result.reason}")
    return Outcome(fault.name)
