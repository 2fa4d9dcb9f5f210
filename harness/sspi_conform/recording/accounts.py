# SPDX-License-Identifier: Apache-2.0
"""The accounts and services of the machines a recording is made on, and what the suite's realm calls the same roles."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from realm.accounts import all_accounts

from .. import settings
from ..model import ConformError
from ..world import World
from ..yamlfile import Section, did_you_mean, load

_KEYS = ("how", "domain", "realm", "host", "accounts", "services")
# What the suite's own realm is called, which stands in every expectation (realm/realm.py).
_REALM, _DOMAIN, _HOST = "SSPI.TEST", "NTDOM", "web.sspi.test"
_SEPARATORS = "\\@/$:. "
_BINDING = b"tls-server-end-point:"


@dataclass(frozen=True)
class Accounts:
    """A world of machines that exist, and the roles its names play. Passwords leave it in requests alone."""

    world: World
    how: str
    kerberos: bool  # whether there is a realm
    roles: Mapping[str, str]  # a name in small letters -> what the realm of the suite calls it

    def told(self, text: str) -> str | None:
        """A text with every name replaced by its role; None when it names somebody else, who is nobody's business."""
        pattern = re.compile("|".join(map(re.escape, sorted(self.roles, key=len, reverse=True))), re.IGNORECASE)
        if pattern.sub("", text).strip(_SEPARATORS):
            return None
        return pattern.sub(lambda found: self.roles[found[0].lower()], text)


def load_accounts(path: Path) -> Accounts:
    """The file of --accounts."""
    if not path.is_file():
        raise ConformError(f"there is no file {path}", "", "captures/README.md shows what stands in one.")
    top = load(path, path.parent).only(_KEYS, "a file of accounts")
    how = top.text("how", "a sentence on how the accounts were set, for the provenance")
    domain, realm = top.text("domain", "the NTLM domain, or the computer's name"), top.text("realm", "a realm", "")
    host = top.text("host", "the full name of the acceptor's host")
    users = {key: _account(section, key) for key, section in _sections(top, "accounts", settings.ACCOUNTS)}
    if "normal" not in users:
        raise ConformError("there is no account 'normal'", top.where("accounts"), "Every case needs one that works.")
    named = _named_services(top)
    targets = {key: named.get(key, f"{_class_of(key)}/{host}") for key in ("http", "host", "cifs", "ldap")} | named
    world = World(
        name=realm, domain=domain, netbios=domain, host=host, accounts=users, targets=targets, keytabs={},
        bindings={"tls-server-end-point": _BINDING + bytes(32), "other-end-point": _BINDING + bytes(range(32))},
        environment={}, winbind={}, smbpasswd="", tickets="")
    return Accounts(world, how, bool(realm), _roles(world))


def _roles(world: World) -> Mapping[str, str]:
    """What the suite calls each name; short ones last, as a name may be part of another."""
    known = {key: account.user for key, account in all_accounts().items()}
    found = {user.lower(): known.get(key, key) for key, (user, _) in world.accounts.items()}
    found |= {world.domain.lower(): _DOMAIN, world.host.lower(): _HOST}
    found |= {spn.lower(): f"{_class_of(key)}/{_HOST}" for key, spn in world.targets.items()}
    return found | ({world.name.lower(): _REALM} if world.name else {})


def _class_of(service: str) -> str:
    """The service class of a key of the realm's services."""
    return "HTTP" if service == "http" else service


def _account(section: Section, key: str) -> tuple[str, str]:
    section.only(("user", "password"), f"account '{key}'")
    return section.text("user", "its name"), section.text("password", "its password, in quotes")


def _named_services(top: Section) -> dict[str, str]:
    services = top.section("services", "SPNs by key")
    for key in services:
        if key not in settings.SERVICES:
            raise ConformError(f"unknown service '{key}'", services.where(key), did_you_mean(key, settings.SERVICES))
    return {key: services.text(key, "an SPN") for key in services}


def _sections(top: Section, key: str, known: tuple[str, ...]) -> list[tuple[str, Section]]:
    outer = top.section(key, "a mapping of accounts")
    for name in outer:
        if name not in known:
            raise ConformError(f"unknown account '{name}'", outer.where(name), did_you_mean(name, known))
    return [(name, outer.section(name, "{user: .., password: ..}")) for name in outer]
