# SPDX-License-Identifier: Apache-2.0
"""The page of a run: summary, what differs and why that is known, coverage, every case."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..coverage import Judged
from ..model import Result, Verdict
from ..project import Project
from . import blocks
from .blocks import Block
from .draft import causes
from .page import Section, write_page
from .run_cases import TONES, Cases
from .run_coverage import Maps
from .summary import Summary
from .terminal import summary_lines

NAME = "index.html"
_FIRST = 8  # causes that stand in the summary; the rest is folded away
_ADVISORY = ("reported", "inferred")
_ORDER = (Verdict.PASS, Verdict.ACCEPTABLE, Verdict.KNOWN_FAILURE, Verdict.DIFFERS, Verdict.FAIL, Verdict.ERROR,
          Verdict.UNSUPPORTED, Verdict.DISABLED)


def write(folder: Path, project: Project, content: Mapping[str, Any], summary: Summary, results: Sequence[Result],
          judged: Sequence[Judged], cases: Cases) -> Path:
    """Write the page of a run and return its path. `content` is its results.json, `results` stand in the same order and
    were added to `cases`."""
    path = folder / NAME
    name = content["implementation"]["name"]
    tone = {0: "good", 1: "bad"}.get(summary.exit_code, "fair")
    write_page(path, f"{name}, compared with Windows", sections(project, content, summary, results, judged, cases),
               f"exit {summary.exit_code}: {summary.meaning}", tone, summary_lines(summary))
    return path


def sections(project: Project, content: Mapping[str, Any], summary: Summary, results: Sequence[Result],
             judged: Sequence[Judged], cases: Cases) -> list[Section]:
    """The sections of the page, for commands that add some of their own."""
    return [
        Section("summary", "Summary", [*_numbers(summary), *_causes(results), *_about(content, summary)]),
        Section("evidence", "Strength of evidence", _evidence(summary)),
        Section("coverage", "Coverage", Maps(project, results, judged).blocks()),
        Section("cases", "Cases", [cases.block(one.case.id for one in results)]),
    ]


def _numbers(summary: Summary) -> list[Block]:
    count = summary.verdicts
    shown = [(one.label, count[one.label], TONES[one], _MEANS[one], urlencode({"verdict": one.label}))
             for one in _ORDER if count.get(one.label)]
    return [blocks.tiles([("cases", sum(count.values()), "", f"{summary.played} played"), *shown]),
            *(blocks.bar([(one.label, counts.get(one.label, 0), TONES[one]) for one in _ORDER], name)
              for name, counts in summary.mechanisms.items())]


_MEANS = {
    Verdict.PASS: "as Windows does", Verdict.ACCEPTABLE: "as one of two sources says", Verdict.DIFFERS: "from advice; nothing binds",
    Verdict.KNOWN_FAILURE: "named by the profile, with a reason", Verdict.FAIL: "not as Windows does",
    Verdict.ERROR: "the harness broke", Verdict.DISABLED: "played; no source says what is right",
    Verdict.UNSUPPORTED: "not played"}


def _about(content: Mapping[str, Any], summary: Summary) -> list[Block]:
    implementation = content["implementation"]
    rows = [("implementation", f"{implementation['name']} ({implementation['library'] or ' '.join(implementation['command'])})"),
            ("suite", content["suite"]["commit"] or "no commit"),
            ("machine", f"{content['host']['system']} {content['host']['machine']}")]
    if summary.played:
        rows.append(("speed", f"{summary.played} cases in {summary.seconds:.1f} s, {summary.rate:.0f} a second, {summary.split.calls} calls"))
    if summary.builds is not None:
        alike = [build for build, cases in summary.builds.items() if not cases]
        rows.append(("Windows", f"cannot be told from {', '.join(alike)}" if alike else "like no build in everything"))
    if summary.adapter:
        rows.append(("adapter", "statuses and whatever else it chooses are not the library's own"))
    found = [blocks.facts(rows)]
    found += [blocks.text(str(entry), tone="bad") for entry in summary.unused]
    if summary.not_run:
        found.append(blocks.fold(f"Not played: {sum(summary.not_run.values())} cases", [
            blocks.facts([(number, reason) for reason, number in summary.not_run.items()])]))
    return found


def _evidence(summary: Summary) -> list[Block]:
    def bar(name: str, tally: Any, tone: str) -> Block:
        return blocks.bar([("held", tally.held, "good"), ("not", tally.differ, tone)], name)

    found = [blocks.text("A binding expectation rests on a recording, a test or a document of Windows; an advisory one on reports or "
                         "reasoning. What binds decides."),
             bar("binding", summary.binding, "bad"), bar("advisory", summary.advisory, "fair"), blocks.heading("By kind, strongest first"),
             *(bar(kind, tally, "fair" if kind in _ADVISORY else "bad") for kind, tally in summary.evidence.items())]
    rows = [("unrecorded", f"of {summary.unrecorded} cases no source says what Windows does; they certify nothing")] if summary.unrecorded else []
    kills = summary.kills
    if kills:
        found += [blocks.heading("Faults put into libsspi, and whether a case noticed"),
                  blocks.bar([("by what binds", kills.killed - kills.advisory, "good"), ("by advice alone", kills.advisory, "fair"),
                              ("not noticed", kills.of - kills.killed, "bad")], "mutants")]
    rows.append(("mutants", str(kills) if kills else "not measured here; `make mutants` does"))
    return [*found, blocks.facts(rows)]


def _causes(results: Sequence[Result]) -> list[Block]:
    """Failures by what came instead of what was expected."""
    found = causes(results)
    if not found:
        return []
    rows = [[blocks.cell(one.path, to=urlencode({"verdict": Verdict.FAIL.label, "q": one.path})), one.outcome,
             "; ".join(one.expected[:2]), len(one.cases)] for one in found]
    head = ("path", "came", "expected", "cases")
    more = [blocks.fold(f"{len(rows) - _FIRST} more causes", [blocks.table(head, rows[_FIRST:])])] if len(rows) > _FIRST else []
    return [blocks.heading("Causes of failures"), blocks.table(head, rows[:_FIRST]), *more]
