# SPDX-License-Identifier: Apache-2.0
"""One pipeline: a conductor with the endpoints it keeps, and the realm whose health it watches."""
from __future__ import annotations

import os
import select
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from realm import RealmError

from .conductor import ChangeWorld, Conductor
from .endpoint import DEADLINE, Endpoint, EndpointEnded
from .model import SIDES, Case, Ended, Trace
from .play.observed import Observed
from .programs import Program
from .world import Home, Surroundings, World, home_of, realm_for, surroundings_of, world_of

_OFTEN = 5  # deaths over several calls on one line, after which every call gets a line of its own: that costs less

Key = tuple[Home, str, Surroundings, bool]


class RealmGone(Exception):
    """A daemon of the shared realm ended though nobody stopped it."""


class Pipeline:
    """A context manager. Endpoints start when first needed and live on; a case that hurts one gets the next a new one.

    worlds: by their Home, of realms that others share; any other comes up when a case asks for it. watched: descriptors that become readable when a daemon dies, with its name.
    forks: this process has one thread, so that endpoints may be forks of it.
    """

    def __init__(self, subject: Program, counterpart: Program | None, worlds: Mapping[Home, World], folder: Path,
                 watched: Mapping[int, str], acceptor_identity: str = "none", deadline: float | None = DEADLINE,
                 realm_cache: Path | None = None, forks: bool = False) -> None:
        self._subject = subject
        self._counterpart = counterpart
        self._worlds = dict(worlds)
        self._realms = ExitStack()
        self._folder = folder
        self._watched = dict(watched)
        self._deadline = deadline
        self._realm_cache = realm_cache
        self._forks = forks
        self._conductor = Conductor(acceptor_identity)
        self._pool: dict[Key, Endpoint] = {}
        self.started = 0
        self._twice = 0  # cases that were played again to find the call over which an endpoint died
        self._poll = select.poll()
        for descriptor in watched:
            self._poll.register(descriptor, select.POLLIN)

    def __enter__(self) -> Pipeline:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        for endpoint in self._pool.values():
            endpoint.close()
        self._pool.clear()
        self._realms.close()

    def play(self, case: Case) -> Trace:
        """Play a case. Whatever went on while the realm was unwell is a fault of the harness."""
        trace = self._attempt(case, careful=self._twice >= _OFTEN)
        if trace.ended is not None and trace.ended.kind in ("crash", "hang") and _blame_is_shared(trace):
            again = self._attempt(case, careful=True)
            self._twice += 1
            trace = again if again.ended is not None else trace
        fault = self._dead()
        if not fault and trace.ended is not None and trace.ended.kind == "hang":
            fault = self._stopped()
        if fault:
            trace.ended = Ended("harness", "", fault, trace.ended.last_call if trace.ended else "")
        return trace

    def _attempt(self, case: Case, careful: bool) -> Trace:
        if case.isolate != "realm":
            try:
                world = self._world(home_of(case))
            except RealmError as problem:
                return Trace(observed=Observed(), ended=Ended("harness", "", str(problem)))
            return self._play_in(case, world, careful, None, fresh=case.isolate == "probe")
        disturbed: list[str] = []

        def change(event: str) -> None:
            disturbed.append(event)
            change_world(realm, event)

        try:
            with realm_for(home_of(case), self._realm_cache, ntlm=_asks_winbindd(case)) as realm:
                tickets = any(surroundings_of(case, side).tickets for side in SIDES)
                trace = self._play_in(case, world_of(realm, tickets), careful, change, fresh=True, alone=True)
                if not disturbed:
                    realm.check()  # a daemon that died by itself is our fault, not an outcome
                return trace
        except RealmError as problem:
            return Trace(observed=Observed(), ended=Ended("harness", "", str(problem)))

    def _world(self, home: Home) -> World:
        """The world of a kind. What nobody gave us comes up now, and stays as long as we do."""
        if home not in self._worlds:
            realm = self._realms.enter_context(realm_for(home, self._realm_cache))
            for descriptor, name in watch([realm], self._realms).items():
                self._watched[descriptor] = name
                self._poll.register(descriptor, select.POLLIN)
            self._worlds[home] = world_of(realm)
        return self._worlds[home]

    def _play_in(self, case: Case, world: World, careful: bool, change: ChangeWorld | None, fresh: bool,
                 alone: bool = False) -> Trace:
        """With `fresh` the subject's endpoint serves this case only, with `alone` the counterpart's too."""
        with ExitStack() as stack:
            endpoints: dict[str, Endpoint] = {}
            keys: dict[str, Key] = {}
            try:
                for side in SIDES:
                    is_subject = case.is_subject(side)
                    if alone or (fresh and (is_subject or self._counterpart is None)):
                        endpoints[side] = stack.enter_context(self._start(side, is_subject, world, case))
                    else:
                        keys[side] = (home_of(case), side, surroundings_of(case, side), is_subject)
                        endpoints[side] = self._pooled(keys[side], world, case)
            except EndpointEnded as problem:
                return Trace(observed=Observed(), ended=_as_fault(problem.ended))
            peer = next((side for side in SIDES if not case.is_subject(side)), None) \
                if self._counterpart is not None and self._counterpart.independent else None
            trace, retired = self._conductor.play(case, world, endpoints, peer, careful, change)
            for side in retired & set(keys):
                self._pool.pop(keys[side]).close()
            if trace.ended is not None and not case.is_subject(trace.ended.side) and trace.ended.kind in ("crash", "hang") \
                    and self._counterpart is not None:
                trace.ended = _as_fault(trace.ended)
                trace.observed.pop("end", None)
            return trace

    def _pooled(self, key: Key, world: World, case: Case) -> Endpoint:
        endpoint = self._pool.get(key)
        if endpoint is None or not endpoint.alive:
            _, side, _, is_subject = key
            endpoint = self._start(side, is_subject, world, case)
            endpoint.__enter__()
            self._pool[key] = endpoint
        return endpoint

    def _start(self, side: str, is_subject: bool, world: World, case: Case) -> Endpoint:
        program = self._subject if is_subject or self._counterpart is None else self._counterpart
        around = surroundings_of(case, side)
        self.started += 1
        return program.start(side, world, around, self._folder / f"{side}-{around.label}-{self.started}",
                             self._deadline, forked=self._forks)

    def _dead(self) -> str:
        """A sentence about a daemon that died, or ''."""
        found = self._poll.poll(0) if self._watched else ()
        return f"{self._watched[found[0][0]]} died" if found else ""

    def _stopped(self) -> str:
        """A sentence about a daemon that exists but does not run, or ''."""
        for descriptor, name in self._watched.items():
            try:
                with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
                    pid = next((line.split()[1] for line in file if line.startswith("Pid:")), "")
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    state = file.read().rpartition(")")[2].split()[0]
            except OSError:
                return f"{name} died"
            if state in "Tt":
                return f"{name} is stopped by a signal"
        return ""


def _asks_winbindd(case: Case) -> bool:
    """Whether an acceptor under test asks winbindd; only then a realm of the case's own is worth one."""
    return case.mechanism == "NTLM" and case.subject == "acceptor"


def _blame_is_shared(trace: Trace) -> bool:
    """Whether the endpoint died over more than one request, so that nobody knows which it was."""
    return sum(record.answer is None for record in trace.calls) > 1


def _as_fault(ended: Ended) -> Ended:
    """The counterpart is part of the harness: its death says nothing about the implementation."""
    return replace(ended, kind="harness", detail=f"the counterpart ended: {ended.kind} {ended.detail}"
                   if ended.kind in ("crash", "hang") else ended.detail)


def watch(realms: Iterable[Any], stack: ExitStack) -> dict[int, str]:
    """A descriptor per daemon that becomes readable when it dies, with its name; `stack` closes them."""
    watched: dict[int, str] = {}
    for realm in realms:
        for name, pid in realm.processes.items():
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            watched[descriptor] = f"{'the KDC' if name == 'kdc' else name} (pid {pid})"
    return watched


def change_world(realm: Any, event: str) -> None:
    """A `world` step on the case's own realm: kill-kdc, stop-winbindd, start-kdc, false-kdc-garbage, with Active
    Directory break-trust."""
    deed, _, part = event.partition("-")
    if deed == "kill":
        realm.kill(part)
    elif event.startswith("false-kdc-"):
        realm.falsify_kdc(event.removeprefix("false-kdc-"))
    elif deed in ("stop", "start") and part in ("kdc", "winbindd", "dc") or event == "break-trust":
        getattr(realm, f"{deed}_{part}")()
    else:
        raise ValueError(f"unknown event '{event}' in world: kill, stop or start, then kdc, winbindd or dc; false-kdc-...; break-trust")
