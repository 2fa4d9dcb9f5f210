# SPDX-License-Identifier: Apache-2.0
"""Many cases over several workers: every case has one outcome, and nothing outlives the run."""
from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support import case, exists, fake_argv, fake_program, wait_for, world
from sspi_conform.model import ConformError, Trace
from sspi_conform.pipeline import Pipeline, RealmGone
from sspi_conform.pipelines import RunOptions, run_cases
from sspi_conform.programs import Program

ROOT = Path(__file__).resolve().parents[2]
ASC = "AcceptSecurityContext"


def pipeline(folder: Path, subject: Program, counterpart: Program | None = None, watched: dict | None = None,
             deadline: float = 20.0) -> Pipeline:
    return Pipeline(subject, counterpart, {False: world(), True: world(), "trust": world()}, folder, watched or {}, deadline=deadline)


def test_endpoints_are_kept(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program(), fake_program()) as one:
        for _ in range(3):
            assert one.play(case(["establish"])).observed["established"] is True
        assert one.started == 2


def test_misuse_gets_a_subject_of_its_own(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program(), fake_program()) as one:
        one.play(case(["establish"]))
        one.play(case(["establish"], isolate="probe"))
        one.play(case(["establish"]))
        assert one.started == 3


def test_endpoints_differ_by_what_surrounds_them(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program(), fake_program()) as one:
        one.play(case(["establish"]))
        one.play(case(["establish"], authority="file"))
        assert one.started == 3  # the authority is the acceptor's business
        one.play(case(["establish"], mechanism="Kerberos", package="Kerberos", authority="file"))
        assert one.started == 4  # an acceptor of Kerberos asks no authority, and is not led to one
        one.play(case(["establish"], mechanism="Kerberos", package="Kerberos"))
        assert one.started == 4


def test_endpoints_differ_by_realm(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program(), fake_program()) as one:
        kerberos = case(["establish"], mechanism="Kerberos", package="Kerberos")
        one.play(kerberos)
        one.play(dataclasses.replace(kerberos, needs=frozenset({"trust"})))
        assert one.started == 4


def test_crash_gets_the_next_case_a_new_endpoint(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program({ASC: [{}, {}, "crash"]}), fake_program()) as one:
        assert one.play(case(["establish"])).ended is None
        crashed = one.play(case([{"call": {"side": "acceptor", "as": "x", "request": {"call": ASC, "ctx": "c"}}},
                                 {"call": {"side": "acceptor", "as": "y", "request": {"call": ASC, "ctx": "c"}}},
                                 {"call": {"side": "acceptor", "as": "z", "request": {"call": ASC, "ctx": "c"}}}]))
        assert crashed.ended is not None and crashed.ended.kind == "crash"
        assert crashed.observed["end"] == f"crash SIGSEGV in {ASC}"
        assert one.play(case(["establish"])).ended is None


def test_a_death_in_a_batch_is_blamed_on_the_right_call(tmp_path: Path) -> None:
    subject = fake_program({"AcquireCredentialsHandle": ["crash"]})
    with pipeline(tmp_path, subject, fake_program()) as one:
        trace = one.play(case(["establish"], subject="initiator"))
        assert trace.observed["end"] == "crash SIGSEGV in AcquireCredentialsHandle"


def test_death_of_the_counterpart_is_a_fault_of_the_harness(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program(), fake_program({"InitializeSecurityContext": ["crash"]})) as one:
        trace = one.play(case(["establish"]))
        assert trace.ended is not None and trace.ended.kind == "harness" and trace.ended.side == "initiator"
        assert "end" not in trace.observed
    with pipeline(tmp_path, fake_program({"InitializeSecurityContext": ["crash"]})) as one:
        trace = one.play(case(["establish"]))
        assert trace.ended is not None and trace.ended.kind == "crash"


def test_an_endpoint_that_does_not_start_is_a_fault_of_the_harness(tmp_path: Path) -> None:
    with pipeline(tmp_path, fake_program(), Program("gone", ("/no-such-program",), {}, {})) as one:
        trace = one.play(case(["establish"]))
        assert trace.ended is not None and trace.ended.kind == "harness"


def test_daemon_that_died(tmp_path: Path) -> None:
    daemon = subprocess.Popen(["sleep", "1000"])
    descriptor = os.pidfd_open(daemon.pid)
    try:
        with pipeline(tmp_path, fake_program(), fake_program(), {descriptor: "the KDC (pid 7)"}) as one:
            assert one.play(case(["establish"])).ended is None
            daemon.kill()
            daemon.wait()
            trace = one.play(case(["establish"]))
            assert trace.ended is not None
            assert (trace.ended.kind, trace.ended.detail) == ("harness", "the KDC (pid 7) died")
    finally:
        daemon.kill()
        os.close(descriptor)


def test_hang_while_a_daemon_is_stopped_is_not_the_implementations(tmp_path: Path) -> None:
    daemon = subprocess.Popen(["sleep", "1000"])
    descriptor = os.pidfd_open(daemon.pid)
    try:
        subject = fake_program({ASC: ["hang", "hang"]})
        with pipeline(tmp_path, subject, fake_program(), {descriptor: "winbindd (pid 7)"}, deadline=0.3) as one:
            trace = one.play(case(["establish"]))
            assert trace.ended is not None and trace.ended.kind == "hang"
            assert trace.observed["end"] == f"hang in {ASC}"
            daemon.send_signal(signal.SIGSTOP)
            while Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
                time.sleep(0.001)
            trace = one.play(case(["establish"]))
            assert trace.ended is not None and trace.ended.kind == "harness"
            assert "winbindd (pid 7) is stopped" in trace.ended.detail
    finally:
        daemon.kill()
        daemon.wait()
        os.close(descriptor)


# In a real realm


def options(subject: Program | None = None, counterpart: Program | None = None, **more) -> RunOptions:
    return RunOptions(subject or fake_program(), counterpart or fake_program(), **more)


def many(count: int, **settings) -> list:
    return [dataclasses.replace(case(["establish"], **settings), id=f"made-up[number={number}]")
            for number in range(count)]


def test_every_case_comes_back_once() -> None:
    cases = many(100)
    found = [played.id for played, trace in run_cases(cases, options()) if trace.ended is None]
    assert sorted(found) == sorted(one.id for one in cases)


def test_no_cases_need_no_realm() -> None:
    assert not list(run_cases([], options()))


def test_three_faults_in_a_row_stop_the_run() -> None:
    babbles = fake_program({"AcquireCredentialsHandle": ["garbage"]})
    outcomes = list(run_cases(many(50), options(babbles, jobs=1)))
    assert len(outcomes) == 50 and len({played.id for played, _ in outcomes}) == 50
    assert all(trace.ended is not None and trace.ended.kind == "harness" for _, trace in outcomes)
    assert sum("not played: 3 faults" in trace.ended.detail for _, trace in outcomes if trace.ended) == 47


YES = """
import json, sys
for line in sys.stdin:
    print(json.dumps([{"id": one["id"], "protocol": 1, "status": "0x00000000", "ns": 0} for one in json.loads(line)]), flush=True)
"""
KNOWS_CALLS = YES.replace('"status": "0x00000000"', '**({} if one["call"] == "hello" else {"unsupported": "no"})')


@pytest.mark.parametrize(("code", "what"), [
    (YES, "answered a call that does not exist with"), (KNOWS_CALLS, "answered a member that does not exist with"),
    ("", "exit 0"), ("import time; time.sleep(60)", "no answer within 1 s")])
@pytest.mark.parametrize("who", ["subject", "counterpart"])
def test_who_cannot_be_trusted_plays_no_case(code: str, what: str, who: str) -> None:
    untrusted = Program("the yes-man", (sys.executable, "-I", "-c", code), {}, {})
    with pytest.raises(ConformError, match="the yes-man is no endpoint that can be trusted: .*" + what):
        list(run_cases(many(3), options(**{who: untrusted}, deadline=1.0)))


def test_a_program_that_is_not_there_plays_no_case() -> None:
    with pytest.raises(ConformError, match="no-such-program"):
        list(run_cases(many(3), options(Program("gone", ("/no-such-program",), {}, {}))))


@pytest.mark.parametrize("part, name", [("kdc", "the KDC"), ("winbindd", "winbindd")])
def test_daemon_killed_in_the_middle(part: str, name: str) -> None:
    realms = []
    outcomes = []
    for number, (_, trace) in enumerate(run_cases(many(400), options(jobs=1), realms.append)):
        outcomes.append(trace.ended)
        if number == 20:
            os.kill(realms[0].processes[part], signal.SIGKILL)
    assert len(outcomes) == 400
    assert outcomes[:20] == [None] * 20
    assert outcomes[-1] is not None and outcomes[-1].kind == "harness"
    first = next(number for number, ended in enumerate(outcomes) if ended is not None)
    assert all(ended is not None and ended.kind == "harness" for ended in outcomes[first:])
    sentence = outcomes[first].detail
    assert sentence.startswith(name) and "signal 9" in sentence


def test_daemon_killed_after_the_last_case() -> None:
    realms = []
    with pytest.raises(RealmGone, match="the KDC"):
        for _ in run_cases(many(1), options(), realms.append):
            realms[0].kill("kdc")


def test_isolated_realms() -> None:
    cases = [case(["acquire", {"world": "kill-kdc"}, {"world": "start-kdc"}, {"leg": {"side": "initiator"}}],
                  isolate="realm"), case([{"world": "burn-everything"}], isolate="realm")]
    outcomes = {played.play[0] if isinstance(played.play[0], str) else "burn": trace
                for played, trace in run_cases(cases, options())}
    assert outcomes["acquire"].ended is None
    assert outcomes["burn"].ended is not None and "burn-everything" in outcomes["burn"].ended.detail


def test_accident_in_an_isolated_realm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def play_and_lose_the_kdc(self, case_, world_, careful, change, fresh, alone=False):
        for pid, text in descendants(os.getpid()).items():
            if "krb5kdc" in text:
                os.kill(pid, signal.SIGKILL)
                wait_for(lambda: not exists(pid))
        return Trace()
    monkeypatch.setattr(Pipeline, "_play_in", play_and_lose_the_kdc)
    with pipeline(tmp_path, fake_program(), fake_program()) as one:
        trace = one.play(case(["establish"], isolate="realm"))
    assert trace.ended is not None and trace.ended.kind == "harness"
    assert trace.ended.detail.startswith("the KDC")


def test_abandoned_run_leaves_nothing() -> None:
    realms, before = [], descendants(os.getpid()).keys()  # other tests may have a realm open
    for _ in run_cases(many(50), options(), realms.append):
        break
    assert not realms[0].folder.exists()
    end = time.monotonic() + 10  # what was killed takes a moment to be gone
    while descendants(os.getpid()).keys() - before and time.monotonic() < end:
        time.sleep(0.02)
    assert not descendants(os.getpid()).keys() - before


def test_kill_leaves_nothing(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    subject = [*fake_argv({ASC: ["hang"]})]
    script.write_text(textwrap.dedent(f"""
        import sys
        sys.path[:0] = {[str(ROOT / 'harness'), str(ROOT), str(ROOT / 'harness' / 'tests')]!r}
        from support import case, fake_program
        from sspi_conform.pipelines import RunOptions, run_cases
        from sspi_conform.programs import Program
        subject = Program("fake", tuple({subject!r}), {{}}, {{}})
        list(run_cases([case(["establish"])] * 4, RunOptions(subject, fake_program(), jobs=2),
                       lambda realm: print(realm.folder, flush=True)))
        """))
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        folder = process.stdout.readline().strip()
        wait_for(lambda: sum("fake_endpoint.py" in text for text in descendants(process.pid).values()) >= 4)
        alive = descendants(process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    wait_for(lambda: not [pid for pid in alive if exists(pid)])
    assert folder


def descendants(pid: int) -> dict[int, str]:
    """The command lines of all processes below one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found: dict[int, str] = {}
    pending = [pid]
    while pending:
        above = pending.pop()
        for child in [one for one, parent in parents.items() if parent == above]:
            if exists(child):
                try:
                    found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue
                pending.append(child)
    return found
