# SPDX-License-Identifier: Apache-2.0
"""Observed paths and what an expectation may say about one."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from . import flags, statuses
from .model import SIDES, Case, ConformError, Matcher, show
from .verbs import EXCHANGE, verb_of
from .yamlfile import Items, Section, did_you_mean

_SIDE = r"(?:initiator|acceptor)"
_LABEL = r"[A-Za-z0-9_-]+"
_THERE = rf"{_SIDE}(?:\.{EXCHANGE})?"  # a side, in an exchange that has a name
_FORMS = (
    rf"{_SIDE}\.acquire\.(?:status|expiry|expiry\.value)",
    rf"{_THERE}\.(?:leg\.[1-9][0-9]*|last)\.(?:status|attributes|expiry|expiry\.value|canary|output\.[a-z-]+"
    rf"|complete\.status|phNewContext|allocations|free|token(?:\.[A-Za-z0-9_.-]+)?)",
    rf"{_THERE}\.(?:legs|complete\.status)", rf"(?:{EXCHANGE}\.)?established", r"end",
    rf"sign\.{_LABEL}\.(?:make\.status|verify\.status|signature(?:\.[a-z-]+)?|canary|qop)",
    rf"seal\.{_LABEL}\.(?:encrypt\.status|decrypt\.status|plaintext|token(?:\.[a-z-]+)?|on-the-wire|ciphertext|canary|qop)",
    rf"query\.{_SIDE}\.[A-Z_0-9x]+\.(?:status|value|value\.[A-Za-z0-9_.]+)",
    rf"churn\.{_SIDE}\.heap",
    r"query\.same\.[A-Z_0-9x]+",
    rf"call\.{_LABEL}\.[A-Za-z0-9_.-]+",
    rf"(?:delete|free)\.{_SIDE}\.status",
    r"onward\.(?:impersonate|revert|leg\.[12]|third|(?:third\.|afterwards\.)?acquire|afterwards)\.status", r"onward\.(?:token|as)",
)
# What stands on the wire; a recording cannot show more.
_WIRE = re.compile(rf"{_THERE}\.(?:(?:leg\.[0-9]+|last)\.token(?:\..+)?|legs)|(?:{EXCHANGE}\.)?established"
                   rf"|seal\.{_LABEL}\.(?:token(?:\..+)?|on-the-wire)|sign\.{_LABEL}\.signature(?:\..+)?")
# What a step does to a message so that its sender has nothing to do with what the receiver says.
_MEDDLED = ("tamper", "hold", "message", "to", "ctx")
_KINDS = ("one-of", "includes", "excludes", "not", "at-least", "at-most")


def is_wire(path: str) -> bool:
    """Whether a network recording can show this path."""
    return _WIRE.fullmatch(path) is not None


def side_of(path: str, case: Case) -> str:
    """The side whose behaviour a path shows, empty when it shows that of both or of neither.

    A message belongs to its sender while it is made and to its receiver when it is opened; but whether one that arrives
    as it was sent can be opened shows both.
    """
    first, *rest = path.split(".")
    if first in SIDES:
        return first
    if first in ("query", "delete", "free", "churn"):
        return rest[0] if rest[0] in SIDES else ""
    if first in ("sign", "seal", "call"):
        step = _step_of(first, rest[0], case)
        side = str(step.get("side", ""))
        opened = first != "call" and rest[1] in ("verify", "decrypt", "plaintext", "qop")
        if opened and rest[1] != "qop" and side and not any(step.get(key) for key in _MEDDLED):
            return ""
        return str(step.get("to", SIDES[1 - SIDES.index(side)])) if opened and side else side
    return ""


def _step_of(verb: str, label: str, case: Case) -> Mapping[str, Any]:
    """The argument of the step that is called so. `both ways` has no argument; without a label the side is one."""
    for step in case.play:
        if isinstance(step, Mapping):
            argument = step[verb_of(step)]
            if isinstance(argument, Mapping) and argument.get("as") == label:
                return argument
            if verb_of(step) == verb and "as" not in argument and argument.get("side") == label:
                return argument
    return {"side": label} if label in SIDES else {}


def read(path: str, value: Any, where: str) -> Matcher:
    """A matcher as a capture or a profile writes it, with its values checked against the path."""
    if not any(re.fullmatch(form, path) for form in _FORMS):
        raise ConformError(f"'{path}' is no observed path", where,
                           "Write one such as acceptor.leg.2.status; harness/README.md lists them.")
    if isinstance(value, Section):
        return _read_mapping(path, value, where)
    if value in ("absent", "present"):
        return Matcher(value)
    _check_value(path, value, where)
    return Matcher("equals", _plain(value))


def _read_mapping(path: str, value: Section, where: str) -> Matcher:
    for key in value:
        if key not in _KINDS:
            raise ConformError(f"unknown matcher '{key}'", value.where(key), did_you_mean(key, _KINDS))
    keys = set(value)
    if keys and keys <= {"includes", "excludes"}:
        lists = [value.take(key, list, "a list", Items(value.file, value.line)) for key in ("includes", "excludes")]
        for items in lists:
            for one in items:
                _check_item(path, one, where)
        if not any(lists):
            raise ConformError("the matcher says nothing", where, "Name what is included or excluded.")
        return Matcher("includes", tuple(lists[0]), tuple(lists[1]))
    if len(keys) != 1:
        raise ConformError("a matcher has one key", where, "Write {one-of: [...]}, or {includes: [...], excludes: [...]}.")
    kind = next(iter(value))
    if kind == "one-of":
        options = value.take(kind, list, "a list of values")
        if len(options) < 2:
            raise ConformError("'one-of' with fewer than two values", where, "Write the value alone.")
        for one in options:
            _check_value(path, one, where)
        return Matcher(kind, tuple(_plain(one) for one in options))
    if kind in ("at-least", "at-most"):
        return Matcher(kind, value.take(kind, int, "a number"))
    _check_value(path, value[kind], where)
    return Matcher(kind, _plain(value[kind]))


def _check_value(path: str, value: Any, where: str) -> None:
    if path.endswith(".status"):
        if not isinstance(value, str) or not statuses.is_known(value):
            known = [status.name for status in statuses.STATUSES]
            hint = statuses.name(int(value, 16)) if re.fullmatch("0x[0-9a-fA-F]{8}", str(value)) else str(value)
            raise ConformError(f"'{show(value)}' is no status", where, did_you_mean(hint, known))
    elif path.endswith(".attributes") and value != "unwritten":
        if not isinstance(value, (list, tuple)):
            raise ConformError("attributes are a list of flags, or unwritten", where, "Write [INTEGRITY, CONNECTION].")
        for one in value:
            _check_item(path, one, where)


def _check_item(path: str, item: Any, where: str) -> None:
    if path.endswith(".attributes"):
        prefix = "ISC_RET_" if path.startswith("initiator") else "ASC_RET_"
        if not isinstance(item, str) or not flags.is_known(prefix, item):
            raise ConformError(f"unknown flag '{show(item)}' ({prefix}*)", where,
                               did_you_mean(str(item), flags.names(prefix)))


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def holds(matcher: Matcher, path: str, observed: Mapping[str, Any]) -> bool:
    """Whether what was observed at `path` is what the matcher says."""
    reached = path in observed
    actual = observed[path] if reached else None
    there = reached and actual not in ("absent", None)
    if matcher.kind == "absent":
        # A field of a token that never came is not absent from it.
        return not there and (reached or _parent_reached(path, observed))
    if matcher.kind == "present":
        return there
    if not reached:
        return False
    if matcher.kind == "equals":
        return same(path, actual, matcher.value)
    if matcher.kind == "one-of":
        return any(same(path, actual, one) for one in matcher.value)
    if matcher.kind == "not":
        return not same(path, actual, matcher.value)
    if matcher.kind == "includes":
        if not isinstance(actual, (list, tuple, set, frozenset)):
            return False
        return all(one in actual for one in matcher.value) and not any(one in actual for one in matcher.excludes)
    if type(actual) is not int:
        return False
    return actual >= matcher.value if matcher.kind == "at-least" else actual <= matcher.value


def same(path: str, actual: Any, expected: Any) -> bool:
    """Equality; flags are sets, hexadecimal text and numbers compare as numbers, true is not 1."""
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        if path.endswith((".attributes", ".flags")):
            return set(actual) == set(expected)
        return len(actual) == len(expected) and all(map(same, [path] * len(actual), actual, expected))
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    if isinstance(actual, int) != isinstance(expected, int):
        try:
            return int(str(actual), 0) == int(str(expected), 0)
        except ValueError:
            return False
    if isinstance(actual, str) and isinstance(expected, str) and actual[:2] == expected[:2] == "0x":
        return actual.lower() == expected.lower()
    return bool(actual == expected)


def _parent_reached(path: str, observed: Mapping[str, Any]) -> bool:
    before, field, _ = path.partition(".token.")
    return not field or observed.get(f"{before}.token", "none") != "none"


def conflict(path: str, one: Matcher, other: Matcher) -> bool:
    """Whether no observation can satisfy both. Only what can be decided is called a conflict."""
    for first, second in ((one, other), (other, one)):
        values = first.value if first.kind == "one-of" else (first.value,) if first.kind == "equals" else ()
        if values:
            return not any(holds(second, path, {path: value}) for value in values)
    kinds = {one.kind, other.kind}
    if "absent" in kinds:
        return kinds != {"absent"}
    if kinds == {"includes"}:
        return bool(set(one.value) & set(other.excludes) or set(other.value) & set(one.excludes))
    if kinds == {"at-least", "at-most"}:
        low, high = (one, other) if one.kind == "at-least" else (other, one)
        return bool(low.value > high.value)
    return False
