# SPDX-License-Identifier: Apache-2.0
"""Faults are woven in as the list says, and a list that says nonsense is refused."""
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sspi_conform.model import ConformError
from sspi_conform.mutation.faults import Fault, choose, load_faults
from sspi_conform.mutation.weave import woven
from sspi_conform.report.files import commit_of
from sspi_conform.report.kills import read_kills, write_kills

SOURCE = """\
static int twice(int x)
{
    int y = x + x;
    return y;
}
"""


def fault(name: str, replace: str, by: str, kind: str = "expression", after: str = "") -> Fault:
    return Fault(name, "", "", "a.c", after, replace, by, kind, (), False, "list.yaml:1")


def outcome(tmp_path: Path, faults: list[Fault], awake: int) -> int:
    """twice(5) of the woven source with one fault awake."""
    program = "static int chosen;\n#define SSPI_FAULT(n) (chosen == (n))\n" + woven(SOURCE, list(enumerate(faults))) \
        + f"int main(void) {{ chosen = {awake}; return twice(5); }}\n"
    (tmp_path / "a.c").write_text(program)
    subprocess.run(["gcc", "-o", tmp_path / "a", tmp_path / "a.c"], check=True)
    return subprocess.run([tmp_path / "a"]).returncode


def test_each_fault_alone(tmp_path: Path) -> None:
    faults = [fault("plus", "x + x", "x + 1"), fault("minus", "x + x", "x - 1"),
              fault("statement", "return y;", "return 7;", "statement"), fault("nested", "y", "y + 2", after="return ")]
    assert [outcome(tmp_path, faults, awake) for awake in (-1, 0, 1, 2, 3)] == [10, 6, 4, 7, 12]


def test_lines_keep_their_numbers() -> None:
    made = woven(SOURCE, [(0, fault("two-lines", "return y;", "if (y)\n  y++;\nreturn y;", "statement"))])
    assert made.count("\n") == SOURCE.count("\n")


@pytest.mark.parametrize("wrong, words", [
    ([fault("gone", "x * x", "0")], "does not have the text"),
    ([fault("unclear", "x", "0")], "times"),
    ([fault("behind", "x", "0", after="int")], "'after'"),
    ([fault("one", "x + x;\n    return", "0"), fault("two", "return y", "0")], "overlap"),
])
def test_nonsense_is_refused(wrong: list[Fault], words: str) -> None:
    with pytest.raises(ConformError, match=words):
        woven(SOURCE, list(enumerate(wrong)))


@pytest.mark.parametrize("text, words", [
    ("faults: []", "no faults"),
    ("faults: [{name: a, wrong: w, file: f, replace: r, by: b, cases: []}, "
     "{name: a, wrong: w, file: f, replace: r, by: b, cases: []}]", "two faults 'a'"),
    ("faults: [{name: A b, wrong: w, file: f, replace: r, by: b, cases: []}]", "no name"),
    ("faults: [{name: a, wrong: w, file: f, replace: r, by: b, cases: [no-such-case]}]", "no-such-case"),
])
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "list.yaml").write_text(text)
    with pytest.raises(ConformError, match=words):
        load_faults(tmp_path, tmp_path, [])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConformError, match="no fault is called"):
        choose([fault("a", "", "")], ["b"])


def test_the_kill_rate_is_kept_and_its_age_told(tmp_path: Path) -> None:
    build, root = tmp_path / "build", Path(__file__).resolve().parents[2]
    assert read_kills(build, root) is None
    commit = commit_of(root)
    document = {"killed": 3, "of": 4, "advisory": 1, "date": "2026-01-02", "commit": "0" * 40}
    write_kills(build, document)
    kills = read_kills(build, root)
    assert kills is not None and kills.older
    assert str(kills).startswith("3 of 4 caught, 1 of them by advisory expectations (2026-01-02/000000000000; of another")
    write_kills(build, document | {"commit": commit})
    kills = read_kills(build, root)
    assert kills is not None and kills.older == (not commit or commit.endswith("+"))
    (build / "mutants.json").write_text("{}")
    assert read_kills(build, root) is None
