# SPDX-License-Identifier: Apache-2.0
"""Lines for people. One thread prints: a line per difference; progress moves on a terminal, adds a line now and then in a pipe."""
from __future__ import annotations

import shutil
from typing import TextIO

from .. import adapter
from ..judge import NEVER
from ..model import Difference, Result, Verdict
from .summary import Summary, Tally

_LOUD = (Verdict.FAIL, Verdict.ERROR)
_NOT_PLAYED = "not played: "  # how the pipelines begin the reason of a case after the end of the realm


def difference_line(one: Difference) -> str:
    """`path expected x (evidence, sources; clause), got y`."""
    sources = dict.fromkeys(source.id for record in one.records for source in record.sources)
    why = [", ".join([one.evidence, *sources]) + ("" if one.binding else ", advisory")]
    if one.clause:
        why.append(f"clause {one.clause}")
    by = f" ({adapter.SHOWN[one.by]})" if one.by else ""
    return f"{one.path} expected {one.expected} ({'; '.join(why)}), got {one.actual}{by}"


def result_lines(result: Result, repeat: str) -> list[str]:
    """What is said of a case that needs attention."""
    name = f"{result.verdict.label} {result.case.id}"
    lines = [f"{name}: {result.reason}"] if result.reason else []
    differences = list(result.differences)
    if any(one.path == "end" for one in differences):  # a death explains what follows from it
        follow = [one for one in differences if one.actual.startswith(NEVER)]
        # The reason already says how it died.
        differences = [one for one in differences if one not in follow and not (one.path == "end" and result.reason)]
    else:
        follow = []
    lines += [f"{name}: {difference_line(one)}" for one in differences]
    if follow:
        lines.append(f"  {len(follow)} more expected paths were never reached")
    return [*(lines or [name]), f"  {repeat}"]


class Printer:
    """Shows results as they come."""

    def __init__(self, stream: TextIO, total: int, verbose: bool = False, quiet: bool = False) -> None:
        self._stream, self._total, self._verbose, self._quiet = stream, total, verbose, quiet
        self._moving = stream.isatty() and not quiet
        self._done = 0
        self._counts: dict[Verdict, int] = {}
        self._not_played = 0

    def result(self, result: Result, repeat: str) -> None:
        """One more result."""
        self._done += 1
        self._counts[result.verdict] = self._counts.get(result.verdict, 0) + 1
        if self._quiet:
            return
        if _NOT_PLAYED in result.reason and not self._verbose:
            self._not_played += 1  # one cause, told with the case it struck
        elif result.verdict in _LOUD or (self._verbose and result.differences):
            self.lines(result_lines(result, repeat))
        elif self._verbose:
            self.lines([f"{result.verdict.label} {result.case.id}" + (f": {result.reason}" if result.reason else "")])
        elif result.verdict is Verdict.DIFFERS:
            self.lines(result_lines(result, repeat)[:-1])
        if self._moving:
            self._move(result.case.id)
        elif self._done * 10 // self._total > (self._done - 1) * 10 // self._total and self._total >= 50:
            self.lines([f"{self._done} of {self._total} played: {self._tally()}"])

    def notice(self, text: str) -> None:
        """A sentence before the run."""
        if text and not self._quiet:
            self.lines([text])

    def lines(self, lines: list[str]) -> None:
        """Print lines above the moving one."""
        if self._moving:
            self._stream.write("\r\x1b[K")
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()

    def finish(self, summary: Summary) -> None:
        """The summary; its last line says how the run ended."""
        if self._quiet:
            return
        if self._not_played:
            self.lines([f"{self._not_played} more cases were not played for the same reason"])
        self.lines(summary_lines(summary))

    def _tally(self) -> str:
        return ", ".join(f"{self._counts[verdict]} {verdict.label}" for verdict in sorted(self._counts))

    def _move(self, case_id: str) -> None:
        text = f"[{self._done}/{self._total}] {self._tally()}  {case_id}"
        self._stream.write("\r\x1b[K" + text[:shutil.get_terminal_size().columns - 1])
        self._stream.flush()


def summary_lines(summary: Summary) -> list[str]:
    """A run in a dozen lines."""
    lines = ["", f"{sum(summary.verdicts.values())} cases: " + _counts(summary.verdicts)]
    width = max((len(name) for name in summary.mechanisms), default=0)
    lines += [f"  {name:<{width}}  {_counts(counts)}" for name, counts in summary.mechanisms.items()]
    if summary.covering:
        lines.append(f"Of these {sum(summary.covering.values())} from covering arrays, advisory: {_counts(summary.covering)}")
    lines += [f"Not played: {number} case{'' if number == 1 else 's'}: {reason}" for reason, number in summary.not_run.items()]
    if summary.adapter:
        of = summary.differences_by
        lines.append(f"Through an adapter: {sum(of.values())} paths differ, {of[adapter.LIBRARY]} by the library (tokens, flags, "
                     f"messages, whether it refuses), {of[adapter.ADAPTER]} by the adapter's choice (which status, memory, expiry)")
    lines.append(f"Expectations: binding {_tally(summary.binding)}; advisory {_tally(summary.advisory)}")
    lines += [f"  {kind:<10}  {_tally(tally)}" for kind, tally in summary.evidence.items()]
    if summary.unrecorded:
        lines.append(f"Unrecorded: no source says what Windows does in {summary.unrecorded} of the cases; they certify nothing")
    lines += [summary.coverage] if summary.coverage else []
    lines += _builds(summary)
    lines += [str(entry) for entry in summary.unused]
    if summary.played:
        ready = "" if summary.realm_ready is None else f"Realm ready after {summary.realm_ready * 1000:.0f} ms; "
        lines.append(f"{ready}{summary.played} cases played in {summary.seconds:.1f} s, {summary.rate:.0f} a second")
        one = summary.split
        lines.append(f"  in {one.calls} calls: implementation {one.implementation:.1f} s, counterpart {one.counterpart:.1f} s, "
                     f"harness {one.harness:.1f} s, {one.harness_per_call * 1e6:.0f} us a call (median)")
    if summary.kills is not None:
        lines.append(f"mutants: {summary.kills}")
    lines += [f"Page: {summary.page}"] if summary.page else []
    lines.append(f"exit {summary.exit_code}: {summary.meaning}")
    return lines


def _builds(summary: Summary) -> list[str]:
    """Which builds of Windows the implementation cannot be told from, and what decides about the others."""
    if summary.builds is None:
        return []
    alike = [build for build, cases in summary.builds.items() if not cases]
    lines = [f"Windows: cannot be told from {', '.join(alike)}" if alike else "Windows: like no build in everything"]
    for cases in dict.fromkeys(tuple(cases) for cases in summary.builds.values() if cases):
        names = ", ".join(build for build, found in summary.builds.items() if tuple(found) == cases)
        more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
        lines.append(f"  not {names}: {'; '.join(cases[:3])}{more}")
    return lines


def _counts(counts: object) -> str:
    return ", ".join(f"{number} {label}" for label, number in dict(counts).items()) or "none"  # type: ignore[call-overload]


def _tally(tally: Tally) -> str:
    return f"{tally.held} held, {tally.differ} not"
