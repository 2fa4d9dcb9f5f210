# SPDX-License-Identifier: Apache-2.0
"""Plays one case on two endpoints and writes down what happened. Judges nothing."""
from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from .endpoint import Endpoint, EndpointEnded
from .model import Case, Ended, Trace
from .play import churn, handshake, messages, onward, others
from .play.names import Names
from .play.stage import Stage, Stopped
from .world import World

ChangeWorld = Callable[[str], None]


class Conductor:
    """Plays cases one after the other; what it learns about numbers and names it keeps."""

    def __init__(self, acceptor_identity: str = "none") -> None:
        self._names = Names()
        self._acceptor_identity = acceptor_identity

    def play(self, case: Case, world: World, endpoints: Mapping[str, Endpoint], peer: str | None = None,
             careful: bool = False, change_world: ChangeWorld | None = None) -> tuple[Trace, set[str]]:
        """The trace of a case, and the sides whose endpoint must not serve another one.

        endpoints: by side. peer: the side whose endpoint is the independent peer, which can be told to misbehave.
        careful: one call per line, so that a death is blamed on the right call.
        change_world: what a `world` step calls; None refuses it.
        """
        stage = Stage(case, world, endpoints, self._names, careful, change_world, self._acceptor_identity, peer)
        start = time.perf_counter()
        ended = _impossible(case, peer) or _guarded(stage, _play_steps)
        at_the_end = _guarded(stage, handshake.clean_up)
        if ended is None or (ended.kind in ("unsupported", "undeclared") and at_the_end is not None):
            ended = at_the_end
        if ended is not None and ended.kind in ("crash", "hang"):
            how = f"crash {ended.detail.partition(';')[0]}" if ended.kind == "crash" else "hang"
            stage.observed["end"] = f"{how} in {ended.last_call}"
        stage.trace.ended = ended
        stage.trace.seconds = time.perf_counter() - start
        retire = {side.name for side in stage.sides.values() if side.retire or not side.endpoint.alive}
        return stage.trace, retire


def _impossible(case: Case, peer: str | None) -> Ended | None:
    """A counterpart that cannot misbehave as asked would make another case of it, with another right outcome."""
    side = "initiator" if case.subject == "acceptor" else "acceptor"
    if case.settings[side].get("misbehave") and side != peer:
        return Ended("unsupported", side, f"only the independent peer can misbehave as the {side} has to")
    return None


def _guarded(stage: Stage, what: Callable[[Stage], None]) -> Ended | None:
    """Run a part of a case; how it ended early, or None."""
    try:
        what(stage)
    except (EndpointEnded, Stopped) as problem:
        return problem.ended
    except Exception:  # a fault of the harness must not look like one of the implementation
        return Ended("harness", stage.case.subject, traceback.format_exc(limit=-4).strip())
    return None


def _play_steps(stage: Stage) -> None:
    for step in stage.case.play:
        if isinstance(step, str):
            verb, *words = step.split()
            _play_words(stage, verb, words)
        else:
            (verb, argument), = step.items()
            _play_argument(stage, verb, argument)


def _play_words(stage: Stage, verb: str, words: list[str]) -> None:
    if verb in ("sign", "seal"):
        messages.step_words(stage, verb, words)
    else:
        _play_argument(stage, verb, words[0] if words else None)


def _play_argument(stage: Stage, verb: str, argument: Any) -> None:
    if isinstance(argument, Mapping) and "exchange" in argument:
        stage = stage.exchange(argument["exchange"])
    if verb == "acquire":
        handshake.step_acquire(stage, argument)
    elif verb in ("establish", "continue"):
        handshake.step_legs(stage, verb, argument or {})
    elif verb == "leg":
        handshake.step_leg(stage, argument)
    elif verb in ("sign", "seal"):
        messages.step(stage, verb, argument)
    elif verb == "open":
        messages.step_open(stage, argument)
    elif verb in ("delete", "free"):
        handshake.step_give_back(stage, verb, argument)
    elif verb == "onward":
        onward.step_onward(stage, argument)
    elif verb == "churn":
        churn.step_churn(stage, argument)
    elif verb == "query":
        others.step_query(stage, argument)
    elif verb == "call":
        others.step_call(stage, argument)
    elif verb == "world":
        others.step_world(stage, argument)
    else:
        raise ValueError(f"the conductor does not know the verb '{verb}'")
