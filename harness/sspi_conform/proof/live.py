# SPDX-License-Identifier: Apache-2.0
"""Kerberos exchanges: no recorded ticket opens here, so libsspi talks to itself in a throwaway realm with the same
parameters, and its tokens have the structure of the recorded ones."""
from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import flags, tokens
from ..endpoint import Endpoint
from ..world import Surroundings, World, furnish
from .play import CONTINUE, OK, Stage
from .recordings import Exchange

# What of a token is structure: not keys, names or times.
_FIELDS = ("negState", "supportedMech", "mechTypes", "mechListMIC", "inner", "inner.framing", "inner.apOptions",
           "framing", "apOptions")
_SERVICES = {"cifs": "cifs", "ldap": "ldap", "host": "host", "RPCSS": "host", "TERMSRV": "host"}


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a live run is told of a recorded one: all that a caller of SSPI says."""

    package: str
    package_list: str | None
    service: str
    wanted: tuple[str, ...]
    hint: bool


Structure = dict[str, Any]


def is_kerberos(exchange: Exchange) -> bool:
    """Whether the client's first token carries an AP-REQ, and is there."""
    first = next((leg for leg in exchange.legs if leg.from_client), None)
    if first is None or exchange.is_ntlm:
        return False
    found = structure(first.token)
    return "AP-REQ" in (found["kind"], found.get("inner"))


def structure(token: bytes) -> Structure:
    """The fields that are compared."""
    found = tokens.fields(token)
    kept = {name: found[name] for name in _FIELDS if name in found}
    if kept.get("inner") == "empty":
        kept["inner"] = "none"  # an empty responseToken and none are both in use
    return {"kind": tokens.kind(token), **kept}


def parameters(exchange: Exchange) -> Parameters:
    first = next(place for place, leg in enumerate(exchange.legs) if leg.from_client)
    raw = tokens.fields(exchange.legs[first].token)
    wrapped = exchange.legs[first].wrapped
    options = raw.get("inner.apOptions" if wrapped else "apOptions", [])
    name = raw.get("inner.sname" if wrapped else "sname", "")
    wanted = ["MUTUAL_AUTH"] if "mutual-required" in options else []
    if raw.get("inner.framing" if wrapped else "framing") == "none" and wanted:
        wanted.append("USE_DCE_STYLE")
    only = "NTLM" not in raw.get("mechTypes", ()) if wrapped else False
    return Parameters("Negotiate" if wrapped else "Kerberos", "!NTLM" if only else None,
                      _SERVICES.get(name.partition("/")[0], "http"), tuple(wanted),
                      bool(first) and not exchange.legs[0].from_client)


class Realm:
    """Live runs in one realm; runs with the same parameters are made once."""

    def __init__(self, stage: Stage, world: World) -> None:
        self._stage = stage
        self._world = world
        self._made: dict[Parameters, list[tuple[bool, Structure]]] = {}

    def run(self, wanted: Parameters) -> list[tuple[bool, Structure]]:
        """The structure of each token, and whether the client sent it."""
        if wanted not in self._made:
            self._made[wanted] = list(self._run(wanted))
        return self._made[wanted]

    def _run(self, wanted: Parameters) -> Iterator[tuple[bool, Structure]]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sspi-proof-")))
            client, server = (stack.enter_context(self._endpoint(side, folder)) for side in ("initiator", "acceptor"))
            identity = self._world.identity("normal", "Kerberos") or {}
            if wanted.package_list:
                identity["PackageList"] = wanted.package_list
            for end, use, more in ((client, 2, {"identity": identity}), (server, 1, {})):
                answer = end.call({"call": "AcquireCredentialsHandle", "cred": "c", "pszPackage": wanted.package,
                                   "fCredentialUse": use, **more})
                assert answer["status"] == OK, answer
            yield from self._alternate(client, server, wanted)

    def _alternate(self, client: Endpoint, server: Endpoint, wanted: Parameters) -> Iterator[tuple[bool, Structure]]:
        ask = {"call": "InitializeSecurityContext", "pszTargetName": self._world.target(wanted.service),
               "fContextReq": flags.bits("ISC_REQ_", wanted.wanted)}
        answer_with = {"call": "AcceptSecurityContext",
                       "fContextReq": flags.bits("ASC_REQ_", [one for one in wanted.wanted if one == "USE_DCE_STYLE"])}
        token = b""
        sides = [(client, ask), (server, answer_with)]
        if wanted.hint:
            token, _ = _leg(server, answer_with, None)
            yield False, structure(token)
        waiting = [True, True]
        for number in range(10):
            side = number % 2
            if not waiting[side]:
                return
            token, status = _leg(*sides[side], token if number or wanted.hint else None)
            waiting[side] = status == CONTINUE
            assert status in (OK, CONTINUE), f"{sides[side][1]['call']} returned {status}"
            if not token:
                return
            yield side == 0, structure(token)

    def _endpoint(self, side: str, folder: Path) -> Endpoint:
        environment = furnish(self._world, Surroundings(), folder / side)
        (folder / side / "libsspi.conf").write_text("")
        environment |= {"LIBSSPI_CONFIG": str(folder / side / "libsspi.conf"), "ASAN_OPTIONS": "detect_leaks=0"}
        return Endpoint(side, [str(self._stage.build / "sspi-probe"), str(self._stage.build / "libsspi-test.so")],
                        environment, folder)


def _leg(end: Endpoint, request: dict[str, Any], token: bytes | None) -> tuple[bytes, str]:
    answer = end.call({**request, "cred": "c", "ctx": "x", "output": [{"type": "TOKEN", "size": 65536}],
                       "input": None if token is None else [{"type": "TOKEN", "hex": token.hex()}]})
    return bytes.fromhex(answer["output"][0].get("hex", "")), answer["status"]


def differences(recorded: Structure, made: Structure | None) -> list[str]:
    """Each field that is not the same, as short as it can be told."""
    if made is None:
        return ["none made"]
    found = []
    for name in dict.fromkeys((*recorded, *made)):
        was, has = recorded.get(name), made.get(name)
        if was == has:
            continue
        if isinstance(was, list) and isinstance(has, list):
            changes = [f"-{one}" for one in was if one not in has] + [f"+{one}" for one in has if one not in was]
            found.append(f"{name} {' '.join(changes) or 'order'}")
        else:
            found.append(f"{name} {has or 'absent'}, recorded {was or 'absent'}")
    return found
