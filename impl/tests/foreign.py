# SPDX-License-Identifier: Apache-2.0
"""Both sides of an exchange with another implementation behind one face, and the exchange itself."""
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(CHECKOUT / "harness"), str(CHECKOUT)]

from sspi_conform.endpoint import Endpoint  # noqa: E402  (needs the line above)

OK, CONTINUE, COMPLETE_NEEDED = "0x00000000", "0x00090312", "0x00090313"
LOGON_DENIED, MESSAGE_ALTERED = "0x8009030c", "0x8009030f"
ISC_FLAGS = 0x0001081C  # replay, sequence, confidentiality, connection, integrity
ASC_FLAGS = 0x0002081C
ROOM = 65536
# For a sanitized build: the realm's wrappers are preloaded before its runtime, and a finding is a crash.
SANITIZED = {"ASAN_OPTIONS": "verify_asan_link_order=0:abort_on_error=1:detect_leaks=0",
             "UBSAN_OPTIONS": "abort_on_error=1:print_stacktrace=1",
             "NSS_WRAPPER_DISABLE_DEEPBIND": "1", "UID_WRAPPER_DISABLE_DEEPBIND": "1"}
MESSAGES = (b"a message", b"another one, which is longer " * 64, b"\0")


class Refused(Exception):
    """An implementation said no; the text is its status or its sentence."""

    during: object = None  # the side whose leg of a handshake it was


class Side(Protocol):
    """One context of one implementation."""

    def start(self, role: str, package: str, password: str) -> None: ...
    def step(self, token: bytes) -> tuple[bytes, bool]: ...
    def wrap(self, data: bytes) -> bytes: ...
    def unwrap(self, data: bytes) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...
    def verify(self, data: bytes, signature: bytes) -> None: ...
    def key(self) -> bytes: ...


class Sspi:
    """An SSPI library in a probe: libsspi, or WinPR 2, which wants some things said differently."""

    def __init__(self, endpoint: Endpoint, domain: str, user: str, winpr: bool = False) -> None:
        self.endpoint, self.domain, self.user, self.winpr = endpoint, domain, user, winpr
        self.number = 0
        self.package_list: str | None = "!Kerberos"  # of Negotiate
        self.bindings = b""
        self.datagram = 0
        self.target = "HTTP/web.sspi.test"
        self.isc_flags, self.asc_flags = ISC_FLAGS, ASC_FLAGS
        self.attributes = 0  # what the last leg reported

    def _call(self, call: str, **request: Any) -> dict[str, Any]:
        answer = self.endpoint.call({"call": call, **request})
        assert "status" in answer, answer
        return answer

    def _must(self, call: str, **request: Any) -> dict[str, Any]:
        answer = self._call(call, **request)
        if answer["status"] != OK:
            raise Refused(answer["status"])
        return answer

    def start(self, role: str, package: str, password: str) -> None:
        self.role, self.number = role, self.number + 1
        self.cred, self.ctx, self.sequence = f"cred{self.number}", f"ctx{self.number}", [0, 0]
        identity = {"User": self.user, "Domain": self.domain, "Password": password}
        if package == "Negotiate" and self.package_list:
            identity["PackageList"] = self.package_list
        given = {"identity": identity} if (role == "initiate" and password) or self.winpr else {}
        self._must("AcquireCredentialsHandle", cred=self.cred, pszPackage=package,
                   fCredentialUse=2 if role == "initiate" else 1, **given)

    def step(self, token: bytes) -> tuple[bytes, bool]:
        request: dict[str, Any] = {"cred": self.cred, "ctx": self.ctx, "output": [{"type": "TOKEN", "size": ROOM}]}
        given = [{"type": "TOKEN", "hex": token.hex()}] if token else []
        if self.bindings:  # SEC_CHANNEL_BINDINGS with application data alone
            head = b"".join(number.to_bytes(4, "little") for number in (0,) * 6 + (len(self.bindings), 32))
            given.append({"type": "CHANNEL_BINDINGS", "hex": (head + self.bindings).hex()})
        if given:
            request["input"] = given
        if self.role == "initiate":
            request |= {"pszTargetName": self.target, "fContextReq": self.isc_flags | self.datagram}
            answer = self._call("InitializeSecurityContext", **request)
        else:
            request |= {"TargetDataRep": 16, "fContextReq": self.asc_flags | self.datagram}
            answer = self._call("AcceptSecurityContext", **request)
        status, output = answer["status"], bytes.fromhex(answer["output"][0].get("hex", ""))
        if status == COMPLETE_NEEDED:
            status = self._call("CompleteAuthToken", ctx=self.ctx, input=[{"type": "TOKEN", "hex": ""}])["status"]
            output = b""
        if status not in (OK, CONTINUE):
            raise Refused(status)
        reported = answer["attributes"]
        self.attributes = int(reported["value"], 16) if reported["written"] else 0
        if status == OK:
            self.trailer = 16 if self.winpr else self._must(
                "QueryContextAttributes", ctx=self.ctx, ulAttribute="SIZES")["value"]["cbSecurityTrailer"]
        return output, status == OK

    def _count(self, direction: int) -> int:
        self.sequence[direction] += 1
        return self.sequence[direction] - 1

    def wrap(self, data: bytes) -> bytes:
        answer = self._must("EncryptMessage", ctx=self.ctx, MessageSeqNo=self._count(0), message=[
            {"type": "TOKEN", "size": self.trailer}, {"type": "DATA", "hex": data.hex()}])
        return b"".join(bytes.fromhex(buffer["hex"]) for buffer in answer["message"])

    def unwrap(self, data: bytes) -> bytes:
        if self.winpr:  # knows no STREAM
            message = [{"type": "TOKEN", "hex": data[:16].hex()}, {"type": "DATA", "hex": data[16:].hex()}]
        else:
            message = [{"type": "STREAM", "hex": data.hex()}, {"type": "DATA", "size": 0}]
        answer = self._must("DecryptMessage", ctx=self.ctx, MessageSeqNo=self._count(1), message=message)
        return bytes.fromhex(answer["message"][1]["hex"])

    def sign(self, data: bytes) -> bytes:
        answer = self._must("MakeSignature", ctx=self.ctx, MessageSeqNo=self._count(0), message=[
            {"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "size": self.trailer}])
        return bytes.fromhex(answer["message"][1]["hex"])

    def verify(self, data: bytes, signature: bytes) -> None:
        self._must("VerifySignature", ctx=self.ctx, MessageSeqNo=self._count(1), message=[
            {"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "hex": signature.hex()}])

    def key(self) -> bytes:
        answer = self._must("QueryContextAttributes", ctx=self.ctx, ulAttribute="SESSION_KEY")
        return bytes.fromhex(answer["value"]["SessionKey"])

    def name(self) -> str:
        """Who is at the other end, as an acceptor sees it."""
        return str(self._must("QueryContextAttributes", ctx=self.ctx, ulAttribute="NAMES")["value"]["sUserName"])


class Lines:
    """A peer of peers/, in its own process."""

    def __init__(self, script: str, environment: Mapping[str, str], given: Mapping[str, Any]) -> None:
        self.given = given
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(Path(__file__).parent / "peers" / f"{script}.py")], env=dict(environment),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _ask(self, do: str, **request: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the peer died: {self.process.wait(10)}"
        answer: dict[str, Any] = json.loads(line)
        assert "broken" not in answer, answer["broken"]
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer

    def start(self, role: str, package: str, password: str) -> None:
        self._ask("start", role=role, package=package, **{**self.given, "password": password})

    def step(self, token: bytes) -> tuple[bytes, bool]:
        answer = self._ask("step", data=token.hex())
        return bytes.fromhex(answer["data"]), answer["done"]

    def wrap(self, data: bytes) -> bytes:
        return bytes.fromhex(self._ask("wrap", data=data.hex())["data"])

    def unwrap(self, data: bytes) -> bytes:
        return bytes.fromhex(self._ask("unwrap", data=data.hex())["data"])

    def sign(self, data: bytes) -> bytes:
        return bytes.fromhex(self._ask("sign", data=data.hex())["data"])

    def verify(self, data: bytes, signature: bytes) -> None:
        self._ask("verify", data=data.hex(), signature=signature.hex())

    def key(self) -> bytes:
        return bytes.fromhex(self._ask("key")["data"])


def handshake(client: Side, server: Side, package: str, client_password: str, server_password: str
              ) -> list[bytes]:
    """Until both are done; returns the tokens. Refused, when one of them refuses."""
    client.start("initiate", package, client_password)
    server.start("accept", package, server_password)
    token, done, tokens = b"", {id(client): False, id(server): False}, list[bytes]()
    for side in (client, server) * 5:
        if done[id(side)] and not token:
            break
        assert token or not tokens, "an empty token, and the other side waits"
        try:
            token, done[id(side)] = side.step(token)
        except Refused as refusal:
            refusal.during = side
            raise
        tokens += [token] if token else []
        if all(done.values()) and not token:
            return tokens
    raise AssertionError(f"no end, {len(tokens)} tokens: client done {done[id(client)]}, server {done[id(server)]}")


def sign_both_ways(sides: Sequence[Side], messages: Sequence[bytes] = MESSAGES) -> None:
    for data in messages:
        for sender, receiver in (sides, sides[::-1]):
            receiver.verify(data, sender.sign(data))


def seal_both_ways(sides: Sequence[Side], messages: Sequence[bytes] = MESSAGES) -> None:
    for data in messages:
        for sender, receiver in (sides, sides[::-1]):
            sealed = sender.wrap(data)
            assert len(data) < 4 or data not in sealed
            assert receiver.unwrap(sealed) == data


def refuses(receiver: Side, what: str, *arguments: bytes, status: str = MESSAGE_ALTERED, **more: Any) -> None:
    """The receiver must say no, libsspi in Windows' words."""
    try:
        getattr(receiver, what)(*arguments, **more)
    except Refused as refusal:
        if isinstance(receiver, Sspi) and not receiver.winpr:
            assert str(refusal) == status, refusal
        return
    raise AssertionError(f"{type(receiver).__name__}.{what} took a message that was changed under way")


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 0x01
    return bytes(changed)
