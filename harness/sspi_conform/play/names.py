# SPDX-License-Identifier: Apache-2.0
"""Numbers of the protocol to the names of scenarios and back, remembered, as a run sees few different ones."""
from __future__ import annotations

from collections.abc import Sequence

from .. import flags, statuses
from .observed import Kinds

_ASKED = {"initiator": "ISC_REQ_", "acceptor": "ASC_REQ_"}
_TOLD = {"initiator": "ISC_RET_", "acceptor": "ASC_RET_"}


class Names:
    """One per pipeline."""

    def __init__(self) -> None:
        self.kinds = Kinds()
        self._statuses: dict[str, str] = {}
        self._attributes: dict[tuple[str, str], list[str]] = {}
        self._bits: dict[tuple[str, tuple[str, ...]], int] = {}

    def status(self, value: str) -> str:
        """'0x00090312' as SEC_I_CONTINUE_NEEDED; what has no name stays a number."""
        name = self._statuses.get(value)
        if name is None:
            name = self._statuses[value] = statuses.name(int(value, 16))
        return name

    def attributes(self, side: str, value: str) -> list[str]:
        """The flag names in *pfContextAttr, without their prefix."""
        key = (side, value)
        names = self._attributes.get(key)
        if names is None:
            names = self._attributes[key] = list(flags.split(_TOLD[side], int(value, 16)))
        return names

    def bits(self, side: str, names: Sequence[str]) -> int:
        """fContextReq from flag names."""
        key = (side, tuple(names))
        bits = self._bits.get(key)
        if bits is None:
            bits = self._bits[key] = flags.bits(_ASKED[side], names)
        return bits
