# SPDX-License-Identifier: Apache-2.0
"""SPNEGO tokens that no Windows would send: a proper one with fields changed, left out, moved or wrapped otherwise
(RFC 4178 4.2), or in another encoding than DER."""
from __future__ import annotations

from collections.abc import Callable, Mapping

from ..tokens import der
from ..tokens import ntlm as ntlm_wire
from ..tokens import spnego as wire

Fields = list[tuple[int, bytes]]
Change = Callable[[Fields], Fields]

UNKNOWN = "1.3.6.1.4.1.311.2.2.31"
LIST, REQ_FLAGS, TOKEN, MIC, INIT2_MIC = 0xA0, 0xA1, 0xA2, 0xA3, 0xA4  # of NegTokenInit
STATE, SUPPORTED = 0xA0, 0xA1  # of NegTokenResp; the other two are as above
# Edits of the list that its sender made, so that his mechListMIC covers them.
BY_SENDER = ("list-doubled", "unknown-behind")


def altered(token: bytes, edit: str) -> bytes:
    """`token` as the misbehaviour of that name wants it."""
    if edit in _WHOLE:
        return _WHOLE[edit](token)
    framed = token[:1] == b"\x60"
    outer = der.read_whole(token)
    body = der.read(token, der.read(token, outer.start, outer.stop).stop) if framed else outer
    fields = [(child.tag, child.value) for child in body.only(der.SEQUENCE, "the SEQUENCE").children()]
    made = der.write(body.tag, der.write(der.SEQUENCE, *(der.write(*one) for one in _FIELDS[edit](fields))))
    return wire.frame(wire.SPNEGO, made) if framed else made


def edits() -> frozenset[str]:
    return frozenset(_WHOLE) | frozenset(_FIELDS)


# Whole tokens

def _inner(token: bytes) -> bytes:
    message = wire.parse(token)
    inner = message.mech_token if isinstance(message, wire.NegTokenInit) else message.response_token
    return inner or b""


def _long_lengths(token: bytes) -> bytes:
    outer = der.read_whole(token)
    return bytes((outer.tag, 0x84)) + len(outer.value).to_bytes(4, "big") + outer.value


def _indefinite(token: bytes) -> bytes:
    outer = der.read_whole(token)
    return bytes((outer.tag, 0x80)) + outer.value + b"\0\0"


def _as_init(token: bytes) -> bytes:
    inner = _inner(token)
    oid = wire.NTLM if inner.startswith(ntlm_wire.SIGNATURE) else wire.MS_KRB5
    return wire.NegTokenInit((oid,), inner).pack()


_WHOLE: Mapping[str, Callable[[bytes], bytes]] = {
    "raw": _inner,
    "long-lengths": _long_lengths,
    "indefinite": _indefinite,
    "as-init": _as_init,
    "as-response": lambda token: wire.NegTokenResp(wire.ACCEPT_INCOMPLETE, None, _inner(token)).pack(),
    "framed": lambda token: wire.frame(wire.SPNEGO, token),
    "unframed": lambda token: wire.unframe(token)[1],
    "framed-otherwise": lambda token: wire.frame(UNKNOWN, wire.unframe(token)[1]),
    "empty": lambda token: token[:1] + b"\0",
}


# Fields

def _set(tag: int, value: bytes | None) -> Change:
    """The field at `tag` with that value, or without the field."""
    def change(fields: Fields) -> Fields:
        others = [one for one in fields if one[0] != tag]
        return sorted(others + ([(tag, value)] if value is not None else []))
    return change


def _state(number: int) -> Change:
    return _set(STATE, der.write(der.ENUMERATED, bytes((number,))))


def _in_list(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """The list of mechanisms changed."""
    def edit(fields: Fields) -> Fields:
        names = [child.whole for child in der.read_whole(fields[0][1]).children()]
        return [(LIST, der.write(der.SEQUENCE, *change(names))), *fields[1:]]
    return edit


_HINT = der.write(0xA0, der.write(der.GENERAL_STRING, wire.HINT_NAME))
_NTLM_TOKEN = ntlm_wire.Negotiate(0xA2088297, version=ntlm_wire.Version(10, 0, 20348)).pack()
_SOME_MIC = der.write(der.OCTET_STRING, b"\1\0\0\0" + b"\x77" * 8 + bytes(4))

_FIELDS: Mapping[str, Change] = {
    "list-altered": _in_list(lambda names: [*names, der.write_oid(UNKNOWN)]),
    "list-doubled": _in_list(lambda names: names * 2),
    "unknown-behind": _in_list(lambda names: [*names, der.write_oid(UNKNOWN)]),
    "list-empty": _in_list(lambda names: []),
    "req-flags": lambda fields: sorted([*fields, (REQ_FLAGS, der.write(der.BIT_STRING, b"\1\xfe"))]),
    "hint": lambda fields: [*fields, (MIC, der.write(der.SEQUENCE, _HINT))],
    "other-token": _set(TOKEN, der.write(der.OCTET_STRING, _NTLM_TOKEN)),
    "token-absent": _set(TOKEN, None),
    "token-empty": _set(TOKEN, der.write(der.OCTET_STRING)),
    "token-undue": _set(TOKEN, der.write(der.OCTET_STRING, b"more")),
    "mic-undue": _set(MIC, _SOME_MIC),
    "unknown-field": lambda fields: [*fields, (0xA9, der.write(der.OCTET_STRING, b"later"))],
    "out-of-order": lambda fields: fields[::-1],
    "field-doubled": lambda fields: [fields[0], *fields],
    "state-absent": _set(STATE, None), "state-unknown": _state(7), "accept-completed": _state(wire.ACCEPT_COMPLETED),
    "accept-incomplete": _state(wire.ACCEPT_INCOMPLETE), "request-mic": _state(wire.REQUEST_MIC),
    "reject": _state(wire.REJECT),
    "mech-absent": _set(SUPPORTED, None), "mech-foreign": _set(SUPPORTED, der.write_oid(UNKNOWN)),
    # Of the server's hint, where [3] is negHints and [4] the mechListMIC (MS-SPNG 2.2.1)
    "hint-absent": _set(MIC, None),
    "hint-name": _set(MIC, der.write(der.SEQUENCE, der.write(0xA0, der.write(der.GENERAL_STRING, b"web$@SSPI.TEST")))),
    "hint-address": _set(MIC, der.write(der.SEQUENCE, _HINT, der.write(0xA1, der.write(der.OCTET_STRING, b"\x7f\0\0\1")))),
    "hint-mic": _set(INIT2_MIC, _SOME_MIC),
}
