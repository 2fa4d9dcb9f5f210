# SPDX-License-Identifier: Apache-2.0
"""Wine as the host of a library: from an empty cache, several at once, and nothing left behind."""
from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from sspi_conform import wine
from sspi_conform.endpoint import Endpoint
from sspi_conform.model import Case, ConformError, Trace
from sspi_conform.pipelines import RunOptions, run_cases
from sspi_conform.programs import peer_program, program_of
from sspi_conform.project import open_project

from support import wait_for

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "build" / "sspi-probe.exe"
LACKING = wine.why_not() or ("" if PROBE.is_file() else f"there is no {PROBE}: make probe.exe")

needs_wine = pytest.mark.skipif(bool(LACKING), reason=LACKING)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's prefix is kept: an empty folder at first."""
    return tmp_path_factory.mktemp("cache") / "sspi-conform"


@needs_wine
def test_two_first_starts_at_once(cache: Path) -> None:
    found: list[tuple[Path, str]] = []

    def start() -> None:
        with wine.Wine(PROBE, cache) as one:
            environment = one.prefix.furnish({"PATH": os.environ["PATH"], "HOME": str(one.folder)}, {}, one.folder)
            with Endpoint("probe", one.prefix.command([str(PROBE), "secur32.dll"]), environment, one.folder) as probe:
                found.append((one.folder, probe.call({"call": "system"})["system"]["wine"]))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({folder for folder, _ in found}) == 2 and {version for _, version in found} != {""}
    assert len([path for path in cache.iterdir() if path.name.startswith("wine-")]) == 1
    assert not any(folder.exists() for folder, _ in found)
    assert not wine_processes(str(cache), *(str(folder) for folder, _ in found))


@needs_wine
@pytest.mark.parametrize("pattern", ["flag-common[subject=initiator,mechanism=NTLM]",
                                     "flag-common[subject=acceptor,mechanism=NTLM]",
                                     "flag-common[subject=initiator,mechanism=Kerberos]",
                                     "flag-common[subject=acceptor,mechanism=Kerberos]"])
def test_an_exchange_with_the_independent_peer(cache: Path, pattern: str) -> None:
    case, trace = played(pattern, cache)
    assert trace.ended is None
    assert trace.observed["established"] is True
    assert trace.observed.get(f"{case.subject}.leg.1.status") is not None


@needs_wine
def test_wineserver_killed_in_the_middle(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes then is a fault of the harness, never an outcome, and names who died."""
    running: list[wine.Wine] = []

    class Watched(wine.Wine):
        def __enter__(self) -> wine.Wine:
            running.append(super().__enter__())
            return running[0]

    monkeypatch.setattr(wine, "Wine", Watched)
    outcomes = []
    for _, trace in run_cases(open_project(ROOT).select(["flag[subject=initiator,mechanism=Kerberos]"]), options(cache)):
        outcomes.append(trace.ended)
        if len(outcomes) == 3:
            os.kill(running[0].processes["wineserver"], signal.SIGKILL)
    assert outcomes[:3] == [None] * 3
    assert outcomes[-1] is not None and outcomes[-1].kind == "harness"
    first = next(ended for ended in outcomes if ended is not None)
    assert first.kind == "harness" and "wineserver" in first.detail and "signal 9" in first.detail


@needs_wine
@pytest.mark.parametrize("moment", ["wineserver", "sspi-probe.exe secur32.dll"])
def test_killed_harness_leaves_no_wine(cache: Path, tmp_path: Path, moment: str) -> None:
    """While it makes the prefix, and while it plays."""
    first_time = moment == "wineserver"
    with tempfile.TemporaryDirectory(prefix="w", dir="/tmp") as ours:  # a short name, for the sockets below it
        environment = os.environ | {"TMPDIR": ours, "XDG_CACHE_HOME": str(tmp_path if first_time else cache.parent)}
        argv = [sys.executable, str(ROOT / "harness" / "sspi-conform"), "run", "--impl", "wine", "--report",
                str(tmp_path / "report"), "flag[mechanism=NTLM]"]
        places = (ours, str(tmp_path))
        process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: moment in "\n".join(wine_processes(*places).values()) or process.poll() is not None)
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()
        wait_for(lambda: not wine_processes(*places))


def test_what_a_process_finds_there(tmp_path: Path) -> None:
    """Nothing of the host's, and what leads to winbindd for ntlm_auth alone."""
    prefix = wine.Prefix(tmp_path, tmp_path)
    winbind = {"LD_PRELOAD": "libnss_wrapper.so", "SMB_CONF_PATH": "/a realm/smb.conf"}
    found = prefix.furnish({"PATH": "/usr/bin", **winbind}, winbind, tmp_path)
    assert "DISPLAY" not in found and not winbind.keys() & found.keys()
    first, *_ = found["PATH"].split(":")
    shim = Path(first, "ntlm_auth").read_text()
    assert f"export SMB_CONF_PATH={shlex.quote('/a realm/smb.conf')}\n" in shim and os.access(f"{first}/ntlm_auth", os.X_OK)


def test_without_wine_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wine, "_PROGRAMS", str(tmp_path))
    with pytest.raises(ConformError, match="ci/install-packages wine"):
        with wine.Wine(PROBE, tmp_path):
            pass


def test_the_time_is_told_before_the_run() -> None:
    project = open_project(ROOT)
    profile = project.profile("wine")
    cases = project.select(["flag[mechanism=NTLM]"])
    said = profile.forecast(cases, 2)
    assert said.startswith("about ") and "wine.yaml says" in said and "NTLM" in said
    assert not project.profile("libsspi").forecast(cases, 2)


def played(pattern: str, cache: Path) -> tuple[Case, Trace]:
    """One case of the suite with Wine as its subject."""
    (found,) = run_cases([open_project(ROOT).one(pattern)], options(cache))
    return found


def options(cache: Path) -> RunOptions:
    """One pipeline with Wine as the subject."""
    project = open_project(ROOT)
    return RunOptions(program_of(project.profile("wine"), project.probe(), ROOT), peer_program(), jobs=1, realm_cache=cache)


def wine_processes(*places: str) -> dict[int, str]:
    """The command lines of running processes whose prefix or temporary folder is there."""
    wanted = tuple(f"{name}={place}".encode() for name in ("WINEPREFIX", "TMPDIR") for place in places)
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and any(one.startswith(wanted) for one in (entry / "environ").read_bytes().split(b"\0")):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
    return found
