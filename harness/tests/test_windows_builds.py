# SPDX-License-Identifier: Apache-2.0
"""Expectations that hold for some builds of Windows: ranges, selection, and which builds a result tells apart."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_project
from test_cli import GOOD, THIS, engine, run

from sspi_conform.captures import merge
from sspi_conform.model import ConformError, Matcher, PathExpectation, Record
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


def test_a_run_of_one_build_still_tells_the_others_apart(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "--windows", "2019", engine=engine({THIS: GOOD | {"acceptor.last.expiry": "written"}})) == 0
    assert "Windows: cannot be told from 2016, 2019, 2022, 2025" in capsys.readouterr().out


def decided(*records: str) -> PathExpectation:
    """What records (evidence, windows, value) make of one path."""
    made = [Record(("x",), evidence, (), windows, "", {"established": Matcher("equals", value)}, evidence == "documented",
                   "x:1", builds_of(windows, "x:1"))
            for evidence, windows, value in (one.split() for one in records)]
    return merge("x", made).paths["established"]


def test_builds_that_differ_are_no_contradiction() -> None:
    said = decided("documented ..2012 a", "documented 2016.. b")
    assert not said.contradicted and len(said.alternatives) == 2
    assert decided("documented ..2016 a", "documented 2016.. b").contradicted


def test_what_advises_of_one_build_does_not_soften_what_binds_of_another() -> None:
    assert len(decided("documented ..2022 a", "inferred 2025 b").alternatives) == 1
    assert len(decided("inferred ..2022 a", "inferred 2025 b").alternatives) == 2


def test_a_run_counts_what_no_source_speaks_of(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "captures" / "some.yaml").write_text(
        "records:\n- {case: bind, evidence: inferred, note: A guess., expect: {acceptor.last.status: SEC_E_OK}}\n"
        "- {case: alone, evidence: documented, source: [fact.doc], expect: {initiator.leg.1.token: NTLM NEGOTIATE}}\n")
    (root / "captures" / "by-build.yaml").unlink()
    assert run(root, engine=engine()) == 0
    assert "Unrecorded: no source says what Windows does in 4 of the cases" in capsys.readouterr().out
    assert json.loads((root / "build/report/results.json").read_text())["summary"]["unrecorded"] == 4
