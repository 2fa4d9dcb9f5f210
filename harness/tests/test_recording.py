# SPDX-License-Identifier: Apache-2.0
"""Recordings of Windows: what is written, what is refused, and that nothing but Windows is evidence of Windows."""
from __future__ import annotations

import functools
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import small_project

from sspi_conform import cli, judge, wine
from sspi_conform.captures import load_captures
from sspi_conform.model import ConformError, Trace, Verdict
from sspi_conform.play.observed import Observed
from sspi_conform.profiles import find
from sspi_conform.programs import program_of
from sspi_conform.project import Project, open_project
from sspi_conform.recording.accounts import load_accounts
from sspi_conform.recording.choice import why_not
from sspi_conform.recording.stable import expectation, is_loopback
from sspi_conform.scenarios import load_suite
from sspi_conform.windows import server_of
from sspi_conform.world import Surroundings, World, realm_for, world_of

ROOT = Path(__file__).resolve().parents[2]
PROBE, LIBRARY = ROOT / "build" / "sspi-probe", ROOT / "build" / "libsspi.so"
WINDOWS_PROBE = ROOT / "build" / "sspi-probe.exe"
NO_WINE = wine.why_not() or ("" if WINDOWS_PROBE.is_file() else f"there is no {WINDOWS_PROBE}: make probe.exe")
SERVER = '{"name": "Windows", "version": "10.0.20348", "build": 20348, "revision": 2113, "edition": "ServerStandard"}'

needs_build = pytest.mark.skipif(not (PROBE.is_file() and LIBRARY.is_file()), reason="there is no build: make")


@functools.cache
def suite() -> Project:
    """The whole project; reading it takes a while."""
    return open_project(ROOT)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with realm_for(False, None) as realm:
        yield world_of(realm)


def accounts_file(folder: Path, world: World) -> Path:
    """The realm's own accounts, as somebody with other machines would write theirs."""
    user, password = world.accounts["normal"]
    path = folder / "accounts.yaml"
    path.write_text(f"how: those of the test realm\ndomain: {world.domain}\nrealm: {world.name}\nhost: {world.host}\n"
                    f"accounts:\n  normal: {{user: {user}, password: {password}}}\n", encoding="utf-8")
    return path


def command(impl: str, world: World, folder: Path, side: str) -> str:
    """One line of shell words that starts an endpoint in the realm: what stands behind --initiator and --acceptor."""
    program = program_of(find(impl, ROOT / "harness" / "implementations", ROOT, ()) if "/" in impl
                         else suite().profile(impl), PROBE, ROOT)
    argv, environment = program.command(world, Surroundings("winbind" if side == "acceptor" else "none"), folder / side)
    return shlex.join(["env", "-i", *(f"{name}={text}" for name, text in environment.items()), *argv])


def record(arguments: list[str], world: World, folder: Path, impl: str = "libsspi") -> int:
    commands = [word for side in ("initiator", "acceptor") for word in (f"--{side}", command(impl, world, folder, side))]
    return cli.main(["record", "--accounts", str(accounts_file(folder, world)), *commands, *arguments])


# What is no Windows

@needs_build
def test_linux_is_refused(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ROOT / "captures" / "recorded" / "never"
    assert record(["--out", str(out), "flag-common"], world, tmp_path) == 3
    assert "the initiator is no Windows: it is Linux, not Windows" in capsys.readouterr().err
    assert record(["--out", str(out), "--not-windows", "flag-common"], world, tmp_path) == 3
    assert "is for what Windows does" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.skipif(bool(NO_WINE), reason=NO_WINE)
def test_wine_is_refused_and_what_it_did_is_no_evidence(world: World, tmp_path: Path,
                                                        capsys: pytest.CaptureFixture[str]) -> None:
    patterns = ["flag-none[subject=initiator,mechanism=NTLM]",
                "flag-common[subject=acceptor,mechanism=Kerberos]"]
    with wine.Wine(WINDOWS_PROBE) as host:
        commands = []
        for side in ("initiator", "acceptor"):
            folder = tmp_path / side
            program = program_of(suite().profile("wine"), PROBE, ROOT)
            around = Surroundings("winbind" if side == "acceptor" else "none")
            argv, environment = replace(program, wine=host.prefix).command(world, around, folder)
            commands += [f"--{side}", shlex.join(["env", "-i", *(f"{key}={text}" for key, text in environment.items()), *argv])]
        arguments = ["record", "--accounts", str(accounts_file(tmp_path, world)), *commands, *patterns]
        assert cli.main([*arguments, "--out", str(ROOT / "captures" / "recorded" / "never")]) == 3
        assert "the initiator is no Windows: it is Wine" in capsys.readouterr().err
        assert cli.main([*arguments, "--not-windows", "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "recording.yaml").read_text()
    assert '"wine": ' in text and text.count("- case:") == 2 and 'initiator.last.status: "SEC_E_OK"' in text
    with pytest.raises(ConformError, match="the initiator of this recording is no Windows: it is Wine"):
        load(tmp_path / "project", text)


# What is written

@needs_build
def test_what_is_written_is_read_and_judged(world: World, tmp_path: Path) -> None:
    assert record(["--out", str(tmp_path / "out"), "--not-windows", "flag-common[subject=acceptor,mechanism=NTLM|Kerberos]",
                   "context-attributes[subject=acceptor,mechanism=NTLM]"], world, tmp_path) == 0
    text = (tmp_path / "out" / "recording.yaml").read_text()
    user, password = world.accounts["normal"]
    assert password not in text and '"NTDOM\\\\alice"' in text and text.count("- case:") == 3
    lines = text.splitlines()
    lines[3:5] = [f"  initiator: {SERVER}", f"  acceptor: {SERVER}"]
    text = "\n".join(lines).replace("evidence: recorded\n", "evidence: recorded\n  windows: 2022\n") + "\n"
    project = suite()
    small_project.make(tmp_path / "project")
    (tmp_path / "project" / "captures" / "some.yaml").write_text(text)
    captures = load_captures(tmp_path / "project" / "captures", tmp_path / "project", project.cases)
    case = project.one("flag-common[subject=acceptor,mechanism=NTLM]")
    expected = captures.of(case).paths["acceptor.last.status"]
    assert (expected.evidence, expected.binding, str(expected)) == ("recorded", True, "SEC_E_OK")
    assert "10.0.20348.2113 ServerStandard" in expected.records[0].sources[0].fact
    trace = Trace(observed=Observed())
    trace.observed |= {"acceptor.leg.2.status": "SEC_E_LOGON_DENIED", "acceptor.legs": 2}
    assert judge.judge(case, captures.of(case), trace).verdict is Verdict.FAIL
    assert not captures.for_build("2019").of(case).paths


@needs_build
def test_a_setup_that_does_not_work_is_not_recorded(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = accounts_file(tmp_path, world)
    broken.write_text(broken.read_text().replace("password: ", "password: not-"), encoding="utf-8")
    commands = [word for side in ("initiator", "acceptor") for word in (f"--{side}", command("libsspi", world, tmp_path, side))]
    assert cli.main(["record", "--accounts", str(broken), *commands, "--not-windows", "--out", str(tmp_path / "out"),
                     "flag[mechanism=NTLM]"]) == 3
    assert "NTLM does not work between these two: acceptor.leg.2.status SEC_E_LOGON_DENIED" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_differs_from_time_to_time_is_left_out(tmp_path: Path) -> None:
    case = suite().one("context-attributes[subject=acceptor,mechanism=NTLM]")
    accounts = load_accounts(an_accounts_file(tmp_path))
    seen = [{"acceptor.leg.1.status": "SEC_E_OK", "query.acceptor.NAMES.value.sUserName": r"BOX\carol",
             "query.acceptor.SIZES.value.cbMaxToken": 2888, "query.acceptor.LIFESPAN.value.tsExpiry": "0x01dc7a87a9aaf800",
             "query.acceptor.SESSION_KEY.value.SessionKey": "00ff", "query.acceptor.NATIVE_NAMES.value.sClientName": "mallory",
             "initiator.leg.1.status": "SEC_E_OK", "established": number == 1} for number in (1, 2)]
    traces = []
    for one in seen:
        trace = Trace(observed=Observed())
        trace.observed |= one
        traces.append(trace)
    assert expectation(case, traces, accounts) == {
        "acceptor.leg.1.status": "SEC_E_OK", "query.acceptor.NAMES.value.sUserName": r"NTDOM\alice",
        "query.acceptor.SIZES.value.cbMaxToken": 2888}


def test_a_loopback_is_noticed() -> None:
    trace = Trace(observed=Observed())
    trace.observed |= {"acceptor.leg.1.token.flags": ["NTLMSSP_NEGOTIATE_NTLM"], "acceptor.leg.1.status": "SEC_E_OK"}
    assert not is_loopback(trace)
    trace.observed |= {"acceptor.leg.1.token.flags": ["NTLMSSP_NEGOTIATE_NTLM", "NTLMSSP_NEGOTIATE_LOCAL_CALL"]}
    assert is_loopback(trace)


# What the loader refuses

@pytest.mark.parametrize(("system", "what"), [
    ('{"name": "Windows", "version": "10.0"}', "it does not tell its build of Windows"),
    ('{"name": "Windows", "build": 20348, "wine": "8.0"}', "it is Wine 8.0, which says nothing of Windows"),
    ('{"name": "Linux"}', "it is Linux, not Windows"),
    ('{"name": "Windows", "build": 6002}', "build 6002 is none that the suite knows"),
    ("{}", "it is a system without a name, not Windows")])
@pytest.mark.parametrize("side", ["initiator", "acceptor"])
def test_a_side_that_is_no_windows(tmp_path: Path, side: str, system: str, what: str) -> None:
    systems = {"initiator": SERVER, "acceptor": SERVER} | {side: system}
    with pytest.raises(ConformError) as caught:
        load(tmp_path, recording(**systems))
    assert caught.value.what == f"the {side} of this recording is no Windows: {what}"
    assert caught.value.where.startswith("captures/recorded/box/recording.yaml:")


def test_a_recording_of_windows_is_evidence(tmp_path: Path) -> None:
    captures = load(tmp_path, recording(SERVER, SERVER))
    expected = captures.expectations["alone"].paths["initiator.leg.1.status"]
    assert (expected.evidence, expected.binding) == ("recorded", True)
    assert expected.records[0].sources[0].id == "recording.box.initiator"


@pytest.mark.parametrize("text", [
    small_project.record("evidence: recorded\nsource: [fact.test]"), small_project.record("evidence: recorded")])
def test_recorded_without_a_recording(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConformError, match="a recorded record that does not say on which Windows"):
        load(tmp_path, text)


@pytest.mark.parametrize(("number", "word"), [(7601, "2008R2"), (14393, "2016"), (17763, "2019"), (19045, "10"), (20348, "2022"),
                                              (22631, "11"), (26100, "2025"), (6002, "")])
def test_builds(number: int, word: str) -> None:
    assert server_of(number) == word


# The file of accounts

def an_accounts_file(folder: Path) -> Path:
    path = folder / "accounts.yaml"
    path.write_text("how: made by hand\ndomain: BOX\nhost: box.example.org\naccounts:\n  normal: {user: carol, password: x}\n")
    return path


@pytest.mark.parametrize(("text", "what"), [
    ("domain: BOX\n", "'how' is missing"),
    ("how: x\ndomain: B\nhost: h\naccounts: {second: {user: a, password: b}}\n", "there is no account 'normal'"),
    ("how: x\ndomain: B\nhost: h\naccounts: {normal: {user: a}}\n", "'password' is missing"),
    ("how: x\ndomain: B\nhost: h\naccounts: {norml: {user: a, password: b}}\n", "unknown account 'norml'"),
    ("how: x\ndomain: B\nhost: h\nservices: {htp: HTTP/h}\naccounts: {normal: {user: a, password: b}}\n", "unknown service 'htp'"),
    ("how: x\npasword: y\n", "unknown key 'pasword' in a file of accounts")])
def test_a_wrong_file_of_accounts(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "accounts.yaml"
    path.write_text(text)
    with pytest.raises(ConformError) as caught:
        load_accounts(path)
    assert caught.value.what == what


def test_names_become_roles(tmp_path: Path) -> None:
    accounts = load_accounts(an_accounts_file(tmp_path))
    assert accounts.told(r"box\Carol") == r"NTDOM\alice"
    assert accounts.told("HTTP/box.example.org") == "HTTP/web.sspi.test"
    assert accounts.told(r"BOX\mallory") is None and accounts.told("carolina") is None


def test_which_cases_are_left_out(tmp_path: Path) -> None:
    accounts = load_accounts(an_accounts_file(tmp_path))
    cases = {case.id: why_not(case, accounts) for case in suite().cases}
    assert cases["flag-common[subject=acceptor,mechanism=NTLM]"] == ""
    assert cases["flag-common[subject=acceptor,mechanism=Kerberos]"] == "the accounts have no realm, which Kerberos needs"
    assert cases["no-authority-gone[package=NTLM]"] == "it changes the realm"
    assert cases["denied[package=NTLM,account=disabled]"] == "there is no account 'disabled'"


def recording(initiator: str, acceptor: str) -> str:
    """A recording of one case."""
    return (f"recording:\n  initiator: {initiator}\n  acceptor: {acceptor}\n  date: '2026-11-23'\n  probe: 0.1.0\n  accounts: made\n"
            "records:\n- case: alone\n  evidence: recorded\n  source: [recording.initiator]\n  windows: 2022\n"
            "  expect: {initiator.leg.1.status: SEC_I_CONTINUE_NEEDED}\n")


def load(folder: Path, text: str):
    """The captures of a small project that holds a recording."""
    root = small_project.make(folder)
    path = root / "captures" / "recorded" / "box" / "recording.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return load_captures(root / "captures", root, load_suite(root / "scenarios", root).cases)
