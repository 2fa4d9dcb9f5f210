# SPDX-License-Identifier: Apache-2.0
"""The recordings: where they are, and an NTLM exchange taken apart."""
from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..model import ConformError
from ..tokens import TokenError, ntlm, spnego

_ADVICE = ("Recordings of Windows are no part of this project. Name the folder that holds windows-captures with "
           "--recordings DIR or SSPI_CONFORM_SHARED.")


@dataclass(frozen=True, slots=True)
class Leg:
    """One token on the wire. `from_client` is its direction, `inner` the mechanism's token, `frame` where it is."""

    from_client: bool
    token: bytes
    inner: bytes
    frame: int = 0

    @property
    def wrapped(self) -> bool:
        return self.token != self.inner


@dataclass(frozen=True, slots=True)
class Exchange:
    """One authentication. `name` is short enough for a table."""

    file: str
    number: int
    outcome: str
    transport: str
    whole: bool
    legs: tuple[Leg, ...]
    verified: dict[str, Any]
    stream: str = ""  # tshark's number of the TCP connection
    server_port: str = ""

    @property
    def name(self) -> str:
        return f"{self.file}:{self.number}"

    def place(self, kind: type[ntlm.Message]) -> int | None:
        """The number of the leg that carries this NTLM message, None without it."""
        for place, leg in enumerate(self.legs):
            if leg.inner[:8] == ntlm.SIGNATURE and isinstance(ntlm.parse(leg.inner), kind):
                return place
        return None

    @property
    def is_ntlm(self) -> bool:
        """Whether all three NTLM messages are there, each once and in order."""
        numbers = [leg.inner[8] for leg in self.legs if leg.inner[:8] == ntlm.SIGNATURE]
        return numbers == [1, 2, 3]

    @property
    def begins_otherwise(self) -> bool:
        """Whether the client's first token is for another mechanism."""
        first = next((leg for leg in self.legs if leg.from_client), None)
        return first is not None and first.inner[:8] != ntlm.SIGNATURE

    def bare(self) -> Exchange:
        """The NTLM messages alone, without what they were wrapped in or came after."""
        legs = tuple(Leg(leg.from_client, leg.inner, leg.inner, leg.frame) for leg in self.legs if leg.inner[:8] == ntlm.SIGNATURE)
        return replace(self, legs=legs)

    def messages(self) -> tuple[ntlm.Negotiate, ntlm.Challenge, ntlm.Authenticate]:
        found = [ntlm.parse(leg.inner) for leg in self.legs if leg.inner[:8] == ntlm.SIGNATURE]
        negotiate, challenge, authenticate = found
        assert isinstance(negotiate, ntlm.Negotiate) and isinstance(challenge, ntlm.Challenge)
        assert isinstance(authenticate, ntlm.Authenticate)
        return negotiate, challenge, authenticate


def folder(named: Path | None, root: Path) -> Path:
    """The folder windows-captures: inside `named`, else inside SSPI_CONFORM_SHARED, else beside the checkout."""
    shared = named or Path(os.environ.get("SSPI_CONFORM_SHARED") or root.parent / "shared")
    for found in (shared, shared / "windows-captures"):
        if (found / "exchanges").is_dir():
            return found
    raise ConformError(f"no recordings in {shared}", "", _ADVICE)


def read(place: Path, file: str, number: int) -> Exchange:
    """One exchange; `file` is the name in `exchanges` up to the ending of the capture."""
    found = [path for path in (place / "exchanges").glob(f"{file}.*") if _capture(path) == file]
    if not found:
        raise ConformError(f"no recording {file} in {place}", "", _ADVICE)
    return all_of(found[0])[number]


def every(place: Path) -> Iterator[Exchange]:
    for path in sorted((place / "exchanges").glob("*.json")):
        yield from all_of(path)


def all_of(path: Path) -> list[Exchange]:
    """The exchanges of one capture file."""
    file = _capture(path)
    found = []
    for number, one in enumerate(json.loads(path.read_text())["exchanges"]):
        legs = tuple(_leg(leg) for leg in one["legs"] if leg.get("token"))
        found.append(Exchange(file, number, one.get("outcome") or "", one.get("transport") or "",
                              not one.get("starts_mid_exchange"), legs, one.get("verified") or {}, one.get("tcp_stream") or "",
                              one.get("server_port") or ""))
    return found


def _capture(path: Path) -> str:
    name = path.name.removesuffix(".json")
    for ending in (".pcapng", ".pcap", ".cap", ".dmp"):
        name = name.removesuffix(ending)
    return name


def _leg(leg: dict[str, Any]) -> Leg:
    token = bytes.fromhex(leg["token"])
    return Leg(leg["dir"] == "c2s", token, inner_token(token), int(leg.get("frame") or 0))


def inner_token(token: bytes) -> bytes:
    """What SPNEGO wraps; the token itself when it is no SPNEGO."""
    if token[:1] not in (b"\x60", b"\xa0", b"\xa1"):
        return token
    try:
        message = spnego.parse(token)
    except TokenError:
        return token
    inner = message.mech_token if isinstance(message, spnego.NegTokenInit) else message.response_token
    return inner or b""
