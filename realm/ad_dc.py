# SPDX-License-Identifier: Apache-2.0
"""Samba as an Active Directory domain controller, and winbindd as a member of its domain: configuration, start."""
from __future__ import annotations

import os
from pathlib import Path

from .ad_content import DOMAIN, MEMBER
from .ad_space import DC_ADDRESS, MEMBER_ADDRESS
from .tools import base_environment, find_preload, find_tool

DC = "DC"
# Ports that accept once the services behind them run, all in one process: Kerberos, LDAP; SMB is another's.
PORTS = (f"{DC_ADDRESS}:88", f"{DC_ADDRESS}:389")
SMB_PORT = f"{DC_ADDRESS}:445"
_SERVICES = "rpc ldap cldap kdc"
_PACKAGES = {
    "/usr/share/samba/setup/provision.ldif": "samba-ad-provision",
    "*/samba/ldb/samldb.so": "samba-dsdb-modules",
    "*/samba/vfs/acl_xattr.so": "samba-vfs-modules",
    "/usr/lib/python3/dist-packages/samba/provision/__init__.py": "python3-samba",
    "/usr/lib/python3/dist-packages/markdown/__init__.py": "python3-markdown",
    "/usr/lib/python3/dist-packages/dns/__init__.py": "python3-dnspython",
    "*/sbin/samba": "samba",
}


def missing_packages() -> list[str]:
    """The packages that are not installed, by a file of each; nothing is run."""
    roots = [*map(Path, ("/usr/lib", "/usr/local/lib", "/usr/local", "/usr")), *Path("/usr/lib").glob("*-linux-gnu*")]

    def there(pattern: str) -> bool:
        if pattern.startswith("/"):
            return os.path.exists(pattern)
        return any((root / pattern[2:]).exists() for root in roots)

    return [package for pattern, package in _PACKAGES.items() if not there(pattern)]


def write_conf(folder: Path, realm: str, naming: bool = False) -> Path:
    """Write the controller's smb.conf. naming: with DNS, which a join needs.

    TLS is off: making its key would triple the time to start. Helpers on demand are off as in Realm.
    """
    _make_folders(folder, ("private", "lock", "state", "cache", "pid", "rpc", "wb", "sysvol/scripts"))
    services = _SERVICES + (" dns" if naming else "")
    path = folder / "smb.conf"
    path.write_text(f"""\
[global]
    workgroup = {DOMAIN}
    realm = {realm}
    netbios name = {DC}
    server role = active directory domain controller
    server services = {services}
{_paths(folder)}
    ntp signd socket directory = {folder}/state
    interfaces = {DC_ADDRESS}/24
    bind interfaces only = yes
    tls enabled = no
    ntlm auth = ntlmv2-only
    idmap_ldb:use rfc2307 = no
    load printers = no
    printing = bsd
[sysvol]
    path = {folder}/sysvol
    read only = no
[netlogon]
    path = {folder}/sysvol/scripts
    read only = no
""")
    return path


def write_member_conf(folder: Path, realm: str, dc_host: str) -> Path:
    """Write the smb.conf of the member, whose only daemon is winbindd."""
    _make_folders(folder, ("private", "lock", "state", "cache", "pid", "rpc", "wb"))
    path = folder / "smb.conf"
    path.write_text(f"""\
[global]
    workgroup = {DOMAIN}
    realm = {realm}
    netbios name = {MEMBER}
    security = ads
    password server = {dc_host}
{_paths(folder)}
    interfaces = {MEMBER_ADDRESS}/24
    bind interfaces only = yes
    rpc start on demand helpers = no
    ntlm auth = ntlmv2-only
    machine password timeout = 0
    winbind reconnect delay = 1
    idmap config * : backend = tdb
    idmap config * : range = 100000-200000
""")
    return path


def dc_environment(folder: Path) -> dict[str, str]:
    """The environment of the controller. In its user namespace only uid 0 exists, yet smbd wants to be others."""
    preloads = " ".join(find_preload(name) for name in ("libnss_wrapper.so", "libuid_wrapper.so"))
    return samba_environment(folder) | {
        "LD_PRELOAD": preloads, "UID_WRAPPER": "1", "UID_WRAPPER_ROOT": "1",
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"), "NSS_WRAPPER_GROUP": str(folder / "group"),
        "SELFTEST_WINBINDD_SOCKET_DIR": str(folder / "wb"),
    }


def samba_environment(folder: Path) -> dict[str, str]:
    """The environment of Samba's tools and of the member's winbindd."""
    return base_environment() | {"SMB_CONF_PATH": str(folder / "smb.conf"),
                                 "KRB5_CONFIG": str(folder.parent / "krb5.conf"), "HOME": str(folder)}


def write_unix_files(folder: Path) -> None:
    """Write the passwd and group files that the controller sees instead of the host's."""
    (folder / "passwd").write_text("root:x:0:0::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n")
    (folder / "group").write_text("root:x:0:\nusers:x:100:\nnogroup:x:65534:\n")


def command(conf: Path, hosting: bool) -> list[str]:
    """How the controller is started: samba, and beside it winbindd and smbd; logs on standard output.

    samba would start those two itself once it is up; side by side they are ready sooner. All get a process
    namespace within the other, so that samba's end is at once the end of all, whatever groups they make.
    """
    helpers = [find_tool("winbindd"), *([find_tool("smbd")] if hosting else [])]
    beside = "".join(f'"{program}" -F --no-process-group --debug-stdout -s "$1" '
                     '"--option=server role check:inhibit=yes" & ' for program in helpers)
    script = beside + 'exec "$0" -F --no-process-group --debug-stdout -M single -s "$1"'
    return [find_tool("unshare"), "-pf", "--kill-child", "--", "/bin/sh", "-c", script, find_tool("samba"), str(conf)]


def write_krb5_conf(folder: Path, realm: str, suffix: str) -> None:
    """Write the Kerberos configuration of everybody in the namespace."""
    (folder / "krb5.conf").write_text(f"""\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_uri_lookup = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    forwardable = true
    ticket_lifetime = 10h
    allow_rc4 = true
    default_keytab_name = FILE:{folder}/keytabs/all.keytab
    default_client_keytab_name = FILE:{folder}/no-client.keytab
    default_ccache_name = FILE:{folder}/ccache
[realms]
    {realm} = {{
        kdc = {DC_ADDRESS}
    }}
[domain_realm]
    {suffix} = {realm}
    .{suffix} = {realm}
""")


def _paths(folder: Path) -> str:
    return f"""\
    private dir = {folder}/private
    lock directory = {folder}/lock
    state directory = {folder}/state
    cache directory = {folder}/cache
    pid directory = {folder}/pid
    ncalrpc dir = {folder}/rpc
    winbindd socket directory = {folder}/wb
    log file = {folder}/samba.log
    disable netbios = yes"""


def _make_folders(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        (folder / name).chmod(0o755)  # winbindd refuses a socket folder with any other mode
