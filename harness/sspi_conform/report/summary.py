# SPDX-License-Identifier: Apache-2.0
"""What a run comes to: counts and the exit code."""
from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import matchers, patterns
from ..captures import EVIDENCE, Captures, unrecorded
from ..judge import UnusedEntry, told_apart
from ..model import Case, Result, Verdict
from .kills import Kills
from .split import Split, split

MEANINGS = {
    0: "as expected",
    1: "the implementation differs from Windows",
    2: "the harness broke",
    3: "wrong usage or bad input",
    16: "two runs differ",
}


@dataclass(frozen=True)
class Tally:
    """How many expectations held and how many did not."""

    held: int = 0
    differ: int = 0


@dataclass(frozen=True)
class Summary:
    """Numbers of a run."""

    verdicts: Mapping[str, int]
    mechanisms: Mapping[str, Mapping[str, int]]
    not_run: Mapping[str, int]            # why cases were unsupported, and how many
    evidence: Mapping[str, Tally]         # expectations by kind
    binding: Tally
    advisory: Tally
    unused: tuple[UnusedEntry, ...]
    realm_ready: float | None             # seconds
    seconds: float                        # of playing, realm start excluded
    played: int
    exit_code: int
    meaning: str
    split: Split = Split()
    coverage: str = ""                    # of a run of all cases, in a line
    builds: Mapping[str, Sequence[str]] | None = None  # judge.told_apart
    unrecorded: int = 0                   # cases of which no source says what Windows does
    covering: Mapping[str, int] = field(default_factory=dict)  # verdicts of the cases of covering arrays
    adapter: bool = False  # the profile says that another interface is dressed as SSPI
    differences_by: Mapping[str, int] = field(default_factory=dict)  # then: how many are the library's, the adapter's
    kills: Kills | None = None            # of the last run of `mutants`
    page: str = ""                        # where the HTML page is, or why there is none

    @property
    def rate(self) -> float:
        return self.played / self.seconds if self.seconds > 0 else 0.0


def summarise(results: Sequence[Result], captures: Captures, unused: Sequence[UnusedEntry],
              realm_ready: float | None, seconds: float, interrupted: bool = False) -> Summary:
    """Count everything and decide the exit code."""
    verdicts = Counter(result.verdict.label for result in results)
    mechanisms: dict[str, Counter[str]] = {}
    not_run = Counter(result.reason for result in results if result.verdict is Verdict.UNSUPPORTED)
    held: Counter[tuple[str, bool]] = Counter()
    differ: Counter[tuple[str, bool]] = Counter()
    for result in results:
        name = patterns.implied(result.case.settings)["mechanism"]
        mechanisms.setdefault(name, Counter())[result.verdict.label] += 1
        if result.trace is None or result.verdict in (Verdict.UNSUPPORTED, Verdict.ERROR):
            continue
        wrong = {one.path for one in result.differences}
        for path, expectation in captures.of(result.case).paths.items():
            if matchers.side_of(path, result.case) in ("", result.case.subject):
                counter = differ if path in wrong else held
                counter[expectation.evidence, expectation.binding] += 1
    code, meaning = _exit(results, unused, interrupted)
    return Summary(
        verdicts=_ordered(verdicts), mechanisms={name: _ordered(mechanisms[name]) for name in sorted(mechanisms)},
        not_run=dict(not_run.most_common()), evidence={kind: _tally(held, differ, kind) for kind in EVIDENCE
                  if any(key[0] == kind for key in (*held, *differ))},
        binding=_tally(held, differ, True), advisory=_tally(held, differ, False), unused=tuple(unused),
        realm_ready=realm_ready, seconds=seconds, played=sum(result.trace is not None for result in results),
        exit_code=code, meaning=meaning, split=split(results), builds=told_apart(results, captures),
        unrecorded=len(unrecorded((result.case for result in results if result.trace is not None), captures)),
        covering=_ordered(Counter(result.verdict.label for result in results if result.case.scenario.covering)))


def _exit(results: Sequence[Result], unused: Sequence[UnusedEntry], interrupted: bool) -> tuple[int, str]:
    count = Counter(result.verdict for result in results)
    if interrupted:
        return 2, f"interrupted after {_cases(len(results))}"
    if count[Verdict.ERROR]:
        return 2, f"{MEANINGS[2]} in {_cases(count[Verdict.ERROR])}"
    if count[Verdict.FAIL] or unused:
        parts = [f"{MEANINGS[1]} in {_cases(count[Verdict.FAIL])}"] if count[Verdict.FAIL] else []
        if unused:
            parts.append(f"{len(unused)} known failure{'s' if len(unused) > 1 else ''} never used")
        return 1, ", ".join(parts)
    if not any(result.verdict > Verdict.UNSUPPORTED for result in results):
        return 2, "nothing was checked, so nothing was shown"
    return 0, MEANINGS[0]


def _cases(number: int) -> str:
    return f"{number} case{'' if number == 1 else 's'}"


def _ordered(counter: Mapping[str, int]) -> dict[str, int]:
    return {verdict.label: counter[verdict.label] for verdict in Verdict if counter.get(verdict.label)}


def _tally(held: Counter[tuple[str, bool]], differ: Counter[tuple[str, bool]], wanted: str | bool) -> Tally:
    """Of one kind of evidence, or of what binds (True) or advises (False)."""
    at = 0 if isinstance(wanted, str) else 1
    return Tally(*(sum(number for key, number in counter.items() if key[at] == wanted) for counter in (held, differ)))


def repeat_command(case: Case, impl: str, peer: str, strict: bool, build: str = "build", also: Path | None = None) -> str:
    """The command that plays one case again."""
    words = ["harness/sspi-conform", "run", case.id, "--impl", impl]
    if peer != "default":
        words += ["--peer", peer]
    if build != "build":
        words += ["--build", build]
    if strict:
        words.append("--strict")
    if also:
        words += ["--also", str(also)]
    return " ".join(words[:2] + [shlex.quote(word) for word in words[2:]])


def as_json(summary: Summary) -> dict[str, Any]:
    """For results.json."""
    return {
        "cases": sum(summary.verdicts.values()), "verdicts": dict(summary.verdicts),
        "mechanisms": {name: dict(counts) for name, counts in summary.mechanisms.items()},
        "covering": dict(summary.covering), "unsupported": dict(summary.not_run),
        "unrecorded": summary.unrecorded,
        "expectations": {
            "binding": vars(summary.binding), "advisory": vars(summary.advisory),
            "evidence": {kind: vars(tally) for kind, tally in summary.evidence.items()}},
        "adapter": summary.adapter, "differences_by": dict(summary.differences_by), "unused_known_failures": [str(entry) for entry in summary.unused],
        "mutants": None if summary.kills is None else vars(summary.kills),
        "windows": None if summary.builds is None else {build: list(ids) for build, ids in summary.builds.items()},
        "realm_ready_seconds": summary.realm_ready, "seconds": round(summary.seconds, 6),
        "split": {name: round(value, 9) for name, value in vars(summary.split).items()},
        "cases_per_second": round(summary.rate, 1), "exit": summary.exit_code, "meaning": summary.meaning,
    }
