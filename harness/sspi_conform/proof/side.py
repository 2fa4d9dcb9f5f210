# SPDX-License-Identifier: Apache-2.0
"""One side of a recorded exchange that is played again: libsspi-test in a probe, and the calls that are made there."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import flags
from ..endpoint import Endpoint
from ..model import ConformError
from .play import CONTINUE, OK

Altered = Callable[[bytes], bytes]


class Side:
    """An endpoint with the calls that are made here."""

    def __init__(self, end: Endpoint, alter: Altered | None = None) -> None:
        self._end = end
        self._alter = alter
        self._attributes = 0

    def acquire(self, package: str, use: int, more: dict[str, Any]) -> None:
        self._call(OK, {"call": "AcquireCredentialsHandle", "cred": "c", "pszPackage": package,
                        "fCredentialUse": use, **more})

    def pin(self, clock: int | None, random: bytes) -> None:
        """`clock` None: as it is."""
        answer = self._end.call({"call": "pin", "clock": clock, "random": random.hex()})
        if not answer.get("pinned"):
            raise ConformError(f"libsspi-test cannot be pinned: {answer}")

    def leg(self, request: dict[str, Any], token: bytes | None) -> tuple[bytes, str]:
        if token and self._alter:
            token = self._alter(token)
        answer = self._end.call({**request, "cred": "c", "ctx": "x",
                                 "input": None if token is None else [{"type": "TOKEN", "hex": token.hex()}],
                                 "output": [{"type": "TOKEN", "size": 65536}]})
        if answer["status"] not in (OK, CONTINUE):
            return b"", answer["status"]
        self._attributes = int(answer["attributes"]["value"], 16)
        return bytes.fromhex(answer["output"][0].get("hex", "")), answer["status"]

    def attributes(self, prefix: str) -> list[str]:
        return sorted(flags.split(prefix, self._attributes))

    def query(self, attribute: str) -> dict[str, Any]:
        answer = self._end.call({"call": "QueryContextAttributes", "ctx": "x", "ulAttribute": attribute})
        found: dict[str, Any] = answer["value"] if answer["status"] == OK else {}
        return found

    def sign(self, data: bytes) -> bytes:
        answer = self._call(OK, {"call": "MakeSignature", "ctx": "x", "message": [
            {"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "size": 128}]})
        return bytes.fromhex(answer["message"][1]["hex"])

    def verify(self, data: bytes, token: bytes) -> str:
        answer = self.message("VerifySignature", [{"type": "DATA", "hex": data.hex()},
                                                  {"type": "TOKEN", "hex": token.hex()}])
        status: str = answer["status"]
        return status

    def message(self, call: str, buffers: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return self._end.call({"call": call, "ctx": "x", "message": buffers, **more})

    def _call(self, wanted: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._end.call(request)
        if answer.get("status") != wanted:
            raise ConformError(f"{request['call']}: {answer}")
        return answer
