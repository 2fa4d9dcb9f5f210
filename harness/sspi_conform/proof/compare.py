# SPDX-License-Identifier: Apache-2.0
"""Two tokens, byte for byte: which field is the first that differs.

The fields are named from the recorded token, so a difference is told in the words of MS-NLMP and RFC 4178.
"""
from __future__ import annotations

import struct
from dataclasses import dataclass

from ..tokens import TokenError, der, ntlm
from . import recordings

_HEADERS = {
    1: ((0, 8, "Signature"), (8, 12, "MessageType"), (12, 16, "NegotiateFlags"), (16, 24, "DomainNameFields"),
        (24, 32, "WorkstationFields"), (32, 40, "Version")),
    2: ((0, 8, "Signature"), (8, 12, "MessageType"), (12, 20, "TargetNameFields"), (20, 24, "NegotiateFlags"),
        (24, 32, "ServerChallenge"), (32, 40, "Reserved"), (40, 48, "TargetInfoFields"), (48, 56, "Version")),
    3: ((0, 8, "Signature"), (8, 12, "MessageType"), (12, 20, "LmChallengeResponseFields"),
        (20, 28, "NtChallengeResponseFields"), (28, 36, "DomainNameFields"), (36, 44, "UserNameFields"),
        (44, 52, "WorkstationFields"), (52, 60, "EncryptedRandomSessionKeyFields"), (60, 64, "NegotiateFlags"),
        (64, 72, "Version"), (72, 88, "MIC")),
}
_PAYLOADS = {1: {16: "DomainName", 24: "Workstation"}, 2: {12: "TargetName", 40: "TargetInfo"},
             3: {12: "LmChallengeResponse", 20: "NtChallengeResponse", 28: "DomainName", 36: "UserName",
                 44: "Workstation", 52: "EncryptedRandomSessionKey"}}
_BLOB = ((0, 16, "NTProofStr"), (16, 24, "RespType"), (24, 32, "TimeStamp"), (32, 40, "ChallengeFromClient"),
         (40, 44, "Reserved3"))
_SPNEGO_FIELDS = {False: ("mechTypes", "reqFlags", "mechToken", "mechListMIC"),
                  True: ("negState", "supportedMech", "responseToken", "mechListMIC")}
# What only somebody who knows the secret can make.
SECRETS = frozenset({"NTProofStr", "MIC", "EncryptedRandomSessionKey", "mechListMIC.checksum", "LmChallengeResponse",
                     "NtChallengeResponse"})
_MICS = frozenset({"MIC", "mechListMIC.checksum"})
_CONSEQUENCES = (_MICS | {"NTProofStr", "EncryptedRandomSessionKey"}, _MICS, frozenset[str]())


@dataclass(frozen=True, slots=True)
class Field:
    start: int
    stop: int
    name: str


def first_difference(recorded: bytes, made: bytes, without: frozenset[str] = frozenset()) -> str | None:
    """The name of the first field of `recorded` that `made` has otherwise; None when they are equal. Fields named in
    `without` are not compared, only their size is. A field that is made from others (a MIC, a proof) is named only
    when those are equal."""
    for made_from_others in _CONSEQUENCES:
        found = _first(recorded, made, without | made_from_others)
        if found:
            return found
    return None


def _first(recorded: bytes, made: bytes, without: frozenset[str]) -> str | None:
    if len(recorded) == len(made):
        for one in fields(recorded):
            if one.name in without:
                made = made[:one.start] + recorded[one.start:one.stop] + made[one.stop:]
    if recorded == made:
        return None
    return _missing_field(recorded, made) or _in_inner(recorded, made, without) or _first_byte(recorded, made)


def _first_byte(recorded: bytes, made: bytes) -> str:
    place = next((n for n, (a, b) in enumerate(zip(recorded, made)) if a != b), min(len(recorded), len(made)))
    return name_at(recorded, place)


def _missing_field(recorded: bytes, made: bytes) -> str | None:
    """A field of SPNEGO that only one of the two has: with it all lengths differ, and the first byte says little."""
    if recorded[:8] == ntlm.SIGNATURE or made[:8] == ntlm.SIGNATURE:
        return None if recorded[:7] == made[:7] else "SPNEGO framing"
    have, want = _outer_names(made), _outer_names(recorded)
    for name in _SPNEGO_FIELDS[recorded[:1] == b"\xa1"]:
        if (name in have) != (name in want):
            return f"{name} ({'only' if name in want else 'not'} recorded)"
    return None


def _outer_names(token: bytes) -> set[str]:
    return {one.name for one in fields(token)}


def _in_inner(recorded: bytes, made: bytes, without: frozenset[str]) -> str | None:
    """The difference inside the mechanism's token, when the lengths around it differ for that reason only."""
    if recorded[:8] == ntlm.SIGNATURE or len(recorded) == len(made):
        return None
    parts = [{one.name: token[one.start:one.stop] for one in fields(token)} for token in (recorded, made)]
    if parts[0].get("mechTypes") != parts[1].get("mechTypes"):
        return "mechTypes"
    inner = [recordings.inner_token(token) for token in (recorded, made)]
    return first_difference(inner[0], inner[1], without) if all(inner) else None


def name_at(token: bytes, place: int) -> str:
    """The innermost field at this offset."""
    holding = [one for one in fields(token) if one.start <= place < one.stop]
    return min(holding, key=lambda one: one.stop - one.start).name if holding else "the end"


def fields(token: bytes) -> list[Field]:
    """Every field of a token, outer ones too."""
    try:
        if token[:8] == ntlm.SIGNATURE:
            return _ntlm_fields(token)
        return _spnego_fields(token)
    except (TokenError, struct.error, IndexError, KeyError):
        return [Field(0, len(token), "token")]


def _ntlm_fields(token: bytes) -> list[Field]:
    number = token[8]
    lowest = len(token)
    found = []
    for at, name in _PAYLOADS[number].items():
        size, _, start = struct.unpack_from("<HHI", token, at)
        if not size or start + size > len(token):
            continue
        lowest = min(lowest, start)
        found.append(Field(start, start + size, name))
        if name == "NtChallengeResponse" and size > 24:
            found[-1] = Field(start, start + size, "NTLMv2 response")
            found += [Field(start + a, start + b, what) for a, b, what in _BLOB]
            found += _av_fields(token, start + 44, start + size)
        elif name == "TargetInfo":
            found += _av_fields(token, start, start + size)
    return found + [Field(a, b, what) for a, b, what in _HEADERS[number] if b <= lowest]


def _av_fields(token: bytes, at: int, stop: int) -> list[Field]:
    found = []
    while at + 4 <= stop:
        number, size = struct.unpack_from("<HH", token, at)
        name = ntlm.AV_NAMES.get(number, f"AvPair {number}") if number else "MsvAvEOL"
        found.append(Field(at, at + 4 + size, name))
        at += 4 + size
        if number == 0:
            found.append(Field(at, stop, "AvPairs tail"))
            break
    return found


def _spnego_fields(token: bytes) -> list[Field]:
    found = [Field(0, len(token), "token")]
    body = der.read_whole(token)
    if body.tag == 0x60:
        found.append(Field(body.offset, body.stop, "GSS framing"))
        oid = der.read(token, body.start, body.stop)
        body = der.read(token, oid.stop, body.stop)
    names = _SPNEGO_FIELDS[body.tag == 0xA1]
    found.append(Field(body.offset, body.stop, "NegTokenResp" if body.tag == 0xA1 else "NegTokenInit"))
    for number, one in body.only(der.SEQUENCE, "SEQUENCE").fields("token").items():
        name = names[number] if number < len(names) else f"[{number}]"
        found.append(Field(one.offset, one.stop, name))
        if name not in ("mechToken", "responseToken", "mechListMIC"):
            continue
        octets = der.read(token, one.start, one.stop)
        if name == "mechListMIC" and octets.stop - octets.start == 16:
            found.append(Field(octets.start + 4, octets.start + 12, "mechListMIC.checksum"))
        elif octets.value[:8] == ntlm.SIGNATURE:
            found += [Field(octets.start + inner.start, octets.start + inner.stop, inner.name)
                      for inner in _ntlm_fields(octets.value)]
    return found
