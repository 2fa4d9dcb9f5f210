# SPDX-License-Identifier: Apache-2.0
"""The matrix: a pair is judged by what is known of Windows, on both sides; what lacks a package or does not start is said."""
from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from sspi_conform import cli
from sspi_conform.matrix import columns, pairs, shown
from sspi_conform.matrix.pairs import DIED, DIFFERS, LACKS, OK, Cell, Mark
from sspi_conform.project import open_project

ROOT = Path(__file__).resolve().parents[2]
PROJECT = open_project(ROOT)


def matrix(out: Path, *words: str) -> tuple[int, dict[tuple[str, str, str], dict]]:
    code = cli.main(["matrix", *words, "--out", str(out)])
    content = json.loads((out / "matrix.json").read_text())
    return code, {(one["mechanism"], one["initiator"], one["acceptor"]): one for one in content["cells"]}


def test_libsspi_and_the_peer_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, cells = matrix(tmp_path, "libsspi", "peer", "--mechanism", "Negotiate/NTLM")
    assert code == 0 and len(cells) == 4
    for cell in cells.values():
        assert {one["verdict"] for one in cell["columns"].values()} == {"ok"}
        assert [leg["side"] for leg in cell["legs"]][:2] == ["initiator", "acceptor"]
        assert [leg["what"] for leg in cell["legs"]][:2] == ["NegTokenInit", "NegTokenResp"]
        assert all(leg["status"].startswith("SEC_") for leg in cell["legs"]) and cell["legs"][0]["token"].startswith("60")
    assert "4 pairs played, 4 of them ok in all columns" in capsys.readouterr().out
    page = (tmp_path / "index.html").read_text()
    assert "4 of 4 pairs are in all columns" in page and "http://" not in page and "https://" not in page


def test_what_differs_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, cells = matrix(tmp_path, "winpr2", "libsspi", "--mechanism", "NTLM")
    if ("NTLM", "winpr2", "libsspi") not in cells:
        pytest.skip("libwinpr2.so.2 is not installed")
    cell = cells["NTLM", "libsspi", "winpr2"]
    assert code == 0 and cell["verdict"] == DIFFERS
    assert cell["columns"]["flags"]["side"] == "acceptor"
    assert "acceptor.last.attributes expected includes [CONFIDENTIALITY" in cell["columns"]["flags"]["says"]
    assert cells["NTLM", "winpr2", "libsspi"]["columns"]["flags"]["side"] == "initiator"
    assert cells["NTLM", "libsspi", "libsspi"]["verdict"] == OK
    assert "    flags: acceptor: acceptor.last.attributes" in capsys.readouterr().out


def test_a_lacking_package_and_a_broken_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF no library")
    code, cells = matrix(tmp_path, str(broken), "libsspi", "--mechanism", "Kerberos")
    assert code == 0 and list(cells) == [("Kerberos", "libsspi", "libsspi")]
    assert "broken.so: does not start here: " in capsys.readouterr().out
    assert cli.main(["matrix", str(broken), "--out", str(tmp_path)]) == 3


@pytest.mark.parametrize("words", [["nobody"], ["libsspi", "libsspi"], ["--mechanism", "Digest"], ["no/such.so"]])
def test_wrong_usage(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["matrix", *words]) == 3
    assert "sspi-conform:" in capsys.readouterr().err


def test_every_column_has_expectations() -> None:
    """A column that nothing judges would be ok of everybody."""
    for mechanism in columns.MECHANISMS:
        asked = columns.asked(PROJECT, mechanism)
        assert {column.name for one in asked for column in one.columns} == {
            column.name for column in columns.COLUMNS if mechanism in column.mechanisms}
        for one in asked:
            paths = PROJECT.captures.of(one.case).paths
            assert all(any(column.takes(path) for path in paths) for column in one.columns)


def test_a_death_is_told_before_differences() -> None:
    cell = Cell("a", "b", "NTLM", {"handshake": Mark(LACKS), "sign": Mark(DIFFERS, "wrong"), "seal": Mark(DIED, "SIGSEGV")})
    assert cell.worst == DIED and pairs.Mark(OK).reason == ""
    assert shown.first_mark(cell) == ("sign", cell.marks["sign"])
