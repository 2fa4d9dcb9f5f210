# SPDX-License-Identifier: Apache-2.0
"""The recordings imported: what INDEX.md counts and what exchanges/*.json hold, leg by leg.

They were made by another parser (dissections of tshark); where it and import differ, DIFFERENCES says which is right.
"""
from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import windows_recordings as windows

from sspi_conform import importing
from sspi_conform.exchange import file
from sspi_conform.exchange.model import CREDSSP, HTTP, KRB_ERROR, LDAP, NEG_STATE, NNS, NT_STATUS, RPC, RPC_FAULT, Exchange, Recording
from sspi_conform.proof import wire

pytestmark = [windows.needed(), pytest.mark.skipif(wire.tshark() is None, reason="tshark is not installed")]

_NO_KEY = "TLS with an RSA key that is published with the capture and not kept with the recordings"
_MIXED = "INDEX groups by TCP connection and mixes the pipe's legs, which go over three channels, with session setups"
# Capture: exchanges of exchanges/*.json (by number) that import does not have so, and first frames of those that only
# import has, with the reason.
DIFFERENCES: dict[str, tuple[tuple[int, ...], tuple[int, ...], str]] = {
    "wireshark-wiki/ws-credssp/freerdp-client-krb5.pcapng": ((0,), (), _NO_KEY),
    "wireshark-wiki/ws-credssp/win2k19-joined.cap": ((0, 12), (), _NO_KEY),
    "wireshark-wiki/smb2_dac_sample.pcap": ((1, 2, 3, 4, 5), (18, 23, 102, 409, 988, 1355), _MIXED),
    "pcap-attack/LM_WMI_ProcessCallCreate.pcapng": (
        (), (30,), "exchanges/*.json lacks it: a bind over two segments on a connection of its own (frames 30 to 34)"),
    "suricata-verify/smb2-named-pipe-unicode.pcap": (
        (), (12,), "STATUS_NETWORK_SESSION_EXPIRED to a session setup from before the capture: no token, but an outcome"),
}
# An outcome that INDEX gets wrong.
OUTCOMES = {
    ("zeek/smb_gssapi.pcap", 0): (NT_STATUS, 0, "INDEX: no server reply; frame 8 is one, its status (of DOS) is 0"),
}
_NUMBERS = {"STATUS_SUCCESS": 0, "STATUS_LOGON_FAILURE": 0xC000006D, "STATUS_ACCESS_DENIED": 0xC0000022,
            "STATUS_ACCOUNT_DISABLED": 0xC0000072, "STATUS_NO_LOGON_SERVERS": 0xC000005E}
# INDEX reads an outcome of DCE/RPC from the answer to the next call. In pipes it looked at SMB instead; import does not.
_OF_PIPES = ("SPNEGO accept-completed (RPC in pipe)", "RPC in pipe: GSS result not shown by SMB status")
_UNKNOWN = ("no rpc reply after auth", "not dissected", "hint only")


@cache
def _published(capture: str) -> list[dict[str, Any]]:
    place = windows.folder()
    assert place
    return json.loads((place / "exchanges" / (capture.replace("/", "__") + ".json")).read_text())["exchanges"]


def _index(capture: str) -> str:
    place = windows.folder()
    assert place
    return next(line for line in (place / "INDEX.md").read_text().splitlines() if line.startswith(f"| `{capture}`"))


def _tokens(one: Exchange) -> tuple[tuple[str, str], ...]:
    return tuple((leg.sender, leg.token.hex()) for leg in one.legs if leg.token)


def _published_tokens(one: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Without SMB's hint where the exchange is one of RPC in a pipe: it belongs to SMB's own."""
    legs = one["legs"]
    if "pipe" in one["transport"] and legs and legs[0].get("what"):
        legs = legs[1:]
    return tuple(("client" if leg["dir"] == "c2s" else "server", leg["token"]) for leg in legs if leg["token"])


def _expected(outcome: str) -> tuple[str, int] | None:
    if found := re.search(r"KRB-ERROR (\d+)", outcome):
        return KRB_ERROR, int(found[1])
    if outcome in _NUMBERS:
        return NT_STATUS, _NUMBERS[outcome]
    if found := re.match(r"http (\d+)", outcome):
        return HTTP, int(found[1])
    if outcome.startswith("ldap"):
        return LDAP, 0 if outcome == "ldap success" else 49
    if outcome in _OF_PIPES or outcome.startswith("rpc response"):
        return RPC, 0
    if found := re.match(r"rpc fault (0x[0-9a-f]+)", outcome):
        return RPC_FAULT, int(found[1], 16)
    if found := re.match(r"credssp errorCode (0x[0-9a-f]+)", outcome):
        return CREDSSP, int(found[1], 16)
    if outcome.startswith("success (server pubKeyAuth"):
        return CREDSSP, 0
    if outcome.startswith("NNS HandshakeDone"):
        return NNS, 0x14
    if outcome.startswith("TKEY reply, accept-completed"):
        return NEG_STATE, 0
    assert outcome in _UNKNOWN, outcome
    return None


def test_all_recordings_are_here() -> None:
    assert len(windows.captures()) == 77 and set(DIFFERENCES) <= set(windows.captures())


@pytest.mark.parametrize("capture", windows.captures())
def test_tokens_and_outcomes_are_the_published_ones(capture: str) -> None:
    recording, published = windows.imported(capture), _published(capture)
    theirs, mine = [_published_tokens(one) for one in published], [_tokens(one) for one in recording.exchanges]
    lacking = tuple(number for number, tokens in enumerate(theirs) if tokens not in mine)
    more = tuple(_first(one) for one, tokens in zip(recording.exchanges, mine) if tokens not in theirs)
    assert (lacking, more) == DIFFERENCES.get(capture, ((), (), ""))[:2]
    left = list(recording.exchanges)
    for number, one in enumerate(published):
        if number in lacking:
            continue
        found = next(other for other in left if _tokens(other) == theirs[number])
        left.remove(found)
        outcome = None if found.outcome is None else (found.outcome.kind, found.outcome.value)
        wanted = OUTCOMES[capture, number][:2] if (capture, number) in OUTCOMES else _expected(one["outcome"])
        assert outcome == wanted, (number, one["outcome"])
        assert _transport(found) == one["transport"]
        if one["client"]:
            assert (found.client, found.server, str(found.server_port)) == (one["client"], one["server"], one["server_port"])


def _first(one: Exchange) -> int:
    return next((leg.frame for leg in one.legs if leg.sender == "client"), one.legs[0].frame)


def _transport(one: Exchange) -> str:
    if "no session setup follows" in one.missing:
        return "SMB-negotiate-only"
    return {"TNS": "TNS(carved)"}.get(one.transport, one.transport)


@pytest.mark.parametrize("capture", windows.captures())
def test_messages_of_the_kdc_are_those_of_the_index(capture: str) -> None:
    found = re.search(r"KDC: AS (\d+)/(\d+), TGS (\d+)/(\d+), KRB-ERROR (\d+)(?: \(([^)]*)\))?", _index(capture))
    kinds = Counter(one.kind for one in windows.imported(capture).kdc)
    counts = tuple(kinds[kind] for kind in ("AS-REQ", "AS-REP", "TGS-REQ", "TGS-REP", "KRB-ERROR"))
    assert counts == (tuple(map(int, found.groups()[:5])) if found else (0,) * 5)
    codes = Counter(one.code for one in windows.imported(capture).kdc if one.code is not None)
    assert codes == Counter({int(code): int(times) for code, times in re.findall(r"(\d+)x(\d+)", found[6] or "")} if found else {})


@pytest.mark.parametrize("capture", windows.captures())
def test_counts_are_those_of_the_index(capture: str) -> None:
    found = re.search(r"\| GSS (\d+) ", _index(capture))
    lacking, more, _ = DIFFERENCES.get(capture, ((), (), ""))
    assert found and len(windows.imported(capture).exchanges) == int(found[1]) - len(lacking) + len(more)


def test_counts_by_transport() -> None:
    """Those of INDEX, but for the exchanges in DIFFERENCES."""
    totals = Counter({"SMB2": 54, "DCERPC": 41, "LDAP": 31, "SMB1": 28, "HTTP": 11, "DCERPC over SMB2 pipe": 8, "CredSSP": 7,
                      "MS-NNS": 2, "TNS(carved)": 2, "HTTPS(RDG)": 2, "SMB-negotiate-only": 1, "DNS": 1})
    for capture, (lacking, more, _) in DIFFERENCES.items():
        totals.subtract(_published(capture)[number]["transport"] for number in lacking)
        totals.update(_transport(one) for one in windows.imported(capture).exchanges if _first(one) in more)
    assert Counter(_transport(one) for capture in windows.captures() for one in windows.imported(capture).exchanges) == +totals


@pytest.mark.parametrize("capture", windows.captures())
def test_it_comes_back_from_its_file(capture: str) -> None:
    recording = windows.imported(capture)
    assert file.read(file.text(recording).encode(), capture) == recording


def test_the_certificate_around_an_exchange_is_kept() -> None:
    """The RD Gateway's: the client's channel bindings are of it (INDEX says that they were verified)."""
    from sspi_conform.exchange.verify import verified
    recording = verified(windows.imported("wireshark-rdp/rdp-rdg-no-kdc-proxy-ntlm-downgrade-success.pcapng"))
    [one] = recording.exchanges
    assert one.channel and one.channel.certificate and one.channel.end_point
    assert [leg.facts["bindings"] for leg in one.legs if "bindings" in leg.facts] == ["of the certificate"]
