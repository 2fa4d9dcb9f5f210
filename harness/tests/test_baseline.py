# SPDX-License-Identifier: Apache-2.0
"""The draft of a profile: complete, exact, and refused until somebody says why."""
from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import GOOD, THIS, engine, root, run  # noqa: F401  (root is a fixture)

from sspi_conform import cli
from sspi_conform.commands import baseline
from sspi_conform.model import ConformError, Ended
from sspi_conform.project import open_project
from sspi_conform.report.draft import patterns_of

OTHER = "bind[mechanism=Kerberos,acceptor=none]"
WRONG = {THIS: GOOD | {"acceptor.last.status": "SEC_E_INTERNAL_ERROR"}, OTHER: {"acceptor.leg.1.status": "SEC_E_INVALID_TOKEN"}}


def draft(root: Path, out: Path, special: dict[str, object]) -> int:  # noqa: F811
    found = cli.parser().parse_args(["--root", str(root), "baseline", "--impl", "mine", "--out", str(out)])
    return baseline.run(found, engine(special))


def test_a_draft_with_reasons_makes_the_run_green(root: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    out = root / "harness" / "implementations" / "drafted.yaml"
    assert draft(root, out, WRONG) == 0
    assert "2 fail, from 2 causes" in capsys.readouterr().out
    with pytest.raises(ConformError, match="'reason' is empty"):
        run(root, "--impl", "drafted", engine=engine(WRONG))
    out.write_text(out.read_text().replace("  reason:\n", "  reason: It is young.\n"))
    assert run(root, "--impl", "drafted", engine=engine(WRONG)) == 0
    assert run(root, "--impl", "drafted", engine=engine({THIS: WRONG[THIS]})) == 1  # the other one passes now
    with pytest.raises(ConformError, match="is there already"):
        draft(root, out, WRONG)


def test_what_the_endpoint_lacks_waits_for_a_reason_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    out = root / "harness" / "implementations" / "drafted.yaml"
    lacking = {OTHER: Ended("undeclared", "acceptor", "no such function", "MakeSignature")}
    assert run(root, engine=engine(lacking)) == 1
    assert draft(root, out, lacking) == 0
    assert "1 fail, from 1 causes" in capsys.readouterr().out
    with pytest.raises(ConformError, match="'reason' is empty"):
        run(root, "--impl", "drafted", engine=engine(lacking))
    out.write_text(out.read_text().replace("  reason:\n", "  reason: It signs nothing.\n"))
    assert run(root, "--impl", "drafted", engine=engine(lacking)) == 0
    assert "Not played: 1 case: It signs nothing." in capsys.readouterr().out


def test_no_draft_of_a_broken_run(root: Path, tmp_path: Path) -> None:  # noqa: F811
    assert draft(root, tmp_path / "new.yaml", {THIS: Ended("harness", "", "no luck")}) == 2
    assert not (tmp_path / "new.yaml").exists()


def test_patterns_are_exact(root: Path) -> None:  # noqa: F811
    cases = open_project(root).cases
    bind = [case for case in cases if case.scenario.id == "bind"]
    assert patterns_of(bind, cases) == ["bind"]
    assert patterns_of([case for case in bind if case.mechanism == "NTLM"], cases) == ["bind[mechanism=NTLM]"]
    assert len(patterns_of([bind[0], bind[3]], cases)) == 2


def test_a_draft_keeps_what_the_profile_says(root: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    mine = root / "harness" / "implementations" / "mine.yaml"
    mine.write_text(mine.read_text() + "adapter: true\nremarks: What it is.\nunsupported:\n"
                    f"- {{case: '{OTHER}', reason: It has none.}}\n")
    out = root / "harness" / "implementations" / "drafted.yaml"
    assert draft(root, out, WRONG) == 0
    assert "1 fail, from 1 causes" in capsys.readouterr().out
    out.write_text(out.read_text().replace("  reason:\n", "  reason: It is young.\n"))
    assert run(root, "--impl", "drafted", engine=engine(WRONG)) == 0
    shown = capsys.readouterr().out
    assert "Not played: 1 case: It has none." in shown
    assert "Through an adapter" in shown
