# SPDX-License-Identifier: Apache-2.0
"""What surrounds an endpoint: tickets, zones, identities of another realm."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sspi_conform.model import Case
from sspi_conform.world import Connections, Surroundings, filled_in, furnish, home_of, surroundings_of

from realm.tls import SIGNED_WITH, build_parts, tls_in
from support import case, world


def kerberos(**dotted: object) -> Case:
    return case(["establish"], package="Kerberos", mechanism="Kerberos", **dotted)


@pytest.mark.parametrize(("account", "ccache", "found"), [
    ("normal", "auto", ""), ("default", "auto", "present"), ("default", "none", ""), ("normal", "present", "present"),
    ("default", "ended", "ended"), ("default", "client-keytab", "")])
def test_tickets_that_an_initiator_finds(account: str, ccache: str, found: str) -> None:
    made = kerberos(initiator__account=account, initiator__ccache=ccache)
    assert surroundings_of(made, "initiator").tickets == found
    assert surroundings_of(made, "initiator").client_keytab is (ccache == "client-keytab")
    assert surroundings_of(made, "acceptor").tickets == ""


def test_an_altered_ticket_is_the_initiators_alone() -> None:
    made = kerberos(initiator__account="default", initiator__ticket="expired")
    assert surroundings_of(made, "initiator").altered == ("expired", "http")
    assert surroundings_of(made, "acceptor").altered is None
    labels = {surroundings_of(one, "initiator").label for one in (made, kerberos(initiator__account="default"))}
    assert len(labels) == 2


def test_zone_is_that_of_the_side(tmp_path: Path) -> None:
    made = kerberos(acceptor__zone="EST5")
    zones = {side: surroundings_of(made, side) for side in ("initiator", "acceptor")}
    assert [furnish(replace(world(), keytabs={"all": "k", "host": "h"}), around, tmp_path / side)["TZ"]
            for side, around in zones.items()] == ["UTC0", "EST5"]
    assert zones["initiator"] == Surroundings()


@pytest.mark.parametrize("authority", ["file", "none", "broken", "winbind", "standalone"])
def test_accounts_are_qualified_and_left_away_where_winbindd_is_asked(tmp_path: Path, authority: str) -> None:
    (tmp_path / "smbpasswd").write_text("alice:1000:XXXX:ABCD:[U ]:LCT-1:\nbob:1001:XXXX:EF01:[U ]:LCT-1:\n")
    here = replace(world(), smbpasswd=str(tmp_path / "smbpasswd"))
    path = Path(filled_in("{accounts}", here, Surroundings(authority), tmp_path))
    asked = authority in ("winbind", "standalone")
    assert path.exists() is not asked
    if not asked:
        lines = path.read_text().splitlines()
        assert lines[0] == ("NTDOM\\this is no account" if authority == "broken" else "NTDOM\\alice:1000:XXXX:ABCD:[U ]:LCT-1:")


def test_identity_of_another_realm() -> None:
    here = replace(world(), accounts={"normal": ("alice", "a"), "partner": ("petra", "p")}, realms={"partner": "PARTNER.TEST"})
    assert here.identity("partner", "Kerberos") == {"User": "petra", "Domain": "PARTNER.TEST", "Password": "p"}
    assert here.identity("normal", "Kerberos") == {"User": "alice", "Domain": "SSPI.TEST", "Password": "a"}
    assert here.identity("normal", "NTLM") == {"User": "alice", "Domain": "NTDOM", "Password": "a"}


@pytest.mark.parametrize(("needs", "home"), [((), False), (("trust",), "trust"), (("ad",), "ad")])
def test_home(needs: tuple[str, ...], home: object) -> None:
    assert home_of(replace(kerberos(), needs=frozenset(needs))) == home


def test_a_live_connection_binds_both_its_ends_for_as_long_as_it_is_asked_for(tmp_path: Path) -> None:
    for part in build_parts(tmp_path, "web.sspi.test"):
        part()
    connections = Connections(tls_in(tmp_path))
    client, server = (connections.end(side, "tls-unique") for side in ("initiator", "acceptor"))
    assert client == server == connections.end("initiator", "tls-unique") and client.startswith(b"tls-unique:")
    apart = [connections.end(side, "tls-unique", proxy=True) for side in ("initiator", "acceptor")]
    assert len({*apart, client}) == 3
    sizes = [len(connections.end("initiator", "tls-server-end-point", digest)) - 21 for digest in SIGNED_WITH]
    assert sizes == [32, 32, 32, 48, 64]
