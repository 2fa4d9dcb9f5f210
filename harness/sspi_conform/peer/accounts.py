# SPDX-License-Identifier: Apache-2.0
"""Who the NTLM acceptor knows, and what it calls itself: all from the environment, so that a profile can set it."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .ntlm_crypto import nt_hash

Hashes = dict[tuple[str, str], bytes | None]


class AccountsError(Exception):
    """The file of accounts is missing or is not one."""


@dataclass(frozen=True, slots=True)
class Host:
    """The names in CHALLENGE messages. A domain equal to the NetBIOS name means a machine without a domain."""

    domain: str
    netbios: str
    dns_name: str

    @property
    def dns_domain(self) -> str:
        return self.dns_name.partition(".")[2] or self.dns_name


@dataclass(frozen=True, slots=True)
class Accounts:
    """NT hashes by user and domain, both in upper case; None for a disabled account."""

    host: Host
    hashes: Mapping[tuple[str, str], bytes | None] = field(repr=False)

    def hash_of(self, user: str, domain: str) -> bytes | None:
        """The NT hash of an enabled account, None for everybody else. An empty domain and a user@domain name
        (fact.ntlm.upn) mean the host's own domain."""
        user, domain = user.upper(), domain.upper()
        if not domain and "@" in user:
            user, _, suffix = user.partition("@")
            if suffix not in (self.host.dns_domain.upper(), self.host.domain.upper()):
                return None
        if domain in ("", self.host.netbios.upper(), self.host.dns_domain.upper()):
            domain = self.host.domain.upper()
        return self.hashes.get((user, domain))


def host_from(environment: Mapping[str, str]) -> Host:
    """The host's names: SSPI_PEER_DOMAIN, SSPI_PEER_NETBIOS, SSPI_PEER_HOST (its DNS name)."""
    return Host(environment.get("SSPI_PEER_DOMAIN", "NTDOM"), environment.get("SSPI_PEER_NETBIOS", "SSPIPEER"),
                environment.get("SSPI_PEER_HOST", "web.sspi.test"))


def accounts_from(environment: Mapping[str, str]) -> Accounts:
    """The accounts: SSPI_PEER_ACCOUNTS (JSON), else SSPI_PEER_SMBPASSWD, else nobody."""
    host = host_from(environment)
    if path := environment.get("SSPI_PEER_ACCOUNTS"):
        return Accounts(host, _read(Path(path), _from_json, host.domain))
    if path := environment.get("SSPI_PEER_SMBPASSWD"):
        return Accounts(host, _read(Path(path), _from_smbpasswd, host.domain))
    return Accounts(host, {})


def _read(path: Path, reader: Callable[[str, str], Hashes], domain: str) -> Hashes:
    try:
        return reader(path.read_text(encoding="utf-8"), domain)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AccountsError(f"no accounts in {path}: {type(error).__name__}") from None  # the text may hold a secret


def _from_json(text: str, domain: str) -> Hashes:
    """[{"user", "domain"?, "password" or "nthash"}]"""
    found: Hashes = {}
    for row in json.loads(text):
        secret = bytes.fromhex(row["nthash"]) if "nthash" in row else nt_hash(row["password"])
        found[row["user"].upper(), row.get("domain", domain).upper()] = None if row.get("disabled") else secret
    return found


def _from_smbpasswd(text: str, domain: str) -> Hashes:
    """Lines name:uid:LM hash:NT hash:[flags]:change time: as Samba writes them."""
    found: Hashes = {}
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) < 5 or line.startswith("#"):
            continue
        usable = not set(parts[4]) & set("DL") and "KICK-00000001" not in parts and "LCT-00000000" not in parts
        found[parts[0].upper(), domain.upper()] = bytes.fromhex(parts[3]) if usable else None
    return found
