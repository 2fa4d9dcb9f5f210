# SPDX-License-Identifier: Apache-2.0
"""Plays cases on two commands that speak the probe protocol, wherever they run."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ..conductor import Conductor
from ..endpoint import Endpoint, EndpointEnded
from ..model import SIDES, Case, ConformError, Trace
from .accounts import Accounts


class Player:
    """A context manager around both endpoints. They live on from case to case, unless one is hurt or wants to be alone.

    commands: argv by side. folder: for what they write to stderr.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], accounts: Accounts, folder: Path) -> None:
        self._commands = commands
        self._accounts = accounts
        self._folder = folder
        self._conductor = Conductor()
        self._endpoints: dict[str, Endpoint] = {}

    def __enter__(self) -> Player:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for endpoint in self._endpoints.values():
            endpoint.close()

    def system(self, side: str) -> tuple[Mapping[str, Any], str]:
        """What the probe of a side says of its system, and its own version."""
        answer = self._endpoint(side).call({"call": "system"})
        if "system" not in answer:
            raise ConformError(f"the {side} does not tell its system: {answer.get('unsupported', answer)}", "",
                               "Record with sspi-probe of this version: make probe.exe")
        return answer["system"], str(answer.get("probe", ""))

    def play(self, case: Case) -> Trace:
        """The trace of a case. An endpoint that a case hurt is replaced by a new one for the next."""
        alone = case.isolate == "probe"
        if alone:
            self._end(SIDES)
        endpoints = {side: self._endpoint(side) for side in SIDES}
        trace, retired = self._conductor.play(case, self._accounts.world, endpoints)
        self._end(SIDES if alone else retired)
        return trace

    def _endpoint(self, side: str) -> Endpoint:
        endpoint = self._endpoints.get(side)
        if endpoint is None or not endpoint.alive:
            endpoint = Endpoint(side, self._commands[side], os.environ, self._folder)
            try:
                self._endpoints[side] = endpoint.__enter__()
            except EndpointEnded as problem:
                raise ConformError(f"the {side} does not start: {problem.ended.detail}", "",
                                   "Its command must run sspi-probe: ssh winhost sspi-probe.exe secur32.dll") from problem
        return endpoint

    def _end(self, sides: Any) -> None:
        for side in sides:
            if side in self._endpoints:
                self._endpoints.pop(side).close()
