# SPDX-License-Identifier: Apache-2.0
"""A line of the table."""
from __future__ import annotations

from dataclasses import dataclass

EQUAL, BUT_SECRETS, STRUCTURE = "equal", "equal but for secrets", "same structure"


@dataclass(frozen=True, slots=True)
class Row:
    """One message, or one fact. `difference` None: equal. `reason`: why it differs, None when nobody listed it."""

    exchange: str
    side: str
    build: str
    message: str
    difference: str | None
    reason: str | None = None
    degree: str = EQUAL

    @property
    def good(self) -> bool:
        return self.difference is None or self.reason is not None

    @property
    def verdict(self) -> str:
        if self.difference is None:
            return self.degree
        return f"{self.difference}: {self.reason or 'NOT LISTED'}"
