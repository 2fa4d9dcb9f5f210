# SPDX-License-Identifier: Apache-2.0
"""The tokens of single messages: RFC 4121 4.2.6 and RFC 4757 7 (Kerberos), MS-NLMP 2.2.2.9 (NTLM)."""
from __future__ import annotations

from typing import Any

from .errors import TokenError

_KINDS = {b"\x05\x04": "wrap", b"\x04\x04": "MIC"}
_RC4_KINDS = {b"\x02\x01": "RC4 wrap", b"\x01\x01": "RC4 MIC"}
_FLAGS = ("sent-by-acceptor", "sealed", "acceptor-subkey")
_KERBEROS_OID = bytes.fromhex("06092a864886f712010202")
_FRAMING = range(13, 18)  # 60, a length of one to five bytes, the object identifier


def message_kind(data: bytes) -> str:
    """wrap, MIC, RC4 wrap, RC4 MIC, NTLM signature, none or other."""
    if not data:
        return "none"
    if data[:2] in _KINDS:
        return _KINDS[data[:2]]
    if data[:1] == b"\x60":
        return _RC4_KINDS.get(_unframed(data)[:2], "other")
    return "NTLM signature" if len(data) == 16 and data[:4] == b"\x01\0\0\0" else "other"


def message_fields(data: bytes) -> dict[str, Any]:
    """The fields that stand in clear; none for a token that is not known."""
    kind = message_kind(data)
    if kind == "NTLM signature":
        return {"sequence": int.from_bytes(data[12:], "little")}
    if kind in _RC4_KINDS.values():
        inner = _unframed(data)
        return {"sgn-alg": inner[2:4].hex(), "seal-alg": inner[4:6].hex()}
    if kind not in _KINDS.values():
        return {}
    if len(data) < 16:
        raise TokenError(len(data), "16 bytes of header")
    found: dict[str, Any] = {"flags": [name for bit, name in enumerate(_FLAGS) if data[2] >> bit & 1],
                             "sequence": int.from_bytes(data[8:16], "big")}
    if kind == "MIC":
        return found | {"filler": data[3:8].hex()}
    return found | {"filler": data[3:4].hex(), "ec": int.from_bytes(data[4:6], "big"),
                    "rrc": int.from_bytes(data[6:8], "big")}


def _unframed(data: bytes) -> bytes:
    """What stands behind the GSS framing of a Kerberos token. The length there is not the token's in DCE style, so it
    is not looked at."""
    for end in _FRAMING:
        if data[end - len(_KERBEROS_OID):end] == _KERBEROS_OID:
            return data[end:]
    return b""
