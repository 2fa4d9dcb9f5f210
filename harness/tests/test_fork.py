# SPDX-License-Identifier: Apache-2.0
"""Endpoints that are forks of this process: nothing of ours reaches them, and their end is told like any other's."""
from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sspi_conform.endpoint import Endpoint, EndpointEnded
from sspi_conform.pipelines import _queues
from sspi_conform.programs import peer_program
from support import case


def _forked(folder: Path, serve: Callable[[], int] | None = None) -> Endpoint:
    return Endpoint("acceptor", ["unused"], {"SSPI_PEER_DOMAIN": "THERE"}, folder, serve=serve or peer_program().serve)


def test_the_peer_serves_as_a_fork(tmp_path: Path) -> None:
    with _forked(tmp_path) as endpoint:
        assert "AcceptSecurityContext" in endpoint.functions
        assert endpoint.pid != os.getpid()
        assert os.getsid(endpoint.pid) == endpoint.pid
        assert len(os.listdir(f"/proc/{endpoint.pid}/fd")) <= 5  # its streams, their copy, no pipe of another endpoint
    with pytest.raises(ProcessLookupError):
        os.kill(endpoint.pid, 0)


def test_its_environment_is_its_own(tmp_path: Path) -> None:
    def tell() -> int:
        print(" ".join(f"{name}={value}" for name, value in os.environ.items()), file=sys.stderr)
        return 3

    with pytest.raises(EndpointEnded) as found, _forked(tmp_path, tell):
        pass
    assert found.value.ended.kind == "harness"
    assert found.value.ended.detail.endswith("exit 3; its stderr: SSPI_PEER_DOMAIN=THERE")


def test_a_signal_that_ends_it_is_named(tmp_path: Path) -> None:
    with _forked(tmp_path) as endpoint:
        endpoint.kill()
        with pytest.raises(EndpointEnded) as found:
            endpoint.call({"call": "hello"})
    assert (found.value.ended.kind, found.value.ended.detail) == ("crash", "SIGKILL")


def test_other_realms_have_queues_of_their_own_and_slow_cases_come_first() -> None:
    cases = [case(["establish"]), case(["establish"], isolate="realm"), case(["establish"], authority="standalone")]
    shared, at_home = _queues(cases)
    assert list(shared) == [1, 0]
    assert {home: list(queue) for home, queue in at_home.items()} == {True: [2]}
