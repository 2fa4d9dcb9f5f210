# SPDX-License-Identifier: Apache-2.0
"""tshark as a process: link layers, fragments of IP, numbers of TCP connections, and TLS where the secrets are known."""
from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..model import ConformError

SECONDS = 900.0  # most that one run may take
_SET_PDEATHSIG = 1
_CUT_SHORT = "cut short in the middle"
_REMARKS = ("Running as user", "Dissector bug")  # what it says to stderr and does not matter: only packets and TLS are asked for


@dataclass
class Tshark:
    """Runs tshark over one file. `seconds` is what its processes used of a processor, `cut` whether the file ends within
    a packet, `complaint` the last thing it said to stderr."""

    path: str
    program: str = field(default_factory=lambda: program())
    seconds: float = 0.0
    cut: bool = False
    complaint: str = ""

    def lines(self, arguments: Sequence[str]) -> Iterator[str]:
        """Standard output, line by line. A run that fails after some output leaves its `complaint`; one that takes
        longer than SECONDS is killed and raises ConformError."""
        before = os.times()
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen([self.program, "-n", "-r", self.path, *arguments], stdout=subprocess.PIPE,
                                       stdin=subprocess.DEVNULL, stderr=errors, env=_environment(), preexec_fn=_with_parent,
                                       text=True, encoding="utf-8", errors="replace")
            late = threading.Event()
            clock = threading.Timer(SECONDS, lambda: (late.set(), process.kill()))
            clock.daemon = True
            clock.start()
            try:
                assert process.stdout is not None
                yield from process.stdout
            finally:
                clock.cancel()
                process.kill()
                process.stdout.close()
                process.wait()
                after = os.times()
                self.seconds += after.children_user + after.children_system - before.children_user - before.children_system
            errors.seek(0)
            self._take(errors.read(1 << 16).decode("utf-8", "replace"))
        if late.is_set():
            raise ConformError(f"tshark did not finish within {SECONDS:.0f} s", self.path,
                               "Cut the capture to the time in question: editcap -A START -B STOP IN OUT.")

    def _take(self, said: str) -> None:
        words = [line.strip() for line in said.splitlines() if line.strip() and not any(one in line for one in _REMARKS)]
        self.cut = self.cut or _CUT_SHORT in said
        if words:
            self.complaint = " ".join(words)[-400:]


def program() -> str:
    """Where tshark is; ConformError when it is not installed."""
    found = shutil.which("tshark")
    if found is None:
        raise ConformError("tshark, which reads captures of packets, is not installed", "",
                           "`ci/install-packages import` installs it.")
    return found


def _environment() -> dict[str, str]:
    """Nobody's own preferences: they could number, name or dissect otherwise."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent",
            "WIRESHARK_CONFIG_DIR": "/nonexistent"}


def _with_parent() -> None:
    """In the child: end when the harness ends, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
