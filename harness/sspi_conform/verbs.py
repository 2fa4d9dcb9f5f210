# SPDX-License-Identifier: Apache-2.0
"""The verbs of `play`: which words and keys each takes. What they do is in play/."""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import flags
from .model import SIDES
from .play.stage import MAIN
from .settings import Complaint, check_bindings, check_damage, check_output
from .yamlfile import did_you_mean

# Filled in by the conductor while it plays, so no scenario may set them.
LIVE_NAMES = ("ctx", "cred", "token", "own", "target", "keytab", "package")
EXCHANGE = "[a-z]+"  # the name of an exchange
_NAME = re.compile(r"\$([a-z][a-z0-9_-]*)")
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "establish": ("exchange", "legs"),
    "continue": ("exchange", "legs"),
    "leg": ("side", "input", "flags", "bindings", "output", "data-rep", "request", "exchange"),
    "sign": ("side", "tamper", "layout", "hex", "size", "as", "qop", "hold", "number", "ctx", "exchange"),
    "seal": ("side", "tamper", "layout", "hex", "size", "as", "qop", "hold", "number", "ctx", "exchange"),
    "open": ("side", "message", "as", "to", "ctx"),
    "query": ("side", "attributes"),
    "call": ("side", "as", "request"),
    "onward": ("target", "flags"),
    "churn": ("side", "rounds"),
}
_TAMPERS = ("flip", "flip-token", "flip-header", "truncate")
_LAYOUTS = ("stream", "token-data", "padding", "parts", "dce", "dce-plain")
_OF_A_SIDE = ("acquire", "delete", "free")
_LEGS = ("establish", "continue")
VERBS = (*_OF_A_SIDE, *_ARGUMENTS, "world")


def verb_of(step: Any) -> str:
    """The verb of a step; empty when the step has none."""
    if isinstance(step, str):
        return step.split()[0] if step.split() else ""
    return next(iter(step)) if isinstance(step, Mapping) and len(step) == 1 else ""


def names_in(value: Any) -> Iterator[str]:
    """Every $name inside a step."""
    if isinstance(value, str):
        yield from _NAME.findall(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from names_in(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from names_in(one)


def fill(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A step with its parameters filled in. A text that is nothing but a name takes the value as it is."""
    if isinstance(value, str):
        whole = _NAME.fullmatch(value)
        if whole:
            return parameters.get(whole[1], value)
        return _NAME.sub(lambda found: str(parameters.get(found[1], found[0])), value)
    if isinstance(value, Mapping):
        return {key: fill(one, parameters) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(one, parameters) for one in value]
    return value


def check(step: Any) -> Complaint:
    """What is wrong with a step whose parameters are filled in; None when nothing is."""
    verb = verb_of(step)
    if not verb:
        return "a step is a word or a mapping with one key", "Write establish, or leg: {side: acceptor}."
    if verb not in VERBS:
        return f"unknown verb '{verb}'", did_you_mean(verb, VERBS)
    if isinstance(step, str):
        return _check_words(verb, step.split()[1:])
    return _check_argument(verb, step[verb])


def _check_words(verb: str, words: list[str]) -> Complaint:
    if verb in ("sign", "seal"):
        if words == ["both", "ways"] or (len(words) == 1 and words[0] in SIDES):
            return None
        return f"'{' '.join([verb, *words])}' is no step", f"Write {verb} both ways, or {verb} initiator."
    if verb in _ARGUMENTS and verb not in _LEGS or verb == "world":
        return f"'{verb}' needs an argument", f"Write {verb}: {'{side: acceptor}' if verb != 'world' else 'kill-kdc'}."
    if words and not (verb in _OF_A_SIDE and len(words) == 1 and words[0] in SIDES):
        return f"'{' '.join([verb, *words])}' is no step", f"Write {verb}."
    return None


def _check_argument(verb: str, argument: Any) -> Complaint:
    if verb == "world":
        if isinstance(argument, (str, Mapping)) and argument:
            return None
        return "'world' needs an event", "Write world: kill-kdc."
    if verb in _OF_A_SIDE:
        if argument in SIDES:
            return None
        return f"'{verb}' takes no such argument", f"Write {verb}."
    if not isinstance(argument, Mapping):
        return f"'{verb}' needs a mapping", f"Write {verb}: {{side: acceptor}}."
    for key in argument:
        if key not in _ARGUMENTS[verb]:
            return f"unknown key '{key}' in '{verb}'", did_you_mean(key, _ARGUMENTS[verb])
    if (complaint := _check_exchange(verb, argument)) is not None:
        return complaint
    if verb in _LEGS:
        return None
    if verb == "onward":
        return _check_onward(argument)
    if argument.get("side") not in SIDES:
        return f"'{verb}' needs a side", "Write side: initiator or side: acceptor."
    return _check_values(verb, argument)


def _check_exchange(verb: str, argument: Mapping[str, Any]) -> Complaint:
    """The words that say which exchange a step belongs to, and how far it goes."""
    given = argument.get("input")
    names = [argument.get("exchange", MAIN), given.get("of", MAIN) if isinstance(given, Mapping) else MAIN]
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(EXCHANGE, name):
            return f"'{name}' is no name of an exchange", "Write a word of small letters, such as second."
    if "exchange" in argument and verb in ("sign", "seal") and not isinstance(argument.get("as"), str):
        return f"'{verb}' in another exchange needs a name for what it observes", "Write as: a-word."
    legs = [argument.get("legs", 1), given.get("leg", 1) if isinstance(given, Mapping) else 1]
    if any(type(one) is not int or one < 1 for one in legs):
        return f"'{verb}' counts legs from 1", "Write legs: 2."
    return None


def _check_onward(argument: Mapping[str, Any]) -> Complaint:
    if not isinstance(argument.get("target"), str):
        return "'onward' needs a target", "Write target: cifs."
    for flag in argument.get("flags", ()):
        if not flags.is_known("ISC_REQ_", flag):
            return f"unknown flag '{flag}'", did_you_mean(str(flag), flags.names("ISC_REQ_"))
    return None


def _check_values(verb: str, argument: Mapping[str, Any]) -> Complaint:
    if verb == "call":
        request = argument.get("request")
        if not isinstance(request, Mapping) or not isinstance(request.get("call"), str):
            return "'call' needs a request", "Write request: {call: DeleteSecurityContext, ctx: $ctx}."
        if not isinstance(argument.get("as"), str):
            return "'call' needs a name for what it observes", "Write as: a-word."
    if verb == "query" and not (isinstance(argument.get("attributes"), (list, tuple)) and argument["attributes"]):
        return "'query' needs attributes", "Write attributes: [SIZES, NAMES]."
    if verb in ("sign", "seal"):
        for key, options in (("tamper", _TAMPERS), ("layout", _LAYOUTS)):
            if key == "tamper" and isinstance(argument.get(key), Mapping):
                if (complaint := check_damage(argument[key])) is not None:
                    return complaint
            elif key in argument and argument[key] not in options:
                return f"'{verb}' knows no {key} '{argument[key]}'", did_you_mean(str(argument[key]), options)
        if argument.get("hold") and not isinstance(argument.get("as"), str):
            return f"'{verb}' holds a message without a name", "Write as: a-word."
    if verb == "open" and not isinstance(argument.get("message"), str):
        return "'open' needs the name of a message that is held", "Write message: a-word."
    if verb == "open" and "to" in argument and (argument["to"] not in SIDES or not isinstance(argument.get("as"), str)):
        return "'open' to a side needs that side and a name", "Write to: initiator, as: a-word."
    if verb == "leg" and "bindings" in argument:
        return check_bindings(argument["bindings"])
    if verb == "leg" and "output" in argument:
        return check_output(argument["output"])
    return None
