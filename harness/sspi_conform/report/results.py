# SPDX-License-Identifier: Apache-2.0
"""results.json: the truth of a run, from which the other machine forms are made."""
from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..model import Difference, Result
from ..profiles import Profile
from .detail import folder_name
from .files import commit_of, write_whole
from .summary import Summary, as_json

SCHEMA = 1


def document(results: Sequence[Result], summary: Summary, profile: Profile, root: Path,
             repeats: Mapping[str, str]) -> dict[str, Any]:
    """Everything that a third person needs to read the run."""
    return {
        "schema": SCHEMA,
        "suite": {"commit": commit_of(root)},
        "host": {"system": platform.system(), "machine": platform.machine(), "python": platform.python_version()},
        "implementation": {"name": profile.name, "library": profile.library, "command": list(profile.command)},
        "summary": as_json(summary),
        "cases": [case_entry(result, repeats) for result in results],
    }


def case_entry(result: Result, repeats: Mapping[str, str]) -> dict[str, Any]:
    """One case."""
    case, scenario = result.case, result.case.scenario
    entry: dict[str, Any] = {
        "id": case.id, "scenario": scenario.id, "title": scenario.title, "clause": list(scenario.clause),
        "level": scenario.level, "severity": scenario.severity, "subject": case.subject,
        "package": case.settings["package"], "mechanism": case.mechanism,
        "verdict": result.verdict.label, "evidence": result.evidence, "seconds": round(result.seconds, 6),
    }
    if result.reason:
        entry["reason"] = result.reason
    if result.differences:
        entry["differences"] = [_difference(one) for one in result.differences]
    if case.id in repeats:
        entry["repeat"] = repeats[case.id]
        entry["detail"] = f"cases/{folder_name(case.id)}"
    return entry


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "path": one.path, "expected": one.expected, "actual": one.actual, "evidence": one.evidence,
        "binding": one.binding, "clause": one.clause, **({"by": one.by} if one.by else {}),
        "records": [{"record": record.source, "sources": [source.id for source in record.sources],
                     "windows": record.windows} for record in one.records],
    }


def write(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write results.json."""
    path = folder / "results.json"
    write_whole(path, content)
    return path
