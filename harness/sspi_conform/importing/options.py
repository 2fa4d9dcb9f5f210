# SPDX-License-Identifier: Apache-2.0
"""What the user says about an input, and what the reading tells meanwhile."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """`ports` name the protocol of connections to a port; `tls_keys` are key logs (NSS format) and RSA keys (PEM)."""

    ports: Mapping[int, str] = field(default_factory=dict)
    tls_keys: tuple[Path, ...] = ()


@dataclass
class Progress:
    """`tell` hears the number of the packet that is being read; `tshark_seconds` is what tshark used of a processor."""

    tell: Callable[[int], None] | None = None
    tshark_seconds: float = 0.0

    def packets(self, frame: int) -> None:
        if self.tell and frame % 1000 == 0:
            self.tell(frame)
