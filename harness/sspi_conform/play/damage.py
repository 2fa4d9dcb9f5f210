# SPDX-License-Identifier: Apache-2.0
"""Damage to a message on its way that is named by position, and a rotation that is none."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HEADER = 16  # of a token of RFC 4121 4.2.6; EC stands at 4, RRC at 6


def do(how: Any, buffers: list[dict[str, Any]]) -> None:
    """Changes the STREAM of a message, or its TOKEN when there is none.

    {at: n, xor: hex} alters bytes, {cut: n} keeps the first n, {rotate: n} gives a stream another RRC and turns it by
    that much, which receivers must undo (RFC 4121 4.2.5).
    """
    if not isinstance(how, Mapping):
        return
    buffer = next((one for one in buffers if one["type"] == "STREAM"), None)
    if buffer is None:
        buffer = next(one for one in buffers if one["type"] == "TOKEN")
    data = bytearray.fromhex(buffer["hex"])
    if "cut" in how:
        del data[how["cut"]:]
    elif "rotate" in how:
        data = _rotated(data, how["rotate"])
    else:
        for offset, mask in enumerate(bytes.fromhex(str(how["xor"])), how["at"]):
            data[offset] ^= mask
    buffer["hex"] = data.hex()


def _rotated(token: bytearray, count: int) -> bytearray:
    header, rest = token[:_HEADER], token[_HEADER:]
    before = int.from_bytes(header[6:8], "big")
    header[6:8] = count.to_bytes(2, "big")
    turn = (count - before) % len(rest)
    return header + rest[-turn:] + rest[:-turn] if turn else header + rest
