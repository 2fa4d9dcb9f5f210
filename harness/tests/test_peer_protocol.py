# SPDX-License-Identifier: Apache-2.0
"""The peer speaks the probe protocol: lines, batches, handles, buffers, what is refused."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_peer_pair import CONTINUE, HARNESS, OK, Process, in_process

from sspi_conform.peer.protocol import CALLS

ISC = {"id": 1, "call": "InitializeSecurityContext", "cred": "c", "ctx": "x", "fContextReq": "0x10"}
ACQUIRE = {"id": 1, "call": "AcquireCredentialsHandle", "cred": "c", "pszPackage": "NTLM", "fCredentialUse": 3,
           "identity": {"User": "alice", "Domain": "NTDOM", "Password": "right"}}
ROOM = [{"type": "TOKEN", "size": 64}]


@pytest.fixture
def process() -> Iterator[Process]:
    with Process({}) as found:
        yield found


@pytest.fixture
def peer(tmp_path: Path) -> Any:
    accounts = tmp_path / "accounts.json"
    accounts.write_text("[]")
    found = in_process({"SSPI_PEER_ACCOUNTS": str(accounts)})
    assert found(ACQUIRE)["status"] == OK
    return found


def test_lines(process: Process) -> None:
    assert process.line(b"garbage")["id"] is None
    assert "not JSON" in process.line(b"{")["error"]
    assert process.line(b"[" * 100000)["id"] is None
    answer = process.line(b'{"id": "a", "call": "hello"}')
    assert answer["id"] == "a" and answer["protocol"] == 1 and answer["ns"] > 0 and "status" not in answer
    assert set(answer["functions"]) == set(CALLS) - {"hello"}
    batch = process.line(b'[{"id": 1, "call": "hello"}, {"id": 2, "call": "pin"}, 3]')
    assert [item["id"] for item in batch] == [1, 2, None]
    assert "unsupported" in batch[1] and "error" in batch[2]
    packages = process({"id": 1, "call": "EnumerateSecurityPackages"})["packages"]
    assert [row["Name"] for row in packages] == ["Negotiate", "Kerberos", "NTLM"]


def test_it_dies_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", (
        "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-m', 'sspi_conform.peer'], "
        "stdin=subprocess.PIPE, stdout=subprocess.PIPE); "
        "child.stdin.write(b'{\"id\": 1, \"call\": \"hello\"}\\n'); child.stdin.flush(); child.stdout.readline(); "
        "print(child.pid, flush=True); time.sleep(60)")],
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HARNESS)})
    assert parent.stdout
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 10
    while alive(child) and time.monotonic() < until:
        time.sleep(0.005)
    assert not alive(child)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_misbehaviours_are_listed() -> None:
    found = subprocess.run([sys.executable, "-m", "sspi_conform.peer", "--misbehaviours"], capture_output=True,
                           text=True, env={"PYTHONPATH": str(HARNESS)}, check=True).stdout
    assert '{"mechListMIC": "wrong"}' in found


@pytest.mark.parametrize("change, what", [
    ({"surprise": 1}, "unknown key 'surprise'"),
    ({"fContextReq": "ten"}, "fContextReq is a number"),
    ({"fContextReq": -1}, "fContextReq is a number"),
    ({"cred": "never"}, "no credential 'never'"),
    ({"input": [{"type": "NONSENSE", "hex": ""}]}, "unknown buffer type"),
    ({"input": [{"type": "TOKEN", "hex": "0"}]}, "is not hex"),
    ({"input": [{"type": "TOKEN", "hex": "00ff", "size": 1}]}, "at least the length"),
    ({"input": [{"type": "TOKEN", "size": 1 << 40}]}, "at most 128 MiB"),
    ({"output": "here"}, "list of buffers"),
    ({"misbehave": {"mic": "maybe"}}, "one of wrong, drop, omit"),
    ({"misbehave": {"nonsense": "x"}}, "unknown misbehaviour"),
    ({"id": None}, "a request has an id"),
    ({"ctx": 3}, "ctx is a string"),
])
def test_wrong_requests(peer: Any, change: dict[str, Any], what: str) -> None:
    assert what in peer(ISC | change)["error"]


def test_needed_keys_and_unknown_handles(peer: Any) -> None:
    assert "needs ctx" in peer({"id": 1, "call": "DeleteSecurityContext"})["error"]
    assert "no handle 'y'" in peer({"id": 1, "call": "DeleteSecurityContext", "ctx": "y"})["error"]
    assert peer({"id": 1, "call": "DeleteSecurityContext", "ctx": "y", "raw": True})["status"] == "0x80090301"
    assert peer({"id": 1, "call": "QueryContextAttributes", "ctx": "y", "ulAttribute": 0, "raw": True})[
        "status"] == "0x80090301"
    assert peer(ISC | {"phCredential": "null"})["status"] == "0x80090301"
    assert "unsupported" in peer(ISC | {"failalloc": 1})


def test_the_secret_is_never_echoed(peer: Any) -> None:
    assert "right" not in json.dumps(peer(ACQUIRE | {"surprise": 1})) + json.dumps(peer(ACQUIRE))


def test_out_parameters(peer: Any) -> None:
    answer = peer(ISC | {"output": ROOM, "input": [{"type": "EMPTY", "hex": ""}]})
    assert answer["status"] == CONTINUE and answer["phNewContext"] == {"written": True}
    assert answer["attributes"] == {"written": True, "value": "0x00000010"}
    assert answer["expiry"] == {"written": True, "value": "0x7fffffffffffffff"}
    assert answer["output"] == [{"type": 2, "size": 40, "hex": answer["output"][0]["hex"], "canary": "intact",
                                 "pvBuffer": "same"}]
    assert answer["input"] == [{"type": 0, "size": 0, "canary": "intact", "pvBuffer": "same"}]
    answer = peer(ISC | {"ctx": "z", "pfContextAttr": "null", "ptsExpiry": "null", "phNewContext": "null",
                         "output": ROOM})
    assert answer["attributes"] == answer["expiry"] == {"absent": True}
    assert "no handle" in peer({"id": 1, "call": "DeleteSecurityContext", "ctx": "z"})["error"]


def test_rooms_for_tokens(peer: Any) -> None:
    small = peer(ISC | {"ctx": "a", "output": [{"type": "TOKEN", "size": 39}]})
    assert small["status"] == "0x80090321" and small["output"][0]["size"] == 39
    nowhere = peer(ISC | {"ctx": "b", "output": [{"type": "TOKEN", "size": 64, "null": True}]})
    assert nowhere["status"] == "0x80090321" and nowhere["output"][0]["pvBuffer"] == "null"
    made = peer(ISC | {"ctx": "d", "fContextReq": "0x110", "output": [{"type": "TOKEN", "size": 0, "null": True}]})
    assert made["status"] == CONTINUE and made["output"][0]["pvBuffer"] == "changed"
    assert made["output"][0]["free"] == OK and made["output"][0]["size"] == 40


def test_packages_and_attributes(peer: Any) -> None:
    info = {"id": 1, "call": "QuerySecurityPackageInfo"}
    assert peer(info | {"pszPackageName": "ntlm"})["package"]["cbMaxToken"] == 2888
    assert peer(info | {"pszPackageName": "x"}) | {"ns": 0} == {
        "id": 1, "ns": 0, "status": "0x80090305", "package": {"written": False}}
    assert peer(ACQUIRE | {"pszPackage": "x"})["phCredential"] == {"written": False}
    peer(ISC | {"output": ROOM})
    query = {"id": 1, "call": "QueryContextAttributes", "ctx": "x", "ulAttribute": "SIZES"}
    assert peer(query)["value"] == {"cbMaxToken": 2888, "cbMaxSignature": 16, "cbBlockSize": 0,
                                    "cbSecurityTrailer": 16}
    assert peer(query | {"ulAttribute": "FLAGS"})["value"] == {"Flags": "0x00000010"}
    assert peer(query | {"ulAttribute": "STREAM_SIZES"})["status"] == "0x80090302"
    assert peer(query | {"ulAttribute": "SESSION_KEY"})["status"] == "0x80090301"  # not yet


def test_missing_accounts_are_an_error_not_a_refusal(tmp_path: Path) -> None:
    found = in_process({"SSPI_PEER_ACCOUNTS": str(tmp_path / "missing")})(ACQUIRE)
    assert "no accounts in" in found["error"]
