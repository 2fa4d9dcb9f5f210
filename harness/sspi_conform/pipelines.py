# SPDX-License-Identifier: Apache-2.0
"""Plays many cases: one pinned pipeline (a worker with its endpoints) per core, all in one realm."""
from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from realm import RealmError

from .endpoint import DEADLINE, EndpointEnded
from .model import Case, ConformError, Ended, Trace
from .pipeline import Pipeline, RealmGone, watch
from .play.observed import Observed
from .programs import Program, hosted, prepare_to_fork
from .world import Home, Surroundings, World, home_of, realm_for, world_of

FAULTS = 3  # harness faults in a row after which a run is pointless
_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class RunOptions:
    """How to run, as the command line says."""

    subject: Program
    counterpart: Program | None  # None: the implementation under test plays both sides
    acceptor_identity: str = "none"
    jobs: int = 0  # 0: one per core
    deadline: float | None = DEADLINE
    realm_cache: Path | None = None
    log: Callable[[str], None] | None = None


@dataclass(frozen=True)
class _Shared:
    """What every worker gets by being forked."""

    cases: Sequence[Case]
    options: RunOptions
    worlds: Mapping[Home, World]
    watched: Mapping[int, str]  # pidfd of a daemon -> its name and pid
    folder: Path


def run_cases(cases: Sequence[Case], options: RunOptions,
              on_realm_ready: Callable[[Any], None] | None = None) -> Iterator[tuple[Case, Trace]]:
    """Play cases and yield each with its trace as it is done. Closing the generator ends everything it started."""
    if not cases:
        return
    with ExitStack() as stack:
        realm = stack.enter_context(realm_for(False, options.realm_cache, options.log))
        subject, counterpart, wine = stack.enter_context(
            hosted(options.subject, options.counterpart, options.realm_cache, options.log))
        options = replace(options, subject=subject, counterpart=counterpart)
        kept = [realm, wine] if wine else [realm]
        if on_realm_ready is not None:
            on_realm_ready(realm)
        folder = Path(tempfile.mkdtemp(prefix="run-", dir=realm.folder))
        shared = _Shared(cases, options, {False: world_of(realm)}, watch(kept, stack), folder)
        _greet(options, shared.worlds[False], folder)
        workers = stack.enter_context(_Workers(shared))
        yield from workers.results(lambda: next(filter(None, map(_diagnosis, kept)), ""))


def _greet(options: RunOptions, world: World, folder: Path) -> None:
    """Start each program once before any case is played: what one says is worth nothing unless it admits what it does
    not know. Every later endpoint is greeted, too. Raises ConformError."""
    for number, program in enumerate((options.subject, options.counterpart)):
        if program is None:
            continue
        try:
            with program.start("initiator", world, Surroundings(), folder / f"greeting-{number}", options.deadline):
                pass
        except EndpointEnded as problem:
            raise ConformError(f"{program.name} is no endpoint that can be trusted: {problem.ended.detail}", "",
                               "Each must know the protocol, answer a call that does not exist with 'unsupported' and a "
                               "member that does not exist with 'error': harness/probe/PROTOCOL.md.") from problem


def _diagnosis(realm: Any) -> str:
    """What a realm, or Wine, says is wrong with it; '' when it is well."""
    try:
        realm.check()
    except RealmError as problem:
        return str(problem) + _last_words(str(problem), realm)
    return ""


def _last_words(sentence: str, realm: Any) -> str:
    """The end of the log that a sentence names, as its folder goes with the realm."""
    for part in ("kdc", "partner-kdc", "winbindd", "dc", "namespace", "wineserver"):
        log = realm.log_of(part)
        if str(log) in sentence and log.exists():
            lines = log.read_text(errors="replace").strip().splitlines()[-3:]
            return f", which ends: {' / '.join(lines)}" if lines else ", which is empty"
    return ""


class _Workers:
    """The worker processes. They ask for work by sending results, so none idles while another has a queue."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        self._pending, self._at_home = _queues(shared.cases)
        self._homes: dict[Any, list[Home]] = {}  # connection -> realms that this worker has for itself
        self._connections: dict[Any, tuple[Any, set[int]]] = {}  # connection -> process, what it works on

    def __enter__(self) -> _Workers:
        context = multiprocessing.get_context("fork")
        prepare_to_fork(self._shared.options.counterpart)
        cores = sorted(os.sched_getaffinity(0))
        count = min(self._shared.options.jobs or len(cores), len(self._shared.cases))
        for number in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(self._shared, theirs, ours, number, cores[number % len(cores)],
                                                          os.getpid()), daemon=True)
            process.start()
            theirs.close()
            self._connections[ours] = (process, set())
        return self

    def __exit__(self, *_: object) -> None:
        for connection, (process, work) in self._connections.items():
            connection.close()
            if work:  # it will not look at its connection for a while
                process.terminate()
        for process, _ in self._connections.values():
            process.join(15)  # it takes down its endpoints, and the realms it has for itself
            if process.is_alive():
                process.kill()
                process.join()

    def results(self, diagnosis: Callable[[], str]) -> Iterator[tuple[Case, Trace]]:
        """Every case with its trace."""
        faults = 0
        for connection in self._connections:
            self._feed(connection)
        while waiting := [connection for connection, (_, work) in self._connections.items() if work]:
            for connection in multiprocessing.connection.wait(waiting):
                process, work = self._connections[connection]
                try:
                    index, trace = connection.recv()
                except (EOFError, ConnectionError):
                    process.join(5)
                    yield from self._give_up(f"the worker (pid {process.pid}) ended with {process.exitcode}")
                    return
                work.discard(index)
                faulty = trace.ended is not None and trace.ended.kind == "harness"
                faults = faults + 1 if faulty else 0
                sentence = diagnosis() if faulty else ""
                if sentence:
                    trace.ended = Ended("harness", trace.ended.side, sentence, trace.ended.last_call)
                yield self._shared.cases[index], trace
                if sentence or faults >= FAULTS:
                    yield from self._give_up(sentence or f"{faults} faults of the harness in a row, the last one: "
                                                         f"{trace.ended.detail}")
                    return
                if not work:
                    self._feed(connection)
        sentence = diagnosis()
        if sentence:
            raise RealmGone(sentence)

    def _give_up(self, why: str) -> Iterator[tuple[Case, Trace]]:
        """What is left, as faults: a run that stops early must not look like one that was complete."""
        left = sorted({*self._pending, *(index for queue in self._at_home.values() for index in queue),
                       *(index for _, work in self._connections.values() for index in work)})
        for index in left:
            yield self._shared.cases[index], _faulty(f"not played: {why}")

    def _feed(self, connection: Any) -> None:
        """Hand out a few cases: many while there are many, one by one towards the end."""
        queue = self._queue_of(connection)
        count = max(1, min(16, len(queue) // (4 * len(self._connections))))
        chunk = [queue.popleft() for _ in range(min(count, len(queue)))]
        if chunk:
            self._connections[connection][1].update(chunk)
            connection.send(chunk)


    def _queue_of(self, connection: Any) -> deque[int]:
        """Where a worker takes its next cases from: its own realm, one that nobody has yet, the shared one."""
        mine = self._homes.setdefault(connection, [])
        taken = {home for homes in self._homes.values() for home in homes}
        for home, queue in self._at_home.items():
            if queue and (home in mine or home not in taken):
                if home not in mine:
                    mine.append(home)
                return queue
        return self._pending


def _queues(cases: Sequence[Case]) -> tuple[deque[int], dict[Home, deque[int]]]:
    """Cases of the shared realm, and of others, by realm: each of these comes up in one worker, while the rest go on.
    What takes longest comes first, or one core would idle at the end."""
    shared: deque[int] = deque()
    at_home: dict[Home, deque[int]] = {}
    for index in sorted(range(len(cases)), key=lambda index: cases[index].isolate != "realm"):
        home = home_of(cases[index])
        if home is False or cases[index].isolate == "realm":
            shared.append(index)
        else:
            at_home.setdefault(home, deque()).append(index)
    return shared, at_home


def _faulty(sentence: str) -> Trace:
    return Trace(observed=Observed(), ended=Ended("harness", "", sentence))


def _work(shared: _Shared, connection: Any, other_end: Any, number: int, core: int, parent: int) -> None:
    """A worker's life: play what comes until the other end closes."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it died before the signal was armed
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to all; our parent decides
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # endpoints die with us
    other_end.close()
    os.sched_setaffinity(0, {core})
    folder = shared.folder / str(number)
    options = shared.options
    try:
        with Pipeline(options.subject, options.counterpart, shared.worlds, folder, shared.watched,
                      options.acceptor_identity, options.deadline, options.realm_cache, forks=True) as pipeline:
            while True:
                for index in connection.recv():
                    try:
                        trace = pipeline.play(shared.cases[index])
                    except Exception:
                        trace = _faulty(traceback.format_exc(limit=-4).strip())
                    connection.send((index, trace))
    except (EOFError, ConnectionError):
        pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
