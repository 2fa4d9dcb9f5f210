# SPDX-License-Identifier: Apache-2.0
"""What of a played case is the implementation's doing: the same each time, and without names, times or nonces."""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .. import matchers
from ..model import Case, Trace
from ..play.observed import Observed
from .accounts import Accounts

_FIELDS = (r"flags|mechTypes|reqFlags|negState|supportedMech|mechListMIC|framing|response|avOrder|avTail|mic|errorCode|"
           r"ap-options|pvno|sgn-alg|seal-alg|filler|ec|rrc")
# Words of the suite and numbers of the protocol; anything else may be a name, a time or a nonce.
_KEPT = re.compile(
    rf"(?:.*\.)?(?:status|attributes|expiry|legs|established|plaintext|on-the-wire|qop|signature|signature\.size"
    rf"|token\.size|(?:token|signature)(?:\.inner)*(?:\.(?:{_FIELDS}))?|written)"
    r"|query\.same\..+")
_NUMBERS = re.compile(r".*\.(?:value|package)\.[cfwu][A-Za-z]+")  # sizes, flags and versions
_NAMES = re.compile(r"query\..+\.value\.s[A-Za-z]+")  # of users, services and packages
_LAST = ("status", "attributes", "expiry")


def expectation(case: Case, traces: Sequence[Trace], accounts: Accounts) -> dict[str, Any]:
    """The paths of a case with what was seen there each time, as a record expects them."""
    found: dict[str, Any] = {}
    for path, value in _seen(case, traces[0]):
        told = _told(path, value, accounts)
        if told is not None and all(_agrees(trace, path, value) for trace in traces[1:]):
            found[path] = told
    return found


def is_loopback(trace: Trace) -> bool:
    """Whether NTLM noticed that both sides are on one machine, which leaves the proofs away."""
    assert isinstance(trace.observed, Observed)
    return any(path.endswith(".flags") and "NTLMSSP_NEGOTIATE_LOCAL_CALL" in value for path, value in trace.observed.every())


def _seen(case: Case, trace: Trace) -> Iterator[tuple[str, Any]]:
    """What the case shows of its subject, and of neither side."""
    assert isinstance(trace.observed, Observed)
    every = list(trace.observed.every())
    legs = {path.removesuffix(".legs"): value for path, value in every if path.endswith(".legs")}
    for path, value in every:
        if matchers.side_of(path, case) not in ("", case.subject):
            continue
        yield path, value
        side, _, rest = path.partition(f".leg.{legs.get(path.partition('.leg.')[0])}.")
        if rest in _LAST:
            yield f"{side}.last.{rest}", value


def _agrees(trace: Trace, path: str, value: Any) -> bool:
    """Whether a later play shows the same."""
    return trace.observed.get(path) == value


def _told(path: str, value: Any, accounts: Accounts) -> Any:
    """The value as it is written down; None when it is not."""
    if _NAMES.fullmatch(path):
        return accounts.told(str(value))
    if _NUMBERS.fullmatch(path):
        return value if isinstance(value, int) or str(value).startswith("0x") else None
    return value if _KEPT.fullmatch(path) else None
