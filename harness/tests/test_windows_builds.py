# SPDX-License-Identifier: Apache-2.0
"""Expectations that hold for some builds of Windows: ranges, selection, and which builds a result tells apart."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_project
from test_cli import GOOD, THIS, engine, run

from sspi_conform.model import ConformError
from sspi_conform.windows import ALL, builds_of

OLD = """
- case: bind[mechanism=NTLM,acceptor=this]
  evidence: documented
  source: [fact.doc]
  windows: ..2012R2
  expect: {acceptor.last.expiry: unwritten}
- case: bind[mechanism=NTLM,acceptor=this]
  evidence: documented
  source: [fact.doc]
  windows: 2016..
  expect: {acceptor.last.expiry: written}
"""


@pytest.mark.parametrize("text, builds", [
    ("", ALL), ("2019", {"2019"}), ("2016..2022", {"2016", "2019", "2022"}), ("..2012", {"2008R2", "2012"}),
    ("2022..", {"2022", "2025"}), ("7, 10", {"2008R2", "2016", "2019"}), ("7..10", ALL - {"2022", "2025"}),
])
def test_ranges(text: str, builds: set[str]) -> None:
    assert builds_of(text, "x:1") == builds


@pytest.mark.parametrize("text, words", [("2018", "no build"), ("2019..2016", "ends before"), ("some", "no build")])
def test_wrong_ranges(text: str, words: str) -> None:
    with pytest.raises(ConformError, match=words):
        builds_of(text, "x:1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = small_project.make(tmp_path)
    (root / "build").mkdir()
    for name in ("libmine.so", "sspi-probe"):
        (root / "build" / name).write_bytes(b"")
    (root / "captures" / "by-build.yaml").write_text("records:" + OLD)
    return root


def test_a_run_says_which_builds_it_cannot_tell_apart(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, engine=engine({THIS: GOOD | {"acceptor.last.expiry": "written"}})) == 0
    out = capsys.readouterr().out
    assert "Windows: cannot be told from 2016, 2019, 2022, 2025" in out
    assert f"not 2008R2, 2012, 2012R2: {THIS}" in out
    found = json.loads((root / "build/report/results.json").read_text())["summary"]["windows"]
    assert found["2019"] == [] and found["2012"] == [THIS]


def test_one_build_is_asked_for(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    special = engine({THIS: GOOD | {"acceptor.last.expiry": "written"}})
    assert run(root, "--windows", "2019", THIS, engine=special) == 0
    assert run(root, "--windows", "2012", THIS, engine=special) == 1
    assert "acceptor.last.expiry expected unwritten" in capsys.readouterr().out
