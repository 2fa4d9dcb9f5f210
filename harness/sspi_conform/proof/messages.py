# SPDX-License-Identifier: Apache-2.0
"""Recorded messages that follow an authentication: opened by the side they were sent to, and made again by the other."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ..tokens import der
from . import krb5_crypto
from .play import OK
from .side import Side
from .wire import SEAL, Message

# RFC 4121 2 and 4.2.2: key usages of wrap tokens, flags and sizes of their header.
_USAGE = {True: 24, False: 22}
_SEALED, _HEADER = 2, 16
_ROOM = 256
_NO_ENCRYPT = 0x80000001  # SECQOP_WRAP_NO_ENCRYPT
OPENED, MADE = "message opened", "message made again"
# Side, message or fact, and how it differs from what is recorded: None when it does not.
Verdict = tuple[str, str, str | None]


class Wraps(Protocol):
    """What has to be known of a mechanism's messages."""

    def drawn(self, message: Message) -> bytes:
        """What the sender drew at random for it."""

    def masked(self, message: Message, wire: bytes) -> bytes:
        """`wire`, a message as it is on the wire, without what its sender was free to write."""


class Rfc4121:
    """Wrap tokens of Kerberos with AES."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def drawn(self, message: Message) -> bytes:
        """The confounder."""
        if not _is_sealed(message):
            return b""
        return krb5_crypto.confounder(self._key, _USAGE[message.from_client],
                                      self._cipher(message, message.token + message.data))

    def masked(self, message: Message, wire: bytes) -> bytes:
        """Header and plaintext without the filler of EC octets in front of the inner header."""
        plain = krb5_crypto.unverified(self._key, _USAGE[message.from_client], self._cipher(message, wire))
        extra = int.from_bytes(wire[4:6], "big")
        return wire[:_HEADER] + plain[:-_HEADER - extra] + plain[-_HEADER:]

    @staticmethod
    def _cipher(message: Message, wire: bytes) -> bytes:
        extra, rotated = int.from_bytes(wire[4:6], "big"), int.from_bytes(wire[6:8], "big")
        by = rotated + (0 if message.is_stream else extra)  # MS-KILE 3.4.5.4.1: in DCE style RRC and EC
        return wire[_HEADER + by:] + wire[_HEADER:_HEADER + by]


def _is_sealed(message: Message) -> bool:
    return bool((message.token or message.data)[2] & _SEALED)


def played(client: Side, server: Side, found: list[Message], wraps: Wraps) -> Iterator[Verdict]:
    """Each message in the order of the wire: what the receiver says of it, and what the sender makes of its text."""
    for one in found:
        sender, receiver = (client, server) if one.from_client else (server, client)
        receiving, sending = ("acceptor", "initiator") if one.from_client else ("initiator", "acceptor")
        status, text, qop = _opened(receiver, one)
        if status == OK and one.is_stream and not _is_ldap(text):
            status = "no LDAPMessage inside"
        yield receiving, OPENED, None if status == OK else f"{status} (frame {one.frame})"
        if status != OK:
            return
        sender.pin(None, wraps.drawn(one))
        yield sending, MADE, _difference(one, _made(sender, one, text, qop), wraps)


def _opened(side: Side, one: Message) -> tuple[str, bytes, int]:
    """Status, plaintext, quality of protection."""
    if one.is_stream:
        answer = side.message("DecryptMessage", [{"type": "STREAM", "hex": one.data.hex()}, {"type": "DATA", "size": 0}])
    else:
        call = "DecryptMessage" if one.kind == SEAL else "VerifySignature"
        answer = side.message(call, _parts(one, one.data, {"type": "TOKEN", "hex": one.token.hex()}))
    if answer["status"] != OK:
        return answer["status"], b"", 0
    return OK, bytes.fromhex(answer["message"][1].get("hex", "")), int(answer["qop"].get("value", "0"), 16)


def _made(side: Side, one: Message, text: bytes, qop: int) -> bytes | str:
    """The message on the wire, or the status that came instead."""
    if one.is_stream:
        order = (0, 1)
        answer = side.message("EncryptMessage", [{"type": "TOKEN", "size": _ROOM}, {"type": "DATA", "hex": text.hex()}],
                              fQOP=qop)
    else:
        order = (3, 1)
        call = "EncryptMessage" if one.kind == SEAL else "MakeSignature"
        answer = side.message(call, _parts(one, text, {"type": "TOKEN", "size": len(one.token)}))
    if answer["status"] != OK:
        return str(answer["status"])
    return b"".join(bytes.fromhex(answer["message"][place].get("hex", "")) for place in order)


def _difference(one: Message, made: bytes | str, wraps: Wraps) -> str | None:
    if isinstance(made, str):
        return f"{made} (frame {one.frame})"
    recorded = one.token + one.data
    if made == recorded:
        return None
    if len(made) == len(recorded) and made[:_HEADER] == recorded[:_HEADER] and \
            wraps.masked(one, made) == wraps.masked(one, recorded):
        return "filler"
    at = next((at for at, (a, b) in enumerate(zip(made, recorded)) if a != b), len(made))
    return f"from byte {at} of {len(recorded)} (frame {one.frame})"


def _parts(one: Message, data: bytes, token: dict[str, Any]) -> list[dict[str, Any]]:
    """As Windows' RPC calls it: header and verifier are signed, the data is sealed."""
    return [{"type": "DATA", "readonly": "checksum", "hex": one.before.hex()}, {"type": "DATA", "hex": data.hex()},
            {"type": "DATA", "readonly": "checksum", "hex": one.behind.hex()}, token]


def _is_ldap(text: bytes) -> bool:
    """Whether it is one LDAPMessage, or several."""
    at = 0
    while at < len(text):
        element = der.read(text, at)
        if element.tag != der.SEQUENCE:
            return False
        at = element.stop
    return at > 0
