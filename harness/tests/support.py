# SPDX-License-Identifier: Apache-2.0
"""What several tests share: a fake endpoint, a world without a realm, cases made by hand."""
from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sspi_conform import settings
from sspi_conform.endpoint import Endpoint
from sspi_conform.model import Case, Scenario
from sspi_conform.programs import Program
from sspi_conform.world import World

FAKE = Path(__file__).with_name("fake_endpoint.py")


def fake_argv(script: Mapping[str, Any] | None = None) -> list[str]:
    """The command of a fake endpoint that does what `script` says."""
    return [sys.executable, "-I", str(FAKE), json.dumps(script or {})]


def fake(side: str, folder: Path, script: Mapping[str, Any] | None = None, deadline: float = 20.0) -> Endpoint:
    """A fake endpoint, to be entered."""
    return Endpoint(side, fake_argv(script), {}, folder, deadline)


def fake_program(script: Mapping[str, Any] | None = None, independent: bool = False) -> Program:
    """A program whose endpoints are fakes."""
    # braces of the script are no marks of the profile language: no name in them is a known one
    return Program("fake", tuple(fake_argv(script)), {}, {}, independent)


def world() -> World:
    """A world of made-up values."""
    return World(
        name="SSPI.TEST", domain="NTDOM", netbios="NTSRV", host="web.sspi.test",
        accounts={"normal": ("alice", "secret"), "second": ("bob", "other")},
        targets={"http": "HTTP/web.sspi.test"}, keytabs={"all": "/nowhere/keytab"},
        bindings={"tls-server-end-point": b"this", "other-end-point": b"other"},
        environment={}, winbind={}, smbpasswd="/nowhere/smbpasswd", tickets="/nowhere/tickets")


def case(play: list[Any], isolate: str = "none", **dotted: Any) -> Case:
    """A case; keywords are settings with `__` for the dot and `_` for the hyphen."""
    patch = {key.replace("__", ".").replace("_", "-"): value for key, value in dotted.items()}
    found = settings.nested(settings.defaults() | patch)
    scenario = Scenario("made-up", "a title", (), "must", "high", frozenset(), isolate, {}, {}, tuple(play), "here:1")
    name = "made-up[" + ",".join(f"{key}={value}" for key, value in sorted(patch.items())) + "]"
    return Case(name, scenario, {}, found, tuple(play), found["subject"], found["mechanism"], frozenset(), isolate)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so; far longer than it takes, as a loaded machine is slow."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def exists(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
