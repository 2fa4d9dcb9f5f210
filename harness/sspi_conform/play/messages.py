# SPDX-License-Identifier: Apache-2.0
"""The verbs that protect messages: sign and seal, with the damage they may suffer on the way."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import tokens
from . import damage, layouts
from .handshake import OK
from .layouts import SPARE_TOKEN
from .stage import Side, Stage

_START = 32  # bytes of a ciphertext that depend on key, confounder and the start of the message alone
_DATA = 1  # without an attribute bit


@dataclass(frozen=True)
class Message:
    """A protected message on its way: the call that opens it, its number, its buffers, what it said."""

    call: str
    number: int
    buffers: list[dict[str, Any]]
    text: str


def step_words(stage: Stage, verb: str, words: list[str]) -> None:
    """`sign both ways`, `seal initiator`: only on an established context."""
    if not stage.observed.get(stage.established):
        return
    for name in ("initiator", "acceptor") if words == ["both", "ways"] else words:
        step(stage, verb, {"side": name})


def step(stage: Stage, verb: str, argument: Mapping[str, Any]) -> None:
    """One message from argument['side'] to the other side."""
    sender = stage.side(argument["side"])
    if argument.get("ctx", sender.ctx) not in sender.contexts:
        return  # there never was a context: nothing that a caller could do
    text = _text(argument, sender)
    path = f"{verb}.{argument.get('as', sender.name)}."
    (_sign if verb == "sign" else _seal)(stage, sender, argument, text, path)
    sender.sequence += 1


def _text(argument: Mapping[str, Any], sender: Side) -> str:
    """The message in hex: as asked, or a sentence that differs for every message."""
    if "hex" in argument:
        return str(argument["hex"])
    sentence = f"message {sender.sequence} of the {sender.name}".encode()
    size = argument.get("size", len(sentence))
    return (sentence * (size // len(sentence) + 1))[:size].hex()


def _sizes(stage: Stage, side: Side) -> Mapping[str, Any]:
    if side.sizes is None:
        request = {"call": "QueryContextAttributes", "ctx": side.ctx, "ulAttribute": "SIZES"}
        answer = stage.send(side, request)
        side.sizes = answer.get("value", {}) if answer["status"] == OK else {}
    return side.sizes


def _sign(stage: Stage, sender: Side, argument: Mapping[str, Any], text: str, path: str) -> None:
    observed, names = stage.observed, stage.names
    room = _sizes(stage, sender).get("cbMaxSignature", SPARE_TOKEN)
    layout = str(argument.get("layout", "data-token"))
    buffers = layouts.to_sign(layout, room, text)
    answer = stage.send(sender, {"call": "MakeSignature", **_making(argument, sender), "message": buffers})
    observed[path + "make.status"] = names.status(answer["status"])
    _canaries(observed, path, answer)
    if answer["status"] != OK:
        return
    made = _made(buffers, answer)
    signature = next(one for one in made if one["type"] == "TOKEN")
    observed[path + "signature.size"] = len(signature["hex"]) // 2
    _decodable(stage, path + "signature", signature["hex"])
    body = next(one for one in made if layouts.is_body(one))
    _under_way(argument.get("tamper"), made, body, signature)
    if layout == "token-data":
        made.reverse()
    damage.do(argument.get("tamper"), made)
    _part(stage, sender, argument, path, Message("VerifySignature", _number(argument, sender), made, body["hex"]))


def _seal(stage: Stage, sender: Side, argument: Mapping[str, Any], text: str, path: str) -> None:
    observed, names = stage.observed, stage.names
    layout = str(argument.get("layout", "token-data"))
    buffers = layouts.made(layout, _sizes(stage, sender), text)
    answer = stage.send(sender, {"call": "EncryptMessage", **_making(argument, sender), "message": buffers})
    observed[path + "encrypt.status"] = names.status(answer["status"])
    _canaries(observed, path, answer)
    if answer["status"] != OK:
        return
    sealed = _made(buffers, answer)
    token = next(one for one in sealed if one["type"] == "TOKEN")
    body = next(one for one in sealed if layouts.is_body(one))
    observed[path + "token.size"] = len(token["hex"]) // 2
    _decodable(stage, path + "token", token["hex"])
    before = "".join(one["hex"] for one in buffers if layouts.is_body(one))
    after = "".join(one["hex"] for one in sealed if layouts.is_body(one))
    observed[path + "on-the-wire"] = "plaintext" if before and after == before else "changed"
    start = after[:2 * _START]  # behind it a number or a stolen block may make the difference
    observed[path + "ciphertext"] = "repeated" if start and start in stage.ciphertexts else "new"
    stage.ciphertexts.append(start)
    _under_way(argument.get("tamper"), sealed, body, token)
    there = layouts.arrived(layout, sealed)
    damage.do(argument.get("tamper"), there)
    _part(stage, sender, argument, path, Message("DecryptMessage", _number(argument, sender), there, before))


def _making(argument: Mapping[str, Any], sender: Side) -> dict[str, Any]:
    """Context, number and quality of protection of a message that is made."""
    found = {"ctx": argument.get("ctx", sender.ctx), "MessageSeqNo": _number(argument, sender)}
    return found | ({"fQOP": argument["qop"]} if "qop" in argument else {})


def _number(argument: Mapping[str, Any], sender: Side) -> int:
    return int(argument.get("number", sender.sequence))


def _made(buffers: list[dict[str, Any]], answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The buffers as the sender has them afterwards, in the form of a request."""
    return [{**{key: one[key] for key in ("type", "readonly") if key in one}, "hex": buffer.get("hex", "")}
            for one, buffer in zip(buffers, answer["message"])]


def _decodable(stage: Stage, path: str, token: str) -> None:
    """The fields of a message's token become paths of their own."""
    stage.observed[path] = tokens.message_kind(bytes.fromhex(token))
    stage.observed.tokens[path] = token


def _part(stage: Stage, sender: Side, argument: Mapping[str, Any], path: str, message: Message) -> None:
    """The message goes on its way at once, or is held until an `open` names it."""
    if argument.get("hold"):
        stage.held[str(argument["as"])] = message
    else:
        _open(stage, stage.other(sender), path, message)


def step_open(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`open`: a message of argument['side'] that was held arrives, for the first time or once more; `to` another side
    than the one across the wire, or in another context of that side (`ctx`)."""
    message = stage.held.get(str(argument["message"]))
    if message is None:
        return
    label = argument.get("as", argument["message"])
    verb = "sign" if message.call == "VerifySignature" else "seal"
    receiver = stage.side(argument["to"]) if "to" in argument else stage.other(stage.side(argument["side"]))
    _open(stage, receiver, f"{verb}.{label}.", message, argument.get("ctx"))


def _open(stage: Stage, receiver: Side, path: str, message: Message, ctx: str | None = None) -> None:
    observed, names = stage.observed, stage.names
    ctx = ctx or receiver.ctx
    if ctx not in receiver.contexts:
        return
    answer = stage.send(receiver, {"call": message.call, "ctx": ctx, "MessageSeqNo": message.number,
                                   "message": message.buffers})
    if message.call == "VerifySignature":
        observed[path + "verify.status"] = names.status(answer["status"])
    else:
        observed[path + "decrypt.status"] = names.status(answer["status"])
        observed[path + "plaintext"] = _plaintext(answer, message.text)
    _canaries(observed, path, answer)
    _qop(observed, path, answer)


def _plaintext(answer: Mapping[str, Any], text: str) -> str:
    if answer["status"] != OK:
        return "none"
    found = "".join(buffer.get("hex", "") for buffer in answer.get("message") or () if buffer["type"] == _DATA)
    return "equal" if found == text else "different" if found else "none"


def _under_way(how: Any, made: list[dict[str, Any]], body: dict[str, Any], token: dict[str, Any]) -> None:
    """What happens to the message, its readonly part or its signature before the buffers are put together."""
    if how == "flip-header":
        header = next(one for one in made if one.get("readonly"))
        header["hex"] = _flipped(header["hex"])
    elif how == "flip" and body["hex"]:
        body["hex"] = _flipped(body["hex"])
    elif how in ("flip", "flip-token"):
        token["hex"] = _flipped(token["hex"])
    elif how == "truncate":
        body["hex"] = body["hex"][:-2]


def _flipped(data: str) -> str:
    return f"{int(data[:2], 16) ^ 0xFF:02x}{data[2:]}" if data else data


def _canaries(observed: dict[str, Any], path: str, answer: Mapping[str, Any]) -> None:
    for buffer in answer.get("message") or ():
        if buffer.get("canary") == "broken":
            observed[path + "canary"] = "broken"


def _qop(observed: dict[str, Any], path: str, answer: Mapping[str, Any]) -> None:
    qop = answer.get("qop")
    if qop is not None:
        observed[path + "qop"] = qop["value"] if qop.get("written") else "unwritten"
