# SPDX-License-Identifier: Apache-2.0
"""Recorded messages that follow an authentication: opened by the side they were sent to, and made again by the other."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

from ..tokens import der
from . import krb5_crypto
from .play import OK
from .side import Side
from .wire import SEAL, Message

# RFC 4121 2 and 4.2.2: key usages of wrap tokens, flags and sizes of their header; NTLM's signature has the same size.
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

    def shaped(self, message: Message) -> Message:
        """A stream as the mechanism's callers give it."""

    def masked(self, message: Message, wire: bytes) -> bytes:
        """`wire`, a message as it is on the wire, without what its sender was free to write."""


class Ntlm:
    """Signature and data: nothing in them is random (MS-NLMP 3.4.3, 3.4.4)."""

    def drawn(self, message: Message) -> bytes:
        return b""

    def shaped(self, message: Message) -> Message:
        """A signature of its own size in front of the data; NTLM knows no STREAM."""
        if not message.is_stream:
            return message
        return replace(message, token=message.data[:_HEADER], data=message.data[_HEADER:])

    def masked(self, message: Message, wire: bytes) -> bytes:
        return wire


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

    def shaped(self, message: Message) -> Message:
        return message

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
    for raw in found:
        one = wraps.shaped(raw)
        sender, receiver = (client, server) if one.from_client else (server, client)
        receiving, sending = ("acceptor", "initiator") if one.from_client else ("initiator", "acceptor")
        status, text, qop = _opened(receiver, one)
        if status == OK and one.is_ldap and not _is_ldap(text):
            status = "no LDAPMessage inside"
        yield receiving, OPENED, None if status == OK else f"{status} (frame {one.frame})"
        if status != OK:
            return
        sender.pin(None, wraps.drawn(one))
        yield sending, MADE, _difference(one, _made(sender, one, text, qop), wraps)


def _opened(side: Side, one: Message) -> tuple[str, bytes, int]:
    """Status, plaintext, quality of protection."""
    if one.is_stream:
        buffers: list[dict[str, Any]] = [{"type": "STREAM", "hex": one.data.hex()}, {"type": "DATA", "size": 0}]
        call, place = "DecryptMessage", 1
    else:
        buffers, place = _parts(one, one.data, {"type": "TOKEN", "hex": one.token.hex()})
        call = "DecryptMessage" if one.kind == SEAL else "VerifySignature"
    answer = side.message(call, buffers)
    if answer["status"] != OK:
        return answer["status"], b"", 0
    return OK, bytes.fromhex(answer["message"][place].get("hex", "")), int(answer["qop"].get("value", "0"), 16)


def _made(side: Side, one: Message, text: bytes, qop: int) -> bytes | str:
    """The message on the wire, or the status that came instead."""
    room = {"type": "TOKEN", "size": _ROOM if one.is_stream else len(one.token)}
    buffers, place = _parts(one, text, room)
    answer = side.message("EncryptMessage" if one.kind == SEAL else "MakeSignature", buffers, fQOP=qop)
    if answer["status"] != OK:
        return str(answer["status"])
    return b"".join(bytes.fromhex(answer["message"][at].get("hex", "")) for at in (-1, place))


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


def _parts(one: Message, data: bytes, token: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The buffers, the token last, and the place of the data. As Windows' RPC calls it, header and verifier are signed
    and the data between them is sealed."""
    before, behind = ([{"type": "DATA", "readonly": "checksum", "hex": part.hex()}] if part else []
                      for part in (one.before, one.behind))
    return [*before, {"type": "DATA", "hex": data.hex()}, *behind, token], len(before)


def _is_ldap(text: bytes) -> bool:
    """Whether it is one LDAPMessage, or several."""
    at = 0
    while at < len(text):
        element = der.read(text, at)
        if element.tag != der.SEQUENCE:
            return False
        at = element.stop
    return at > 0
