# SPDX-License-Identifier: Apache-2.0
"""libsspi against other implementations, live, both directions: handshake, sign, seal, and their twins that must fail.

    make peers        installs the peers' packages, runs this, prints the matrix
"""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import foreign  # noqa: E402  (needs the line above)
from foreign import CHECKOUT, LOGON_DENIED, Endpoint, Lines, Refused, Side, Sspi, flipped, handshake  # noqa: E402
from realm import Realm  # noqa: E402

BUILD = CHECKOUT / os.environ.get("SSPI_CONFORM_BUILD", "build")
PLUGIN = next(iter(glob("/usr/lib/*/gssntlmssp/gssntlmssp.so")), "")
COLUMNS = ("handshake", "sign", "seal", "tamper refused", "wrong password refused")
KEY_ONLY = "ntlm_auth hands out the session key, which is compared, and protects no messages"
WRONG = "-but-wrong"
TO_PEER, FROM_PEER = "libsspi -> peer", "peer -> libsspi"


@dataclass(frozen=True)
class Row:
    """One peer in one package and direction; `cannot` has the columns it has nothing for, and why."""

    peer: str
    package: str
    direction: str
    cannot: dict[str, str] = field(default_factory=dict, hash=False)
    empty: bool = True  # it protects messages of no bytes, too

    def __str__(self) -> str:
        return f"{self.peer} {self.package} {self.direction.replace(' ', '')}"


NO_SIGN = {"sign": "WinPR 2 has neither MakeSignature nor VerifySignature"}
NO_MESSAGES = {"sign": KEY_ONLY, "seal": KEY_ONLY, "tamper refused": KEY_ONLY}
ROWS = (
    Row("gss-ntlmssp", "NTLM", TO_PEER, empty=False),
    Row("gss-ntlmssp", "NTLM", FROM_PEER, empty=False),
    Row("gss-ntlmssp", "Negotiate", TO_PEER, empty=False),
    Row("gss-ntlmssp", "Negotiate", FROM_PEER, empty=False),
    Row("WinPR 2", "NTLM", TO_PEER, NO_SIGN),
    Row("WinPR 2", "NTLM", FROM_PEER, NO_SIGN),
    Row("Samba gensec", "NTLM", FROM_PEER),
    Row("Samba gensec", "Negotiate", FROM_PEER),
    Row("Samba gensec/krb5", "Negotiate", FROM_PEER, {"wrong password refused": "a ticket stands for the password"}),
    Row("impacket", "NTLM", FROM_PEER),
    Row("impacket", "Negotiate", FROM_PEER),
    Row("ntlm_auth", "NTLM", TO_PEER, NO_MESSAGES),
    Row("ntlm_auth", "NTLM", FROM_PEER, NO_MESSAGES),
    Row("ntlm_auth", "Negotiate", TO_PEER, NO_MESSAGES),
    Row("ntlm_auth", "Negotiate", FROM_PEER, NO_MESSAGES),
)
# What there is no row for, and why.
NOTHING = {
    "WinPR 2 Negotiate": "its Negotiate is raw NTLM, without SPNEGO",
    "Samba gensec as acceptor": "wants the account database of a domain controller; ntlm_auth has Samba's acceptor",
    "impacket as acceptor": "has none for callers, only inside its SMB server",
}
PACKAGES: dict[str, tuple[str, Callable[[], bool]]] = {
    "gss-ntlmssp": ("gss-ntlmssp and python3-gssapi", lambda: bool(PLUGIN) and imports("gssapi")),
    "WinPR 2": ("libwinpr2-2", lambda: bool(glob("/usr/lib/*/libwinpr2.so.2"))),
    "Samba gensec": ("python3-samba", lambda: imports("samba.gensec")),
    "Samba gensec/krb5": ("python3-samba", lambda: imports("samba.gensec")),
    "impacket": ("python3-impacket", lambda: imports("impacket.ntlm")),
    "ntlm_auth": ("winbind", lambda: shutil.which("ntlm_auth") is not None),
}
RESULTS: dict[Row, dict[str, str]] = {}


def imports(module: str) -> bool:
    """In a process of its own, as for the peers themselves."""
    return subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def realm(request: pytest.FixtureRequest) -> Iterator[Realm]:
    with Realm() as live:
        yield live
    print_matrix(request.config)


def print_matrix(config: pytest.Config) -> None:
    """Past pytest's capturing, since it is what this module is for."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{'peer':18}{'package':10}{'direction':17}" + "".join(f"{column:16}" for column in COLUMNS))
        notes: list[str] = []
        for row, cells in RESULTS.items():
            shown = []
            for column in COLUMNS:
                cell = cells.get(column, "not reached")
                if column in row.cannot:
                    if cell not in notes:
                        notes.append(cell)
                    cell = f"unsupported [{notes.index(cell) + 1}]"
                shown.append(f"{cell:16}")
            print(f"{row.peer:18}{row.package:10}{row.direction:17}" + "".join(shown).rstrip())
        for number, note in enumerate(notes, 1):
            print(f"[{number}] {note}")
        for what, why in NOTHING.items():
            print(f"no row: {what}: {why}")


class Table:
    """Starts the two sides of a row and knows the realm's words for it."""

    def __init__(self, realm: Realm, row: Row, folder: Path, stack: ExitStack) -> None:
        self.realm, self.row, self.folder, self.stack = realm, row, folder, stack
        account = realm.accounts["normal"]
        self.user, self.password = account.user, account.password
        self.peer = self._peer()
        self.ours = self._sspi("libsspi", str(BUILD / "libsspi.so"), self._settings(), winpr=False)
        sides = (self.ours, self.peer)
        self.client, self.server = sides if row.direction == TO_PEER else sides[::-1]

    def _settings(self) -> dict[str, str]:
        path = self.folder / "libsspi.conf"
        path.write_text(f"[ntlm]\nauthority = winbind\nnetbios-name = {self.realm.netbios}\n"
                        f"netbios-domain = {self.realm.domain}\ndns-name = {self.realm.host}\n"
                        f"dns-domain = {self.realm.name.lower()}\n")
        return {**self.realm.environment(), **self.realm.winbind_environment(), "LIBSSPI_CONFIG": str(path)}

    def _sspi(self, name: str, library: str, environment: dict[str, str], winpr: bool) -> Sspi:
        endpoint = Endpoint(name, [str(BUILD / "sspi-probe"), library], environment, self.folder)
        self.stack.enter_context(endpoint)
        return Sspi(endpoint, self.realm.domain, self.user, winpr)

    def _peer(self) -> Side:
        peer, realm = self.row.peer, self.realm
        environment = dict(realm.environment())
        if peer == "WinPR 2":
            return self._sspi("winpr", "libwinpr2.so.2", environment | {"WLOG_LEVEL": "OFF"}, winpr=True)
        if peer == "gss-ntlmssp":
            (self.folder / "mech").write_text(f"gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 {PLUGIN}\n")
            (self.folder / "users").write_text(f"{realm.domain}:{self.user}:{self.password}\n")
            environment |= {"GSS_MECH_CONFIG": str(self.folder / "mech"), "NTLM_USER_FILE": str(self.folder / "users"),
                            "KRB5_CONFIG": "/dev/null"}
        if peer == "ntlm_auth":
            environment |= realm.winbind_environment()
        script = {"gss-ntlmssp": "gss_ntlmssp", "impacket": "impacket_client",
                  "ntlm_auth": "samba_ntlm_auth"}.get(peer, "samba_gensec")
        given = {"user": self.user, "domain": realm.domain, "smb_conf": str(realm.smb_conf),
                 "ccache": ""}
        if peer == "Samba gensec/krb5":
            given["ccache"] = f"FILE:{realm.master_ccache('normal')}"
            conf = realm.krb5_conf.read_text().replace("kdc = ", "kdc = tcp/")  # Samba's Heimdal would try UDP
            (self.folder / "krb5.conf").write_text(conf)
            environment["KRB5_CONFIG"] = str(self.folder / "krb5.conf")
        return self.stack.enter_context(Lines(script, environment, given))

    def establish(self, wrong: str = "") -> tuple[Side, Side]:
        handshake(self.client, self.server, self.row.package, self.password + wrong, self.password)
        return self.client, self.server


def check_handshake(table: Table) -> None:
    table.establish()
    if not (isinstance(table.peer, Sspi)):  # WinPR 2 does not tell its key
        assert table.ours.key() == table.peer.key()
    if table.server is table.ours:
        name = table.ours.name()
        assert name in (f"{table.realm.domain}\\{table.user}", f"{table.user}@{table.realm.name}")


def check_sign(table: Table) -> None:
    sides = table.establish()
    foreign.sign_both_ways(sides)
    if table.row.empty:
        foreign.sign_both_ways(sides, [b""])


def check_seal(table: Table) -> None:
    sides = table.establish()
    foreign.seal_both_ways(sides)
    if table.row.empty:
        foreign.seal_both_ways(sides, [b""])
    if "sign" not in table.row.cannot:  # one sequence for both kinds of message
        foreign.sign_both_ways(sides)
        foreign.seal_both_ways(sides)


def check_tamper(table: Table) -> None:
    """Each in a context of its own, both ways."""
    signs = "sign" not in table.row.cannot
    # version, checksum and sequence number of NTLM, first byte of the data; of Kerberos some place in the middle
    for at in (20, -1) if table.row.peer.endswith("/krb5") else (0, 4, 12, 16, -1):
        for turn in (1, -1):
            sender, receiver = table.establish()[::turn]
            foreign.refuses(receiver, "unwrap", flipped(sender.wrap(b"a message"), at))
            if signs and at < 16:
                sender, receiver = table.establish()[::turn]
                foreign.refuses(receiver, "verify", b"a message", flipped(sender.sign(b"a message"), at))
    for turn in (1, -1) if signs else ():
        sender, receiver = table.establish()[::turn]
        foreign.refuses(receiver, "verify", b"a massage", sender.sign(b"a message"))


def check_wrong_password(table: Table) -> None:
    try:
        table.establish(wrong=WRONG)
    except Refused as refusal:
        assert refusal.during is table.server, f"the client learned of it: {refusal}"
        if table.server is table.ours:
            assert str(refusal) == LOGON_DENIED
        return
    raise AssertionError("somebody got in with a wrong password")


CHECKS = dict(zip(COLUMNS, (check_handshake, check_sign, check_seal, check_tamper, check_wrong_password)))


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_peer(realm: Realm, row: Row, tmp_path: Path) -> None:
    package, present = PACKAGES[row.peer]
    if not present():
        pytest.skip(f"{package} is not installed: apt-get install {package.replace(' and', '')}")
    cells, problems = RESULTS.setdefault(row, {}), []
    with ExitStack() as stack:
        table = Table(realm, row, tmp_path, stack)
        for column, check in CHECKS.items():
            if column in row.cannot:
                cells[column] = row.cannot[column]
                continue
            try:
                check(table)
                cells[column] = "ok"
            except (Refused, AssertionError) as problem:
                cells[column] = "FAILED"
                problems.append(f"{column}: {type(problem).__name__}: {problem}")
    assert not problems, "\n".join(problems)
