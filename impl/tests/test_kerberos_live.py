# SPDX-License-Identifier: Apache-2.0
"""libsspi's Kerberos with a live KDC: passwords, accounts in every state, tickets, delegation, outage."""
from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import kerberos_sspi as sspi  # noqa: E402  (needs the line above)
from kerberos_sspi import CONF, CONTINUE, DELEGATE, INBOUND, ISC_INTEGRITY, MUTUAL, OK, OUTBOUND  # noqa: E402
from kerberos_world import Realm, world  # noqa: E402
from realm.ticket import alter  # noqa: E402  (kerberos_world leads to it)

LOGON_DENIED, NO_CREDENTIALS, NO_AUTHORITY, TARGET_UNKNOWN = 0x8009030C, 0x8009030E, 0x80090311, 0x80090303
ALICE = ("alice", "SSPI.TEST", "Alice-knows-7")


@pytest.fixture
def realm() -> Iterator[Realm]:
    with Realm() as live, world(live):
        yield live


def first(identity: tuple[str, str, str | None] | None = None, target: str = "HTTP/web.sspi.test",
          flags: int = MUTUAL) -> int:
    """The status of the first InitializeSecurityContext."""
    return sspi.Context(sspi.Credential(OUTBOUND, identity=identity), True, flags, target=target).leg().status


def test_passwords_and_accounts(realm: Realm) -> None:
    for key, account in realm.accounts.items():
        usable = key in ("normal", "second", "no-preauth")
        assert first((account.user, "SSPI.TEST", account.password)) == (CONTINUE if usable else LOGON_DENIED), key
        assert first((account.user, "SSPI.TEST", account.password + "x")) == LOGON_DENIED, key
    assert first(("nobody", "SSPI.TEST", "x")) == LOGON_DENIED


def test_realm_in_any_case_or_left_out(realm: Realm) -> None:
    for domain in ("sspi.test", "Sspi.Test", "", None):
        assert first(("alice", domain, "Alice-knows-7")) == CONTINUE
    assert first(("alice@SSPI.TEST", None, "Alice-knows-7")) == CONTINUE
    assert first(("alice", "NOWHERE.TEST", "Alice-knows-7")) == NO_AUTHORITY


def test_a_wrong_password_is_not_saved_by_a_ticket_that_lies_around(realm: Realm) -> None:
    assert first() == CONTINUE
    assert first(("alice", "SSPI.TEST", "wrong")) == LOGON_DENIED


def test_targets(realm: Realm) -> None:
    assert first(target="HTTP/nobody.sspi.test") == TARGET_UNKNOWN
    assert first(target="HTTP/web.sspi.test@SSPI.TEST") == CONTINUE
    assert first(target="HTTP/x@NOWHERE.TEST") in (TARGET_UNKNOWN, NO_AUTHORITY)
    assert first(target="") == TARGET_UNKNOWN
    assert first(target="a/b@c@d") == TARGET_UNKNOWN


def test_no_ticket_no_credentials(realm: Realm) -> None:
    (realm.folder / "ccache").unlink()
    assert sspi.Credential(OUTBOUND).status == OK
    assert first() == NO_CREDENTIALS


def test_no_password_no_credential(realm: Realm) -> None:
    assert sspi.Credential(OUTBOUND, identity=("alice", "SSPI.TEST", None)).status == NO_CREDENTIALS


def test_the_password_is_asked_for_once(realm: Realm) -> None:
    credential = sspi.Credential(OUTBOUND, identity=ALICE)
    server = sspi.Credential(INBOUND)
    for turn in range(3):
        client = sspi.Context(credential, True, MUTUAL | CONF | ISC_INTEGRITY)
        acceptor = sspi.Context(server, False, 0)
        out, _ = sspi.establish(client, acceptor)
        assert out.status == OK and acceptor.name() == "SSPI.TEST\\alice"
        token, data = client.seal(b"from alice")
        assert acceptor.unseal(token + data) == (OK, b"from alice", 0)
        if turn == 0:
            realm.stop_kdc()
    assert first(ALICE) == NO_AUTHORITY  # a new credential asks again


def test_service_tickets_stay_in_the_cache_of_the_user(realm: Realm) -> None:
    def service_tickets() -> int:
        listing = subprocess.run(["klist"], env=os.environ, capture_output=True, text=True, check=True).stdout
        return listing.count("cifs/web.sspi.test")
    credential = sspi.Credential(OUTBOUND)
    for _ in range(3):
        assert sspi.Context(credential, True, MUTUAL, target="cifs/web.sspi.test").leg().status == CONTINUE
    assert service_tickets() == 1  # libkrb5 may note a second one under the empty realm; it must not grow


def test_kdc_gone(realm: Realm) -> None:
    assert first(target="ldap/web.sspi.test") == CONTINUE
    realm.stop_kdc()
    assert first(target="ldap/web.sspi.test") == CONTINUE  # the ticket is there
    assert first(target="cifs/web.sspi.test") == NO_AUTHORITY
    assert first(ALICE) == NO_AUTHORITY
    realm.start_kdc()
    deadline = time.monotonic() + 5  # libkrb5 looks for a changed krb5.conf once a second
    while first(ALICE) != CONTINUE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("target,flags,granted", [
    ("HTTP/deleg.sspi.test", DELEGATE | MUTUAL, True),
    ("HTTP/deleg.sspi.test", DELEGATE, False),  # only together with MUTUAL_AUTH
    ("HTTP/web.sspi.test", DELEGATE | MUTUAL, False)])  # the KDC does not mark it OK-AS-DELEGATE
def test_delegation(realm: Realm, target: str, flags: int, granted: bool) -> None:
    client = sspi.Context(sspi.Credential(OUTBOUND, identity=ALICE), True, flags, target=target)
    server = sspi.Context(sspi.Credential(INBOUND), False, DELEGATE)
    out, back = sspi.establish(client, server)
    assert (out.status, back.status) == (OK, OK)
    assert bool(out.flags & DELEGATE) is granted and bool(back.flags & DELEGATE) is granted


def test_ticket_for_another_service(realm: Realm) -> None:
    client = sspi.Context(sspi.Credential(OUTBOUND), True, MUTUAL)
    server = sspi.Context(sspi.Credential(INBOUND, principal="cifs/web.sspi.test"), False, 0)
    assert server.leg(client.leg().token).status == LOGON_DENIED


@pytest.fixture
def trusting() -> Iterator[Realm]:
    with Realm(trust=True) as live, world(live):
        yield live


def accepted(client: sspi.Context) -> sspi.Context:
    """The acceptor's context after one leg that went well."""
    server = sspi.Context(sspi.Credential(INBOUND), False, 0)
    assert server.leg(client.leg().token).status == OK
    return server


@pytest.mark.parametrize("target", ["HTTP/web.partner.test", "HTTP/web.partner.test@PARTNER.TEST"])
def test_a_service_of_another_realm(trusting: Realm, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{trusting.services['partner'].keytab}")
    server = accepted(sspi.Context(sspi.Credential(OUTBOUND), True, 0, target=target))
    assert server.name() == "SSPI.TEST\\alice"
    assert server.claimed_target() == "HTTP/web.partner.test@PARTNER.TEST"  # whoever found out which realm it is


def test_a_client_of_another_realm(trusting: Realm) -> None:
    account = trusting.accounts["partner"]
    credential = sspi.Credential(OUTBOUND, identity=(account.user, account.realm, account.password))
    assert accepted(sspi.Context(credential, True, 0)).name() == "PARTNER.TEST\\petra"
    trusting.kill("partner-kdc")
    fresh = sspi.Credential(OUTBOUND, identity=(account.user, account.realm, account.password))
    assert sspi.Context(fresh, True, 0).leg().status == NO_AUTHORITY


@pytest.mark.parametrize(("edit", "status"), [
    ("just-over", OK), ("no-pac", OK), ("expired", 0x80090317), ("not-yet-valid", 0x80090324),
    ("pac-signature", LOGON_DENIED), ("pac-altered", LOGON_DENIED)])
def test_tickets_that_no_kdc_issued(realm: Realm, edit: str, status: int) -> None:
    spn = "HTTP/web.sspi.test"
    subprocess.run(["kvno", "-q", spn], env=os.environ, check=True)
    alter(realm.folder / "ccache", realm.services["http"].keytab, spn, edit)
    client = sspi.Context(sspi.Credential(OUTBOUND), True, 0)
    assert sspi.Context(sspi.Credential(INBOUND), False, 0).leg(client.leg().token).status == status
