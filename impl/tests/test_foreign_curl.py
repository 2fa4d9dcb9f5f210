# SPDX-License-Identifier: Apache-2.0
"""A real client logs in: curl against impl/examples/http-server, good and bad passwords, NTLM, Kerberos and SPNEGO.

What the client hears is 200 or 401; what the server's log says is the status of AcceptSecurityContext.
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from glob import glob
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from foreign import CHECKOUT, SANITIZED  # noqa: E402  (needs the line above)
from realm import Realm  # noqa: E402

SERVER = CHECKOUT / os.environ.get("SSPI_CONFORM_BUILD", "build") / "examples" / "http-server"
PLUGIN = next(iter(glob("/usr/lib/*/gssntlmssp/gssntlmssp.so")), "")
CURL = shutil.which("curl")
OK, CONTINUE, NO_CREDENTIALS = "0x00000000", "0x00090312", "0x8009030e"
LOGON_DENIED, NO_AUTHORITY = "0x8009030c", "0x80090311"
pytestmark = pytest.mark.skipif(CURL is None, reason="curl is not installed: apt-get install curl")


class Http:
    """The server in its own process, and curl as its client."""

    def __init__(self, realm: Realm, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        self.realm, self._out = realm, process.stdout.fileno()
        self.port = os.read(self._out, 100).decode().strip().rstrip("/").rsplit(":", 1)[1]
        os.set_blocking(self._out, False)

    def log(self) -> list[str]:
        """`scheme status user` of each request since the last time. The server prints before it answers, so that all
        of it is there when curl has ended."""
        try:
            return [line.rstrip() for line in os.read(self._out, 1 << 16).decode().splitlines()]
        except BlockingIOError:
            return []

    def get(self, *options: str, environment: Mapping[str, str] | None = None, times: int = 1) -> tuple[str, list[str]]:
        """One run of curl: the last answer's status, and the lines of the bodies."""
        assert CURL
        address = f"web.sspi.test:{self.port}"
        run = subprocess.run(
            [CURL, "--silent", "--show-error", "--noproxy", "*", "--max-time", "20",
             "--resolve", f"{address}:127.0.0.1", "--write-out",
             "%{stderr}%{http_code}", *options, *[f"http://{address}/"] * times],
            env=dict(environment or self.realm.environment()), capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        return run.stderr[-3:], run.stdout.splitlines()


@contextmanager
def serving(realm: Realm, folder: Path, authority: str = "winbind", **more: str) -> Iterator[Http]:
    """The server, until the end of the block."""
    assert SERVER.is_file(), f"there is no {SERVER}: make examples"
    settings = folder / "libsspi.conf"
    settings.write_text(f"[ntlm]\nauthority = {authority}\naccounts = {realm.smbpasswd}\n"
                        f"netbios-name = {realm.netbios}\nnetbios-domain = {realm.domain}\n"
                        f"dns-name = {realm.host}\ndns-domain = {realm.name.lower()}\n")
    environment = realm.environment() | realm.winbind_environment() | SANITIZED | more
    environment["LIBSSPI_CONFIG"] = str(settings)
    with subprocess.Popen([SERVER], env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield Http(realm, process)
            assert process.poll() is None, "the server died"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def realm() -> Iterator[Realm]:
    with Realm() as live:
        yield live


@pytest.fixture(params=["winbind", "file"])
def http(realm: Realm, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Http]:
    with serving(realm, tmp_path, request.param) as server:
        yield server


def user(realm: Realm, key: str, wrong: str = "") -> str:
    """curl's -u for an account."""
    account = realm.accounts[key]
    return f"{realm.domain}\\{account.user}:{account.password}{wrong}"


def test_nobody(http: Http) -> None:
    assert http.get() == ("401", [])
    assert http.log() == [f"- {NO_CREDENTIALS}"]
    assert http.get("-H", "Authorization: Basic YWxpY2U6eA==") == ("401", [])
    assert http.log() == [f"- {NO_CREDENTIALS}"]


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest.mark.parametrize("token", ["!!!!", "AAAA", "TlRMTVNTUAA="])
def test_garbage(http: Http, scheme: str, token: str) -> None:
    assert http.get("-H", f"Authorization: {scheme} {token}") == ("401", [])
    (line,) = http.log()
    assert line.split()[1].startswith("0x8009")


def test_negotiate_with_nothing_in_it(http: Http) -> None:
    """The acceptor may begin: NegTokenInit2 of MS-SPNG."""
    assert http.get("-H", "Authorization: Negotiate ") == ("401", [])
    assert http.log() == [f"Negotiate {CONTINUE}"]


def test_ntlm(http: Http, realm: Realm) -> None:
    assert http.get("--ntlm", "-u", user(realm, "normal")) == ("200", ["NTDOM\\alice"])
    assert http.log() == [f"NTLM {CONTINUE}", f"NTLM {OK} NTDOM\\alice"]


def test_ntlm_once_per_connection(http: Http, realm: Realm) -> None:
    assert http.get("--ntlm", "-u", user(realm, "second"), times=3) == ("200", ["NTDOM\\bob"] * 3)
    assert http.log() == [f"NTLM {CONTINUE}", f"NTLM {OK} NTDOM\\bob"] + [f"- {OK} NTDOM\\bob"] * 2


def test_many_at_once(http: Http, realm: Realm) -> None:
    """One credential, many contexts in as many threads; good and bad ones do not get into each other's way."""
    def login(turn: int) -> tuple[str, list[str]]:
        key = ("normal", "second")[turn % 2]
        return http.get("--ntlm", "-u", user(realm, key, "-but-wrong" if turn % 3 == 0 else ""))

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(login, range(24)))
    for turn, answer in enumerate(answers):
        assert answer == (("401", []) if turn % 3 == 0 else ("200", ["NTDOM\\" + ("alice", "bob")[turn % 2]]))
    log = http.log()
    assert [log.count(f"NTLM {end}") for end in (CONTINUE, LOGON_DENIED)] == [24, 8] and len(log) == 48


@pytest.mark.parametrize("key", ["normal", "disabled", "locked", "password-expired", "expired"])
def test_ntlm_wrong_password(http: Http, realm: Realm, key: str) -> None:
    assert http.get("--ntlm", "-u", user(realm, key, "-but-wrong")) == ("401", [])
    assert http.log() == [f"NTLM {CONTINUE}", f"NTLM {LOGON_DENIED}"]


def test_ntlm_unknown_user(http: Http) -> None:
    assert http.get("--ntlm", "-u", "NTDOM\\nobody:nothing") == ("401", [])
    assert http.log() == [f"NTLM {CONTINUE}", f"NTLM {LOGON_DENIED}"]


@pytest.mark.parametrize("key", ["disabled", "locked", "password-expired", "expired"])
def test_ntlm_account_that_may_not(http: Http, realm: Realm, key: str) -> None:
    assert http.get("--ntlm", "-u", user(realm, key)) == ("401", [])
    assert http.log() == [f"NTLM {CONTINUE}", f"NTLM {LOGON_DENIED}"]


def test_ntlm_without_authority(tmp_path: Path) -> None:
    with Realm() as realm, serving(realm, tmp_path) as http:
        realm.stop_winbindd()
        assert http.get("--ntlm", "-u", user(realm, "normal")) == ("401", [])
        assert http.log() == [f"NTLM {CONTINUE}", f"NTLM {NO_AUTHORITY}"]
        realm.start_winbindd()
        assert http.get("--ntlm", "-u", user(realm, "normal"))[0] == "200"


def tickets(realm: Realm, folder: Path, key: str) -> dict[str, str]:
    """An environment in which this account is logged on."""
    realm.kinit(key, folder / "ccache")
    return realm.environment() | {"KRB5CCNAME": f"FILE:{folder}/ccache"}


def test_negotiate_with_a_ticket(http: Http, realm: Realm, tmp_path: Path) -> None:
    environment = tickets(realm, tmp_path, "normal")
    assert http.get("--negotiate", "-u", ":", environment=environment) == ("200", ["SSPI.TEST\\alice"])
    assert http.log() == [f"Negotiate {OK} SSPI.TEST\\alice"]


def test_negotiate_without_a_ticket(http: Http, realm: Realm, tmp_path: Path) -> None:
    environment = realm.environment() | {"KRB5CCNAME": f"FILE:{tmp_path}/none"}
    assert http.get("--negotiate", "-u", ":", environment=environment) == ("401", [])
    assert http.log() == [f"- {NO_CREDENTIALS}"]  # curl has nothing to send


def test_negotiate_with_a_ticket_for_another_key(realm: Realm, tmp_path: Path) -> None:
    environment = tickets(realm, tmp_path, "normal")
    with serving(realm, tmp_path, KRB5_KTNAME=f"FILE:{realm.services['cifs'].keytab}") as http:
        assert http.get("--negotiate", "-u", ":", environment=environment) == ("401", [])
        assert http.log()[0].split()[1].startswith("0x8009")


@pytest.mark.skipif(not PLUGIN, reason="gss-ntlmssp is not installed: apt-get install gss-ntlmssp")
@pytest.mark.parametrize("wrong,answer,last", [
    ("", ("200", ["NTDOM\\alice"]), f"{OK} NTDOM\\alice"), ("-but-wrong", ("401", []), LOGON_DENIED)])
def test_negotiate_with_ntlm_inside(http: Http, realm: Realm, tmp_path: Path, wrong: str,
                                    answer: tuple[str, list[str]], last: str) -> None:
    """curl leaves the choice to GSSAPI, which takes NTLM when there is no ticket but a plugin and a password."""
    (tmp_path / "mech").write_text(f"gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 {PLUGIN}\n")
    (tmp_path / "users").write_text(f"NTDOM:alice:{realm.accounts['normal'].password}{wrong}\n")
    environment = realm.environment() | {
        "GSS_MECH_CONFIG": str(tmp_path / "mech"), "NTLM_USER_FILE": str(tmp_path / "users"),
        "KRB5CCNAME": f"FILE:{tmp_path}/none"}
    assert http.get("--negotiate", "-u", ":", environment=environment) == answer
    assert http.log() == [f"Negotiate {CONTINUE}", f"Negotiate {last}"]
