# SPDX-License-Identifier: Apache-2.0
"""The private folder of a realm, and the removal of folders whose realm is gone."""
from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import RealmError

# A Unix socket path has at most 107 characters, and Samba appends about 40 of its own to the folder.
LONGEST = 60


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold an exclusive lock on a file, made if need be; the kernel releases it if we die."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def base_folder() -> Path:
    """The folder of this user's realms: private, short, below the temporary folder."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        if len(parent) <= LONGEST - 30:
            break
    base = Path(parent) / f"sspi-conform-{os.getuid()}"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        seen = base.lstat()
    except OSError as problem:
        raise RealmError(f"cannot make the folder {base}: {problem.strerror}; set TMPDIR to a writable folder") from problem
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or stat.S_IMODE(seen.st_mode) & 0o077:
        raise RealmError(f"{base} is not a private folder of uid {os.getuid()}: remove it, or set TMPDIR elsewhere")
    return base


def make_folder() -> tuple[Path, int]:
    """Make a fresh folder; returns it with the descriptor of its lock. Dead realms' folders go first."""
    base = base_folder()
    with locked(base / "lock"):
        _sweep(base)
        folder = Path(tempfile.mkdtemp(prefix="r", dir=base))
        fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
    return folder, fd


def remove_folder(folder: Path, fd: int) -> None:
    """Remove a folder and let go of its lock."""
    shutil.rmtree(folder, ignore_errors=True)
    os.close(fd)


def _sweep(base: Path) -> None:
    """Remove folders whose lock nobody holds. The caller holds the base lock, so none is half made."""
    for entry in base.iterdir():
        if not entry.name.startswith("r") or not entry.is_dir():
            continue
        try:
            fd = os.open(entry / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            shutil.rmtree(entry, ignore_errors=True)
            continue
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(entry, ignore_errors=True)
        except BlockingIOError:
            pass  # alive
        finally:
            os.close(fd)
