# SPDX-License-Identifier: Apache-2.0
"""The bench itself: what the conductor saw is on the wire, in the framing of the transport, and nothing outlives it."""
from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from realm.ad_space import below

from live_bench import LiveBench, LiveCase, Unavailable
from support import wait_for

MUTUAL = {"package": "Negotiate", "mechanism": "Kerberos", "initiator.flags": ["MUTUAL_AUTH"]}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBench]:
    try:
        with LiveBench(tmp_path_factory.mktemp("live")) as made:
            yield made
    except Unavailable as reason:
        pytest.skip(f"no network namespace of its own here: {reason}")


def test_http_shows_every_token_and_the_kdc(bench: LiveBench) -> None:
    played = bench.play(LiveCase(MUTUAL))
    data = played.path.read_bytes()
    assert played.observed["established"] is True
    assert len(played.tokens) == 2
    for token in played.tokens:
        assert b"Negotiate " + base64.b64encode(token) in data
    assert b"HTTP/1.1 200 OK" in data
    assert b"\x6a\x82" in data and b"krbtgt" in data  # an AS-REQ goes by TCP, in the clear


@pytest.mark.parametrize("transport", ["ldap", "smb2"])
def test_binary_transports_carry_tokens_as_they_are(bench: LiveBench, transport: str) -> None:
    played = bench.play(LiveCase({"package": "NTLM", "initiator.account": "locked"}, transport=transport))
    data = played.path.read_bytes()
    assert all(token in data for token in played.tokens) and len(played.tokens) == 3
    assert (b", data 775, " if transport == "ldap" else b"\x34\x02\x00\xc0") in data  # winbindd says why


def test_tls_hides_the_tokens_and_its_secrets_are_in_the_file(bench: LiveBench) -> None:
    played = bench.play(LiveCase(MUTUAL, transport="https"))
    data = played.path.read_bytes()
    assert b"SERVER_TRAFFIC_SECRET_0" in data
    assert not any(base64.b64encode(token)[:40] in data for token in played.tokens)


def test_the_end_can_be_injected(bench: LiveBench) -> None:
    data = bench.play(LiveCase(transport="smb2", nt_status=0xC000006F)).path.read_bytes()
    assert b"\x6f\x00\x00\xc0" in data


def test_a_world_of_its_own_without_a_kdc(bench: LiveBench) -> None:
    played = bench.play(LiveCase(MUTUAL, world=["stop-kdc"]))
    assert played.observed["established"] is False
    assert bench.play(LiveCase(MUTUAL)).observed["established"] is True


def test_a_case_that_cannot_be_played_fails_alone(bench: LiveBench) -> None:
    with pytest.raises(RuntimeError, match="misbehave"):
        bench.play(LiveCase({"initiator.misbehave": {"mic": "wrong"}}))
    assert bench.play(LiveCase()).observed["established"] is True


def test_where_there_are_no_namespaces_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unshare").write_text("#!/bin/sh\necho unshare: Operation not permitted >&2; exit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="not permitted"), LiveBench(tmp_path):
        pass
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable, match="not installed"), LiveBench(tmp_path):
        pass


def test_nothing_outlives_kill_9(bench: LiveBench, tmp_path: Path) -> None:
    script = ("import sys; from pathlib import Path; from live_bench import *; b = LiveBench(Path(sys.argv[1])).__enter__(); "
              "b.play(LiveCase()); print(b.pid, flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}) as holder:
        assert holder.stdout is not None
        inside = int(holder.stdout.readline())
        family = [inside, *below(inside)]
        assert len(family) > 3  # the realm's daemons and the endpoints
        holder.send_signal(signal.SIGKILL)
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in family))
