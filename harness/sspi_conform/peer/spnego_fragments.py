# SPDX-License-Identifier: Apache-2.0
"""SPNEGO tokens in pieces, on either side of an exchange (MS-SPNG 3.1.5.6, 3.1.5.9)."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .model import Leg, SspiError
from .statuses import SEC_E_INVALID_TOKEN, SEC_I_CONTINUE_NEEDED

LEAST_PIECE = 5  # the DER header has to fit
Whole = Callable[[Leg], tuple[int, bytes | None]]


class Fragments:
    """Gathers what comes in, cuts what goes out. Tokens that are whole and fit pass through untouched."""

    def __init__(self, wish: int) -> None:
        self._wish = wish  # the FRAGMENT_TO_FIT bit of this side
        self._arrived = b""
        self._left = b""
        self._status = 0

    def step(self, leg: Leg, whole: Whole, gathers: bool) -> tuple[int, bytes | None]:
        """One leg around `whole`, which sees complete tokens only."""
        if self._left:
            if leg.token:
                raise SspiError(SEC_E_INVALID_TOKEN)
            return self._next(leg)
        if gathers and (self._arrived or leg.token):
            if self._arrived and not leg.token:
                raise SspiError(SEC_E_INVALID_TOKEN)
            self._arrived += leg.token or b""
            if len(self._arrived) < _promised(self._arrived):
                return SEC_I_CONTINUE_NEEDED, None
            leg, self._arrived = replace(leg, token=self._arrived), b""
        status, produced = whole(leg)
        room = leg.room
        if not produced or room is None or not leg.flags & self._wish or not LEAST_PIECE <= room < len(produced):
            return status, produced
        self._left, self._status = produced, status
        return self._next(leg)

    def _next(self, leg: Leg) -> tuple[int, bytes]:
        room = len(self._left) if leg.room is None else leg.room
        piece, self._left = self._left[:room], self._left[room:]
        return SEC_I_CONTINUE_NEEDED if self._left else self._status, piece


def _promised(token: bytes) -> int:
    """The length in the DER header of a SPNEGO token; 0 where there is none to be read."""
    if token[:1] not in (b"\x60", b"\xa0", b"\xa1") or len(token) < 2:
        return 0
    octets = token[1] & 0x7F
    if token[1] < 0x80:
        return 2 + octets
    if not 1 <= octets <= 4 or len(token) < 2 + octets:
        return 0
    return 2 + octets + int.from_bytes(token[2:2 + octets], "big")
