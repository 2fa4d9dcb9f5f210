# SPDX-License-Identifier: Apache-2.0
"""impacket as a client: its NTLM messages and its message protection, bare or in its SPNEGO wrappers."""
from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from Cryptodome.Cipher import ARC4
from impacket import ntlm
from impacket.spnego import SPNEGO_NegTokenInit, SPNEGO_NegTokenResp, TypesMech
from lines import serve

NTLMSSP = TypesMech["NTLMSSP - Microsoft NTLM Security Support Provider"]
ACCEPT_COMPLETED = b"\x00"


class Refusal(Exception):
    """impacket leaves the comparing to its callers."""


class Direction:
    """Keys, stream and sequence number of one direction."""

    def __init__(self, flags: int, key: bytes, side: str) -> None:
        self.flags, self.number = flags, 0
        self.sign_key = ntlm.SIGNKEY(flags, key, side)
        self.stream: Callable[[bytes], bytes] = ARC4.new(ntlm.SEALKEY(flags, key, side)).encrypt

    def seal(self, data: bytes) -> bytes:
        sealed, signature = ntlm.SEAL(self.flags, self.sign_key, b"", data, data, self.number, self.stream)
        self.number += 1
        return signature.getData() + sealed

    def sign(self, data: bytes) -> bytes:
        signature = ntlm.SIGN(self.flags, self.sign_key, data, self.number, self.stream)
        self.number += 1
        return signature.getData()

    def check(self, data: bytes, signature: bytes) -> None:
        if not hmac.compare_digest(self.sign(data), signature):
            raise Refusal("the signature is another")


class Impacket:
    def __init__(self, start: Mapping[str, Any]) -> None:
        self.who = start["user"], start["password"], start["domain"]
        self.spnego = start["package"] == "Negotiate"
        self.negotiate: Any = None
        self.session_key = b""

    def step(self, token: bytes) -> tuple[bytes, bool]:
        if self.negotiate is None:
            self.negotiate = ntlm.getNTLMSSPType1("", "", signingRequired=True)
            return self._first(self.negotiate.getData()), False
        if self.session_key:  # SPNEGO's last word
            if SPNEGO_NegTokenResp(token)["NegState"] != ACCEPT_COMPLETED:
                raise Refusal("NegTokenResp without accept-completed")
            return b"", True
        challenge = SPNEGO_NegTokenResp(token)["ResponseToken"] if self.spnego else token
        answer, self.session_key = ntlm.getNTLMSSPType3(self.negotiate, challenge, *self.who)
        self.outgoing = Direction(answer["flags"], self.session_key, "Client")
        self.incoming = Direction(answer["flags"], self.session_key, "Server")
        if not self.spnego:
            return answer.getData(), True
        wrapped = SPNEGO_NegTokenResp()
        wrapped["ResponseToken"] = answer.getData()
        return wrapped.getData(), False

    def _first(self, token: bytes) -> bytes:
        if not self.spnego:
            return token
        wrapped = SPNEGO_NegTokenInit()
        wrapped["MechTypes"] = [NTLMSSP]
        wrapped["MechToken"] = token
        return wrapped.getData()

    def wrap(self, data: bytes) -> bytes:
        return self.outgoing.seal(data)

    def unwrap(self, data: bytes) -> bytes:
        plain = self.incoming.stream(data[16:])
        self.incoming.check(plain, data[:16])
        return plain

    def sign(self, data: bytes) -> bytes:
        return self.outgoing.sign(data)

    def verify(self, data: bytes, signature: bytes) -> None:
        self.incoming.check(data, signature)

    def key(self) -> bytes:
        return self.session_key


serve(Impacket, (Refusal,))
