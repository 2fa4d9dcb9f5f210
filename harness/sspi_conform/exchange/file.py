# SPDX-License-Identifier: Apache-2.0
"""The exchange file: a `Recording` as JSON (`schema: 1`), read back with every value checked."""
from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model import ConformError
from .facts import is_fact
from .model import CLIENT, SERVER, STATUS_KINDS, Channel, Exchange, KdcMessage, Leg, Recording, Status

SCHEMA = 1
LARGEST = 256 << 20  # bytes
_FARTHEST = 1e11     # seconds
_ADVICE = "`sspi-conform import FILE` writes exchange files."
_OWN = (Recording, Exchange, Leg, Status, Channel, KdcMessage)


def text(recording: Recording) -> str:
    """The file's content. Empty and unknown members are left out; bytes are hex."""
    return json.dumps({"schema": SCHEMA, "exchange-file": _plain(recording)}, indent=1) + "\n"


def write(recording: Recording, path: Path) -> None:
    path.write_text(text(recording), encoding="utf-8")


def is_one(content: bytes) -> bool:
    """Whether this begins like an exchange file."""
    return content[:200].lstrip().startswith(b"{") and b'"exchange-file"' in content[:200]


def read(content: bytes, name: str) -> Recording:
    """The recording of a file; ConformError says which member is wrong. `name` is for the message."""
    if len(content) > LARGEST:
        raise ConformError(f"{len(content)} bytes are no exchange file", name, _ADVICE)
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConformError(f"not JSON: {error}", name, _ADVICE) from error
    if not isinstance(whole, dict) or "exchange-file" not in whole:
        raise ConformError("not an exchange file", name, _ADVICE)
    if whole.get("schema") != SCHEMA:
        raise ConformError(f"schema {whole.get('schema')!r}; this program reads {SCHEMA}", name, "Import the input again.")
    found = _typed(Recording, whole["exchange-file"], name)
    assert isinstance(found, Recording)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if dataclasses.is_dataclass(value):
        members = ((one, getattr(value, one.name)) for one in dataclasses.fields(value))
        return {one.name.replace("_", "-"): _plain(found) for one, found in members
                if found is not None and not _is_default(one, found)}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value


def _is_default(member: dataclasses.Field[Any], value: Any) -> bool:
    made = member.default_factory
    return bool(value == member.default if made is dataclasses.MISSING else value == made())


def _is_optional(member: dataclasses.Field[Any]) -> bool:
    return member.default is not dataclasses.MISSING or member.default_factory is not dataclasses.MISSING


def _typed(wanted: Any, value: Any, where: str) -> Any:
    """`value` as the type that a member is declared with."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted in _OWN:
        return _record(wanted, value, where)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _typed(next(one for one in inner if one is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise ConformError("not a list", where, _ADVICE)
        return tuple(_typed(inner[0], one, f"{where}[{place}]") for place, one in enumerate(value))
    if wanted is bytes:
        return _bytes(value, where)
    if wanted is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not abs(value) < _FARTHEST:
            raise ConformError("no number that can be", where, _ADVICE)
        return float(value)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise ConformError("not a mapping", where, _ADVICE)
        return {key: _typed(inner[1], one, f"{where}.{key}") for key, one in value.items()}
    if wanted is not Any and (not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool)):
        raise ConformError(f"{type(value).__name__} where {wanted.__name__} belongs", where, _ADVICE)
    return value


def _bytes(value: Any, where: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise ConformError("not hex", where, _ADVICE) from error


def _record(wanted: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ConformError("not a mapping", where, _ADVICE)
    declared = typing.get_type_hints(wanted)
    members = {one.name.replace("_", "-"): one for one in dataclasses.fields(wanted)}
    unknown = [key for key in value if key not in members]
    if unknown:
        raise ConformError(f"unknown member {unknown[0]!r}", where, _ADVICE)
    lacking = [name for name, one in members.items() if name not in value and not _is_optional(one)]
    if "token" in lacking:  # a leg without a token leaves it out
        lacking.remove("token")
        value = {**value, "token": None}
    if lacking:
        raise ConformError(f"no member {lacking[0]!r}", where, _ADVICE)
    made = wanted(**{members[key].name: _typed(declared[members[key].name], one, f"{where}: {key}")
                     for key, one in value.items()})
    for name, fact in made.facts.items() if wanted is Leg else ():
        if not is_fact(name, fact):
            raise ConformError(f"no fact {name!r} with such a value", where, _ADVICE)
    if wanted is Leg and made.sender not in (CLIENT, SERVER):
        raise ConformError(f"{made.sender!r} sends no legs", where, f"A sender is {CLIENT} or {SERVER}.")
    if wanted is Status and made.kind not in STATUS_KINDS:
        raise ConformError(f"{made.kind!r} is no kind of status", where, f"There are {', '.join(STATUS_KINDS)}.")
    return made
