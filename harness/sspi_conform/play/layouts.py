# SPDX-License-Identifier: Apache-2.0
"""The buffer lists that callers of EncryptMessage and DecryptMessage use."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPARE_TOKEN = 1024  # room for a signature when the implementation does not say how much it needs
_HEADER, _TRAILER = "68656164657220", "20747261696c6572"
_READONLY = {"dce": "checksum", "dce-plain": "plain"}


def made(layout: str, sizes: Mapping[str, Any], text: str) -> list[dict[str, Any]]:
    """What the sender gives EncryptMessage. Text is in hex.

    token-data, stream: TOKEN, DATA, and PADDING when the package has blocks; padding: with PADDING in any case, as the
    page on GSSAPI interoperability writes it; parts: the text in three DATA buffers; dce, dce-plain: DATA between a
    header and a trailer that are READONLY_WITH_CHECKSUM or READONLY, TOKEN behind, as RPC lays them out.
    """
    token = {"type": "TOKEN", "size": sizes.get("cbSecurityTrailer", SPARE_TOKEN)}
    data = {"type": "DATA", "hex": text}
    block = sizes.get("cbBlockSize", 0)
    if layout in _READONLY:
        return [*_between_readonly(layout, data), token]
    if layout == "parts":
        cut = len(text) // 6 * 2
        return [token, *({"type": "DATA", "hex": part} for part in (text[:cut], text[cut:cut + 2], text[cut + 2:]))]
    if layout == "padding" or block > 1:
        return [token, data, {"type": "PADDING", "size": max(1, block)}]
    return [token, data]


def to_sign(layout: str, room: int, text: str) -> list[dict[str, Any]]:
    """What the signer gives MakeSignature: DATA and TOKEN, or DATA between readonly parts."""
    data, token = {"type": "DATA", "hex": text}, {"type": "TOKEN", "size": room}
    return [*(_between_readonly(layout, data) if layout in _READONLY else [data]), token]


def _between_readonly(layout: str, data: dict[str, Any]) -> list[dict[str, Any]]:
    kind = _READONLY[layout]
    return [{"type": "DATA", "hex": _HEADER, "readonly": kind}, data,
            {"type": "DATA", "hex": _TRAILER, "readonly": kind}]


def arrived(layout: str, sealed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the receiver is given: one stream, or the buffers as the sender got them."""
    if layout in ("stream", "padding"):
        return [{"type": "STREAM", "hex": "".join(one["hex"] for one in sealed)}, {"type": "DATA", "size": 0}]
    return [one for one in sealed if one["hex"] or one["type"] != "PADDING"]


def is_body(buffer: Mapping[str, Any]) -> bool:
    """Whether this buffer carries text that is to be encrypted."""
    return buffer["type"] == "DATA" and "readonly" not in buffer
