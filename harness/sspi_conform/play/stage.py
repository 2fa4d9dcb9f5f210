# SPDX-License-Identifier: Apache-2.0
"""What the verbs work on: the two sides of a case, its trace, and how a request gets to an endpoint."""
from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..endpoint import Endpoint, EndpointEnded
from ..model import SIDES, Case, CallRecord, Ended, Trace
from ..world import World
from .names import Names
from .observed import Observed

CRED, CTX = "cred", "ctx"  # the names of the handles a side uses unless a step says otherwise
ROUND = "round"  # an exchange of `churn`
MAIN = "main"  # the exchange of steps that name none
_HARNESS_CALLS = ("pin", "heap")  # of the probe itself: that one cannot answer them says nothing of the implementation
PACKAGE_LISTS = {"NTLM": "!Kerberos", "Kerberos": "!NTLM"}


class Stopped(Exception):
    """The play cannot go on; `ended` says why."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.detail)
        self.ended = ended


@dataclass(eq=False)
class Side:
    """One side of the case and how far it has come."""

    name: str
    endpoint: Endpoint
    settings: Mapping[str, Any]
    misbehaves: bool  # whether the endpoint is the peer that can be told to
    call: str = ""
    ctx: str = CTX
    path: str = ""  # what stands before the paths of its legs
    credentials: list[str] = field(default_factory=list)  # handles to give back
    contexts: list[str] = field(default_factory=list)
    legs: int = 0
    token: str | None = None  # the last output token in hex, "" when the last leg gave none
    status: str = ""
    denied: bool = False  # it got no credential
    lacking: set[str] = field(default_factory=set)  # handles that a call of the scenario did not get
    done: bool = False
    refused: bool = False
    sequence: int = 0  # number of the next message it sends
    sizes: Mapping[str, Any] | None = None
    retire: bool = False  # its endpoint is not fit for the next case

    def beside(self, exchange: str) -> Side:
        """The same side at the beginning of another exchange: credentials and the list of contexts are one."""
        return replace(self, ctx=f"{CTX}-{exchange}", path=f"{self.path}{exchange}.", legs=0, token=None, status="",
                       done=False, refused=False, sequence=0, sizes=None)


class Stage:
    """One case being played."""

    def __init__(self, case: Case, world: World, endpoints: Mapping[str, Endpoint], names: Names,
                 careful: bool = False, change_world: Callable[[str], None] | None = None,
                 acceptor_identity: str = "none", peer: str | None = None) -> None:
        self.case = case
        self.world = world
        self.names = names
        self.careful = careful
        self.change_world = change_world
        self.acceptor_identity = acceptor_identity
        self.observed = Observed()
        self.trace = Trace(observed=self.observed)
        self.sides = {name: Side(name, endpoints[name], case.settings[name], name == peer, path=f"{name}.")
                      for name in SIDES}
        self.initiator.call, self.acceptor.call = "InitializeSecurityContext", "AcceptSecurityContext"
        self.established = "established"  # the path that says whether this exchange came to its end
        self.last: Side | None = None  # who made the last leg
        self._exchanges = {MAIN: self}
        self.held: dict[str, Any] = {}  # messages.Message by label
        self.ciphertexts: list[str] = []  # bodies of the messages that were sealed so far

    @property
    def initiator(self) -> Side:
        """The side that calls InitializeSecurityContext."""
        return self.sides["initiator"]

    @property
    def acceptor(self) -> Side:
        """The side that calls AcceptSecurityContext."""
        return self.sides["acceptor"]

    def exchange(self, name: str) -> Stage:
        """The stage as another exchange between the same two sides has it: contexts and legs are its own, all else is
        shared."""
        if name not in self._exchanges:
            beside = self._exchanges[name] = copy.copy(self)
            main = self._exchanges[MAIN]
            beside.sides = {side.name: side.beside(name) for side in main.sides.values()}
            beside.established, beside.last = f"{name}.{main.established}", None
        return self._exchanges[name]

    def again(self) -> Stage:
        """The stage as the next of many exchanges has it, of which nothing is observed."""
        self._exchanges.pop(ROUND, None)
        found = self.exchange(ROUND)
        found.observed = Observed()
        return found

    def other(self, side: Side) -> Side:
        """The side across the wire."""
        return self.acceptor if side is self.initiator else self.initiator

    # Requests

    def send(self, side: Side, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request whose outcome is wanted; a refusal by the probe ends the case."""
        answer = self.send_raw(side, request)
        if "status" not in answer:
            raise self.no_status(side, request, answer)
        return answer

    def send_raw(self, side: Side, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request; `error` and `unsupported` are answers like others."""
        try:
            answer = side.endpoint.call(request)
        except EndpointEnded:
            self.trace.calls.append(CallRecord(side.name, request, None))
            raise
        self.trace.calls.append(CallRecord(side.name, request, answer))
        return answer

    def send_all(self, side: Side, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Requests that do not depend on each other's answers, in one line unless each must be seen alone."""
        if self.careful or len(requests) < 2:
            return [self.send_raw(side, request) for request in requests]
        return self.together([(side, requests)])[0]

    def together(self, batches: Sequence[tuple[Side, Sequence[Mapping[str, Any]]]]) -> list[list[dict[str, Any]]]:
        """Several sides work at the same time, each on its batch. Every answer is read, whatever one side does."""
        problem: EndpointEnded | None = None
        begun, found = [], []
        for side, requests in batches:
            try:
                side.endpoint.begin(requests)
                begun.append(side)
            except EndpointEnded as ended:
                problem = problem or ended
        for side, requests in batches:
            answers: list[Any] = [None] * len(requests)
            if side in begun:
                try:
                    answers = side.endpoint.finish()
                except EndpointEnded as ended:
                    problem = problem or ended
            self.trace.calls.extend(map(CallRecord, [side.name] * len(requests), requests, answers))
            found.append(answers)
        if problem is not None:
            raise problem
        return found

    def no_status(self, side: Side, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Stopped:
        """What to raise for an answer without status."""
        if "unsupported" in answer:
            about_us = request["call"] in _HARNESS_CALLS or "failalloc" in request
            kind = "undeclared" if self.case.is_subject(side.name) and not about_us else "unsupported"
            return Stopped(Ended(kind, side.name, str(answer["unsupported"]), str(request["call"])))
        detail = f"the probe refused the request: {answer.get('error', answer)}"
        return Stopped(Ended("harness", side.name, detail, str(request["call"])))

    def beside_the_point(self, side: Side, request: Mapping[str, Any], why: str) -> Stopped:
        """What to raise when a call ran but what the case is about could not happen in it."""
        return Stopped(Ended("unsupported", side.name, why, str(request["call"])))

    # Words of the scenario

    def side(self, name: str) -> Side:
        """The side a step names."""
        return self.sides[name]

    def filled_in(self, value: Any, side: Side) -> Any:
        """A raw request with the words that only the play knows: $ctx, $cred, $token, $target, $package, ..."""
        if isinstance(value, str) and value.startswith("$"):
            return self._word(value[1:], value, side)
        if isinstance(value, Mapping):
            return {key: self.filled_in(one, side) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.filled_in(one, side) for one in value]
        return value

    def _word(self, word: str, text: str, side: Side) -> Any:
        words: dict[str, Callable[[], Any]] = {
            "ctx": lambda: side.ctx, "cred": lambda: CRED, "token": lambda: self.other(side).token or "",
            "own": lambda: side.token or "", "subject": lambda: self.case.subject,
            "target": lambda: self.world.target(self.initiator.settings["target"]),
            "package": lambda: side.settings["package"],
            "keytab": lambda: self.world.keytab(self.initiator.settings["target"]),
        }
        if word in words:
            return words[word]()
        parameters = self.case.settings.get("parameters", {})
        return self.filled_in(parameters[word], side) if word in parameters else text
