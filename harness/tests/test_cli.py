# SPDX-License-Identifier: Apache-2.0
"""The commands from the outside: output, files, exit codes. The engine is a fake that answers from a table."""
from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import small_project

from sspi_conform import cli
from sspi_conform.commands import run as run_command
from sspi_conform.commands import show as show_command
from sspi_conform.model import CallRecord, Case, ConformError, Ended, Trace

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "harness" / "sspi-conform"
Engine = Callable[..., Iterator[tuple[Case, Trace]]]
GOOD = {"acceptor.last.status": "SEC_E_OK", "initiator.leg.1.token": "NTLM NEGOTIATE"}
THIS = "bind[mechanism=NTLM,acceptor=this]"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = small_project.make(tmp_path)
    (root / "build").mkdir()
    for name in ("libmine.so", "sspi-probe"):
        (root / "build" / name).write_bytes(b"")
    return root


def engine(special: Mapping[str, Any] | None = None) -> Engine:
    """An engine under which every case does what is expected, but for those in `special`."""
    def play(cases: Sequence[Case], options: Any, ready: Callable[[Any], None]) -> Iterator[tuple[Case, Trace]]:
        ready(type("Realm", (), {"ready_seconds": 0.25})())
        for case in cases:
            found = (special or {}).get(case.id, GOOD)
            if isinstance(found, BaseException):
                raise found
            request = {"call": "AcquireCredentialsHandle", "identity": {"User": "alice", "Password": "s3cr\x01et"}}
            trace = Trace(calls=[CallRecord("initiator", request, {"status": "0x00000000"})], seconds=0.5)
            if isinstance(found, Ended):
                trace.ended = found
            else:
                trace.observed = dict(found)
            yield case, trace
    return play


def run(root: Path, *words: str, engine: Engine | None = engine()) -> int:
    arguments = ["--root", str(root), "run", "--impl", "mine", *words]
    found = cli.parser().parse_args(arguments)
    found.root = found.root.resolve()
    return run_command.run(found, engine)


def results(root: Path) -> Any:
    return json.loads((root / "build" / "report" / "results.json").read_text())


def test_as_expected(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "" and not any(line.startswith("pass ") for line in lines)  # only differences get a line
    assert "5 cases: 5 pass" in lines
    assert "  NTLM      3 pass" in lines and "  Kerberos  2 pass" in lines
    assert "Expectations: binding 5 held, 0 not; advisory 0 held, 0 not" in lines
    assert "  observed    1 held, 0 not" in lines and "  documented  4 held, 0 not" in lines
    assert lines[-4].startswith("Realm ready after 250 ms; 5 cases played in ")
    assert lines[-3].startswith("  in 5 calls: implementation 0.0 s, counterpart 0.0 s, harness 2.5 s, 500000 us a call")
    assert lines[-2] == f"Page: {root / 'build' / 'report' / 'index.html'}"
    assert lines[-1] == "exit 0: as expected"


def test_verbose_tells_of_every_case(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "-v") == 0
    assert capsys.readouterr().out.splitlines()[0] == "pass bind[mechanism=NTLM,acceptor=none]"


def test_a_difference(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, engine=engine({THIS: GOOD | {"acceptor.last.status": "SEC_E_LOGON_DENIED"}})) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(f"FAIL {THIS}: acceptor.last.status expected SEC_E_OK (documented, fact.doc; clause MS-NLMP "
                     "3.2.5.1.2), got SEC_E_LOGON_DENIED")
    assert lines[at + 1] == f"  harness/sspi-conform run '{THIS}' --impl mine"
    assert lines[-1] == "exit 1: the implementation differs from Windows in 1 case"


def test_results_json(root: Path) -> None:
    run(root, engine=engine({THIS: GOOD | {"acceptor.last.status": "SEC_E_LOGON_DENIED"}}))
    found = results(root)
    assert found["schema"] == 1
    assert found["summary"]["verdicts"] == {"pass": 4, "FAIL": 1}
    assert found["summary"]["exit"] == 1 and found["summary"]["realm_ready_seconds"] == 0.25
    assert found["summary"]["expectations"]["binding"] == {"held": 4, "differ": 1}
    assert [case["id"] for case in found["cases"]][1] == THIS
    for case in found["cases"]:
        assert {"id", "scenario", "title", "clause", "level", "severity", "subject", "package", "mechanism", "verdict",
                "evidence", "seconds"} <= set(case)
    failed = found["cases"][1]
    assert (failed["verdict"], failed["evidence"], failed["seconds"]) == ("FAIL", "documented", 0.5)
    assert failed["repeat"] == f"harness/sspi-conform run '{THIS}' --impl mine"
    assert failed["differences"] == [{
        "path": "acceptor.last.status", "expected": "SEC_E_OK", "actual": "SEC_E_LOGON_DENIED",
        "evidence": "documented", "binding": True, "clause": "MS-NLMP 3.2.5.1.2",
        "records": [{"record": "captures/some.yaml:2", "sources": ["fact.doc"], "windows": ""}]}]
    folder = root / "build" / "report" / failed["detail"]
    assert sorted(path.name for path in folder.iterdir()) == ["observed.txt", "summary.txt", "trace.json"]


def test_no_secret_is_written(root: Path) -> None:
    run(root, engine=engine({THIS: Ended("crash", "acceptor", "SIGSEGV", "X")}))
    files = [path for path in (root / "build" / "report").rglob("*") if path.is_file()]
    assert any(path.name == "trace.json" for path in files)
    assert not any("s3cr" in path.read_text() for path in files)


def test_junit_is_well_formed(root: Path) -> None:
    (root / "harness" / "implementations" / "mine.yaml").write_text(
        "name: mine\nlibrary: build/libmine.so\npackages: [NTLM, Kerberos]\n"
        "unsupported:\n- {case: 'bind[mechanism=Kerberos,acceptor=this]', reason: \"Not <built> in.\"}\n"
        "known-failures:\n- {case: alone, reason: Known & seen., since: x, outcome: {initiator.leg.1.token: other}}\n")
    odd = {THIS: Ended("harness", "", "bad \x01 byte <&>"), "alone": {"initiator.leg.1.token": "other"},
           "bind[mechanism=NTLM,acceptor=none]": {"acceptor.last.status": "SEC_E_INVALID_TOKEN"}}
    assert run(root, engine=engine(odd)) == 2
    suites = ElementTree.parse(root / "build" / "report" / "junit.xml").getroot().findall("testsuite")
    bind, alone = suites
    assert {key: bind.get(key) for key in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "bind", "tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    kinds = [[child.tag for child in case] for case in bind]
    assert kinds == [["failure"], ["error"], [], ["skipped"]]
    assert bind[3][0].get("message") == "unsupported: Not <built> in."
    assert "bad ? byte <&>" in (bind[1][0].get("message") or "")
    skipped = alone[0].find("skipped")
    assert skipped is not None and (skipped.get("message") or "").startswith("known-failure: Known & seen.")


def test_a_harness_fault_is_exit_2_even_beside_failures(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = {THIS: Ended("harness", "", "broken"), "alone": {}}
    assert run(root, engine=engine(odd)) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "exit 2: the harness broke in 1 case"


def test_an_advisory_difference_is_exit_0_and_strict_makes_it_1(root: Path) -> None:
    (root / "captures" / "some.yaml").write_text(
        small_project.record("evidence: inferred\nnote: n", case="*", expect="{established: true}"))
    wrong = engine({case: {"established": False} for case in (THIS, "alone")})
    assert run(root, THIS, "alone", engine=wrong) == 0
    assert results(root)["summary"]["verdicts"] == {"differs": 2}
    assert results(root)["summary"]["expectations"]["advisory"] == {"held": 0, "differ": 2}
    assert run(root, THIS, "alone", "--strict", engine=wrong) == 1
    assert results(root)["cases"][0]["repeat"].endswith("--strict")


def test_a_run_that_checked_nothing_is_no_success(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "alone", engine=engine({"alone": Ended("unsupported", "initiator", "no")})) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "exit 2: nothing was checked, so nothing was shown"


def test_an_unused_known_failure_fails_a_whole_run_only(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "harness" / "implementations" / "mine.yaml").write_text(
        "name: mine\nlibrary: build/libmine.so\npackages: [NTLM]\n"
        "known-failures:\n- {case: '*[mechanism=Kerberos]', reason: r, since: x, outcome: {established: false}}\n")
    assert run(root) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "exit 1: 1 known failure never used"
    assert any(line.startswith("harness/implementations/mine.yaml:5: known failure '*[mechanism=Kerberos]' was never")
               for line in out)
    junit = ElementTree.parse(root / "build" / "report" / "junit.xml").getroot()
    assert [suite.get("failures") for suite in junit.findall("testsuite[@name='known-failures']")] == ["1"]
    assert run(root, THIS) == 0


def test_an_interrupted_run_reports_what_it_has(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, engine=engine({"alone": KeyboardInterrupt()})) == 2
    assert capsys.readouterr().out.splitlines()[-1] == "exit 2: interrupted after 4 cases"
    assert len(results(root)["cases"]) == 4


def test_json_to_standard_output(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == results(root)
    assert captured.err.splitlines()[-1] == "exit 0: as expected"


def test_dry_run_plays_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, "--dry-run", "alone", engine=None) == 0
    assert capsys.readouterr().out.splitlines() == [
        "alone", "exit 0: 1 cases would be played, 0 are unsupported by mine"]
    assert not (root / "build" / "report").exists()


def test_shards_cover_everything_once_and_do_not_depend_on_the_order(root: Path) -> None:
    seen: list[str] = []
    for number in (1, 2, 3):
        if any(run_command.shard_of(case["id"], 3) == number for case in listed(root)):
            run(root, "--shard", f"{number}/3", "--random-order", str(number))
            seen += [case["id"] for case in results(root)["cases"]]
    assert sorted(seen) == sorted(case["id"] for case in listed(root))
    assert run_command.shard_of(THIS, 4) == run_command.shard_of(THIS, 4)


def test_random_order_is_the_seeds(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = []
    for seed in ("1", "1", "2", "3", "4"):
        run(root, "--dry-run", "--random-order", seed)
        orders.append(capsys.readouterr().out)
    assert orders[0] == orders[1]
    assert len(set(orders)) > 1


def listed(root: Path) -> Any:
    done = subprocess.run([sys.executable, str(LAUNCHER), "--root", str(root), "list", "--json"], capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)


def main(root: Path, *words: str) -> int:
    return cli.main(["--root", str(root), *words])


@pytest.mark.parametrize(("words", "what"), [
    (("run", "bnid", "--impl", "mine"), "there is no scenario 'bnid'\n  Did you mean bind?"),
    (("run", "--impl", "mien"), "no implementation is called 'mien'\n  Did you mean mine?"),
    (("run", "bind[acceptor=ths]", "--impl", "mine"), "Did you mean this?"),
    (("show", "bind"), "'bind' means 4 cases, one is wanted"),
    (("explain", "SEC_E_BAD_BINDING"), "is no status, flag or case\n  Did you mean SEC_E_BAD_BINDINGS"),
    (("list", "--skipped", "bind"), "no combination left out matches"),
    (("run", "--gdb", "--impl", "mine"), "--gdb with 5 cases"),
])
def test_wrong_usage_is_exit_3_with_advice(root: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...],
                                           what: str) -> None:
    assert main(root, *words) == 3
    captured = capsys.readouterr()
    assert what in captured.err and captured.out == ""


@pytest.mark.parametrize("words", [
    (), ("runn",), ("run", "--shard", "5/4"), ("run", "--shard", "0/4"), ("run", "--shard", "x"),
    ("run", "--jobs", "0"), ("run", "--peer", "nobody"), ("captures",), ("run", "--no-such-option")])
def test_bad_options_are_exit_3(root: Path, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(root, *words)
    assert caught.value.code == 3


def test_bad_files_are_exit_3(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "scenarios" / "some.yaml").write_text("scenarios: [\n")
    assert main(root, "list") == 3
    assert capsys.readouterr().err.startswith("sspi-conform: scenarios/some.yaml:")


def test_a_case_without_expectation_is_refused_by_run_and_told_by_lint(
        root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "captures" / "some.yaml").write_text(small_project.record("evidence: inferred\nnote: n"))
    assert main(root, "run", "--impl", "mine") == 3
    assert "nothing is expected of the initiator in case 'alone', so it would prove nothing" in capsys.readouterr().err
    assert main(root, "captures", "lint") == 3
    out = capsys.readouterr().out
    assert "scenarios/some.yaml:11: nothing is expected of the initiator in case 'alone'\n  Add a record" in out
    assert "1 records, 7 sources, 5 cases: 0 with a binding expectation" in out


def test_lint_of_a_case_names_its_records(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(root, "captures", "lint", "alone") == 3  # sources that nobody cites
    assert capsys.readouterr().out.splitlines()[:2] == [
        "alone", "  captures/some.yaml:6  observed, binding: initiator.leg.1.token"]


def test_list(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(root, "list", "--titles", "alone") == 0
    captured = capsys.readouterr()
    assert captured.out == "alone  A first message\n"
    assert captured.err == "1 cases of 1 scenarios\n"


def test_list_skipped(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "scenarios" / "some.yaml").write_text(small_project.SCENARIOS.replace(
        "  play: [establish, seal", "  skip: [{case: 'bind[mechanism=Kerberos,acceptor=this]', reason: Why not.}]\n"
                                    "  play: [establish, seal"))
    assert main(root, "list", "--skipped") == 0
    assert capsys.readouterr().out == \
        "bind[mechanism=Kerberos,acceptor=this]  Why not. (scenarios/some.yaml:2)\n"


def test_show(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(root, "show", "bind[mechanism=NTLM,acceptor=this]") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == THIS
    assert "  judged: the acceptor; NTLM; needs tls, winbind; isolation none" in lines
    assert "  acceptor.bindings: tls-server-end-point" in lines
    assert "  2. seal both ways" in lines
    assert "  acceptor.last.status  SEC_E_OK" in lines
    assert "        fact.doc: A page says so." in lines and "          [doc] page one" in lines
    assert "The other side (shown, never judged)" in lines


def test_show_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = cli.parser().parse_args(["--root", str(root), "show", "--run", THIS, "--impl", "mine"])
    assert show_command.run(found, engine({THIS: {"acceptor.last.status": "SEC_E_LOGON_DENIED"}})) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  acceptor.last.status  SEC_E_OK | SEC_E_LOGON_DENIED   <-- differs" in lines
    assert "Verdict: FAIL" in lines


@pytest.mark.parametrize(("topic", "expected"), [
    ("SEC_E_BAD_BINDINGS", ["SEC_E_BAD_BINDINGS  0x80090346  (-2146892986)", "When Windows returns it",
                            "    fact.doc: A page says so."]),
    ("bad_bindings", ["SEC_E_BAD_BINDINGS  0x80090346  (-2146892986)"]),
    ("0x80090346", ["SEC_E_BAD_BINDINGS  0x80090346  (-2146892986)"]),
    ("-2146892986", ["SEC_E_BAD_BINDINGS  0x80090346  (-2146892986)"]),
    ("SEC_E_OK", ["Cases that expect it: 4", f"  {THIS}"]),
    ("0x80100003", ["SEC_E_INVALID_HANDLE  0x80090301  (-2146893055)"]),
    ("INTEGRITY", ["  ISC_REQ_INTEGRITY                0x00010000  messages can be signed; ASC has it at 0x20000",
                   "  The numbers differ between functions: a mask must be read with the right prefix."]),
    ("ASC_REQ_EXTENDED_ERROR", ["EXTENDED_ERROR"]),
    ("0x00028000", ["  ISC_REQ_  STREAM | IDENTIFY", "  ASC_REQ_  EXTENDED_ERROR | INTEGRITY"]),
    ("alone", ["alone", "  A first message"]),
])
def test_explain(root: Path, capsys: pytest.CaptureFixture[str], topic: str, expected: list[str]) -> None:
    assert main(root, "explain", topic) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in expected:
        assert line in lines


def test_explain_tells_of_the_wrong_number_in_documents(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(root, "explain", "SEC_E_INVALID_HANDLE")
    assert "Some pages print 0x80100003 beside this name" in capsys.readouterr().out


def test_repro_of_a_case_that_needs_nobody(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(root, "repro", "alone") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["call"] for line in lines][:2] == ["AcquireCredentialsHandle", "InitializeSecurityContext"]
    assert [line["id"] for line in lines] == list(range(1, len(lines) + 1))


def test_repro_of_another_prints_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(root, "repro", THIS, "--impl", "mine") == 0
    captured = capsys.readouterr()
    assert captured.out == f"harness/sspi-conform run '{THIS}' --impl mine\n"
    assert "cannot be played by the probe alone: it binds to a certificate" in captured.err


@pytest.mark.parametrize("command", [(), ("run",), ("list",), ("show",), ("explain",), ("realm",), ("repro",),
                                     ("captures",)])
def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command, "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "example" in out and "  sspi-conform " in out


def test_the_launcher_works_from_anywhere_and_a_closed_pipe_is_no_fault(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", f"{LAUNCHER} list | head -1"], cwd=tmp_path, capture_output=True, text=True,
                          check=True)
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_rerun_failed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(root, engine=engine({THIS: {"acceptor.last.status": "SEC_E_INTERNAL_ERROR"}})) == 1
    assert run(root, "--rerun-failed") == 0
    results = json.loads((root / "build/report/results.json").read_text())
    assert [entry["id"] for entry in results["cases"]] == [THIS]
    with pytest.raises(ConformError, match="nothing failed"):
        run(root, "--rerun-failed")


def test_repeat_until_failure(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rounds: list[int] = []

    def third_time_unlucky(cases: Sequence[Case], options: Any, ready: Callable[[Any], None]) -> Iterator[tuple[Case, Trace]]:
        rounds.append(len(cases))
        return engine({THIS: {"acceptor.last.status": "SEC_E_INTERNAL_ERROR"}} if len(rounds) == 3 else {})(cases, options, ready)

    assert run(root, "--repeat-until-failure", "5", engine=third_time_unlucky) == 1
    assert len(rounds) == 3 and "run 3 was not as expected" in capsys.readouterr().out
    assert run(root, "--repeat-until-failure", "2") == 0
    assert "2 runs were as expected" in capsys.readouterr().out


def test_compare(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(root, "--report", str(first)) == 0
    assert run(root, "--report", str(second), engine=engine({THIS: {"acceptor.last.status": "SEC_E_INTERNAL_ERROR"}})) == 1
    capsys.readouterr()
    assert cli.main(["compare", str(first), str(first / "results.json")]) == 0
    assert cli.main(["compare", str(first), str(second)]) == 16
    out = capsys.readouterr().out
    assert f"{THIS}: FAIL, was" in out and "acceptor.last.status: SEC_E_INTERNAL_ERROR, was as expected" in out
    (second / "results.json").write_text("{")
    assert cli.main(["compare", str(first), str(second)]) == 3
    assert "no JSON" in capsys.readouterr().err
