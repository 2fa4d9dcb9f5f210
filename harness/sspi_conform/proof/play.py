# SPDX-License-Identifier: Apache-2.0
"""A recorded exchange played again: libsspi-test as one side, the recording as the other."""
from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..endpoint import Endpoint
from ..tokens import ntlm, spnego
from . import inputs
from .compare import first_difference
from .inputs import Known
from .recordings import Exchange, Leg, inner_token

OK, CONTINUE = "0x00000000", "0x00090312"
Altered = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Compared:
    """One message: `difference` is None when it is the recorded one byte for byte."""

    message: str
    difference: str | None
    made: bytes = b""


@dataclass(frozen=True, slots=True)
class Played:
    """A side played again. `statuses`: of each leg; `key`: the session key, None when there is none."""

    compared: tuple[Compared, ...]
    statuses: tuple[str, ...]
    key: str | None

    @property
    def equal(self) -> bool:
        return all(one.difference is None for one in self.compared)


class Stage:
    """Where libsspi-test is hosted: the build's probe in a folder of its own, without anything of the host's."""

    def __init__(self, build: Path) -> None:
        self.build = build

    @contextmanager
    def host(self, settings: dict[str, str], accounts: str = "",
             files: Mapping[str, bytes] | None = None) -> Iterator[Endpoint]:
        """`files`: krb5.conf, keytab and ccache. With them, what libkrb5 draws at random is pinned, too."""
        with tempfile.TemporaryDirectory(prefix="sspi-proof-") as place:
            folder = Path(place)
            if accounts:
                (folder / "accounts").write_text(accounts)
                (folder / "accounts").chmod(0o600)
            (folder / "libsspi.conf").write_text(
                inputs.settings_text(settings, folder / "accounts" if accounts else None))
            for name, content in ({"krb5.conf": b"[libdefaults]\n dns_lookup_kdc = false\n"} | dict(files or {})).items():
                (folder / name).write_bytes(content)
            environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC",
                           "KRB5_CONFIG": str(folder / "krb5.conf"), "KRB5CCNAME": str(folder / "ccache"),
                           "KRB5_KTNAME": str(folder / "keytab"), "LIBSSPI_CONFIG": str(folder / "libsspi.conf"),
                           "KRB5RCACHENAME": "none:", "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}
            if files:
                environment["LD_PRELOAD"] = f"{self.build / 'libsspi-test.so'} {self.build / 'krb5-pins.so'}"
            argv = [str(self.build / "sspi-probe"), str(self.build / "libsspi-test.so")]
            with Endpoint("libsspi-test", argv, environment, folder) as end:
                yield end


def play_initiator(stage: Stage, exchange: Exchange, found: Known | None, without: frozenset[str] = frozenset(),
                   alter: Altered | None = None, change: Sequence[str] = ()) -> Played:
    """The recorded client's tokens made again. `alter` changes what the recorded server says, `change` takes one
    input away: its names are those of `_without`; both are for tests that must see a difference."""
    with ExitStack() as stack:
        return begin_initiator(stack, stage, exchange, found, without, alter, change)[0]


def begin_initiator(stack: ExitStack, stage: Stage, exchange: Exchange, found: Known | None,
                    without: frozenset[str] = frozenset(), alter: Altered | None = None,
                    change: Sequence[str] = ()) -> tuple[Played, Endpoint]:
    """The same; the endpoint, whose context is "x", lives as long as `stack`."""
    key = inputs.exported_key(found) if found else None
    given = _without(inputs.initiator(exchange, key, found.password if found else None), change)
    pins: dict[str, Any] = {"clock": given.clock, "random": given.random.hex()}
    if found and found.nt_hash and not found.password:
        pins["nt-hash"] = found.nt_hash.hex()
    end = stack.enter_context(stage.host(given.settings))
    _acquire(end, given.package, 2, pins, {"identity": given.identity})
    request = {"call": "InitializeSecurityContext", "fContextReq": given.flags, "pszTargetName": given.target}
    return _run(end, exchange, request, True, without, alter), end


def play_acceptor(stage: Stage, exchange: Exchange, found: Known | None, without: frozenset[str] = frozenset(),
                  alter: Altered | None = None, change: Sequence[str] = ()) -> Played:
    """The recorded server's tokens made again from its configuration; the recorded client answers them."""
    with ExitStack() as stack:
        return begin_acceptor(stack, stage, exchange, found, without, alter, change)[0]


def begin_acceptor(stack: ExitStack, stage: Stage, exchange: Exchange, found: Known | None,
                   without: frozenset[str] = frozenset(), alter: Altered | None = None,
                   change: Sequence[str] = ()) -> tuple[Played, Endpoint]:
    """The same; the endpoint, whose context is "x", lives as long as `stack`."""
    given = inputs.acceptor(exchange, found)
    settings = {key: value for key, value in given.settings.items() if key not in change}
    accounts = "" if "accounts" in change else given.accounts
    end = stack.enter_context(stage.host(settings, accounts))
    _acquire(end, given.package, 1, {"clock": given.clock, "random": given.random.hex()}, {})
    request = {"call": "AcceptSecurityContext", "fContextReq": given.flags}
    return _run(end, exchange, request, False, without, alter), end


def _without(given: inputs.Initiator, change: Sequence[str]) -> inputs.Initiator:
    settings = {key: value for key, value in given.settings.items() if key not in change}
    random = bytes((given.random[0] ^ 1, *given.random[1:])) if "random" in change else given.random
    flags = 0 if "flags" in change else given.flags
    target = "http/elsewhere" if "target" in change else given.target
    identity = given.identity | ({"Password": "another"} if "password" in change else {})
    return inputs.Initiator(given.package, settings, identity, target, flags, random, given.clock)


def _acquire(end: Endpoint, package: str, use: int, pins: dict[str, Any], more: dict[str, Any]) -> None:
    pinned = end.call({"call": "pin", **{name: value for name, value in pins.items() if value}})
    assert pinned.get("pinned"), pinned
    answer = end.call({"call": "AcquireCredentialsHandle", "cred": "c", "pszPackage": package, "fCredentialUse": use,
                       **more})
    assert answer["status"] == OK, answer
    if "random" in pins:  # what acquiring took away is given again
        end.call({"call": "pin", "random": pins["random"]})


def _run(end: Endpoint, exchange: Exchange, request: dict[str, Any], client: bool, without: frozenset[str],
         alter: Altered | None) -> Played:
    """Feed the other side's legs; compare each of ours with the recorded one."""
    compared, statuses = [], []
    for ours, theirs in _turns(exchange, client):
        token = theirs.token if theirs else b""
        if alter and theirs:
            token = alter(token)
        answer = end.call({**request, "cred": "c", "ctx": "x",
                           "input": [{"type": "TOKEN", "hex": token.hex()}] if theirs else None,
                           "output": [{"type": "TOKEN", "size": 65536}]})
        statuses.append(answer["status"])
        made = bytes.fromhex(answer["output"][0].get("hex", ""))
        if answer["status"] not in (OK, CONTINUE):
            made = b""
        if ours:
            compared.append(_compared(ours, made, answer["status"], without))
        elif made:
            compared.append(Compared(_title(made), "not on the wire", made))
        if answer["status"] != CONTINUE:
            break
    return Played(tuple(compared), tuple(statuses), _key(end) if statuses[-1] == OK else None)


def _turns(exchange: Exchange, client: bool) -> Iterator[tuple[Leg | None, Leg | None]]:
    """What we must make and what we are given before that, leg by leg, from the first token of the client."""
    legs = list(exchange.legs)
    start = next(place for place, leg in enumerate(legs) if leg.from_client)
    hint = legs[start - 1] if start and legs[start].wrapped else None  # bare NTLM has no use for it
    legs = legs[start:]
    if client:
        yield legs[0], hint
        rest = legs[1:]
    else:
        rest = legs
    while rest:
        theirs, *rest = rest
        if theirs.from_client == client:
            continue
        ours = rest[0] if rest and rest[0].from_client == client else None
        yield ours, theirs


def _compared(ours: Leg, made: bytes, status: str, without: frozenset[str]) -> Compared:
    title = _title(ours.token)
    if not made:
        return Compared(title, f"none made ({status})")
    return Compared(title, first_difference(ours.token, made, without), made)


def _title(token: bytes) -> str:
    inner = inner_token(token)
    if inner[:8] == ntlm.SIGNATURE:
        return ("NEGOTIATE", "CHALLENGE", "AUTHENTICATE")[inner[8] - 1]
    message = spnego.parse(token)
    return message.state_name or "NegTokenResp" if isinstance(message, spnego.NegTokenResp) else "NegTokenInit"


def _key(end: Endpoint) -> str | None:
    answer = end.call({"call": "QueryContextAttributes", "ctx": "x", "ulAttribute": "SESSION_KEY"})
    return answer["value"].get("SessionKey") if answer["status"] == OK else None
