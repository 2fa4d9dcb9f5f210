# SPDX-License-Identifier: Apache-2.0
"""The NTLM domain: Samba's account database and a winbindd that alone plays the domain controller."""
from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from .accounts import Account, smbpasswd_line, unix_id
from .errors import RealmError
from .tools import base_environment, find_preload, find_tool, run_tool

DOMAIN = "NTDOM"
NETBIOS = "NTSRV"
# The fixed sizes of winbindd's request and answer in Samba 4.17; others are asked through wbinfo instead.
_REQUEST, _ANSWER, _OK = 2136, 4008, 2


def write_smb_conf(folder: Path, standalone: bool = False) -> Path:
    """Write smb.conf and the folders it names; returns its path.

    A standalone server knows no domain but itself, so that any other name has no logon server.
    NTLMv1 is permitted: whether a server takes it is the server's own policy (LmCompatibilityLevel).
    Helpers on demand are off: samba-dcerpcd would make a session of its own and is not needed.
    """
    role = "standalone server" if standalone else "classic primary domain controller"
    for name in ("private", "lock", "state", "cache", "pid", "rpc", "wb"):
        (folder / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        (folder / name).chmod(0o755)  # winbindd refuses a socket folder with any other mode
    path = folder / "smb.conf"
    path.write_text(f"""\
[global]
    workgroup = {DOMAIN}
    netbios name = {NETBIOS}
    server role = {role}
    {'' if standalone else 'domain master = yes'}
    passdb backend = tdbsam:{folder}/private/passdb.tdb
    private dir = {folder}/private
    lock directory = {folder}/lock
    state directory = {folder}/state
    cache directory = {folder}/cache
    pid directory = {folder}/pid
    ncalrpc dir = {folder}/rpc
    winbindd socket directory = {folder}/wb
    log file = {folder}/samba.log
    interfaces = lo
    bind interfaces only = yes
    disable netbios = yes
    rpc start on demand helpers = no
    ntlm auth = ntlmv1-permitted
    idmap config * : backend = tdb
    idmap config * : range = 100000-200000
""")
    return path


def write_unix_files(folder: Path, accounts: Iterable[Account]) -> None:
    """Write the passwd and group files nss_wrapper shows: Samba wants a Unix user behind each account."""
    uid, gid = os.getuid(), os.getgid()
    users = ["root:x:0:0::/:/bin/false", "nobody:x:65534:65534::/:/bin/false"]
    groups = ["root:x:0:", "nogroup:x:65534:"]
    if uid not in (0, 65534):
        users.append(f"realm:x:{uid}:{gid}::/:/bin/false")
    if gid not in (0, 65534):
        groups.append(f"realm:x:{gid}:")
    users += [f"{account.user}:x:{unix_id(account)}:65534::/:/bin/false" for account in accounts]
    (folder / "passwd").write_text("\n".join(users) + "\n")
    (folder / "group").write_text("\n".join(groups) + "\n")


def samba_environment(folder: Path) -> dict[str, str]:
    """The environment of winbindd and pdbedit."""
    return base_environment() | {
        "LD_PRELOAD": find_preload("libnss_wrapper.so"),
        "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
        "SMB_CONF_PATH": str(folder / "smb.conf"),
    }


def client_environment(folder: Path) -> dict[str, str]:
    """What points any process's libwbclient at this winbindd.

    libwbclient believes SELFTEST_WINBINDD_SOCKET_DIR only while nss_wrapper is active, and trusts a folder
    that is not root's only if uid_wrapper makes the process believe that it is root.
    """
    environment = samba_environment(folder)
    for name in base_environment():
        del environment[name]
    environment["SELFTEST_WINBINDD_SOCKET_DIR"] = str(folder / "wb")
    if os.getuid() != 0:
        environment["LD_PRELOAD"] += " " + find_preload("libuid_wrapper.so")
        environment |= {"UID_WRAPPER": "1", "UID_WRAPPER_ROOT": "1"}
    return environment


def write_smbpasswd(path: Path, accounts: Iterable[Account]) -> None:
    """Write the accounts in smbpasswd format, readable by the owner alone."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.writelines(smbpasswd_line(account) for account in accounts)


def build(folder: Path, accounts: Iterable[Account]) -> None:
    """Make the account database below `folder`; one import, since each pdbedit call costs as much as all."""
    accounts = tuple(accounts)
    write_smb_conf(folder)
    write_unix_files(folder, accounts)
    write_smbpasswd(folder / "smbpasswd", accounts)
    environment = samba_environment(folder)
    run_tool(["pdbedit", "-s", str(folder / "smb.conf"), "-i", f"smbpasswd:{folder}/smbpasswd",
              "-e", f"tdbsam:{folder}/private/passdb.tdb"], environment, what="filling the NTLM domain")
    for account in accounts:
        if account.key == "expired":  # the one state the import does not carry
            run_tool(["pdbedit", "-s", str(folder / "smb.conf"), "-r", "-u", account.user, "-K", "1"], environment,
                     what="expiring an account of the NTLM domain")


def command(conf: Path) -> list[str]:
    """How winbindd is started: in the foreground, its log on standard output."""
    return [find_tool("winbindd"), "-F", "--no-process-group", "--debug-stdout", "-s", str(conf)]


def wait_until_it_answers(folder: Path, glance: Callable[[], None], seconds: float = 20.0) -> None:
    """Wait until winbindd answers a request. It prints nothing when ready, so its socket is tried.

    `glance` waits for a moment and raises if winbindd has died meanwhile.
    """
    deadline = time.monotonic() + seconds
    while (client := _connect(folder)) is None:
        if time.monotonic() > deadline:
            raise RealmError(f"winbindd did not open {folder}/wb/pipe within {seconds:.0f} s")
        glance()
    if not _ask(client, seconds):
        _ask_slowly(folder)


def _connect(folder: Path) -> socket.socket | None:
    """A connection to winbindd's pipe, or None as long as it does not listen."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        client.connect(str(folder / "wb" / "pipe"))
    except (FileNotFoundError, ConnectionRefusedError):
        client.close()
        return None
    return client


def _ask(client: socket.socket, seconds: float) -> bool:
    """Ask winbindd for its interface version; False if this Samba speaks another layout."""
    with client:
        client.settimeout(seconds)
        try:
            client.sendall(struct.pack("<I", _REQUEST) + bytes(_REQUEST - 4))
            answer = b""
            while len(answer) < 8:
                piece = client.recv(_ANSWER)
                if not piece:
                    return False
                answer += piece
        except ConnectionError:
            return False
        except TimeoutError as problem:
            raise RealmError(f"winbindd listens but gave no answer within {seconds:.0f} s") from problem
    return struct.unpack_from("<II", answer) == (_ANSWER, _OK)


def _ask_slowly(folder: Path) -> None:
    """The same question through wbinfo, which fits whatever Samba is installed."""
    run_tool(["wbinfo", "-p"], base_environment() | client_environment(folder), what="asking winbindd", seconds=20)
