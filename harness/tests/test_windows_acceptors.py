# SPDX-License-Identifier: Apache-2.0
"""libsspi-test as recorded Windows servers: the same CHALLENGE from configuration, the recorded client's answer
taken with the recorded outcome, key and MICs."""
from __future__ import annotations

from dataclasses import replace

import pytest
import windows_recordings as windows

from sspi_conform.proof.inputs import Known
from sspi_conform.proof.play import CONTINUE, OK, play_acceptor
from sspi_conform.proof.rows import explained, known_rows, listed
from sspi_conform.tokens import ntlm

pytestmark = windows.needed()
DENIED = "0x8009030c"
SCAPY = ("scapy__dcerpc_privacy_ntlm", 0)
LDAP = ("wireshark-wiki__ntlm_ldap", 0)
WITNESS = ("wireshark-wiki__dcerpc_witness", 0)
XP = ("wireshark-wiki__4", 0)
CREDSSP = ("wireshark-wiki__ws-credssp__win2k19-joined", 0)
STANDALONE = ("suricata-verify__smb-eicar-file", 0)


@pytest.mark.parametrize("one", windows.parameters(windows.known()))
def test_tokens_outcome_and_key_are_the_recorded_ones(one: Known) -> None:
    rows, _ = explained([row for row in known_rows(windows.stage(), one) if row.side == "acceptor"], listed())
    assert {"CHALLENGE", "outcome", "session key"} <= {row.message for row in rows}
    assert [f"{row.message}: {row.verdict}" for row in rows if row.difference] == []


@pytest.mark.parametrize("which,setting,field", [
    (SCAPY, "netbios-domain", "TargetNameFields TargetInfoFields"), (SCAPY, "netbios-name", "TargetInfoFields"),
    (SCAPY, "dns-name", "TargetInfoFields MsvAvDnsComputerName"), (SCAPY, "version", ""),
    (WITNESS, "version", "Version"), (XP, "av-timestamp", "TargetInfoFields"), (STANDALONE, "dns-domain",
                                                                               "TargetInfoFields MsvAvDnsDomainName")])
def test_another_setting_shows(which: tuple[str, int], setting: str, field: str) -> None:
    """The twin: a setting left at its default, and the CHALLENGE is another one. The default of `version` is the
    build of this recording, so that its CHALLENGE does not need the setting."""
    one = windows.named(*which)
    found = play_acceptor(windows.stage(), one.exchange, one, change=[setting]).compared[0].difference
    assert found in field.split() if field else found is None


def authenticate_offset(token: bytes) -> int:
    return token.find(ntlm.SIGNATURE + b"\3\0\0\0")


@pytest.mark.parametrize("which,offset,status", [(SCAPY, 72, DENIED), (SCAPY, -40, DENIED), (LDAP, 156, DENIED)])
def test_an_altered_answer_is_refused(which: tuple[str, int], offset: int, status: str) -> None:
    """The twin: one bit of the MIC, of the NTLMv2 response and of the NTLMv1 response."""
    one = windows.named(*which)

    def alter(token: bytes) -> bytes:
        at = authenticate_offset(token)
        return windows.flipped(token, at + offset if offset > 0 else len(token) + offset) if at >= 0 else token

    played = play_acceptor(windows.stage(), one.exchange, one, alter=alter)
    assert played.statuses == (CONTINUE, status) and played.key is None


def test_an_altered_mechlist_mic_is_refused() -> None:
    one = windows.named(*WITNESS)

    def alter(token: bytes) -> bytes:
        return windows.flipped(token, len(token) - 6) if authenticate_offset(token) >= 0 else token

    assert play_acceptor(windows.stage(), one.exchange, one, alter=alter).statuses == (CONTINUE, "0x8009030f")


def test_the_account_decides() -> None:
    """Restricted: refused although the proof is right, as recorded. Unrestricted: accepted. Another hash: refused."""
    one = windows.named(*CREDSSP)
    stage = windows.stage()
    assert one.account == "UR"
    assert play_acceptor(stage, one.exchange, one).statuses[-1] == DENIED
    assert play_acceptor(stage, one.exchange, replace(one, account="U")).statuses[-1] == OK
    assert play_acceptor(stage, one.exchange, replace(one, account="DU")).statuses[-1] == DENIED
    assert play_acceptor(stage, one.exchange, replace(one, account="U", nt_hash=bytes(16))).statuses[-1] == DENIED


def test_a_null_session_must_be_allowed() -> None:
    one = windows.named(*WITNESS)
    refused = replace(one, outcome="denied-by-server")
    assert play_acceptor(windows.stage(), one.exchange, refused).statuses[-1] == DENIED
