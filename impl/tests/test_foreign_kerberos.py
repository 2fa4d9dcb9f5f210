# SPDX-License-Identifier: Apache-2.0
"""Kerberos against MIT's and Heimdal's GSSAPI and Samba's gensec, live, both directions: legs, key types, message
protection and its refusals, channel bindings, delegation.

    make peers        installs the peers' packages, runs this, prints the matrix
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import product
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from foreign import Refused, sign_both_ways  # noqa: E402  (needs the line above)
from foreign_kerberos import BAD_BINDINGS, CHECKS, DELEGATE, ENCTYPES, KerberosRow, Pair  # noqa: E402
from foreign_matrix import FROM_PEER, TO_PEER, Realm, Results, fill, need, print_matrix  # noqa: E402

NOT_DCE = "signs header and trailer in DCE style only"
NO_IOV = "Samba's Python module has gensec_wrap and gensec_sign_packet, not gensec_seal_packet"
NO_RC4 = "Heimdal's gss_unwrap_iov takes no RC4 messages in DCE style, not even its own"
NO_CACHE = "Heimdal's GSS acceptor keeps no replay cache"
ORDERED = ("one leg", "mutual", "DCE style")


def row(peer: str, package: str, direction: str, style: str, enctype: str) -> KerberosRow:
    cannot = {} if style == "DCE style" else {"RPC": NOT_DCE}
    if (peer, direction) == ("Heimdal", TO_PEER):
        cannot["replay refused"] = NO_CACHE
    if (peer, enctype, style) == ("Heimdal", "rc4", "DCE style"):
        cannot["RPC"] = NO_RC4
    return KerberosRow(peer, package, direction, cannot, variant=f"{style}, {enctype}", style=style, enctype=enctype)


WAYS = (TO_PEER, FROM_PEER)
ROWS = (*(row(peer, "Kerberos", *rest) for peer in ("MIT", "Heimdal") for rest in product(WAYS, ORDERED, ENCTYPES)),
        *(row(peer, "Negotiate", *rest) for peer in ("MIT", "Heimdal")
          for rest in product(WAYS, ORDERED, ("aes256", "rc4"))),
        *(row(*rest, "one leg, no order", "aes256") for rest in (
            ("MIT", "Kerberos", TO_PEER), ("MIT", "Kerberos", FROM_PEER), ("Heimdal", "Kerberos", FROM_PEER))))
NOTHING = {
    "libsspi -> Heimdal, one leg, no order": "its acceptor, asked neither for mutual authentication nor for the order "
                                             "of messages, numbers its own from 0 instead of the initiator's number",
    "Heimdal -> libsspi, one leg with sequence detection": "its initiator expects messages from 0 then, and reports a "
                                                           "gap with every acceptor, its own too",
}
SAMBA = {"integrity only": NO_IOV, "RPC": NO_IOV}
ROWS += tuple(KerberosRow("Samba", *rest, SAMBA, variant=f"{style}, {enctype}", style=style, enctype=enctype)
              for rest, style, enctype in product(product(("Kerberos", "Negotiate"), WAYS),
                                                  ("mutual", "DCE style"), ("aes256", "rc4")))
RESULTS: Results = {}


@pytest.fixture(scope="module")
def realm(request: pytest.FixtureRequest) -> Iterator[Realm]:
    with Realm() as live:
        yield live
    print_matrix(request.config, RESULTS, NOTHING, columns=tuple(CHECKS))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_kerberos(realm: Realm, row: KerberosRow, tmp_path: Path) -> None:
    need(row)
    with ExitStack() as stack:
        pair = Pair(realm, row, tmp_path, stack)
        fill(row, {column: partial(check, pair) for column, check in CHECKS.items()}, RESULTS)


HERE, ELSEWHERE = "tls-server-end-point:this", "tls-server-end-point:that"
Paired = Callable[..., Pair]


@pytest.fixture
def paired(realm: Realm, tmp_path: Path) -> Iterator[Paired]:
    def make(peer: str, package: str, direction: str, enctype: str = "aes256") -> Pair:
        wanted = row(peer, package, direction, "mutual", enctype)
        need(wanted)
        return Pair(realm, wanted, tmp_path, stack)

    with ExitStack() as stack:
        yield make


@pytest.mark.parametrize("direction", WAYS)
@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
@pytest.mark.parametrize("peer", ["MIT", "Heimdal"])
@pytest.mark.parametrize("client,server", [(HERE, HERE), (HERE, ELSEWHERE), ("", HERE), (HERE, ""), ("", "")],
                         ids=["same", "other", "client without", "server without", "neither"])
def test_bindings(paired: Paired, peer: str, package: str, direction: str, client: str, server: str) -> None:
    pair = paired(peer, package, direction)
    ours, theirs = (client, server) if direction == TO_PEER else (server, client)
    pair.ours.bindings = ours.encode()
    pair.theirs.given = {**pair.theirs.given, "bindings": theirs}
    lenient = peer == "Heimdal" and pair.server is pair.theirs and not client  # lets who has no bindings pass
    if server in ("", client) or lenient:
        pair.establish()
        return
    with pytest.raises(Refused) as refusal:
        pair.establish()
    if pair.server is pair.ours:
        assert refusal.value.during is pair.ours and str(refusal.value) == BAD_BINDINGS


@pytest.mark.parametrize("enctype", ["aes256", "rc4"])
@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
@pytest.mark.parametrize("peer", ["MIT", "Heimdal"])
@pytest.mark.parametrize("host,handed_on", [("deleg.sspi.test", True), ("web.sspi.test", False)])
def test_delegation_to_a_peer(paired: Paired, peer: str, package: str, enctype: str, host: str, handed_on: bool
                              ) -> None:
    """To a service that is trusted for it (OK-AS-DELEGATE), which then is who it says."""
    pair = paired(peer, package, TO_PEER, enctype)
    pair.establish(DELEGATE, host)
    assert bool(pair.ours.attributes & DELEGATE) is bool(pair.theirs.about()[0] & DELEGATE) is handed_on
    if handed_on:
        second = pair.theirs.delegated()
        pair.ours.start("accept", "Kerberos", "")
        assert pair.ours.step(second) == (b"", True)
        assert pair.ours.name() == "SSPI.TEST\\alice"


@pytest.mark.parametrize("enctype", ["aes256", "rc4"])
@pytest.mark.parametrize("package", ["Kerberos", "Negotiate"])
@pytest.mark.parametrize("peer", ["MIT", "Heimdal"])
def test_delegation_of_a_peer(paired: Paired, peer: str, package: str, enctype: str) -> None:
    """GSS peers hand on when asked, whatever OK-AS-DELEGATE says; the server goes on as its client."""
    pair = paired(peer, package, FROM_PEER, enctype)
    pair.establish(DELEGATE)
    assert pair.ours.attributes & DELEGATE and pair.theirs.about()[0] & DELEGATE
    sign_both_ways((pair.ours, pair.theirs))
    with pair.ours.impersonating():
        pair.ours.start("initiate", "Kerberos", "")
        onward, _ = pair.ours.step(b"")
    pair.theirs.start("accept", "Kerberos", "")
    pair.theirs.step(onward)
    assert pair.theirs.about()[1] == "alice@SSPI.TEST"
