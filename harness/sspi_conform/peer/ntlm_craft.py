# SPDX-License-Identifier: Apache-2.0
"""NTLM messages that no Windows would send: whole ones altered at their fixed places (MS-NLMP 2.2.1), and AV pairs
that are not as 2.2.2.1 wants them.

Who alters decides what the MIC covers. A sender that breaks the rules computes it over what he sends; one who sits in
the middle ("on the way") has no key for it. The callers see to that.
"""
from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from ..tokens import ntlm as wire
from .ntlm import flip, utf16

Pairs = list[tuple[int, bytes]]

# Fields of the messages: length, maximum length, offset.
_LM, _NT, _DOMAIN, _USER, _WORKSTATION, _KEY, _FLAGS, _VERSION = 12, 20, 28, 36, 44, 52, 60, 64
_NAME, _CHALLENGE_FLAGS, _RESERVED, _INFO, _CHALLENGE_VERSION = 12, 20, 32, 40, 48
_NEGOTIATE_FLAGS = 12

# What is taken out of the flags of one message on the way; "more" is added.
FLAGS: Mapping[str, int] = {
    "sign": wire.SIGN, "seal": wire.SEAL, "extended-security": wire.EXTENDED_SESSIONSECURITY, "128": wire.KEY_128,
    "key-exchange": wire.KEY_EXCH, "unicode": wire.UNICODE,
}
_ADDED = 0x00000004 | wire.IDENTIFY  # REQUEST_TARGET too: both mean nothing to the keys
UNASKED = wire.SEAL | wire.LM_KEY | wire.IDENTIFY
AN_HOUR = 36_000_000_000  # of FILETIME


def on_the_way(token: bytes, message: str, edit: str) -> bytes:
    """`token`, which is `message` (offer, challenge or answer), altered by somebody between the two sides; `edit` is
    the misbehaviour's value."""
    if not edit.startswith(message):
        return token
    at = {"offer": _NEGOTIATE_FLAGS, "challenge": _CHALLENGE_FLAGS, "answer": _FLAGS}[message]
    what = edit.removeprefix(message).removeprefix("-without-")
    if what == "-av-flags":
        return _without_mic_flag(token)
    before, = struct.unpack_from("<I", token, at)
    return _put(token, at, "<I", before ^ _ADDED if what == "-other" else before & ~FLAGS[what])


def authenticate(token: bytes, edit: str | None) -> bytes:
    """An AUTHENTICATE as its sender broke it, before the MIC is computed."""
    return _AUTHENTICATE[edit](token) if edit else token


def challenge(token: bytes, edit: str | None) -> bytes:
    return _CHALLENGE[edit](token) if edit else token


def av_list(pairs: Pairs, edit: str | None) -> bytes:
    """The list of AV pairs as the misbehaviour wants it, with what follows it in an NTLMv2 response or CHALLENGE."""
    if not edit:
        return wire.write_av_pairs(pairs)
    if edit == "no-end":
        return wire.write_av_pairs(pairs)[:-4]
    if edit == "too-long":
        number, value = pairs[-1]
        return wire.write_av_pairs(pairs[:-1])[:-4] + struct.pack("<HH", number, len(value) + 500) + value
    return wire.write_av_pairs(_PAIRS[edit](pairs))


def authenticate_edits() -> frozenset[str]:
    return frozenset(_AUTHENTICATE)


def challenge_edits() -> frozenset[str]:
    return frozenset(_CHALLENGE)


def av_edits() -> frozenset[str]:
    return frozenset(_PAIRS) | {"no-end", "too-long"}


# What edits do

def _put(token: bytes, at: int, layout: str, *values: int) -> bytes:
    made = bytearray(token)
    struct.pack_into(layout, made, at, *values)
    return bytes(made)


def _place(at: int, offset: int | None = None, size: int | None = None) -> Callable[[bytes], bytes]:
    """The field at `at` says another offset (counted from the token's end when negative) or size."""
    def edit(token: bytes) -> bytes:
        was_size, _, was_offset = struct.unpack_from("<HHI", token, at)
        wanted = was_offset if offset is None else offset if offset >= 0 else len(token)
        return _put(token, at, "<HHI", *[was_size if size is None else size] * 2, wanted)
    return edit


def _resized(at: int, change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """The field at `at` with another value, which is put behind everything else."""
    def edit(token: bytes) -> bytes:
        size, _, offset = struct.unpack_from("<HHI", token, at)
        value = change(token[offset:offset + size])
        return _put(token, at, "<HHI", len(value), len(value), len(token)) + value
    return edit


def _flags(at: int, gone: int = 0, more: int = 0) -> Callable[[bytes], bytes]:
    return lambda token: _put(token, at, "<I", struct.unpack_from("<I", token, at)[0] & ~gone | more)


def _shared(token: bytes) -> bytes:
    """The workstation's name where the user's already is."""
    return _put(token, _WORKSTATION, "<HHI", *struct.unpack_from("<HHI", token, _USER))


def _maximum(*places: int) -> Callable[[bytes], bytes]:
    def edit(token: bytes) -> bytes:
        for at in places:
            token = _put(token, at + 2, "<H", 0x7777)
        return token
    return edit


def _without_mic_flag(token: bytes) -> bytes:
    """MsvAvFlags without its bit for the MIC, and zeros for a MIC: what hides that there was one."""
    _, _, offset = struct.unpack_from("<HHI", token, _NT)
    at = token.index(struct.pack("<HHI", wire.AV_FLAGS, 4, wire.AV_FLAG_MIC), offset) + 4
    token = _put(token, at, "<I", 0)
    return token[:wire.MIC_OFFSET] + bytes(16) + token[wire.MIC_OFFSET + 16:]


_SIGNATURE: Mapping[str, Callable[[bytes], bytes]] = {
    "signature": flip,
    "type-unknown": lambda token: _put(token, 8, "<I", 4),
}
_AUTHENTICATE: Mapping[str, Callable[[bytes], bytes]] = {
    **_SIGNATURE,
    "trailing": lambda token: token + b"\0\0\0",
    "type-challenge": lambda token: _put(token, 8, "<I", 2),
    "nt-outside": _place(_NT, offset=-1), "nt-wraps": _place(_NT, offset=0xFFFFFFF0),
    "user-outside": _place(_USER, offset=-1), "key-outside": _place(_KEY, offset=-1),
    "workstation-outside": _place(_WORKSTATION, offset=-1),
    "user-in-header": _place(_USER, offset=0, size=8),
    "nt-too-short": _place(_NT, size=40),
    "shared-payload": _shared,
    "maximum-lengths": _maximum(_LM, _NT, _DOMAIN, _USER, _WORKSTATION, _KEY),
    "version": lambda token: _put(token, _VERSION, "<Q", 0xFFFFFFFFFFFFFFFF),
    "user-odd": lambda token: _place(_USER, size=struct.unpack_from("<H", token, _USER)[0] - 1)(token),
    "user-empty": _place(_USER, size=0),
    "user-long": _resized(_USER, lambda value: value + utf16("x" * 600)),
    "domain-long": _resized(_DOMAIN, lambda value: value + utf16("x" * 1500)),
    "oem-lie": _flags(_FLAGS, gone=wire.UNICODE, more=wire.OEM),
    "anonymous-flag": _flags(_FLAGS, more=wire.ANONYMOUS),
    "unasked-flags": _flags(_FLAGS, more=UNASKED),
    "key-missing": _place(_KEY, size=0), "key-short": _place(_KEY, size=8),
    "key-long": _resized(_KEY, lambda value: value + bytes(16)),
    "lm-absent": _place(_LM, size=0), "lm-wrong": _resized(_LM, lambda value: b"x" * 24),
    "nt-absent": _place(_NT, size=0),
}
_CHALLENGE: Mapping[str, Callable[[bytes], bytes]] = {
    **_SIGNATURE,
    "type-authenticate": lambda token: _put(token, 8, "<I", 3),
    "info-outside": _place(_INFO, offset=-1), "info-wraps": _place(_INFO, offset=0xFFFFFFF0),
    "info-in-header": _place(_INFO, offset=8), "name-outside": _place(_NAME, offset=-1),
    "info-missing": _place(_INFO, size=0),
    "maximum-lengths": _maximum(_NAME, _INFO),
    "reserved": lambda token: _put(token, _RESERVED, "<Q", 0x7777777777777777),
    "version": lambda token: _put(token, _CHALLENGE_VERSION, "<Q", 0xFFFFFFFFFFFFFFFF),
    "unasked-flags": _flags(_CHALLENGE_FLAGS, more=UNASKED),
    "both-charsets": _flags(_CHALLENGE_FLAGS, more=wire.OEM),
}


def _changed(number: int, change: Callable[[bytes], bytes]) -> Callable[[Pairs], Pairs]:
    return lambda pairs: [(found, change(value) if found == number else value) for found, value in pairs]


def _missing(number: int) -> Callable[[Pairs], Pairs]:
    return lambda pairs: [pair for pair in pairs if pair[0] != number]


def _more(number: int, value: bytes) -> Callable[[Pairs], Pairs]:
    return lambda pairs: [(number, value), *pairs]


def _time(ahead: int) -> Callable[[bytes], bytes]:
    return lambda value: (int.from_bytes(value, "little") + ahead).to_bytes(8, "little")


_PAIRS: Mapping[str, Callable[[Pairs], Pairs]] = {
    "no-computer": _missing(wire.AV_NB_COMPUTER), "no-domain": _missing(wire.AV_NB_DOMAIN),
    "doubled": lambda pairs: [pair for pair in pairs for _ in range(2)],
    "reversed": lambda pairs: pairs[::-1],
    "unknown": lambda pairs: [(0x7777, b"what?"), *pairs, (11, b"")],
    "stale": _changed(wire.AV_TIMESTAMP, _time(-AN_HOUR)), "future": _changed(wire.AV_TIMESTAMP, _time(AN_HOUR)),
    "time-zero": _changed(wire.AV_TIMESTAMP, lambda value: bytes(8)),
    "time-short": _changed(wire.AV_TIMESTAMP, lambda value: value[:4]),
    "flags-zero": _more(wire.AV_FLAGS, bytes(4)),
    "bindings": _more(wire.AV_CHANNEL_BINDINGS, b"\x77" * 16),
    "bindings-short": _changed(wire.AV_CHANNEL_BINDINGS, lambda value: value[:8]),
    "target-name": _more(wire.AV_TARGET_NAME, utf16("HTTP/elsewhere")),
}
