# SPDX-License-Identifier: Apache-2.0
"""What the realm holds, asked through the tools its users have: kinit, kvno, klist, wbinfo, ntlm_auth."""
from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from realm import Realm, RealmError
from realm.accounts import nt_hash, smbpasswd_line
from realm.kdc import ENCTYPES

KERBEROS = {
    "expired": "Client's entry in database has expired",
    "disabled": "Client's credentials have been revoked",
    "locked": "Client's credentials have been revoked",
    "password-expired": "Password expired",
}
NTLM = {
    "expired": "0xc0000193", "disabled": "0xc0000072", "locked": "0xc0000234", "password-expired": "0xc0000224",
}
USABLE = ("normal", "second", "no-preauth")


def run(realm: Realm, *argv: str, winbind: bool = False) -> subprocess.CompletedProcess[str]:
    environment = realm.environment() | (realm.winbind_environment() if winbind else {})
    return subprocess.run(argv, env=environment, text=True, check=False, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def ntlm(realm: Realm, user: str, password: str, domain: str = "NTDOM") -> str:
    """'0x0' or the NT status with which a logon failed."""
    done = run(realm, "ntlm_auth", f"--username={user}", f"--domain={domain}", f"--password={password}", winbind=True)
    status = re.search(r"\((0x[0-9a-f]+)\)", done.stdout)
    assert status, done.stdout
    assert (done.returncode == 0) == (status[1] == "0x0")
    return status[1]


@pytest.mark.parametrize("key", USABLE)
def test_usable_accounts_get_tickets_and_log_on(realm: Realm, tmp_path: Path, key: str) -> None:
    account = realm.accounts[key]
    realm.kinit(key, tmp_path / "cc")
    assert f"{account.user}@SSPI.TEST" in run(realm, "klist", "-c", str(tmp_path / "cc")).stdout
    assert ntlm(realm, account.user, account.password) == "0x0"


@pytest.mark.parametrize("key", sorted(KERBEROS))
def test_unusable_accounts_fail_for_their_own_reason(realm: Realm, tmp_path: Path, key: str) -> None:
    account = realm.accounts[key]
    with pytest.raises(RealmError, match=re.escape(KERBEROS[key])):
        realm.kinit(key, tmp_path / "cc")
    assert ntlm(realm, account.user, account.password) == NTLM[key]


def test_every_account_is_usable_or_expected_to_fail(realm: Realm) -> None:
    assert set(realm.accounts) == set(USABLE) | set(NTLM) == set(USABLE) | set(KERBEROS)


def test_wrong_password_and_unknown_user(realm: Realm) -> None:
    assert ntlm(realm, "alice", "wrong") == "0xc000006a"
    assert ntlm(realm, "stranger", "wrong") == "0xc0000064"


def test_only_nora_gets_a_ticket_without_preauthentication(realm: Realm) -> None:
    log = realm.folder / "kdc" / "requests.log"
    for key, asked in (("normal", True), ("no-preauth", False)):
        start = log.stat().st_size
        realm.kinit(key, realm.folder / f"preauth-{key}")
        assert ("NEEDED_PREAUTH" in log.read_text()[start:]) == asked


def test_each_service_ticket_fits_its_own_keytab(realm: Realm, tmp_path: Path) -> None:
    cache = tmp_path / "cc"
    cache.write_bytes(realm.master_ccache("normal").read_bytes())
    for service in realm.services.values():
        done = run(realm, "kvno", "-c", str(cache), "-k", str(service.keytab), service.spn)
        assert ("keytab entry valid" in done.stdout) != service.rekeyed
    listed = run(realm, "klist", "-f", "-c", str(cache)).stdout
    flags = dict(re.findall(r"  (\S+)@SSPI\.TEST\n\tFlags: (\w+)", listed))
    assert {spn: "O" in flags[spn] for spn in (service.spn for service in realm.services.values())} == {
        service.spn: service.ok_as_delegate for service in realm.services.values()}


def test_keytabs_hold_what_they_say_with_all_enctypes(realm: Realm) -> None:
    def content(keytab: Path) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for spn, enctype in re.findall(r"(\S+)@SSPI\.TEST \((?:DEPRECATED:)?(\S+)\)",
                                       run(realm, "klist", "-ke", str(keytab)).stdout):
            found.setdefault(spn, set()).add(enctype)
        return found

    for service in realm.services.values():
        assert content(service.keytab) == {service.spn: set(service.enctypes or ENCTYPES)}
    assert content(realm.keytab) == {service.spn: set(service.enctypes or ENCTYPES)
                                     for service in realm.services.values()}


@pytest.mark.parametrize("enctype", ENCTYPES)
def test_users_and_services_have_keys_of_each_enctype(realm: Realm, tmp_path: Path, enctype: str) -> None:
    conf = tmp_path / "krb5.conf"
    conf.write_text(re.sub(r"permitted_enctypes = .*", f"permitted_enctypes = {enctype}", realm.krb5_conf.read_text()))
    environment = realm.environment() | {"KRB5_CONFIG": str(conf), "KRB5CCNAME": f"FILE:{tmp_path}/cc"}
    for argv, text in ((["kinit", "bob"], realm.accounts["second"].password), (["kvno", "HTTP/web.sspi.test"], "")):
        subprocess.run(argv, env=environment, input=text + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
    listed = run(realm, "klist", "-e", "-c", f"{tmp_path}/cc").stdout.replace("DEPRECATED:", "")
    assert listed.count(f"Etype (skey, tkt): {enctype}, ") == 2


def test_smbpasswd_has_the_same_accounts_and_is_private(realm: Realm) -> None:
    assert realm.smbpasswd.stat().st_mode & 0o777 == 0o600
    assert realm.smbpasswd.read_text() == "".join(smbpasswd_line(account) for account in realm.accounts.values())
    assert "[DU         ]:LCT-60000000:\n" in smbpasswd_line(realm.accounts["disabled"])


def test_nt_hash_of_a_known_password() -> None:
    # [MS-NLMP] section 4.2.2.1.2: NTOWFv1 of "Password"
    assert nt_hash("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"


def test_standalone_server_knows_no_other_domain(cache: Path) -> None:
    with Realm(cache=cache, standalone=True) as alone:
        account = alone.accounts["normal"]
        assert ntlm(alone, account.user, account.password, alone.netbios) == "0x0"
        assert ntlm(alone, account.user, account.password, "ELSEWHERE") == "0xc000005e"


def test_end_points_follow_each_certificates_signature(realm: Realm) -> None:
    prefix = b"tls-server-end-point:"
    assert realm.tls.tls_server_end_point() == prefix + hashlib.sha256(realm.tls.der).digest()
    assert realm.tls.other_end_point() == prefix + hashlib.sha384(realm.tls.other_der).digest()
    shown = run(realm, "openssl", "x509", "-in", str(realm.tls.certificate), "-noout", "-text").stdout
    assert "ecdsa-with-SHA256" in shown and "DNS:web.sspi.test" in shown


def test_a_whole_ntlm_exchange_is_verified_by_winbindd(realm: Realm) -> None:
    """Samba's own client and server helpers: the server asks winbindd through its privileged pipe."""
    environment = realm.environment() | realm.winbind_environment()
    account = realm.accounts["normal"]

    def helper(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(["ntlm_auth", *options], env=environment, text=True, bufsize=1,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(process: subprocess.Popen[str], line: str) -> str:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(line + "\n")
        return process.stdout.readline().strip()

    with helper("--helper-protocol=ntlmssp-client-1", f"--username={account.user}", f"--domain={realm.domain}",
                f"--password={account.password}") as client, helper("--helper-protocol=squid-2.5-ntlmssp") as server:
        negotiate = say(client, "YR").split()[1]
        challenge = say(server, f"YR {negotiate}").split()[1]
        authenticate = say(client, f"TT {challenge}").split()[1]
        assert say(server, f"KK {authenticate}") == f"AF {account.user}"
        for process in (client, server):
            assert process.stdin is not None
            process.stdin.close()
