# SPDX-License-Identifier: Apache-2.0
"""The template: everything slow to make (keys, databases, certificates), made once and copied per realm."""
from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import accounts, kdc, tls, winbind
from .errors import RealmError
from .folder import base_folder, locked
from .tools import find_tool

_SOURCES = ("accounts.py", "kdc.py", "winbind.py", "tls.py", "template.py")
_TOOLS = ("kdb5_util", "kadmin.local", "krb5kdc", "pdbedit", "winbindd", "openssl")
_UNUSED_DAYS = 30


@dataclass(frozen=True)
class Template:
    """A finished template. `made` tells whether this call made it, `times` what each part took."""

    path: Path
    made: bool
    times: dict[str, float] = field(default_factory=dict)


def default_cache() -> Path:
    """Where templates are kept: the user's cache folder, or the realms' folder if there is no writable home."""
    words = os.environ.get("XDG_CACHE_HOME") or ""
    if not os.path.isabs(words):
        words = os.path.join(os.environ.get("HOME") or "/nonexistent", ".cache")
    chosen = Path(words) / "sspi-conform"
    try:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
        if chosen.stat().st_uid == os.getuid() and os.access(chosen, os.W_OK | os.X_OK):
            return chosen
    except OSError:
        pass
    return base_folder() / "cache"


def template_for(name: str, host: str, cache: Path | None = None) -> Template:
    """The template of a realm name."""
    recipe = recipe_hash((name, host), _SOURCES, _TOOLS)
    return made_once(f"realm-{recipe}", cache, lambda work: _build(work, name, host))


def made_once(name: str, cache: Path | None, build: Callable[[Path], dict[str, float]]) -> Template:
    """The template of that name, built if there is none: `build` fills a folder and says what took how long.

    Of several first starts at once, one makes it and the others wait for the lock. It is built under
    another name and renamed, so that a killed build leaves nothing that looks finished.
    """
    cache = cache or default_cache()
    target = cache / name
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _touch(target):
            return Template(target, False)
        with locked(cache / "lock"):
            if _touch(target):
                return Template(target, False)
            _tidy(cache)
            work = Path(tempfile.mkdtemp(prefix="making-", dir=cache))
            try:
                times = build(work)
                work.rename(target)
            finally:
                shutil.rmtree(work, ignore_errors=True)
            return Template(target, True, times)
    except OSError as problem:
        raise RealmError(f"cannot keep the realm's template in {cache}: {problem}; "
                         "set XDG_CACHE_HOME to a writable folder") from problem


def recipe_hash(words: Iterable[str], sources: Iterable[str], tools: Iterable[str]) -> str:
    """What the content of a template depends on: words, who makes it, sources of this package, tools."""
    seen = hashlib.sha256(" ".join([*words, str(os.getuid())]).encode())
    for source in sources:
        seen.update(Path(__file__).with_name(source).read_bytes())
    for tool in tools:
        path = find_tool(tool)
        state = os.stat(path)
        seen.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:16]


def copy(template: Template, folder: Path) -> None:
    """Copy a template into the folder of a realm."""
    shutil.copytree(template.path, folder, dirs_exist_ok=True, copy_function=shutil.copy)


def _build(work: Path, name: str, host: str) -> dict[str, float]:
    """Make all parts at the same time; they do not depend on each other."""
    from concurrent.futures import ThreadPoolExecutor  # costs a cached start nothing here

    times: dict[str, float] = {}
    users = tuple(accounts.all_accounts().values())
    for part in ("kdc", "partner-kdc", "samba", "tls", "keytabs"):
        (work / part).mkdir(mode=0o700)
    services = tuple(accounts.all_services(host, work / "keytabs").values())

    def timed(part: str, job: Callable[[], object]) -> None:
        start = time.monotonic()
        job()
        times[f"template-{part}"] = max(times.get(f"template-{part}", 0.0), time.monotonic() - start)

    jobs: list[tuple[str, Callable[[], object]]] = [
        ("kdc", lambda: kdc.build(work / "kdc", name, users, services, work / "keytabs" / "all.keytab",
                                  accounts.PARTNER)),
        ("partner", lambda: kdc.build(work / "partner-kdc", accounts.PARTNER, accounts.partner_accounts().values(),
                                      accounts.partner_services(work / "keytabs").values(), None, name,
                                      kdc.PARTNER_ENCTYPES)),
        ("ntlm", lambda: winbind.build(work / "samba", users)),
        *(("tls", job) for job in tls.build_parts(work / "tls", host)),
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(timed, part, job) for part, job in jobs]:
            done.result()
    # The sockets and caches of tools that ran here are of no use to a copy; sockets could not be copied.
    for leftover in ("lock", "cache", "pid", "rpc", "wb", "private/msg.sock"):
        shutil.rmtree(work / "samba" / leftover, ignore_errors=True)
    return times


def _touch(target: Path) -> bool:
    """Note that a template is in use; False if there is none."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return True


def _tidy(cache: Path) -> None:
    """Remove builds that were killed, and templates of old recipes. The caller holds the lock."""
    oldest = time.time() - _UNUSED_DAYS * 86400
    for entry in cache.iterdir():
        if entry.name.startswith("making-") or (entry.name.startswith(("realm-", "wine-")) and entry.stat().st_mtime < oldest):
            shutil.rmtree(entry, ignore_errors=True)
