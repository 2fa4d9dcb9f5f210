# SPDX-License-Identifier: Apache-2.0
"""The holder's side of the keeper: start parts of the realm, wait for them, notice that one is dead."""
from __future__ import annotations

import marshal
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import RealmError
from .tools import base_environment, how_it_ended


@dataclass
class Part:
    """A daemon as last heard of. `code` is its exit code once ended, negative for a signal."""

    name: str
    log: Path
    pid: int = 0
    ready: bool = False
    code: int | None = None
    wanted: bool = True

    def obituary(self) -> str:
        """One sentence on its end, with its last words if it had any."""
        how = how_it_ended(self.code) if self.code is not None else "an unknown status"
        return f"{title(self.name)} (pid {self.pid}) ended with {how}"


def title(name: str) -> str:
    """How a report calls a part."""
    return {"kdc": "the KDC", "partner-kdc": "the partner's KDC", "false-kdc": "the false KDC"}.get(name, name)


class Keeper:
    """Talks to a keeper process (see keeper.py). Safe to use from several threads."""

    def __init__(self, folder: Path, kept_fds: Sequence[int] = ()) -> None:
        """Start a keeper; its working folder tells whoever looks which realm it belongs to."""
        self._lock = threading.RLock()
        self._parts: dict[str, Part] = {}
        self._inbox = b""
        self._reported = False
        script = Path(__file__).with_name("keeper.py")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script), str(os.getpid()), *map(str, kept_fds)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=tuple(kept_fds),
            cwd=folder, env=base_environment(), start_new_session=True, bufsize=0,
        )

    @property
    def pid(self) -> int:
        """The keeper's own process id."""
        return self._process.pid

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path,
              ready: bytes | None = None) -> None:
        """Ask for a daemon; `ready` is the piece of output after which it counts as ready."""
        with self._lock:
            self._parts[name] = Part(name, log)
            self._send({"do": "start", "name": name, "argv": list(argv), "environment": dict(environment),
                        "folder": str(folder), "log": str(log), "ready": ready})

    def wait_ready(self, name: str, seconds: float = 20.0) -> int:
        """Wait for the ready line of a part; returns its pid."""
        part = self._wait(name, lambda part: part.ready, seconds, "it did not say that it is ready")
        return part.pid

    def wait_end(self, name: str, seconds: float) -> None:
        """Wait for a part that is to end by itself, with exit status 0."""
        with self._lock:
            part = self._parts[name]
            part.wanted = False
            deadline = time.monotonic() + seconds
            while part.code is None:
                if time.monotonic() > deadline:
                    raise RealmError(f"{title(name)} did not end within {seconds:.0f} s: {last_words(part.log)}")
                self._receive(deadline - time.monotonic())
            if part.code != 0:
                raise RealmError(f"{part.obituary()}: {last_words(part.log)}")

    def glance(self, name: str) -> None:
        """Wait a millisecond for news; raise if it is that a part under start-up has ended."""
        with self._lock:
            self._receive(0.001)
            self.require_alive(name)

    def require_alive(self, name: str) -> None:
        """Raise if a part under start-up has ended."""
        with self._lock:
            part = self._parts[name]
            if part.code is not None:
                raise RealmError(f"{part.obituary()} while starting: {last_words(part.log)}")

    def stop(self, name: str, number: int = signal.SIGTERM, seconds: float = 5.0) -> None:
        """End a part and wait until it has ended; SIGKILL after `seconds`. A wanted end is no fault."""
        with self._lock:
            part = self._parts.get(name)
            if part is None or part.code is not None:
                return
            part.wanted = False
            self._end(part, number, seconds)

    def kill(self, name: str) -> None:
        """Kill a part as a fault would, so that check() complains."""
        with self._lock:
            part = self._parts.get(name)
            if part is None or part.pid == 0:
                raise RealmError(f"there is no part '{name}' to kill; parts: {', '.join(sorted(self._parts))}")
            if part.code is None:
                self._end(part, signal.SIGKILL, 5.0)

    def check(self) -> None:
        """Raise RealmError for the first part that ended without being asked to."""
        with self._lock:
            self._reported = False
            self._send({"do": "report"})
            deadline = time.monotonic() + 20.0
            while not self._reported:
                if not self._receive(deadline - time.monotonic()) and time.monotonic() > deadline:
                    raise RealmError(f"the keeper of the daemons (pid {self.pid}) does not answer")
            for part in self._parts.values():
                if part.wanted and part.code is not None:
                    raise RealmError(f"{part.obituary()}; its log: {part.log}")

    def alive(self) -> dict[str, int]:
        """The pids of what runs, by name."""
        with self._lock:
            while self._receive(0):
                pass
            running = {part.name: part.pid for part in self._parts.values() if part.pid and part.code is None}
            return {"keeper": self.pid, **running}

    def close(self) -> None:
        """End everything. Returns when all processes are gone."""
        with self._lock:
            assert self._process.stdin is not None and self._process.stdout is not None
            try:
                self._send({"do": "end"})
            except RealmError:
                pass  # it went before us, and the daemons with it
            self._process.stdin.close()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()

    def _end(self, part: Part, number: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while part.pid == 0 and part.code is None and time.monotonic() < deadline:
            self._receive(deadline - time.monotonic())  # its pid is still under way
        if part.pid == 0:  # pid 0 would be our own process group
            raise RealmError(f"{title(part.name)} was to end before it had started")
        for attempt in (number, signal.SIGKILL):
            try:
                os.kill(part.pid, attempt)
            except ProcessLookupError:
                pass
            deadline = time.monotonic() + seconds
            while part.code is None and time.monotonic() < deadline:
                self._receive(deadline - time.monotonic())
            if part.code is not None:
                return
        raise RealmError(f"{title(part.name)} (pid {part.pid}) did not end within {seconds:.0f} s of SIGKILL")

    def _wait(self, name: str, reached, seconds: float, complaint: str) -> Part:
        with self._lock:
            part = self._parts[name]
            deadline = time.monotonic() + seconds
            while not reached(part):
                self.require_alive(name)
                if time.monotonic() > deadline:
                    raise RealmError(f"{title(name)}: {complaint} within {seconds:.0f} s: {last_words(part.log)}")
                self._receive(deadline - time.monotonic())
            return part

    def _send(self, message: dict[str, object]) -> None:
        data = marshal.dumps(message)
        data = len(data).to_bytes(4, "little") + data
        assert self._process.stdin is not None
        try:
            view = memoryview(data)
            while view:
                view = view[self._process.stdin.write(view):]
        except (OSError, ValueError) as problem:
            raise self._keeper_gone() from problem

    def _receive(self, seconds: float) -> bool:
        """Take in what the keeper says; False if it said nothing in time."""
        assert self._process.stdout is not None
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        if not poll.poll(max(0.0, seconds) * 1000):
            return False
        data = self._process.stdout.read(65536)
        if not data:
            raise self._keeper_gone()
        self._inbox += data
        while len(self._inbox) >= 4:
            size = int.from_bytes(self._inbox[:4], "little")
            if len(self._inbox) < 4 + size:
                break
            self._take(marshal.loads(self._inbox[4:4 + size]))
            self._inbox = self._inbox[4 + size:]
        return True

    def _take(self, message: dict) -> None:
        if message["event"] == "reported":
            self._reported = True
            return
        part = self._parts[message["name"]]
        if message["event"] == "started":
            part.pid = message["pid"]
        elif message["event"] == "ready":
            part.ready = True
        elif message["event"] == "ended" and message["pid"] == part.pid:
            part.code = message["code"]

    def _keeper_gone(self) -> RealmError:
        try:
            how = how_it_ended(self._process.wait(2))
        except subprocess.TimeoutExpired:
            how = "its pipe closed"
        return RealmError(f"the keeper of the daemons (pid {self.pid}) ended with {how}; the daemons went with it")


def last_words(log: Path) -> str:
    """The end of a log, on one line."""
    try:
        lines = log.read_text(errors="replace").strip().splitlines()[-6:]
    except OSError:
        lines = []
    return " / ".join(line.strip() for line in lines) or f"nothing in {log}"
