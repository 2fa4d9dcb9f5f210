# SPDX-License-Identifier: Apache-2.0
"""What the peers of this folder have in common: a process, a JSON line in, a JSON line out.

    {"do": "start", "role": "initiate" | "accept", "package": "NTLM" | "Negotiate", "user", "domain", "password", ...}
    {"do": "step", "data": hex}            -> {"data": hex, "done": bool}
    {"do": "wrap" | "unwrap" | "sign", "data": hex}, {"do": "verify", "data": hex, "signature": hex} -> {"data": hex}
    {"do": "key"}                          -> {"data": hex}, the session key
    any other method of the peer, with what else the line says as keywords

or {"refused": "in its words"}. `start` begins anew. Each peer is a process of its own, for its licence or for what it
does to the process that loads it.
"""
from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Protocol


class Peer(Protocol):
    """One context of another implementation. What it does not have, it does not define."""

    def step(self, token: bytes) -> tuple[bytes, bool]:
        """One leg; the token for the other side, and whether this side is done."""


def serve(start: Callable[[Mapping[str, Any]], Peer], refusals: tuple[type[Exception], ...]) -> None:
    """Answer lines until end of file. `refusals` are the exceptions by which the implementation says no."""
    peer: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        data = bytes.fromhex(request.get("data", ""))
        try:
            if request["do"] == "start":
                peer = start(request)
            elif request["do"] == "step":
                token, done = peer.step(data)
                answer = {"data": token.hex(), "done": done}
            elif request["do"] == "verify":
                peer.verify(data, bytes.fromhex(request["signature"]))
            elif request["do"] == "key":
                answer = {"data": peer.key().hex()}
            else:
                more = {name: value for name, value in request.items() if name not in ("do", "data")}
                answer = {"data": getattr(peer, request["do"])(data, **more).hex()}
        except refusals as problem:
            answer = {"refused": f"{type(problem).__name__}: {problem}"}
        except Exception:
            answer = {"broken": traceback.format_exc()}
        print(json.dumps(answer), flush=True)
