# SPDX-License-Identifier: Apache-2.0
"""Shared by the tests: a template cache and a live realm per session, and a look at what runs."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from realm import Realm  # noqa: E402  (needs the line above)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template cache of this session's own, so that the tests never meet an older template."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def realm(cache: Path) -> Iterator[Realm]:
    """A realm for tests that leave it as it is."""
    with Realm(cache=cache) as live:
        yield live


@pytest.fixture
def own_realm(cache: Path) -> Iterator[Realm]:
    """A realm for tests that damage it."""
    with Realm(cache=cache) as live:
        yield live


@pytest.fixture
def short_tmp() -> Iterator[Path]:
    """A temporary folder with a path short enough for Unix sockets."""
    folder = Path(tempfile.mkdtemp(prefix="r-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Look until a condition holds; the limit only bounds a failing test."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def running_below(folder: Path) -> dict[int, str]:
    """Processes that have to do with a folder: by arguments, environment or working folder. No zombies."""
    mark = os.fsencode(folder)
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_bytes()
            words = Path(f"/proc/{entry}/cmdline").read_bytes()
            seen = words + Path(f"/proc/{entry}/environ").read_bytes() + os.fsencode(os.readlink(f"/proc/{entry}/cwd"))
        except OSError:
            continue
        if mark in seen and stat.rpartition(b")")[2].split()[0] != b"Z":
            found[int(entry)] = words.replace(b"\0", b" ").decode(errors="replace")
    return found


def killed_holder_leaves_nothing(program: str, cache: Path, folder: Path, least: int) -> None:
    """A program that holds a realm (argv: checkout, cache; it prints the pids of the daemons) is killed, and all goes.

    least: processes that there must be before.
    """
    command = [sys.executable, "-c", program, str(CHECKOUT), str(cache)]
    with subprocess.Popen(command, env=os.environ | {"TMPDIR": str(folder)}, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert len(holder.stdout.readline().split()) == least - 2
        assert wait_for(lambda: len(running_below(folder)) >= least), running_below(folder)
        holder.kill()
    assert wait_for(lambda: not running_below(folder)), running_below(folder)
