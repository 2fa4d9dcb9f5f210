# SPDX-License-Identifier: Apache-2.0
"""What NTLM messages show of the caller's parameters, the policies and the oddities of both sides."""
from __future__ import annotations

from typing import TYPE_CHECKING

from ..exchange.model import Exchange, Leg
from ..tokens import TokenError, ntlm

if TYPE_CHECKING:
    from .situation import Situation

# NegotiateFlags that a caller's ISC_REQ_ bits are behind.
_ASKED = ((ntlm.SIGN, "INTEGRITY"), (ntlm.SEAL, "CONFIDENTIALITY"), (ntlm.IDENTIFY, "IDENTIFY"), (ntlm.DATAGRAM, "DATAGRAM"))
# What a side of Windows always offers; the first that lacks is played, as one at a time can be.
_OFFERED = ((ntlm.EXTENDED_SESSIONSECURITY, "no-extended-security"), (ntlm.UNICODE, "oem"), (ntlm.KEY_128, "56-bit"),
            (ntlm.KEY_EXCH, "no-key-exchange"))
_LEVELS = {"NTLMv1": 0, "NTLMv1-ESS": 1}  # LmCompatibilityLevel of a client that answers so


def describe(found: Situation, exchange: Exchange, tokens: list[tuple[Leg, bytes]]) -> None:
    """Settings from each message that can be read."""
    challenge: ntlm.Challenge | None = None
    for leg, token in tokens:
        try:
            message = ntlm.parse(token)
        except TokenError:
            continue
        if isinstance(message, ntlm.Negotiate):
            _negotiate(found, message)
        elif isinstance(message, ntlm.Challenge):
            challenge = message
            _challenge(found, message)
        else:
            _authenticate(found, message, challenge, leg)


def _negotiate(found: Situation, message: ntlm.Negotiate) -> None:
    found.ask("initiator", *(name for bit, name in _ASKED if message.flags & bit))
    if message.flags & ntlm.DATAGRAM:
        found.ask("acceptor", "DATAGRAM")
    _offer(found, "initiator", message.flags)


def _offer(found: Situation, side: str, flags: int) -> None:
    lacking = [name for bit, name in _OFFERED if not flags & bit]
    if lacking:
        found.misbehave(side, "offer", lacking[0])
    for name in lacking[1:]:
        found.lose(f"the {side} was special in several ways at once; {name} is not played")


def _challenge(found: Situation, message: ntlm.Challenge) -> None:
    if found.subject == "acceptor":
        return  # the implementation under test makes its own
    if not message.target_info:
        found.misbehave("acceptor", "offer", "no-target-info")
    elif not _timed(message):
        found.misbehave("acceptor", "timestamp-av", "omit")


def _timed(challenge: ntlm.Challenge) -> bool:
    """Whether it tells the server's time, on which a client's MIC depends (MS-NLMP 3.1.5.1.2)."""
    try:
        return bool(challenge.target_info) and ntlm.AV_TIMESTAMP in dict(challenge.av_pairs)
    except TokenError:
        return False


def _authenticate(found: Situation, message: ntlm.Authenticate, challenge: ntlm.Challenge | None, leg: Leg) -> None:
    if not message.user and not message.nt_response:
        found.settings["initiator.account"] = "anonymous"
        if found.divergence.succeeded:
            found.ask("acceptor", "ALLOW_NULL_SESSION")
        return
    if message.response_kind in _LEVELS:
        level = 2 if message.response_kind == "NTLMv1" and message.lm_response == message.nt_response else _LEVELS[message.response_kind]
        found.settings |= {"initiator.policy": {"lm-level": level}, "acceptor.policy": {"lm-level": 0}, "authority": "file"}
        found.assume("the server takes NTLMv1 (its LmCompatibilityLevel does not show)")
        return
    try:
        response = message.ntlmv2()
    except TokenError:
        return
    if response is None:
        return
    _odd_answer(found, message, response, challenge, leg)


def _odd_answer(found: Situation, message: ntlm.Authenticate, response: ntlm.NtResponse, challenge: ntlm.Challenge | None,
                leg: Leg) -> None:
    """What an answer lacks or has wrong."""
    timed = challenge is not None and _timed(challenge)
    announced, there = bool(response.av_flags & ntlm.AV_FLAG_MIC), bool(message.mic and any(message.mic))
    if leg.facts.get("mic") == "wrong":
        found.misbehave("initiator", "mic", "wrong")
    elif announced and not there:
        found.misbehave("initiator", "mic", "drop")
    elif timed and not announced:
        found.misbehave("initiator", "mic", "not-announced" if there else "omit")
    if response.av(ntlm.AV_CHANNEL_BINDINGS) is None and timed:
        found.misbehave("initiator", "channel-bindings-av", "omit")
    if response.av(ntlm.AV_TARGET_NAME) is None and timed:
        found.misbehave("initiator", "target-name-av", "omit")
    if leg.facts.get("target-info") == "changed":
        found.misbehave("initiator", "target-info-name", "other")
