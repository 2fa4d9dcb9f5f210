# SPDX-License-Identifier: Apache-2.0
"""A folder per case that did not go as expected: what was wrong, every call, every observed path."""
from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model import Result, Trace, show
from .terminal import difference_line

SECRETS = ("Password",)
REDACTED = "(not written)"


def folder_name(case_id: str) -> str:
    """A folder name that is readable and still unique."""
    readable = re.sub(r"[^A-Za-z0-9._=-]+", "_", case_id).strip("_")[:80]
    return f"{readable}-{hashlib.sha256(case_id.encode()).hexdigest()[:8]}"


def prepare(folder: Path) -> None:
    """An empty place for the details of a run."""
    shutil.rmtree(folder / "cases", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def write(folder: Path, result: Result, repeat: str) -> Path:
    """Write the folder of one case and return it."""
    place = folder / "cases" / folder_name(result.case.id)
    place.mkdir(parents=True, exist_ok=True)
    lines = [f"{result.verdict.label} {result.case.id}", result.case.scenario.title, result.case.scenario.source, ""]
    if result.reason:
        lines += [result.reason, ""]
    lines += [difference_line(one) for one in result.differences]
    lines += ["", repeat, ""]
    (place / "summary.txt").write_text("\n".join(lines), encoding="utf-8")
    if result.trace is not None:
        (place / "trace.json").write_text(json.dumps(trace_entry(result.trace), indent=1) + "\n", encoding="utf-8")
        (place / "observed.txt").write_text(observed_text(result.trace), encoding="utf-8")
    return place


def trace_entry(trace: Trace) -> dict[str, Any]:
    """A trace for JSON, without secrets."""
    ended = trace.ended
    return {
        "seconds": round(trace.seconds, 6),
        "ended": None if ended is None else {"kind": ended.kind, "side": ended.side, "detail": ended.detail,
                                             "last_call": ended.last_call},
        "calls": [{"side": call.side, "request": redacted(call.request), "answer": redacted(call.answer)}
                  for call in trace.calls],
    }


def observed_text(trace: Trace) -> str:
    """The observed paths, one per line; tokens are followed by their fields where the engine can decode them."""
    every = getattr(trace.observed, "every", trace.observed.items)
    return "".join(f"{path}: {show(value)}\n" for path, value in every())


def redacted(value: Any) -> Any:
    """A copy in which secrets are replaced."""
    if isinstance(value, Mapping):
        return {key: REDACTED if key in SECRETS and one is not None else redacted(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [redacted(one) for one in value]
    return value
