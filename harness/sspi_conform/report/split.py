# SPDX-License-Identifier: Apache-2.0
"""Where the time of a run went: in the implementation, in the counterpart, in the harness between them."""
from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from ..model import Result


@dataclass(frozen=True)
class Split:
    """Seconds of playing, summed over all pipelines, and what a call costs besides itself."""

    implementation: float = 0.0
    counterpart: float = 0.0
    harness: float = 0.0
    calls: int = 0
    harness_per_call: float = 0.0  # median over the cases


def split(results: Iterable[Result]) -> Split:
    """Of the cases that were played. Endpoints time their calls themselves, without the way there and back."""
    implementation = counterpart = harness = 0.0
    calls = 0
    costs = []
    for result in results:
        if result.trace is None or not result.trace.calls:
            continue
        mine = theirs = 0
        for record in result.trace.calls:
            spent = int((record.answer or {}).get("ns", 0))
            if record.side == result.case.subject:
                mine += spent
            else:
                theirs += spent
        rest = max(0.0, result.trace.seconds - (mine + theirs) / 1e9)  # calls that ran side by side count twice
        implementation, counterpart, harness = implementation + mine / 1e9, counterpart + theirs / 1e9, harness + rest
        calls += len(result.trace.calls)
        costs.append(rest / len(result.trace.calls))
    return Split(implementation, counterpart, harness, calls, statistics.median(costs) if costs else 0.0)
