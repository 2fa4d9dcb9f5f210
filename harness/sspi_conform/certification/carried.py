# SPDX-License-Identifier: Apache-2.0
"""What a bundle says of a case, so that it can be judged by somebody who has nothing else."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import matchers
from ..captures import Captures, judged_paths
from ..judge import Rules, judge
from ..model import Case, Expectation, Matcher, PathExpectation, Result, Scenario, Trace
from ..report.detail import REDACTED
from .canonical import Malformed
from .profile import Certification

SCHEMA = 1
_MATCHERS = ("equals", "one-of", "includes", "not", "at-least", "at-most", "absent", "present")
_LONGEST = 86400  # seconds
_PLAIN = (str, int, bool, type(None))
# What is done wrong to content of the right kinds of JSON, where it is taken for a case.
_MISTAKES = (LookupError, TypeError, ValueError, AttributeError)


def required_set(certification: Certification, captures: Captures) -> dict[str, Any]:
    """The required set: what was claimed, what was played for it, what was expected and on which evidence."""
    return {
        "schema": SCHEMA,
        "profile": {"name": certification.name, "title": certification.title, "claim": certification.claim,
                    "required": list(certification.patterns),
                    "excluded": [{"case": list(one.patterns), "reason": one.reason} for one in certification.excluded]},
        "cases": {case.id: _case(case, captures) for case in certification.required},
    }


def _case(case: Case, captures: Captures) -> dict[str, Any]:
    scenario, known = case.scenario, captures.of(case).paths
    return {
        "scenario": scenario.id, "title": scenario.title, "clause": list(scenario.clause), "level": scenario.level,
        "severity": scenario.severity, "isolate": case.isolate, "needs": sorted(case.needs), "mechanism": case.mechanism,
        "settings": _json(case.settings), "play": _json(case.play),
        "expect": {path: _expectation(known[path]) for path in judged_paths(case, captures)},
    }


def _expectation(one: PathExpectation) -> dict[str, Any]:
    return {
        "alternatives": sorted(([_matcher(matcher) for matcher in group] for group in one.alternatives), key=repr),
        "evidence": one.evidence, "binding": one.binding, "contradicted": one.contradicted,
        "sources": sorted({source.id for record in one.records for source in record.sources}),
    }


def _matcher(one: Matcher) -> dict[str, Any]:
    return {"kind": one.kind, "value": _json(one.value), "excludes": _json(one.excludes)}


def _json(value: Any) -> Any:
    """Plain JSON of what YAML and the engine give."""
    if isinstance(value, Mapping):
        return {str(key): _json(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_json, value))
    if isinstance(value, _PLAIN):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a bundle")


def observation(trace: Trace, expectation: Expectation, case: Case) -> dict[str, Any]:
    """What was observed: every stored path, and of what is worked out on demand that which is expected.

    Session keys are replaced (that there was one still shows), and bytes that nothing is expected of are left out.
    """
    observed = {path: value for path, value in trace.observed.items() if not path.endswith(".hex") or path in expectation.paths}
    for path in expectation.paths:
        for one in (path, path.partition(".token.")[0] + ".token"):
            if matchers.side_of(path, case) in ("", case.subject) and one in trace.observed:
                observed[one] = trace.observed[one]
    observed |= {path: REDACTED for path, value in observed.items() if path.endswith(".SessionKey") and value}
    return {"observed": {path: _json(value) for path, value in sorted(observed.items())}, "seconds": round(trace.seconds, 6)}


@dataclass(frozen=True)
class Judged:
    """What the judge says of a bundle."""

    results: tuple[Result, ...]
    captures: Captures                     # the expectations that the bundle carries
    faults: tuple[tuple[str, str], ...]    # (case, why it could not be judged)


def judge_again(required: Mapping[str, Any], seen: Mapping[str, Any]) -> Judged:
    """The judge over every case that is both required and observed, by name. Whatever a bundle says of verdicts plays no part."""
    results, expectations, faults = [], {}, []
    for name in sorted(required.keys() & seen.keys()):
        try:
            case, expectation = _read_case(name, required[name])
            results.append(judge(case, expectation, _trace(seen[name]), rules=Rules()))
            expectations[name] = expectation
        except Malformed as error:
            faults.append((name, str(error)))
        except _MISTAKES as error:
            faults.append((name, f"it is not of the form of a case ({type(error).__name__}: {error})"))
    return Judged(tuple(results), Captures((), {}, expectations), tuple(faults))


def _trace(seen: Any) -> Trace:
    for path, value in seen["observed"].items():
        _check_observed(path, value)
    if not 0 <= seen["seconds"] <= _LONGEST:
        raise Malformed("it took no time that a case can take")
    return Trace(observed=dict(seen["observed"]), seconds=seen["seconds"])


def _check_observed(path: Any, value: Any) -> None:
    items = value if isinstance(value, list) else [value]
    if not isinstance(path, str) or not all(isinstance(one, _PLAIN) for one in items):
        raise Malformed(f"'{path}' is no observed path with a plain value or a list of them")


def _read_case(name: str, carried: Any) -> tuple[Case, Expectation]:
    settings, play = carried["settings"], tuple(carried["play"])
    scenario = Scenario(carried["scenario"], carried["title"], tuple(carried["clause"]), carried["level"], carried["severity"],
                        frozenset(carried["needs"]), carried["isolate"], {}, {}, play, "")
    case = Case(name, scenario, {}, settings, play, settings["subject"], carried["mechanism"], scenario.needs,
                scenario.isolate)
    paths = {path: _read_expectation(path, one) for path, one in carried["expect"].items()}
    if not any(one.binding for one in paths.values()):
        raise Malformed("it rests on advisory evidence alone")
    return case, Expectation(name, paths)


def _read_expectation(path: str, one: Any) -> PathExpectation:
    if not isinstance(one["binding"], bool) or not isinstance(one["contradicted"], bool) or not one["alternatives"] \
            or not all(one["alternatives"]):
        raise Malformed(f"the expectation of {path} says nothing")
    return PathExpectation(tuple(tuple(map(_read_matcher, group)) for group in one["alternatives"]), one["evidence"],
                           one["binding"], (), one["contradicted"])


def _read_matcher(one: Any) -> Matcher:
    value = one["value"]
    if one["kind"] not in _MATCHERS:
        raise Malformed(f"there is no matcher '{one['kind']}'")
    return Matcher(one["kind"], tuple(value) if isinstance(value, list) else value, tuple(one["excludes"]))
