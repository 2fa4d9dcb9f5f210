# SPDX-License-Identifier: Apache-2.0
"""show: one case, what it does, what Windows does and how we know; with --run, what happens here."""
from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from .. import adapter, judge, matchers, settings
from ..model import Case, Expectation, PathExpectation, Result, Source
from ..model import show as shown
from ..project import Project, open_project
from ..report.detail import observed_text
from .run import Engine, Run, add_implementation

_EPILOG = """\
examples:
  sspi-conform show 'cbt[mechanism=NTLM,initiator=other,acceptor=this]'
  sspi-conform show --run 'denied[package=NTLM,account=normal]' --impl winpr2"""


def add(commands: Any) -> None:
    parser = commands.add_parser("show", help="one case, what Windows does and how we know", epilog=_EPILOG,
                                 description="Shows one case.", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", metavar="CASE", help="a case id, or a pattern that one case matches")
    parser.add_argument("--run", action="store_true", help="play it and show what happens beside it")
    add_implementation(parser)
    parser.set_defaults(command=run)


def run(options: argparse.Namespace, engine: Engine | None = None) -> int:
    project = open_project(options.root, allow_unjudged=True)
    case = project.one(options.case)
    result = _play(project, case, options, engine) if options.run else None
    print("\n".join(lines(case, project.captures.of(case), result)))
    return 0


def lines(case: Case, expectation: Expectation, result: Result | None = None) -> list[str]:
    """Everything about a case; with a result, what happened too."""
    scenario = case.scenario
    inside = case.mechanism if case.mechanism == case.settings["package"] else \
        f"{case.settings['package']} with {case.mechanism} inside"
    text = [case.id, f"  {scenario.title}", f"  {scenario.source}; {scenario.level}, {scenario.severity} severity",
            *(f"  clause: {clause}" for clause in scenario.clause),
            f"  judged: the {case.subject}; {inside}; needs {', '.join(sorted(case.needs)) or 'nothing'}; "
            f"isolation {case.isolate}", "", "Settings that differ from the default"]
    different = settings.differing(case.settings)
    text += [f"  {key}: {_flow(value)}" for key, value in different.items()] or ["  none"]
    text += ["", "Play"] + [f"  {number}. {_flow(step)}" for number, step in enumerate(case.play, 1)]
    own = {path: one for path, one in expectation.paths.items()
           if matchers.side_of(path, case) in ("", case.subject)}
    others = {path: one for path, one in expectation.paths.items() if path not in own}
    text += ["", "What Windows does" + (" | what happened here" if result else "")]
    text += list(_table(own, case, result))
    if scenario.observe_only:
        text.append(f"  observed only, not judged: {scenario.observe_only}")
    if others:
        text += ["", "The other side (shown, never judged)", *_table(others, case, result, sources=False)]
    if result is not None:
        text += ["", f"Verdict: {result.verdict.label}" + (f": {result.reason}" if result.reason else "")]
        text += [f"  {one.path}: expected {one.expected}, got {one.actual}" + (f" ({adapter.SHOWN[one.by]})" if one.by else "")
                 for one in result.differences]
        if result.trace is not None:
            text += ["", "Everything observed", *(f"  {line}" for line in observed_text(result.trace).splitlines())]
    return text


def _table(paths: Mapping[str, PathExpectation], case: Case, result: Result | None,
           sources: bool = True) -> Iterator[str]:
    if not paths:
        yield "  nothing is known"
        return
    width = max(map(len, paths))
    middle = max(len(str(one)) for one in paths.values())
    for path, one in paths.items():
        line = f"  {path:<{width}}  {str(one):<{middle}}"
        if result is not None and result.trace is not None:
            there = path in result.trace.observed
            actual = shown(result.trace.observed[path]) if there else judge.why_missing(path, case, result.trace)
            wrong = path in {different.path for different in result.differences}
            line += f" | {actual}{'   <-- differs' if wrong else ''}"
        yield line.rstrip()
        if sources:
            yield from _why(one)


def _why(one: PathExpectation) -> Iterator[str]:
    yield f"      {one.evidence}, {'binding' if one.binding else 'advisory'}" + (
        ": the sources contradict each other, each is accepted" if one.contradicted else "")
    for record in one.records:
        windows = f" (Windows {record.windows})" if record.windows else ""
        yield f"      {record.source}{windows}"
        if record.note:
            yield from textwrap.wrap(f"note: {record.note}", 110, initial_indent=" " * 8, subsequent_indent=" " * 10)
        for source in record.sources:
            yield from source_lines(source, " " * 8)


def source_lines(source: Source, indent: str) -> Iterator[str]:
    """A fact with its citations."""
    yield from textwrap.wrap(f"{source.id}: {source.fact}", 110, initial_indent=indent, subsequent_indent=indent + "  ")
    for citation in source.citations:
        yield f"{indent}  [{citation['kind']}] {citation['text']}"
    for sentence in source.contradictions:
        yield from textwrap.wrap(f"contradicted: {sentence}", 110, initial_indent=indent + "  ",
                                 subsequent_indent=indent + "    ")
    if source.resolved:
        yield from textwrap.wrap(f"resolved: {source.resolved}", 110, initial_indent=indent + "  ",
                                 subsequent_indent=indent + "    ")


def _flow(value: Any) -> str:
    """A step or setting as one line of YAML (JSON is YAML)."""
    return value if isinstance(value, str) else json.dumps(value)


def _play(project: Project, case: Case, options: argparse.Namespace, engine: Engine | None) -> Result:
    options.strict = False
    one = Run(project, project.profile(options.impl, options.build), options)
    one.play([case], _Silent(), engine)
    return one.results[0]


class _Silent:
    """A printer for a run whose result is shown otherwise."""

    def result(self, result: Result, repeat: str) -> None:
        pass
