# SPDX-License-Identifier: Apache-2.0
"""Expectation against trace. Knows nothing of processes, realms or files."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import adapter, matchers
from .captures import EVIDENCE, Captures, merge
from .model import Case, Difference, Ended, Expectation, PathExpectation, Record, Result, Trace, Verdict, show
from .profiles import KnownFailure, Profile
from .windows import BUILDS

NEVER = "never reached"
_NO_PROFILE: tuple[KnownFailure, ...] = ()


@dataclass(frozen=True)
class Rules:
    """How strictly a run is judged."""

    strict: bool = False
    peer_is_harness: bool = True      # the counterpart is the harness's own peer, so its death is the harness's fault
    adapter: bool = False             # the subject is dressed by an adapter: say of each difference whose it is


@dataclass(frozen=True)
class UnusedEntry:
    """A known failure that did not happen although every case it names was run."""

    profile: str
    entry: KnownFailure

    def __str__(self) -> str:
        return (f"{self.entry.source}: known failure '{self.entry.pattern.text}' was never used: "
                "each of its cases is unsupported. Remove the entry.")


def judge(case: Case, expectation: Expectation, trace: Trace, known: Sequence[KnownFailure] = _NO_PROFILE,
          rules: Rules = Rules()) -> Result:
    """The verdict on one case."""
    ended = trace.ended
    if ended is not None and ended.kind == "unsupported":
        return Result(case, Verdict.UNSUPPORTED, trace=trace, reason=ended.detail, seconds=trace.seconds)
    if ended is not None and ended.kind == "undeclared":
        reason = f"it answered `unsupported` to {ended.last_call} ({ended.detail}), and no profile says that it lacks that"
        return Result(case, Verdict.FAIL, trace=trace, reason=reason, seconds=trace.seconds)
    if ended is not None and _is_harness_fault(ended, case, rules):
        return Result(case, Verdict.ERROR, trace=trace, reason=_how(ended), seconds=trace.seconds)
    paths = {path: one for path, one in expectation.paths.items()
             if matchers.side_of(path, case) in ("", case.subject)}
    differences, acceptable = _compare(case, paths, trace)
    if rules.adapter:
        differences = [replace(one, by=adapter.whose(one.path, trace.observed.get(one.path), paths.get(one.path)))
                       for one in differences]
    if ended is None and not paths and not case.scenario.observe_only:
        return Result(case, Verdict.ERROR, trace=trace, seconds=trace.seconds,
                      reason="nothing is expected of this case, so it proves nothing; add a capture or observe-only")
    verdict, reason = Verdict.PASS, ""
    if not paths:  # played, so that a crash shows, but nothing was compared: no pass
        verdict, reason = Verdict.DISABLED, f"observed only: {case.scenario.observe_only}"
    if acceptable:
        verdict, reason = Verdict.ACCEPTABLE, "; ".join(acceptable)
    if differences:
        verdict = Verdict.DIFFERS
        if rules.strict or any(one.binding for one in differences):
            verdict = Verdict.FAIL
    evidence = strongest([one.evidence for one in differences] or [one.evidence for one in paths.values()])
    if ended is not None:
        reason = _how(ended)
    result = Result(case, verdict, tuple(differences), trace, evidence, reason, trace.seconds)
    return _with_known(result, known, trace.observed) if known else result


def strongest(kinds: Iterable[str]) -> str:
    """The strongest of some kinds of evidence, empty for none."""
    return min(kinds, key=EVIDENCE.index, default="")


def told_apart(results: Iterable[Result], captures: Captures) -> dict[str, tuple[str, ...]] | None:
    """For each build of Windows the cases in which the implementation is not like it; None when no case depends on the build.

    Looks only at binding expectations that are limited to some builds: what differs from every build tells none apart.
    """
    found: dict[str, list[str]] = {build: [] for build in BUILDS}
    depends = False
    for result in results:
        records = captures.whole(result.case).records
        if result.trace is None or result.verdict in (Verdict.UNSUPPORTED, Verdict.ERROR) \
                or not any(record.builds for record in records):
            continue
        wrong = {build: _binding_differences(result, [one for one in records if one.holds_for(build)])
                 for build in BUILDS}
        depends = depends or any(record.builds and record.binding for record in records)
        common = set.intersection(*wrong.values())
        for build, paths in wrong.items():
            if paths - common:
                found[build].append(result.case.id)
    return {build: tuple(ids) for build, ids in found.items()} if depends else None


def _binding_differences(result: Result, records: Sequence[Record]) -> set[str]:
    assert result.trace is not None
    paths = {path: one for path, one in merge(result.case.id, records).paths.items()
             if matchers.side_of(path, result.case) in ("", result.case.subject)}
    return {one.path for one in _compare(result.case, paths, result.trace)[0] if one.binding}


def _is_harness_fault(ended: Ended, case: Case, rules: Rules) -> bool:
    return ended.kind == "harness" or (not case.is_subject(ended.side) and rules.peer_is_harness)


def _how(ended: Ended) -> str:
    where = f" in {ended.last_call}" if ended.last_call else ""
    who = f" ({ended.side})" if ended.side else ""
    return f"{ended.kind}{where}{who}: {ended.detail}"


def _compare(case: Case, paths: Mapping[str, PathExpectation], trace: Trace) -> tuple[list[Difference], list[str]]:
    differences: list[Difference] = []
    acceptable: list[str] = []
    clause = "; ".join(case.scenario.clause)
    if trace.ended is not None:
        died = _death(trace)
        differences.append(Difference("end", "the implementation goes on", died, "documented", True, clause))
    for path in trace.observed:
        if path.endswith("canary") and trace.observed[path] == "broken" \
                and matchers.side_of(path, case) in ("", case.subject):
            differences.append(Difference(path, "intact", "broken: written behind the buffer", "documented", True,
                                          clause))
    for path, one in paths.items():
        holding = [group for group in one.alternatives
                   if all(matchers.holds(matcher, path, trace.observed) for matcher in group)]
        if not holding:
            actual = show(trace.observed[path]) if path in trace.observed else why_missing(path, case, trace)
            differences.append(Difference(path, str(one), actual, one.evidence, one.binding, clause, one.records))
        elif one.contradicted:
            acceptable.append(f"{path} {show(trace.observed.get(path, 'absent'))}: sources contradict each other, "
                              f"{one} are all accepted")
    return differences, acceptable


def _death(trace: Trace) -> str:
    """How the implementation died, in the words of the path `end`."""
    if "end" in trace.observed or trace.ended is None:
        return str(trace.observed.get("end"))
    detail = f" {trace.ended.detail.partition(';')[0]}" if trace.ended.kind == "crash" else ""
    return f"{trace.ended.kind}{detail}" + (f" in {trace.ended.last_call}" if trace.ended.last_call else "")


def why_missing(path: str, case: Case, trace: Trace) -> str:
    """Why a path was never reached."""
    if trace.ended is not None:
        return f"{NEVER}: {_death(trace)}"
    leg = path.partition(".token.")[0] + ".token"
    if ".token." in path and leg in trace.observed:
        kind = trace.observed[leg]
        return f"{NEVER}: no token came" if kind == "none" else f"absent from the token ({show(kind)})"
    legs = [one for one in trace.observed if one.endswith(".status") and (".leg." in one or ".acquire." in one)]
    if not legs:
        return f"{NEVER}: no call got that far"
    return f"{NEVER}: the play ended after {legs[-1]} {show(trace.observed[legs[-1]])}"


def _with_known(result: Result, known: Sequence[KnownFailure], observed: Mapping[str, Any]) -> Result:
    """A known failure must happen exactly as its entry says."""
    places = ", ".join(entry.source for entry in known)
    if result.verdict in (Verdict.PASS, Verdict.ACCEPTABLE):
        reason = f"unexpected pass: {places} calls this a known failure. Remove the entry."
        return _again(result, Verdict.FAIL, reason)
    covered: set[str] = set()
    for entry in known:
        for path, matcher in entry.outcome.items():
            if not matchers.holds(matcher, path, observed):
                was = show(observed[path]) if path in observed else NEVER
                return _again(result, Verdict.FAIL, f"a different failure than {entry.source} knows: it says "
                              f"{path} {matcher}, here it is {was}")
            covered.add(path)
    # What was never reached follows from the failure; what was reached must be listed.
    others = [one.path for one in result.differences if one.path not in covered and one.path in observed]
    if others:
        return _again(result, Verdict.FAIL, f"more is wrong than {places} knows: {', '.join(others)}")
    return _again(result, Verdict.KNOWN_FAILURE, "; ".join(f"{entry.reason} ({entry.source})" for entry in known))


def _again(result: Result, verdict: Verdict, reason: str) -> Result:
    """The result with another verdict, for a stated reason."""
    return Result(result.case, verdict, result.differences, result.trace, result.evidence, reason, result.seconds)


def unused(profile: Profile, results: Sequence[Result], cases: Iterable[Case]) -> list[UnusedEntry]:
    """Known failures that nothing used, though the run covered every case they name."""
    ran = {result.case.id: result for result in results}
    found = []
    cases = list(cases)
    for entry in profile.known_failures:
        named = [case for case in cases if entry.pattern.matches(case)]
        if all(case.id in ran for case in named) and not any(_may_use(ran[case.id], profile) for case in named):
            found.append(UnusedEntry(profile.name, entry))
    return found


def _may_use(result: Result, profile: Profile) -> bool:
    """Whether a case used a known failure, or would have, had this machine been able to play it."""
    if result.verdict is Verdict.UNSUPPORTED:
        return result.trace is None and not profile.why_unsupported(result.case)
    return result.verdict in (Verdict.KNOWN_FAILURE, Verdict.FAIL, Verdict.ERROR)


def unsupported(case: Case, profile: Profile, lacking: Mapping[str, str] | None = None) -> Result | None:
    """The result of a case that the profile says is not supported, or this machine (by feature), without playing it."""
    reason = profile.why_unsupported(case) or next(
        (sentence for feature, sentence in (lacking or {}).items() if feature in case.needs), "")
    return Result(case, Verdict.UNSUPPORTED, reason=reason) if reason else None


def judge_all(pairs: Iterable[tuple[Case, Trace]], captures: Captures, profile: Profile,
              rules: Rules) -> Iterable[Result]:
    """Judge traces as they come."""
    for case, trace in pairs:
        yield judge(case, captures.of(case), trace, profile.known(case), rules)
