# SPDX-License-Identifier: Apache-2.0
"""A connection over which tokens go as HTTP, LDAP or SMB2 carries them. One thread plays both ends in turn."""
from __future__ import annotations

import base64
import re
import socket
import ssl
import struct
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

# NT statuses (MS-ERREF 2.3.1) and what a domain controller's LDAP server makes of them: the Win32 error of 2.2.
MORE_PROCESSING, LOGON_FAILURE = 0xC0000016, 0xC000006D
_WIN32 = {0xC000006A: 0x52E, 0xC000006D: 0x52E, 0xC0000064: 0x525, 0xC000006F: 0x530, 0xC0000070: 0x531, 0xC0000071: 0x532,
          0xC0000072: 0x533, 0xC000006E: 0x52F, 0xC000035B: 0x80090346, 0xC0000193: 0x701, 0xC0000224: 0x773, 0xC0000234: 0x775, 0xC000015B: 0x569}


@dataclass(frozen=True)
class Verdict:
    """What the acceptor made of the last token: `done` and `refused` are final. `nt_status` is for SMB2 and LDAP,
    `http` for HTTP where the application behind says no to a client it knows."""

    done: bool = False
    refused: bool = False
    nt_status: int = LOGON_FAILURE
    http: int = 200


class Wire(ABC):
    """A context manager around both ends of a TCP connection on 127.0.0.1. host: what the client calls the server."""

    port = 0

    def __init__(self, host: str, scheme: str) -> None:
        self.host, self.scheme = host, scheme

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", self.port)) as listener:
            self.client: socket.socket = socket.create_connection(listener.getsockname(), 10)
            self.server: socket.socket = listener.accept()[0]
        self.server.settimeout(10)
        for end in (self.client, self.server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        self.server.close()

    def begin(self) -> None:
        """What comes before the first token."""

    @abstractmethod
    def ask(self, token: bytes) -> bytes:
        """The client sends a token; what the server reads."""

    @abstractmethod
    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        """The server answers, perhaps with a token (or b""); the token that the client reads."""

    def after(self) -> None:
        """What the client says once it is accepted."""


class Http(Wire):
    """RFC 4559: a request without a token first, unless `blind`."""

    port = 80

    def begin(self) -> None:
        self._request(b"")
        self._response(401, b"", b"")

    def ask(self, token: bytes) -> bytes:
        return self._request(token)

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        code = verdict.http if verdict.done else 401
        return self._response(code, token, b"" if code == 401 else b"hello")

    def _request(self, token: bytes) -> bytes:
        credentials = f"Authorization: {self.scheme} {base64.b64encode(token).decode()}\r\n" if token else ""
        self.client.sendall(f"GET /secret HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: live-bench\r\n{credentials}\r\n".encode())
        return _token_in(_head(self.server), b"Authorization")

    def _response(self, code: int, token: bytes, body: bytes) -> bytes:
        reason = {200: "OK", 401: "Unauthorized", 403: "Forbidden", 500: "Internal Server Error"}[code]
        challenge = ""
        if token or code == 401:
            said = f" {base64.b64encode(token).decode()}" if token else ""
            challenge = f"WWW-Authenticate: {self.scheme}{said}\r\n"
        head = f"HTTP/1.1 {code} {reason}\r\n{challenge}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        self.server.sendall(head.encode() + body)
        found = _head(self.client)
        if body:
            _exactly(self.client, len(body))
        return _token_in(found, b"WWW-Authenticate")


class Https(Http):
    """The same inside TLS. The server's certificate is checked by nobody: these tests are about what it binds."""

    port = 443

    def __init__(self, host: str, scheme: str, certificate: Path, key: Path, key_log: Path) -> None:
        super().__init__(host, scheme)
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate, key)
        self._client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client.check_hostname, self._client.verify_mode = False, ssl.CERT_NONE
        self._client.keylog_filename = str(key_log)

    def begin(self) -> None:
        accepted: list[ssl.SSLSocket] = []
        other = threading.Thread(target=lambda: accepted.append(self._server.wrap_socket(self.server, server_side=True)))
        other.start()
        self.client = self._client.wrap_socket(self.client, server_hostname=self.host)
        other.join()
        self.server = accepted[0]
        super().begin()


class Ldap(Wire):
    """RFC 4511 4.2 with SASL GSS-SPNEGO, and the words of a domain controller when it refuses."""

    port = 389

    def begin(self) -> None:
        self._number = 0

    def ask(self, token: bytes) -> bytes:
        self._number += 1
        sasl = _der(0xA3, _der(0x04, b"GSS-SPNEGO") + _der(0x04, token))
        self._send(self.client, _der(0x60, b"\x02\x01\x03" + _der(0x04, b"") + sasl))
        return _last_octets(_message(self.server), token)

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        code = 49 if verdict.refused else 0 if verdict.done else 14  # invalidCredentials, saslBindInProgress
        text = b""
        if verdict.refused:
            error = _WIN32.get(verdict.nt_status, 0x52E)
            text = f"80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {error:x}, v4563\0".encode()
        content = bytes([0x0A, 1, code]) + _der(0x04, b"") + _der(0x04, text) + (_der(0x87, token) if token else b"")
        self._send(self.server, _der(0x61, content))
        return _last_octets(_message(self.client), token)

    def after(self) -> None:
        self._number += 1
        self._send(self.client, _der(0x42, b""))  # unbind
        _message(self.server)

    def _send(self, end: socket.socket, operation: bytes) -> None:
        end.sendall(_der(0x30, bytes([2, 1, self._number]) + operation))


class Smb2(Wire):
    """MS-SMB2 2.2: NEGOTIATE, then SESSION_SETUP until it is over. Dialect 2.1, whose messages are the plainest."""

    port = 445
    _NEGOTIATE, _SESSION_SETUP, _SESSION = 0, 1, 0x400000000001

    def begin(self) -> None:
        self._message = 0
        self._send(self.client, self._NEGOTIATE, 0, struct.pack("<HHHHI16sQH", 36, 1, 1, 0, 0, bytes(16), 0, 0x0210))
        _netbios(self.server)
        answer = struct.pack("<HHHH16sIIIIQQHHI", 65, 1, 0x0210, 0, b"live-bench-guid!", 0, 65536, 65536, 65536, 0, 0, 128, 0, 0)
        self._send(self.server, self._NEGOTIATE, 0, answer)
        _netbios(self.client)

    def ask(self, token: bytes) -> bytes:
        self._message += 1
        self._send(self.client, self._SESSION_SETUP, 0, struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(token), 0) + token)
        return _netbios(self.server)[88:]

    def answer(self, token: bytes, verdict: Verdict) -> bytes:
        status = verdict.nt_status if verdict.refused else 0 if verdict.done else MORE_PROCESSING
        self._send(self.server, self._SESSION_SETUP, status, struct.pack("<HHHH", 9, 0, 72 if token else 0, len(token)) + token)
        return _netbios(self.client)[72:]

    def _send(self, end: socket.socket, command: int, status: int, body: bytes) -> None:
        response = end is self.server
        session = self._SESSION if command == self._SESSION_SETUP and (response or self._message > 1) else 0
        header = struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, status, command, 1, int(response), 0, self._message,
                             0xFEFF, 0, session, bytes(16))
        end.sendall(struct.pack(">I", len(header) + len(body)) + header + body)


def _exactly(end: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = end.recv(size - len(data))
        if not piece:
            raise ConnectionError("the other end closed")
        data += piece
    return data


def _head(end: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\r\n\r\n"):
        data += _exactly(end, 1)
    return data


def _token_in(head: bytes, header: bytes) -> bytes:
    found = re.search(rb"(?im)^" + header + rb": \S+ (\S+)\r$", head)
    return base64.b64decode(found[1]) if found else b""


def _netbios(end: socket.socket) -> bytes:
    return _exactly(end, int.from_bytes(_exactly(end, 4), "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def _message(end: socket.socket) -> bytes:
    head = _exactly(end, 2)
    size = head[1]
    if size & 0x80:
        size = int.from_bytes(_exactly(end, size & 0x7F), "big")
    return _exactly(end, size)


def _last_octets(message: bytes, expected: bytes) -> bytes:
    """The token stands last in both messages, so its length says where it is."""
    return message[len(message) - len(expected):]
