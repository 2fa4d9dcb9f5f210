# SPDX-License-Identifier: Apache-2.0
"""Captures made here, one or two for each transport: what import finds in whole ones, and what it says of others."""
from __future__ import annotations

import base64
import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import import_samples as sample
import pytest
from import_samples import AUTHENTICATE, CHALLENGE, DONE, INIT, NEGOTIATE, TOKENS
from packet_files import CLIENT, SERVER, Capture, Connection, talk

from sspi_conform import importing
from sspi_conform.exchange import file
from sspi_conform.exchange.model import Exchange, Recording
from sspi_conform.importing import shown
from sspi_conform.importing.options import Options
from sspi_conform.importing.packets import Packet, packets
from sspi_conform.importing.pcap import Found
from sspi_conform.importing.tshark import Tshark
from sspi_conform.model import ConformError
from sspi_conform.proof import wire

pytestmark = pytest.mark.skipif(wire.tshark() is None, reason="tshark is not installed")
Turns = Sequence[tuple[str, bytes]]

HTTP = [(CLIENT, sample.request()), (SERVER, sample.response(401, offers=("Negotiate", "NTLM"))),
        (CLIENT, sample.request(NEGOTIATE)), (SERVER, sample.response(401, CHALLENGE)),
        (CLIENT, sample.request(AUTHENTICATE)), (SERVER, sample.response(200, body=b"HTTP/1.1 401 no\r\n\r\n" * 200))]
LDAP = [(CLIENT, sample.ldap_bind(1, NEGOTIATE)), (SERVER, sample.ldap_answer(1, 14, CHALLENGE)),
        (CLIENT, sample.ldap_bind(2, AUTHENTICATE)), (SERVER, sample.ldap_answer(2, 49, text=b"80090308: data 52e"))]
SMB2 = [(CLIENT, sample.smb2(0, 0, 0, bytes(36))), (SERVER, sample.smb2_hint(0, INIT)),
        (CLIENT, sample.smb2_setup(1, 0, NEGOTIATE)), (SERVER, sample.smb2_answer(1, 7, 0xC0000016, CHALLENGE)),
        (CLIENT, sample.smb2_setup(2, 7, AUTHENTICATE)), (SERVER, sample.smb2_answer(2, 7, 0, b"", 1))]
PIPE = [(CLIENT, sample.smb2_pipe(3, sample.rpc(11, 1, NEGOTIATE, bytes(56)))), (CLIENT, sample.smb2_pipe_read(4)),
        (SERVER, sample.smb2_pipe_data(4, sample.rpc(12, 1, CHALLENGE, bytes(44)))),
        (CLIENT, sample.smb2_pipe(5, sample.rpc(16, 1, AUTHENTICATE, bytes(4)) + sample.rpc(0, 2, b"s" * 16, bytes(8)))),
        (CLIENT, sample.smb2_pipe_read(6)), (SERVER, sample.smb2_pipe_data(6, sample.rpc(2, 2, b"s" * 16, bytes(8))))]
RPC = [(CLIENT, sample.rpc(11, 1, NEGOTIATE, bytes(56))), (SERVER, sample.rpc(12, 1, CHALLENGE, bytes(44))),
       (CLIENT, sample.rpc(16, 1, AUTHENTICATE, bytes(4))), (CLIENT, sample.rpc(0, 2, b"s" * 16, bytes(8))),
       (SERVER, sample.rpc(3, 2, b"", bytes(8) + struct.pack("<II", 5, 0)))]
NNS = [(CLIENT, b"\0\1\0\1\2\2" + b"net.tcp"), (CLIENT, sample.nns(0x16, NEGOTIATE)), (SERVER, sample.nns(0x16, CHALLENGE)),
       (CLIENT, sample.nns(0x16, AUTHENTICATE)), (SERVER, sample.nns(0x14))]
CREDSSP = [(CLIENT, sample.ts_request(NEGOTIATE)), (SERVER, sample.ts_request(CHALLENGE)),
           (CLIENT, sample.ts_request(AUTHENTICATE, b"key")), (SERVER, sample.ts_request(error=0xC000006D))]
CARVED = [(CLIENT, b"\x99" * 30 + NEGOTIATE + b"tail"), (SERVER, b"\x98" * 7 + CHALLENGE), (CLIENT, b"\x99\x01" + AUTHENTICATE)]
DNS = [(CLIENT, len(data).to_bytes(2, "big") + data) if who == CLIENT else (SERVER, len(data).to_bytes(2, "big") + data)
       for who, data in ((CLIENT, sample.tkey(INIT, False)), (SERVER, sample.tkey(DONE, True)))]

# Turns on a port of nobody's, then transport, number of tokens, and outcome: kind, value, success.
WHOLE = {
    "http": (HTTP, "HTTP", TOKENS, ("http", 200, True)),
    "ldap": (LDAP, "LDAP", TOKENS, ("ldap", 49, False)),
    "smb2": (SMB2, "SMB2", (INIT, *TOKENS), ("nt-status", 0, True)),
    "rpc": (RPC, "DCERPC", TOKENS, ("rpc-fault", 5, False)),
    "nns": (NNS, "MS-NNS", TOKENS, ("nns", 0x14, True)),
    "credssp": (CREDSSP, "CredSSP", TOKENS, ("nt-status", 0xC000006D, False)),
    "carved": (CARVED, "TCP", TOKENS, None),
    "dns": (DNS, "DNS", (INIT, DONE), ("neg-state", 0, True)),
    "smb2-refused": ([*SMB2[:-1], (SERVER, sample.smb2_answer(2, 7, 0xC000006D))], "SMB2", (INIT, *TOKENS), ("nt-status", 0xC000006D, False)),
    "smb2-hint-only": (SMB2[:2], "SMB2", (INIT,), None),
    "rpc-answered": ([*RPC[:-1], (SERVER, sample.rpc(2, 2, b"s" * 16, bytes(8)))], "DCERPC", TOKENS, ("rpc", 0, True)),
    "rpc-bind-refused": ([RPC[0], (SERVER, sample.rpc(13, 1, b"", b"\x08\0" + bytes(6)))], "DCERPC", (NEGOTIATE,), ("rpc-fault", 8, False)),
    "rpc-fault-of-the-call": ([*RPC[:-1], (SERVER, sample.rpc(3, 2, b"", bytes(8) + struct.pack("<II", 0x1C010002, 0)))],
                              "DCERPC", TOKENS, ("rpc-fault", 0x1C010002, None)),
    "http-refused": ([*HTTP[:-1], (SERVER, sample.response(401, offers=("Negotiate",)))], "HTTP", TOKENS, ("http", 401, False)),
    "http-application": ([*HTTP[:-1], (SERVER, sample.response(500))], "HTTP", TOKENS, ("http", 500, None)),
    "http-one-leg": ([(CLIENT, sample.request(INIT)), (SERVER, sample.response(200, DONE))], "HTTP", (INIT, DONE), ("http", 200, True)),
    "http-proxy": ([(CLIENT, sample.request(NEGOTIATE, proxy=True)), (SERVER, sample.response(407, CHALLENGE)),
                    (CLIENT, sample.request(AUTHENTICATE, proxy=True)), (SERVER, sample.response(403))], "HTTP", TOKENS, ("http", 403, None)),
    "http-kerberos-scheme": ([(CLIENT, sample.request(b"\x6e\x03\x30\x01\0", "Kerberos", "POST", b"GET / HTTP/1.1\r\n\r\n")),
                              (SERVER, sample.response(200, b"\x6f\x03\x30\x01\0", scheme="Kerberos"))], "HTTP",
                             (b"\x6e\x03\x30\x01\0", b"\x6f\x03\x30\x01\0"), ("http", 200, True)),
    "http-never-a-token": (HTTP[:2] * 3, "HTTP", (), None),
    "http-krb-error": ([(CLIENT, sample.request(INIT)), (SERVER, sample.response(401, sample.krb_error_token(37)))], "HTTP",
                       (INIT, sample.krb_error_token(37)), ("krb-error", 37, False)),
    "ldap-success": ([*LDAP[:-1], (SERVER, sample.ldap_answer(2, 0))], "LDAP", TOKENS, ("ldap", 0, True)),
    "nns-error": ([*NNS[:-1], (SERVER, sample.nns(0x15, bytes(4) + b"\x80\x09\x03\x0c"))], "MS-NNS", TOKENS, ("nns", 0x15, False)),
    "carved-rejected": ([(CLIENT, b"\x99" + INIT), (SERVER, b"\x98" + sample.REJECTED)], "TCP", (INIT, sample.REJECTED), ("neg-state", 2, False)),
}


def imported(tmp_path: Path, capture: Capture, **options: object) -> Recording:
    return importing.load(capture.write(tmp_path / "made.pcap"), Options(**options))  # type: ignore[arg-type]


def tokens(one: Exchange) -> tuple[bytes, ...]:
    return tuple(leg.token for leg in one.legs if leg.token)


def _holds(data: bytes, token: bytes) -> bool:
    return token in data or base64.b64encode(token) in data


def outcome(one: Exchange) -> tuple[str, int, bool | None] | None:
    return one.outcome and (one.outcome.kind, one.outcome.value, one.outcome.success)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_exchanges_on_any_port(tmp_path: Path, name: str) -> None:
    turns, transport, expected, ended = WHOLE[name]
    [one] = imported(tmp_path, talk(4711, turns)).exchanges
    assert (one.transport, tokens(one), outcome(one)) == (transport, tuple(expected), ended)
    assert (one.client, one.server, one.server_port) == ("10.0.0.1", "10.0.0.2", 4711)
    assert all(leg.frame and leg.time for leg in one.legs)
    assert any("only tokens in it" not in text for text in one.missing) == (ended is None)


def test_what_http_says_of_the_service(tmp_path: Path) -> None:
    [one] = imported(tmp_path, talk(80, HTTP)).exchanges
    assert one.about == {"scheme": "Negotiate", "schemes": "Negotiate NTLM", "method": "GET", "url": "/path", "host": "web.test"}
    assert [leg.status.value for leg in one.legs if leg.status] == [401, 200]


def test_over_ipv6(tmp_path: Path) -> None:
    [one] = imported(tmp_path, talk(80, HTTP, Capture(is_long=True))).exchanges
    assert (one.client, one.server, one.server_port, tokens(one)) == ("fd00::1", "fd00::2", 80, TOKENS)


def test_several_exchanges_on_one_connection(tmp_path: Path) -> None:
    found = imported(tmp_path, talk(80, [*HTTP, *HTTP[2:]])).exchanges
    assert [tokens(one) for one in found] == [TOKENS, TOKENS] and [one.number for one in found] == [0, 1]


def test_a_pipe_beside_its_session(tmp_path: Path) -> None:
    session, pipe = imported(tmp_path, talk(445, [*SMB2, *PIPE])).exchanges
    assert (session.transport, session.outcome.detail if session.outcome else "") == ("SMB2", "guest")
    assert (pipe.transport, tokens(pipe), outcome(pipe)) == ("DCERPC over SMB2 pipe", TOKENS, ("rpc", 0, True))
    assert pipe.about["sealed"] == "privacy"


def test_messages_of_the_kdc_over_udp_and_tcp(tmp_path: Path) -> None:
    capture = Capture()
    capture.udp(CLIENT, (50000, 10088), sample.kdc_request())
    capture.udp(SERVER, (50000, 10088), sample.kdc_error(25))
    framed = [(who, struct.pack(">I", len(data)) + data) for who, data in (
        (CLIENT, sample.kdc_request()), (SERVER, sample.kdc_error(37, "skew")))]
    found = imported(tmp_path, talk(10088, framed, capture)).kdc
    assert [(one.kind, one.code, one.text) for one in found] == [
        ("AS-REQ", None, ""), ("KRB-ERROR", 25, ""), ("AS-REQ", None, ""), ("KRB-ERROR", 37, "skew")]
    assert (found[0].client, found[0].server, found[0].realm, found[0].etypes) == ("ann", "http/web.test", "TEST", (18, 23))


def test_tkey_over_udp(tmp_path: Path) -> None:
    capture = Capture()
    capture.udp(CLIENT, (50000, 53), sample.tkey(INIT, False))
    capture.udp(SERVER, (50000, 53), sample.tkey(DONE, True))
    [one] = imported(tmp_path, capture).exchanges
    assert (one.transport, one.server_port, tokens(one), outcome(one)) == ("DNS", 53, (INIT, DONE), ("neg-state", 0, True))


def test_a_body_in_chunks_is_skipped(tmp_path: Path) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (b"HTTP/1.1 500 x\r\n\r\n", b"y" * 3000)) + b"0\r\n\r\n"
    turns = [(CLIENT, sample.request()), (SERVER, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks), *HTTP]
    [one] = imported(tmp_path, talk(80, turns)).exchanges
    assert (tokens(one), outcome(one)) == (TOKENS, ("http", 200, True))


def test_base64_that_was_cut_off(tmp_path: Path) -> None:
    cut = sample.request(AUTHENTICATE).replace(base64.b64encode(AUTHENTICATE)[-3:] + b"\r\n", b"\r\n")
    [one] = imported(tmp_path, talk(80, [*HTTP[:4], (CLIENT, cut), (SERVER, sample.response(400))])).exchanges
    last = tokens(one)[-1]
    assert AUTHENTICATE.startswith(last) and last != AUTHENTICATE
    assert any("no whole base64" in text for text in one.missing) and outcome(one) == ("http", 400, None)


def _with_packets(change: Callable[[list[bytes]], list[bytes]]) -> Capture:
    capture = Capture()
    connection = Connection(capture, (50000, 80)).open()
    for sender, data in HTTP:
        connection.say(sender, data, segment=61)
    capture.frames = change(capture.frames)
    return capture


@pytest.mark.parametrize("change", [
    lambda frames: [frame for pair in zip(frames[3::2], frames[2::2]) for frame in pair],
    lambda frames: [frame for frame in frames for _ in range(2)],
    lambda frames: frames[2:],
], ids=["out of order", "twice", "without SYN"])
def test_segments_are_put_in_order(tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    [one] = imported(tmp_path, _with_packets(change)).exchanges
    assert (tokens(one), outcome(one), one.client, one.missing) == (TOKENS, ("http", 200, True), "10.0.0.1", ())


@pytest.mark.parametrize("name", ["http", "ldap", "smb2", "rpc"])
def test_of_one_side_only(tmp_path: Path, name: str) -> None:
    for side in (CLIENT, SERVER):
        capture = Capture()
        connection = Connection(capture, (50000, 4711))
        for sender, data in WHOLE[name][0]:
            connection.say(sender, data) if sender == side else connection.lose(sender, len(data))
        [one] = imported(tmp_path, capture).exchanges
        other = SERVER if side == CLIENT else CLIENT
        assert {leg.sender for leg in one.legs} == {side} and one.client == "10.0.0.1"
        assert f"nothing from the {other} is in the capture" in one.missing
        if side == CLIENT:
            assert one.outcome is None and f"a token of the {other}" in " ".join(one.missing)


@pytest.mark.parametrize("name", ["http", "ldap", "smb2", "rpc", "nns"])
def test_one_that_begins_in_the_middle(tmp_path: Path, name: str) -> None:
    turns, transport, _, ended = WHOLE[name]
    at = next(place for place, (_, data) in enumerate(turns) if _holds(data, CHALLENGE))
    capture = Capture()
    connection = Connection(capture, (50000, 4711))
    for sender, data in turns[at:]:
        connection.say(sender, data)
    [one] = imported(tmp_path, capture).exchanges
    assert (one.transport, tokens(one), outcome(one)) == (transport, TOKENS[1:], ended)
    assert any("its first token is not in the capture" in text for text in one.missing)


@pytest.mark.parametrize("name", ["http", "ldap", "smb2", "rpc"])
def test_a_segment_that_was_not_captured(tmp_path: Path, name: str) -> None:
    """The one with the challenge: both sides know it, the capture does not."""
    turns, _, expected, ended = WHOLE[name]
    capture = Capture()
    connection = Connection(capture, (50000, 4711)).open()
    for sender, data in turns:
        connection.lose(sender, len(data)) if _holds(data, CHALLENGE) else connection.say(sender, data)
    [one] = imported(tmp_path, capture).exchanges
    assert tokens(one) == tuple(token for token in expected if token != CHALLENGE) and outcome(one) == ended
    assert any("a token of the server between frames" in text for text in one.missing)


def test_what_comes_behind_a_gap_comes_in_its_place(tmp_path: Path) -> None:
    """The answer to a request is read before the next request: that one acknowledges it."""
    capture = Capture()
    connection = Connection(capture, (50000, 80)).open()
    for sender, data in HTTP[2:]:
        connection.lose(sender, len(data)) if _holds(data, CHALLENGE) else connection.say(sender, data)
    for sender, data in HTTP[2:]:
        connection.say(sender, data)
    found = imported(tmp_path, capture).exchanges
    assert [(tokens(one), outcome(one)) for one in found] == [((NEGOTIATE, AUTHENTICATE), ("http", 200, True)), (TOKENS, ("http", 200, True))]


def test_packets_cut_by_snaplen(tmp_path: Path) -> None:
    capture = talk(389, LDAP)
    capture.snaplen = 54 + 60
    recording = imported(tmp_path, capture)
    assert any("snaplen" in text for text in recording.missing)
    [one] = recording.exchanges
    assert tokens(one) == (NEGOTIATE,) or tokens(one) == () and any("not whole in the capture" in text for text in one.missing)


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    turns = [*HTTP[:-1], (SERVER, b"HTTP/1.1 403 \x1b[31mred\r\nContent-Length: 0\r\n\r\n")]
    lines = "\n".join(shown.lines(imported(tmp_path, talk(80, turns))))
    assert "403 ?[31mred" in lines and "\x1b" not in lines


def test_tls_without_secrets_is_named(tmp_path: Path) -> None:
    hello = b"\x16\3\1\0\x05\1\0\0\1\0"
    recording = imported(tmp_path, talk(443, [(CLIENT, hello)], talk(80, HTTP, client_port=50001)))
    assert len(recording.exchanges) == 1 and any("10.0.0.2:443 not opened" in text for text in recording.missing)


def test_nothing_to_find_says_what_was_seen(tmp_path: Path) -> None:
    turns = [(CLIENT, sample.request()), (SERVER, sample.response(200))]
    with pytest.raises(ConformError, match="seen: 1 http connection"):
        imported(tmp_path, talk(80, turns))


def test_a_port_can_be_told(tmp_path: Path) -> None:
    """One that begins as another protocol would."""
    turns = [(CLIENT, b"NEGO / HTTP/1.1\r\n" + NEGOTIATE), (SERVER, b"\x98" + CHALLENGE)]
    with pytest.raises(ConformError):
        imported(tmp_path, talk(4711, turns))
    [one] = imported(tmp_path, talk(4711, turns), ports={4711: "carved"}).exchanges
    assert tokens(one) == TOKENS[:2]


def _all() -> Capture:
    """Every transport in one capture."""
    capture = Capture()
    for number, (turns, *_) in enumerate(WHOLE.values()):
        talk(7000 + number, turns, capture, 50000 + number)
    talk(445, [*SMB2, *PIPE], capture)
    capture.udp(CLIENT, (50000, 88), sample.kdc_request())
    capture.udp(CLIENT, (50000, 53), sample.tkey(INIT, False))
    return capture


@pytest.mark.parametrize("share", [0.02, 0.17, 0.31, 0.5, 0.68, 0.83, 0.99])
def test_a_file_that_is_cut_off(tmp_path: Path, share: float) -> None:
    whole = _all().bytes()
    path = tmp_path / "cut.pcap"
    path.write_bytes(whole[:int(len(whole) * share)])
    try:
        recording = importing.load(path)
    except ConformError as error:
        assert share < 0.05 and "cut short" in str(error) or "seen:" in str(error)
        return
    assert "the file ends within a packet: it is not whole" in recording.missing


def test_packets_that_lie(tmp_path: Path) -> None:
    """Bytes flipped, packets lost, doubled, swapped and cut: a recording every time, and one that a file can hold."""
    made = list(packets(Tshark(str(_all().write(tmp_path / "all.pcap")))))
    assert len(_read(made).exchanges) == len(WHOLE) + 3
    dice = random.Random(5)
    for _ in range(400):
        recording = _read(_spoilt(made, dice))
        assert file.read(file.text(recording).encode(), "x") == recording


def _read(made: Sequence[Packet]) -> Recording:
    found = Found(Options())
    for packet in made:
        found.take(packet)
    found.end()
    return found.recording("x", "", ())


def _spoilt(made: Sequence[Packet], dice: random.Random) -> list[Packet]:
    left = list(made)
    for _ in range(dice.choice((1, 3, 30))):
        at, other = dice.randrange(len(left)), dice.randrange(len(left))
        packet, data = left[at], bytearray(left[at].payload)
        match dice.randrange(6):
            case 0:
                del left[at]
            case 1:
                left.insert(other, packet)
            case 2:
                left[at], left[other] = left[other], left[at]
            case 3:
                left[at] = replace(packet, number=dice.choice((0, packet.number + 5000, (1 << 32) - 1)))
            case 4:
                left[at] = replace(packet, payload=bytes(data[:dice.randrange(len(data) + 1)]))
            case 5 if data:
                for _ in range(dice.choice((1, 4))):
                    data[dice.randrange(len(data))] = dice.choice((0, 0x80, 0xFF, dice.randrange(256)))
                left[at] = replace(packet, payload=bytes(data))
    return left
