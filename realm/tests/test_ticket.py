# SPDX-License-Identifier: Apache-2.0
"""Altered tickets: what an acceptor that is not ours says of each."""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from realm import Realm, RealmError
from realm.ticket import alter, edits, let_end

ACCEPT = """
import gssapi
name = gssapi.Name("HTTP/web.sspi.test", gssapi.NameType.kerberos_principal)
client = gssapi.SecurityContext(name=name, usage="initiate")
server = gssapi.SecurityContext(usage="accept")
token = client.step()
try:
    server.step(token)
    assert server.complete
except gssapi.exceptions.GSSError:
    print("refused")
else:
    try:
        print("verified" if "urn:mspac:" in server.initiator_name.attributes else "not verified")
    except gssapi.exceptions.GSSError:
        print("not verified")
"""


def cache_with_ticket(realm: Realm, path: Path) -> dict[str, str]:
    shutil.copyfile(realm.master_ccache("normal"), path)
    environment = realm.environment() | {"KRB5CCNAME": f"FILE:{path}", "KRB5RCACHENAME": "none:"}
    subprocess.run(["kvno", "-q", "HTTP/web.sspi.test"], env=environment, check=True)
    return environment


def accepted(environment: dict[str, str]) -> str:
    done = subprocess.run(["/usr/bin/python3", "-c", ACCEPT], env=environment, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(("edit", "said"), [
    ("expired", "refused"), ("just-over", "verified"), ("not-yet-valid", "refused"), ("fixed-times", "verified"),
    ("invalid", "refused"), ("no-pac", "not verified"), ("pac-cut", "refused"),
    ("pac-signature", "not verified"), ("pac-altered", "not verified"),  # MIT lets the client in all the same
])
def test_what_mit_says(realm: Realm, tmp_path: Path, edit: str, said: str) -> None:
    pytest.importorskip("gssapi", reason="apt-get install python3-gssapi")
    cache = tmp_path / "cc"
    environment = cache_with_ticket(realm, cache)
    assert accepted(environment) == "verified"
    alter(cache, realm.services["http"].keytab, "HTTP/web.sspi.test", edit)
    assert accepted(environment) == said


def test_every_edit_changes_the_ticket_alone(realm: Realm, tmp_path: Path) -> None:
    for edit in edits():
        cache = tmp_path / edit
        environment = cache_with_ticket(realm, cache)
        before = cache.read_bytes()
        alter(cache, realm.services["http"].keytab, "HTTP/web.sspi.test", edit)
        assert cache.read_bytes() != before
        listed = subprocess.run(["klist", "-f"], env=environment, check=True, text=True, stdout=subprocess.PIPE).stdout
        assert listed.count("@SSPI.TEST") == 3, listed  # its owner, the TGT, the ticket


def test_what_cannot_be(realm: Realm, tmp_path: Path) -> None:
    cache = tmp_path / "cc"
    cache_with_ticket(realm, cache)
    with pytest.raises(RealmError, match="there is no ticket for HTTP/nobody"):
        alter(cache, realm.services["http"].keytab, "HTTP/nobody", "expired")
    with pytest.raises(RealmError, match="another key sealed it"):
        alter(cache, realm.services["cifs"].keytab, "HTTP/web.sspi.test", "expired")
    alter(cache, realm.services["http"].keytab, "HTTP/web.sspi.test", "no-pac")
    with pytest.raises(RealmError, match="the ticket has no PAC"):
        alter(cache, realm.services["http"].keytab, "HTTP/web.sspi.test", "pac-cut")


def test_a_service_whose_tickets_have_no_pac(realm: Realm, tmp_path: Path) -> None:
    cache = tmp_path / "cc"
    shutil.copyfile(realm.master_ccache("normal"), cache)
    service = realm.services["no-pac"]
    subprocess.run(["kvno", "-q", "-c", f"FILE:{cache}", service.spn], env=realm.environment(), check=True)
    with pytest.raises(RealmError, match="the ticket has no PAC"):
        alter(cache, service.keytab, service.spn, "pac-cut")


def test_tickets_that_ended(realm: Realm, tmp_path: Path) -> None:
    cache = tmp_path / "cc"
    environment = cache_with_ticket(realm, cache)
    let_end(cache)
    assert subprocess.run(["klist", "-s"], env=environment, check=False).returncode == 1
    done = subprocess.run(["kvno", realm.services["cifs"].spn], env=environment, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert "Ticket expired" in done.stdout
