# SPDX-License-Identifier: Apache-2.0
"""Opening what is encrypted in recorded Kerberos tokens, with its confounder (RFC 3962, RFC 4757, RFC 8009).

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
AES128_SHA256, AES256_SHA384 = 19, 20
CONFOUNDER = {AES128: 16, AES256: 16, RC4: 8, AES128_SHA256: 16, AES256_SHA384: 16}
KEY_SIZE = {AES128: 16, AES256: 32, RC4: 16, AES128_SHA256: 16, AES256_SHA384: 32}
_BLOCK, _HMAC = 16, 12
_RC4_USAGES = {3: 8, 9: 8, 23: 13}  # RFC 4757 3: the others keep their number
# RFC 8009 3 and 5: hash, bytes of Ki, Kc and of what is left of the HMAC; iterations and name for a password.
_SHA2 = {AES128_SHA256: ("sha256", 16, b"aes128-cts-hmac-sha256-128"),
         AES256_SHA384: ("sha384", 24, b"aes256-cts-hmac-sha384-192")}
_ITERATIONS = {AES128: 4096, AES256: 4096, AES128_SHA256: 32768, AES256_SHA384: 32768}
TICKET, AUTHENTICATOR, REPLY = 2, 11, 12


def opened(etype: int, key: bytes, usage: int, cipher: bytes) -> bytes:
    """Confounder and plaintext; ConformError when the key does not fit."""
    if etype == RC4:
        return _opened_rc4(key, usage, cipher)
    if etype not in CONFOUNDER:
        raise ConformError(f"encryption type {etype} cannot be opened here")
    number = struct.pack(">I", usage)
    if etype in _SHA2:
        return _opened_sha2(etype, key, number, cipher)
    plain = _cts(_derived(key, number + b"\xaa"), cipher[:-_HMAC])
    _same(hmac.digest(_derived(key, number + b"\x55"), plain, "sha1")[:_HMAC], cipher[-_HMAC:])
    return plain


def _opened_rc4(key: bytes, usage: int, cipher: bytes) -> bytes:
    base = hmac.digest(key, struct.pack("<I", _RC4_USAGES.get(usage, usage)), "md5")
    plain = ARC4.new(hmac.digest(base, cipher[:16], "md5")).decrypt(cipher[16:])
    _same(hmac.digest(base, plain, "md5"), cipher[:16])
    return plain


def _opened_sha2(etype: int, key: bytes, number: bytes, cipher: bytes) -> bytes:
    """RFC 8009 5: what is encrypted is authenticated, behind the initial vector."""
    hash_, size, _ = _SHA2[etype]
    body, mac = cipher[:-size], cipher[-size:]
    _same(hmac.digest(_expanded(etype, key, number + b"\x55", size), bytes(_BLOCK) + body, hash_)[:size], mac)
    return _cts(_expanded(etype, key, number + b"\xaa", len(key)), body)


def _expanded(etype: int, key: bytes, label: bytes, size: int) -> bytes:
    """KDF-HMAC-SHA2 of RFC 8009 3; sizes in bytes."""
    return hmac.digest(key, b"\0\0\0\1" + label + b"\0" + struct.pack(">I", 8 * size), _SHA2[etype][0])[:size]


def key_of_password(etype: int, password: str, salt: str) -> bytes:
    """The key of a password (RFC 3962 4, RFC 8009 4)."""
    word, size = password.encode(), KEY_SIZE[etype]
    if etype in _SHA2:
        hash_, _, name = _SHA2[etype]
        base = hashlib.pbkdf2_hmac(hash_, word, name + b"\0" + salt.encode(), _ITERATIONS[etype], size)
        return _expanded(etype, base, b"kerberos", size)
    return _derived(hashlib.pbkdf2_hmac("sha1", word, salt.encode(), _ITERATIONS[etype], size), b"kerberos")


def _same(made: bytes, found: bytes) -> None:
    if not hmac.compare_digest(made, found):
        raise ConformError("the key does not open this")


def equal(made: bytes, found: bytes) -> bool:
    return hmac.compare_digest(made, found)


def checksum(etype: int, key: bytes, usage: int, data: bytes) -> bytes:
    """The keyed checksum that belongs to an encryption type (RFC 3962 7, RFC 4757 4, RFC 8009 6)."""
    if etype == RC4:
        signing = hmac.digest(key, b"signaturekey\0", "md5")
        return hmac.digest(signing, hashlib.md5(struct.pack("<I", _RC4_USAGES.get(usage, usage)) + data).digest(), "md5")
    label = struct.pack(">I", usage) + b"\x99"
    if etype in _SHA2:
        hash_, size, _ = _SHA2[etype]
        return hmac.digest(_expanded(etype, key, label, size), data, hash_)[:size]
    return hmac.digest(_derived(key, label), data, "sha1")[:_HMAC]


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
