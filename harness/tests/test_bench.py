# SPDX-License-Identifier: Apache-2.0
"""How figures become ratios, limits and lines. Nothing here is timed."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from sspi_conform import bench
from sspi_conform.bench import Benchmark
from sspi_conform.programs import Program


def test_ratio_above_one_means_faster() -> None:
    assert Benchmark("rate", "1/s", 200.0, {"slower": 100.0, "faster": 400.0}).ratio == {"slower": 2.0, "faster": 0.5}
    assert Benchmark("time", "ms", 50.0, {"slower": 100.0}, more=False).ratio == {"slower": 2.0}


def test_limits() -> None:
    assert Benchmark("rate", "1/s", 2500.0, limit=2500).within
    assert not Benchmark("rate", "1/s", 2499.0, limit=2500).within
    assert Benchmark("time", "us", 35.0, limit=35, more=False).within
    assert not Benchmark("time", "us", 36.0, limit=35, more=False).within
    assert "MISSED" in bench.line(Benchmark("time", "us", 36.0, limit=35, more=False))


def test_a_disturbed_measurement_says_so() -> None:
    assert "runs differ by 80%" in bench.line(Benchmark("rate", "1/s", 10.0, spread=0.8))
    assert "differ" not in bench.line(Benchmark("rate", "1/s", 10.0, spread=0.1))


def test_what_was_not_measured_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    bench.write([Benchmark("one", "1/s", 1234.5678, {"peer": 2.0}, limit=1.0, runs=3), Benchmark("two", "s", 2.0)], path)
    bench.write([Benchmark("two", "s", 3.0)], path)
    rows = json.loads(path.read_text())["benchmarks"]
    assert [(row["id"], row["ours"]) for row in rows] == [("one", 1235), ("two", 3.0)]
    assert set(rows[0]) >= {"id", "unit", "ours", "peers", "ratio", "limit", "runs"}


def test_turns_are_taken() -> None:
    order: list[str] = []

    def measure(name: str):
        return lambda: order.append(name) or float(len(order))
    assert bench._interleaved({"a": measure("a"), "b": measure("b")}, 2) == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
    assert order == ["a", "b", "a", "b"]


@pytest.mark.parametrize("ours, within", [(300.0, True), (299.0, False)])
def test_a_goal_is_a_multiple_of_the_peer(ours: float, within: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    measuring = object.__new__(bench._Bench)
    measuring._libsspi = Program("libsspi", ("libsspi.so",), {}, {})
    for name, rate in (("_sspi", ours), ("_gss", 100.0), ("_floor", 400.0)):
        monkeypatch.setattr(measuring, name, lambda *given, rate=rate: lambda: rate)
    row = bench.InProcess("seal", "Kerberos", "Kerberos", 64, gss="krb5", goal=3.0, floor="primitives")
    found, = measuring.in_process(row)
    assert found.limit == 300.0 and found.within == within
    assert found.peers == {"mit-gssapi": 100.0, "primitives": 400.0}
