# SPDX-License-Identifier: Apache-2.0
"""The verbs that make a context: acquire, leg, continue, establish; and delete, free."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tokens import layout
from . import requests
from .names import Names
from .stage import CRED, Side, Stage

MOST_LEGS = 10
OK, CONTINUE = "0x00000000", "0x00090312"
COMPLETE_NEEDED, COMPLETE_AND_CONTINUE = "0x00090313", "0x00090314"
_GOOD = frozenset((OK, CONTINUE, COMPLETE_NEEDED, COMPLETE_AND_CONTINUE))
_TOKEN, _TYPE_MASK = 2, 0x0FFFFFFF
_NOTHING: Mapping[str, Any] = {}


class NoSuchField(Exception):
    """A token is to end before a field that it does not have."""


def establish(stage: Stage, most: int = MOST_LEGS) -> None:
    """Both credentials, then legs. Where nothing forbids it, both sides work at the same time."""
    initiator, acceptor = stage.initiator, stage.acceptor
    if stage.careful or initiator.credentials or acceptor.credentials or initiator.legs:
        if acquire(stage, initiator) and acquire(stage, acceptor):
            go_on(stage, most)
        return
    first = [requests.acquire(stage, initiator), requests.leg(stage, initiator, None, _NOTHING)]
    second = [requests.acquire(stage, acceptor)]
    acquired_first, acquired_second = stage.together([(initiator, first), (acceptor, second)])
    if _acquired(stage, initiator, first[0], acquired_first[0]):
        if _acquired(stage, acceptor, second[0], acquired_second[0]):
            _legged(stage, initiator, first[1], acquired_first[1])
            go_on(stage, most)
            return
    elif acquired_second[0].get("phCredential", _NOTHING).get("written"):
        acceptor.credentials.append(CRED)
    stage.observed[stage.established] = False
    if acquired_first[1].get("phNewContext", _NOTHING).get("written"):
        # what a caller that goes step by step would not have called: not observed, but given back
        initiator.contexts.append(initiator.ctx)


def acquire(stage: Stage, side: Side) -> bool:
    """Acquire a side's credential unless it has one; False when it was refused."""
    if CRED in side.credentials:
        return True
    request = requests.acquire(stage, side)
    fine = _acquired(stage, side, request, stage.send_raw(side, request))
    if not fine:
        stage.observed[stage.established] = False
    return fine


def _acquired(stage: Stage, side: Side, request: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    status = answer.get("status")
    if status is None:
        raise stage.no_status(side, request, answer)
    observed, path = stage.observed, f"{side.name}.acquire."
    observed[path + "status"] = stage.names.status(status)
    _expiry(observed, path, answer)
    if answer.get("phCredential", _NOTHING).get("written"):
        side.credentials.append(CRED)
    elif status == OK:
        observed[path + "handle"] = "unwritten"
    side.denied = status != OK or CRED not in side.credentials
    return not side.denied


def leg(stage: Stage, side: Side, token: str | None, overrides: Mapping[str, Any] = _NOTHING) -> None:
    """One call of InitializeSecurityContext or AcceptSecurityContext, and CompleteAuthToken when it asks for it."""
    request = requests.leg(stage, side, token, overrides)
    _legged(stage, side, request, stage.send_raw(side, request))


def _legged(stage: Stage, side: Side, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Record a leg and find out where it leaves its side."""
    status = answer.get("status")
    if status is None:
        raise stage.no_status(side, request, answer)
    if answer.get("allocations", 0) < request.get("failalloc", 0):
        raise stage.beside_the_point(side, request, f"it makes {answer.get('allocations', 0)} allocations here, so the one "
                                                    f"that was to fail never came")
    observed, names = stage.observed, stage.names
    side.legs += 1
    path = f"{side.path}leg.{side.legs}."
    stage.last = side
    if answer.get("phNewContext", _NOTHING).get("written"):
        context = request["ctx"]
        if context not in side.contexts:
            side.contexts.append(context)
    observed[path + "status"] = names.status(status)
    attributes = answer.get("attributes", _NOTHING)
    if attributes.get("written"):
        observed[path + "attributes"] = names.attributes(side.name, attributes["value"])
    else:
        observed[path + "attributes"] = "unwritten"
    _expiry(observed, path, answer)
    token = _output(observed, names, path, request, answer, status)
    if status in (COMPLETE_NEEDED, COMPLETE_AND_CONTINUE):
        token = _complete(stage, side, path, token)
    observed[path + "token"] = names.kinds.of(token)
    if token:
        observed.tokens[path + "token"] = token
    observed[f"{side.path}legs"] = side.legs
    side.token, side.status = token, status
    side.done = side.done or (status in (OK, COMPLETE_NEEDED) and not side.refused)
    side.refused = side.refused or status not in _GOOD


def _expiry(observed: dict[str, Any], path: str, answer: Mapping[str, Any]) -> None:
    expiry = answer.get("expiry", _NOTHING)
    if expiry.get("written"):
        observed[path + "expiry"] = "written"
        observed[path + "expiry.value"] = expiry["value"]
    else:
        observed[path + "expiry"] = "unwritten"


def _output(observed: dict[str, Any], names: Names, path: str, request: Mapping[str, Any], answer: Mapping[str, Any],
            status: str) -> str:
    """The output token in hex, '' without. A failed call that left the buffer alone made no token."""
    buffers = answer.get("output") or ()
    for number, buffer in enumerate(buffers):
        if buffer.get("canary") == "broken":
            observed[path + "canary"] = "broken"
        asked = request["output"][number]
        # some implementations turn the type of the buffer into DATA: what was asked for counts
        if buffer["type"] & _TYPE_MASK != _TOKEN and asked["type"] not in ("TOKEN", _TOKEN):
            continue
        observed[path + "output.size"] = buffer["size"]
        if "free" in buffer:
            observed[path + "output.free"] = names.status(buffer["free"])
        observed.setdefault(path + "canary", buffer.get("canary", "intact"))
        if status not in _GOOD and buffer["size"] == asked.get("size"):
            return ""
        return buffer.get("hex") or ""
    return ""


def _complete(stage: Stage, side: Side, path: str, token: str) -> str:
    """CompleteAuthToken over the output token; returns the token as it is then."""
    request = {"call": "CompleteAuthToken", "ctx": side.ctx, "input": [{"type": "TOKEN", "hex": token}]}
    answer = stage.send(side, request)
    stage.observed[path + "complete.status"] = stage.names.status(answer["status"])
    if answer["status"] != OK:
        side.refused = True
    for buffer in answer.get("input") or ():
        if buffer["type"] & _TYPE_MASK == _TOKEN and buffer.get("hex"):
            return buffer["hex"]
    return token


def go_on(stage: Stage, most: int = MOST_LEGS) -> None:
    """Alternate from where the play stands until both are done, one refuses, there is nothing to send, or that many legs
    were made."""
    initiator, acceptor = stage.initiator, stage.acceptor
    side = initiator if stage.last is None else stage.other(stage.last)
    while not (initiator.done and acceptor.done or side.denied) and initiator.legs + acceptor.legs < most:
        before = stage.other(side)
        if before.refused and not before.token:
            break  # a refusal that comes with a token is for the other side to read
        if side.done or side.refused or (before.done and not before.token):
            break
        # CONTINUE_NEEDED without a token is delivered as an empty one; nobody has spoken yet: none at all
        leg(stage, side, None if before.token is None else before.token)
        if before.refused:
            break
        side = before
    stage.observed[stage.established] = (initiator.done and acceptor.done
                                     and not initiator.refused and not acceptor.refused)


def step_acquire(stage: Stage, argument: Any) -> None:
    """acquire, acquire: initiator."""
    for side in stage.sides.values() if argument is None else (stage.side(argument),):
        acquire(stage, side)


def step_legs(stage: Stage, verb: str, argument: Mapping[str, Any]) -> None:
    """establish, continue: to the end or to so many legs of both sides together."""
    (establish if verb == "establish" else go_on)(stage, argument.get("legs", MOST_LEGS))


def step_leg(stage: Stage, argument: Mapping[str, Any]) -> None:
    """leg: {side: .., input: .., ...}."""
    side = stage.side(argument["side"])
    request = argument.get("request", _NOTHING)
    if side.denied or not side.lacking.isdisjoint(stage.filled_in([request.get("cred"), request.get("phCredential")], side)):
        return  # without a credential there is no call to make
    try:
        token = _input(stage, side, argument.get("input", "last"))
    except NoSuchField:
        return  # the other side did not send the token that was to be cut
    leg(stage, side, token, argument)


def _input(stage: Stage, side: Side, wanted: Any) -> str | None:
    last = stage.other(side).token
    if wanted == "last":
        return last
    if wanted == "own":
        return side.token or ""
    if wanted == "none":
        return None
    if wanted == "empty":
        return ""
    if "hex" in wanted:
        return str(stage.filled_in(wanted["hex"], side))
    if "of" in wanted or "leg" in wanted:
        return _said(stage, side, wanted)
    token = bytearray.fromhex(last or "")
    if "before" in wanted:
        return _cut(bytes(token), wanted["before"]).hex()
    if "pad" in wanted:
        return bytes(token).ljust(wanted["pad"], b"\0").hex()
    if "append" in wanted:
        return (last or "") + str(wanted["append"])
    if "truncate" in wanted:
        return token[:wanted["truncate"]].hex()
    if "flip" in wanted and token:
        token[min(wanted["flip"], len(token) - 1)] ^= 0xFF
    return token.hex()


def _cut(token: bytes, field: str) -> bytes:
    try:
        return layout.end_before(token, field)
    except ValueError as problem:
        raise NoSuchField(str(problem)) from problem


def _said(stage: Stage, side: Side, wanted: Mapping[str, Any]) -> str:
    """A token of the other side, of an earlier leg or of another exchange; '' where it sent none."""
    there = stage.exchange(wanted["of"]) if "of" in wanted else stage
    speaker = there.sides[stage.other(side).name]
    if "leg" in wanted:
        return stage.observed.tokens.get(f"{speaker.path}leg.{wanted['leg']}.token", "")
    return speaker.token or ""


def step_give_back(stage: Stage, verb: str, argument: Any) -> None:
    """delete, free: of both sides or of one."""
    for side in stage.sides.values() if argument is None else (stage.side(argument),):
        for request in _deletes(side) if verb == "delete" else _frees(side):
            answer = stage.send(side, request)
            stage.observed[f"{verb}.{side.name}.status"] = stage.names.status(answer["status"])
        (side.contexts if verb == "delete" else side.credentials).clear()


def clean_up(stage: Stage) -> None:
    """Give back what is left on both sides. What cannot be given back ends with its process."""
    pending = [(side, _deletes(side) + _frees(side)) for side in stage.sides.values() if side.endpoint.alive]
    pending = [(side, requests) for side, requests in pending if requests]
    if stage.careful:
        for side, requests in pending:
            _given_back(side, stage.send_all(side, requests))
    else:
        for (side, _), answers in zip(pending, stage.together(pending)):
            _given_back(side, answers)


def _given_back(side: Side, answers: list[dict[str, Any]]) -> None:
    if any(answer.get("status") != OK for answer in answers):
        side.retire = True


def _deletes(side: Side) -> list[dict[str, Any]]:
    return [{"call": "DeleteSecurityContext", "ctx": name} for name in side.contexts]


def _frees(side: Side) -> list[dict[str, Any]]:
    return [{"call": "FreeCredentialsHandle", "cred": name} for name in side.credentials]
