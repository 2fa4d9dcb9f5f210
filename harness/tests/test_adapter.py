# SPDX-License-Identifier: Apache-2.0
"""What is reported of an implementation behind an adapter says, row by row, whose doing it is."""
from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from test_cli import THIS, engine, root, run  # noqa: F401  (root is a fixture)
from test_judge import STATUS, expectation_of

from sspi_conform import adapter
from sspi_conform.adapter import ADAPTER, LIBRARY
from sspi_conform.captures import merge
from sspi_conform.model import Record


@pytest.mark.parametrize(("path", "expect", "actual", "by"), [
    (STATUS, "SEC_E_BAD_BINDINGS", "SEC_E_INVALID_TOKEN", ADAPTER),  # both refuse: only the word differs
    (STATUS, "{one-of: [SEC_E_OK, SEC_E_LOGON_DENIED]}", "0xC000006D", ADAPTER),
    (STATUS, "SEC_E_BAD_BINDINGS", "SEC_E_OK", LIBRARY),
    (STATUS, "SEC_E_OK", "SEC_E_INVALID_TOKEN", LIBRARY),
    (STATUS, "{not: SEC_E_OK}", "SEC_E_OK", LIBRARY),
    ("initiator.leg.1.status", "SEC_E_OK", "SEC_I_CONTINUE_NEEDED", LIBRARY),
    ("acceptor.last.attributes", "[INTEGRITY]", ["CONFIDENTIALITY"], LIBRARY),
    ("acceptor.leg.1.token.flags", "[NTLMSSP_NEGOTIATE_SIGN]", [], LIBRARY),
    ("seal.acceptor.plaintext", "equal", "none", LIBRARY),
    ("sign.acceptor.verify.status", "SEC_E_OK", "SEC_E_MESSAGE_ALTERED", LIBRARY),
    ("sign.acceptor.verify.status", "SEC_E_MESSAGE_ALTERED", "SEC_E_INVALID_TOKEN", ADAPTER),
    ("sign.acceptor.qop", "unwritten", "0x00000000", ADAPTER),
    ("established", "true", False, LIBRARY),
    ("acceptor.leg.1.canary", "intact", "broken", ADAPTER),
    ("acceptor.leg.1.expiry", "written", "unwritten", ADAPTER),
    ("acceptor.leg.1.output.size", "0", 7, ADAPTER),
    ("initiator.acquire.status", "SEC_E_OK", "SEC_E_NO_CREDENTIALS", ADAPTER),
    ("call.acquire.status", "SEC_E_OK", "SEC_E_INVALID_PARAMETER", ADAPTER),
    ("query.acceptor.SIZES.status", "SEC_E_OK", "SEC_E_UNSUPPORTED_FUNCTION", ADAPTER),
])
def test_whose_doing_a_difference_is(path: str, expect: str, actual: object, by: str) -> None:
    one = merge("x", [Record(("x",), "documented", (), "", "", expectation_of({path: expect}), True, "test:1")]).paths[path]
    assert adapter.whose(path, actual, one) == by


def test_what_nobody_expected_a_word_of() -> None:
    assert adapter.whose("end", None, None) == LIBRARY
    assert adapter.whose("acceptor.leg.1.canary", "broken", None) == ADAPTER


WRONG = {THIS: {"acceptor.last.status": "SEC_E_INVALID_TOKEN"},
         "alone": {"initiator.leg.1.token": "other"}}


@pytest.mark.parametrize("dressed", [True, False])
def test_every_report_says_whose(root: Path, capsys: pytest.CaptureFixture[str], dressed: bool) -> None:  # noqa: F811
    mine = root / "harness" / "implementations" / "mine.yaml"
    mine.write_text(mine.read_text() + f"adapter: {str(dressed).lower()}\nknown-failures:\n"
                    "- {case: alone, reason: Known., since: x, outcome: {initiator.leg.1.token: other}}\n")
    report = root / "out"
    run(root, "--report", str(report), engine=engine(WRONG))
    shown = capsys.readouterr().out
    found = json.loads((report / "results.json").read_text())
    by = {case["id"]: [one.get("by") for one in case["differences"]] for case in found["cases"] if "differences" in case}
    assert by == {THIS: ["library" if dressed else None], "alone": ["library" if dressed else None]}
    assert found["summary"]["differences_by"] == ({"library": 2, "adapter": 0} if dressed else {})
    assert ("got SEC_E_INVALID_TOKEN (the library's)" in shown) is dressed
    assert ("Through an adapter: 2 paths differ, 2 by the library" in shown) is dressed
    texts = [text.text or "" for text in ElementTree.parse(report / "junit.xml").iter("system-out")]
    assert any("got other (the library's)" in text for text in texts) is dressed
    details = "".join(path.read_text() for path in report.rglob("summary.txt"))
    assert ("(the library's)" in details) is dressed
