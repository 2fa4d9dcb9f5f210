# SPDX-License-Identifier: Apache-2.0
"""Message protection and attributes: from the caller's buffers to a context and back."""
from __future__ import annotations

from typing import Any

from .model import Context, Part, SspiError
from .packages import PACKAGE_INFO
from .protocol import ATTRIBUTES, READONLY, Buffer
from .statuses import (SEC_E_BUFFER_TOO_SMALL, SEC_E_INVALID_TOKEN, SEC_E_OK,
                       SEC_E_UNSUPPORTED_FUNCTION)

_DATA, _TOKEN, _PADDING, _STREAM = 1, 2, 9, 10


def sign(context: Context, buffers: list[Buffer]) -> None:
    """MakeSignature: over all data buffers in their order, into the TOKEN buffer."""
    token = _token(buffers)
    _put(token, context.sign(b"".join(part.data for _, part in _parts(context, buffers))))


def verify(context: Context, buffers: list[Buffer]) -> None:
    context.verify(b"".join(part.data for _, part in _parts(context, buffers)), _token(buffers).content())


def encrypt(context: Context, buffers: list[Buffer], qop: int) -> None:
    """EncryptMessage with TOKEN and DATA in any order; read-only buffers are signed (mp.layout.dce), not sealed.
    What it writes to the TOKEN may be shorter than the room; PADDING gets what the mechanism pads with, mostly nothing."""
    token = _token(buffers)
    pairs = _parts(context, buffers)
    if token.room < context.sizes().security_trailer and token.room < 16:
        raise SspiError(SEC_E_BUFFER_TOO_SMALL)
    pads = [(buffer, Part(b"", padding=True)) for buffer in buffers if buffer.base_type == _PADDING]
    sealed, signature = context.encrypt([part for _, part in pairs + pads], qop)
    _put(token, signature)
    for (buffer, _), data in zip(pads, sealed[len(pairs):]):
        _put(buffer, data)
    for (buffer, part), data in zip(pairs, sealed):
        if part.sealed:
            buffer.put(data)


def decrypt(context: Context, buffers: list[Buffer]) -> None:
    """DecryptMessage: TOKEN and DATA, or STREAM (everything) and an empty DATA that is pointed into it."""
    stream = next((buffer for buffer in buffers if buffer.base_type == _STREAM), None)
    if stream is not None:
        place = next((buffer for buffer in buffers if buffer.base_type == _DATA), None)
        if place is None:
            raise SspiError(SEC_E_INVALID_TOKEN)
        place.point_to(context.decrypt_stream(stream.content()))
        return
    pairs = _parts(context, buffers)
    clear = context.decrypt([part for _, part in pairs], _token(buffers).content())
    for (buffer, part), data in zip(pairs, clear):
        if part.sealed:
            buffer.put(data)


def query(context: Context, attribute: int) -> dict[str, Any]:
    """QueryContextAttributes for the attributes that a peer needs."""
    value: dict[str, Any]
    if attribute == ATTRIBUTES["SIZES"]:
        sizes = context.sizes()
        value = {"cbMaxToken": sizes.max_token, "cbMaxSignature": sizes.max_signature,
                 "cbBlockSize": sizes.block_size, "cbSecurityTrailer": sizes.security_trailer}
    elif attribute == ATTRIBUTES["NAMES"]:
        value = {"sUserName": context.user_name()}
    elif attribute == ATTRIBUTES["SESSION_KEY"]:
        value = {"SessionKey": context.session_key().hex()}
    elif attribute == ATTRIBUTES["FLAGS"]:
        value = {"Flags": f"0x{context.attributes:08x}"}
    elif attribute == ATTRIBUTES["PACKAGE_INFO"]:
        value = {"PackageInfo": PACKAGE_INFO[context.package.lower()]}
    elif attribute == ATTRIBUTES["NEGOTIATION_INFO"]:
        value = {"PackageInfo": PACKAGE_INFO[context.package.lower()], "NegotiationState": 0}
    else:
        return {"status": SEC_E_UNSUPPORTED_FUNCTION, "value": {"written": False}}
    return {"status": SEC_E_OK, "value": value}


def _token(buffers: list[Buffer]) -> Buffer:
    for buffer in buffers:
        if buffer.base_type == _TOKEN:
            return buffer
    raise SspiError(SEC_E_INVALID_TOKEN)


def _parts(context: Context, buffers: list[Buffer]) -> list[tuple[Buffer, Part]]:
    """The data buffers. A plain READONLY one is outside of what Kerberos protects; NTLM signs every buffer it is given
    (MS-NLMP 3.4.6.1)."""
    found = []
    for buffer in buffers:
        if buffer.base_type == _DATA and (context.package == "NTLM" or not buffer.type & READONLY["plain"]):
            readonly = buffer.type & (READONLY["plain"] | READONLY["checksum"])
            found.append((buffer, Part(buffer.content(), sealed=not readonly)))
    return found


def _put(buffer: Buffer, data: bytes) -> None:
    if len(data) > buffer.room:
        raise SspiError(SEC_E_BUFFER_TOO_SMALL)
    buffer.put(data)
