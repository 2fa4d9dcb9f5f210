# SPDX-License-Identifier: Apache-2.0
"""Measures speed, ours and others' in the same run, and writes build/bench.json.

Every figure is the median of runs that take turns (ours, theirs, ours, ...), pinned to one core, so that a
machine that slows down meanwhile slows all of them down. What runs in one process (handshakes, messages) is
counted per second of processor time; rates over several processes are wall time. A ratio above 1 means that
we are faster. Two of the peers are no implementations but what the work is made of, "primitives" and
"krb5_handshake": there the ratio says how much of the possible is reached.
"""
from __future__ import annotations

import glob
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import judge
from .model import Case, ConformError
from .pipeline import Pipeline
from .pipelines import RunOptions, run_cases
from .programs import Program, peer_program, program_of
from .project import Project
from .world import Surroundings, World, world_of

RUNS = 5
SECONDS = 0.5  # of one run of an in-process measurement
SCENARIOS = 1000  # in one run of the scenario rate
NOISY = 0.25  # a spread from which on a line says so
GSS_NTLMSSP = "/usr/lib/*/gssntlmssp/gssntlmssp.so"
Measure = Callable[[], float]


@dataclass(frozen=True)
class Benchmark:
    """One line of the table. `more` says whether a larger figure is the better one."""

    id: str
    unit: str
    ours: float
    peers: Mapping[str, float] = field(default_factory=dict)
    limit: float | None = None
    runs: int = RUNS
    more: bool = True
    spread: float | None = None  # of the runs, the worst of ours and theirs: a disturbed peer would flatter us

    @property
    def ratio(self) -> dict[str, float]:
        """How much faster than each peer."""
        return {name: round(self.ours / theirs if self.more else theirs / self.ours, 2)
                for name, theirs in self.peers.items() if theirs and self.ours}

    @property
    def within(self) -> bool:
        """Whether the figure keeps its limit."""
        return self.limit is None or (self.ours >= self.limit if self.more else self.ours <= self.limit)

    def document(self) -> dict[str, Any]:
        """As bench.json has it."""
        return {"id": self.id, "unit": self.unit, "ours": _rounded(self.ours),
                "peers": {name: _rounded(value) for name, value in self.peers.items()}, "ratio": self.ratio,
                "limit": self.limit, "runs": self.runs, "spread": self.spread}


def _rounded(value: float) -> float:
    return round(value) if value >= 1000 else float(f"{value:.4g}")


def measure_all(project: Project, build: Path, wanted: Sequence[str] = (),
                tell: Callable[[Benchmark], None] = lambda found: None) -> list[Benchmark]:
    """Measure everything, or what `wanted` names; `tell` hears of each result as it comes."""
    from realm import Realm

    found: list[Benchmark] = []

    def take(results: Iterator[Benchmark]) -> None:
        for one in results:
            found.append(one)
            tell(one)

    def asked(*names: str) -> bool:
        return not wanted or any(name in wanted for name in names)

    if asked("realm-ready"):
        take(_realm_ready())
    with Realm() as realm, tempfile.TemporaryDirectory(prefix="bench-", dir=realm.folder) as name:
        bench = _Bench(project, build, world_of(realm), Path(name))
        with _one_core():
            if asked("scenario-rate", "scenario-rate-winbind", "harness-call"):
                take(bench.scenario_rate())
            for row in _IN_PROCESS:
                if asked(row.id):
                    take(bench.in_process(row))
            for alone, inside in _OVERHEAD:
                if asked(alone.id):
                    take(bench.overhead(alone, inside))
            for row in _MEMORY:
                if asked(row.id):
                    take(bench.memory(row))
        if asked(_THREADS.id):
            take(bench.two_threads())
        if asked(_WINBIND.id):
            take(bench.winbind_acceptor())
    if asked("suite-wall"):
        take(bench.suite_wall())
    return found


@contextmanager
def _one_core() -> Iterator[None]:
    """Pin this process, and what it starts, to the last core it may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _interleaved(measures: Mapping[str, Measure], runs: int = RUNS) -> dict[str, list[float]]:
    """All values of each, taken in turns."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(runs):
        for name, measure in measures.items():
            values[name].append(measure())
    return values


def _spread(values: Sequence[float]) -> float:
    """How far apart the runs are: 0.1 when the largest is a tenth above the smallest."""
    return round(max(values) / min(values) - 1, 2) if min(values) else 0.0


def _realm_ready() -> Iterator[Benchmark]:
    from realm import bench as realm_bench

    found: Mapping[str, Any] = realm_bench.measure(RUNS)
    peers = {name: float(found[name]["median_ms"]) for name in ("k5test-style", "k5test-style-same-content")}
    yield Benchmark("realm-ready", "ms", float(found["ready"]["median_ms"]), peers, more=False)


@dataclass(frozen=True)
class InProcess:
    """A measurement by the C programs. `size` 0 counts handshakes, else messages of that size, sealed or signed."""

    id: str
    package: str
    mechanism: str
    size: int
    winpr: bool = False  # whether WinPR 2 can do it
    gss: str = ""  # mechanism of gss_handshake, "" for no GSSAPI peer
    signed: bool = False
    used: bool = False  # of a handshake: one signed message each way belongs to it
    goal: float | None = None  # how many times the rate of the GSSAPI peer it is to be
    floor: str = ""  # program of what the row is made of: nothing can be much faster than it

    @property
    def peer(self) -> str:
        """How the GSSAPI peer is called."""
        return "gss-ntlmssp" if self.mechanism == "NTLM" else "mit-gssapi"


_IN_PROCESS = (
    InProcess("ntlm-handshake", "NTLM", "NTLM", 0, winpr=True, gss="ntlm"),
    InProcess("kerberos-handshake", "Kerberos", "Kerberos", 0, gss="krb5", goal=2.0, floor="krb5_handshake"),
    InProcess("negotiate-ntlm-handshake", "Negotiate", "NTLM", 0, gss="spnego-ntlm"),
    InProcess("negotiate-kerberos-handshake", "Negotiate", "Kerberos", 0, gss="spnego-krb5", goal=1.8),
    InProcess("ntlm-seal-64b", "NTLM", "NTLM", 64, winpr=True, gss="ntlm"),
    InProcess("ntlm-seal-1k", "NTLM", "NTLM", 1024, winpr=True, gss="ntlm"),
    InProcess("ntlm-seal-64k", "NTLM", "NTLM", 65536, winpr=True, gss="ntlm"),
    # WinPR 2 has no MakeSignature
    InProcess("ntlm-sign-64b", "NTLM", "NTLM", 64, gss="ntlm", signed=True),
    InProcess("ntlm-sign-1k", "NTLM", "NTLM", 1024, gss="ntlm", signed=True),
    InProcess("ntlm-sign-64k", "NTLM", "NTLM", 65536, gss="ntlm", signed=True),
    InProcess("kerberos-seal-64b", "Kerberos", "Kerberos", 64, gss="krb5", goal=1.0, floor="primitives"),
    InProcess("kerberos-seal-1k", "Kerberos", "Kerberos", 1024, gss="krb5", goal=3.0, floor="primitives"),
    InProcess("kerberos-seal-64k", "Kerberos", "Kerberos", 65536, gss="krb5", goal=4.0, floor="primitives"),
)

# What SPNEGO costs: the same with the mechanism alone and inside Negotiate. Each context signs and verifies a message
# each way, because NTLM makes its message keys when the first one comes and SPNEGO needs them for its MICs.
_OVERHEAD = tuple(tuple(InProcess(id, package, mechanism, 0, used=True) for package in (mechanism, "Negotiate"))
                  for id, mechanism in (("negotiate-overhead", "NTLM"), ("negotiate-overhead-kerberos", "Kerberos")))
_OVERHEAD_RUNS, _OVERHEAD_LIMIT = 15, 0.909  # at most a tenth on top: 1 / 1.1

_MEMORY = (
    InProcess("context-memory-ntlm", "NTLM", "NTLM", 0, winpr=True),
    InProcess("context-memory-kerberos", "Kerberos", "Kerberos", 0),
    InProcess("context-memory-negotiate-ntlm", "Negotiate", "NTLM", 0),
    InProcess("context-memory-negotiate-kerberos", "Negotiate", "Kerberos", 0),
)
_THREADS = InProcess("ntlm-two-threads", "NTLM", "NTLM", 0)
_WINBIND = InProcess("winbind-acceptor", "NTLM", "NTLM", 0)

IDS = ("realm-ready", "scenario-rate", "scenario-rate-winbind", "harness-call", "suite-wall",
       *(row.id for row in (*_IN_PROCESS, *_MEMORY, _THREADS, _WINBIND)), *(rows[0].id for rows in _OVERHEAD))


class _Bench:
    """What the measurements share: a realm, a folder, the programs."""

    def __init__(self, project: Project, build: Path, world: World, folder: Path) -> None:
        self._project = project
        self._build = build
        self._world = world
        self._folder = folder
        self._profile = project.profile("libsspi", str(build))
        self._libsspi = program_of(self._profile, build / "sspi-probe", project.root)

    # Scenarios over two probes and the conductor

    def scenario_rate(self) -> Iterator[Benchmark]:
        """Full NTLM scenarios a second, judged, on one core; once with each authority."""
        worlds = {False: self._world, True: self._world}
        with Pipeline(self._libsspi, None, worlds, self._folder / "rate", {}) as pipeline:
            cost: list[float] = []
            measures = {name: self._rate(pipeline, name, cost) for name in ("file", "winbind")}
            found = _interleaved(measures)
        for name, authority, limit in (("scenario-rate", "file", 2500), ("scenario-rate-winbind", "winbind", None)):
            values = found[authority]
            yield Benchmark(name, "1/s", statistics.median(values), limit=limit, spread=_spread(values))
        yield Benchmark("harness-call", "us", statistics.median(cost), limit=35, more=False)

    def _rate(self, pipeline: Pipeline, authority: str, cost: list[float]) -> Measure:
        case = self._whole_scenario(authority)
        expectation = self._project.captures.of(case)
        known = self._profile.known(case)
        rules = judge.Rules()

        def measure() -> float:
            for _ in range(50):
                self._must_work(pipeline.play(case))
            start = time.perf_counter()
            for _ in range(SCENARIOS):
                trace = pipeline.play(case)
                judge.judge(case, expectation, trace, known, rules)
                if authority == "file":
                    inside = sum(record.answer["ns"] for record in trace.calls if record.answer) / 1e9
                    cost.append((trace.seconds - inside) / len(trace.calls) * 1e6)
            return SCENARIOS / (time.perf_counter() - start)
        return measure

    def _whole_scenario(self, authority: str) -> Case:
        case = next(case for case in self._project.cases
                    if case.id == "flag-common[subject=acceptor,mechanism=NTLM]")
        return replace(case, settings={**case.settings, "authority": authority}, play=("establish", "seal initiator"))

    @staticmethod
    def _must_work(trace: Any) -> None:
        if trace.ended is not None or trace.observed.get("seal.initiator.plaintext") != "equal":
            raise ConformError(f"the scenario that is to be measured does not work: {trace.ended or trace.observed}")

    def suite_wall(self) -> Iterator[Benchmark]:
        """Seconds for all scenarios against libsspi on all cores, judged; the realm's start not counted."""
        cases = [case for case in self._project.cases
                 if not self._profile.why_unsupported(case) and "ad" not in case.needs]  # not every machine has it
        options = RunOptions(self._libsspi, peer_program(), self._profile.acceptor_identity)
        rules = judge.Rules()

        def measure() -> float:
            start = time.perf_counter()

            def ready(realm: Any) -> None:
                nonlocal start
                start = time.perf_counter()

            pairs = run_cases(cases, options, ready)
            for _ in judge.judge_all(pairs, self._project.captures, self._profile, rules):
                pass
            return time.perf_counter() - start
        values = _interleaved({"ours": measure}, 3)["ours"]
        yield Benchmark("suite-wall", "s", statistics.median(values), limit=20, runs=3, more=False, spread=_spread(values))

    # Handshakes and messages in one process

    def in_process(self, row: InProcess) -> Iterator[Benchmark]:
        """One line: ours, WinPR 2 and a GSSAPI library, as far as they can do it and are there."""
        measures = {"ours": self._sspi(row, self._libsspi.argv[-1], self._libsspi)}
        if row.winpr:
            measures["winpr2"] = self._sspi(row, "libwinpr2.so.2", Program("winpr2", (), {"WLOG_LEVEL": "OFF"}, {}),
                                            inbound=True)
        if row.gss:
            measures[row.peer] = self._gss(row)
        if row.floor:
            measures[row.floor] = self._floor(row)
        working = {}
        for name, measure in measures.items():
            try:
                measure()  # also warms up
                working[name] = measure
            except ConformError as problem:
                if name == "ours":
                    raise
                print(f"{row.id}: no figure for {name}: {problem}")
        found = _interleaved(working)
        spread = max(map(_spread, found.values()))
        rates = {name: statistics.median(values) for name, values in found.items()}
        ours = rates.pop("ours")
        limit = round(row.goal * rates[row.peer], 1) if row.goal and row.peer in rates else None
        yield Benchmark(row.id, "MB/s" if row.size else "1/s", ours, rates, limit=limit, spread=spread)

    # What is no rate

    def overhead(self, alone: InProcess, inside: InProcess) -> Iterator[Benchmark]:
        """The rate inside Negotiate as a share of the mechanism's own. Neighbours in time are compared, because a
        machine that does other work in between slows both down."""
        measures = {row.package: self._sspi(row, self._libsspi.argv[-1], self._libsspi) for row in (alone, inside)}
        for measure in measures.values():
            measure()
        found = _interleaved(measures, _OVERHEAD_RUNS)
        shares = [theirs / own for own, theirs in zip(found[alone.package], found[inside.package])]
        yield Benchmark(alone.id, "share", statistics.median(shares), limit=_OVERHEAD_LIMIT, runs=_OVERHEAD_RUNS,
                        spread=_spread(shares))

    def memory(self, row: InProcess) -> Iterator[Benchmark]:
        """Bytes of an established context, the mean of both sides, at the peak of a thousand pairs."""
        measures = {"ours": self._sspi(row, self._libsspi.argv[-1], self._libsspi, program="context_memory")}
        if row.winpr:
            measures["winpr2"] = self._sspi(row, "libwinpr2.so.2", Program("winpr2", (), {"WLOG_LEVEL": "OFF"}, {}),
                                            inbound=True, program="context_memory")
        found = {name: measure() for name, measure in measures.items()}
        yield Benchmark(row.id, "bytes", found.pop("ours"), found, runs=1, more=False)

    def two_threads(self) -> Iterator[Benchmark]:
        """How much more handshakes two threads do than one on shared credentials; needs two idle cores."""
        measure = self._sspi(_THREADS, self._libsspi.argv[-1], self._libsspi, program="two_threads")
        values = _interleaved({"ours": measure})["ours"]
        yield Benchmark(_THREADS.id, "times", statistics.median(values), spread=_spread(values))

    def winbind_acceptor(self) -> Iterator[Benchmark]:
        """A whole acceptor through winbindd beside winbindd's own answer, wall time; at most a tenth above."""
        environment = self._environment(_WINBIND, self._libsspi, "winbind") | self._account()
        argv = [str(self._build / "bench" / "winbind_acceptor"), self._libsspi.argv[-1], self._world.targets["http"],
                str(4 * SECONDS)]
        found = [_printed(argv, environment) for _ in range(RUNS)]
        ours, direct = ([one[name] for one in found] for name in ("acceptor", "direct"))
        limit = round(1.1 * statistics.median(direct), 1)
        yield Benchmark(_WINBIND.id, "us", statistics.median(ours), {"wbcAuthenticateUserEx": statistics.median(direct)},
                        limit=limit, more=False, spread=max(_spread(ours), _spread(direct)))

    def _account(self) -> dict[str, str]:
        user, password = self._world.accounts["normal"]
        return {"BENCH_USER": user, "BENCH_DOMAIN": self._world.domain, "BENCH_PASSWORD": password}

    def _sspi(self, row: InProcess, library: str, how: Program, inbound: bool = False,
              program: str = "handshake") -> Measure:
        environment = self._environment(row, how)
        argv = [str(self._build / "bench" / program), library, row.package, row.mechanism,
                self._world.targets["http"]]
        if row.mechanism == "NTLM":
            environment |= self._account()
            environment |= {"BENCH_INBOUND": "1"} if inbound else {}
        return self._counted(argv, environment, row, timed=program != "context_memory")

    def _gss(self, row: InProcess) -> Measure:
        environment = self._environment(row, Program("gss", (), {}, {}))
        if row.mechanism == "NTLM":
            folder = Path(environment["HOME"])
            user, password = self._world.accounts["normal"]
            plugin = next(iter(glob.glob(GSS_NTLMSSP)), "")
            (folder / "mech").write_text(f"gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 {plugin}\n")
            (folder / "users").write_text(f"{self._world.domain}:{user}:{password}\n")
            environment |= {"GSS_MECH_CONFIG": str(folder / "mech"), "NTLM_USER_FILE": str(folder / "users")}
        argv = [str(self._build / "bench" / "gss_handshake"), row.gss, f"HTTP@{self._world.host}"]
        return self._counted(argv, environment, row)

    def _floor(self, row: InProcess) -> Measure:
        environment = self._environment(row, Program(row.floor, (), {}, {}))
        argv = [str(self._build / "bench" / row.floor), *([] if row.size else [self._world.targets["http"]])]
        return self._counted(argv, environment, row)

    def _environment(self, row: InProcess, program: Program, authority: str = "file") -> dict[str, str]:
        folder = self._folder / f"{row.id}-{row.package}-{program.name.replace(' ', '-')}"
        around = Surroundings(authority, "all", tickets=row.mechanism == "Kerberos")
        return program.command(self._world, around, folder)[1]

    @staticmethod
    def _counted(argv: list[str], environment: Mapping[str, str], row: InProcess, timed: bool = True) -> Measure:
        what = ["used"] if row.used else [f"{'sign' if row.signed else ''}{row.size}"] if row.size else []
        argv = [*argv, *what, *([str(SECONDS)] if timed else [])]

        def measure() -> float:
            found = _printed(argv, environment)
            return found["count"] / found["seconds"] * (row.size / 1e6 if row.size else 1)
        return measure


def _printed(argv: Sequence[str], environment: Mapping[str, str]) -> dict[str, float]:
    """Runs a measuring program; what its last line says."""
    done = subprocess.run(argv, env=dict(environment), capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise ConformError(f"{Path(argv[0]).name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def write(found: Sequence[Benchmark], path: Path) -> None:
    """build/bench.json; what was not measured this time is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {}
    if path.exists():
        rows = {row["id"]: row for row in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]}
    rows |= {one.id: one.document() for one in found}
    path.write_text(json.dumps({"benchmarks": list(rows.values())}, indent=1) + "\n", encoding="utf-8")


def line(one: Benchmark) -> str:
    """A line of the table."""
    peers = "  ".join(f"{name} {_rounded(value):g} ({one.ratio.get(name, 0):g}x)" for name, value in one.peers.items())
    limit = "" if one.limit is None else f"  limit {one.limit:g}{'' if one.within else ' MISSED'}"
    noise = f"  runs differ by {one.spread:.0%}: the machine was busy, measure again" if (one.spread or 0) > NOISY else ""
    return f"{one.id:<30} {_rounded(one.ours):>9g} {one.unit:<5}{limit}  {peers}{noise}".rstrip()
