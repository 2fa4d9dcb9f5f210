# SPDX-License-Identifier: Apache-2.0
"""Who lives in the Active Directory domain: the realm's users and two more, and services with delegation rights."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .accounts import Account, Service, all_accounts

DOMAIN = "ADSSPI"
# Not WEB: a directory takes HOST/web as a claim to HTTP/web too, which a service account has already.
MEMBER = "MEM"
ADMINISTRATOR = Account("administrator", "Administrator", "Admin-knows-0", "domain administrator")

# userAccountControl, MS-ADTS 2.2.16
_NORMAL = 0x200
_DISABLED = 0x2
_PASSWORD_STAYS = 0x10000
_OK_AS_DELEGATE = 0x80000
_NOT_DELEGATED = 0x100000
_NO_PREAUTH = 0x400000
_ANY_PROTOCOL = 0x1000000


@dataclass(frozen=True)
class ServiceAccount:
    """The user a service runs as. `targets` are the SPNs it may reach with S4U2Proxy."""

    key: str
    user: str
    password: str
    spn: str
    flags: int
    targets: tuple[str, ...] = ()


def ad_accounts() -> dict[str, Account]:
    """Every user of the domain, by key: the same as in Realm, and two only a directory can have."""
    more = (
        Account("protected", "paul", "Paul-knows-5", "in Protected Users, never delegated"),
        Account("restricted", "rita", "Rita-knows-6", "may log on from one other workstation only"),
    )
    return all_accounts() | {row.key: row for row in more}


def service_accounts(suffix: str) -> tuple[ServiceAccount, ...]:
    """The accounts behind the services; 'front' may act for anybody towards 'http' and nothing else."""
    web = f"HTTP/web.{suffix}"
    return (
        ServiceAccount("http", "svc-web", "Web-service-1", web, 0),
        ServiceAccount("cifs", "svc-files", "Files-service-2", f"cifs/web.{suffix}", 0),
        ServiceAccount("delegate", "svc-deleg", "Deleg-service-3", f"HTTP/deleg.{suffix}", _OK_AS_DELEGATE),
        ServiceAccount("front", "svc-front", "Front-service-4", f"HTTP/front.{suffix}", _ANY_PROTOCOL, (web,)),
    )


def ad_services(host: str, suffix: str, keytabs: Path) -> dict[str, Service]:
    """Every service by key, with the keytab of its own; 'ldap' is the controller's own service."""
    names = {row.key: row.spn for row in service_accounts(suffix)} | {"ldap": f"ldap/{host}"}
    return {key: Service(key, spn, keytabs / f"{key}.keytab", key in ("delegate", "ldap"))
            for key, spn in names.items()}


def order(host: str, suffix: str, keytabs: Path) -> dict[str, object]:
    """All of it as plain data, for the script that fills the directory."""
    users = [{"user": account.user, "password": account.password, "key": account.key, "flags": _flags(account.key)}
             for account in ad_accounts().values()]
    services = [{"user": row.user, "password": row.password, "spn": row.spn, "targets": list(row.targets),
                 "flags": _NORMAL | _PASSWORD_STAYS | row.flags} for row in service_accounts(suffix)]
    tabs = [{"spn": service.spn, "keytab": str(service.keytab)}
            for service in ad_services(host, suffix, keytabs).values()]
    return {"users": users, "services": services, "keytabs": tabs, "own": f"ldap/{host}",
            "together": str(keytabs / "all.keytab")}


def _flags(key: str) -> int:
    # A password that may not expire cannot be told to be changed either.
    flags = _NORMAL if key == "password-expired" else _NORMAL | _PASSWORD_STAYS
    return flags | {"disabled": _DISABLED, "no-preauth": _NO_PREAUTH, "protected": _NOT_DELEGATED}.get(key, 0)
