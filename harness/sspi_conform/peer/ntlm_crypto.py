# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of NTLMv2 (MS-NLMP 3.3.2, 3.4): responses, session keys, signing and sealing."""
from __future__ import annotations

import hmac
import zlib
from collections.abc import Sequence
from hashlib import md5

from Cryptodome.Cipher import ARC4
from Cryptodome.Hash import MD4

from ..tokens import ntlm
from .model import Part, SspiError
from .statuses import SEC_E_INVALID_TOKEN, SEC_E_MESSAGE_ALTERED, SEC_E_UNSUPPORTED_FUNCTION

ZERO_KEY = bytes(16)
DUMMY_SIGNATURE = b"\1" + bytes(15)
_VERSION = b"\1\0\0\0"
_MAGIC = {  # MS-NLMP 3.4.5.2 and 3.4.5.3; the key is the sender
    True: (b"session key to client-to-server signing key magic constant\0",
           b"session key to client-to-server sealing key magic constant\0"),
    False: (b"session key to server-to-client signing key magic constant\0",
            b"session key to server-to-client sealing key magic constant\0"),
}


def hmac_md5(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "md5")


def rc4(key: bytes, data: bytes) -> bytes:
    return ARC4.new(key).encrypt(data)


def nt_hash(password: str) -> bytes:
    """NTOWFv1: MD4 of the password in UTF-16."""
    return MD4.new(password.encode("utf-16-le", "surrogatepass")).digest()


def ntowf_v2(hash_: bytes, user: str, domain: str) -> bytes:
    """NTOWFv2 (3.3.2): the user name in upper case, the domain as it stands in the message."""
    return hmac_md5(hash_, (user.upper() + domain).encode("utf-16-le", "surrogatepass"))


def blob_v2(timestamp: int, client_challenge: bytes, av_pairs: bytes, padding: int = 4) -> bytes:
    """The structure `temp` of 3.3.2, which the proof covers."""
    return b"".join((b"\1\1", bytes(6), timestamp.to_bytes(8, "little"), client_challenge, bytes(4), av_pairs,
                     bytes(padding)))


def proof_v2(key: bytes, server_challenge: bytes, blob: bytes) -> bytes:
    """NTProofStr (3.3.2)."""
    return hmac_md5(key, server_challenge + blob)


def lm_response_v2(key: bytes, server_challenge: bytes, client_challenge: bytes) -> bytes:
    """LMv2 (3.3.2), which a client sends when the server gave no time."""
    return hmac_md5(key, server_challenge + client_challenge) + client_challenge


def message_integrity_code(key: bytes, negotiate: bytes, challenge: bytes, authenticate: bytes) -> bytes:
    """The MIC over all three messages (3.1.5.1.2); the field of the MIC itself counts as zero."""
    start = ntlm.MIC_OFFSET
    return hmac_md5(key, negotiate + challenge + authenticate[:start] + ZERO_KEY + authenticate[start + 16:])


class Session:
    """Signing and sealing of one established NTLM context (3.4). `initiator`: which side we are."""

    def __init__(self, key: bytes, flags: int, initiator: bool) -> None:
        self.key = key
        self.flags = flags
        self._ess = bool(flags & ntlm.EXTENDED_SESSIONSECURITY)
        self._protects = bool(flags & (ntlm.SIGN | ntlm.SEAL))
        self._signing = {side: md5(key + _MAGIC[side is initiator][0]).digest() for side in (True, False)}
        self._sealing = {side: self._sealing_key(side is initiator) for side in (True, False)}
        self._numbers = {True: 0, False: 0}  # per direction; True is what we send
        self.reset_ciphers()

    def reset_ciphers(self) -> None:
        """Begin the key streams anew: after the mechListMICs, which leave the sequence numbers moved (MS-SPNG
        3.3.5.1 and the recordings)."""
        outgoing = ARC4.new(self._sealing[True])
        # Without extended session security one stream serves both directions (3.4.4.1).
        self._streams = {True: outgoing, False: ARC4.new(self._sealing[False]) if self._ess else outgoing}

    def sign(self, data: bytes) -> bytes:
        """The signature of a message that is sent in clear."""
        if not self._protects:
            return DUMMY_SIGNATURE
        self._begin(True, self._numbers[True])
        return self._signature(True, data)

    def verify(self, data: bytes, token: bytes) -> None:
        self._check_size(token)
        if not self._protects:
            # Only the checksum part is looked at (a Windows test asserts it, mp.verify.dummy)
            if any(token[4:]):
                raise SspiError(SEC_E_MESSAGE_ALTERED)
            return
        self._check_number(token)
        self._begin(False, int.from_bytes(token[12:16], "little") if self._ess else self._numbers[False])
        self._compare(data, token)

    def _begin(self, outgoing: bool, number: int) -> None:
        """A datagram may come in any order or never: each has a key of its own (3.4)."""
        if self.flags & ntlm.DATAGRAM:
            self._numbers[outgoing] = number
            key = md5(self._sealing[outgoing] + number.to_bytes(4, "little")).digest()
            self._streams[outgoing] = ARC4.new(key)

    def encrypt(self, parts: Sequence[Part]) -> tuple[list[bytes], bytes]:
        """Seal the parts that ask for it, and the signature over all of them in clear."""
        self._require_protection()
        self._begin(True, self._numbers[True])
        stream = self._streams[True]
        sealed = [stream.encrypt(part.data) if part.sealed else part.data for part in parts]
        return sealed, self._signature(True, b"".join(part.data for part in parts))

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]:
        self._require_protection()
        self._check_size(token)
        self._check_number(token)
        self._begin(False, int.from_bytes(token[12:16], "little") if self._ess else self._numbers[False])
        stream = self._streams[False]
        clear = [stream.encrypt(part.data) if part.sealed else part.data for part in parts]
        self._compare(b"".join(clear), token)
        return clear

    def decrypt_stream(self, data: bytes) -> bytes:
        """A token with its message behind it."""
        if len(data) < 16:
            raise SspiError(SEC_E_INVALID_TOKEN)
        return self.decrypt([Part(data[16:])], data[:16])[0]

    def _require_protection(self) -> None:
        if not self._protects:
            raise SspiError(SEC_E_UNSUPPORTED_FUNCTION)

    def _check_size(self, token: bytes) -> None:
        if len(token) < 16:
            raise SspiError(SEC_E_INVALID_TOKEN)

    def _check_number(self, token: bytes) -> None:
        """A number that is not the next one is refused before anything moves (3.4.4)."""
        if self.flags & ntlm.DATAGRAM:
            return
        if self._ess and int.from_bytes(token[12:16], "little") != self._numbers[False]:
            raise SspiError(SEC_E_MESSAGE_ALTERED)

    def _compare(self, data: bytes, token: bytes) -> None:
        before = dict(self._numbers)
        if not hmac.compare_digest(self._signature(False, data), token[:16]):
            self._numbers = before  # a refused message does not count (3.4.4)
            raise SspiError(SEC_E_MESSAGE_ALTERED)

    def _signature(self, outgoing: bool, data: bytes) -> bytes:
        """3.4.4.2 and, without extended session security, 3.4.4.1."""
        # Without it one counter for both directions, as there is one stream.
        side = outgoing or not self._ess and not self.flags & ntlm.DATAGRAM
        number = self._numbers[side].to_bytes(4, "little")
        self._numbers[side] = self._numbers[side] + 1 & 0xFFFFFFFF
        stream = self._streams[outgoing]
        if self._ess:
            checksum = hmac_md5(self._signing[outgoing], number + data)[:8]
            if self.flags & ntlm.KEY_EXCH:
                checksum = stream.encrypt(checksum)
            return _VERSION + checksum + number
        sealed = stream.encrypt(bytes(4) + zlib.crc32(data).to_bytes(4, "little") + bytes(4))
        mask = int.from_bytes(sealed[8:], "little") ^ int.from_bytes(number, "little")
        return _VERSION + bytes(4) + sealed[4:8] + mask.to_bytes(4, "little")

    def _sealing_key(self, initiator: bool) -> bytes:
        """SEALKEY, 3.4.5.3."""
        key, flags = self.key, self.flags
        if flags & ntlm.EXTENDED_SESSIONSECURITY:
            length = 16 if flags & ntlm.KEY_128 else 7 if flags & ntlm.KEY_56 else 5
            return md5(key[:length] + _MAGIC[initiator][1]).digest()
        if flags & (ntlm.LM_KEY | ntlm.DATAGRAM):
            return key[:7] + b"\xa0" if flags & ntlm.KEY_56 else key[:5] + b"\xe5\x38\xb0"
        return key
