# SPDX-License-Identifier: Apache-2.0
"""A recording as lines for people: what was found, between whom, how it ended, what is missing."""
from __future__ import annotations

from collections.abc import Iterator

from ..exchange.model import KRB_ERROR, NT_STATUS, RPC_FAULT, CREDSSP, Exchange, Recording, Status
from ..tokens import TokenError, kind, spnego

CURL_SAYS = "curl: "  # before its own words, see curl.py
_HEX = (NT_STATUS, RPC_FAULT, CREDSSP)
_NAMES = {"AP-REQ": "Kerberos", "AP-REP": "Kerberos", "KRB-ERROR": "Kerberos", "TGT-REQ": "Kerberos U2U", "TGT-REP": "Kerberos U2U"}


def lines(recording: Recording) -> Iterator[str]:
    """A line for each exchange, and one for each thing that is missing."""
    yield f"{printable(recording.name)}: {counted(len(recording.exchanges), 'exchange')}" + (
        f", {counted(len(recording.kdc), 'message')} to and from the KDC" if recording.kdc else "")
    unit = unit_of(recording)
    rows = [_row(one, unit) for one in recording.exchanges]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(6)]
    for row, one in zip(rows, recording.exchanges):
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip()
        yield from (f"{'':>{widths[0] + 2}}{remark(text)}" for text in one.missing)
    yield from (remark(text) for text in recording.missing)


def remark(text: str) -> str:
    """A sentence of `missing` as a line; what curl said of itself is said as its own."""
    return printable(text) if text.startswith(CURL_SAYS) else f"missing: {printable(text)}"


def unit_of(recording: Recording) -> str:
    """What its legs are counted by."""
    return "frame" if recording.kind in ("pcap", "case") else "line"


def _row(one: Exchange, unit: str) -> tuple[str, ...]:
    port = f":{one.server_port}" if one.server_port else ""
    frames = [leg.frame for leg in one.legs]
    span = "" if not frames else f"{unit}s {min(frames)}-{max(frames)}" if len(set(frames)) > 1 else f"{unit} {frames[0]}"
    return (f"{one.number:>3}", one.transport, f"{one.client or '?'} -> {one.server or '?'}{port}", mechanisms(one),
            f"{counted(len(one.legs), 'leg')}, {span}", ended(one.outcome))


def mechanisms(one: Exchange) -> str:
    """What the tokens are of, in the order of their first appearance: `Kerberos, NTLM in SPNEGO`."""
    kinds = [_kinds(leg.token) for leg in one.legs if leg.token]
    found = dict.fromkeys("NTLM" if inner.startswith("NTLM") else _NAMES.get(inner, "") for _, inner in kinds)
    found.pop("", None)
    if "Kerberos U2U" in found:
        found.pop("Kerberos", None)
    if not any(outer.startswith("NegToken") for outer, _ in kinds):
        return ", ".join(found) or "no token"
    return f"{', '.join(found)} in SPNEGO" if found else "SPNEGO"


def _kinds(token: bytes) -> tuple[str, str]:
    outer = kind(token)
    if not outer.startswith("NegToken"):
        return outer, outer
    try:
        message = spnego.parse(token)
    except TokenError:
        return outer, ""
    inner = message.mech_token if isinstance(message, spnego.NegTokenInit) else message.response_token
    return outer, kind(inner or b"")


def ended(outcome: Status | None) -> str:
    """The outcome in a few words."""
    if outcome is None:
        return "outcome unknown"
    number = f"0x{outcome.value:08x}" if outcome.kind in _HEX else str(outcome.value)
    if outcome.kind == NT_STATUS:
        return outcome.name or number
    kind_ = "KRB-ERROR" if outcome.kind == KRB_ERROR else outcome.kind
    return printable(f"{kind_} {number} {outcome.name}".rstrip())


def counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Names in captures are somebody else's: no control characters reach the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
