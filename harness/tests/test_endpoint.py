# SPDX-License-Identifier: Apache-2.0
"""An endpoint's process may die, hang or babble: each has its own outcome, and none blocks the harness."""
from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support import exists, fake, fake_argv, wait_for
from sspi_conform.endpoint import Endpoint, EndpointEnded

DELETE = {"call": "DeleteSecurityContext", "ctx": "x"}


def ended(endpoint: Endpoint, request: dict) -> EndpointEnded:
    """The exception that a call must raise."""
    with pytest.raises(EndpointEnded) as caught:
        endpoint.call(request)
    assert not endpoint.alive
    return caught.value


def test_call_and_batch(tmp_path: Path) -> None:
    with fake("acceptor", tmp_path) as endpoint:
        assert endpoint.call(DELETE)["status"] == "0x00000000"
        answers = endpoint.batch([DELETE, {"call": "hello"}])
        assert [answer["id"] for answer in answers] == [5, 6]
        assert answers[1]["protocol"] == 1


def test_nothing_is_inherited(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-c", "import json, os, sys\n"
            "for line in sys.stdin:\n"
            "    print(json.dumps([{'id': 1, 'protocol': 1}, {'id': 2, 'unsupported': json.dumps(dict(os.environ))},"
            " {'id': 3, 'error': 'no'}]),"
            " flush=True)"]
    with Endpoint("acceptor", argv, {"ONLY": "this"}, tmp_path) as endpoint:
        assert endpoint.hello["protocol"] == 1
        with open(f"/proc/{endpoint.pid}/environ", "rb") as file:
            assert b"ONLY=this" in file.read()
        with open(f"/proc/{endpoint.pid}/environ", "rb") as file:
            assert b"PYTEST_CURRENT_TEST" not in file.read()


def test_crash_names_signal_and_call(tmp_path: Path) -> None:
    with fake("acceptor", tmp_path, {"AcceptSecurityContext": ["crash"]}) as endpoint:
        problem = ended(endpoint, {"call": "AcceptSecurityContext"}).ended
    assert (problem.kind, problem.side, problem.last_call) == ("crash", "acceptor", "AcceptSecurityContext")
    assert problem.detail.startswith("SIGSEGV")
    assert "the fake endpoint starts" in problem.detail


def test_exit_is_a_crash_with_its_code(tmp_path: Path) -> None:
    with fake("acceptor", tmp_path, {"DeleteSecurityContext": ["exit"]}) as endpoint:
        problem = ended(endpoint, DELETE).ended
    assert problem.kind == "crash" and problem.detail.startswith("exit 3")


def test_hang_is_killed(tmp_path: Path) -> None:
    with fake("acceptor", tmp_path, {"DeleteSecurityContext": ["hang"]}, deadline=0.2) as endpoint:
        pid = endpoint.pid
        problem = ended(endpoint, DELETE).ended
    assert problem.kind == "hang" and problem.last_call == "DeleteSecurityContext"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("what", ["garbage", "wrong-id"])
def test_babble_is_a_fault_of_the_harness(tmp_path: Path, what: str) -> None:
    with fake("acceptor", tmp_path, {"DeleteSecurityContext": [what]}) as endpoint:
        problem = ended(endpoint, DELETE).ended
    assert problem.kind == "harness"
    assert "not one of the protocol" in problem.detail


def test_calls_after_the_end_are_refused(tmp_path: Path) -> None:
    with fake("acceptor", tmp_path, {"DeleteSecurityContext": ["crash"]}) as endpoint:
        ended(endpoint, DELETE)
        assert ended(endpoint, DELETE).ended.kind == "harness"


def test_wrong_protocol(tmp_path: Path) -> None:
    with pytest.raises(EndpointEnded, match="protocol 7"):
        with fake("acceptor", tmp_path, {"hello": [{"protocol": 7}]}):
            pass


def test_it_must_admit_what_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(EndpointEnded, match="does not exist"):
        with fake("acceptor", tmp_path, {"NoSuchCallInSspi": [{"unsupported": None, "status": "0x00000000"}]}) as one:
            assert not one.alive


def test_it_must_admit_what_it_does_not_understand(tmp_path: Path) -> None:
    script = {"hello": [{}, {"error": None, "protocol": 1}]}
    with pytest.raises(EndpointEnded, match="a member that does not exist"):
        with fake("acceptor", tmp_path, script) as one:
            assert not one.alive


def test_a_start_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-c", "import os, sys\n"
            "if not os.path.exists(sys.argv[1]):\n"
            "    open(sys.argv[1], 'w').close()\n"
            "    sys.exit(1)\n"
            "os.execv(sys.argv[2], sys.argv[2:])", str(tmp_path / "was here"), *fake_argv()]
    with pytest.raises(EndpointEnded, match="exit 1"):
        with Endpoint("acceptor", argv, {}, tmp_path):
            pass
    (tmp_path / "was here").unlink()
    with Endpoint("acceptor", argv, {}, tmp_path, tries=2) as endpoint:
        assert endpoint.call(DELETE)["status"] == "0x00000000"


def test_death_at_the_start_quotes_stderr(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-c", "import sys; sys.exit('no such library here')"]
    with pytest.raises(EndpointEnded, match="no such library here") as caught:
        with Endpoint("initiator", argv, {}, tmp_path):
            pass
    assert caught.value.ended.kind == "harness"


def test_missing_program(tmp_path: Path) -> None:
    with pytest.raises(EndpointEnded, match="no-such-program"):
        with Endpoint("initiator", ["/no-such-program"], {}, tmp_path):
            pass


def test_lines_longer_than_a_pipe(tmp_path: Path) -> None:
    data = "ab" * 500_000
    with fake("acceptor", tmp_path) as endpoint:
        answer = endpoint.call({"call": "EncryptMessage", "message": [{"type": "DATA", "hex": data}]})
        assert answer["message"][0]["hex"] == data


def test_close_kills_the_whole_group(tmp_path: Path) -> None:
    argv = ["/bin/sh", "-c", 'sleep 1000 & echo $! >&2; exec "$@"', "sh", *fake_argv()]
    with Endpoint("acceptor", argv, {"PATH": os.environ["PATH"]}, tmp_path) as endpoint:
        grandchild = int(endpoint.tail().split()[0])
    wait_for(lambda: not exists(grandchild))
