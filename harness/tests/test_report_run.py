# SPDX-License-Identifier: Apache-2.0
"""What the page says of a run, before it is drawn: legs of a trace, rows of a case, cells of the coverage."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import small_project
import support
from test_report_page import NEGOTIATE, Parts

from sspi_conform import cli
from sspi_conform.captures import Captures
from sspi_conform.commands import run as run_command
from sspi_conform.coverage import judged_cases
from sspi_conform.model import (Difference, Ended, Expectation, Matcher, PathExpectation, Record, Result, Source, Trace,
                                Verdict)
from sspi_conform.play.observed import Observed
from sspi_conform.project import open_project
from sspi_conform.report.exchange import legs_of_trace
from sspi_conform.report.page import Section, page
from sspi_conform.report.run_cases import Cases
from sspi_conform.report.run_coverage import Maps

MESSAGE = bytes.fromhex("01000000" + "11" * 8 + "07000000")


def trace(paths: Mapping[str, Any], tokens: Mapping[str, bytes] | None = None, ended: Ended | None = None) -> Trace:
    observed = Observed()
    observed.update(paths)
    observed.tokens = {path: token.hex() for path, token in (tokens or {}).items()}
    return Trace(observed=observed, ended=ended, seconds=0.002)


def legs(paths: Mapping[str, Any], tokens: Mapping[str, bytes] | None = None, ended: Ended | None = None,
         wrong: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    case = support.case(["establish", {"seal": {"side": "acceptor", "as": "back"}}])
    return legs_of_trace(case, trace(paths, tokens, ended), wrong or {})


def test_legs_stand_in_the_order_of_the_play() -> None:
    found = legs({"initiator.acquire.status": "SEC_E_OK", "initiator.leg.1.status": "SEC_I_CONTINUE_NEEDED",
                  "initiator.leg.1.token": "NTLM NEGOTIATE", "initiator.legs": 1, "acceptor.leg.1.status": "SEC_E_LOGON_DENIED",
                  "acceptor.leg.1.token": "none", "acceptor.legs": 1, "established": False}, {"initiator.leg.1.token": NEGOTIATE})
    assert [(one["from"], one["status"], one.get("call") or one["what"]) for one in found] == [
        ("initiator", "SEC_E_OK", "AcquireCredentialsHandle"), ("initiator", "SEC_I_CONTINUE_NEEDED", "NTLM NEGOTIATE"),
        ("acceptor", "SEC_E_LOGON_DENIED", "none")]
    assert found[1]["size"] == 40 and found[1]["tree"]["fields"][0]["name"] == "flags"
    assert not any("mark" in one for one in found)


def test_the_leg_that_differs_is_marked() -> None:
    paths = {f"acceptor.leg.{number}.{name}": value for number in (1, 2)
             for name, value in (("status", "SEC_E_OK"), ("token", "NTLM NEGOTIATE"))} | {"acceptor.legs": 2}
    found = legs(paths, {"acceptor.leg.2.token": NEGOTIATE},
                 wrong={"acceptor.last.token.flags": "one", "acceptor.leg.1.status": "two", "established": "three"})
    assert (found[0]["mark"], found[0]["note"]) == ("bad", "two") and "differs" not in found[0]
    assert (found[1]["note"], found[1]["differs"]) == ("one", ["flags"])


def test_messages_say_what_the_receiver_said() -> None:
    found = legs({"seal.back.encrypt.status": "SEC_E_OK", "seal.back.token": "NTLM signature",
                  "seal.back.decrypt.status": "SEC_E_MESSAGE_ALTERED", "sign.initiator.make.status": "SEC_E_UNSUPPORTED_FUNCTION"},
                 {"seal.back.token": MESSAGE})
    assert {key: found[0][key] for key in ("from", "what", "status", "received", "size")} == {
        "from": "acceptor", "what": "sealed, NTLM signature", "status": "SEC_E_OK", "received": "SEC_E_MESSAGE_ALTERED", "size": 16}
    assert (found[1]["from"], found[1]["what"], found[1]["received"]) == ("initiator", "none", "")


def test_another_exchange_is_named() -> None:
    (found,) = legs({"initiator.second.leg.1.status": "SEC_E_OK", "initiator.second.leg.1.token": "none"})
    assert found["exchange"] == "second"


def test_the_call_in_which_it_died_is_the_last_leg() -> None:
    found = legs({"initiator.acquire.status": "SEC_E_OK"}, ended=Ended("crash", "acceptor", "SIGSEGV; a trace", "AcceptSecurityContext"))
    assert found[-1] == {"from": "acceptor", "status": "crash SIGSEGV", "call": "AcceptSecurityContext", "mark": "bad"}
    assert len(legs({}, ended=Ended("harness", "", "the realm is gone"))) == 0


def opened(result: Result, expectation: Expectation | None = None) -> tuple[Any, Any, Any]:
    """The row of the list, the case that it opens, and what all cases cite."""
    known = {result.case.id: expectation} if expectation else {}
    cases = Cases(Captures((), {}, known), "mine", lambda case: f"run {case.id}")
    cases.add(result)
    parts = Parts(page("A title", [Section("cases", "Cases", [cases.block([result.case.id])])]))
    block = parts.content()["sections"][0]["blocks"][0]
    return block, parts.opened(block["details"][0]["opens"])[0], parts.opened(block["sources"]["opens"])


SOURCE = Source("fact.one", "A page says so.", "documented", "documented", ({"kind": "doc", "text": "page one"},), (), "", "s:1")


def expectation(case_id: str, path: str, matcher: Matcher) -> Expectation:
    record = Record(("x",), "documented", (SOURCE,), "2016..2022", "a note", {path: matcher}, True, "captures/some.yaml:7")
    return Expectation(case_id, {path: PathExpectation(((matcher,),), "documented", True, (record,))})


def test_missing_and_superfluous_flags_are_named() -> None:
    case = support.case(["establish"])
    path = "acceptor.leg.1.attributes"
    known = expectation(case.id, path, Matcher("includes", ("INTEGRITY", "CONNECTION"), ("DELEGATE",)))
    wrong = Difference(path, str(known.paths[path]), "[DELEGATE, INTEGRITY]", "documented", True, "")
    result = Result(case, Verdict.FAIL, (wrong,), trace({path: ["DELEGATE", "INTEGRITY"]}), "documented")
    block, shown, sources = opened(result, known)
    (row,) = shown["rows"]
    assert row[:4] == [path, "includes [INTEGRITY, CONNECTION], excludes [DELEGATE]", "[DELEGATE, INTEGRITY]", "documented"]
    assert row[4] == 1 | 2 and row[6:] == [["CONNECTION"], ["DELEGATE"]]
    assert sources["records"][row[5][0]] == ["captures/some.yaml:7", "documented", "2016..2022", "a note", ["fact.one"]]
    assert sources["facts"]["fact.one"] == ["A page says so.", [["doc", "page one"]], [], ""]
    assert block["cases"][0][-1] == f"{path}: expected includes [INTEGRITY, CONNECTION], excludes [DELEGATE], got [DELEGATE, INTEGRITY]"
    assert block["names"]["fact"] == ["fact.one"] and shown["repeat"] == f"run {case.id}"


def test_a_passing_case_shows_what_was_expected_and_what_came() -> None:
    case = support.case(["establish"])
    known = expectation(case.id, "acceptor.leg.1.status", Matcher("equals", "SEC_E_OK"))
    result = Result(case, Verdict.PASS, (), trace({"acceptor.leg.1.status": "SEC_E_OK", "acceptor.legs": 1}), "documented")
    block, shown, _ = opened(result, known)
    assert shown["rows"][0][:5] == ["acceptor.leg.1.status", "SEC_E_OK", "SEC_E_OK", "documented", 1]
    assert block["names"]["status"] == ["SEC_E_OK"] and len(shown["exchange"]["legs"]) == 1


def test_an_expectation_of_the_other_side_is_told_apart() -> None:
    case = support.case(["establish"])
    known = expectation(case.id, "initiator.leg.1.status", Matcher("equals", "SEC_E_OK"))
    block, shown, _ = opened(Result(case, Verdict.PASS, (), trace({})), known)
    assert shown["rows"][0][4] == 1 | 8 and block["names"]["fact"] == []


def test_no_session_key_is_shown() -> None:
    case = support.case(["establish"])
    found = trace({"query.acceptor.SESSION_KEY.value.SessionKey": "c0ffee" * 5, "query.acceptor.SESSION_KEY.status": "SEC_E_OK"})
    _, shown, _ = opened(Result(case, Verdict.PASS, (), found))
    assert ["query.acceptor.SESSION_KEY.value.SessionKey", "(not written)"] in shown["observed"]
    assert "c0ffee" not in str(shown)


def test_a_case_that_was_not_played() -> None:
    case = support.case(["establish"])
    known = expectation(case.id, "acceptor.leg.1.status", Matcher("equals", "SEC_E_OK"))
    block, shown, _ = opened(Result(case, Verdict.UNSUPPORTED, reason="no KDC here"), known)
    assert shown["exchange"] is None and shown["rows"][0][2] is None
    assert block["cases"][0][-1] == shown["reason"] == "no KDC here"


def run(root: Path, *words: str) -> int:
    found = cli.parser().parse_args(["--root", str(root), "run", "--impl", "mine", "--report", str(root / "report"), *words])
    found.root = found.root.resolve()

    def engine(cases: Any, options: Any, ready: Any) -> Any:
        ready(None)
        for case in cases:
            yield case, trace({"acceptor.leg.1.status": "SEC_E_OK" if "this" not in case.id else "SEC_E_LOGON_DENIED",
                               "acceptor.legs": 1, "initiator.leg.1.token": "NTLM NEGOTIATE"})
    return run_command.run(found, engine)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = small_project.make(tmp_path)
    (made / "build").mkdir()
    for name in ("libmine.so", "sspi-probe"):
        (made / "build" / name).write_bytes(b"")
    return made


def test_a_run_writes_its_page(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root) == 1
    assert f"Page: {root / 'report' / 'index.html'}" in capsys.readouterr().out
    parts = Parts((root / "report" / "index.html").read_text(encoding="utf-8"))
    sections = {one["name"]: one["blocks"] for one in parts.content()["sections"]}
    assert list(sections) == ["summary", "evidence", "coverage", "cases"]
    assert [tile[:2] for tile in sections["summary"][0]["tiles"]] == [["cases", 5], ["pass", 3], ["FAIL", 2]]
    causes = next(one for one in sections["summary"] if one["kind"] == "table")
    assert [(row[0]["text"], row[1], row[3]) for row in causes["rows"]] == [("acceptor.last.status", '"SEC_E_LOGON_DENIED"', 2)]
    block = sections["cases"][0]
    assert [block["names"]["verdict"][row[2]][0] for row in block["cases"]] == ["FAIL", "FAIL", "pass", "pass", "pass"]


def test_no_page_when_none_is_wanted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "--no-html") == 1
    assert "Page:" not in capsys.readouterr().out and not (root / "report" / "index.html").exists()


def test_without_jinja_the_run_says_so_and_ends_as_it_would(root: Path, capsys: pytest.CaptureFixture[str],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    assert run(root) == 1
    assert "Page: no HTML page without python3-jinja2; `ci/install-packages run` installs it." in capsys.readouterr().out


def test_coverage_cells_tell_failed_from_passed(root: Path) -> None:
    status = "  fact.status:\n    fact: There is such a status.\n    confidence: documented\n    citations: ['doc: five']\n" \
             "    kind: status\n    name: SEC_E_OK\n"
    (root / "captures" / "sources.yaml").write_text(small_project.SOURCES + status)
    run(root)
    parts = Parts((root / "report" / "index.html").read_text(encoding="utf-8"))
    coverage = next(one["blocks"] for one in parts.content()["sections"] if one["name"] == "coverage")
    fold = next(one for one in coverage if one["kind"] == "fold" and one["text"].startswith("Statuses"))
    (table,) = parts.opened(fold["opens"])
    row = dict(zip(table["head"], table["rows"][0]))
    assert (row["NTLM"]["text"], row["NTLM"]["mark"], row["NTLM"]["tone"]) == ("2", "✗1", "bad")
    assert row["NTLM"]["to"] == "mechanism=NTLM&expects=SEC_E_OK"
    assert row["Negotiate/NTLM"]["text"] == "·" and "tone" not in row["Negotiate/NTLM"]


def test_every_cell_of_the_coverage_leads_to_its_cases() -> None:
    """Over the whole suite: the filters of a link find as many cases as the cell counts."""
    project = open_project(Path(__file__).resolve().parents[2], allow_unjudged=True)
    results = [Result(case, Verdict.UNSUPPORTED, reason="not played here") for case in project.cases]
    cases = Cases(project.captures, "mine", str)
    for one in results:
        cases.add(one)
    block = cases.block(one.case.id for one in results)
    facets = ("scenario", "verdict", "mechanism", "side", "evidence", "flag", "status", "fact", "alone", "returned", "expects")

    def found(to: str) -> int:
        wanted = [(1 + facets.index(facet), block["names"][facet].index(word)) for facet, word in parse_qsl(to)]
        return sum(all(word in row[at] if isinstance(row[at], list) else word == row[at] for at, word in wanted)
                   for row in block["cases"])

    cells = list(linked(Maps(project, results, judged_cases(project)).blocks()))
    assert len(cells) > 500
    assert [cell for cell in cells if found(cell["to"]) != sum(map(int, cell["text"].split("+")))] == []


def linked(shown: Any) -> Iterator[Mapping[str, Any]]:
    """The cells that lead somewhere, in blocks and what they open."""
    if isinstance(shown, Mapping):
        if "to" in shown:
            yield shown
        shown = shown.values()
    elif not isinstance(shown, (list, tuple)):
        return
    for one in shown:
        yield from linked(one)
