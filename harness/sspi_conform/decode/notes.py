# SPDX-License-Identifier: Apache-2.0
"""What opening a token told, for those who want it as words (`exchange/verify.py` lists them) and not as a tree."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Notes:
    """Of one token. `facts` are as verify.py has them; `times` are clocks and limits found, in seconds since 1970, by the
    names `clock`, `ticket-begins`, `ticket-ends`; `bindings` is the hash of channel bindings, None where there is no room
    for one."""

    facts: dict[str, Any] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    bindings: bytes | None = None

    def clear(self) -> None:
        self.facts, self.times, self.bindings = {}, {}, None
