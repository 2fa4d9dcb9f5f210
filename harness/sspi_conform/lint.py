# SPDX-License-Identifier: Apache-2.0
"""What is refused in the captures as a whole, once every file of them has been read."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import coverage, matchers
from .captures import Captures, unjudged
from .model import ConformError, Expectation, Record
from .project import Project
from .windows import BUILDS

# Where a fact may come from: Windows itself, those who document it, and those who use it.
CITATIONS = frozenset((
    "capture", "commit-message", "developer-observation", "doc", "header-constants", "issue-or-pr", "kb", "open-spec",
    "rfc", "search", "windows-consumer-code", "windows-observation", "windows-test"))


def problems(project: Project) -> Iterator[ConformError]:
    """Every finding, with file, line and what to do."""
    captures = project.captures
    for case in unjudged(project.cases, captures):
        yield ConformError(f"nothing is expected of the {case.subject} in case '{case.id}'", case.scenario.source,
                           "Add a record below captures/, or observe-only: reason to the scenario.")
    yield from _twice(captures)
    yield from _idle(captures)
    for source in captures.sources.values():
        for kind in {str(one["kind"]) for one in source.citations} - CITATIONS:
            yield ConformError(f"source '{source.id}' cites '{kind}', which is no kind of citation", source.source,
                               f"Known: {', '.join(sorted(CITATIONS))}. What an implementation does is none.")
    for name in coverage.report(project)["facts"]["missing"]:
        yield ConformError(f"source '{name}' judges no case", captures.sources[name].source,
                           "Cite it in a record, or say in captures/unjudged.yaml why no case can judge it.")


def _twice(captures: Captures) -> Iterator[ConformError]:
    seen: dict[Any, Record] = {}
    for record in captures.records:
        for pattern in record.patterns:
            for path, matcher in record.expect.items():
                key = (pattern, path, matcher, record.evidence, record.builds,
                       tuple(sorted(one.id for one in record.sources)))
                first = seen.setdefault(key, record)
                if first is not record:
                    yield ConformError(f"{path} of '{pattern}' was said before, at {first.source}, with the same sources",
                                       record.source, "Remove one of the two.")


def _idle(captures: Captures) -> Iterator[ConformError]:
    """Records that decide nothing anywhere. A further witness of what others decide stays; so does one that says
    otherwise, with a reason."""
    deciding = {id(record) for view in (captures, *(captures.for_build(build) for build in BUILDS))
                for one in view.expectations.values() for path in one.paths.values() for record in path.records}
    where: dict[int, list[Expectation]] = {}
    for one in captures.expectations.values():
        for record in one.records:
            where.setdefault(id(record), []).append(one)
    for record in captures.records:
        if id(record) in deciding:
            if record.beside:
                yield ConformError("'beside' in a record that decides something", record.source, "Remove 'beside'.")
            continue
        stronger, otherwise = _against(record, where.get(id(record), []))
        if record.beside:
            continue
        if otherwise:
            yield ConformError(f"the record decides nothing: what it says of {otherwise} is overruled by "
                               f"{stronger[otherwise].source}", record.source,
                               "Limit one of the two to builds, remove it, or say in 'beside: reason' why it stays.")
        elif {one.id for one in record.sources} <= {one.id for by in stronger.values() for one in by.sources}:
            yield ConformError("the record decides nothing and brings no further witness; stronger ones such as "
                               f"{next(iter(stronger.values())).source} say it all", record.source, "Remove it.")


def _against(record: Record, expectations: list[Expectation]) -> tuple[Mapping[str, Record], str]:
    """By path a record that decides in its place, and a path of which that says something else."""
    stronger: dict[str, Record] = {}
    for one in expectations:
        for path, matcher in record.expect.items():
            decided = one.paths[path]
            stronger.setdefault(path, decided.records[0])
            if all(any(matchers.conflict(path, matcher, other) for other in group) for group in decided.alternatives):
                return stronger | {path: decided.records[0]}, path
    return stronger, ""
