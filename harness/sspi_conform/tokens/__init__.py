# SPDX-License-Identifier: Apache-2.0
"""Decoders of authentication tokens: a cheap classifier, and the fields that the observed paths show."""
from __future__ import annotations

from typing import Any

from . import der, kerberos, ntlm, spnego
from .messages import message_fields, message_kind
from .errors import TokenError

__all__ = ["KINDS", "TokenError", "fields", "kind", "message_fields", "message_kind"]

KINDS = ("none", "NTLM NEGOTIATE", "NTLM CHALLENGE", "NTLM AUTHENTICATE", "NegTokenInit", "NegTokenInit2",
         "NegTokenResp", "AP-REQ", "AP-REP", "KRB-ERROR", "TGT-REQ", "TGT-REP", "other")
_NTLM_KINDS = {1: "NTLM NEGOTIATE", 2: "NTLM CHALLENGE", 3: "NTLM AUTHENTICATE"}


def kind(data: bytes) -> str:
    """What a token is, by its first bytes; it need not be well-formed behind them."""
    if not data:
        return "none"
    if data[:8] == ntlm.SIGNATURE:
        return _NTLM_KINDS.get(int.from_bytes(data[8:12], "little"), "other")
    first = data[0]
    if first == 0xA1:
        return "NegTokenResp"
    if first in kerberos.APPLICATION_TAGS:
        return kerberos.APPLICATION_TAGS[first]
    try:
        if first == 0xA0:
            return _init_kind(data)
        if first == 0x60:
            return _framed_kind(data)
    except TokenError:
        pass
    return "other"


def fields(data: bytes) -> dict[str, Any]:
    """The fields of a token by their observed path (`negState`, `inner.flags`, `av.MsvAvFlags`); TokenError when it
    is malformed. A token of no known kind has none. A malformed inner token leaves `inner.error` instead of fields."""
    found = kind(data)
    if found.startswith("NTLM"):
        return ntlm.fields(ntlm.parse(data))
    if found.startswith("NegToken"):
        return _spnego_fields(spnego.parse(data))
    if found in ("AP-REQ", "AP-REP", "KRB-ERROR", "TGT-REQ", "TGT-REP"):
        token = kerberos.parse(data)
        return {"framing": spnego.mechanism_name(token.oid) if token.oid else "none", **token.values}
    return {}


def _framed_kind(data: bytes) -> str:
    outer = der.read(data)
    oid = der.read(data, outer.start, outer.stop)
    name = der.read_oid(oid)
    if name == spnego.SPNEGO:
        return "NegTokenResp" if data[oid.stop:oid.stop + 1] == b"\xa1" else _init_kind(data)
    if name in kerberos.KERBEROS_OIDS:
        found = kerberos.TOKEN_IDS.get(data[oid.stop:oid.stop + 2], "other")
        return found if found in KINDS else "other"
    return "other"


def _init_kind(data: bytes) -> str:
    try:
        message = spnego.parse(data)
        return "NegTokenInit2" if isinstance(message, spnego.NegTokenInit) and message.is_init2 else "NegTokenInit"
    except TokenError:
        return "NegTokenInit"  # it says so in its head; what is broken further inside, fields() tells


def _spnego_fields(message: spnego.NegTokenInit | spnego.NegTokenResp) -> dict[str, Any]:
    found: dict[str, Any] = {"mechListMIC": "absent" if message.mic is None else "present"}
    if isinstance(message, spnego.NegTokenInit):
        found["mechTypes"] = [spnego.mechanism_name(oid) for oid in message.mech_types]
        found["framing"] = "SPNEGO" if message.framed else "none"
        if message.hint_name is not None:
            found["hintName"] = message.hint_name.decode("utf-8", "replace")
        inner = message.mech_token
    else:
        found["negState"] = message.state_name or "absent"
        found["supportedMech"] = spnego.mechanism_name(message.supported_mech) if message.supported_mech else "absent"
        inner = message.response_token
    found["inner"] = kind(inner or b"")
    if inner is not None and not inner:
        found["inner"] = "empty"
    if inner:
        try:
            found |= {f"inner.{name}": value for name, value in fields(inner).items()}
        except TokenError as error:
            found["inner.error"] = str(error)
    return found
