# SPDX-License-Identifier: Apache-2.0
"""Peer against peer: LmCompatibilityLevel, required 128 bit, what both sides can agree on, datagrams."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_peer_pair import CONTINUE, OK, SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED, Pair, in_process

from sspi_conform import tokens

ALICE = {"User": "alice", "Domain": "NTDOM", "Password": "right"}
SEAL, DATAGRAM = 0x10, 0x400
SEC_E_UNSUPPORTED_FUNCTION = "0x80090302"


def pair_of(folder: Path, initiator: str = "", acceptor: str = "", password: str = "right") -> Pair:
    """Two peers whose machines have policies."""
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps([{"user": "alice", "domain": "NTDOM", "password": "right"}]))
    environment = {"SSPI_PEER_ACCOUNTS": str(accounts), "SSPI_PEER_DOMAIN": "NTDOM"}
    pair = Pair(*(in_process(environment | {"SSPI_PEER_POLICY": policy}) for policy in (initiator, acceptor)))
    pair.acquire("NTLM", ALICE | {"Password": password})
    return pair


def authenticate(pair: Pair) -> dict[str, object]:
    return next(tokens.fields(token) for token in pair.tokens if tokens.kind(token) == "NTLM AUTHENTICATE")


@pytest.mark.parametrize("level, response, lm", [
    (0, "NTLMv1", "present"), (1, "NTLMv1-ESS", "present"), (2, "NTLMv1-ESS", "present"), (3, "NTLMv2", "zero")])
def test_levels(tmp_path: Path, level: int, response: str, lm: str) -> None:
    pair = pair_of(tmp_path, f"lm-level {level}", "lm-level 4")
    assert pair.establish(SEAL) == (OK, OK)
    pair.check_protection()
    shown = authenticate(pair)
    assert (shown["response"], shown["lmResponse"]) == (response, lm)
    assert pair_of(tmp_path, f"lm-level {level}", "lm-level 4", "wrong").establish(SEAL) == (OK, SEC_E_LOGON_DENIED)
    refused = OK if level == 3 else SEC_E_LOGON_DENIED
    assert pair_of(tmp_path, f"lm-level {level}", "lm-level 5").establish(SEAL) == (OK, refused)
    assert pair_of(tmp_path, f"lm-level {level}").establish(SEAL) == (OK, refused)


def test_128_bit_required(tmp_path: Path) -> None:
    assert pair_of(tmp_path, "", "require-128 True").establish(SEAL) == (OK, OK)
    weak = pair_of(tmp_path, "", "require-128 True").establish(SEAL, initiator={"offer": "56-bit"})
    assert weak == (CONTINUE, SEC_E_UNSUPPORTED_FUNCTION)


@pytest.mark.parametrize("side", ["initiator", "acceptor"])
@pytest.mark.parametrize("offer", ["no-key-exchange", "56-bit", "40-bit", "no-extended-security", "oem"])
def test_less_is_agreed_on(tmp_path: Path, side: str, offer: str) -> None:
    pair = pair_of(tmp_path)
    assert pair.establish(SEAL, **{side: {"offer": offer}}) == (OK, OK)
    pair.check_protection()


def test_datagram(tmp_path: Path) -> None:
    """path of MS-NLMP 3.2.5.2: the acceptor speaks first."""
    pair = pair_of(tmp_path)
    assert pair.establish(SEAL | DATAGRAM, DATAGRAM) == (OK, OK)
    assert [tokens.kind(token) for token in pair.tokens] == ["none", "NTLM CHALLENGE", "NTLM AUTHENTICATE", "none"]
    pair.check_protection()


def test_no_charset(tmp_path: Path) -> None:
    pair = pair_of(tmp_path)
    assert pair.establish(SEAL, initiator={"offer": "no-charset"}) == (CONTINUE, SEC_E_INVALID_TOKEN)
    pair = pair_of(tmp_path)
    assert pair.establish(SEAL, acceptor={"offer": "no-charset"}) == (SEC_E_INVALID_TOKEN, CONTINUE)
