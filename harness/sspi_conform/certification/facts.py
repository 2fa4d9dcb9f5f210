# SPDX-License-Identifier: Apache-2.0
"""What a certificate says besides verdicts: the product, the files that were judged, the suite, the machine. No secret."""
from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..model import Case, ConformError
from ..profiles import Profile
from ..report.detail import REDACTED
from ..yamlfile import load
from .canonical import digest

PRODUCT = ("name", "version", "vendor", "platform")
EXAMPLE = """\
Write a file such as this one, and give it with --product:
    name: Example Authentication Library
    version: 2.4.1
    vendor: Example GmbH
    platform: Debian 12, x86-64"""
# What the suite is made of. The commit says what it is, when nothing here was changed.
_TREE = ("scenarios", "captures", "harness", "realm")
_SECRET = re.compile(r"pass|secret|private|token|credential|hash|key(?:\b|_)|\bpin\b", re.IGNORECASE)
_SETTING = re.compile(r"(\s*[\w .-]+?\s*[=:]\s*)(\S.*)")
_TEST_SEAM = b"libsspi_test_"
_PACKAGES = ("krb5-kdc", "libkrb5-3", "libgssapi-krb5-2", "winbind", "samba", "libwbclient0", "libnss-wrapper", "libuid-wrapper",
             "libssl3", "openssl", "python3", "python3-gssapi", "python3-yaml")


def product(path: Path | None) -> dict[str, str]:
    """The product description."""
    if path is None:
        raise ConformError("a certificate names the product", "", EXAMPLE)
    top = load(path, path.parent).only(PRODUCT, "a product description")
    missing = [name for name in PRODUCT if name not in top]
    if missing:
        raise ConformError(f"the product description lacks {', '.join(missing)}", top.where(), EXAMPLE)
    return {name: str(top.take(name, (str, int), f"text, such as {name}: ...")).strip() for name in PRODUCT}


def suite(root: Path, allow_dirty: bool) -> dict[str, Any]:
    """Which suite it is: commit, and what was changed since. ConformError for one that nobody could get again."""
    commit = _git(root, "rev-parse", "HEAD").strip()
    changed = sorted(line[3:] for line in _git(root, "status", "--porcelain", "--", *_TREE).splitlines())
    if not commit and not allow_dirty:
        raise ConformError("this suite is no checkout of git, so nobody could tell which one it is", str(root),
                           "Certify from a clone; --allow-dirty does without, and the bundle says so.")
    if changed and not allow_dirty:
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        raise ConformError(f"the suite was changed since commit {commit[:12]}: {shown}", "",
                           "Commit or remove it; --allow-dirty certifies all the same, and the bundle says so.")
    version = _git(root, "describe", "--tags", "--always").strip()
    return {"version": version, "commit": commit, "clean": bool(commit) and not changed, "changed": changed}


def _git(root: Path, *words: str) -> str:
    try:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def implementation(profile: Profile, root: Path, more: Sequence[Path]) -> dict[str, Any]:
    """The files that are judged, by SHA-256, and the libraries that they load with them."""
    named = [_library(profile.library, root)] if profile.library else \
        [Path(word) for word in (shutil.which(profile.command[0]) or "", *profile.command[1:]) if word and Path(word).is_file()]
    files = {path.name: path for path in [*named, *more]}
    if not files:
        raise ConformError(f"the command of {profile.name} names no file here, so nobody could tell what was judged",
                           profile.source, "Give its files: --file secur32.dll (once for each).")
    found = {name: _read(path) for name, path in files.items()}
    for name, content in found.items():
        if _TEST_SEAM in content:
            raise ConformError(f"{name} is a build for tests, whose clock and random numbers can be chosen", "",
                               "Certify what is shipped: build/libsspi.so.")
    loaded = {name: digest(_read(path)) for name, path in _loaded(files.values()).items() if name not in files}
    return {"name": profile.name, "adapter": profile.adapter,
            "files": [{"name": name, "size": len(content), "sha256": digest(content)} for name, content in sorted(found.items())],
            "loads": [{"name": name, "sha256": value} for name, value in sorted(loaded.items())]}


def _library(name: str, root: Path) -> Path:
    """The file of a library, given by path or by a name that the loader finds."""
    if "/" in name:
        return root / name
    cache = _output(["/sbin/ldconfig", "-p"])
    found = re.search(rf"^\s*{re.escape(name)}\s.*=> (\S+)$", cache, re.MULTILINE)
    if found is None:
        raise ConformError(f"the loader knows no library {name}", "", "Install it, or give its path.")
    return Path(found[1])


def _loaded(paths: Any) -> dict[str, Path]:
    """What the loader would load along with some files."""
    found = {}
    for path in paths:
        for name, target in re.findall(r"^\s*(\S+) => (/\S+) \(0x", _output(["ldd", str(path)]), re.MULTILINE):
            found[name] = Path(target)
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConformError(f"cannot read {path}: {error.strerror}", "", "Build it first: make") from error


def configuration(profile: Profile) -> dict[str, Any]:
    """The implementation's profile and the machine, without secrets and places of this machine."""
    return {
        "profile": {
            "name": profile.name, "library": Path(profile.library).name, "command": _words(profile.command),
            "packages": list(profile.packages), "acceptor-identity": profile.acceptor_identity, "adapter": profile.adapter,
            "environment": {name: REDACTED if _SECRET.search(name) else value for name, value in profile.environment.items()},
            "files": {name: _text(content) for name, content in profile.files.items()},
            "policy": {name: _text(content) for name, content in profile.policy.items()},
            "unsupported": [{"case": entry.pattern.text, "reason": entry.reason} for entry in profile.unsupported],
            "remarks": profile.remarks},
        "machine": {"system": platform.system(), "kernel": platform.release(), "architecture": platform.machine(),
                    "distribution": _distribution(), "python": platform.python_version(), "packages": _versions()},
    }


def _text(content: str) -> str:
    """A file of settings in which values of a secret's name are replaced."""
    lines = []
    for line in content.splitlines():
        setting = _SETTING.fullmatch(line)
        lines.append(setting[1] + REDACTED if setting and _SECRET.search(setting[1]) else line)
    return "\n".join(lines)


def _words(command: Sequence[str]) -> list[str]:
    """A command; the value of an option with a secret's name is replaced, be it in the same word or in the next."""
    shown, hide = [], False
    for word in command:
        name, equals, _ = word.partition("=")
        secret = bool(_SECRET.search(name))
        shown.append(REDACTED if hide else f"{name}={REDACTED}" if secret and equals else word)
        hide = secret and not equals and word.startswith("-")
    return shown


def secrets(profile: Profile) -> list[str]:
    """What no bundle may hold: passwords of the realm, and what the profile has under a secret's name."""
    from realm.accounts import all_accounts

    own = [value for name, value in profile.environment.items() if _SECRET.search(name)]
    return [*(account.password for account in all_accounts().values()), *filter(None, own)]


def known_failures(profile: Profile, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """What the implementation is known to get wrong."""
    return [{"case": entry.pattern.text, "reason": entry.reason, "since": entry.since,
             "cases": [case.id for case in cases if entry.pattern.matches(case)]} for entry in profile.known_failures]


def not_run(left_out: Mapping[str, str], unsupported: Mapping[str, str]) -> dict[str, Any]:
    """Every case that was not played, by reason."""
    return {"not_required": _by_reason(left_out), "unsupported": _by_reason(unsupported)}


def _by_reason(reasons: Mapping[str, str]) -> list[dict[str, Any]]:
    found: dict[str, list[str]] = {}
    for case_id, why in reasons.items():
        found.setdefault(why, []).append(case_id)
    return [{"why": why, "cases": ids} for why, ids in sorted(found.items())]


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _versions() -> dict[str, str]:
    """Versions of what the realm and the peer are made of."""
    lines = _output(["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *_PACKAGES]).splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.endswith(" "))


def _output(words: list[str]) -> str:
    try:
        return subprocess.run(words, capture_output=True, text=True).stdout
    except OSError:
        return ""
