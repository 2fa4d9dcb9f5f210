# SPDX-License-Identifier: Apache-2.0
"""A case under gdb: it stops in the right function, goes on, and may be left at any point."""
from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import case, fake_program
from sspi_conform.debug import play_under_gdb
from sspi_conform.pipelines import RunOptions
from sspi_conform.programs import Program

ROOT = Path(__file__).resolve().parents[2]
PROBE, LIBRARY = ROOT / "build" / "sspi-probe", ROOT / "build" / "libsspi.so"
pytestmark = [pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed"),
              pytest.mark.skipif(not (PROBE.exists() and LIBRARY.exists()), reason="build the probe first: make")]


def options() -> RunOptions:
    return RunOptions(Program("libsspi", (str(PROBE), str(LIBRARY)), {}, {}), fake_program())


def test_it_stops_and_goes_on(capfd: pytest.CaptureFixture[str]) -> None:
    trace = play_under_gdb(case(["acquire", {"leg": {"side": "initiator"}}], subject="initiator"), options(),
                           ["backtrace 1", "delete", "continue"])
    assert trace.ended is None
    assert trace.observed["initiator.leg.1.status"] == "SEC_I_CONTINUE_NEEDED"
    assert "Breakpoint 1, InitializeSecurityContextW" in capfd.readouterr().out


def test_leaving_in_the_middle_ends(capfd: pytest.CaptureFixture[str]) -> None:
    trace = play_under_gdb(case(["acquire", {"leg": {"side": "initiator"}}], subject="initiator"), options(),
                           ["backtrace 1"])
    assert trace.ended is not None and trace.ended.last_call == "InitializeSecurityContext"
    assert "Breakpoint 1" in capfd.readouterr().out
