# SPDX-License-Identifier: Apache-2.0
"""The verbs that ask and that provoke: query, call, world."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .stage import CTX, Side, Stage

_MAKES_CONTEXT = ("InitializeSecurityContext", "AcceptSecurityContext")


def step_query(stage: Stage, argument: Mapping[str, Any]) -> None:
    """query: {side: .., attributes: [..]}: one QueryContextAttributes each."""
    side = stage.side(argument["side"])
    if CTX not in side.contexts:
        return
    requests = [{"call": "QueryContextAttributes", "ctx": CTX, "ulAttribute": name}
                for name in argument["attributes"]]
    for request, answer in zip(requests, stage.send_all(side, requests)):
        if "status" not in answer:
            raise stage.no_status(side, request, answer)
        path = f"query.{side.name}.{request['ulAttribute']}"
        stage.observed[path + ".status"] = stage.names.status(answer["status"])
        _spread(stage.observed, path + ".value", answer.get("value"))
        mine = _values(stage.observed, path + ".value")
        theirs = _values(stage.observed, f"query.{stage.other(side).name}.{request['ulAttribute']}.value")
        if common := mine.keys() & theirs.keys():  # the counterpart may know fewer members
            stage.observed[f"query.same.{request['ulAttribute']}"] = all(mine[one] == theirs[one] for one in common)


def _values(observed: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The members of a queried value."""
    return {key.removeprefix(path): value for key, value in observed.items() if key.startswith(path)}


def step_call(stage: Stage, argument: Mapping[str, Any]) -> None:
    """call: {side: .., as: label, request: {..}}: a request as it is."""
    side = stage.side(argument["side"])
    request = {key: value for key, value in stage.filled_in(argument["request"], side).items() if value is not None}
    answer = stage.send_raw(side, request)
    _remember(side, request, answer)
    if "unsupported" in answer and "failalloc" in request:
        raise stage.beside_the_point(side, request, str(answer["unsupported"]))
    if "status" in answer and answer.get("allocations", 0) < request.get("failalloc", 0):
        raise stage.beside_the_point(side, request, f"it makes {answer.get('allocations', 0)} allocations here, so the one "
                                                    f"that was to fail never came")
    path = f"call.{argument['as']}"
    _record(stage, side, path, answer)


def _remember(side: Side, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Handles that came up or went, so that the end of the case gives back what is left."""
    call = request["call"]
    if call == "AcquireCredentialsHandle" and answer.get("phCredential", {}).get("written"):
        side.credentials.append(str(request.get("cred")))
    elif call == "AcquireCredentialsHandle":
        side.lacking.add(str(request.get("cred")))
    elif call in _MAKES_CONTEXT and answer.get("phNewContext", {}).get("written"):
        if request.get("ctx") not in side.contexts:
            side.contexts.append(str(request.get("ctx")))
    elif call == "FreeCredentialsHandle" and request.get("cred") in side.credentials and "status" in answer:
        side.credentials.remove(request["cred"])
    elif call == "DeleteSecurityContext" and request.get("ctx") in side.contexts and "status" in answer:
        side.contexts.remove(request["ctx"])
    elif call == "pin":
        side.retire = True


def _record(stage: Stage, side: Side, path: str, answer: Mapping[str, Any]) -> None:
    observed = stage.observed
    for key, value in answer.items():
        if key in ("id", "ns"):
            continue
        if key == "status":
            observed[path + ".status"] = stage.names.status(value)
        elif key == "attributes":
            observed[path + ".attributes"] = (stage.names.attributes(side.name, value["value"])
                                              if value.get("written") else "unwritten")
        elif key in ("expiry", "qop"):
            observed[f"{path}.{key}"] = "written" if value.get("written") else "unwritten"
            if value.get("written"):
                observed[f"{path}.{key}.value"] = value["value"]
        elif key in ("output", "input", "message"):
            _buffers(stage, f"{path}.{key}", value, key == "output")
        else:
            _spread(observed, f"{path}.{key}", value)


def _buffers(stage: Stage, path: str, buffers: Any, is_output: bool) -> None:
    for number, buffer in enumerate(buffers or ()):
        for key in ("size", "canary", "pvBuffer", "free", "hex"):
            if key in buffer:
                stage.observed[f"{path}.{number}.{key}"] = buffer[key]
        if is_output and number == 0:
            label = path.removesuffix(".output")
            stage.observed[path + ".size"] = buffer["size"]
            stage.observed[label + ".token"] = stage.names.kinds.of(buffer.get("hex"))
            if buffer.get("hex"):
                stage.observed.tokens[label + ".token"] = buffer["hex"]


def _spread(observed: dict[str, Any], path: str, value: Any) -> None:
    """A nested value as one path per leaf."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _spread(observed, f"{path}.{key}", inner)
    elif value is not None:
        observed[path] = value


def step_world(stage: Stage, event: Any) -> None:
    """world: kill-kdc, ...: changes the case's own realm."""
    if event == "nothing":
        return
    if stage.change_world is None:
        raise ValueError(f"'world: {event}' needs isolate: realm")
    stage.change_world(str(event))
