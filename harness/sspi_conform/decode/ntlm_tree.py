# SPDX-License-Identifier: Apache-2.0
"""NTLM messages as trees (MS-NLMP 2.2)."""
from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..tokens import ntlm
from .notes import Notes
from .tree import Node

_EPOCH = datetime.datetime(1601, 1, 1, tzinfo=datetime.timezone.utc)
_AV_FLAGS = {1: "constrained account", 2: "MIC present", 4: "target name from an untrusted source"}


@dataclass
class Exchange:
    """The messages of an exchange seen so far, and what they and a secret gave."""

    negotiate: bytes = b""
    challenge: bytes = b""
    hashes: Sequence[bytes] = ()  # NT hashes that the account may have
    session_key: bytes = b""      # exported, once an AUTHENTICATE verified
    flags: int = 0
    notes: Notes = field(default_factory=Notes)


def describe(data: bytes, node: Node, exchange: Exchange) -> None:
    """The fields of a message below `node`; TokenError when it is malformed."""
    message = ntlm.parse(data)
    node.add("flags", f"0x{message.flags:08x}").add("set", ntlm.flag_names(message.flags))
    if isinstance(message, ntlm.Negotiate):
        exchange.negotiate, exchange.challenge = data, b""
        node.add("domain", message.domain.decode("latin-1"))
        node.add("workstation", message.workstation.decode("latin-1"))
    elif isinstance(message, ntlm.Challenge):
        exchange.challenge = data
        node.add("server challenge", message.server_challenge)
        node.add("target name", message.text(message.target_name))
        if message.target_info:
            _av_pairs(node.add("target info"), message.av_pairs)
    else:
        _authenticate(message, data, node, exchange)
    if message.version:
        node.add("version", str(message.version))


def _authenticate(message: ntlm.Authenticate, data: bytes, node: Node, exchange: Exchange) -> None:
    for name, value in (("domain", message.domain), ("user", message.user), ("workstation", message.workstation)):
        node.add(name, message.text(value))
    node.add("LM response", message.lm_response)
    response = node.add("NT response", f"{message.response_kind}, {len(message.nt_response)} bytes")
    parts = message.ntlmv2()
    if parts:
        response.add("proof", parts.proof)
        response.add("time", time_of(parts.timestamp))
        response.add("client challenge", parts.client_challenge)
        _av_pairs(response.add("AV pairs"), parts.av_pairs)
    elif message.nt_response:
        response.add("bytes", message.nt_response)
    node.add("encrypted session key", message.session_key)
    mic = node.add("MIC", message.mic if message.mic is not None else "absent")
    if exchange.hashes and message.nt_response:
        from .ntlm_opened import verify  # what it needs takes longer to load than all the rest

        verify(message, data, response, mic, exchange)


def _av_pairs(node: Node, pairs: ntlm.AvPairs) -> None:
    for number, value in pairs:
        name = ntlm.AV_NAMES.get(number, f"AV pair {number}")
        if number == ntlm.AV_FLAGS and len(value) == 4:
            bits = int.from_bytes(value, "little")
            node.add(name, f"0x{bits:08x}").add("set", [text for bit, text in _AV_FLAGS.items() if bits & bit])
        elif number == ntlm.AV_TIMESTAMP and len(value) == 8:
            node.add(name, time_of(int.from_bytes(value, "little")))
        elif number == ntlm.AV_CHANNEL_BINDINGS:
            node.add(name, value if any(value) else "zero: the client knows of bindings and has none")
        elif number in ntlm.AV_NAMES and number != ntlm.AV_SINGLE_HOST:
            node.add(name, value.decode("utf-16-le", "replace"))
        else:
            node.add(name, value)


def time_of(filetime: int) -> str:
    """A FILETIME for people."""
    try:
        return (_EPOCH + datetime.timedelta(microseconds=filetime // 10)).isoformat(" ")
    except OverflowError:
        return f"0x{filetime:016x}, beyond any calendar"

