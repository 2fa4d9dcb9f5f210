# SPDX-License-Identifier: Apache-2.0
"""What NTLM can agree on besides the usual, live against Samba, ntlm_auth and gss-ntlmssp: shorter keys, the session
security of NTLM 1, no key exchange, OEM, NTLMv1 responses. The file of accounts answers, since the realm's winbindd
takes NTLMv2 only."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from foreign import Lines, Refused, refuses  # noqa: E402  (needs the line above)
from foreign_matrix import FROM_PEER, TO_PEER, Realm, Results, Row, Table, need, play, print_matrix  # noqa: E402

FILE = "authority = file"
V1 = {"client ntlmv2 auth": "no"}


def samba(variant: str, *agreed: str, settings: tuple[str, ...] = (), v1: bool = False, **options: str) -> Row:
    """Samba's client, told to do without something."""
    told = {name if " " in name else f"ntlmssp_client:{name}": value for name, value in options.items()}
    told |= V1 if v1 else {}
    # Of a signature of NTLM 1 Samba does not look at version and pad.
    places = (8, 12, 16, -1) if "no ESS" in agreed else (0, 8, 12, 16, -1)
    return Row("Samba gensec", "NTLM", FROM_PEER, variant=variant, settings=(FILE, *settings), options=told,
               agreed=agreed + (("NTLMv1",) if v1 else ()), places=places)


def gss(direction: str, level: int, *agreed: str, settings: tuple[str, ...]) -> Row:
    """gss-ntlmssp under an LmCompatibilityLevel of its own."""
    return Row("gss-ntlmssp", "NTLM", direction, empty=False, variant=f"its LM_COMPAT_LEVEL {level}, our {settings[0]}",
               settings=(FILE, *settings), options={"LM_COMPAT_LEVEL": str(level)}, agreed=agreed)


BITS_56, BITS_40 = {"128bit": "no", "56bit": "yes"}, {"128bit": "no", "56bit": "no"}
OLD = ("lm-level = 3",)  # said, not defaulted: an acceptor that takes NTLMv1 responses
NO_ESS = "NTLM 1 session security"
ROWS = (
    samba("no key exchange", "no key exchange", "ESS", "128", keyexchange="no"),
    samba("56 bit", "no 128", "56", "ESS", **BITS_56),
    samba("40 bit", "no 128", "no 56", "ESS", **BITS_40),
    samba("40 bit, no key exchange", "no 128", "no 56", "no key exchange", keyexchange="no", **BITS_40),
    samba("OEM", "OEM", "no Unicode", unicode="no"),
    samba("NTLMv1 response", "ESS", v1=True, settings=OLD),
    samba(NO_ESS, "no ESS", "128", v1=True, settings=OLD, ntlm2="no"),
    samba(f"{NO_ESS}, 56 bit", "no ESS", "no 128", "56", v1=True, settings=OLD, ntlm2="no", **BITS_56),
    samba(f"{NO_ESS}, 40 bit", "no ESS", "no 128", "no 56", v1=True, settings=OLD, ntlm2="no", **BITS_40),
    samba(f"{NO_ESS}, no key exchange", "no ESS", "no key exchange", v1=True, settings=OLD, ntlm2="no",
          keyexchange="no"),
    # At level 0 its acceptor knows no extended session security, and takes the LM key.
    *(gss(TO_PEER, 0, "no ESS", "LM key", *agreed, settings=(f"lm-level = {level}",)) for level, agreed in enumerate((
        ("NTLMv1",), ("NTLMv1",), ("NTLMv1",), (), (), ()))),
    *(gss(TO_PEER, 2, *agreed, settings=(f"lm-level = {level}",)) for level, agreed in enumerate((
        ("no ESS", "NTLMv1"), ("ESS", "NTLMv1"), ("ESS", "NTLMv1"), ("ESS",)))),
    *(gss(FROM_PEER, level, *agreed, settings=OLD) for level, agreed in enumerate((
        ("no ESS", "NTLMv1"), ("ESS", "NTLMv1"), ("ESS", "NTLMv1"), ("ESS",), ("ESS",), ("ESS",)))),
)
# The acceptor's policy: nobody gets in, and libsspi says why.
REFUSED = (
    (samba("NTLMv1 by default", v1=True), "0x8009030c"),
    (samba("NTLMv1 at level 5", v1=True, settings=("lm-level = 5",)), "0x8009030c"),
    (samba("56 bit, 128 required", settings=("require-128 = yes",), **BITS_56), "0x80090302"),
    (samba("block-incoming", settings=("block-incoming = yes",)), "0x80090302"),
)
RESULTS: Results = {}


@pytest.fixture(scope="module")
def realm(request: pytest.FixtureRequest) -> Iterator[Realm]:
    with Realm() as live:
        yield live
    print_matrix(request.config, RESULTS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_variant(realm: Realm, row: Row, tmp_path: Path) -> None:
    play(row, realm, tmp_path, RESULTS)


@pytest.mark.parametrize("row,status", REFUSED, ids=str)
def test_policy(realm: Realm, row: Row, status: str, tmp_path: Path) -> None:
    need(row)
    with ExitStack() as stack, pytest.raises(Refused) as refusal:
        Table(realm, row, tmp_path, stack).establish()
    assert str(refusal.value) == status


def test_datagrams(realm: Realm, tmp_path: Path) -> None:
    """Without a connection the server speaks first. Not the other way round: MIT's mechglue gives a token of no bytes
    to SPNEGO, so that gss-ntlmssp's acceptor cannot be told to begin. Nor sealed: it encrypts with what is left of the
    key stream of the message before (MS-NLMP 3.4.3 begins a new one for each). And only number 0, since it numbers
    nothing by itself."""
    row = gss(FROM_PEER, 5, settings=OLD)
    need(row)
    with ExitStack() as stack:
        table = Table(realm, row, tmp_path, stack)
        ours, theirs = table.ours, table.peer
        assert isinstance(theirs, Lines)
        ours.datagram, theirs.given = 0x400, {**theirs.given, "datagram": "yes"}
        theirs.start("initiate", "NTLM", table.password)
        ours.start("accept", "NTLM", "")
        assert theirs.step(b"") == (b"", False)
        challenge, _ = ours.step(b"")
        authenticate, done = theirs.step(challenge)
        assert done and ours.step(authenticate) == (b"", True)
        assert ours.key() == theirs.key()
        for sender, receiver in ((ours, theirs), (theirs, ours)):
            signature = sender.sign(b"a message")
            refuses(receiver, "verify", b"a massage", signature)
            receiver.verify(b"a message", signature)
