# SPDX-License-Identifier: Apache-2.0
"""Servers, proxies and load balancers that do not get on with Negotiate and NTLM: transports of LiveCase."""
from __future__ import annotations

import base64
import socket

from live.wire import Http, Ldap, Verdict, Wire
from sspi_conform.tokens import der

_REJECT = bytes.fromhex("a1073005a0030a0102")  # NegTokenResp with negState reject (RFC 4178 4.2.2)
_CHALLENGE, _NONCE = b"NTLMSSP\0\2\0\0\0", 24


class Without(Http):
    """A client that is not trusted to log on, or a proxy that drops Authorization: no token arrives."""

    def ask(self, token: bytes) -> bytes:
        return self._request(b"")

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        return self._response(401, b"", b"")


class NoOffer(Http):
    """A server that offers something else, so that the client sends no token. `offers`: its header."""

    offers = 'WWW-Authenticate: Basic realm="here"\r\n'

    def begin(self) -> None:
        self._request(b"")
        self.server.sendall(f"HTTP/1.1 401 Unauthorized\r\n{self.offers}Content-Length: 0\r\n\r\n".encode())

    def ask(self, token: bytes) -> bytes:
        return b""

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        return b""


class Stripped(NoOffer):
    """A proxy that drops WWW-Authenticate."""

    offers = ""


class Cut(Http):
    """A proxy that cuts the value of a header off at 4096 characters."""

    def _request(self, token: bytes) -> bytes:
        written = f"{self.scheme} {base64.b64encode(token).decode()}"[:4096]
        credentials = f"Authorization: {written}\r\n" if token else ""
        self.client.sendall(f"GET /secret HTTP/1.1\r\nHost: {self.host}\r\n{credentials}\r\n".encode())
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += self.server.recv(65536)
        arrived = written.partition(" ")[2]
        return base64.b64decode(arrived[:len(arrived) // 4 * 4]) if token else b""


class TooLarge(Http):
    """A server whose limit for a header is below the token."""

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        if not (verdict.done or verdict.refused):
            return super().answer(token, verdict)
        self.server.sendall(b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n")
        return b""


class Repeated(Http):
    """A proxy that writes Authorization twice, of which a server may make what it likes."""

    def _request(self, token: bytes) -> bytes:
        line = f"Authorization: {self.scheme} {base64.b64encode(token).decode()}\r\n" if token else ""
        self.client.sendall(f"GET /secret HTTP/1.1\r\nHost: {self.host}\r\n{line * 2}\r\n".encode())
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += self.server.recv(65536)
        return token

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        self.server.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        return b""


class Balanced(Http):
    """A load balancer that sends each request over another connection to another server, which knows nothing of it."""

    def ask(self, token: bytes) -> bytes:
        self.client.close()
        self.server.close()
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            self.client = socket.create_connection(listener.getsockname(), 10)
            self.server = listener.accept()[0]
        self.server.settimeout(10)
        return super().ask(token)

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        return self._response(401, b"", b"") if verdict.done or verdict.refused else super().answer(token, verdict)


class Challenged(Http):
    """One that keeps the client's connection and still sends each request to another server: a challenge for every token."""

    def begin(self) -> None:
        self._challenge = b""
        super().begin()

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        if not self._challenge:
            self._challenge = token
            return super().answer(token, verdict)
        at = self._challenge.index(_CHALLENGE) + _NONCE
        another = bytes(byte ^ 0xFF for byte in self._challenge[at:at + 8])
        return self._response(401, self._challenge[:at] + another + self._challenge[at + 8:], b"")


class Rejecting(Http):
    """A server that gives up instead of choosing another mechanism of the list."""

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        return self._response(401, _REJECT, b"")


class Unsigned(Ldap):
    """A directory that takes no bind without signing (strongerAuthRequired)."""

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        text = b"00002028: LdapErr: DSID-0C090202, comment: The server requires binds to turn on integrity checking, data 0, v4563"
        self._send(self.server, der.write(0x61, b"\x0a\x01\x08", der.write(0x04), der.write(0x04, text)))
        self.client.recv(65536)
        return b""


FAULTS: dict[str, type[Wire]] = {"http-without": Without, "http-no-offer": NoOffer, "http-stripped": Stripped, "http-cut": Cut, "http-too-large": TooLarge,
          "http-repeated": Repeated, "http-balanced": Balanced, "http-challenged": Challenged, "http-rejecting": Rejecting,
          "ldap-unsigned": Unsigned}
