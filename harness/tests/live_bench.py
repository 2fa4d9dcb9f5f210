# SPDX-License-Identifier: Apache-2.0
"""Exchanges played over a real connection in the throwaway realm, as captures of packets.

    with LiveBench(folder) as bench:
        played = bench.play(LiveCase({"initiator.account": "locked"}, transport="smb2"))
    recording = importing.load(played.path, ports=...)   # played.kdc_ports: where the KDC listened

A process in a network namespace of its own (unshare: no root needed, and nothing but the case is on its wire) has
the realm, both endpoints and a packet socket; the conductor plays the case, and every token goes over a TCP connection
from the one endpoint to the other. Nothing of it outlives the `with` block.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


def _namespaces() -> list[str]:
    """Root needs no namespace of users for one of networks, and in a chroot or a container gets none."""
    return ["--net"] if os.geteuid() == 0 else ["--net", "--map-current-user", "--keep-caps"]


@dataclass(frozen=True)
class LiveCase:
    """settings: what a scenario sets, by dotted key; all else is the default of scenarios (NTLM, account normal, ...).

    transport: http, https, https-proxy (the client sees another certificate than the one the acceptor is bound to),
        ldap, smb2, or one of live/faults.py.
    initiator, acceptor: libsspi or peer; one may be the peer, and only it can misbehave.
    world: what happens to a realm of the case's own before it is played: kill-kdc, false-kdc-garbage, ...
    isolate: a realm of its own without that, for a play with `world` steps.
    nt_status: an end that nobody here can bring about, INJECTED into the server's last answer (smb2, ldap).
    http: the same for the code of HTTP's last answer to an accepted client.
    host: what the client calls the server, where that is not the host of its target.
    kadmin: commands to the KDC's database before the case is played, in a realm of its own.
    krb5: lines that are otherwise than in the realm's krb5.conf, in a realm of its own.
    commands: client tools that run first, where a case is about what they ask the KDC; {http} stands for that keytab. With
        an empty play there is no connection besides.
    keytab: of which service (or all) Played.keytab is to be.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    transport: str = "http"
    initiator: str = "libsspi"
    acceptor: str = "libsspi"
    play: Sequence[Any] = ("establish",)
    needs: Sequence[str] = ()
    world: Sequence[str] = ()
    isolate: bool = False
    nt_status: int | None = None
    http: int | None = None
    host: str = ""
    kadmin: Sequence[str] = ()
    krb5: Mapping[str, str] = field(default_factory=dict)
    commands: Sequence[Sequence[str]] = ()
    keytab: str = ""


@dataclass(frozen=True)
class Played:
    """The capture of a case, of so many `frames`. `tokens` went over the wire in this order; `observed` are the paths of the conductor, for a
    test to make sure that what it wanted to provoke has happened."""

    path: Path
    frames: int
    kdc_ports: tuple[int, ...]
    server_port: int
    observed: Mapping[str, Any]
    tokens: tuple[bytes, ...]
    keytab: Path | None = None


class LiveBench:
    """A context manager. folder: where the captures go. Raises Unavailable where this machine has no namespaces."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._complaints = folder / "bench.stderr"
        self._count = 0

    def __enter__(self) -> LiveBench:
        if shutil.which("unshare") is None:
            raise Unavailable("unshare (package util-linux) is not installed")
        tried = subprocess.run(["unshare", *_namespaces(), "--", "true"], capture_output=True, text=True)
        if tried.returncode:  # only this is a reason to skip: whatever fails in there later is a fault
            raise Unavailable(tried.stderr.strip() or f"unshare ended with {tried.returncode}")
        path = os.pathsep.join(map(str, (_ROOT, _ROOT / "harness", _ROOT / "harness" / "tests")))
        with open(self._complaints, "w", encoding="utf-8") as complaints:
            self._process = subprocess.Popen(
                ["unshare", *_namespaces(), "--", sys.executable, "-m", "live.inside"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=complaints, text=True, cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"})
        try:
            self._read()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()  # the realm's keeper sees it and ends the daemons
            self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        """Of the process in the namespace."""
        return self._process.pid

    def play(self, case: LiveCase) -> Played:
        """Play a case and return its capture. RuntimeError when the case could not be played as it stands."""
        self._count += 1
        path = self._folder / f"{self._count}.pcapng"
        answer = self._ask({**asdict(case), "path": str(path)})
        return Played(path, answer["frames"], tuple(answer["kdc_ports"]), answer["server_port"], answer["observed"],
                      tuple(map(bytes.fromhex, answer["tokens"])), Path(answer["keytab"]) if answer["keytab"] else None)

    def write_all(self, path: Path) -> None:
        """All cases so far in one capture, frame after frame: to import one is quicker than to import many."""
        self._ask({"all": str(path)})

    def _ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(self._complaints.read_text(errors="replace").strip()[-800:] or "it ended without a word")
        return dict(json.loads(line))


class Unavailable(Exception):
    """This machine does not let the bench run; the text says why."""
