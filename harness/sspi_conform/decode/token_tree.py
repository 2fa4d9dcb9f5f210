# SPDX-License-Identifier: Apache-2.0
"""Whole tokens of any kind as trees; the tokens of one input share what is known of their exchange."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..tokens import TokenError, kind, message_fields, message_kind, negoex, spnego
from . import kerberos_tree, ntlm_tree
from .notes import Notes
from .text import Found
from .tree import Node



@dataclass
class Exchange:
    """What the tokens seen so far and the secrets given say."""

    ntlm: ntlm_tree.Exchange = field(default_factory=ntlm_tree.Exchange)
    kerberos: kerberos_tree.Exchange = field(default_factory=kerberos_tree.Exchange)
    notes: Notes = field(default_factory=Notes)
    mech_types: bytes = b""  # of the NegTokenInit: what the mechListMICs cover (RFC 4178 5)


def decode_all(found: Sequence[Found], exchange: Exchange) -> list[Node]:
    """A tree for each token."""
    return [decode(one, exchange) for one in found]


def decode(found: Found, exchange: Exchange) -> Node:
    """The tree of a token. What is malformed stands in it, marked, where it was met."""
    node = Node(f"{_name(found.data)}, {len(found.data)} bytes")
    node.add("from", f"{found.where}, sent by the {found.sender}" if found.sender else found.where)
    _describe(found.data, node, exchange)
    return node


def _name(data: bytes) -> str:
    if data.startswith(negoex.SIGNATURE):
        return "NEGOEX"
    found = kind(data)
    if found != "other":
        return found
    message = message_kind(data)
    return f"{message} (of a single message)" if message not in ("other", "none") else "no token known here"


def _describe(data: bytes, node: Node, exchange: Exchange) -> None:
    try:
        found = kind(data)
        if data.startswith(negoex.SIGNATURE):
            _negoex(data, node)
        elif found.startswith("NTLM"):
            ntlm_tree.describe(data, node, exchange.ntlm)
        elif found.startswith("NegToken"):
            _spnego(data, node, exchange)
        elif found != "other":
            kerberos_tree.describe(data, node, exchange.kerberos)
        else:
            for name, value in message_fields(data).items():
                node.add(name, value)
            if not node.children[1:]:
                node.add("first bytes", data[:32], "bad")
    except TokenError as error:
        node.add("malformed", str(error), "bad")


def _spnego(data: bytes, node: Node, exchange: Exchange) -> None:
    message = spnego.parse(data)
    if isinstance(message, spnego.NegTokenInit):
        node.add("mechTypes", [spnego.mechanism_name(oid) for oid in message.mech_types])
        if message.req_flags is not None:
            node.add("reqFlags", message.req_flags)
        if message.hint_name is not None:
            node.add("hintName", message.hint_name.decode("utf-8", "replace"))
        name, inner = "mechToken", message.mech_token
        if not message.is_init2:
            exchange.mech_types = message.mech_types_der
    else:
        node.add("negState", message.state_name or "absent")
        node.add("supportedMech", spnego.mechanism_name(message.supported_mech) if message.supported_mech else "absent")
        name, inner = "responseToken", message.response_token
    if inner is None:
        node.add(name, "absent")
    elif not inner:
        node.add(name, "empty")
    else:
        _describe(inner, node.add(name, f"{_name(inner)}, {len(inner)} bytes"), exchange)
    mic = node.add("mechListMIC", "absent" if message.mic is None else f"{message_kind(message.mic)}, {len(message.mic)} bytes")
    if message.mic:
        for one, value in message_fields(message.mic).items():
            mic.add(one, value)
        good = _mic_fits(message, exchange)
        if good is not None:
            exchange.notes.facts["mech-list-mic"] = "right" if good else "wrong"
            mic.add("MIC", "covers the list of mechanisms" if good
                    else "does not cover the list that the initiator sent", "good" if good else "bad")


def _mic_fits(message: spnego.NegTokenInit | spnego.NegTokenResp, exchange: Exchange) -> bool | None:
    """None when the key or the list is not known."""
    if not message.mic or not exchange.mech_types:
        return None
    if message_kind(message.mic) == "NTLM signature":
        if not exchange.ntlm.session_key:
            return None
        from .ntlm_opened import check_signature

        by_initiator = isinstance(message, spnego.NegTokenInit) or kind(message.response_token or b"") == "NTLM AUTHENTICATE"
        return check_signature(message.mic, exchange.mech_types, by_initiator, exchange.ntlm)
    if not exchange.kerberos.session_key:
        return None
    from .kerberos_opened import check_mic

    return check_mic(message.mic, exchange.mech_types, exchange.kerberos)


def _negoex(data: bytes, node: Node) -> None:
    """The messages one after the other (MS-NEGOEX 2.2.6)."""
    for message in negoex.messages(data):
        one = node.add(message.name, f"{message.size} bytes")
        one.add("sequence number", message.sequence)
        one.add("conversation", data[message.offset + 24:message.offset + negoex.HEADER])
        for name, at, size in message.fields:
            value = data[at:at + size]
            if name == "auth scheme":
                one.add(name, negoex.scheme_name(value))
            elif name == "protocol version":
                one.add(name, int.from_bytes(value, "little"))
            elif name == "checksum type":
                one.add(name, int.from_bytes(value, "little", signed=True))
            elif name == "error code":
                one.add(name, f"0x{int.from_bytes(value, 'little'):08x}")
            else:
                one.add(name, value)
