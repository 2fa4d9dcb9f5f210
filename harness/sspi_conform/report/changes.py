# SPDX-License-Identifier: Apache-2.0
"""What differs between two runs, and what a run left to do again. Both read results.json."""
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..model import ConformError, Verdict
from .results import SCHEMA

_UNFINISHED = tuple(verdict.label for verdict in (Verdict.FAIL, Verdict.ERROR))


@dataclass(frozen=True)
class Change:
    """A case that went another way; "" stands for the run it was no part of."""

    case: str
    before: str
    after: str
    paths: tuple[str, ...] = ()  # "path: this, was that"

    def lines(self) -> list[str]:
        first = f"{self.case}: {self.after or 'not in the second run'}"
        if self.before != self.after:
            first += f", was {self.before}" if self.before else ", not in the first run"
        return [first, *(f"  {path}" for path in self.paths)]


def read(path: Path) -> dict[str, Any]:
    """A results.json, or that of a report folder."""
    file = path / "results.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConformError(f"cannot read {file}: {error.strerror}", "", "Give a results.json or the folder it is in.") from error
    except ValueError as error:
        raise ConformError(f"{file} is no JSON: {error}", "", "It may have been cut off; run again.") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA or not isinstance(content.get("cases"), list):
        raise ConformError(f"{file} is no results.json of schema {SCHEMA}", "", "`sspi-conform run` writes one.")
    return content


def unfinished(path: Path) -> list[str]:
    """The cases of a run that failed or were not judged because the harness broke."""
    return [entry["id"] for entry in read(path)["cases"] if entry["verdict"] in _UNFINISHED]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Every case whose verdict or differences are not the same, in the order of the second run."""
    first = {entry["id"]: entry for entry in before["cases"]}
    second = {entry["id"]: entry for entry in after["cases"]}
    found = []
    for name in [*second, *(name for name in first if name not in second)]:
        one, other = first.get(name), second.get(name)
        if one is None or other is None:
            found.append(Change(name, one["verdict"] if one else "", other["verdict"] if other else ""))
            continue
        paths = _paths(_actual(one), _actual(other))
        if one["verdict"] != other["verdict"] or paths:
            found.append(Change(name, one["verdict"], other["verdict"], paths))
    return found


def as_json(found: list[Change]) -> dict[str, Any]:
    return {"schema": SCHEMA, "changes": [asdict(one) for one in found]}


def _actual(entry: Mapping[str, Any]) -> dict[str, str]:
    return {one["path"]: str(one["actual"]) for one in entry.get("differences", ())}


def _paths(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for path in dict.fromkeys([*before, *after]):
        if path not in after:
            found.append(f"{path}: as expected now, was {before[path]}")
        elif path not in before:
            found.append(f"{path}: {after[path]}, was as expected")
        elif before[path] != after[path]:
            found.append(f"{path}: {after[path]}, was {before[path]}")
    return tuple(found)
