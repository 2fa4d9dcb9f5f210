# SPDX-License-Identifier: Apache-2.0
"""Namespaces of the domain's own: a network with the controller's address and name, private system folders."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import RealmError
from .process import Keeper, last_words
from .tools import base_environment, find_tool, run_tool

DC_ADDRESS = "10.77.0.21"
MEMBER_ADDRESS = "10.77.0.22"
PART = "namespace"
_READY = b"namespace ready"
_INSIDE = Path(__file__).with_name("ad_inside.py")
# Samba has these paths built in and writes there whatever smb.conf says.
_SYSTEM_FOLDERS = ("/var/log/samba", "/var/lib/samba", "/var/cache/samba")


class Space:
    """The namespaces, as long as their first process lives; the keeper's end is its end too."""

    def __init__(self, keeper: Keeper, folder: Path, names: Mapping[str, str], pipe: Path) -> None:
        """folder: of the realm. names: address by host name. pipe: the winbindd folder every program in there finds."""
        self._keeper = keeper
        self._log = folder / "log" / f"{PART}.log"
        hosts, resolv = folder / "hosts", folder / "resolv.conf"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(
            f"{address} {name} {name.partition('.')[0]}\n" for name, address in names.items()))
        resolv.write_text(f"nameserver {DC_ADDRESS}\noptions timeout:1 attempts:1\n")
        run = "/run/samba" if os.path.isdir("/run/samba") else "/run"
        binds = [f"tmpfs={path}" for path in (run, *_SYSTEM_FOLDERS) if os.path.isdir(path)]
        binds += [f"{pipe}=/run/samba/winbindd", f"{hosts}=/etc/hosts"]
        if os.path.exists("/etc/resolv.conf"):
            binds.append(f"{resolv}=/etc/resolv.conf")
        self._argv = [find_tool("unshare"), "-rnmpf", "--kill-child", "--mount-proc", "--",
                      sys.executable, "-I", "-S", str(_INSIDE), "init", f"{DC_ADDRESS},{MEMBER_ADDRESS}", *binds]
        self.pid = 0

    def start(self) -> None:
        """Make the namespaces. RealmError if this machine forbids it, as a chroot or container may."""
        self.begin()
        self.finish()

    def begin(self) -> None:
        """The first half of start, which takes no time."""
        self._keeper.start(PART, self._argv, base_environment(), self._log.parent, self._log, _READY)

    def finish(self) -> None:
        """The second half of start."""
        try:
            parent = self._keeper.wait_ready(PART)
        except RealmError as problem:
            raise RealmError("the domain controller needs user, network, mount and process namespaces of its own, "
                             f"and this machine does not allow them: {last_words(self._log)}") from problem
        children = below(parent)
        if len(children) != 1:
            raise RealmError(f"the first process of the namespaces is gone: {last_words(self._log)}")
        self.pid = children.pop()

    def command(self, argv: Sequence[str], folder: Path | None = None) -> list[str]:
        """The argv that runs a program inside, in a working folder that is the caller's unless given."""
        return [find_tool("nsenter"), "-t", str(self.pid), "-U", "-n", "-m", "-p", "--preserve-credentials",
                f"--wdns={folder or Path.cwd()}", "--", *argv]

    def run(self, argv: Sequence[str], environment: Mapping[str, str], *, text: str = "", what: str = "",
            seconds: float = 60.0) -> str:
        """Run a short-lived program inside and return its output; RealmError if it fails."""
        inside = self.command([find_tool(argv[0]), *argv[1:]], Path("/"))
        return run_tool(inside, environment, text=text, what=what or argv[0], seconds=seconds)

    def wait_for(self, part: str, places: Sequence[str], seconds: float = 30.0) -> None:
        """Wait until every address:port accepts a connection; RealmError at once if the part has ended meanwhile."""
        argv = self.command([sys.executable, "-I", "-S", str(_INSIDE), "wait", str(seconds), *places], Path("/"))
        with subprocess.Popen(argv, env=base_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as waiting:
            try:
                while waiting.poll() is None:
                    self._keeper.glance(part)
            finally:
                waiting.kill()
            assert waiting.stdout is not None
            if waiting.returncode != 0:
                raise RealmError(f"{part} does not serve {waiting.stdout.read().strip()}")


def below(ancestor: int) -> set[int]:
    """The pids of all descendants of a process, zombies excepted, read from /proc."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry))
    found: set[int] = set()
    rest = [ancestor]
    while rest:
        new = children.get(rest.pop(), [])
        found.update(new)
        rest += new
    return found


def wait_until_gone(pids: set[int], seconds: float = 5.0) -> None:
    """Wait until processes that are being killed are gone; the namespace's end takes a moment."""
    deadline = time.monotonic() + seconds
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        if time.monotonic() > deadline:
            raise RealmError(f"processes {sorted(pids)} did not end within {seconds:.0f} s")
        time.sleep(0.001)
