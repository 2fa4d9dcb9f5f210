# SPDX-License-Identifier: Apache-2.0
"""The verb that looks for leaks: churn."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import handshake
from .stage import Side, Stage

# Until then tables have grown that have a part for each of many threads.
_HANDLES = 300
# In the first one more is made ready for later exchanges; a leak grows in each.
_WINDOWS = 3
_LEAST = 16  # bytes a round; malloc hands out no less


def step_churn(stage: Stage, argument: Mapping[str, Any]) -> None:
    """churn: {side: .., rounds: N}: whole exchanges one after the other, everything given back: does the heap of one
    side grow with each?"""
    side, rounds = stage.side(argument["side"]), int(argument["rounds"])
    _heap(stage, side)
    credential = {"call": "AcquireCredentialsHandle", "cred": "round", "pszPackage": side.settings["package"],
                  "fCredentialUse": 1}
    stage.send_all(side, [credential, {"call": "FreeCredentialsHandle", "cred": "round"}] * _HANDLES)
    growth = []
    for _ in range(_WINDOWS):
        before = _heap(stage, side)
        for _ in range(rounds):
            _round(stage)
        growth.append(_heap(stage, side) - before)
    stage.observed[f"churn.{side.name}.heap"] = "grows" if min(growth) >= rounds * _LEAST else "steady"


def _round(stage: Stage) -> None:
    again = stage.again()
    handshake.establish(again)
    for verb in ("delete", "free"):
        handshake.step_give_back(again, verb, None)


def _heap(stage: Stage, side: Side) -> int:
    request = {"call": "heap"}
    answer = stage.send_raw(side, request)
    if "bytes" not in answer:
        raise stage.beside_the_point(side, request, str(answer.get("unsupported", "its heap cannot be looked at")))
    return int(answer["bytes"])
