# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of LM and NTLMv1 (MS-NLMP 3.3.1, 3.4.5.1), which LmCompatibilityLevel below 3 still speaks."""
from __future__ import annotations

from hashlib import md5

from Cryptodome.Cipher import DES
from Cryptodome.Hash import MD4

from .ntlm_crypto import hmac_md5

RESPONSE_SIZE = 24


def _des(key: bytes, block: bytes) -> bytes:
    """DES with a key of seven bytes: seven bits in each of eight, the lowest one is parity and means nothing."""
    bits = int.from_bytes(key, "big")
    wide = bytes((bits >> shift & 0x7F) << 1 for shift in range(49, -1, -7))
    return DES.new(wide, DES.MODE_ECB).encrypt(block)


def lm_hash(password: str) -> bytes | None:
    """LMOWFv1; None for a password that has none: too long, or beyond ASCII."""
    if len(password) > 14 or not password.isascii():
        return None
    key = password.upper().encode("ascii").ljust(14, b"\0")
    return _des(key[:7], b"KGS!@#$%") + _des(key[7:], b"KGS!@#$%")


def response(hash_: bytes, challenge: bytes) -> bytes:
    """DESL (section 6): the hash, 16 bytes and five zeros, as three keys."""
    keys = hash_.ljust(21, b"\0")
    return b"".join(_des(keys[start:start + 7], challenge) for start in (0, 7, 14))


def session_challenge(server: bytes, client: bytes) -> bytes:
    """What the response answers under extended session security."""
    return md5(server + client).digest()[:8]


def session_base_key(nt_hash: bytes) -> bytes:
    return MD4.new(nt_hash).digest()


def exchange_key(base: bytes, extended: bool, server_challenge: bytes, lm_response: bytes) -> bytes:
    """KXKEY, without LM_KEY, which the peer never agrees to."""
    return hmac_md5(base, server_challenge + lm_response[:8]) if extended else base
