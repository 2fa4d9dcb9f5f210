# SPDX-License-Identifier: Apache-2.0
"""The MIT KDC: its database, its configuration, the configuration of its clients, the port it picked."""
from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from .accounts import PARTNER, Account, Service
from .errors import RealmError
from .tools import base_environment, run_tool

ENCTYPES = ("aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96", "aes256-cts-hmac-sha384-192", "arcfour-hmac")
# Of services that have no other. Keys of passwords would cost 50 ms each.
SERVICE_ENCTYPES = ("aes128-cts-hmac-sha256-128",)
PARTNER_ENCTYPES = ENCTYPES[:1]
_TRUST = "known-to-both-KDCs"
READY = b"starting..."
# Long past, yet not 0, which means "never".
PAST = "2001-01-01 00:00:00"


def write_kdc_conf(folder: Path, name: str, enctypes: Iterable[str] = ENCTYPES) -> None:
    """Write the one file the KDC and its tools read; the database lies beside it.

    It refers clients that ask for a host of the other realm to that realm (RFC 6806 8).

    Port 0 lets the kernel pick, because two KDCs on one port both start and share the requests.
    """
    (folder / "kdc.conf").write_text(f"""\
[libdefaults]
    default_realm = {name}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    allow_rc4 = true
[realms]
    {name} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        kdc_listen = ""
        kdc_tcp_listen = 127.0.0.1:0
        supported_enctypes = {' '.join(f'{each}:normal' for each in enctypes)}
        max_life = 10h
        max_renewable_life = 7d
        host_based_services = *
    }}
[domain_realm]
    .{PARTNER.lower()} = {PARTNER}
[dbmodules]
    {name} = {{
        disable_last_success = true
    }}
[logging]
    kdc = FILE:{folder}/requests.log
""")


def kdc_environment(folder: Path) -> dict[str, str]:
    """The environment of the KDC and its tools: nothing of the host's configuration."""
    return base_environment() | {
        "KRB5_CONFIG": str(folder / "kdc.conf"),
        "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        "KRB5RCACHEDIR": str(folder),
    }


def build(folder: Path, name: str, accounts: Iterable[Account], services: Iterable[Service], together: Path | None,
          friend: str, enctypes: Iterable[str] = ENCTYPES) -> None:
    """Make the database and the keytabs. One kadmin.local does it all: deriving the keys is the cost.

    together: a keytab of all services. friend: a realm that this one trusts and that trusts it.
    """
    write_kdc_conf(folder, name, enctypes)
    environment = kdc_environment(folder)
    run_tool(["kdb5_util", "-r", name, "create", "-s", "-W"], environment, text="master\nmaster\n",
             what="making the KDC's database")
    accounts, services = tuple(accounts), tuple(services)
    lines = ["add_policy -maxfailure 2 -failurecountinterval 0 -lockoutduration 0 lockout"]
    for account in accounts:
        state = {
            "expired": f'-expire "{PAST}"',
            "disabled": "-allow_tix",
            "locked": "-policy lockout",
            "password-expired": f'-pwexpire "{PAST}"',
        }.get(account.key, "")
        proof = "-" if account.key == "no-preauth" else "+"
        lines.append(f"add_principal {proof}requires_preauth {state} -pw {account.password} {account.user}")
    for service in services:
        # With preauthentication required here, a ticket got without it would be refused.
        options = "+ok_as_delegate" if service.ok_as_delegate else "" if service.pac else "+no_auth_data_required"
        types = f'-e "{",".join(f"{each}:normal" for each in service.enctypes)}"' if service.enctypes else ""
        lines.append(f"add_principal -randkey {types} -requires_preauth {options} {service.spn}")
        if service.enctypes:  # for the session key, which the KDC chooses without a look at the others
            lines.append(f'set_string {service.spn} session_enctypes "{" ".join(service.enctypes)}"')
        for keytab in filter(None, (service.keytab, together)):
            lines.append(f"ktadd -norandkey -k {keytab} {service.spn}")
        if service.rekeyed:
            lines.append(f"change_password -randkey {service.spn}")
    for one, other in ((name, friend), (friend, name)):  # the same key in both databases
        lines.append(f"add_principal -e {PARTNER_ENCTYPES[0]}:normal -requires_preauth -pw {_TRUST} krbtgt/{one}@{other}")
    # -p, because a user id without a name would leave kadmin.local without a guess.
    output = run_tool(["kadmin.local", "-r", name, "-p", "realm/admin"], environment, text="\n".join(lines) + "\n",
                      what="filling the KDC's database")
    for principal in [account.user for account in accounts] + [service.spn for service in services]:
        if f'Principal "{principal}@{name}" created' not in output:
            raise RealmError(f"kadmin.local did not create {principal}: {output.strip()[-800:]}")
    for account in accounts:
        if account.key == "locked":
            _lock_out(folder, name, account, environment)


def _lock_out(folder: Path, name: str, account: Account, environment: dict[str, str]) -> None:
    """Count two failed attempts for an account of the lockout policy.

    Done by rewriting its dump record, as starting a KDC only to give it two bad passwords costs more.
    """
    dump = folder / "dump"
    run_tool(["kdb5_util", "-r", name, "dump", str(dump), f"{account.user}@{name}"], environment,
             what="reading the locked account")
    lines = dump.read_text().splitlines()
    for number, line in enumerate(lines):
        fields = line.split("\t")
        if fields[0] == "princ" and fields[6] == f"{account.user}@{name}":
            # ... 8 max life, 9 max renewable life, 10 expiration, 11 password expiration,
            # 12 last success, 13 last failure, 14 failures
            fields[13], fields[14] = "978307200", "2"
            lines[number] = "\t".join(fields)
    dump.write_text("\n".join(lines) + "\n")
    run_tool(["kdb5_util", "-r", name, "load", "-update", str(dump)], environment, what="locking the locked account")
    dump.unlink()
    (folder / "dump.dump_ok").unlink(missing_ok=True)


def port_of(pid: int) -> int:
    """The TCP port a process listens on, found through /proc."""
    inodes = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(entry.path)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:  # 0A: listening
                return int(fields[1].rpartition(":")[2], 16)
    raise RealmError(f"the KDC (pid {pid}) says it is ready but listens on no TCP port")


def write_krb5_conf(path: Path, name: str, host: str, port: int, keytab: Path, ccache: Path,
                    partner_port: int | None = None) -> None:
    """Write the clients' configuration: this KDC, TCP only, no DNS, no canonical names, caches in files.

    Which realm the hosts of the other realm belong to is left to the KDC to say, as Windows does.
    """
    partner = f"    {PARTNER} = {{\n        kdc = 127.0.0.1:{partner_port}\n    }}\n" if partner_port is not None else ""
    domain = host.partition(".")[2]
    part = path.with_suffix(".new")  # renamed over, since clients may be reading
    part.write_text(f"""\
[libdefaults]
    default_realm = {name}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_uri_lookup = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    forwardable = true
    ticket_lifetime = 10h
    allow_rc4 = true
    permitted_enctypes = {' '.join((*ENCTYPES, *SERVICE_ENCTYPES))}
    default_keytab_name = FILE:{keytab}
    default_client_keytab_name = FILE:{path.parent}/no-client.keytab
    default_ccache_name = FILE:{ccache}
[realms]
    {name} = {{
        kdc = 127.0.0.1:{port}
    }}
{partner}[domain_realm]
    {domain} = {name}
    .{domain} = {name}
""")
    part.replace(path)
