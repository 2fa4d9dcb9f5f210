# SPDX-License-Identifier: Apache-2.0
"""run: play cases, compare with Windows, report."""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import adapter, coverage, judge
from ..captures import judged_paths
from ..model import Case, ConformError, Result, Trace, Verdict
from ..profiles import Profile
from ..project import BUILD, Project, open_project
from ..report import detail, junit, results
from ..report.changes import unfinished
from ..report.kills import read_kills
from ..report.summary import Summary, repeat_command, summarise
from ..report.terminal import Printer
from ..windows import BUILDS

if TYPE_CHECKING:
    from ..report.run_cases import Cases

_EPILOG = """\
examples:
  sspi-conform run                                     everything, against libsspi
  sspi-conform run cbt 'flag[mechanism=*Kerberos]'     some cases; * and | are allowed
  sspi-conform run --impl winpr2 --strict              another implementation, advisory counts too
  sspi-conform run --impl build/libsspi.so --peer self the same library on both sides
  sspi-conform run --shard 1/4                         the first of four parts, the same on every machine
  sspi-conform run --windows 2019                      what is known of this build only
  sspi-conform run --dry-run cbt                       what would be played
  sspi-conform run --rerun-failed                      what did not pass in the last run
  sspi-conform run cbt --repeat-until-failure 50       is it stable?

The last line is `exit N: meaning`. build/report/ gets index.html (every case, to open in
a browser), results.json, junit.xml and a folder per case that did not go as expected."""
_ATTENTION = (Verdict.FAIL, Verdict.ERROR, Verdict.DIFFERS, Verdict.KNOWN_FAILURE)
Pairs = Iterator[tuple[Case, Trace]]
Engine = Callable[[Sequence[Case], Any, Callable[[Any], None]], Pairs]


def add(commands: Any) -> None:
    parser = commands.add_parser("run", help="play cases and compare with Windows", epilog=_EPILOG,
                                 description="Plays cases against an implementation and compares with Windows.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*", metavar="CASE-PATTERN", help="id or id[axis=value,...]; all without")
    add_implementation(parser)
    parser.add_argument("--also", metavar="DIR", type=Path, help="a folder of one's own with scenarios, as reproduce writes them")
    parser.add_argument("--json", action="store_true", help="results.json on standard output instead of lines")
    parser.add_argument("--shard", metavar="I/N", type=_shard, help="the I-th of N parts")
    parser.add_argument("--rerun-failed", action="store_true",
                        help="only what failed or was not judged in the last run, as its report says")
    parser.add_argument("--repeat-until-failure", metavar="N", type=_positive, nargs="?", const=0,
                        help="again and again until a run is not as expected, at most N times")
    parser.add_argument("--random-order", metavar="SEED", help="play in an order drawn from SEED")
    parser.add_argument("--strict", action="store_true", help="advisory expectations count like binding ones")
    parser.add_argument("--windows", metavar="BUILD", choices=BUILDS,
                        help=f"what is known of one build alone: {', '.join(BUILDS)} (default: any)")
    parser.add_argument("--dry-run", action="store_true", help="print the cases that would be played")
    parser.add_argument("--no-html", action="store_true", help="no index.html, the page that shows every case")
    parser.add_argument("--report", metavar="DIR", type=Path, help="where to write the report (default build/report)")
    parser.add_argument("--gdb", action="store_true", help="stop inside the implementation, in gdb on this terminal; one case")
    parser.add_argument("--jobs", metavar="N", type=_positive, default=0, help="pipelines side by side (default: cores)")
    parser.add_argument("-v", "--verbose", action="store_true", help="every case and every difference")
    parser.set_defaults(command=run)


def add_implementation(parser: argparse.ArgumentParser) -> None:
    """The options that say what is tested against whom."""
    parser.add_argument("--impl", metavar="NAME|PATH", default="libsspi",
                        help="a profile of harness/implementations, a profile file or a library (default libsspi)")
    parser.add_argument("--peer", choices=("default", "self", "libsspi"), default="default",
                        help="the other side: the independent peer, the same implementation, or libsspi")
    parser.add_argument("--build", metavar="DIR", default=BUILD,
                        help="the build whose probe and libsspi are used (default build)")


@dataclass
class Run:
    """One run: what it plays and what came of it."""

    project: Project
    profile: Profile
    options: argparse.Namespace
    results: list[Result] = field(default_factory=list)
    realm_ready: float | None = None
    seconds: float = 0.0
    interrupted: bool = False
    page: Cases | None = None  # what the HTML page says of each case, when there is to be one

    def repeat(self, case: Case) -> str:
        return repeat_command(case, self.options.impl, self.options.peer, self.options.strict, self.options.build,
                              getattr(self.options, "also", None))

    def play(self, cases: Sequence[Case], printer: Printer, engine: Engine | None = None) -> None:
        """Play and judge the cases, handing results to the printer as they come."""
        rules = judge.Rules(self.options.strict, self.options.peer == "default", self.profile.adapter)
        to_play = []
        lacking = lacking_here(cases)
        for case in cases:
            result = self._unknown(case) or judge.unsupported(case, self.profile, lacking)
            if result is None:
                to_play.append(case)
            else:
                self._take(result, printer)
        if not to_play:
            return
        program = programs(self.project, self.profile, self.options)
        start = time.monotonic()

        def ready(realm: Any) -> None:
            nonlocal start
            self.realm_ready = getattr(realm, "ready_seconds", None)
            start = time.monotonic()

        try:
            with closing((engine or _pipelines)(to_play, program, ready)) as pairs:
                for result in judge.judge_all(pairs, self.project.captures, self.profile, rules):
                    self._take(result, printer)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.seconds = time.monotonic() - start

    def _unknown(self, case: Case) -> Result | None:
        """The result of a case of which nothing is known for the build of Windows that was asked for."""
        if not getattr(self.options, "windows", None) or case.scenario.observe_only or judged_paths(case, self.project.captures):
            return None
        return Result(case, Verdict.UNSUPPORTED, reason=f"nothing is known of Windows {self.options.windows} here")

    def _take(self, result: Result, printer: Printer) -> None:
        if self.page is not None:
            self.page.add(result)
        self.results.append(result)
        printer.result(result, self.repeat(result.case))

    def ordered(self, cases: Sequence[Case]) -> list[Result]:
        """The results in the order of the run's list."""
        place = {case.id: number for number, case in enumerate(cases)}
        return sorted(self.results, key=lambda result: place[result.case.id])

    def draw(self) -> None:
        """Make the page while the cases are played."""
        from ..report.run_cases import Cases  # what draws takes a moment to load

        self.page = Cases(self.project.captures, self.profile.name, self.repeat)

    def summary(self) -> Summary:
        unused = judge.unused(self.profile, self.results, self.project.cases)
        found = summarise(self.results, self.project.captures, unused, self.realm_ready, self.seconds,
                          self.interrupted)
        kills = read_kills(self.project.output_folder, self.project.root)
        by = Counter(one.by for result in self.results for one in result.differences)
        whose = {name: by[name] for name in (adapter.LIBRARY, adapter.ADAPTER)} if self.profile.adapter else {}
        return replace(found, adapter=self.profile.adapter, differences_by=whose, kills=kills)


def run(options: argparse.Namespace, engine: Engine | None = None) -> int:
    project = open_project(options.root, also=options.also)
    profile = project.profile(options.impl, options.build)
    if options.windows:
        project = replace(project, captures=project.captures.for_build(options.windows))
    cases = chosen(project, options)
    if options.dry_run:
        return _dry_run(cases, profile, options)
    if options.gdb and len(cases) != 1:
        raise ConformError(f"--gdb with {len(cases)} cases", "", "Give the one case to look at.")
    folder = options.report or project.report_folder
    most, code, done = options.repeat_until_failure, 0, 0
    while not done or (most is not None and code == 0 and done != most):
        code = _play_once(project, profile, cases, options, folder, engine)
        done += 1
    if most is not None and not options.json:
        print(f"run {done} was not as expected" if code else f"{done} runs were as expected")
    return code


def _play_once(project: Project, profile: Profile, cases: Sequence[Case], options: argparse.Namespace, folder: Path,
               engine: Engine | None) -> int:
    """A run from its first case to its report; returns the exit code."""
    detail.prepare(folder)
    printer = Printer(sys.stdout, len(cases), options.verbose, quiet=options.json)
    printer.notice(forecast(profile, cases, options))
    one = Run(project, profile, options)
    if not options.no_html:
        one.draw()
    one.play(cases, printer, _under_gdb if options.gdb else engine)
    summary, content = write_report(one, cases, folder)
    if options.json:
        json.dump(content, sys.stdout, indent=1)
        print()
        print(f"exit {summary.exit_code}: {summary.meaning}", file=sys.stderr)
    printer.finish(summary)
    return summary.exit_code


def forecast(profile: Profile, cases: Sequence[Case], options: argparse.Namespace) -> str:
    """How long an implementation takes that says it is slow."""
    jobs = min(options.jobs or len(os.sched_getaffinity(0)), len(cases) or 1)
    return profile.forecast([case for case in cases if not profile.why_unsupported(case)], jobs)


def write_report(one: Run, cases: Sequence[Case], folder: Path) -> tuple[Summary, dict[str, Any]]:
    """results.json, junit.xml, the details and the page; returns the summary, which tells of the page, and results.json."""
    summary = one.summary()
    ordered = one.ordered(cases)
    content = _write_results(one, summary, ordered, folder)
    judged = coverage.judged_cases(one.project, cases)
    if len(cases) == len(one.project.cases):
        counted = coverage.report(one.project, judged)
        (folder / "coverage.json").write_text(coverage.as_json(counted), encoding="utf-8")
        summary = replace(summary, coverage=coverage.in_a_line(counted))
    if one.page is not None:
        summary = replace(summary, page=_write_page(one, one.page, summary, ordered, judged, content, folder))
    return summary, content


def chosen(project: Project, options: argparse.Namespace) -> list[Case]:
    """The cases of this run in the order in which they are played."""
    cases = project.select(options.patterns)
    if options.rerun_failed:
        failed = set(unfinished(options.report or project.report_folder))
        cases = [case for case in cases if case.id in failed]
        if not cases:
            raise ConformError("nothing failed in the last run", "", "Run without --rerun-failed.")
    if options.shard:
        number, count = options.shard
        cases = [case for case in cases if shard_of(case.id, count) == number]
        if not cases:
            raise ConformError(f"shard {number}/{count} holds no case", "", "Use fewer shards.")
    if options.random_order is not None:
        random.Random(options.random_order).shuffle(cases)
    return cases


def lacking_here(cases: Iterable[Case]) -> dict[str, str]:
    """Features that cases need and this machine cannot offer, each with the reason."""
    if not any("ad" in case.needs for case in cases):
        return {}
    from realm.ad import why_not

    reason = why_not()
    return {"ad": reason} if reason else {}


def shard_of(case_id: str, count: int) -> int:
    """The part (from 1) a case belongs to; depends on nothing but its id."""
    return int.from_bytes(hashlib.sha256(case_id.encode()).digest()[:8], "big") % count + 1


def programs(project: Project, profile: Profile, options: argparse.Namespace) -> Any:
    """The options of the engine."""
    from ..pipelines import RunOptions
    from ..programs import peer_program, program_of

    probe = project.probe(options.build)
    subject = program_of(profile, probe, project.root)
    counterpart = None
    if options.peer == "default":
        counterpart = peer_program()
    elif options.peer == "libsspi":
        counterpart = program_of(project.profile("libsspi", options.build), probe, project.root)
    return RunOptions(subject=subject, counterpart=counterpart, acceptor_identity=profile.acceptor_identity,
                      jobs=getattr(options, "jobs", 0), log=_tell if getattr(options, "verbose", False) else None)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _pipelines(cases: Sequence[Case], options: Any, ready: Callable[[Any], None]) -> Pairs:
    from ..pipelines import run_cases

    return run_cases(cases, options, ready)


def _under_gdb(cases: Sequence[Case], options: Any, ready: Callable[[Any], None]) -> Pairs:
    """An engine for one case with gdb in the foreground."""
    from ..debug import play_under_gdb

    ready(None)
    for case in cases:
        yield case, play_under_gdb(case, options)


def _dry_run(cases: Iterable[Case], profile: Profile, options: argparse.Namespace) -> int:
    cases = list(cases)
    lacking = lacking_here(cases)
    found = {case.id: judge.unsupported(case, profile, lacking) for case in cases}
    rows = [(name, result.reason if result else "") for name, result in found.items()]
    if options.json:
        json.dump([{"id": name, "unsupported": reason or None} for name, reason in rows], sys.stdout, indent=1)
        print()
        return 0
    for name, reason in rows:
        print(f"{name}  (unsupported: {reason})" if reason else name)
    played = sum(not reason for _, reason in rows)
    print(f"exit 0: {played} cases would be played, {len(rows) - played} are unsupported by {profile.name}")
    return 0


def _write_results(one: Run, summary: Summary, ordered: Sequence[Result], folder: Path) -> dict[str, Any]:
    """results.json, junit.xml and the details."""
    repeats = {result.case.id: one.repeat(result.case) for result in ordered if result.verdict in _ATTENTION}
    for result in ordered:
        if result.case.id in repeats:
            detail.write(folder, result, repeats[result.case.id])
    content = results.document(ordered, summary, one.profile, one.project.root, repeats)
    results.write(folder, content)
    junit.write(folder / "junit.xml", one.profile.name, ordered, summary, repeats)
    return content


def _write_page(one: Run, cases: Cases, summary: Summary, ordered: Sequence[Result], judged: list[coverage.Judged],
                content: dict[str, Any], folder: Path) -> str:
    """index.html; returns where it is. A machine that cannot make it has played the cases all the same."""
    from ..report import run_page

    try:
        return _from_here(run_page.write(folder, one.project, content, summary, ordered, judged, cases))
    except ConformError as problem:
        return f"{problem.what}; {problem.advice}"


def _from_here(path: Path) -> str:
    """A path as a person would type it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _shard(text: str) -> tuple[int, int]:
    number, slash, count = text.partition("/")
    if not (slash and number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"'{text}' is no part; write 1/4 for the first of four")
    return int(number), int(count)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return int(text)
