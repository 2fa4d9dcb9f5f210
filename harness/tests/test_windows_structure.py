# SPDX-License-Identifier: Apache-2.0
"""Every recorded exchange: parsed whole; played again, equal but for secrets or with a listed reason; and a comparison
that bites at every byte."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import windows_recordings as windows

from realm import Realm
from sspi_conform import tokens
from sspi_conform.cli import main
from sspi_conform.proof import recordings
from sspi_conform.proof.compare import SECRETS, first_difference, name_at
from sspi_conform.proof.rows import Listed, Row, build_of, explained, listed, table
from sspi_conform.tokens import ntlm, spnego
from sspi_conform.world import world_of


def place() -> Path:
    found = windows.folder()
    if found is None:
        pytest.skip("no recordings of Windows: set SSPI_CONFORM_SHARED to the folder that holds windows-captures")
    return found


def test_every_exchange_is_parsed_whole() -> None:
    count = 0
    for exchange in recordings.every(place()):
        for leg in exchange.legs:
            assert tokens.kind(leg.token) in tokens.KINDS[1:], exchange.name
            assert "inner.error" not in tokens.fields(leg.token), exchange.name
            count += 1
    assert count > 500


@pytest.fixture(scope="module")
def rows() -> tuple[list[Row], list[Listed]]:
    recorded = place()
    with Realm() as realm:
        return table(windows.stage(), recorded, world_of(realm))


def test_every_difference_is_listed(rows: tuple[list[Row], list[Listed]]) -> None:
    found, missing = rows
    assert [f"{row.exchange} {row.side} {row.message}: {row.verdict}" for row in found if not row.good] == []
    assert missing == [], "listed, and not found any more"


def test_most_are_equal(rows: tuple[list[Row], list[Listed]]) -> None:
    """Differences are the exception: old Windows, Kerberos before NTLM, bindings."""
    found = [row for row in rows[0] if row.side == "acceptor" and row.message == "CHALLENGE"]
    assert sum(row.difference is None for row in found) > 75
    young = [row for row in rows[0] if row.build.startswith("10.") and row.difference]
    assert {row.difference for row in young} <= {"mechTypes", "MsvAvChannelBindings", "NegotiateFlags"}


def test_an_unlisted_difference_fails(rows: tuple[list[Row], list[Listed]]) -> None:
    """The twin: a reason belongs to one field of one message of one side."""
    found, _ = rows
    different = next(row for row in found if row.difference and row.message == "AUTHENTICATE")
    bare = replace(different, reason=None)
    assert explained([bare], listed())[0][0].good
    for other in (replace(bare, difference="Version"), replace(bare, side="acceptor"),
                  replace(bare, message="NEGOTIATE"), replace(bare, exchange="elsewhere:0")):
        assert not explained([other], listed())[0][0].good
    assert explained([], listed())[1] == listed()


def test_the_comparison_bites_at_every_byte() -> None:
    """One bit of any byte of a recorded token, and the comparison names the field that has it; of a secret too, unless
    the secret is not known."""
    seen = set()
    for file, number in (("scapy__dcerpc_privacy_ntlm", 0), ("wireshark-wiki__dcerpc_witness", 0)):
        for leg in recordings.read(place(), file, number).legs:
            for offset in range(len(leg.token)):
                other = windows.flipped(leg.token, offset)
                assert first_difference(leg.token, other) is not None
                name = name_at(leg.token, offset)
                seen.add(name)
                assert (first_difference(leg.token, other, SECRETS) is None) == (name in SECRETS), (name, offset)
    assert {"NTProofStr", "MIC", "MsvAvSingleHost", "NegotiateFlags", "mechListMIC.checksum", "ServerChallenge"} <= seen


def test_what_differs_is_named() -> None:
    """Made up tokens, so that this needs no recording: the field itself, not the proofs and MICs made from it."""
    pairs = ((ntlm.AV_NB_DOMAIN, b"D\0"), (ntlm.AV_TIMESTAMP, bytes(8)))
    blob = b"\1\1" + bytes(6) + bytes(8) + b"c" * 8 + bytes(4) + ntlm.write_av_pairs(pairs) + bytes(4)
    message = ntlm.Authenticate(0xE2888235, b"D\0", b"u\0", b"W\0", bytes(24), b"p" * 16 + blob, b"k" * 16,
                                ntlm.Version(10, 0, 17763), b"m" * 16)
    token = message.pack()
    consequences = {"mic": b"n" * 16, "session_key": b"l" * 16}
    changes = [({}, None), ({"mic": b"n" * 16}, "MIC"), ({"user": b"v\0", **consequences}, "UserName"),
               ({"nt_response": b"q" * 16 + blob.replace(b"c" * 8, b"d" * 8), **consequences}, "ChallengeFromClient"),
               ({"nt_response": b"q" * 16 + blob, **consequences}, "NTProofStr"),
               ({"nt_response": b"p" * 16 + blob + bytes(4)}, "NtChallengeResponseFields"),
               ({"version": ntlm.Version(10, 0, 1), "mic": b"n" * 16}, "Version")]
    for change, field in changes:
        assert first_difference(token, replace(message, **change).pack()) == field
    wrapped = spnego.NegTokenResp(spnego.ACCEPT_INCOMPLETE, None, token, b"\1\0\0\0" + b"x" * 8 + bytes(4))
    other = replace(wrapped, mic=b"\1\0\0\0" + b"y" * 8 + bytes(4)).pack()
    assert first_difference(wrapped.pack(), other) == "mechListMIC.checksum"
    assert first_difference(wrapped.pack(), other, SECRETS) is None
    assert first_difference(wrapped.pack(), replace(wrapped, neg_state=None).pack()) == "negState (only recorded)"
    assert first_difference(wrapped.pack(), replace(wrapped, mic=None).pack()) == "mechListMIC (only recorded)"


def test_a_length_more_or_less_shows() -> None:
    for leg in recordings.read(place(), "wireshark-wiki__dcerpc_witness", 0).legs:
        assert first_difference(leg.token, leg.token[:-1]) and first_difference(leg.token, leg.token + b"\0")
        assert first_difference(leg.token, leg.token[:-1], SECRETS)


@pytest.mark.parametrize("version,build", [
    (ntlm.Version(10, 0, 19041), "10.0.19041"), (ntlm.Version(6, 1, 0), None), (ntlm.Version(6, 1, 7600, 0), None),
    (ntlm.Version(76, 65, 21570), None), (None, None), (ntlm.Version(5, 1, 2600), "5.1.2600")])
def test_who_is_windows(version: ntlm.Version | None, build: str | None) -> None:
    assert build_of(version) == build


def test_without_recordings_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["proof", "--recordings", str(tmp_path)]) == 3
    told = capsys.readouterr().err
    assert str(tmp_path) in told and "SSPI_CONFORM_SHARED" in told


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    build = windows.stage().build
    assert main(["proof", "--recordings", str(place()), "--build", str(build)]) == 0
    told = capsys.readouterr().out
    assert "NEGOTIATE, AUTHENTICATE, session key" in told and "exchanges" in told.splitlines()[-1]
    assert main(["proof", "--recordings", str(place()), "--build", str(build), "--known", "--differences"]) == 0
    told = {line.split(":")[0][4:] for line in capsys.readouterr().out.splitlines()[:-1]}
    assert {"initiator AUTHENTICATE", "initiator AP-REQ"} <= told
