# SPDX-License-Identifier: Apache-2.0
"""What a case may know of the realm, and how an endpoint is pointed at it."""
from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .model import Case

WRONG, NOBODY, ELSEWHERE = "-but-wrong", "nobody", "ELSEWHERE"


@dataclass
class Connections:
    """Live TLS connections to the realm's host. One is made when a case first asks for it, and then kept."""

    tls: Any  # realm.tls.Tls
    made: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def end(self, side: str, kind: str, certificate: str = "sha256", proxy: bool = False) -> bytes:
        """The application data that a side has: the initiator is the TLS client, the acceptor the server."""
        from realm import tls_live

        key = kind, certificate, proxy
        if key not in self.made:
            self.made[key] = (tls_live.through_a_proxy(kind, self.tls) if proxy
                              else tls_live.connect(kind, *self.tls.signed_with(certificate)))
        ends = self.made[key]
        return bytes(ends.client if side == "initiator" else ends.server)


@dataclass(frozen=True)
class World:
    """A realm as cases see it: plain values, so that it travels to the workers."""

    name: str
    domain: str
    netbios: str
    host: str
    accounts: Mapping[str, tuple[str, str]]  # key -> user, password
    targets: Mapping[str, str]  # key -> SPN
    keytabs: Mapping[str, str]
    bindings: Mapping[str, bytes]  # name -> application data
    environment: Mapping[str, str]
    winbind: Mapping[str, str]  # what to add for an endpoint that asks winbindd
    smbpasswd: str
    tickets: str  # a ticket cache of the normal account, to be copied
    realms: Mapping[str, str] = field(default_factory=dict)  # key of an account -> its realm, where that is another
    connections: Connections | None = None
    enter: tuple[str, ...] = ()  # what stands before a command that runs in it, if it has namespaces of its own

    def target(self, wanted: str | None) -> str | None:
        """The SPN a scenario means."""
        return None if wanted is None else self.targets.get(wanted, wanted)

    def keytab(self, service: str) -> str:
        """The keytab of a service as a program would hold it in memory, in hex."""
        return Path(self.keytabs[service]).read_bytes().hex()

    def identity(self, account: str, mechanism: str) -> dict[str, Any] | None:
        """The identity for AcquireCredentialsHandle; None for the user's own credentials."""
        if account == "default":
            return None
        if account == "anonymous":
            return {"User": "", "Domain": "", "Password": ""}
        domain = self.realms.get(account, self.name) if mechanism == "Kerberos" else self.domain
        user, password = self.accounts.get(account, self.accounts["normal"])
        if account == "wrong-password":
            password += WRONG
        elif account == "unknown-user":
            user = NOBODY
        elif account == "foreign-domain":
            domain = ELSEWHERE
        return {"User": user, "Domain": domain, "Password": password}


Home = bool | str  # which realm a case plays in: standalone or not, "ad", or one with a "trust"


def home_of(case: Case) -> Home:
    """The realm a case plays in."""
    special = next((need for need in ("ad", "trust") if need in case.needs), None)
    return special or case.settings["authority"] == "standalone"


def realm_for(home: Home, cache: Path | None, log: Callable[[str], None] | None = None, ntlm: bool = True) -> Any:
    """The realm of a kind, to be entered. ntlm: there is a winbindd, in a domain that of a joined member; it takes as
    long as all the rest."""
    from realm import AdRealm, Realm

    if home == "ad":
        return AdRealm(cache, member=ntlm, log=log)
    return Realm(cache, standalone=home is True, log=log, trust=home == "trust", ntlm=ntlm)


def world_of(realm: Any, tickets: bool = True) -> World:
    """The world of a running realm (class realm.Realm or realm.AdRealm). tickets: some endpoint will have some."""
    return World(
        name=realm.name, domain=realm.domain, netbios=realm.netbios, host=realm.host,
        accounts={key: (account.user, account.password) for key, account in realm.accounts.items()},
        realms={key: account.realm for key, account in realm.accounts.items() if getattr(account, "realm", "")},
        targets={key: service.spn for key, service in realm.services.items()},
        keytabs={"all": str(realm.keytab)} | {key: str(one.keytab) for key, one in realm.services.items()},
        bindings={"tls-server-end-point": realm.tls.tls_server_end_point(),
                  "other-end-point": realm.tls.other_end_point()},
        connections=Connections(realm.tls),
        environment=realm.environment(), winbind=realm.winbind_environment(), smbpasswd=str(realm.smbpasswd),
        tickets=str(realm.master_ccache("normal")) if tickets else "", enter=tuple(realm.command([])) if hasattr(realm, "command") else (),
    )


@dataclass(frozen=True)
class Surroundings:
    """What the environment of an endpoint depends on; endpoints are shared among cases with the same."""

    authority: str = "none"  # winbind, standalone, file, broken; none where nobody is asked
    keytab: str = "all"
    tickets: str = ""  # "": it finds none; "present": the normal account's; "ended": those, but they are over
    client_keytab: bool = False  # whether it finds the keytab of the service host as a client's
    altered: tuple[str, str] | None = None  # what is done to which service's ticket among them
    zone: str = "UTC0"  # of its local time, as POSIX's TZ
    policy: tuple[tuple[str, Any], ...] = ()  # policies of its machine that are not the default

    @property
    def label(self) -> str:
        """A folder name."""
        policy = "".join(f"-{name}-{value}" for name, value in self.policy)
        altered = f"-{self.altered[0]}" if self.altered else ""
        found = self.tickets if self.tickets else "keys" if self.client_keytab else "bare"
        return f"{self.authority}-{self.keytab}-{found}{altered}-{self.zone}{policy}"


def surroundings_of(case: Case, side: str) -> Surroundings:
    """What a side of a case needs around it. What cannot matter is left at the default, to share endpoints."""
    settings = case.settings[side]
    cache = settings.get("ccache", "auto") if side == "initiator" else "none"
    if cache == "auto":
        cache = "present" if settings["account"] == "default" else "none"
    altered = settings.get("ticket", "genuine")
    return Surroundings(
        # What leads a process to the private winbindd makes it believe it is root, unless it is. libkrb5 would then
        # refuse its own replay cache: only an acceptor of NTLM gets it.
        authority=case.settings["authority"] if case.mechanism == "NTLM" and side == "acceptor" else "none",
        keytab=settings.get("keytab", "all") if side == "acceptor" else "all",
        tickets=cache if cache in ("present", "ended") else "",
        client_keytab=cache == "client-keytab",
        altered=(altered, settings["target"]) if altered != "genuine" else None,
        zone=settings["zone"],
        policy=tuple(sorted(settings["policy"].items())),
    )


def furnish(world: World, around: Surroundings, folder: Path) -> dict[str, str]:
    """Make a folder for an endpoint and return the realm's part of its environment.

    Explicit credentials meet an empty ticket cache: a valid one hides a wrong password in implementations
    that look there first. The replay cache is the folder's own, so that endpoints do not slow each other down.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "rcache").mkdir(mode=0o700, exist_ok=True)
    cache = folder / "ccache"
    cache.unlink(missing_ok=True)
    if around.tickets:
        shutil.copyfile(world.tickets, cache)
        cache.chmod(0o600)  # Heimdal refuses a cache that others may read
    if around.tickets and around.altered:
        _alter_ticket(world, cache, *around.altered)
    if around.tickets == "ended":
        _let_end(cache)
    # Without malloc's shelves of what was freed, a leak of a few bytes shows (churn).
    environment = dict(world.environment) | {"TZ": around.zone, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
    environment |= {"KRB5CCNAME": f"FILE:{cache}", "KRB5RCACHEDIR": str(folder / "rcache"),
                    "KRB5_KTNAME": f"FILE:{world.keytabs[around.keytab]}", "HOME": str(folder),
                    "KRB5_CLIENT_KTNAME": f"FILE:{world.keytabs['host'] if around.client_keytab else folder / 'none'}"}
    if around.authority in ("winbind", "standalone"):
        environment |= world.winbind
    return environment


def _alter_ticket(world: World, cache: Path, edit: str, service: str) -> None:
    """A cache whose ticket for a service is one that no KDC issued."""
    from realm.ticket import HOUR, alter, set_clock
    from realm.tools import run_tool

    spn = world.targets[service]
    run_tool(["kvno", "-q", "-c", f"FILE:{cache}", spn], world.environment, what=f"a ticket for {spn}")
    if edit == "other-clock":
        set_clock(cache, HOUR)
        return
    alter(cache, Path(world.keytabs[service]), spn, edit)


def _let_end(cache: Path) -> None:
    from realm.ticket import let_end

    let_end(cache)


def filled_in(text: str, world: World, around: Surroundings, folder: Path) -> str:
    """A text of a profile with the realm's values in the places it marks."""
    values = {"folder": str(folder), "smbpasswd": world.smbpasswd, "domain": world.domain, "host": world.host,
              "netbios": world.netbios, "realm": world.name,
              "authority": {"standalone": "winbind", "broken": "file", "none": "file"}.get(around.authority, around.authority)}
    if around.authority == "broken":
        damaged = folder / "damaged-accounts"
        damaged.write_text("this is no account\n")
        values["smbpasswd"] = str(damaged)
    if "{accounts}" in text:
        values["accounts"] = str(_accounts(Path(values["smbpasswd"]), world.domain, folder) if values["authority"] == "file" else folder / "none")
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _accounts(smbpasswd: Path, domain: str, folder: Path) -> Path:
    """A file of accounts with the domain before each name, as gss-ntlmssp reads it."""
    path = folder / "accounts"
    lines = smbpasswd.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(f"{domain}\\{line}\n" for line in lines), encoding="utf-8")
    return path
