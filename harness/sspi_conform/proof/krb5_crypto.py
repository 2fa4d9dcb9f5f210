# SPDX-License-Identifier: Apache-2.0
"""Opening what is encrypted in recorded Kerberos tokens, with its confounder (RFC 3962, RFC 4757).

Not libkrb5, which libsspi has: what is compared must not come from one place. And not one that hides the confounder.
"""
from __future__ import annotations

import hashlib
import hmac
import math
import struct
from collections.abc import Iterator

from Cryptodome.Cipher import AES, ARC4

from ..model import ConformError

AES128, AES256, RC4 = 17, 18, 23
CONFOUNDER = {AES128: 16, AES256: 16, RC4: 8}
KEY_SIZE = {AES128: 16, AES256: 32, RC4: 16}
_BLOCK, _HMAC = 16, 12
_RC4_USAGES = {3: 8, 9: 8, 23: 13}  # RFC 4757 3: the others keep their number
TICKET, AUTHENTICATOR, REPLY = 2, 11, 12


def opened(etype: int, key: bytes, usage: int, cipher: bytes) -> bytes:
    """Confounder and plaintext; ConformError when the key does not fit."""
    if etype == RC4:
        return _opened_rc4(key, usage, cipher)
    if etype not in CONFOUNDER:
        raise ConformError(f"encryption type {etype} cannot be opened here")
    number = struct.pack(">I", usage)
    plain = _cts(_derived(key, number + b"\xaa"), cipher[:-_HMAC])
    _same(hmac.digest(_derived(key, number + b"\x55"), plain, "sha1")[:_HMAC], cipher[-_HMAC:])
    return plain


def _opened_rc4(key: bytes, usage: int, cipher: bytes) -> bytes:
    base = hmac.digest(key, struct.pack("<I", _RC4_USAGES.get(usage, usage)), "md5")
    plain = ARC4.new(hmac.digest(base, cipher[:16], "md5")).decrypt(cipher[16:])
    _same(hmac.digest(base, plain, "md5"), cipher[:16])
    return plain


def _same(made: bytes, found: bytes) -> None:
    if not hmac.compare_digest(made, found):
        raise ConformError("the key does not open this")


def equal(made: bytes, found: bytes) -> bool:
    return hmac.compare_digest(made, found)


def checksum(etype: int, key: bytes, usage: int, data: bytes) -> bytes:
    """The keyed checksum that belongs to an encryption type (RFC 3962 7, RFC 4757 4)."""
    if etype == RC4:
        signing = hmac.digest(key, b"signaturekey\0", "md5")
        return hmac.digest(signing, hashlib.md5(struct.pack("<I", _RC4_USAGES.get(usage, usage)) + data).digest(), "md5")
    return hmac.digest(_derived(key, struct.pack(">I", usage) + b"\x99"), data, "sha1")[:_HMAC]


def _derived(key: bytes, constant: bytes) -> bytes:
    """DK of RFC 3961 5.1."""
    cipher = AES.new(key, AES.MODE_ECB)
    blocks = b""
    block = _folded(constant, _BLOCK)
    while len(blocks) < len(key):
        block = cipher.encrypt(block)
        blocks += block
    return blocks[:len(key)]


def _folded(data: bytes, size: int) -> bytes:
    """n-fold of RFC 3961 5.1: copies, each rotated 13 bits further, added in ones' complement."""
    whole = b"".join(_rotations(data, math.lcm(len(data), size) // len(data)))
    total = sum(int.from_bytes(whole[at:at + size], "big") for at in range(0, len(whole), size))
    mask = (1 << 8 * size) - 1
    while total > mask:
        total = (total & mask) + (total >> 8 * size)
    return total.to_bytes(size, "big")


def _rotations(data: bytes, count: int) -> Iterator[bytes]:
    bits = 8 * len(data)
    number = int.from_bytes(data, "big")
    for copy in range(count):
        by = 13 * copy % bits
        yield (((number >> by) | (number << (bits - by))) & ((1 << bits) - 1)).to_bytes(len(data), "big")


def _cts(key: bytes, data: bytes) -> bytes:
    """CBC with ciphertext stealing (RFC 3962 5): the last two blocks are exchanged, the last one is cut."""
    if len(data) <= _BLOCK:
        raise ConformError("a ciphertext with no room for its confounder")
    start = (len(data) - 1) // _BLOCK * _BLOCK
    head, before, last = data[:start - _BLOCK], data[start - _BLOCK:start], data[start:]
    mixed = AES.new(key, AES.MODE_ECB).decrypt(before)
    tail = bytes(one ^ other for one, other in zip(mixed, last))
    return AES.new(key, AES.MODE_CBC, bytes(_BLOCK)).decrypt(head + last + mixed[len(last):]) + tail


def unverified(key: bytes, usage: int, cipher: bytes) -> bytes:
    """Confounder and plaintext of an AES ciphertext whose HMAC also covers what is sent elsewhere."""
    return _cts(_derived(key, struct.pack(">I", usage) + b"\xaa"), cipher[:-_HMAC])


def confounder(key: bytes, usage: int, cipher: bytes) -> bytes:
    return unverified(key, usage, cipher)[:_BLOCK]
