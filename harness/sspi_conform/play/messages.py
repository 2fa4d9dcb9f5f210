# SPDX-License-Identifier: Apache-2.0
"""The verbs that protect messages: sign and seal, with the damage they may suffer on the way."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import layouts
from .handshake import OK
from .layouts import SPARE_TOKEN
from .stage import CTX, Side, Stage

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
    if not stage.observed.get("established"):
        return
    for name in ("initiator", "acceptor") if words == ["both", "ways"] else words:
        step(stage, verb, {"side": name})


def step(stage: Stage, verb: str, argument: Mapping[str, Any]) -> None:
    """One message from argument['side'] to the other side."""
    sender = stage.side(argument["side"])
    if CTX not in sender.contexts:
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
        request = {"call": "QueryContextAttributes", "ctx": CTX, "ulAttribute": "SIZES"}
        answer = stage.send(side, request)
        side.sizes = answer.get("value", {}) if answer["status"] == OK else {}
    return side.sizes


def _sign(stage: Stage, sender: Side, argument: Mapping[str, Any], text: str, path: str) -> None:
    observed, names = stage.observed, stage.names
    room = _sizes(stage, sender).get("cbMaxSignature", SPARE_TOKEN)
    answer = stage.send(sender, {
        "call": "MakeSignature", "ctx": CTX, "MessageSeqNo": sender.sequence, **_quality(argument),
        "message": [{"type": "DATA", "hex": text}, {"type": "TOKEN", "size": room}]})
    observed[path + "make.status"] = names.status(answer["status"])
    _canaries(observed, path, answer)
    if answer["status"] != OK:
        return
    signature = answer["message"][1].get("hex", "")
    observed[path + "signature.size"] = len(signature) // 2
    text, signature = _damaged(argument.get("tamper"), text, signature)
    buffers = [{"type": "DATA", "hex": text}, {"type": "TOKEN", "hex": signature}]
    if argument.get("layout") == "token-data":
        buffers.reverse()
    _part(stage, sender, argument, path, Message("VerifySignature", sender.sequence, buffers, text))


def _seal(stage: Stage, sender: Side, argument: Mapping[str, Any], text: str, path: str) -> None:
    observed, names = stage.observed, stage.names
    layout = str(argument.get("layout", "token-data"))
    buffers = layouts.made(layout, _sizes(stage, sender), text)
    answer = stage.send(sender, {"call": "EncryptMessage", "ctx": CTX, "MessageSeqNo": sender.sequence,
                                 **_quality(argument), "message": buffers})
    observed[path + "encrypt.status"] = names.status(answer["status"])
    _canaries(observed, path, answer)
    if answer["status"] != OK:
        return
    sealed = [{**{key: one[key] for key in ("type", "readonly") if key in one}, "hex": buffer.get("hex", "")}
              for one, buffer in zip(buffers, answer["message"])]
    token = next(one for one in sealed if one["type"] == "TOKEN")
    body = next(one for one in sealed if layouts.is_body(one))
    observed[path + "token.size"] = len(token["hex"]) // 2
    before = "".join(one["hex"] for one in buffers if layouts.is_body(one))
    after = "".join(one["hex"] for one in sealed if layouts.is_body(one))
    observed[path + "on-the-wire"] = "plaintext" if before and after == before else "changed"
    how = argument.get("tamper")
    if how == "flip-header":
        header = next(one for one in sealed if one.get("readonly"))
        header["hex"] = _flipped(header["hex"])
    else:
        body["hex"], token["hex"] = _damaged(how, body["hex"], token["hex"])
    _part(stage, sender, argument, path,
          Message("DecryptMessage", sender.sequence, layouts.arrived(layout, sealed), before))


def _quality(argument: Mapping[str, Any]) -> dict[str, Any]:
    return {"fQOP": argument["qop"]} if "qop" in argument else {}


def _part(stage: Stage, sender: Side, argument: Mapping[str, Any], path: str, message: Message) -> None:
    """The message goes on its way at once, or is held until an `open` names it."""
    if argument.get("hold"):
        stage.held[str(argument["as"])] = message
    else:
        _open(stage, sender, path, message)


def step_open(stage: Stage, argument: Mapping[str, Any]) -> None:
    """`open`: a message of argument['side'] that was held arrives, for the first time or once more."""
    message = stage.held.get(str(argument["message"]))
    if message is not None:
        label = argument.get("as", argument["message"])
        verb = "sign" if message.call == "VerifySignature" else "seal"
        _open(stage, stage.side(argument["side"]), f"{verb}.{label}.", message)


def _open(stage: Stage, sender: Side, path: str, message: Message) -> None:
    observed, names = stage.observed, stage.names
    receiver = stage.other(sender)
    if CTX not in receiver.contexts:
        return
    answer = stage.send(receiver, {"call": message.call, "ctx": CTX, "MessageSeqNo": message.number,
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


def _damaged(how: str | None, text: str, token: str) -> tuple[str, str]:
    """What happens under way: `flip` changes the message, `flip-token` the signature, `truncate` cuts the message."""
    if how == "flip" and text:
        return _flipped(text), token
    if how == "flip-token" or how == "flip":
        return text, _flipped(token)
    if how == "truncate":
        return text[:-2], token
    return text, token


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
