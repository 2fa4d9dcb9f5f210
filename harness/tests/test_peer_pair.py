# SPDX-License-Identifier: Apache-2.0
"""Two peers that talk to each other, in this process or as processes; for test_peer_*.py."""
from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sspi_conform.peer.endpoint import Endpoint
from sspi_conform.peer.packages import Packages

HARNESS = Path(__file__).resolve().parents[1]
Call = Callable[[dict[str, Any]], dict[str, Any]]
OK, CONTINUE = "0x00000000", "0x00090312"
SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED, SEC_E_MESSAGE_ALTERED = "0x80090308", "0x8009030c", "0x8009030f"
SEC_E_OUT_OF_SEQUENCE, SEC_E_BAD_BINDINGS = "0x80090310", "0x80090346"
FLAGS = 0x1081C  # integrity, confidentiality, replay and sequence detection, connection
MUTUAL, DCE = 0x2, 0x202


def bindings(data: bytes) -> str:
    """A SEC_CHANNEL_BINDINGS structure with this application data, in hex."""
    return (struct.pack("<8I", 0, 0, 0, 0, 0, 0, len(data), 32) + data).hex()


def in_process(environment: Mapping[str, str]) -> Call:
    return Endpoint(Packages(environment)).answer


class Process:
    """A peer as a process. `environment` is added to nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sspi_conform.peer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={"PYTHONPATH": f"{HARNESS}:{HARNESS.parent}", **environment})

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        assert self._process.wait(20) == 0
        self._process.stdout.close()

    def line(self, text: bytes) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(text + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        return self.line(json.dumps(request).encode())


class Pair:
    """An initiator and an acceptor. After `establish`, `status` has the last status of each and `tokens` all tokens."""

    def __init__(self, initiator: Call, acceptor: Call) -> None:
        self.sides = {"initiator": initiator, "acceptor": acceptor}
        self.status: dict[str, str] = {}
        self.attributes: dict[str, int] = {}
        self.tokens: list[bytes] = []

    def call(self, side: str, call: str, **keys: Any) -> dict[str, Any]:
        found = self.sides[side]({"id": 1, "call": call, **keys})
        assert "error" not in found and "unsupported" not in found, found
        return found

    def acquire(self, package: str, identity: Mapping[str, Any] | None, acceptor_package: str | None = None) -> None:
        keys = {} if identity is None else {"identity": dict(identity)}
        for side, use, name in (("initiator", 2, package), ("acceptor", 1, acceptor_package or package)):
            found = self.call(side, "AcquireCredentialsHandle", cred="c", pszPackage=name, fCredentialUse=use,
                              **(keys if use == 2 else {}))
            assert found["status"] == OK, found

    def establish(self, flags: int = FLAGS, acceptor_flags: int = 0, target: str | None = "HTTP/web.sspi.test",
                  bind: tuple[str | None, str | None] = (None, None), initiator: Mapping[str, str] | None = None,
                  acceptor: Mapping[str, str] | None = None) -> tuple[str, str]:
        """Legs until both are done or one refuses; `initiator` and `acceptor` are misbehaviours."""
        token: bytes | None = None
        calls = {"initiator": ("InitializeSecurityContext", {"pszTargetName": target, "fContextReq": flags}),
                 "acceptor": ("AcceptSecurityContext", {"fContextReq": acceptor_flags, "TargetDataRep": 16})}
        for number in range(10):
            side = ("initiator", "acceptor")[number % 2]
            name, keys = calls[side]
            given = [] if token is None else [{"type": "TOKEN", "hex": token.hex()}]
            if binding := bind[number % 2]:
                given.append({"type": "CHANNEL_BINDINGS", "hex": binding})
            found = self.call(side, name, cred="c", ctx="x", output=[{"type": "TOKEN", "size": 65536}],
                              **({"input": given} if given else {}),
                              misbehave=dict((initiator, acceptor)[number % 2] or {}), **keys)
            self.status[side] = found["status"]
            if found["attributes"]["written"]:
                self.attributes[side] = int(found["attributes"]["value"], 16)
            token = bytes.fromhex(found["output"][0]["hex"])
            self.tokens.append(token)
            if found["status"] not in (OK, CONTINUE) or not token and number:
                break  # a datagram initiator begins without a token
        return self.status["initiator"], self.status.get("acceptor", "")

    def query(self, side: str, attribute: str) -> dict[str, Any]:
        found = self.call(side, "QueryContextAttributes", ctx="x", ulAttribute=attribute)
        assert found["status"] == OK, found
        return found["value"]

    def drop(self) -> None:
        """Delete contexts and credentials."""
        for side in self.sides:
            self.call(side, "DeleteSecurityContext", ctx="x", raw=True)
            self.call(side, "FreeCredentialsHandle", cred="c", raw=True)

    def seal(self, sender: str, data: bytes, change: Callable[[bytes], bytes] = bytes, stream: bool = False) -> str:
        """EncryptMessage and DecryptMessage; `change` is what happens to the ciphertext on the way."""
        room = self.query(sender, "SIZES")["cbSecurityTrailer"]
        made = self.call(sender, "EncryptMessage", ctx="x",
                         message=[{"type": "TOKEN", "size": room}, {"type": "DATA", "hex": data.hex()}])
        assert made["status"] == OK, made
        token, sealed = (bytes.fromhex(buffer["hex"]) for buffer in made["message"])
        assert sealed != data or len(data) < 16  # one byte may well come out as it was
        sealed = change(sealed)
        given = [{"type": "STREAM", "hex": (token + sealed).hex()}, {"type": "DATA", "size": 0, "null": True}] if (
            stream) else [{"type": "TOKEN", "hex": token.hex()}, {"type": "DATA", "hex": sealed.hex()}]
        opened = self.call(_other(sender), "DecryptMessage", ctx="x", message=given)
        if opened["status"] == OK:
            assert opened["message"][1]["hex"] == data.hex()
        return opened["status"]

    def sign(self, sender: str, data: bytes, change: Callable[[bytes], bytes] = bytes) -> str:
        room = self.query(sender, "SIZES")["cbMaxSignature"]
        made = self.call(sender, "MakeSignature", ctx="x",
                         message=[{"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "size": room}])
        assert made["status"] == OK, made
        opened = self.call(_other(sender), "VerifySignature", ctx="x", message=[
            {"type": "DATA", "hex": change(data).hex()}, {"type": "TOKEN", "hex": made["message"][1]["hex"]}])
        return opened["status"]

    def check_protection(self) -> None:
        """Sign and seal both ways in both layouts, and that both sides hold one session key; tampering comes last."""
        assert self.query("initiator", "SESSION_KEY") == self.query("acceptor", "SESSION_KEY")
        for side in self.sides:
            for data in (b"x", b"message " * 100):
                assert self.seal(side, data) == OK
                assert self.seal(side, data, stream=True) == OK
                assert self.sign(side, data) == OK
        assert self.sign("initiator", b"message", flip) == SEC_E_MESSAGE_ALTERED
        assert self.seal("acceptor", b"message", flip) == SEC_E_MESSAGE_ALTERED


def flip(data: bytes) -> bytes:
    return bytes((data[0] ^ 1,)) + data[1:]


def _other(side: str) -> str:
    return "acceptor" if side == "initiator" else "initiator"
