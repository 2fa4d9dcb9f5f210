# SPDX-License-Identifier: Apache-2.0
"""What coverage counts, on a checkout small enough to count by hand; and the list of facts that no case can judge."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_project
from small_project import record, scenario

from sspi_conform import cli, coverage, flags
from sspi_conform.model import ConformError
from sspi_conform.project import Project, open_project

SOURCES = """\
sources:
  status.SEC_E_OK: {table: status-codes, kind: status, name: SEC_E_OK, fact: It went well., confidence: documented, citations: ['doc: page']}
  status.SEC_E_CANNOT_PACK: {table: status-codes, kind: status, name: SEC_E_CANNOT_PACK, fact: No., confidence: documented, citations: ['doc: page']}
  cb.out.one: {table: channel-bindings, kind: outcome, fact: It passes., confidence: documented, citations: ['doc: page']}
  path.one: {table: multileg, kind: path, fact: One leg., confidence: inferred, citations: ['doc: page']}
  attr.SIZES: {table: attributes, kind: attribute, name: SECPKG_ATTR_SIZES, value: 0, fact: Sizes., confidence: documented, citations: ['doc: page']}
  attr.NAMES: {table: attributes, kind: attribute, name: SECPKG_ATTR_NAMES, fact: Names., confidence: documented, citations: ['doc: page']}
"""
SCENARIO = scenario("settings: {acceptor.flags: [ALLOCATE_MEMORY]}\n"
                    "vary:\n  mechanism: {ref: $mechanisms, only: [NTLM, Negotiate/NTLM]}",
                    "[establish, query: {side: acceptor, attributes: [SIZES]}]")
RECORDS = """\
records:
- {case: one, evidence: documented, source: [cb.out.one, attr.SIZES], expect: {acceptor.last.status: SEC_E_OK, query.acceptor.SIZES.status: SEC_E_OK}}
- {case: 'one[mechanism=NTLM]', evidence: inferred, source: [path.one], note: So., expect: {acceptor.last.attributes: {excludes: [ALLOCATED_MEMORY]}}}
- {case: one, evidence: inferred, source: [attr.NAMES], note: Of the other side only., expect: {initiator.last.status: SEC_E_CANNOT_PACK}}
"""


def make(folder: Path, no_case: str = "", sources: str = SOURCES) -> Path:
    root = small_project.make(folder, SCENARIO, RECORDS, sources)
    if no_case:
        (root / "captures" / "unjudged.yaml").write_text(f"unjudged:\n{no_case}", encoding="utf-8")
    return root


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(make(tmp_path, "  status.SEC_E_CANNOT_PACK: Nothing here packs.\n"))


def cells(row: coverage.Row) -> dict[str, tuple[int, int]]:
    return {column: (cell.binding, cell.advisory) for column, cell in row.cells.items()}


def test_flags(project: Project) -> None:
    rows = {row.name: cells(row) for row in coverage.report(project)["flags"]}
    assert rows["ASC_REQ_ALLOCATE_MEMORY"] == {"NTLM alone": (1, 0), "Negotiate/NTLM alone": (1, 0),
                                              "NTLM returned": (0, 1)}
    assert rows["ISC_REQ_ALLOCATE_MEMORY"] == {}  # the initiator is not under test
    assert list(rows) == [prefix + name for prefix in ("ISC_REQ_", "ASC_REQ_") for name in flags.names(prefix)]


def test_a_flag_and_its_returned_twin() -> None:
    twins = {flag.name: coverage.returned_twin(flag, "ASC_RET_") for flag in flags.of("ASC_REQ_")}
    assert twins["INTEGRITY"] == "INTEGRITY" and twins["CALL_LEVEL"] == "CALL_LEVEL"
    assert twins["USE_DCE_STYLE"] == "USED_DCE_STYLE" and twins["FRAGMENT_TO_FIT"] == "FRAGMENT_ONLY"
    assert twins["FRAGMENT_SUPPLIED"] is twins["PROXY_BINDINGS"] is None


def test_statuses_and_attributes(project: Project) -> None:
    found = coverage.report(project)
    assert {row.name: cells(row) for row in found["statuses"]} == {
        "SEC_E_OK": {"NTLM": (1, 0), "Negotiate/NTLM": (1, 0)},
        "SEC_E_CANNOT_PACK": {}}  # only the counterpart is said to return it
    assert {row.name: cells(row) for row in found["attributes"]} == {
        "SIZES": {"NTLM acceptor": (1, 0), "Negotiate/NTLM acceptor": (1, 0)}, "NAMES": {}}


def test_an_attribute_by_its_number(tmp_path: Path) -> None:
    root = make(tmp_path)
    for name in ("scenarios/some.yaml", "captures/some.yaml"):
        text = (root / name).read_text(encoding="utf-8")
        (root / name).write_text(text.replace("[SIZES]", "[0]").replace("acceptor.SIZES.", "acceptor.0."), encoding="utf-8")
    assert cells(coverage.report(open_project(root))["attributes"][0]) == {
        "NTLM acceptor": (1, 0), "Negotiate/NTLM acceptor": (1, 0)}


def test_facts(project: Project) -> None:
    found = coverage.report(project)
    assert cells(found["bindings"][0]) == {"NTLM": (1, 0), "Negotiate/NTLM": (1, 0)}
    assert cells(found["paths"][0]) == {"NTLM": (0, 1)}
    assert found["facts"]["cannot"] == {"status.SEC_E_CANNOT_PACK": "Nothing here packs."}
    assert found["facts"]["missing"] == ["attr.NAMES"]  # it judges nobody; SEC_E_OK is expected by name
    assert found["facts"]["tables"]["attributes"] == {"judge": 1, "cannot": 0, "missing": 1}


@pytest.mark.parametrize(("no_case", "what"), [
    ("  status.SEC_E_OKAY: x\n", "unknown source 'status.SEC_E_OKAY'"),
    ("  cb.out.one: x\n", "'cb.out.one' is said to be judged by no case, yet a record cites it"),
    ("  status.SEC_E_OK: ''\n", "'status.SEC_E_OK' is empty"),
    ("  status.SEC_E_OK: 7\n", "status.SEC_E_OK")])
def test_a_wrong_list_is_refused(tmp_path: Path, no_case: str, what: str) -> None:
    with pytest.raises(ConformError) as refused:
        open_project(make(tmp_path, no_case))
    assert what in refused.value.what and refused.value.where.endswith("unjudged.yaml:2")


def test_a_status_that_a_case_expects_can_be_judged(tmp_path: Path) -> None:
    with pytest.raises(ConformError) as refused:
        open_project(make(tmp_path, "  status.SEC_E_OK: Nobody knows.\n"))
    assert refused.value.what == ("'status.SEC_E_OK' is said to be judged by no case, yet 'one[mechanism=NTLM]' "
                                  "expects SEC_E_OK")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make(tmp_path)
    assert cli.main(["--root", str(root), "coverage", "bindings", "statuses"]) == 0
    shown = capsys.readouterr().out
    assert "Statuses: cases that expect them (1 of 2 have cases)" in shown and "Facts" not in shown
    assert [line.split() for line in shown.splitlines() if "cb.out.one" in line] == [["cb.out.one", "1", "1", "-", "-"]]
    assert cli.main(["--root", str(root), "coverage", "facts", "--check"]) == 1
    assert "Facts: 6; 4 judge a case, 0 cannot, 2 do not yet" in capsys.readouterr().out
    assert cli.main(["--root", str(root), "coverage", "--json", "paths"]) == 0
    assert json.loads(capsys.readouterr().out)["paths"][0]["cells"]["NTLM"] == {"binding": 0, "advisory": 1}
    assert cli.main(["--root", str(root), "coverage", "statuses", "--missing"]) == 0
    assert "  SEC_E_CANNOT_PACK" in capsys.readouterr().out.splitlines()


def test_an_unknown_section(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--root", str(make(tmp_path)), "coverage", "flag"])
    assert left.value.code == 3


def test_a_case_of_which_no_source_says_anything_is_unrecorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    guess = record("evidence: inferred\nnote: A guess.", "one[mechanism=NTLM]")
    known = record("evidence: documented\nsource: [cb.out.one]", "one[mechanism=Negotiate/NTLM]").removeprefix("records:\n")
    root = small_project.make(tmp_path, SCENARIO, guess + known, SOURCES)
    assert coverage.report(open_project(root))["cases"] == {
        "total": 2, "binding": 1, "unrecorded": {"one[mechanism=NTLM]": "reasoning without a source"}}
    assert cli.main(["--root", str(root), "coverage", "cases"]) == 0
    assert "Cases: 2; 1 with an expectation that binds, 1 unrecorded" in capsys.readouterr().out
