# SPDX-License-Identifier: Apache-2.0
"""libsspi inside an Active Directory domain: an LDAP client on it, and a service that speaks for users (S4U2Self)."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from foreign import CHECKOUT, SANITIZED  # noqa: E402  (needs the line above)
from realm import AdRealm  # noqa: E402
from realm.ad import why_not  # noqa: E402

BUILD = CHECKOUT / os.environ.get("SSPI_CONFORM_BUILD", "build")
CLIENT = BUILD / "examples" / "ldap-search"
BASE = "DC=ad,DC=sspi,DC=test"
NO_CREDENTIALS, NO_IMPERSONATION, LOGON_DENIED = 0x8009030E, 0x8009030B, 0x8009030C


@pytest.fixture(scope="module")
def domain() -> Iterator[AdRealm]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with AdRealm() as domain:
        domain.kinit("normal", domain.folder / "ccache")
        yield domain


# ---- LDAP -------------------------------------------------------------------------------------------

def search(domain: AdRealm, *options: str, password: str = "", filter_: str = "sAMAccountName=bob",
           base: str = BASE) -> subprocess.CompletedProcess[str]:
    """One run of the example."""
    assert CLIENT.is_file(), f"there is no {CLIENT}: make examples"
    argv = [str(CLIENT), *options, domain.dc_host, base, filter_, "sAMAccountName", "objectSid"]
    return subprocess.run(domain.command(argv), env=domain.environment() | SANITIZED, input=f"{password}\n",
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("options, password, how", [
    ([], "", "Kerberos, signed and sealed"),
    (["-s"], "", "Kerberos, signed"),
    (["-u", r"AD.SSPI.TEST\alice"], "Alice-knows-7", "Kerberos, signed and sealed"),
    (["-n", "-u", r"ADSSPI\alice"], "Alice-knows-7", "NTLM, signed and sealed"),
    (["-n", "-s", "-u", r"ADSSPI\alice"], "Alice-knows-7", "NTLM, signed"),
])
def test_a_search_is_answered(domain: AdRealm, options: list[str], password: str, how: str) -> None:
    done = search(domain, *options, password=password)
    assert (done.returncode, done.stderr) == (0, f"bound with {how}\n")
    lines = done.stdout.splitlines()
    assert lines[0] == f"dn: CN=bob,CN=Users,{BASE}"
    assert {"sAMAccountName: bob", "objectSid: (28 octets)"} <= set(lines)


def test_many_entries(domain: AdRealm) -> None:
    """Several frames, each with messages of its own."""
    done = search(domain, filter_="objectClass=person")
    assert done.returncode == 0
    assert sum(line.startswith("dn: ") for line in done.stdout.splitlines()) >= len(domain.accounts)


@pytest.mark.parametrize("options", [["-n", "-u", r"ADSSPI\alice"], ["-u", r"AD.SSPI.TEST\alice"]])
def test_a_wrong_password(domain: AdRealm, options: list[str]) -> None:
    done = search(domain, *options, password="wrong")
    assert done.returncode == 1 and not done.stdout
    # NTLM: the server refuses the bind; Kerberos: the KDC refuses, and NTLM is tried then.
    assert done.stderr.startswith(("the server says 49", "InitializeSecurityContext: 0x8009030c"))


def test_an_answer_under_protection_that_is_no_success(domain: AdRealm) -> None:
    done = search(domain, base="DC=nowhere")
    assert done.returncode == 1 and "the server says" in done.stderr


# ---- S4U2Self ---------------------------------------------------------------------------------------

def for_a_user(domain: AdRealm, user: str, target: str = "http", package: str = "Kerberos", service: str = "front",
               identity: tuple[str, ...] = ()) -> dict[str, object]:
    """What for_a_user.py found, with the ticket cache empty."""
    script = Path(__file__).with_name("for_a_user.py")
    argv = [sys.executable, str(script), package, domain.services[service].spn, user, domain.services[target].spn, *identity]
    environment = domain.environment() | SANITIZED | {
        "KRB5CCNAME": f"FILE:{domain.folder}/no-ccache"}
    if "LIBSSPI" in os.environ:
        environment["LIBSSPI"] = os.environ["LIBSSPI"]
    done = subprocess.run(domain.command(argv), env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("package, user, identity", [
    ("Kerberos", "alice", ()),
    ("Kerberos", "alice@AD.SSPI.TEST", ()),
    ("Negotiate", "bob", ()),
    ("Kerberos", "alice", ("svc-front", "AD.SSPI.TEST", "Front-service-4")),
])
def test_speaking_for_a_user(domain: AdRealm, package: str, user: str, identity: tuple[str, ...]) -> None:
    plain = user.partition("@")[0]
    assert for_a_user(domain, user, package=package, identity=identity) == {
        "impersonate": 0, "client": 0, "server": 0, "as": f"AD.SSPI.TEST\\{plain}", "afterwards": NO_CREDENTIALS}


def test_only_where_the_directory_lets_it(domain: AdRealm) -> None:
    assert for_a_user(domain, "alice", target="cifs") == {
        "impersonate": 0, "client": NO_CREDENTIALS, "server": 0, "afterwards": NO_CREDENTIALS}


@pytest.mark.parametrize("user, service, status", [
    ("paul", "front", NO_IMPERSONATION),  # in Protected Users
    ("alice", "cifs", NO_IMPERSONATION),  # a service that may not act for users
    ("nobody", "front", LOGON_DENIED),
])
def test_users_that_nobody_speaks_for(domain: AdRealm, user: str, service: str, status: int) -> None:
    assert for_a_user(domain, user, service=service) == {"impersonate": status, "afterwards": NO_CREDENTIALS}


def test_ntlm_cannot(domain: AdRealm) -> None:
    assert for_a_user(domain, "alice", package="NTLM")["impersonate"] == 0x80090302  # SEC_E_UNSUPPORTED_FUNCTION
