# SPDX-License-Identifier: Apache-2.0
"""A matrix of libsspi and other implementations: what a row is, how its two sides start, what each column checks."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from glob import glob
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import foreign  # noqa: E402  (needs the line above)
from foreign import (CHECKOUT, LOGON_DENIED, SANITIZED, Endpoint, Lines, Refused, Side, Sspi,  # noqa: E402
                     flipped, handshake)
from realm import Realm  # noqa: E402

BUILD = CHECKOUT / os.environ.get("SSPI_CONFORM_BUILD", "build")
PLUGIN = next(iter(glob("/usr/lib/*/gssntlmssp/gssntlmssp.so")), "")
COLUMNS = ("handshake", "sign", "seal", "tamper refused", "wrong password refused")
WRONG = "-but-wrong"
TO_PEER, FROM_PEER = "libsspi -> peer", "peer -> libsspi"


@dataclass(frozen=True)
class Row:
    """One peer in one package and direction; `cannot` has the columns it has nothing for, and why.

    variant: what is special about it; settings: lines for libsspi.conf; options: the peer's own settings.
    """

    peer: str
    package: str
    direction: str
    cannot: dict[str, str] = field(default_factory=dict, hash=False)
    empty: bool = True  # it protects messages of no bytes, too
    variant: str = ""
    settings: tuple[str, ...] = ("authority = winbind",)
    options: dict[str, str] = field(default_factory=dict, hash=False)
    places: tuple[int, ...] = (0, 8, 12, 16, -1)  # to damage: version, checksum, number, first and last byte of data
    agreed: tuple[str, ...] = ()  # what AUTHENTICATE must say, see AUTHENTICATE_SAYS; "no X": must not

    def __str__(self) -> str:
        return f"{self.peer} {self.variant or self.package} {self.direction.replace(' ', '')}"


PACKAGES: dict[str, tuple[str, Callable[[], bool]]] = {
    "gss-ntlmssp": ("gss-ntlmssp and python3-gssapi", lambda: bool(PLUGIN) and imports("gssapi")),
    "WinPR 2": ("libwinpr2-2", lambda: bool(glob("/usr/lib/*/libwinpr2.so.2"))),
    "Samba gensec": ("python3-samba", lambda: imports("samba.gensec")),
    "Samba": ("python3-samba", lambda: imports("samba.gensec")),
    "impacket": ("python3-impacket", lambda: imports("impacket.ntlm")),
    "ntlm_auth": ("winbind", lambda: shutil.which("ntlm_auth") is not None),
    "MIT": ("libgssapi-krb5-2", lambda: bool(glob("/usr/lib/*/libgssapi_krb5.so.2"))),
    "Heimdal": ("libgssapi3-heimdal", lambda: bool(glob("/usr/lib/*/libgssapi.so.3"))),
}
Results = dict[Row, dict[str, str]]


def imports(module: str) -> bool:
    """In a process of its own, as for the peers themselves."""
    return subprocess.run(["/usr/bin/python3", "-c", f"import {module}"], capture_output=True).returncode == 0


def print_matrix(config: pytest.Config, results: Results, nothing: Mapping[str, str] | None = None,
                 columns: Sequence[str] = COLUMNS) -> None:
    """Past pytest's capturing, since it is what these tests are for. `nothing`: what there is no row for, and why."""
    capture = config.pluginmanager.getplugin("capturemanager")
    wide = max((len(row.variant) for row in results), default=0) + 2
    notes: list[str] = []

    def shown(cell: str) -> str:
        if cell in ("ok", "FAILED", "not reached"):
            return cell
        if cell not in notes:
            notes.append(cell)
        return f"unsupported [{notes.index(cell) + 1}]"

    table = {row: [shown(cells.get(column, "not reached")) for column in columns] for row, cells in results.items()}
    sizes = [2 + max(map(len, cells)) for cells in zip(columns, *table.values())]

    def line(first: str, cells: Sequence[str]) -> str:
        return (first + "".join(f"{cell:{size}}" for cell, size in zip(cells, sizes))).rstrip()

    with capture.global_and_fixture_disabled():
        print("\n" + line(f"{'peer':19}{'package':11}{'direction':17}{'variant' if wide > 2 else '':{wide}}", columns))
        for row, cells in table.items():
            print(line(f"{row.peer:19}{row.package:11}{row.direction:17}{row.variant:{wide}}", cells))
        for number, note in enumerate(notes, 1):
            print(f"[{number}] {note}")
        for what, why in (nothing or {}).items():
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
        lines = [*self.row.settings, f"accounts = {self.realm.smbpasswd}", f"netbios-name = {self.realm.netbios}",
                 f"netbios-domain = {self.realm.domain}", f"dns-name = {self.realm.host}",
                 f"dns-domain = {self.realm.name.lower()}"]
        path.write_text("[ntlm]\n" + "".join(f"{line}\n" for line in lines))
        return {**self.realm.environment(), **self.realm.winbind_environment(), "LIBSSPI_CONFIG": str(path)}

    def _sspi(self, name: str, library: str, environment: dict[str, str], winpr: bool) -> Sspi:
        endpoint = Endpoint(name, [str(BUILD / "sspi-probe"), library], environment | SANITIZED, self.folder)
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
                            "KRB5_CONFIG": "/dev/null", **self.row.options}
        if peer == "ntlm_auth":
            environment |= realm.winbind_environment()
        script = {"gss-ntlmssp": "gss_ntlmssp", "impacket": "impacket_client",
                  "ntlm_auth": "samba_ntlm_auth"}.get(peer, "samba_gensec")
        given = {"user": self.user, "domain": realm.domain, "smb_conf": str(realm.smb_conf),
                 "ccache": "", "options": dict(self.row.options)}
        return self.stack.enter_context(Lines(script, environment, given))

    def establish(self, wrong: str = "") -> tuple[Side, Side]:
        self.tokens = handshake(self.client, self.server, self.row.package, self.password + wrong, self.password)
        return self.client, self.server


# Flags of AUTHENTICATE (MS-NLMP 2.2.2.5).
AUTHENTICATE_SAYS = {"Unicode": 1 << 0, "OEM": 1 << 1, "sign": 1 << 4, "seal": 1 << 5, "LM key": 1 << 7,
                     "ESS": 1 << 19, "128": 1 << 29, "key exchange": 1 << 30, "56": 1 << 31}


def check_agreed(table: Table) -> None:
    """A variant is tested only when both sides came to it."""
    tokens = [token[token.index(b"NTLMSSP\0\3"):] for token in table.tokens if b"NTLMSSP\0\3" in token]
    assert tokens or not table.row.agreed
    for word in table.row.agreed:
        if word == "NTLMv1":
            assert int.from_bytes(tokens[0][20:22], "little") == 24, "the NT response is not one of NTLMv1"
            continue
        bit = AUTHENTICATE_SAYS[word.removeprefix("no ")]
        flags = int.from_bytes(tokens[0][60:64], "little")
        assert bool(flags & bit) is not word.startswith("no "), f"{word}: the flags are {flags:#010x}"


def check_handshake(table: Table) -> None:
    table.establish()
    check_agreed(table)
    if not (isinstance(table.peer, Sspi)):  # WinPR 2 does not tell its key
        assert table.ours.key() == table.peer.key()
    if table.server is table.ours:
        name = table.ours.name()
        assert name in (f"{table.realm.domain}\\{table.user}", f"{table.realm.name}\\{table.user}")


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
    for at in table.row.places:
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


def need(row: Row) -> None:
    """Skip where the peer is not there."""
    package, present = PACKAGES[row.peer]
    if not present():
        pytest.skip(f"{package} is not installed: apt-get install {package.replace(' and', '')}")


def play(row: Row, realm: Realm, folder: Path, results: Results) -> None:
    """One row: every column, then one assertion over all of them."""
    need(row)
    with ExitStack() as stack:
        table = Table(realm, row, folder, stack)
        fill(row, {column: partial(check, table) for column, check in CHECKS.items()}, results)


def fill(row: Row, checks: Mapping[str, Callable[[], None]], results: Results) -> None:
    """The cells of a row."""
    cells, problems = results.setdefault(row, {}), []
    for column, check in checks.items():
        if column in row.cannot:
            cells[column] = row.cannot[column]
            continue
        try:
            check()
            cells[column] = "ok"
        except (Refused, AssertionError) as problem:
            cells[column] = "FAILED"
            problems.append(f"{column}: {type(problem).__name__}: {problem}")
    assert not problems, "\n".join(problems)
