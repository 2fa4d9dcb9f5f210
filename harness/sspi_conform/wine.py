# SPDX-License-Identifier: Apache-2.0
"""Wine as the host of a library: one wineserver per run, with a prefix of its own, and what its processes find there.

A prefix takes seconds to make, so it is made once for each version of Wine and kept. A run has its own registry and
its own wineserver, and shares only the files below drive_c, which nothing of ours writes to. The wineserver and what
Wine starts beside it belong to a keeper (realm/keeper.py), so that none of it outlives the run.
"""
from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from realm.errors import RealmError
from realm.folder import make_folder, remove_folder
from realm.process import Keeper
from realm.template import made_once
from realm.tools import base_environment, find_tool, run_tool

from .model import ConformError

_FORMAT = 1  # of what is kept; another number makes it anew
_PROGRAMS = "/usr/lib/wine"  # where Debian keeps them, without the wrappers that would ask for a 32-bit Wine
_SERVER, _BOOT = "wineserver", "the first process under Wine"
# No debugger that a crash waits for, no menus in the user's home, no offer to download .NET or a browser.
_OVERRIDES = "winedbg.exe,winemenubuilder.exe=d;mscoree,mshtml="


def why_not() -> str:
    """Why this machine cannot host a library under Wine; '' when it can."""
    lacking = next((name for name in ("wine64", "wineserver64") if not os.access(f"{_PROGRAMS}/{name}", os.X_OK)), "")
    return f"there is no {_PROGRAMS}/{lacking}: ci/install-packages wine" if lacking else ""


@dataclass(frozen=True)
class Prefix:
    """A running Wine as its processes see it: plain values, so that it travels to the workers."""

    folder: Path
    made: Path  # what it is a copy of

    def beside(self, folder: Path) -> Prefix:
        """A prefix for one process that has namespaces of its own: it starts a wineserver there, which ends with them.
        The wineserver sends signals to process ids, and those of a namespace mean other processes outside."""
        found = Prefix(folder, self.made)
        found.copy()
        return found

    def copy(self) -> None:
        """Registry and devices are the run's own, the files of drive C those of the kept prefix."""
        prefix, made = self.folder / "prefix", self.made / "prefix"
        (prefix / "dosdevices").mkdir(mode=0o700, parents=True)
        (self.folder / "tmp").mkdir(mode=0o700)
        for path in (*made.glob("*.reg"), made / ".update-timestamp"):
            shutil.copy(path, prefix)
        (prefix / "drive_c").symlink_to(made / "drive_c")
        (prefix / "dosdevices" / "c:").symlink_to("../drive_c")
        (prefix / "dosdevices" / "z:").symlink_to("/")

    @property
    def environment(self) -> dict[str, str]:
        """What leads a process to this wineserver, and to no display."""
        return {"WINEPREFIX": str(self.folder / "prefix"), "TMPDIR": str(self.folder / "tmp"), "WINEDEBUG": "-all",
                "WINEDLLOVERRIDES": _OVERRIDES}

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The argv that runs a Windows program."""
        return f"{_PROGRAMS}/wine64", *argv

    def furnish(self, environment: Mapping[str, str], winbind: Mapping[str, str], folder: Path) -> dict[str, str]:
        """The environment of a process whose own folder this is.

        Wine makes NTLM by running ntlm_auth. That alone is led to the realm's winbindd: what does so is preloaded, and
        may make a process believe that it is root, which the wineserver would not.
        """
        found = {name: text for name, text in environment.items() if name not in winbind}
        shims = folder / "bin"
        shims.mkdir(mode=0o700, exist_ok=True)
        exports = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in winbind.items())
        shim = shims / "ntlm_auth"
        shim.write_text(f'#!/bin/sh\n{exports}exec {shlex.quote(find_tool("ntlm_auth"))} "$@"\n', encoding="utf-8")
        shim.chmod(0o700)
        return found | self.environment | {"PATH": f"{shims}:{found.get('PATH', '')}"}


class Wine:
    """A context manager around a wineserver, which is ready for `prefix`.

    probe: a Windows program that ends at once when told --version.
    cache: where the prefix is kept, None for the user's cache folder. log: called with sentences about what happens.
    """

    def __init__(self, probe: Path, cache: Path | None = None, log: Callable[[str], None] | None = None) -> None:
        self._probe = probe
        self._cache = cache
        self._log = log or (lambda sentence: None)

    def __enter__(self) -> Wine:
        if reason := why_not():
            raise ConformError("Wine cannot be started", "", f"{reason[0].upper()}{reason[1:]}")
        start = time.monotonic()
        made = made_once(f"wine-{_version()}-{_FORMAT}", self._cache, self._make)
        if made.made:
            self._log(f"made Wine's prefix in {time.monotonic() - start:.1f} s: {made.path}")
        self.folder, self._lock = make_folder()
        self.prefix = Prefix(self.folder, made.path)
        try:
            self.prefix.copy()
            self._keeper = _start(self.prefix, self._probe, (self._lock,))
        except BaseException:
            remove_folder(self.folder, self._lock)
            raise
        self._owner = os.getpid()
        self._log(f"Wine is ready after {time.monotonic() - start:.2f} s in {self.folder}")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if os.getpid() != self._owner:
            return  # a fork of the owner must not take it away
        self._keeper.close()
        remove_folder(self.folder, self._lock)

    @property
    def processes(self) -> dict[str, int]:
        """Names and pids of what has to stay alive."""
        return self._keeper.alive()

    def check(self) -> None:
        """RealmError when the wineserver is gone."""
        self._keeper.check()

    def log_of(self, part: str) -> Path:
        """The log file of a part."""
        return _log_of(self.folder, part)

    def _make(self, work: Path) -> dict[str, float]:
        """Make a prefix below `work`: the first process in an empty one waits until it is filled."""
        start = time.monotonic()
        for name in ("prefix", "tmp"):
            (work / name).mkdir(mode=0o700)
        with closing(_start(Prefix(work, work), self._probe)) as keeper:
            keeper.stop(_SERVER, signal.SIGTERM, 30.0)  # it writes the registry
        shutil.rmtree(work / "tmp")
        (work / "prefix" / "wineserver").unlink(missing_ok=True)  # Debian's Wine notes the folder of its socket there
        _share_installed(work / "prefix" / "drive_c" / "windows")
        return {"wine": time.monotonic() - start}


def _start(prefix: Prefix, probe: Path, kept: Sequence[int] = ()) -> Keeper:
    """The keeper of a wineserver for a prefix, and of everything Wine starts at first; to be closed."""
    environment = base_environment() | prefix.environment | {"HOME": str(prefix.folder / "tmp")}
    keeper = Keeper(prefix.folder, kept)
    try:
        keeper.start(_SERVER, [f"{_PROGRAMS}/wineserver64", "--foreground", "--persistent"], environment, prefix.folder,
                     _log_of(prefix.folder, _SERVER))
        _wait_for_socket(keeper, prefix.folder / "tmp")
        _boot(keeper, prefix, probe, environment)
    except BaseException:
        keeper.close()
        raise
    return keeper


def _boot(keeper: Keeper, prefix: Prefix, probe: Path, environment: Mapping[str, str], tries: int = 3) -> None:
    """The first process: an empty prefix is filled before it runs. Wine now and then finds an address taken that it
    needs, and gives up."""
    for left in reversed(range(tries)):
        keeper.start(_BOOT, prefix.command([str(probe), "--version"]), environment, prefix.folder,
                     _log_of(prefix.folder, "boot"))
        try:
            keeper.wait_end(_BOOT, 180.0)
            return
        except RealmError:
            keeper.require_alive(_SERVER)
            if not left:
                raise


def _log_of(folder: Path, part: str) -> Path:
    return folder / f"{part}.log"


def _wait_for_socket(keeper: Keeper, folder: Path, seconds: float = 20.0) -> None:
    """A client that comes before the socket would start a wineserver of its own."""
    deadline = time.monotonic() + seconds
    while not any(folder.glob("*wine*/server-*/socket")):
        if time.monotonic() > deadline:
            raise RealmError(f"the wineserver opened no socket below {folder} within {seconds:.0f} s")
        keeper.glance(_SERVER)


def _version() -> str:
    """Wine's version with its package's, fit for a file name."""
    said = run_tool([f"{_PROGRAMS}/wine64", "--version"], base_environment(), what="Wine's version")
    return re.sub(r"[^A-Za-z0-9.~+]+", "-", said.strip().removeprefix("wine-")).strip("-")


def _share_installed(windows: Path) -> None:
    """Files that are the same as the installed ones become links to them: 13 MB stay of 690."""
    installed = {path.name: path for path in Path("/usr/lib").glob("*/wine/x86_64-windows/*")}
    for path in windows.rglob("*"):
        original = installed.get(path.name)
        if original is not None and path.is_file() and not path.is_symlink() \
                and path.read_bytes() == original.read_bytes():
            path.unlink()
            path.symlink_to(original)
