# SPDX-License-Identifier: Apache-2.0
"""diagnose on the recordings of Windows: nothing is found where a logon succeeded, and what is known where it failed."""
from __future__ import annotations

import pytest
import windows_recordings as windows
from sspi_conform.diagnosis import engine
from sspi_conform.exchange import verify
from sspi_conform.proof import wire

pytestmark = [windows.needed(), pytest.mark.skipif(wire.tshark() is None, reason="tshark is not installed")]

# Capture and number of an exchange: what is first said of it.
FAILED = {
    ("corelight-cve-2021-1675/packetcapture_2.pcap", 9): "rpc-refused",
    ("corelight-zerologon/CVE-2020-1472_exploit_win2019.pcap", 6): "wrong-password",
    ("ndpi/smb_frags.pcap", 0): "clock-skew",
    ("pcap-attack/CA_LM_SpoolSample_SMB_BiAuth.pcapng", 1): "no-logon-servers",
    ("pcap-attack/CA_LM_SpoolSample_SMB_BiAuth.pcapng", 2): "anonymous-instead",
    ("pcap-attack/CA_LM_SpoolSample_SMB_BiAuth.pcapng", 3): "anonymous-instead",
    ("suricata-verify/dcerpc-bind-no-frag-flag.pcap", 0): "account-disabled",
    ("suricata-verify/dcerpc-bind-no-frag-flag.pcap", 1): "account-disabled",
    ("suricata-verify/smb2-named-pipe-unicode.pcap", 1): "refused",
    ("wireshark-rdp/rdp-nla-ntlm-rejected1.pcapng", 0): "ntlm-blocked",
    ("wireshark-wiki/dcerpc-fault-stub-data-02.pcap", 0): "rpc-refused",
} | {("wireshark-wiki/languard_scan.dmp", number): "wrong-password" for number in range(13)} | {
    ("wireshark-wiki/smb-on-windows-10.pcapng", number): "wrong-password" for number in range(2, 7)} | {
    ("zeek/ldap_invalid_credentials.pcap", number): "wrong-password" for number in range(12)}


def _first(capture: str) -> dict[tuple[str, int], str]:
    """What is first said of the exchanges of which something is said."""
    found = engine.diagnose(verify.verified(windows.imported(capture)))
    return {(capture, one.exchange.number): one.findings[0].text.id for _, one in found if one.exchange.legs and one.findings}


@pytest.mark.parametrize("capture", windows.captures())
def test_first_finding(capture: str) -> None:
    """A success has no finding: those in FAILED are all that failed."""
    assert _first(capture) == {key: value for key, value in FAILED.items() if key[0] == capture}


def test_those_that_failed_failed() -> None:
    for (capture, number), _ in FAILED.items():
        outcome = windows.imported(capture).exchanges[number].outcome
        assert outcome is not None and outcome.success is False
    failed = {(capture, one.number) for capture in windows.captures() for one in windows.imported(capture).exchanges
              if one.outcome is not None and one.outcome.success is False}
    assert failed == set(FAILED)


@pytest.mark.parametrize(("capture", "number"), [
    ("wireshark-rdp/rdp-rdg-no-kdc-proxy-ntlm-downgrade-success.pcapng", 0), ("corelight-cve-2021-1675/PrintNightmare.pcap", 0),
    ("wireshark-wiki/ntlm_ldap.pcapng", 0), ("wireshark-rdp/rdp-nla-kerberos-auth1.pcapng", 0),
    ("corelight-cve-2021-1675/packetcapture_2.pcap", 0), ("wireshark-wiki/wcf_nettcpbinding.pcapng", 0)])
def test_windows_on_both_sides_deserves_no_note(capture: str, number: int) -> None:
    found = engine.diagnose(verify.verified(windows.imported(capture)), number)
    assert [note.text.id for _, one in found for note in one.notes] == []
