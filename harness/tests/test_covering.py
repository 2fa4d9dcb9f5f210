# SPDX-License-Identifier: Apache-2.0
"""Covering arrays: what they promise of their rows, and what a scenario file may say of them."""
from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import small_project
from small_project import scenario

from sspi_conform import covering, coverage, flags, patterns
from sspi_conform.model import ConformError
from sspi_conform.project import open_project
from sspi_conform.scenarios import Suite, load_suite

ROOT = Path(__file__).resolve().parents[2]


def suite(folder: Path, row: str) -> Suite:
    root = small_project.make(folder, scenario(f"vary:\n  row: {row}"))
    return load_suite(root / "scenarios", root)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 10, 11, 20, 21, 24, 27, 35])
def test_every_two_flags_meet_and_each_stands_without_the_other(count: int) -> None:
    names = [f"F{number}" for number in range(count)]
    rows = [set(row) for row in covering.rows(names, ()).values()]
    for one, other in itertools.permutations(names, 2):
        assert any(one in row and other in row for row in rows), (one, other)
        assert any(one in row and other not in row for row in rows), (one, other)


def test_seven_rows_are_enough_for_the_flags_of_either_side() -> None:
    for prefix in ("ISC_REQ_", "ASC_REQ_"):
        assert list(covering.rows(flags.names(prefix), ())) == ["1", "2", "3", "4", "5", "6", "7"]


def test_flags_that_stand_apart_meet_every_other_one() -> None:
    rows = covering.rows(["A", "B", "C", "D", "E", "X", "Y"], ["X", "Y"])
    assert {"X", "Y"}.isdisjoint(itertools.chain(*(row for name, row in rows.items() if name.isdigit())))
    assert rows["X-1"] == ("X", "A", "C", "E") and rows["X-2"] == ("X", "B", "D")
    assert rows["apart"] == ("X", "Y")
    assert "apart" not in covering.rows(["A", "B", "C", "X"], ["X"])


def test_rows_never_change() -> None:
    """Ids of cases last, so what stands behind them may not depend on anything but the flags."""
    rows = covering.rows(flags.names("ASC_REQ_"), ("ALLOCATE_MEMORY", "DATAGRAM"))
    assert rows["1"] == ("DELEGATE", "MUTUAL_AUTH", "REPLAY_DETECT", "SEQUENCE_DETECT", "CONFIDENTIALITY", "USE_SESSION_KEY",
                         "SESSION_TICKET", "USE_DCE_STYLE", "CONNECTION", "CALL_LEVEL", "FRAGMENT_SUPPLIED",
                         "EXTENDED_ERROR", "STREAM", "INTEGRITY")
    assert rows["DATAGRAM-2"][:3] == ("DATAGRAM", "MUTUAL_AUTH", "SEQUENCE_DETECT")


def test_a_row_is_a_patch(tmp_path: Path) -> None:
    found = suite(tmp_path, "{covering: acceptor.flags, apart: {ALLOCATE_MEMORY: {}, DATAGRAM: {initiator.flags+: [DATAGRAM]}}}")
    cases = {case.axes["row"]: case for case in found.cases}
    assert cases["ALLOCATE_MEMORY-1"].settings["acceptor"]["output"] == "allocate"
    assert cases["1"].settings["acceptor"]["output"] == {"size": 65536}
    assert cases["DATAGRAM-1"].settings["initiator"]["flags"] == ["DATAGRAM"]
    assert cases["1"].settings["initiator"]["flags"] == []
    assert all(case.scenario.covering for case in found.cases)
    asked = patterns.parse("one[flags=*+DATAGRAM+*]")
    assert {name for name, case in cases.items() if asked.matches(case)} == {"DATAGRAM-1", "DATAGRAM-2", "apart"}


@pytest.mark.parametrize("row, complaint", [
    ("{covering: acceptor.flags, apart: {PROMPT_FOR_CREDS: {}}}", "unknown flag 'PROMPT_FOR_CREDS'"),
    ("{covering: acceptor.flags, apart: {DATAGRAM: {acceptor.flag: []}}}", "unknown setting 'acceptor.flag'"),
    ("{covering: acceptor.output}", "acceptor.output"),
    ("{covering: acceptor.flags, except: [DATAGRAM]}", "except"),
])
def test_refused(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(ConformError, match=complaint.replace(".", r"\.")) as refused:
        suite(tmp_path, row)
    assert refused.value.where.startswith("scenarios/some.yaml:")


def test_the_suite_asks_every_pair_and_nothing_of_it_binds() -> None:
    project = open_project(ROOT)
    for one in coverage.pair_rows(coverage.judged_cases(project)):
        assert one.covered == one.total and one.cases
    assert not any(path.binding for case in project.cases if case.scenario.covering
                   for path in project.captures.of(case).paths.values())
