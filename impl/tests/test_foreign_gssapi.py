# SPDX-License-Identifier: Apache-2.0
"""Negotiate against MIT's SPNEGO, which has Kerberos and gss-ntlmssp to choose from: both choose the first, one side
lacks it and the other comes back to the second; and channel bindings in everything."""
from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import foreign  # noqa: E402  (needs the line above)
from foreign import SANITIZED, Endpoint, Lines, Refused, Side, Sspi, handshake  # noqa: E402
from foreign_matrix import BUILD, PLUGIN, FROM_PEER, TO_PEER, Realm, Row, need  # noqa: E402

BAD_BINDINGS = "0x80090346"
NTLMSSP, KRB5 = b"NTLMSSP\0", bytes.fromhex("06092a864886f712010202")  # its AP-REQ is framed with this OID
MECHLIST_MIC = bytes.fromhex("a312 0410 01000000")  # [3] OCTET STRING, 16 bytes, version 1
HERE, ELSEWHERE = b"tls-server-end-point:this", b"tls-server-end-point:that"


class Pair:
    """libsspi and MIT GSSAPI in one realm. `keys` and `tickets`: whether the acceptor has a keytab, and MIT's side a
    ticket cache (libsspi's side has its password)."""

    def __init__(self, realm: Realm, folder: Path, stack: ExitStack, keys: bool = True, tickets: bool = True) -> None:
        self.realm, self.password = realm, realm.accounts["normal"].password
        common = realm.environment() | {"KRB5CCNAME": f"FILE:{folder}/none"}
        if not keys:
            common["KRB5_KTNAME"] = f"FILE:{folder}/none.keytab"
        (folder / "mech").write_text(f"gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 {PLUGIN}\n")
        # An identity with the realm's name is good for Kerberos; NTLM then says this name, too.
        (folder / "users").write_text("".join(f"{domain}:alice:{self.password}\n" for domain in ("NTDOM", realm.name)))
        theirs = common | {"GSS_MECH_CONFIG": str(folder / "mech"), "NTLM_USER_FILE": str(folder / "users")}
        if tickets:
            shutil.copyfile(realm.master_ccache("normal"), folder / "ccache")
            theirs["KRB5CCNAME"] = f"FILE:{folder}/ccache"
        (folder / "libsspi.conf").write_text(f"[ntlm]\nauthority = file\naccounts = {realm.smbpasswd}\n"
                                             f"netbios-name = {realm.netbios}\nnetbios-domain = {realm.domain}\n")
        ours = common | SANITIZED | {"LIBSSPI_CONFIG": str(folder / "libsspi.conf")}
        endpoint = Endpoint("libsspi", [str(BUILD / "sspi-probe"), str(BUILD / "libsspi.so")], ours, folder)
        self.ours = Sspi(stack.enter_context(endpoint), realm.name, "alice")
        self.ours.package_list = None
        self.given = {"user": "alice", "domain": realm.domain}
        self.theirs = stack.enter_context(Lines("gss_ntlmssp", theirs, self.given))

    def establish(self, direction: str, package: str = "Negotiate", said: str | None = None) -> list[bytes]:
        """`said`: the password that MIT's side is given; none, and it takes what it finds."""
        if direction == TO_PEER:
            return handshake(self.ours, self.theirs, package, self.password, "")
        return handshake(self.theirs, self.ours, package, self.password if said is None else said, "")


Paired = Callable[..., Pair]


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    with Realm() as live:
        yield live


@pytest.fixture
def pair(realm: Realm, tmp_path: Path) -> Iterator[Paired]:
    need(Row("gss-ntlmssp", "Negotiate", TO_PEER))
    with ExitStack() as stack:
        yield lambda **world: Pair(realm, tmp_path, stack, **world)


def check(pair: Pair, tokens: list[bytes], mechanism: bytes, other: bytes | None) -> None:
    """The last mechanism is this one and the first token offered the other; and messages flow."""
    carried = [token for token in tokens if mechanism in token]
    assert carried, [token.hex() for token in tokens]
    if other is not None:
        assert other in tokens[0] and mechanism not in tokens[0]
    assert pair.ours.key() == pair.theirs.key()
    foreign.sign_both_ways((pair.ours, pair.theirs))
    foreign.seal_both_ways((pair.theirs, pair.ours))


@pytest.mark.parametrize("direction", [TO_PEER, FROM_PEER])
def test_kerberos_inside(pair: Paired, direction: str) -> None:
    made = pair()
    tokens = made.establish(direction, said="")
    assert not any(NTLMSSP in token for token in tokens)
    check(made, tokens, KRB5, None)


@pytest.mark.parametrize("direction", [TO_PEER, FROM_PEER])
def test_the_acceptor_has_no_key(pair: Paired, direction: str) -> None:
    """The optimistic AP-REQ is refused, NTLM is selected, and a mechListMIC is owed (RFC 4178, 5)."""
    made = pair(keys=False)
    tokens = made.establish(direction, said="")
    assert [MECHLIST_MIC in token for token in tokens].count(True) == 2  # both sides prove the list
    check(made, tokens, NTLMSSP, KRB5)


def test_the_initiator_has_no_ticket(pair: Paired) -> None:
    made = pair(tickets=False)
    check(made, made.establish(FROM_PEER, said=""), NTLMSSP, None)


@pytest.mark.parametrize("direction", [TO_PEER, FROM_PEER])
@pytest.mark.parametrize("package,keys", [("NTLM", True), ("Negotiate", True), ("Negotiate", False)],
                         ids=["NTLM", "Negotiate/Kerberos", "Negotiate/NTLM"])
@pytest.mark.parametrize("client,server", [(HERE, HERE), (HERE, ELSEWHERE), (b"", HERE), (HERE, b"")],
                         ids=["same", "other", "client without", "server without"])
def test_bindings(pair: Paired, direction: str, package: str, keys: bool, client: bytes, server: bytes) -> None:
    made = pair(keys=keys)
    initiator: Side = made.ours if direction == TO_PEER else made.theirs
    made.ours.bindings = client if initiator is made.ours else server
    made.given["bindings"] = (server if initiator is made.ours else client).decode()
    said = None if package == "NTLM" else ""
    lenient = direction == TO_PEER and not client and not (package == "Negotiate" and keys)
    if client == server or not server or lenient:  # gss-ntlmssp lets a client without bindings pass
        made.establish(direction, package, said)
        return
    with pytest.raises(Refused) as refusal:
        made.establish(direction, package, said)
    assert refusal.value.during is not initiator
    if initiator is not made.ours:
        assert str(refusal.value) == BAD_BINDINGS
