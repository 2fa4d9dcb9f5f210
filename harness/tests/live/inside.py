# SPDX-License-Identifier: Apache-2.0
"""Plays cases inside a network of its own, as lines on stdin ask for them. live_bench.py starts it; see there."""
from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from realm import ad_inside, kdc
from realm.tools import base_environment, run_tool
from sspi_conform.conductor import Conductor
from sspi_conform.endpoint import Endpoint
from sspi_conform.model import SIDES, Case
from sspi_conform.pipeline import change_world
from sspi_conform.programs import Program, peer_program, program_of
from sspi_conform.project import open_project
from sspi_conform.world import World, home_of, realm_for, surroundings_of, world_of

from live import faults, packets, wire
from live.relay import Relay, Relayed
from support import case as made_case

ROOT = Path(__file__).resolve().parents[3]
PROBE = ROOT / os.environ.get("SSPI_CONFORM_BUILD", "build") / "sspi-probe"
_PR_SET_PDEATHSIG = 1
_KDCS = ("kdc", "partner-kdc", "false-kdc")


class Inside:
    """Realms, endpoints and the sniffer, as long as there are cases to play. Realms and endpoints are kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._conductor = Conductor()
        self._kept: dict[Any, Any] = {}
        self._packets: list[packets.Packet] = []
        self._key_logs = b""
        self._programs: Mapping[str, Program] = {
            "libsspi": program_of(open_project(ROOT).profile("libsspi"), PROBE, ROOT), "peer": peer_program()}

    def __enter__(self) -> Inside:
        self._sniffer = self._stack.enter_context(packets.Sniffer())
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def play(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Play a case; what live_bench.Played holds."""
        own = bool(wanted["world"] or wanted["kadmin"] or wanted["krb5"] or wanted["isolate"])
        case = _case(wanted)
        with ExitStack() as stack:
            realm = stack.enter_context(realm_for(home_of(case), None)) if own else self._realm(case)
            world = world_of(realm)
            if wanted["kadmin"]:
                _administer(realm, wanted["kadmin"])
            _configure(realm, wanted["krb5"])
            for event in wanted["world"]:
                change_world(realm, event)
            endpoints = {side: stack.enter_context(self._start(case, side, wanted[side], world)) if own
                         else self._endpoint(case, side, wanted[side], world) for side in SIDES}
            self._sniffer.packets()  # what was said before is no part of it
            return self._captured(case, wanted, realm, world, endpoints)

    def write_all(self, path: Path) -> dict[str, Any]:
        """Every packet so far."""
        packets.write(path, self._packets, self._key_logs)
        return {}

    def _captured(self, case: Case, wanted: Mapping[str, Any], realm: Any, world: World,
                  endpoints: Mapping[str, Endpoint]) -> dict[str, Any]:
        path = Path(wanted["path"])
        _run(wanted["commands"], world, self._folder)
        seen, relay = self._relayed(case, wanted, realm, world, endpoints) if wanted["play"] else ({}, None)
        found = relay.packets if relay else self._sniffer.packets()
        key_log = path.with_suffix(".keys")
        secrets = key_log.read_bytes() if key_log.exists() else b""
        key_log.unlink(missing_ok=True)
        packets.write(path, found, secrets)
        self._packets += found
        self._key_logs += secrets
        return {"kdc_ports": [kdc.port_of(pid) for part, pid in realm.processes.items() if part in _KDCS],
                "server_port": relay.wire.port if relay else 0, "observed": seen, "frames": len(found),
                "keytab": _copied(world, wanted["keytab"], path), "tokens": [one.hex() for one in relay.tokens] if relay else []}

    def _relayed(self, case: Case, wanted: Mapping[str, Any], realm: Any, world: World,
                 endpoints: Mapping[str, Endpoint]) -> tuple[dict[str, Any], Relay]:
        made = _wire(wanted, case, realm, world, Path(wanted["path"]).with_suffix(".keys"))
        relay = Relay(made, self._sniffer, wanted["nt_status"], wanted["http"], lambda: _logon(world, case))
        with relay:
            ends = {side: Relayed(endpoint, relay, wanted["settings"].get(f"{side}.misbehave", {}))
                    for side, endpoint in endpoints.items()}
            trace, retired = self._conductor.play(case, world, ends, careful=True,  # type: ignore[arg-type]
                                                  change_world=lambda event: change_world(realm, event))
        for key in [key for key, one in self._kept.items() if one in [endpoints[side] for side in retired]]:
            self._kept.pop(key).close()
        if trace.ended is not None:
            raise RuntimeError(f"{trace.ended.kind} of the {trace.ended.side}: {trace.ended.detail}")
        return dict(trace.observed), relay

    def _realm(self, case: Case) -> Any:
        home = home_of(case)
        if home not in self._kept:
            self._kept[home] = self._stack.enter_context(realm_for(home, None))
        return self._kept[home]

    def _endpoint(self, case: Case, side: str, program: str, world: World) -> Endpoint:
        key = home_of(case), side, program, surroundings_of(case, side)
        if key not in self._kept or not self._kept[key].alive:
            self._kept[key] = self._stack.enter_context(self._start(case, side, program, world))
        return self._kept[key]

    def _start(self, case: Case, side: str, program: str, world: World) -> Endpoint:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return self._programs[program].start(side, world, surroundings_of(case, side), folder)


def _case(wanted: Mapping[str, Any]) -> Case:
    """What the peer does wrong is told it beside the case: the conductor lets only one side misbehave."""
    for side in SIDES:
        if wanted["settings"].get(f"{side}.misbehave") and wanted[side] != "peer":
            raise ValueError(f"only the peer can misbehave, and the {side} is {wanted[side]}")
    patch = {key: value for key, value in wanted["settings"].items() if not key.endswith(".misbehave")}
    made = made_case(wanted["play"], **{key.replace(".", "__").replace("-", "_"): value for key, value in patch.items()})
    return replace(made, needs=frozenset(wanted["needs"]))


def _administer(realm: Any, commands: Sequence[str]) -> None:
    """Change the KDC's database, which it reads again at every request."""
    run_tool(["kadmin.local", "-r", realm.name, "-p", "realm/admin"], kdc.kdc_environment(realm.folder / "kdc"),
             text="\n".join(commands) + "\n", what="changing the KDC's database")


def _configure(realm: Any, lines: Mapping[str, str]) -> None:
    """Lines of krb5.conf that the case wants otherwise."""
    text = realm.krb5_conf.read_text()
    for name, value in lines.items():
        text, count = re.subn(rf"(?m)^( +{name}) = .*$", rf"\1 = {value}", text)
        assert count == 1, f"{name} is not in krb5.conf"
    realm.krb5_conf.write_text(text)


def _run(commands: Sequence[Sequence[str]], world: World, folder: Path) -> None:
    """Client tools; that one fails may be the point of the case."""
    environment = dict(world.environment) | {"KRB5CCNAME": f"FILE:{folder / 'tools.ccache'}", "PYTHONPATH": str(ROOT)}
    for argv in commands:
        subprocess.run([word.format_map(world.keytabs) for word in argv], env=environment, stdin=subprocess.DEVNULL,
                       capture_output=True, timeout=20)


def _copied(world: World, service: str, path: Path) -> str:
    """A keytab beside the capture, for a realm may be gone when it is read; '' without."""
    if not service:
        return ""
    return str(shutil.copyfile(world.keytabs[service], path.with_suffix(".keytab")))


def _wire(wanted: Mapping[str, Any], case: Case, realm: Any, world: World, key_log: Path) -> wire.Wire:
    spn = world.target(case.settings["initiator"]["target"]) or ""
    host = wanted["host"] or spn.partition("/")[2].partition("@")[0] or world.host
    scheme = "NTLM" if case.settings["package"] == "NTLM" else "Negotiate"
    transport = wanted["transport"]
    if transport.startswith("https"):
        tls = realm.tls
        certificate = (tls.other_certificate, tls.other_key) if transport == "https-proxy" else (tls.certificate, tls.key)
        return wire.Https(host, scheme, *certificate, key_log)
    kinds: dict[str, type[wire.Wire]] = {"http": wire.Http, "ldap": wire.Ldap, "smb2": wire.Smb2, **faults.FAULTS}
    return kinds[transport](host, scheme)


def _logon(world: World, case: Case) -> int | None:
    """What the realm's own winbindd says to the logon of the initiator's account, as an NT status."""
    identity = world.identity(case.settings["initiator"]["account"], "NTLM")
    if not identity or not identity["User"]:
        return None
    argv = [*world.enter, "wbinfo", "-a", f"{identity['Domain']}\\{identity['User']}%{identity['Password']}"]
    said = subprocess.run(argv, env=base_environment() | dict(world.winbind), capture_output=True, text=True, timeout=20)
    found = re.search(r"\((0x[0-9a-f]{8})", said.stderr)
    return int(found[1], 16) if found else None


def main() -> int:
    """Answer lines until stdin ends."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return 0
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    ad_inside.network([])
    with tempfile.TemporaryDirectory(prefix="live-") as folder, Inside(Path(folder)) as inside:
        print(json.dumps({"ready": True}), file=answers)
        for line in sys.stdin:
            try:
                request = json.loads(line)
                answer = inside.write_all(Path(request["all"])) if "all" in request else inside.play(request)
                print(json.dumps(answer), file=answers)
            except Exception:  # the test that asked for the case is to fail, not the others
                print(json.dumps({"error": traceback.format_exc()}), file=answers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
