# SPDX-License-Identifier: Apache-2.0
"""TLS: which connections carry it, and what is in it where the capture or the user has the secrets."""
from __future__ import annotations

from ..exchange.model import CLIENT, SERVER
from .reader import NOT_THIS, Reader, Sized
from .streams import Framing, Record

_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
_DATA, _ALERT, _CHANGE = 23, 21, 20
_CONNECTION_REQUEST, _CONNECTION_CONFIRM = 0xE0, 0xD0


class Tls(Reader):
    """Ciphertext: nothing is read here."""

    protocol = "tls"
    carries_tls = True

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if len(data) < 6 or data[0] not in (_HANDSHAKE, _DATA, _ALERT, _CHANGE) or data[1] != 3 or data[2] > 4:
            return None
        if data[0] == _HANDSHAKE and data[5] in (_CLIENT_HELLO, _SERVER_HELLO):
            return CLIENT if data[5] == _CLIENT_HELLO else SERVER
        return ""

    def framing(self, sender: str) -> Framing:
        return Sized(lambda data: NOT_THIS, lambda data: False)

    def record(self, sender: str, record: Record) -> None:
        """Never called: nothing begins."""


class Rdp(Tls):
    """A connection that begins with X.224 (MS-RDPBCGR 2.2.1.1), which asks for TLS."""

    protocol = "rdp"

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if len(data) < 7 or data[:2] != b"\3\0" or data[5] not in (_CONNECTION_REQUEST, _CONNECTION_CONFIRM):
            return None
        return CLIENT if data[5] == _CONNECTION_REQUEST else SERVER
