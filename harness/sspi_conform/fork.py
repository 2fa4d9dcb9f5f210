# SPDX-License-Identifier: Apache-2.0
"""A child that is a fork of this process and serves a protocol on its standard streams.

The independent peer needs a tenth of a second to start a Python of its own and import the libraries; a fork of a process
that has them already needs a few milliseconds. Only for processes with one thread: what another one holds stays locked.
"""
from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping


class Fork:
    """As much of subprocess.Popen as an endpoint uses."""

    def __init__(self, serve: Callable[[], int], environment: Mapping[str, str], log: int) -> None:
        """Run `serve` in a fork that has nothing but this environment, its pipes and `log` as stderr."""
        self._code: int | None = None
        requests, answers = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _become(serve, environment, (requests[0], answers[1], log))
        os.close(requests[0])
        os.close(answers[1])
        self.stdin, self.stdout = io.FileIO(requests[1], "w"), io.FileIO(answers[0], "r")

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, negative for a signal; subprocess.TimeoutExpired after `timeout` seconds."""
        if self._code is not None:
            return self._code
        if timeout is not None:
            watched = os.pidfd_open(self.pid)
            try:
                if not select.select([watched], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("a fork", timeout)
            finally:
                os.close(watched)
        self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code


def _become(serve: Callable[[], int], environment: Mapping[str, str], streams: tuple[int, int, int]) -> None:
    """In the child. Never returns."""
    code = 1
    try:
        os.setsid()
        kept = [os.dup(one) for one in streams]  # out of the way of 0 to 2
        for number, one in enumerate(kept):
            os.dup2(one, number)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the pipes of other endpoints, which would never see their end
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        sys.stdin = os.fdopen(0, encoding="utf-8")
        sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        code = serve()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
