# SPDX-License-Identifier: Apache-2.0
"""The Active Directory domain: tickets with a PAC, delegation, NTLM over Netlogon, outages, and that nothing is left."""
from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from realm import AdRealm, RealmError
from realm.ad import why_not

from .conftest import CHECKOUT, running_below, wait_for

PAC_LOGON_INFO, PAC_SERVER, PAC_KDC, PAC_CLIENT, PAC_UPN, PAC_TICKET, PAC_FULL = 1, 6, 7, 10, 12, 16, 19
# The distribution's Python, which has the gssapi module.
PYTHON = "/usr/bin/python3"
SHOW_PAC = """
import gssapi, sys
name = gssapi.Name(sys.argv[1], gssapi.NameType.kerberos_principal)
initiator, acceptor = gssapi.SecurityContext(name=name, usage="initiate"), gssapi.SecurityContext(usage="accept")
acceptor.step(initiator.step())
print(acceptor.initiator_name)
print(acceptor.initiator_name.attributes[b"urn:mspac:"].values[0].hex())
"""
HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from realm import AdRealm
with AdRealm(cache=Path(sys.argv[2]), member=True) as realm:
    print(realm.processes["keeper"], flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="session")
def ad_cache(cache: Path) -> Path:
    """The template cache; without packages or namespaces every test that needs a domain is skipped, with the reason."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    return cache


@pytest.fixture(scope="session")
def domain(ad_cache: Path) -> Iterator[AdRealm]:
    """A domain with its member, for tests that leave it as it is."""
    with AdRealm(cache=ad_cache, member=True) as live:
        yield live


@pytest.fixture
def own_domain(ad_cache: Path) -> Iterator[AdRealm]:
    """A domain with its member, for tests that damage it."""
    with AdRealm(cache=ad_cache, member=True) as live:
        yield live


def inside(realm: AdRealm, *argv: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program inside the domain, whatever comes of it."""
    return subprocess.run(realm.command(argv), env=realm.environment() | realm.winbind_environment() | more, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def ntlm(realm: AdRealm, user: str, password: str, domain: str = "ADSSPI") -> str:
    """What winbindd says to an NTLMv2 response: the status by name, NT_STATUS_OK after a success."""
    done = inside(realm, "wbinfo", "--ntlmv2", "-a", f"{domain}\\{user}%{password}")
    if "challenge/response password authentication succeeded" in done.stdout:
        return "NT_STATUS_OK"
    return done.stdout.partition("error code was ")[2].partition(" ")[0] or done.stdout


def test_ticket_has_logon_info(domain: AdRealm) -> None:
    ccache = f"FILE:{domain.master_ccache('normal')}"
    done = inside(domain, PYTHON, "-c", SHOW_PAC, domain.services["http"].spn, KRB5CCNAME=ccache)
    assert done.returncode == 0, done.stdout
    client, pac = done.stdout.split()
    assert client == "alice@AD.SSPI.TEST"
    data = bytes.fromhex(pac)
    count = struct.unpack_from("<I", data)[0]
    kinds = {struct.unpack_from("<IIQ", data, 8 + 16 * number)[0] for number in range(count)}
    assert kinds == {PAC_LOGON_INFO, PAC_SERVER, PAC_KDC, PAC_CLIENT, PAC_UPN, PAC_TICKET, PAC_FULL}
    assert "alice".encode("utf-16-le") in data and "ADSSPI".encode("utf-16-le") in data


@pytest.mark.parametrize("key", ["http", "cifs", "delegate", "front", "ldap"])
def test_service_ticket_fits_the_keytab(domain: AdRealm, key: str) -> None:
    service = domain.services[key]
    ccache = domain.folder / "masters" / f"of-{key}"
    shutil.copy(domain.master_ccache("normal"), ccache)
    domain.run(["kvno", "-c", f"FILE:{ccache}", "-k", str(service.keytab), service.spn])
    seen = domain.run(["klist", "-ef", f"FILE:{ccache}"]).partition(service.spn)[2]
    assert ("O" in seen.partition("Flags: ")[2].partition(",")[0]) == service.ok_as_delegate
    assert "aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96" in seen


def test_service_acts_for_a_user_towards_its_target_only(domain: AdRealm, tmp_path: Path) -> None:
    front, web, files = (domain.services[key] for key in ("front", "http", "cifs"))
    ccache = f"FILE:{tmp_path}/front"
    domain.run(["kinit", "-c", ccache, "-k", "-t", str(front.keytab), front.spn])
    domain.run(["kvno", "-c", ccache, "-U", "alice", front.spn])  # S4U2Self
    domain.run(["kvno", "-c", ccache, "-k", str(front.keytab), "-U", "alice", "-P", web.spn])  # and S4U2Proxy
    assert f"{web.spn}@AD.SSPI.TEST\n\tfor client alice@AD.SSPI.TEST" in domain.run(["klist", ccache])
    for user, target in (("alice", files.spn), ("paul", web.spn)):
        with pytest.raises(RealmError, match="KDC can't fulfill requested option.*constrained delegation failed"):
            domain.run(["kvno", "-c", ccache, "-k", str(front.keytab), "-U", user, "-P", target])


@pytest.mark.parametrize(("key", "said"), [
    ("expired", "have been revoked"), ("disabled", "have been revoked"), ("locked", "have been revoked"),
    ("password-expired", "Password expired"),
])
def test_kdc_refuses(domain: AdRealm, tmp_path: Path, key: str, said: str) -> None:
    with pytest.raises(RealmError, match=said):
        domain.kinit(key, tmp_path / "cc")


@pytest.mark.parametrize("key", ["second", "no-preauth", "protected", "restricted"])
def test_kdc_gives_a_ticket(domain: AdRealm, tmp_path: Path, key: str) -> None:
    domain.kinit(key, tmp_path / "cc")


@pytest.mark.parametrize(("key", "status"), [
    ("normal", "OK"), ("second", "OK"), ("no-preauth", "OK"), ("expired", "ACCOUNT_EXPIRED"),
    ("disabled", "ACCOUNT_DISABLED"), ("locked", "ACCOUNT_LOCKED_OUT"), ("password-expired", "PASSWORD_MUST_CHANGE"),
    ("protected", "ACCOUNT_RESTRICTION"), ("restricted", "INVALID_WORKSTATION"),
])
def test_member_says(domain: AdRealm, key: str, status: str) -> None:
    account = domain.accounts[key]
    assert ntlm(domain, account.user, account.password) == f"NT_STATUS_{status}"


def test_member_refuses(domain: AdRealm) -> None:
    assert ntlm(domain, "alice", "wrong") == "NT_STATUS_WRONG_PASSWORD"
    assert ntlm(domain, "stranger", "any") == "NT_STATUS_NO_SUCH_USER"
    assert ntlm(domain, "alice", "Alice-knows-7", "ELSEWHERE") == "NT_STATUS_NO_SUCH_USER"


def test_controller_checks_ntlm_without_a_member(ad_cache: Path) -> None:
    with AdRealm(cache=ad_cache) as realm:
        assert set(realm.processes) == {"keeper", "namespace", "dc"}
        assert not realm.first_time or realm.times["template-provision"] > 0
        assert ntlm(realm, "alice", "Alice-knows-7") == "NT_STATUS_OK"
        assert ntlm(realm, "alice", "wrong") == "NT_STATUS_WRONG_PASSWORD"
        with pytest.raises(RealmError, match="no member"):
            realm.break_trust()


def test_dead_controller_is_no_logon_server_and_comes_back(own_domain: AdRealm, tmp_path: Path) -> None:
    assert ntlm(own_domain, "alice", "Alice-knows-7") == "NT_STATUS_OK"
    own_domain.kill("dc")
    assert "smbd" not in inside(own_domain, "ps", "ax").stdout
    assert ntlm(own_domain, "alice", "Alice-knows-7") == "NT_STATUS_NO_LOGON_SERVERS"
    with pytest.raises(RealmError, match="Cannot contact any KDC"):
        own_domain.kinit("normal", tmp_path / "cc")
    with pytest.raises(RealmError, match="dc .* ended with signal 9"):
        own_domain.check()
    own_domain.start_dc()
    own_domain.kinit("normal", tmp_path / "cc")
    assert wait_for(lambda: ntlm(own_domain, "alice", "Alice-knows-7") == "NT_STATUS_OK", 30)
    own_domain.check()


def test_broken_trust_is_access_denied(own_domain: AdRealm) -> None:
    own_domain.break_trust()
    assert ntlm(own_domain, "alice", "Alice-knows-7") == "NT_STATUS_ACCESS_DENIED"
    own_domain.check()


def test_two_domains_do_not_meet(domain: AdRealm, ad_cache: Path) -> None:
    with AdRealm(cache=ad_cache) as other:
        assert other.dc_address == domain.dc_address
        other.kill("dc")
        domain.check()
        assert ntlm(domain, "alice", "Alice-knows-7") == "NT_STATUS_OK"


def test_host_is_not_touched(domain: AdRealm) -> None:
    assert domain.dc_host not in Path("/etc/hosts").read_text()
    assert domain.dc_host in inside(domain, "cat", "/etc/hosts").stdout
    assert os.readlink("/proc/self/ns/net") != inside(domain, "readlink", "/proc/self/ns/net").stdout.strip()


def test_end_leaves_nothing(ad_cache: Path) -> None:
    with AdRealm(cache=ad_cache, member=True) as realm:
        folder = realm.folder
        # Something of the user's that nobody waits for, started inside.
        subprocess.Popen(realm.command(["sleep", "1000"]), cwd=folder, start_new_session=True)
        assert running_below(folder)
    assert wait_for(lambda: not running_below(folder)), running_below(folder)
    assert not folder.exists()


@pytest.mark.parametrize("victim", ["holder", "keeper"])
def test_killed_holder_or_keeper_leaves_nothing(ad_cache: Path, short_tmp: Path, victim: str) -> None:
    environment = os.environ | {"TMPDIR": str(short_tmp)}
    command = [sys.executable, "-c", HOLD, str(CHECKOUT), str(ad_cache)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        keeper = int(holder.stdout.readline())
        # Holder, keeper, unshare, the first process, two nsenter, samba, smbd and two winbindd at least.
        assert wait_for(lambda: len(running_below(short_tmp)) >= 10), running_below(short_tmp)
        os.kill(holder.pid if victim == "holder" else keeper, signal.SIGKILL)
        if victim == "keeper":
            mark = {holder.pid}
            assert wait_for(lambda: set(running_below(short_tmp)) <= mark), running_below(short_tmp)
            holder.kill()
    assert wait_for(lambda: not running_below(short_tmp)), running_below(short_tmp)


def test_ordinary_user(short_tmp: Path, ad_cache: Path) -> None:
    """As root, become a user id without a name, who has no template yet."""
    if os.getuid() != 0:
        pytest.skip("runs as an ordinary user anyway")
    shutil.copytree(CHECKOUT / "realm", short_tmp / "realm", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    short_tmp.chmod(0o777)
    text = """
import subprocess
from realm import AdRealm
with AdRealm(member=True) as realm:
    realm.run(["wbinfo", "-a", "ADSSPI\\\\alice%Alice-knows-7"])
    realm.check()
print("whole")
"""
    done = subprocess.run(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", sys.executable, "-c", text],
                          cwd=short_tmp, env={"PATH": "/usr/bin:/bin", "TMPDIR": str(short_tmp)}, text=True,
                          check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.stdout.endswith("whole\n"), done.stdout


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realm.ad_dc._PACKAGES", {"*/no-such-file": "samba-ad-provision", "/no/such/file": "samba"})
    with pytest.raises(RealmError, match="apt-get install samba-ad-provision samba$"):
        with AdRealm():
            pass


def test_forbidden_namespaces_are_a_clear_sentence(ad_cache: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "unshare"
    fake.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    sentence = "needs user, network, mount and process namespaces .* does not allow them: .*Operation not permitted"
    with pytest.raises(RealmError, match=sentence):
        with AdRealm(cache=ad_cache):
            pass
    assert "does not allow them" in why_not()


def test_shell_command(ad_cache: Path) -> None:
    said = subprocess.run([sys.executable, "-m", "realm", "shell", "--kind", "ad", "--cache", str(ad_cache)],
                          cwd=CHECKOUT, input="echo Alice-knows-7 | kinit alice >/dev/null && klist\nwbinfo -p\n",
                          text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    assert "Default principal: alice@AD.SSPI.TEST" in said
    assert "Ping to winbindd succeeded" in said
