# SPDX-License-Identifier: Apache-2.0
"""Peer against peer with NTLM, alone and under Negotiate: success, refusal, and every misbehaviour's effect."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from test_peer_pair import (DCE, FLAGS, MUTUAL, OK, SEC_E_BAD_BINDINGS, SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED,
                       SEC_E_MESSAGE_ALTERED, Pair, bindings, in_process)

from sspi_conform import tokens
from sspi_conform.peer import misbehave

ALICE = {"User": "alice", "Domain": "NTDOM", "Password": "right"}
ALLOW_MISSING, PROXY, NULL_SESSION = 0x10000000, 0x04000000, 0x100000
THIS, OTHER = bindings(b"tls-server-end-point:this"), bindings(b"tls-server-end-point:other")


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps([{"user": "Alice", "domain": "NTDOM", "password": "right"},
                                    {"user": "dora", "password": "right", "disabled": True}]))
    environment = {"SSPI_PEER_ACCOUNTS": str(accounts), "SSPI_PEER_DOMAIN": "NTDOM"}
    return Pair(in_process(environment), in_process(environment))


def start(pair: Pair, package: str, **changes: str) -> None:
    identity = ALICE | changes | ({"PackageList": "!Kerberos"} if package == "Negotiate" else {})
    pair.acquire(package, identity)


@pytest.mark.parametrize("package", ["NTLM", "Negotiate"])
@pytest.mark.parametrize("flags", [FLAGS, FLAGS | MUTUAL, FLAGS | DCE, 0x10, 0x10000])
def test_success(pair: Pair, package: str, flags: int) -> None:
    start(pair, package)
    assert pair.establish(flags) == (OK, OK)
    if flags & 0x10:
        pair.check_protection()
    assert pair.query("acceptor", "NAMES") == {"sUserName": "NTDOM\\alice"}
    assert pair.query("acceptor", "PACKAGE_INFO")["PackageInfo"]["Name"] == "NTLM"
    assert pair.attributes["acceptor"] & 0x10 == flags & 0x10


def test_legs_and_tokens(pair: Pair) -> None:
    """As path.ntlm.raw-3leg and path.spnego.ntlm.mic describe them."""
    start(pair, "NTLM")
    pair.establish()
    assert [tokens.kind(token) for token in pair.tokens] == [
        "NTLM NEGOTIATE", "NTLM CHALLENGE", "NTLM AUTHENTICATE", "none"]
    pair.drop()
    pair.tokens.clear()
    start(pair, "Negotiate")
    pair.establish()
    assert [tokens.kind(token) for token in pair.tokens] == [
        "NegTokenInit", "NegTokenResp", "NegTokenResp", "NegTokenResp", "none"]
    shown = [tokens.fields(token) for token in pair.tokens]
    assert shown[0]["mechTypes"] == ["NTLM"]
    assert [fields.get("negState") for fields in shown[1:4]] == [
        "accept-incomplete", "accept-incomplete", "accept-completed"]
    assert [fields.get("mechListMIC") for fields in shown[:4]] == ["absent", "absent", "present", "present"]
    assert [fields.get("supportedMech") for fields in shown[1:4]] == ["NTLM", "absent", "absent"]


def test_raw_ntlm_under_negotiate(pair: Pair) -> None:
    pair.acquire("Negotiate", ALICE | {"PackageList": "NTLM"})
    assert pair.establish() == (OK, OK)
    assert tokens.kind(pair.tokens[0]) == "NTLM NEGOTIATE"
    pair.check_protection()
    pair.drop()
    pair.acquire("NTLM", ALICE, "Negotiate")
    assert pair.establish() == (OK, OK)


@pytest.mark.parametrize("package", ["NTLM", "Negotiate"])
@pytest.mark.parametrize("changes", [
    {"Password": "wrong"}, {"User": "nobody"}, {"Domain": "ELSEWHERE"}, {"User": "dora"}, {"Password": ""}])
def test_denied(pair: Pair, package: str, changes: Mapping[str, str]) -> None:
    start(pair, package, **changes)
    assert pair.establish()[1] == SEC_E_LOGON_DENIED


@pytest.mark.parametrize("changes", [{"User": "ALICE"}, {"Domain": ""}, {"User": "alice@sspi.test", "Domain": ""}])
def test_other_spellings_of_a_name(pair: Pair, changes: Mapping[str, str]) -> None:
    start(pair, "NTLM", **changes)
    assert pair.establish() == (OK, OK)


def test_anonymous(pair: Pair) -> None:
    for package in ("NTLM", "Negotiate"):
        for flags, expected in ((0, SEC_E_LOGON_DENIED), (NULL_SESSION, OK)):
            start(pair, package, User="", Domain="", Password="")
            assert pair.establish(acceptor_flags=flags)[1] == expected
            pair.drop()


@pytest.mark.parametrize("package", ["NTLM", "Negotiate"])
@pytest.mark.parametrize("client, server, flags, silent, expected", [
    (None, None, 0, False, OK),
    (THIS, THIS, 0, False, OK),
    (THIS, THIS, ALLOW_MISSING, False, OK),
    (THIS, None, 0, False, OK),
    (OTHER, THIS, 0, False, SEC_E_BAD_BINDINGS),
    (OTHER, THIS, ALLOW_MISSING, False, SEC_E_BAD_BINDINGS),
    (None, THIS, 0, False, SEC_E_BAD_BINDINGS),
    (None, THIS, ALLOW_MISSING, False, SEC_E_BAD_BINDINGS),
    (bindings(b""), THIS, ALLOW_MISSING, False, SEC_E_BAD_BINDINGS),
    (None, THIS, 0, True, SEC_E_BAD_BINDINGS),
    (None, THIS, ALLOW_MISSING, True, OK),
    (None, None, PROXY, True, SEC_E_BAD_BINDINGS),
    (None, None, PROXY, False, SEC_E_BAD_BINDINGS),
    (OTHER, None, PROXY, False, OK),
])
def test_channel_bindings(pair: Pair, package: str, client: str | None, server: str | None, flags: int,
                          silent: bool, expected: str) -> None:
    """The outcome cells cb.out.ntlm.*"""
    start(pair, package)
    odd = {"channel-bindings-av": "omit"} if silent else {}
    assert pair.establish(acceptor_flags=flags, bind=(client, server), initiator=odd)[1] == expected


@pytest.mark.parametrize("name, value, package, side, expected", [
    ("channel-bindings-av", "omit", "NTLM", "initiator", OK),
    ("channel-bindings-av", "wrong", "NTLM", "initiator", OK),
    ("target-name-av", "omit", "NTLM", "initiator", OK),
    ("mic", "wrong", "NTLM", "initiator", SEC_E_MESSAGE_ALTERED),
    ("mic", "drop", "NTLM", "initiator", SEC_E_MESSAGE_ALTERED),
    ("mic", "omit", "NTLM", "initiator", OK),
    ("nt-proof", "wrong", "NTLM", "initiator", SEC_E_LOGON_DENIED),
    ("encrypted-session-key", "wrong", "NTLM", "initiator", SEC_E_MESSAGE_ALTERED),
    ("timestamp-av", "omit", "NTLM", "acceptor", OK),
    ("mechListMIC", "wrong", "Negotiate", "initiator", SEC_E_MESSAGE_ALTERED),
    ("mechListMIC", "drop", "Negotiate", "initiator", SEC_E_INVALID_TOKEN),
    ("mechListMIC", "wrong", "Negotiate", "acceptor", SEC_E_MESSAGE_ALTERED),
    ("mechListMIC", "drop", "Negotiate", "acceptor", SEC_E_INVALID_TOKEN),
    ("mechanism-order", "unsupported-first", "Negotiate", "initiator", OK),
    ("negState", "request-mic", "Negotiate", "acceptor", OK),
    ("negState", "reject", "Negotiate", "acceptor", SEC_E_LOGON_DENIED),
])
def test_misbehaviours(pair: Pair, name: str, value: str, package: str, side: str, expected: str) -> None:
    """Each one is noticed by the other side, or is something that the other side has to live with."""
    start(pair, package)
    found = pair.establish(**{side: {name: value}})  # type: ignore[arg-type]
    assert expected in found and all(status == OK or status == expected or status == "0x00090312" for status in found)
    if expected == OK:
        assert found == (OK, OK)
        pair.check_protection()
    if (name, value) == ("mic", "omit"):
        assert tokens.fields(pair.tokens[2])["mic"] == "absent"
        assert "av.MsvAvFlags" not in tokens.fields(pair.tokens[2])


def test_every_misbehaviour_is_listed() -> None:
    for name, values in misbehave.TABLE.items():
        for value in values:
            assert f'{{"{name}": "{value}"}}' in misbehave.listing()
            assert misbehave.check({name: value}) is None
    assert misbehave.check({"mic": "maybe"}) and misbehave.check({"nonsense": "x"})


def test_server_speaks_first(pair: Pair) -> None:
    start(pair, "Negotiate")
    hint = pair.call("acceptor", "AcceptSecurityContext", cred="c", ctx="x", fContextReq=0, TargetDataRep=16,
                     output=[{"type": "TOKEN", "size": 4096}])
    assert hint["status"] == "0x00090312"
    token = hint["output"][0]["hex"]
    assert tokens.kind(bytes.fromhex(token)) == "NegTokenInit2"
    first = pair.call("initiator", "InitializeSecurityContext", cred="c", ctx="x", fContextReq=FLAGS,
                      input=[{"type": "TOKEN", "hex": token}], output=[{"type": "TOKEN", "size": 4096}])
    assert tokens.kind(bytes.fromhex(first["output"][0]["hex"])) == "NegTokenInit"


@pytest.mark.parametrize("package", ["NTLM", "Negotiate"])
def test_damaged_tokens_never_break_the_peer(pair: Pair, package: str) -> None:
    """Each token of a good exchange, cut and flipped, goes to a fresh context on either side."""
    start(pair, package)
    pair.establish()
    calls = {"initiator": ("InitializeSecurityContext", {}),
             "acceptor": ("AcceptSecurityContext", {"TargetDataRep": 16})}
    for side, (call, keys) in calls.items():
        for token in filter(None, pair.tokens):
            for position in range(0, len(token), 9):
                for damaged in (token[:position], token[:position] + b"\xff" + token[position + 1:]):
                    for leg in ((damaged,), (pair.tokens[0], damaged)) if side == "acceptor" else ((None, damaged),):
                        for piece in leg:
                            given = {} if piece is None else {"input": [{"type": "TOKEN", "hex": piece.hex()}]}
                            pair.call(side, call, cred="c", ctx="y", fContextReq=FLAGS,
                                      output=[{"type": "TOKEN", "size": 4096}], **given, **keys)
                        pair.call(side, "DeleteSecurityContext", ctx="y", raw=True)
