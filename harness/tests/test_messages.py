# SPDX-License-Identifier: Apache-2.0
"""Tokens of single messages: their fields, the damage that a scenario does to them, whose paths they are."""
from __future__ import annotations

from typing import Any

import pytest
from support import case

from sspi_conform import matchers, tokens, verbs
from sspi_conform.play import damage, layouts

SEALED = "050407ff0010001c0000000012345678" + "aa" * 60
MIC = "040404ffffffffff0000000000000003" + "bb" * 12
RC4 = "602b06092a864886f712010202" + "020111001000ffff" + "cc" * 24


@pytest.mark.parametrize(("token", "kind", "fields"), [
    (SEALED, "wrap", {"flags": ["sent-by-acceptor", "sealed", "acceptor-subkey"], "filler": "ff", "ec": 16, "rrc": 28,
                      "sequence": 0x12345678}),
    (MIC, "MIC", {"flags": ["acceptor-subkey"], "filler": "ffffffffff", "sequence": 3}),
    (RC4, "RC4 wrap", {"sgn-alg": "1100", "seal-alg": "1000"}),
    ("01000000" + "dd" * 8 + "02000000", "NTLM signature", {"sequence": 2}),
    ("60" * 40, "other", {}),
    ("", "none", {}),
])
def test_fields(token: str, kind: str, fields: dict[str, Any]) -> None:
    assert tokens.message_kind(bytes.fromhex(token)) == kind
    assert tokens.message_fields(bytes.fromhex(token)) == fields


def test_a_header_that_is_cut_has_no_fields() -> None:
    with pytest.raises(tokens.TokenError):
        tokens.message_fields(bytes.fromhex(SEALED[:30]))


@pytest.mark.parametrize(("how", "left"), [
    ({"at": 5, "xor": "1100"}, "050407ff0001"), ({"cut": 3}, "050407"), (None, SEALED), ("flip", SEALED)])
def test_damage_of_a_token(how: Any, left: str) -> None:
    buffers = [{"type": "DATA", "hex": "00"}, {"type": "TOKEN", "hex": SEALED}]
    damage.do(how, buffers)
    assert buffers[1]["hex"].startswith(left) and buffers[0]["hex"] == "00"
    assert ("cut" not in how if how else True) or buffers[1]["hex"] == left


def test_a_stream_is_damaged_whole() -> None:
    buffers = [{"type": "STREAM", "hex": SEALED}, {"type": "DATA", "size": 0}]
    damage.do({"cut": 70}, buffers)
    assert len(buffers[0]["hex"]) == 140


@pytest.mark.parametrize("count", [0, 1, 28, 33, 65535])
def test_rotation_keeps_the_message(count: int) -> None:
    rest = bytes(range(40))
    buffers = [{"type": "STREAM", "hex": (bytes.fromhex("050406ff0000001c") + bytes(8) + rest[-28:] + rest[:-28]).hex()}]
    damage.do({"rotate": count}, buffers)
    turned = bytes.fromhex(buffers[0]["hex"])
    assert int.from_bytes(turned[6:8], "big") == count
    turn = count % 40
    assert turned[16 + turn:] + turned[16:16 + turn] == rest


@pytest.mark.parametrize(("tamper", "right"), [
    ({"at": 0, "xor": "01"}, True), ({"cut": 0}, True), ({"rotate": 7}, True), ({}, False), ({"at": 0}, False),
    ({"at": 0, "xor": ""}, False), ({"cut": -1}, False), ({"cut": True}, False), ({"turn": 7}, False), ("bend", False)])
def test_damage_is_checked_when_loaded(tamper: Any, right: bool) -> None:
    assert (verbs.check({"seal": {"side": "acceptor", "tamper": tamper}}) is None) is right


@pytest.mark.parametrize(("step", "right"), [
    ({"side": "acceptor", "message": "one", "to": "acceptor", "as": "back"}, True),
    ({"side": "acceptor", "message": "one", "to": "acceptor"}, False),
    ({"side": "acceptor", "message": "one", "to": "nobody", "as": "back"}, False)])
def test_open_to_a_side(step: dict[str, Any], right: bool) -> None:
    assert (verbs.check({"open": step}) is None) is right


def test_a_message_that_comes_back_is_opened_by_its_sender() -> None:
    played = case(["establish", {"seal": {"side": "initiator", "hold": True, "as": "one"}},
                   {"open": {"side": "initiator", "message": "one", "to": "initiator", "as": "back"}}])
    assert matchers.side_of("seal.back.decrypt.status", played) == "initiator"
    assert matchers.side_of("seal.one.decrypt.status", played) == "acceptor"
    assert matchers.side_of("seal.one.encrypt.status", played) == "initiator"


def test_what_is_signed() -> None:
    assert [one["type"] for one in layouts.to_sign("data-token", 16, "00")] == ["DATA", "TOKEN"]
    assert [one.get("readonly") for one in layouts.to_sign("dce", 16, "00")] == ["checksum", None, "checksum", None]
