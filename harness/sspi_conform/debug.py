# SPDX-License-Identifier: Apache-2.0
"""Plays one case with the implementation under gdb, which has the terminal.

gdb must be the parent of the probe (attaching is forbidden on many machines), yet the conductor needs the
probe's pipes. So the probe runs under gdb with two named pipes, and the endpoint is a relay to them.
"""
from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from .conductor import Conductor
from .endpoint import Endpoint
from .model import SIDES, Case, ConformError, Ended, Trace
from .pipeline import change_world
from .pipelines import RunOptions
from .play.observed import Observed
from .world import home_of, realm_for, surroundings_of, world_of

_RELAY = 'cat <"$2" & exec cat >"$1"'


def play_under_gdb(case: Case, options: RunOptions, commands: Sequence[str] = ()) -> Trace:
    """The trace of the case, played without deadlines while gdb is in the foreground; returns when gdb ends.

    gdb stops in the function that makes the subject's legs. `commands` run in gdb instead of waiting for a person.
    """
    if home_of(case) == "ad":
        raise ConformError(f"case '{case.id}' plays in namespaces of its own, which gdb would have to enter too", "",
                           "Look at it with 'sspi-conform run -v'.")
    if options.subject.wants_wine:
        raise ConformError(f"{options.subject.name} runs under Wine, whose processes gdb does not start", "",
                           "Look at it with 'sspi-conform show --run'.")

    with realm_for(home_of(case), options.realm_cache) as realm, \
            tempfile.TemporaryDirectory(prefix="gdb-", dir=realm.folder) as name:
        folder, world = Path(name), world_of(realm)
        endpoints: dict[str, Endpoint] = {}
        for side in SIDES:
            program = options.subject if case.is_subject(side) else options.counterpart or options.subject
            endpoints[side] = program.start(side, world, surroundings_of(case, side), folder / side, deadline=None)
        subject = endpoints[case.subject]
        pipes = [folder / "requests", folder / "answers"]
        for pipe in pipes:
            os.mkfifo(pipe, 0o600)
        argv = _gdb(case, subject, pipes, commands)
        subject.argv = ["/bin/sh", "-c", _RELAY, "relay", *map(str, pipes)]
        outcome: list[Trace] = []

        def play() -> None:
            other = endpoints["initiator" if case.subject == "acceptor" else "acceptor"]
            try:
                with subject, other:
                    peer = other.side if options.counterpart is not None and options.counterpart.independent \
                        and not case.is_subject(other.side) else None
                    outcome.append(Conductor(options.acceptor_identity).play(
                        case, world, endpoints, peer, careful=True,
                        change_world=lambda event: change_world(realm, event))[0])
            except Exception as problem:  # told as the outcome: a thread has nobody to raise it to
                outcome.append(Trace(observed=Observed(), ended=Ended("harness", case.subject, str(problem))))

        player = threading.Thread(target=play)
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for gdb
        try:
            player.start()
            subprocess.run(argv, check=False, stdin=subprocess.DEVNULL if commands else None)
        finally:
            for endpoint in endpoints.values():
                endpoint.kill()  # gdb was left in the middle of a call: nobody answers any more
            player.join()
            signal.signal(signal.SIGINT, before)
        return outcome[0]


def _gdb(case: Case, subject: Endpoint, pipes: Sequence[Path], commands: Sequence[str]) -> list[str]:
    """The command of gdb: the probe gets its own environment, gdb keeps ours for the terminal."""
    function = "AcceptSecurityContext" if case.subject == "acceptor" else "InitializeSecurityContextW"
    environment = " ".join(shlex.quote(f"{name}={value}") for name, value in subject.environment.items())
    arguments = shlex.join(subject.argv[1:])
    settings = ["set breakpoint pending on", "set debuginfod enabled off", "set confirm off",
                f"set exec-wrapper env -i {environment}", f"break {function}",
                f"run {arguments} <{shlex.quote(str(pipes[0]))} >{shlex.quote(str(pipes[1]))}", *commands]
    return ["gdb", "-q", *(["-batch"] if commands else []), *(word for line in settings for word in ("-ex", line)),
            subject.argv[0]]
