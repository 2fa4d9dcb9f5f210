# SPDX-License-Identifier: Apache-2.0
"""repro: a case as lines for `sspi-probe LIBRARY < FILE`, to debug an implementation without the harness."""
from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import Case
from ..project import open_project
from ..verbs import names_in, verb_of

_EPILOG = """\
examples:
  sspi-conform repro 'flag-wire[flag=INTEGRITY]' > case.jsonl
  build/sspi-probe build/libsspi.so < case.jsonl

Works for cases in which the implementation needs nothing from anybody else: no answer of
the other side, no KDC, no account. For others it prints the command that plays them."""
_PLACEHOLDER = "not-the-real-one"


def add(commands: Any) -> None:
    parser = commands.add_parser("repro", help="a case as lines for the probe alone", epilog=_EPILOG,
                                 description="Writes a case as requests for the probe.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", metavar="CASE", help="a case id, or a pattern that one case matches")
    parser.add_argument("--impl", metavar="NAME|PATH", default="libsspi", help="named in the printed command")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    project = open_project(options.root, allow_unjudged=True)
    case = project.one(options.case)
    reason = why_not(case)
    if reason:
        print(f"{case.id} cannot be played by the probe alone: {reason}. This plays it:", file=sys.stderr)
        print(f"harness/sspi-conform run {shlex.quote(case.id)} --impl {shlex.quote(options.impl)}")
        return 0
    for request in requests(case):
        print(json.dumps(request))
    return 0


def why_not(case: Case) -> str:
    """Why a case needs more than the probe; empty when it does not."""
    if case.mechanism == "Kerberos":
        return "Kerberos needs a KDC"
    if "tls" in case.needs:
        return "it binds to a certificate of the realm"
    legs = 0
    for step in case.play:
        verb = verb_of(step)
        argument = step[verb] if isinstance(step, Mapping) else None
        words = step.split()[1:] if isinstance(step, str) else []
        side = argument.get("side") if isinstance(argument, Mapping) else (argument or next(iter(words), None))
        if verb in ("establish", "continue", "sign", "seal", "open"):
            return f"'{verb}' needs both sides"
        if verb == "world":
            return "it changes the realm"
        if side is not None and side != case.subject and verb != "free" and verb != "delete":
            return f"the {side} takes part"
        if verb == "leg":
            legs += 1
            if legs > 1 or (case.subject == "acceptor" and not _canned(argument)):
                return "a leg needs the other side's token"
        if verb == "call" and "token" in set(names_in(argument)):
            return "a call needs the other side's token"
    return ""


def _canned(argument: Any) -> bool:
    given = argument.get("input", "last") if isinstance(argument, Mapping) else "last"
    return given in ("none", "empty") or (isinstance(given, Mapping) and "hex" in given)


def requests(case: Case) -> list[dict[str, Any]]:
    """The subject's lines, as the conductor makes them."""
    from ..conductor import Conductor
    from ..world import World

    world = World(
        name="SSPI.TEST", domain="NTDOM", netbios="NTSRV", host="web.sspi.test",
        accounts={"normal": ("alice", _PLACEHOLDER)}, targets={key: f"{key.upper()}/web.sspi.test" for key in ("http",)}
        | {key: f"{key}/web.sspi.test" for key in ("host", "cifs", "ldap")}, keytabs={}, bindings={}, environment={},
        winbind={}, smbpasswd="", tickets="")
    sides = {side: _Notebook() for side in ("initiator", "acceptor")}
    Conductor().play(case, world, sides)  # type: ignore[arg-type]  # what a conductor needs of an endpoint, no more
    return [{"id": number, **request} for number, request in enumerate(sides[case.subject].requests, 1)]


class _Notebook:
    """An endpoint that agrees to everything and writes down what it was asked."""

    alive = True
    functions: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.requests: list[Mapping[str, Any]] = []
        self._due: Sequence[Mapping[str, Any]] = ()

    def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        written = {"written": True, "value": "0x00000000"}
        return {"status": "0x00000000", "phCredential": {"written": True}, "phNewContext": {"written": True},
                "attributes": written, "expiry": {"written": False}, "ns": 0,
                "output": [{"type": 2, "size": 0, "hex": "", "canary": "intact", "pvBuffer": "same"}]}

    def batch(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return [self.call(request) for request in requests]

    def begin(self, requests: Sequence[Mapping[str, Any]]) -> None:
        self._due = requests

    def finish(self) -> list[dict[str, Any]]:
        return self.batch(self._due)
