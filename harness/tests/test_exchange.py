# SPDX-License-Identifier: Apache-2.0
"""The exchange file: what is written comes back, and what is broken is named."""
from __future__ import annotations

import json

import pytest
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CLIENT, NT_STATUS, SERVER, Channel, Exchange, KdcMessage, Leg, Recording, Status
from sspi_conform.model import ConformError


def whole() -> Recording:
    refused = Status(NT_STATUS, 0xC000006D, "STATUS_LOGON_FAILURE", False)
    legs = (Leg(CLIENT, b"NTLMSSP\0", 4, 1.5, facts={"mic": "wrong"}), Leg(SERVER, None, 6, 2.0, refused))
    one = Exchange(0, "SMB2", legs, "7", "10.0.0.1", "10.0.0.2", 445, refused, Channel(b"\1" * 32), {"host": "srv"},
                   ("the CHALLENGE is not in the capture",))
    kdc = KdcMessage("KRB-ERROR", 2, 0.5, "REALM", "ann", "host/srv", 37, (18, 17), "skew")
    return Recording("pcap", "a.pcapng", "00" * 32, (one,), (kdc,), True, ("cut off",))


def test_comes_back() -> None:
    written = file.text(whole()).encode()
    assert file.is_one(written)
    assert file.read(written, "x") == whole()


def test_least_comes_back() -> None:
    least = Recording("curl", "-", "", (Exchange(0, "curl", ()),))
    assert file.read(file.text(least).encode(), "x") == least


@pytest.mark.parametrize(("change", "says"), [
    (lambda whole: whole.update(schema=2), "schema 2"),
    (lambda whole: whole.pop("exchange-file"), "not an exchange file"),
    (lambda whole: whole["exchange-file"].update(surplus=1), "unknown member 'surplus'"),
    (lambda whole: whole["exchange-file"].pop("sha256"), "no member 'sha256'"),
    (lambda whole: whole["exchange-file"].update(redacted=1), "int where bool belongs"),
    (lambda whole: whole["exchange-file"].update(exchanges={}), "not a list"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(token="0g"), "not hex"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(time="now"), "str where float belongs"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(time=10**400), "no number that can be"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(facts=[]), "not a mapping"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(facts={"mic": "good"}), "no fact 'mic'"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(facts={"clock-difference": "1"}), "no fact 'clock-diff"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(facts={"keytab": 5}), "no fact 'keytab'"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(facts={"other": True}), "no fact 'other'"),
    (lambda whole: whole["exchange-file"]["exchanges"][0].update(about=[1]), "not a mapping"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["legs"][0].update(sender="nobody"), "'nobody' sends no legs"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["outcome"].update(kind="luck"), "'luck' is no kind of status"),
    (lambda whole: whole["exchange-file"]["exchanges"][0]["outcome"].update(value=True), "bool where int belongs"),
])
def test_what_is_broken_is_named(change, says) -> None:
    content = json.loads(file.text(whole()))
    change(content)
    with pytest.raises(ConformError, match=says):
        file.read(json.dumps(content).encode(), "x")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"[" * 100000, b"\xff"])
def test_rubbish_is_refused(content: bytes) -> None:
    with pytest.raises(ConformError):
        file.read(content, "x")
