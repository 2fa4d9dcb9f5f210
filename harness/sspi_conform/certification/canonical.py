# SPDX-License-Identifier: Apache-2.0
"""JSON with one way to write it: sorted keys, no blanks, UTF-8, a newline at the end, as `jq -cS .` prints it."""
from __future__ import annotations

import hashlib
import json
from typing import Any


class Malformed(Exception):
    """Content that is not what its place asks for; the text says what is wrong."""


def dump(value: Any) -> bytes:
    """A value as the bytes that are hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def read(content: bytes) -> dict[str, Any]:
    """The mapping in such bytes. Malformed for everything else, so that no two files mean the same."""
    try:
        value = json.loads(content.decode())
        again = dump(value)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Malformed("JSON, but not a mapping")
    if again != content:
        offset = next((at for at, (one, other) in enumerate(zip(again, content)) if one != other),
                      min(len(again), len(content)))
        raise Malformed(f"JSON, but not in canonical form (byte {offset})")
    return value


def digest(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
