# SPDX-License-Identifier: Apache-2.0
"""The decoders against tokens recorded from Windows: all are read, and damage ends in TokenError only."""
from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from sspi_conform import tokens
from sspi_conform.tokens import TokenError, ntlm, spnego

_CHECKOUT = Path(__file__).resolve().parents[2]


def shared() -> Path:
    """The folder of recordings, or the test is skipped."""
    folder = Path(os.environ.get("SSPI_CONFORM_SHARED", _CHECKOUT.parent / "shared")) / "windows-captures"
    if not (folder / "exchanges").is_dir():
        pytest.skip("no Windows recordings: set SSPI_CONFORM_SHARED to the folder that holds windows-captures")
    return folder


def recorded() -> Iterator[tuple[str, str, bytes]]:
    """Where it is from, the recorder's summary, the token."""
    for path in sorted((shared() / "exchanges").glob("*.json")):
        for exchange in json.loads(path.read_text())["exchanges"]:
            for leg in exchange["legs"]:
                if leg.get("token"):
                    yield f"{path.name} frame {leg['frame']}", leg["summary"], bytes.fromhex(leg["token"])


def expected_kind(summary: str) -> str:
    """The kind that the recorder's independent decoder (tshark) named."""
    for start, kind in (("NTLM1", "NTLM NEGOTIATE"), ("NTLM2", "NTLM CHALLENGE"), ("NTLM3", "NTLM AUTHENTICATE"),
                        ("NegTokenInit2", "NegTokenInit2"), ("NegTokenInit", "NegTokenInit"),
                        ("NegTokenResp", "NegTokenResp"), ("KRB5:AP-REQ", "AP-REQ"), ("KRB5:AP-REP", "AP-REP")):
        if summary.startswith(start):
            return kind
    raise AssertionError(f"a summary this test does not know: {summary}")


def test_every_recorded_token_is_read() -> None:
    count = 0
    for where, summary, token in recorded():
        assert tokens.kind(token) == expected_kind(summary), where
        fields = tokens.fields(token)
        assert "inner.error" not in fields, f"{where}: {fields['inner.error']}"
        if "MIC16" in summary or "MIC28" in summary:
            assert fields["mechListMIC"] == "present", where
        if summary.startswith("NTLM3"):
            assert (fields["mic"] == "present") == (" mic " in summary), where
        for state in spnego.STATE_NAMES:
            if f"NegTokenResp:{state}" in summary:
                assert fields["negState"] == state, where
        count += 1
    assert count > 500


def test_recorded_tokens_are_built_again_byte_for_byte() -> None:
    """Except those whose sender was not Windows, or is so old that it ordered the payload differently."""
    rebuilt = others = 0
    for _, _, token in recorded():
        if token[:8] == ntlm.SIGNATURE:
            again = ntlm.parse(token).pack()
        elif tokens.kind(token).startswith("NegToken"):
            again = spnego.parse(token).pack()
        else:
            continue
        if again == token:
            rebuilt += 1
        else:
            others += 1
            assert tokens.fields(again) == tokens.fields(token)
    assert rebuilt > 500 and others < rebuilt // 20, (rebuilt, others)


def unique_tokens() -> list[bytes]:
    """One token per kind, length class and sender's build, so that the fuzzing below is quick."""
    found: dict[tuple[str, str], bytes] = {}
    for _, summary, token in recorded():
        if len(token) < 2000:
            found.setdefault((tokens.kind(token), summary[:60]), token)
    return list(found.values())


def read_or_refuse(data: bytes) -> None:
    tokens.kind(data)
    try:
        tokens.fields(data)
    except TokenError as error:
        assert error.offset >= 0 and error.expected


def test_truncated_tokens_are_refused_clearly() -> None:
    for token in unique_tokens():
        for size in (*range(0, min(len(token), 96)), *range(96, len(token), 7)):
            read_or_refuse(token[:size])


def test_flipped_tokens_are_refused_clearly_or_read() -> None:
    chance = random.Random(4178)
    for token in unique_tokens():
        for offset in (*range(0, min(len(token), 64)), *(chance.randrange(len(token)) for _ in range(60))):
            for value in (token[offset] ^ 0x01, token[offset] ^ 0x80, 0x00, 0xFF):
                read_or_refuse(token[:offset] + bytes((value,)) + token[offset + 1:])


def test_random_bytes_behind_each_beginning() -> None:
    chance = random.Random(2743)
    beginnings = (b"", ntlm.SIGNATURE + b"\1\0\0\0", ntlm.SIGNATURE + b"\2\0\0\0", ntlm.SIGNATURE + b"\3\0\0\0",
                  bytes.fromhex("6082"), bytes.fromhex("a182"), bytes.fromhex("a082"), bytes.fromhex("6e82"),
                  bytes.fromhex("7e82"), bytes.fromhex("6f82"))
    for beginning in beginnings:
        for _ in range(300):
            read_or_refuse(beginning + chance.randbytes(chance.randrange(120)))
