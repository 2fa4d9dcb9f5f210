# SPDX-License-Identifier: Apache-2.0
"""YAML with file and line."""
from __future__ import annotations

from pathlib import Path

import pytest

from sspi_conform.model import ConformError
from sspi_conform.yamlfile import did_you_mean, load, parse


def refusal(text: str) -> str:
    with pytest.raises(ConformError) as caught:
        parse(text, "x.yaml")
    return str(caught.value).splitlines()[0]


def test_values_are_what_a_reader_sees() -> None:
    found = parse("a: yes\nb: no\noff: on\nc: 2026-11-22\nd: 12\ne: 0x10\nf: true\ng: ~\nh:\ni: '7'\nj: none\nk: 1.5\n"
                  "l: 010\n", "x")
    assert found == {"a": "yes", "b": "no", "off": "on", "c": "2026-11-22", "d": 12, "e": 16, "f": True, "g": None,
                     "h": None, "i": "7", "j": "none", "k": "1.5", "l": "010"}


def test_places() -> None:
    found = parse("a: 1\nb:\n- c: 2\n\n- d: 3\n", "x.yaml")
    assert found.where("b") == "x.yaml:2"
    assert found["b"].where(1) == "x.yaml:5"
    assert found["b"][1].where("d") == "x.yaml:5"


@pytest.mark.parametrize(("text", "expected"), [
    ("a: 1\nb: 2\na: 3\n", "x.yaml:3: duplicate key 'a', first on line 1"),
    ("a: {b: 1, b: 2}\n", "x.yaml:1: duplicate key 'b', first on line 1"),
    ("a: [1\nb: 2\n", "x.yaml:2: not YAML: did not find expected ',' or ']'"),
    ("- a\n", "x.yaml:1: the file holds a list"),
    ("", "x.yaml:1: the file holds empty"),
    ("a: !!python/object:os.system x\n", "x.yaml:1: tag tag:yaml.org,2002:python/object:os.system"),
    ("? [a]\n: 1\n", "x.yaml:1: a key that is no plain word"),
    ("a: &x\n  b: *x\n", "x.yaml:1: an alias that contains itself"),
])
def test_refusals(text: str, expected: str) -> None:
    assert refusal(text) == expected


def test_missing_and_undecodable_files(tmp_path: Path) -> None:
    with pytest.raises(ConformError, match="^gone.yaml: cannot read it: No such file"):
        load(tmp_path / "gone.yaml", tmp_path)
    (tmp_path / "bad.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ConformError, match="^bad.yaml: it is not UTF-8"):
        load(tmp_path / "bad.yaml", tmp_path)


def test_suggestions() -> None:
    assert did_you_mean("instal", ["install", "remove"]) == "Did you mean install?"
    assert did_you_mean("zzz", ["a", "b"]) == "Known: a, b."
    assert did_you_mean("SEC_E_BAD_BINDING", ["SEC_E_BAD_BINDINGS"]) == "Did you mean SEC_E_BAD_BINDINGS?"
