# SPDX-License-Identifier: Apache-2.0
"""Messages that NTLM signed and sealed in recordings: opened, made again byte for byte, and a change is noticed."""
from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import windows_recordings as windows

from sspi_conform.model import ConformError
from sspi_conform.proof import messages, wire
from sspi_conform.proof.inputs import Known
from sspi_conform.proof.play import begin_acceptor, begin_initiator
from sspi_conform.proof.side import Side

# How many there are at least. LDAP, RPC in fragments, RPC from a client that is not Windows, net.tcp.
RECORDED = [("wireshark-wiki__ntlm_ldap", 0, 12), ("scapy__dcerpc_privacy_ntlm", 0, 12),
            ("pcap-attack__zerologon_mimikatz_ntlm_privacy_scan_and_exploit_encrypted", 1, 300),
            ("wireshark-wiki__create_two_tasks_then_enum_RPC_C_AUTHN_LEVEL_PKT_PRIVACY_NTLMv2__password_clem", 0, 6),
            ("wireshark-wiki__wcf_nettcpbinding", 1, 8)]

pytestmark = [windows.needed(), pytest.mark.skipif(wire.tshark() is None, reason="tshark is not installed")]


def place() -> Path:
    found = windows.folder()
    assert found
    return found


def recorded(known: Known) -> list[wire.Message]:
    return wire.messages(known.exchange, wire.connections(place(), known.exchange.file, [known.exchange]))


def verdicts(known: Known, found: list[wire.Message]) -> list[messages.Verdict]:
    with ExitStack() as stack:
        client = begin_initiator(stack, windows.stage(), known.exchange, known)[1]
        server = begin_acceptor(stack, windows.stage(), known.exchange, known)[1]
        return list(messages.played(Side(client), Side(server), found, messages.Ntlm()))


@pytest.mark.parametrize("file,number,least", RECORDED, ids=[f"{file}:{number}" for file, number, _ in RECORDED])
def test_messages_are_opened_and_made_again(file: str, number: int, least: int) -> None:
    known = windows.named(file, number)
    found = verdicts(known, recorded(known))
    assert [one for one in found if one[2] is not None] == []
    assert sum(what == messages.OPENED for _, what, _ in found) >= least


def test_a_message_that_is_not_the_recorded_one_is_refused() -> None:
    """The twin: a bit of the data, of the signature, of the header in front and of the verifier's behind."""
    known = windows.named(*RECORDED[1][:2])
    first = recorded(known)[0]
    for name in ("data", "token", "before", "behind"):
        old = getattr(first, name)
        other = replace(first, **{name: windows.flipped(old, len(old) - 1)})
        [(side, what, difference)] = verdicts(known, [other])
        assert (side, what) == ("acceptor", messages.OPENED) and (difference or "").startswith("0x8009030f"), name


def test_without_the_recording_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConformError):
        wire.capture(tmp_path, "some__thing")
