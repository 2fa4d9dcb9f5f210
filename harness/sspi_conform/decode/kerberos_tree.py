# SPDX-License-Identifier: Apache-2.0
"""Kerberos tokens as trees (RFC 4120 5, RFC 4121 4.1), as far as they are in clear."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..tokens import kerberos, spnego
from .errors_of_kerberos import ERRORS
from .notes import Notes
from .tree import Node

_ETYPES = {3: "des-cbc-md5", 17: "aes128-cts-hmac-sha1-96", 18: "aes256-cts-hmac-sha1-96", 19: "aes128-cts-hmac-sha256-128",
           20: "aes256-cts-hmac-sha384-192", 23: "rc4-hmac"}


@dataclass(frozen=True)
class Key:
    """A key of a service. `owner` without its realm; empty: of whatever service. `kvno` is None outside of a keytab."""

    owner: str
    etype: int
    value: bytes
    kvno: int | None = None


@dataclass
class Exchange:
    """What is known of an exchange so far."""

    keys: Sequence[Key] = ()
    session_key: bytes = b""  # of the ticket, once that was opened
    keys_of_messages: dict[bool, tuple[int, bytes]] = field(default_factory=dict)  # subkeys: acceptor's (True) or not
    sent: int = 0             # ctime and cusec of the authenticator
    dce_style: bool = False   # in which an AP-REP tells the time of its sender (MS-KILE 3.4.5.1)
    notes: Notes = field(default_factory=Notes)


def describe(data: bytes, node: Node, exchange: Exchange) -> None:
    """The fields of a token below `node`; TokenError when it is malformed."""
    token = kerberos.parse(data)
    node.add("mechanism", spnego.mechanism_name(token.oid) if token.oid else "none around it (DCE style)")
    values = dict(token.values)
    for name in ("etype", "authenticatorEtype"):
        if name in values:
            values[name] = etype_name(values[name])
    if token.kind == "KRB-ERROR":
        code = values.pop("errorCode")
        number, text = ERRORS.get(code, (f"error {code}", ""))
        node.add("error", f"{code} {number}" + (f": {text}" if text else ""))
    for name, value in values.items():
        node.add(name, "absent" if value is None else value)
    if token.kind in ("AP-REQ", "AP-REP") and exchange.keys:
        from .kerberos_opened import open_token  # what it needs takes longer to load than all the rest

        open_token(token.kind, data, node, exchange)


def etype_name(number: int) -> str:
    return f"{number} {_ETYPES.get(number, '')}".strip()
