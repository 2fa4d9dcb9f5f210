# SPDX-License-Identifier: Apache-2.0
"""libsspi against other implementations, live, both directions: handshake, sign, seal, and their twins that must fail.

    make peers        installs the peers' packages, runs this, prints the matrix
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from foreign_matrix import FROM_PEER, TO_PEER, Realm, Results, Row, play, print_matrix  # noqa: E402  (the line above)

KEY_ONLY = "ntlm_auth hands out the session key, which is compared, and protects no messages"
NO_SIGN = {"sign": "WinPR 2 has neither MakeSignature nor VerifySignature"}
NO_MESSAGES = {"sign": KEY_ONLY, "seal": KEY_ONLY, "tamper refused": KEY_ONLY}
ROWS = (
    Row("gss-ntlmssp", "NTLM", TO_PEER, empty=False),
    Row("gss-ntlmssp", "NTLM", FROM_PEER, empty=False),
    Row("gss-ntlmssp", "Negotiate", TO_PEER, empty=False),
    Row("gss-ntlmssp", "Negotiate", FROM_PEER, empty=False),
    Row("WinPR 2", "NTLM", TO_PEER, NO_SIGN),
    Row("WinPR 2", "NTLM", FROM_PEER, NO_SIGN),
    Row("Samba gensec", "NTLM", FROM_PEER),
    Row("Samba gensec", "Negotiate", FROM_PEER),
    Row("impacket", "NTLM", FROM_PEER),
    Row("impacket", "Negotiate", FROM_PEER),
    Row("ntlm_auth", "NTLM", TO_PEER, NO_MESSAGES),
    Row("ntlm_auth", "NTLM", FROM_PEER, NO_MESSAGES),
    Row("ntlm_auth", "Negotiate", TO_PEER, NO_MESSAGES),
    Row("ntlm_auth", "Negotiate", FROM_PEER, NO_MESSAGES),
)
# What there is no row for, and why.
NOTHING = {
    "WinPR 2 Negotiate": "its Negotiate is raw NTLM, without SPNEGO",
    "Samba gensec as acceptor": "is harness/adapters/gensec.py: `sspi-conform matrix libsspi gensec`. Of Kerberos: "
                                "test_foreign_kerberos.py",
    "impacket as acceptor": "has none for callers, only inside its SMB server",
}
RESULTS: Results = {}


@pytest.fixture(scope="module")
def realm(request: pytest.FixtureRequest) -> Iterator[Realm]:
    with Realm() as live:
        yield live
    print_matrix(request.config, RESULTS, NOTHING)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_peer(realm: Realm, row: Row, tmp_path: Path) -> None:
    play(row, realm, tmp_path, RESULTS)
