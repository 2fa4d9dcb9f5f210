# SPDX-License-Identifier: Apache-2.0
"""One process that speaks the probe protocol: start it, call it, notice how it ends.

The path of a call is kept short, because a scenario is a dozen of them: one write, one wait with the
deadline, one read, no thread and no buffered file object.
"""
from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from .fork import Fork
from .model import Ended

DEADLINE = 20.0  # seconds for one line; nothing in a private realm takes a tenth of it
CHUNK = 1 << 16  # as much as a pipe holds; more would make each read map and unmap memory
TAIL = 1200  # bytes of stderr that a report quotes


class EndpointEnded(Exception):
    """The endpoint is gone; `ended` says how."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        super().__init__(f"{ended.side}: {ended.kind}: {ended.detail}"
                         + (f" in {ended.last_call}" if ended.last_call else ""))


class Endpoint:
    """A context manager around one process. `side` is what reports call it.

    argv: the command; environment: the whole of it, nothing is inherited;
    folder: where stderr goes; deadline: seconds for each line, None to wait for ever (a debugger is attached).
    serve: what a fork of this process does instead of running argv. tries: how often it may die before its first answer.
    """

    def __init__(self, side: str, argv: Sequence[str], environment: Mapping[str, str], folder: Path,
                 deadline: float | None = DEADLINE, serve: Callable[[], int] | None = None, tries: int = 1) -> None:
        self.side = side
        self.argv = list(argv)
        self.environment = dict(environment)
        self.log = folder / f"{side}-{os.getpid()}-{id(self):x}.stderr"
        self.hello: Mapping[str, Any] = {}
        self.pid = 0
        self._deadline = deadline
        self._serve = serve
        self._tries = tries
        self._number = 0
        self._due = (0, 0, "")
        self._process: subprocess.Popen[bytes] | Fork | None = None
        self._dumps = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
        self._loads = json.JSONDecoder().decode

    def __enter__(self) -> Endpoint:
        for left in reversed(range(self._tries)):
            self._start()
            try:
                self._greet()
                break
            except EndpointEnded:
                self.close()
                if not left:
                    raise
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether calls can be made."""
        return self._process is not None

    @property
    def functions(self) -> frozenset[str]:
        """The functions the implementation has, by its own function table."""
        return frozenset(self.hello.get("functions", ()))

    def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and return its answer. Raises EndpointEnded when it died, hung or babbled."""
        self._number = number = self._number + 1
        name = request["call"]
        self._send({"id": number, **request}, name)
        answer = self._receive(name)
        if type(answer) is not dict or answer.get("id") != number:
            raise self._babble(answer, name)
        return answer

    def batch(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send requests in one line; returns their answers in order."""
        self.begin(requests)
        return self.finish()

    def begin(self, requests: Sequence[Mapping[str, Any]]) -> None:
        """Send a batch without waiting for it, so that another endpoint can work meanwhile. finish() is due."""
        first = self._number + 1
        self._number += len(requests)
        self._due = (first, len(requests), requests[-1]["call"])
        self._send([{"id": first + n, **request} for n, request in enumerate(requests)], self._due[2])

    def finish(self) -> list[dict[str, Any]]:
        """The answers to begin()."""
        first, count, name = self._due
        answers = self._receive(name)
        if type(answers) is not list or [type(one) is dict and one.get("id") for one in answers] != list(
                range(first, first + count)):
            raise self._babble(answers, name)
        return answers

    def close(self) -> None:
        """Kill the process group. Returns when the process itself is gone; what it started is dying."""
        if self._process is not None:
            self._reap()
        self.log.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process from another thread than the one that calls it; that one then sees a death."""
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def tail(self) -> str:
        """The end of what it wrote to stderr."""
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
                return file.read().decode(errors="replace").strip()
        except OSError:
            return ""

    # How it starts

    def _start(self) -> None:
        argv, guard = self.argv, shutil.which("setpriv")
        if guard:  # so that it dies with us, however we die; a closed stdin alone does not stop one that hangs
            argv = [guard, "--pdeathsig", "KILL", *argv]
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._process = Fork(self._serve, self.environment, log) if self._serve else subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=self.environment,
                start_new_session=True, bufsize=0)
        except OSError as problem:
            raise EndpointEnded(Ended("harness", self.side, f"cannot start {self.argv[0]}: {problem}")) from problem
        finally:
            os.close(log)
        assert self._process.stdin is not None and self._process.stdout is not None
        self.pid = self._process.pid
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)

    def _greet(self) -> None:
        """It must know the protocol, and admit what it does not know: else 'unsupported' would mean nothing."""
        hello, nonsense, member = self.batch([{"call": "hello"}, {"call": "NoSuchCallInSspi"},
                                              {"call": "hello", "NoSuchMember": 1}])
        if hello.get("protocol") != 1:
            raise self._fault(f"it speaks protocol {hello.get('protocol')!r}, not 1: {hello}")
        if not nonsense.get("unsupported") or "status" in nonsense:
            raise self._fault(f"it answered a call that does not exist with {nonsense}, not with 'unsupported'")
        if not member.get("error"):
            raise self._fault(f"it answered a member that does not exist with {member}, not with 'error'")
        self.hello = hello

    # One line to it, one line back

    def _send(self, message: Any, call: str) -> None:
        if self._process is None:
            raise EndpointEnded(Ended("harness", self.side, "it ended before", call))
        data = self._dumps(message).encode() + b"\n"
        try:
            written = os.write(self._in, data)
        except BlockingIOError:
            written = 0
        except BrokenPipeError:
            raise self._death(call) from None
        if written != len(data):
            self._write_rest(data[written:], call)

    def _receive(self, call: str) -> Any:
        if self._process is None:
            raise EndpointEnded(Ended("harness", self.side, "it ended before", call))
        if not self._poll.poll(None if self._deadline is None else self._deadline * 1000):
            raise self._hang(call)
        data = os.read(self._out, CHUNK)
        if data[-1:] != b"\n":
            data = self._read_rest(data, call)
        try:
            return self._loads(data.decode())
        except ValueError:
            raise self._babble(data, call) from None

    def _write_rest(self, data: bytes, call: str) -> None:
        """The slow way, for lines longer than the pipe holds."""
        end = None if self._deadline is None else time.monotonic() + self._deadline
        room = select.poll()
        room.register(self._in, select.POLLOUT)
        while data:
            if not room.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
                raise self._hang(call)
            try:
                data = data[os.write(self._in, data):]
            except BlockingIOError:
                pass
            except BrokenPipeError:
                raise self._death(call) from None

    def _read_rest(self, data: bytes, call: str) -> bytes:
        """The slow way, for lines that come in pieces, and for end of file."""
        end = None if self._deadline is None else time.monotonic() + self._deadline
        pieces = [data]
        while True:
            if not pieces[-1]:
                raise self._death(call)
            if pieces[-1].endswith(b"\n"):
                return b"".join(pieces)
            if not self._poll.poll(None if end is None else max(0.0, end - time.monotonic()) * 1000):
                raise self._hang(call)
            pieces.append(os.read(self._out, CHUNK))

    # How it ends

    def _reap(self, patience: float = 0.0) -> int:
        """Close the pipes, kill the group, return the exit code (negative: signal)."""
        process, self._process = self._process, None
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        try:
            if patience:
                process.wait(patience)  # it closed stdout by itself: its own end is the one to report
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        return process.wait()

    def _death(self, call: str) -> EndpointEnded:
        code = self._reap(patience=5.0)
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        kind = "crash" if self.hello else "harness"
        return self._ended(kind, how, call)

    def _hang(self, call: str) -> EndpointEnded:
        self._reap()
        kind = "hang" if self.hello else "harness"
        return self._ended(kind, f"no answer within {self._deadline:g} s", call)

    def _babble(self, said: Any, call: str) -> EndpointEnded:
        self._reap()
        text = said.decode(errors="replace") if isinstance(said, bytes) else json.dumps(said)
        return self._ended("harness", f"the answer is not one of the protocol: {text[:300]!r}", call)

    def _fault(self, what: str) -> EndpointEnded:
        self._reap()
        return self._ended("harness", what, "")

    def _ended(self, kind: str, how: str, call: str) -> EndpointEnded:
        tail = " / ".join(line.strip() for line in self.tail().splitlines()[-6:])
        if tail:
            how += f"; its stderr: {tail}"
        return EndpointEnded(Ended(kind, self.side, how, call))
