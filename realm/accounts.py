# SPDX-License-Identifier: Apache-2.0
"""Who lives in the realm: users with a state each, and services; known alike to the KDC and to the NTLM domain."""
from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Account:
    """A user. `state` repeats the key in words a report can print."""

    key: str
    user: str
    password: str
    state: str
    realm: str = ""  # none: the realm's own name


@dataclass(frozen=True)
class Service:
    """A service principal with a keytab that holds nothing else."""

    key: str
    spn: str
    keytab: Path
    ok_as_delegate: bool
    enctypes: tuple[str, ...] = ()  # of its keys and so of its tickets; none given: all the realm has
    rekeyed: bool = False  # the KDC has a newer key than the keytab
    pac: bool = True  # whether its tickets carry a PAC


# Services with keys of one encryption type.
_ONLY = {"aes128": ("aes128-cts-hmac-sha1-96",), "aes256-sha384": ("aes256-cts-hmac-sha384-192",),
         "aes128-sha256": ("aes128-cts-hmac-sha256-128",),
         "rc4": ("arcfour-hmac",)}


def all_accounts() -> dict[str, Account]:
    """Every user of a realm, by key."""
    rows = (
        Account("normal", "alice", "Alice-knows-7", "usable"),
        Account("second", "bob", "Bob-knows-8", "usable, another user"),
        Account("expired", "eve", "Eve-knows-9", "account expired"),
        Account("disabled", "dora", "Dora-knows-1", "account disabled"),
        Account("locked", "luke", "Luke-knows-2", "account locked after bad passwords"),
        Account("password-expired", "pete", "Pete-knows-3", "password must be changed"),
        Account("no-preauth", "nora", "Nora-knows-4", "usable without Kerberos preauthentication"),
    )
    return {row.key: row for row in rows}


def all_services(host: str, keytabs: Path) -> dict[str, Service]:
    """Every service of a realm, by key; `keytabs` is the folder of the one-principal keytabs."""
    domain = host.partition(".")[2]
    names = {
        "http": f"HTTP/{host}",
        "host": f"host/{host}",
        "cifs": f"cifs/{host}",
        "ldap": f"ldap/{host}",
        "delegate": f"HTTP/deleg.{domain}",
        "aes128": f"HTTP/aes128.{domain}",
        "aes256-sha384": f"HTTP/sha384.{domain}",
        "aes128-sha256": f"HTTP/sha256.{domain}",
        "rc4": f"HTTP/rc4.{domain}",
        "rekeyed": f"HTTP/rekeyed.{domain}",
        "no-pac": f"HTTP/nopac.{domain}",
    }
    return {key: Service(key, spn, keytabs / f"{key}.keytab", key == "delegate", _ONLY.get(key, ()), key == "rekeyed",
                         key != "no-pac") for key, spn in names.items()}


# A realm that trusts this one and is trusted by it; Realm(trust=True) starts its KDC.
PARTNER = "PARTNER.TEST"


def partner_accounts() -> dict[str, Account]:
    """The users of the other realm, by key."""
    return {"partner": Account("partner", "petra", "Petra-knows-5", "usable, of another realm", PARTNER)}


def partner_services(keytabs: Path) -> dict[str, Service]:
    """The services of the other realm, by key."""
    return {"partner": Service("partner", f"HTTP/web.{PARTNER.lower()}", keytabs / "partner.keytab", False)}


def unix_id(account: Account) -> int:
    """The made-up Unix id under which Samba's account database files a user."""
    return 10001 + list(all_accounts()).index(account.key)


def nt_hash(password: str) -> bytes:
    """The NT hash: MD4 of the password in UTF-16LE."""
    return _md4(password.encode("utf-16-le"))


def smbpasswd_line(account: Account) -> str:
    """One line of Samba's smbpasswd format.

    Two states are not in the flags: a password changed at time 0 means "must be changed", and since the
    format has no account expiry, one more field KICK-<hex seconds> follows, which Samba skips.
    """
    letters = {"disabled": "DU", "locked": "LU"}.get(account.key, "U")
    changed = 0 if account.key == "password-expired" else 0x60000000
    kickoff = "KICK-00000001:" if account.key == "expired" else ""
    return (
        f"{account.user}:{unix_id(account)}:{'X' * 32}:{nt_hash(account.password).hex().upper()}:"
        f"[{letters:<11}]:LCT-{changed:08X}:{kickoff}\n"
    )


def _md4(data: bytes) -> bytes:
    """MD4 (RFC 1320). OpenSSL 3 keeps it in the legacy provider, which hashlib does not load."""
    mask = 0xFFFFFFFF
    padded = data + b"\x80" + b"\0" * (-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    order = (
        tuple(range(16)),
        tuple(column + 4 * row for column in range(4) for row in range(4)),
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
    )
    shifts = ((3, 7, 11, 19), (3, 5, 9, 13), (3, 9, 11, 15))
    constants = (0, 0x5A827999, 0x6ED9EBA1)
    for block in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, block)
        a, b, c, d = state
        for number in range(3):
            for step in range(16):
                if number == 0:
                    mixed = (b & c) | (~b & d)
                elif number == 1:
                    mixed = (b & c) | (b & d) | (c & d)
                else:
                    mixed = b ^ c ^ d
                total = (a + mixed + words[order[number][step]] + constants[number]) & mask
                turn = shifts[number][step % 4]
                a, d, c, b = d, c, b, ((total << turn) | (total >> (32 - turn))) & mask
        state = [(old + new) & mask for old, new in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)
