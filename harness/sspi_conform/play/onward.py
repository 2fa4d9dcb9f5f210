# SPDX-License-Identifier: Apache-2.0
"""The verb that delegation is for: the acceptor goes on to a third service as its client."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .handshake import CONTINUE, OK
from .requests import INBOUND, OUTBOUND
from .stage import CTX, Side, Stage

ONWARD, AFTERWARDS, THIRD = "onward", "afterwards", "third"  # names of the handles
_ROOM = [{"type": "TOKEN", "size": 65536}]
_PACKAGE = "Kerberos"  # the only one that can delegate


def step_onward(stage: Stage, argument: Mapping[str, Any]) -> None:
    """onward: {target: cifs, flags: [..]}: impersonate, acquire the client's credentials, revert, talk to a third service.

    The third service is played by the endpoint of the other side, which is the independent peer in most runs.
    """
    side = stage.acceptor
    if CTX not in side.contexts:
        return
    stage.observed["onward.as"] = "nobody"  # whom the third service accepted
    if _status(stage, side, "impersonate", {"call": "ImpersonateSecurityContext", "ctx": CTX}) == OK:
        acquired = _acquire(stage, side, ONWARD, "acquire", OUTBOUND)
        _status(stage, side, "revert", {"call": "RevertSecurityContext", "ctx": CTX})
        if acquired:
            _talk(stage, side, argument)
    if _acquire(stage, side, AFTERWARDS, "afterwards.acquire", OUTBOUND):
        answer = stage.send(side, _leg(stage, AFTERWARDS, argument, None))
        _note(stage, side, "afterwards", answer, AFTERWARDS)


def _talk(stage: Stage, side: Side, argument: Mapping[str, Any]) -> None:
    third = stage.other(side)
    answer = stage.send(side, _leg(stage, ONWARD, argument, None))
    _note(stage, side, "leg.1", answer, ONWARD)
    token = _token(answer)
    stage.observed["onward.token"] = stage.names.kinds.of(token)
    if not token or not _acquire(stage, third, THIRD, "third.acquire", INBOUND):
        return
    reply = stage.send(third, {"call": "AcceptSecurityContext", "cred": THIRD, "ctx": THIRD, "fContextReq": 0,
                               "TargetDataRep": 16, "input": [{"type": "TOKEN", "hex": token}], "output": _ROOM})
    _note(stage, third, "third", reply, THIRD)
    if answer["status"] == CONTINUE and _token(reply):
        _note(stage, side, "leg.2", stage.send(side, _leg(stage, ONWARD, argument, _token(reply))), ONWARD)
    if reply["status"] == OK:
        names = stage.send(third, {"call": "QueryContextAttributes", "ctx": THIRD, "ulAttribute": "NAMES"})
        stage.observed["onward.as"] = _who(stage, str((names.get("value") or {}).get("sUserName")))


def _who(stage: Stage, name: str) -> str:
    """Whom the third service sees: alice@REALM or DOMAIN\\alice, as the package writes it."""
    account = str(stage.initiator.settings["account"])
    user, _ = stage.world.accounts["normal" if account == "default" else account]
    plain = name.rpartition("\\")[2].partition("@")[0]
    return "client" if plain.lower() == user.lower() else "somebody else"


def _leg(stage: Stage, handle: str, argument: Mapping[str, Any], token: str | None) -> dict[str, Any]:
    request: dict[str, Any] = {
        "call": "InitializeSecurityContext", "cred": handle, "ctx": handle, "TargetDataRep": 16, "output": _ROOM,
        "pszTargetName": stage.world.target(argument["target"]),
        "fContextReq": stage.names.bits("initiator", argument.get("flags", ()))}
    if token is not None:
        request["input"] = [{"type": "TOKEN", "hex": token}]
    return request


def _acquire(stage: Stage, side: Side, handle: str, path: str, use: int) -> bool:
    """Default credentials: whoever the thread is."""
    request = {"call": "AcquireCredentialsHandle", "cred": handle, "pszPackage": _PACKAGE, "fCredentialUse": use}
    answer = stage.send(side, request)
    stage.observed[f"onward.{path}.status"] = stage.names.status(answer["status"])
    written = bool(answer.get("phCredential", {}).get("written"))
    if written:
        side.credentials.append(handle)
    elif answer["status"] == OK:
        stage.observed[f"onward.{path}.handle"] = "unwritten"  # a success without a credential leads nowhere
    return written


def _status(stage: Stage, side: Side, path: str, request: Mapping[str, Any]) -> str:
    status = str(stage.send(side, request)["status"])
    stage.observed[f"onward.{path}.status"] = stage.names.status(status)
    return status


def _note(stage: Stage, side: Side, path: str, answer: Mapping[str, Any], handle: str) -> None:
    stage.observed[f"onward.{path}.status"] = stage.names.status(answer["status"])
    if answer.get("phNewContext", {}).get("written") and handle not in side.contexts:
        side.contexts.append(handle)


def _token(answer: Mapping[str, Any]) -> str:
    return str((answer.get("output") or [{}])[0].get("hex") or "")
