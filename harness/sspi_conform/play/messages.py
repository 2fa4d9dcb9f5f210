# SPDX-License-Identifier: Apache-2.0
"""The verbs that protect messages: sign and seal, with the damage they may suffer on the way."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .handshake import OK
from .stage import CTX, Side, Stage

SPARE_TOKEN = 1024  # room for a signature when the implementation does not say how much it needs
_TYPES: Mapping[int, str] = {1: "DATA", 2: "TOKEN", 9: "PADDING"}


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
        "call": "MakeSignature", "ctx": CTX, "MessageSeqNo": sender.sequence,
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
    receiver = stage.other(sender)
    if CTX not in receiver.contexts:
        return
    answer = stage.send(receiver, {"call": "VerifySignature", "ctx": CTX, "MessageSeqNo": sender.sequence,
                                   "message": buffers})
    observed[path + "verify.status"] = names.status(answer["status"])
    _canaries(observed, path, answer)
    _qop(observed, path, answer)


def _seal(stage: Stage, sender: Side, argument: Mapping[str, Any], text: str, path: str) -> None:
    observed, names = stage.observed, stage.names
    sizes = _sizes(stage, sender)
    buffers = [{"type": "TOKEN", "size": sizes.get("cbSecurityTrailer", SPARE_TOKEN)}, {"type": "DATA", "hex": text}]
    if sizes.get("cbBlockSize", 0) > 1:
        buffers.append({"type": "PADDING", "size": sizes["cbBlockSize"]})
    answer = stage.send(sender, {"call": "EncryptMessage", "ctx": CTX, "MessageSeqNo": sender.sequence,
                                 "message": buffers})
    observed[path + "encrypt.status"] = names.status(answer["status"])
    _canaries(observed, path, answer)
    receiver = stage.other(sender)
    if answer["status"] != OK or CTX not in receiver.contexts:
        return
    sealed = [buffer.get("hex", "") for buffer in answer["message"]]
    observed[path + "token.size"] = len(sealed[0]) // 2
    observed[path + "on-the-wire"] = "plaintext" if text and sealed[1] == text else "changed"
    sealed[1], sealed[0] = _damaged(argument.get("tamper"), sealed[1], sealed[0])
    answer = stage.send(receiver, {"call": "DecryptMessage", "ctx": CTX, "MessageSeqNo": sender.sequence,
                                   "message": _arrived(sealed, argument.get("layout", "token-data"))})
    observed[path + "decrypt.status"] = names.status(answer["status"])
    observed[path + "plaintext"] = _plaintext(answer, text)
    _canaries(observed, path, answer)
    _qop(observed, path, answer)


def _arrived(sealed: list[str], layout: str) -> list[dict[str, Any]]:
    """What the receiver is given: one stream, or the buffers as the sender got them."""
    if layout == "stream":
        return [{"type": "STREAM", "hex": "".join(sealed)}, {"type": "DATA", "size": 0}]
    return [{"type": kind, "hex": part} for kind, part in zip(("TOKEN", "DATA", "PADDING"), sealed) if
            part or kind != "PADDING"]


def _plaintext(answer: Mapping[str, Any], text: str) -> str:
    if answer["status"] != OK:
        return "none"
    found = "".join(buffer.get("hex", "") for buffer in answer.get("message") or ()
                    if _TYPES.get(buffer["type"] & 0x0FFFFFFF) == "DATA")
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
