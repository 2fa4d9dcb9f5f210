# SPDX-License-Identifier: Apache-2.0
"""Recorded Kerberos exchanges whose tickets can be opened: libsspi accepts what Windows sent and, with the same clock
and randomness, sends what Windows sent; and a comparison that bites."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import windows_recordings as windows

from sspi_conform.importing import smb
from sspi_conform.importing.packets import Packet
from sspi_conform.model import ConformError
from sspi_conform.proof import krb5_crypto, krb5_inputs, krb5_tokens, wire
from sspi_conform.proof.krb5_inputs import Known
from sspi_conform.proof.krb5_play import Pair
from sspi_conform.proof.krb5_rows import known_rows, rows_of
from sspi_conform.proof.row import Row
from sspi_conform.proof.rows import explained, listed
from sspi_conform.tokens import spnego

SERVER_2019 = "wireshark-wiki__ws-credssp__win2k19-joined"


def place() -> Path:
    found = windows.folder()
    if found is None:
        pytest.skip("no recordings of Windows: set SSPI_CONFORM_SHARED to the folder that holds windows-captures")
    return found


def named(name: str) -> Known:
    return next(one for one in krb5_inputs.known(place()) if one.exchange.name == name)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return list(known_rows(windows.stage(), place(), {}))


def test_every_request_is_accepted(rows: list[Row]) -> None:
    """24 tickets and authenticators: the flags, the name and the key are what the recording says."""
    for fact in ("flags", "client name", "session key"):
        found = [row for row in rows if row.side == "acceptor" and row.message == fact]
        assert len(found) == 24 and all(row.difference is None for row in found), fact


def test_answers_are_those_of_windows(rows: list[Row]) -> None:
    """22 AP-REPs and the acceptor's mechListMICs, in whatever they are wrapped, byte for byte."""
    replies = [row for row in rows if row.side == "acceptor" and "AP-REP" in row.message]
    assert len(replies) == 22 and all(row.difference is None for row in replies)
    closing = [row for row in rows if row.side == "acceptor" and row.message == "NegTokenResp" and not row.difference]
    assert len(closing) == 5  # those that have a mechListMIC; user-to-user's is with the AP-REP


def test_the_initiator_goes_on(rows: list[Row]) -> None:
    """Everything but the authorization data of the AP-REQ is the recorded client's; the answers are accepted, the third
    leg of DCE style and the mechListMICs are equal."""
    requests = [row.difference for row in rows if row.side == "initiator" and row.message == "AP-REQ"]
    assert len(requests) == 24 and requests.count(None) == 1  # user-to-user: to the byte
    assert all(one.startswith(("authorization-data", "checksum, authorization-data")) for one in requests if one)
    keys = [row for row in rows if row.side == "initiator" and row.message == "session key"]
    assert len(keys) == 22 and all(row.difference is None for row in keys)
    told = Counter(row.message for row in rows if row.side == "initiator" and row.difference is None)
    assert told["AP-REP"] == 4 and told["TGT-REQ"] == 1
    assert told["mechListMIC"] == told["mechListMIC of the acceptor"] == 5
    assert told["NegTokenResp with AP-REP"] == 1  # a list that libsspi has, too: with its MIC inside


@pytest.mark.skipif(wire.tshark() is None, reason="tshark is not installed")
def test_messages_are_opened_and_made_again(rows: list[Row]) -> None:
    opened = [row for row in rows if row.message == "message opened"]
    assert len(opened) >= 80 and all(row.difference is None for row in opened)
    made = Counter(row.difference for row in rows if row.message == "message made again")
    assert set(made) == {None, "filler"} and made[None] >= 50


def test_what_differs_is_listed(rows: list[Row]) -> None:
    found, _ = explained([row for row in rows if "freerdp" not in row.exchange and "kerberos-d" not in row.exchange],
                         listed())
    assert [f"{row.exchange} {row.side} {row.message}: {row.verdict}" for row in found if not row.good] == []


@pytest.mark.parametrize("tag,breaks", [(b"\x6e", "acceptor"), (b"\x6f", "initiator")])
def test_a_damaged_token_is_refused(tag: bytes, breaks: str) -> None:
    """The twin: the last octet of an AP-REQ or AP-REP inverted."""
    def alter(token: bytes) -> bytes:
        if tag not in token[:200]:
            return token
        at = token.index(krb5_tokens.bare(inner_of(token))) + len(krb5_tokens.bare(inner_of(token))) - 1
        return windows.flipped(token, at)

    def inner_of(token: bytes) -> bytes:
        if token[:1] == b"\x60" and spnego.unframe(token)[0] != spnego.SPNEGO:
            return token
        message = spnego.parse(token)
        return (message.mech_token if isinstance(message, spnego.NegTokenInit) else message.response_token) or b""

    known = named(f"{SERVER_2019}:1")
    wrong = {row.side for row in rows_of(windows.stage(), known, [], frozenset(), alter)
             if (row.difference or "").startswith("0x")}
    assert breaks in wrong


@pytest.mark.parametrize("where", ["first", "last"])
def test_a_damaged_message_is_refused(where: str) -> None:
    if wire.tshark() is None:
        pytest.skip("tshark is not installed")
    known = named(f"{SERVER_2019}:1")
    segments = wire.connections(place(), known.exchange.file, [known.exchange])
    first, *_ = wire.messages(known.exchange, segments)
    other = wire.Message(first.frame, first.from_client, first.kind,
                         windows.flipped(first.data, 20 if where == "first" else len(first.data) - 1))
    with ExitStack() as stack:
        pair = Pair(windows.stage(), known, stack)
        assert all(difference is None for _, what, difference in pair.handshake() if what != "AP-REQ")
        assert [difference for _, _, difference in pair.messages([other])] == [
            f"0x8009030f (frame {first.frame})"]


def _other_number(part: krb5_tokens.Part) -> bytes:
    return krb5_inputs.drawn(part)[:3] + b"\0" + krb5_inputs.drawn(part)[4:]


def _other_key(part: krb5_tokens.Part) -> bytes:
    return krb5_inputs.drawn(part)[:4] + bytes(32) + krb5_inputs.drawn(part)[36:]


@pytest.mark.parametrize("change,field", [(_other_number, "sequence"), (_other_key, "subkey"),
                                          (lambda part: krb5_inputs.drawn(part)[:-16], "confounder")])
def test_each_input_shows(monkeypatch: pytest.MonkeyPatch, change: Callable[[krb5_tokens.Part], bytes],
                          field: str) -> None:
    """Another random number, and the field that comes from it is named."""
    known = named(f"{SERVER_2019}:1")
    with ExitStack() as stack:
        pair = Pair(windows.stage(), known, stack)
        changed = change(known.authenticator)
        monkeypatch.setattr(krb5_inputs, "drawn", lambda part, again=False: changed)
        found = {what: difference for side, what, difference in pair.handshake() if side == "initiator"}
    assert field in (found["AP-REQ"] or "")


def test_the_algorithms() -> None:
    """RFC 3961 A.1, RFC 3962 B."""
    assert krb5_crypto._folded(b"012345", 8).hex() == "be072631276b1955"
    assert krb5_crypto._folded(b"kerberos", 16).hex() == "6b65726265726f737b9b5b2b93132b93"
    key = b"chicken teriyaki"
    for cipher, plain in (("c6353568f2bf8cb4d8a580362da7ff7f97", b"I would like the "),
                          ("fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5",
                           b"I would like the General Gau's ")):
        assert krb5_crypto._cts(key, bytes.fromhex(cipher)) == plain
    with pytest.raises(ConformError):
        krb5_crypto.opened(krb5_crypto.AES256, bytes(32), 11, bytes(64))
    with pytest.raises(ConformError):
        krb5_crypto.opened(krb5_crypto.RC4, bytes(16), 11, bytes(64))


def _pdus(*sizes: int) -> Iterator[bytes]:
    for size in sizes:
        yield b"\0" * 2 + size.to_bytes(2, "big") + b"x" * size


def _packet(frame: int, number: int, data: bytes) -> Packet:
    return Packet(frame, 0.0, ("", 1), ("", 2), "0", number, None, 0, len(data), data)


def test_streams_are_put_together() -> None:
    """Segments out of order, twice, and cut anywhere."""
    data = b"".join(_pdus(5, 9))
    pieces = [_packet(3, 11, data[10:]), _packet(1, 1, data[:4]), _packet(2, 5, data[4:10]), _packet(4, 1, data[:10])]
    found = list(wire._Ordered(pieces, 2).records(smb.size_of))
    assert [one.data for one in found] == list(_pdus(5, 9)) and found[1].frame == 3
    with pytest.raises(ConformError):
        list(wire._Ordered([pieces[0], pieces[1]], 2).records(smb.size_of))
    with pytest.raises(ConformError):
        list(wire._Ordered([_packet(1, 1, b"x" * 20)], 2).records(smb.size_of))
