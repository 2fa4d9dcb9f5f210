# SPDX-License-Identifier: Apache-2.0
"""libsspi-test as recorded Windows clients: the same tokens, byte for byte, and not with any other input."""
from __future__ import annotations

import pytest
import windows_recordings as windows

from sspi_conform.proof import inputs
from sspi_conform.proof.inputs import Known
from sspi_conform.proof.play import CONTINUE, OK, play_initiator
from sspi_conform.proof.rows import explained, known_rows, listed
from sspi_conform.tokens import ntlm

pytestmark = windows.needed()
SCAPY = ("scapy__dcerpc_privacy_ntlm", 0)
LDAP = ("wireshark-wiki__ntlm_ldap", 0)
SMB = ("wireshark-wiki__smb-on-windows-10", 0)
CREDSSP = ("wireshark-wiki__ws-credssp__win2k19-joined", 0)


@pytest.mark.parametrize("one", windows.parameters(windows.known(windows_client=True)))
def test_tokens_are_the_recorded_ones(one: Known) -> None:
    """Or the first field that differs is listed with its reason."""
    rows, _ = explained([row for row in known_rows(windows.stage(), one) if row.side == "initiator"], listed())
    assert {"NEGOTIATE", "AUTHENTICATE"} <= {row.message for row in rows}
    assert [f"{row.message}: {row.verdict}" for row in rows if not row.good] == []


def test_every_windows_since_vista_is_equal() -> None:
    """No listed difference is about a client that is younger than XP and whose secret is known."""
    for one in windows.known(windows_client=True):
        version = one.exchange.messages()[0].version
        if version and version.major > 5:
            assert play_initiator(windows.stage(), one.exchange, one).equal, one.exchange.name


@pytest.mark.parametrize("one", windows.parameters(windows.known(windows_client=True)))
def test_the_recorded_key_is_the_one_that_opens(one: Known) -> None:
    """The exported session key, an input, is what the recording's verification found independently."""
    assert (inputs.exported_key(one) or b"").hex() == one.exchange.verified["ExportedSessionKey"]


# A name of another length moves the payload, so the first thing that differs is an offset.
CHANGES = [
    (SCAPY, "random", "ChallengeFromClient"), (SCAPY, "password", "NTProofStr"),
    (SCAPY, "netbios-name", "LmChallengeResponseFields"), (SCAPY, "version", "Version"),
    (SCAPY, "single-host", "MsvAvSingleHost"), (SCAPY, "flags", "NegotiateFlags"),
    (SCAPY, "target", "NtChallengeResponseFields"), (CREDSSP, "av-tail", "NtChallengeResponseFields"),
    (LDAP, "lm-level", "NtChallengeResponseFields"), (LDAP, "random", "LmChallengeResponse"),
    (LDAP, "password", "NtChallengeResponse"), (SMB, "random", "EncryptedRandomSessionKey"),
    (SMB, "netbios-name", "LmChallengeResponseFields"), (SMB, "version", "Version")]


@pytest.mark.parametrize("which,change,field", CHANGES)
def test_another_input_shows(which: tuple[str, int], change: str, field: str) -> None:
    """The twin: one input changed, and the first field that differs is the one that this input is in."""
    one = windows.named(*which)
    played = play_initiator(windows.stage(), one.exchange, one, change=[change])
    found = [compared.difference for compared in played.compared if compared.difference]
    assert found[:1] == [field]


@pytest.mark.parametrize("which", [SCAPY, LDAP, SMB])
def test_another_challenge_shows(which: tuple[str, int]) -> None:
    """The twin: one bit of the server challenge, and the AUTHENTICATE is another one; the NEGOTIATE came before."""
    one = windows.named(*which)

    def alter(token: bytes) -> bytes:
        at = token.find(ntlm.SIGNATURE + b"\2\0\0\0")
        return windows.flipped(token, at + 24) if at >= 0 else token

    played = play_initiator(windows.stage(), one.exchange, one, alter=alter)
    by_message = {compared.message: compared.difference for compared in played.compared}
    assert by_message["NEGOTIATE"] is None and by_message["AUTHENTICATE"] is not None


def test_the_servers_mic_is_checked() -> None:
    """The recorded server's mechListMIC ends the exchange well; with one bit changed it does not."""
    one = windows.named(*SMB)
    assert play_initiator(windows.stage(), one.exchange, one).statuses == (CONTINUE, CONTINUE, OK)
    last = one.exchange.legs[-1].token

    def alter(token: bytes) -> bytes:
        return windows.flipped(token, len(token) - 6) if token == last else token

    assert play_initiator(windows.stage(), one.exchange, one, alter=alter).statuses[-1] == "0x8009030f"
