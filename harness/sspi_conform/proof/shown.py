# SPDX-License-Identifier: Apache-2.0
"""What the facts say of recordings, looked up in the recordings: a fact that says something else is named."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .. import matchers, tokens
from ..model import ConformError, Matcher, Shown, Source, show
from ..tokens import ntlm
from .recordings import inner_token
from .rows import build_of

_SIDES = {"c2s": "initiator", "s2c": "acceptor"}
# How the recordings name what was decrypted with published keys, by the side that sent it.
_DECRYPTED = {("initiator", "AP-REQ"): "AP-REQ", ("acceptor", "AP-REP"): "AP-REP(s)"}
_FIELDS = {"gss_flags": "gssFlags", "gss_bnd": "bindings", "subkey_et": "subkeyType", "session_et": "sessionKeyType"}

Token = Mapping[str, Any]


def wrong(sources: Iterable[Source], folder: Path) -> Iterator[ConformError]:
    """Every statement that the recordings below `folder` do not bear out."""
    places: dict[str, list[Token]] = {}
    every: list[Token] = []
    for where, token in _tokens(folder):
        every.append(token)
        for place in where:
            places.setdefault(place, []).append(token)
    for source in sources:
        for one in source.shown:
            problem = _in_one_place(one, places.get(one.place, [])) if one.place else _every_time(one, every)
            if problem:
                yield ConformError(f"source '{source.id}': {problem}", one.source,
                                   "Correct the fact; the recordings are what it is about.")


def _in_one_place(one: Shown, found: list[Token]) -> str:
    if not found:
        return f"the recordings have no token in {one.place}"
    misses = [_miss(one.fields, token) for token in found]
    return "" if "" in misses else f"{one.place}: {misses[0]}"


def _every_time(one: Shown, every: list[Token]) -> str:
    found = [token for token in every if not _miss(one.every, token)]
    if len(found) != one.times:
        return f"there are {len(found)} such tokens, not {one.times}"
    misses = [f"{token['place']}: {miss}" for token in found if (miss := _miss(one.fields, token))]
    return misses[0] if misses else ""


def _miss(wanted: Mapping[str, Matcher], token: Token) -> str:
    """What a token does not bear out, empty when it bears out all."""
    for name, matcher in wanted.items():
        if not matchers.holds(matcher, f"side.{name}", {f"side.{key}": value for key, value in token.items()}):
            return f"{name} is {show(token.get(name, 'absent'))}, not {matcher}"
    return ""


def _tokens(folder: Path) -> Iterator[tuple[list[str], Token]]:
    """Every token with the places it is named by; an NTLM message inside SPNEGO once more by itself."""
    for path in sorted((folder / "exchanges").glob("*.json")):
        content = json.loads(path.read_text())
        for number, exchange in enumerate(content["exchanges"]):
            opened = (exchange.get("verified") or {}).get("kerberos") or {}
            for leg_number, leg in enumerate(exchange["legs"], 1):
                if not leg.get("token"):
                    continue
                places = [f"{content['capture']} exchange {number} leg {leg_number}"]
                if leg.get("frame"):
                    places.append(f"{content['capture']} frame {leg['frame']}")
                data, side = bytes.fromhex(leg["token"]), _SIDES[leg["dir"]]
                about = {"place": places[-1], "token.from": side, "token.transport": exchange.get("transport")}
                fields = _fields(data)
                kind = fields.get("token.inner", fields["token"])
                yield places, about | fields | _decrypted(opened.get(_DECRYPTED.get((side, kind)), {}))
                inner = inner_token(data)
                if inner != data and inner[:8] == ntlm.SIGNATURE:
                    yield places, about | _fields(inner)


def _fields(data: bytes) -> dict[str, Any]:
    found = {"token": tokens.kind(data)} | {f"token.{name}": value for name, value in tokens.fields(data).items()}
    if data[:8] == ntlm.SIGNATURE:
        build = build_of(ntlm.parse(data).version)
        found["token.build"] = build or "absent"  # of Windows; absent where the sender is none, or does not say
    return found


def _decrypted(opened: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"token.decrypted.{_FIELDS[name]}": value for name, value in opened.items() if name in _FIELDS}
    bindings = found.get("token.decrypted.bindings")
    return found | ({"token.decrypted.bindings": "zero"} if bindings and not int(bindings, 16) else {})
