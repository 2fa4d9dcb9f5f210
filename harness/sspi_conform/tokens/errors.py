# SPDX-License-Identifier: Apache-2.0
"""The one exception of all decoders."""
from __future__ import annotations


class TokenError(ValueError):
    """A token is not what it should be: where, and what was expected there."""

    def __init__(self, offset: int, expected: str) -> None:
        super().__init__(f"at byte {offset}: expected {expected}")
        self.offset = offset
        self.expected = expected
