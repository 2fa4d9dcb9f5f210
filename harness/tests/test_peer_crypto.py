# SPDX-License-Identifier: Apache-2.0
"""The peer's arithmetic on the examples of MS-NLMP 4.2, which are constants of the specification."""
from __future__ import annotations

import hashlib

import pytest

from sspi_conform.peer import bindings, ntlm_v1
from sspi_conform.peer.model import Part, SspiError
from sspi_conform.peer.ntlm_crypto import (Session, blob_v2, hmac_md5, lm_response_v2, nt_hash, ntowf_v2, proof_v2,
                                           rc4)
from sspi_conform.tokens import ntlm as wire

KEY = bytes.fromhex("55" * 16)
SERVER_CHALLENGE, CLIENT_CHALLENGE = bytes.fromhex("0123456789abcdef"), bytes.fromhex("aa" * 8)
PLAINTEXT = "Plaintext".encode("utf-16-le")


def test_nt_hash() -> None:
    assert nt_hash("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"  # 4.2.2.1.2


def test_ntlmv2() -> None:
    """4.2.4: keys and responses."""
    key = ntowf_v2(nt_hash("Password"), "User", "Domain")
    assert key.hex() == "0c868a403bfd7a93a3001ef22ef02e3f"
    pairs = wire.write_av_pairs([(wire.AV_NB_DOMAIN, "Domain".encode("utf-16-le")),
                                 (wire.AV_NB_COMPUTER, "Server".encode("utf-16-le"))])
    proof = proof_v2(key, SERVER_CHALLENGE, blob_v2(0, CLIENT_CHALLENGE, pairs))
    assert proof.hex() == "68cd0ab851e51c96aabc927bebef6a1c"
    assert lm_response_v2(key, SERVER_CHALLENGE, CLIENT_CHALLENGE).hex() == (
        "86c35097ac9cec102554764a57cccc19" + "aa" * 8)
    base = hmac_md5(key, proof)
    assert base.hex() == "8de40ccadbc14a82f15cb0ad0de95ca3"
    assert rc4(base, KEY).hex() == "c5dad2544fc9799094ce1ce90bc9d03e"


@pytest.mark.parametrize("flags, key, sealed, signature", [
    # 4.2.4.4: extended session security, 128 bit, key exchange
    (0xE28A8233, KEY.hex(), "54e50165bf1936dc996020c1811b0f06fb5f", "010000007fb38ec5c55d497600000000"),
    # 4.2.3.4: extended session security with 56 bit, the checksum in clear
    (0x820A8233, "eb93429a8bd952f8b89c55b87f475edc", "a02372f6530273f3aa1eb90190ce5200c99d",
     "01000000ff2aeb52f681793a00000000"),
    # 4.2.2.4: CRC32
    (0xE2028233, KEY.hex(), "56fe04d861f9319af0d7238a2e3b4d457fb8", "010000000000000009dcd1df2e459d36"),
])
def test_sealing(flags: int, key: str, sealed: str, signature: str) -> None:
    sender, receiver = (Session(bytes.fromhex(key), flags, side) for side in (True, False))
    found, token = sender.encrypt([Part(PLAINTEXT)])
    assert (found[0].hex(), token.hex()) == (sealed, signature)
    assert receiver.decrypt([Part(found[0])], token) == [PLAINTEXT]


def sessions(flags: int = 0xE2888235) -> tuple[Session, Session]:
    return Session(KEY, flags, True), Session(KEY, flags, False)


@pytest.mark.parametrize("flags", [0xE2888235, 0xE2888215, 0xA2888235, 0xE2008235, 0x82888235])
def test_many_messages_both_ways(flags: int) -> None:
    one, other = sessions(flags)
    for number in range(5):
        for sender, receiver in ((one, other), (other, one)):
            data = bytes(range(number * 7))
            receiver.verify(data, sender.sign(data))
            parts, token = sender.encrypt([Part(b"head", sealed=False), Part(data)])
            assert parts[0] == b"head"
            assert receiver.decrypt([Part(parts[0], sealed=False), Part(parts[1])], token) == [b"head", data]


def test_a_refused_message_does_not_count() -> None:
    one, other = sessions()
    token = one.sign(b"first")
    later = one.sign(b"second")
    with pytest.raises(SspiError, match="8009030f"):
        other.verify(b"second", later)  # a gap
    other.verify(b"first", token)
    with pytest.raises(SspiError, match="8009030f"):
        other.verify(b"first", token)  # a repetition


def test_without_protection() -> None:
    one, other = sessions(0xA2888205)
    token = one.sign(b"any")
    assert token == b"\1" + bytes(15)
    other.verify(b"other data", token)
    with pytest.raises(SspiError, match="8009030f"):
        other.verify(b"any", b"\1" + bytes(14) + b"\1")
    with pytest.raises(SspiError, match="80090302"):
        one.encrypt([Part(b"any")])


def test_channel_bindings_hash() -> None:
    """RFC 4121 4.1.1.2: 16 zero octets, length, application data."""
    data = b"tls-server-end-point:" + bytes(range(32))
    structure = bytes(24) + len(data).to_bytes(4, "little") + (32).to_bytes(4, "little") + data
    found = bindings.parse(structure)
    assert found.application_data == data
    assert found.hash() == hashlib.md5(bytes(16) + len(data).to_bytes(4, "little") + data).digest()
    assert bindings.parse_if_any(bytes(32)) is None
    for broken in (structure[:31], structure[:-1], b"\xff" * 32):
        with pytest.raises(SspiError, match="80090308"):
            bindings.parse(broken)


def test_ntlmv1() -> None:
    """4.2.2 and 4.2.3: LM, NTLMv1, and NTLMv1 with extended session security."""
    hash_, lm_hash = nt_hash("Password"), ntlm_v1.lm_hash("Password")
    assert lm_hash is not None and lm_hash.hex() == "e52cac67419a9a224a3b108f3fa6cb6d"
    assert ntlm_v1.lm_hash("12345678901234") and not ntlm_v1.lm_hash("123456789012345")
    assert ntlm_v1.lm_hash("Passwörd") is None
    assert ntlm_v1.response(lm_hash, SERVER_CHALLENGE).hex() == "98def7b87f88aa5dafe2df779688a172def11c7d5ccdef13"
    assert ntlm_v1.response(hash_, SERVER_CHALLENGE).hex() == "67c43011f30298a2ad35ece64f16331c44bdbed927841f94"
    base = ntlm_v1.session_base_key(hash_)
    assert base.hex() == "d87262b0cde4b1cb7499becccdf10784"
    assert ntlm_v1.exchange_key(base, False, SERVER_CHALLENGE, bytes(24)) == base
    both = ntlm_v1.session_challenge(SERVER_CHALLENGE, CLIENT_CHALLENGE)
    assert ntlm_v1.response(hash_, both).hex() == "7537f803ae367128ca458204bde7caf81e97ed2683267232"
    key = ntlm_v1.exchange_key(base, True, SERVER_CHALLENGE, CLIENT_CHALLENGE.ljust(24, b"\0"))
    assert key.hex() == "eb93429a8bd952f8b89c55b87f475edc"
