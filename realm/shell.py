# SPDX-License-Identifier: Apache-2.0
"""A shell inside a live realm, and the realm's environment as text."""
from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from .realm import Realm

# The preload is for the Samba tools alone: a whole shell that believes it is root helps nobody.
_PRELOADED = ("LD_PRELOAD", "UID_WRAPPER", "UID_WRAPPER_ROOT")


def shell(realm: Realm) -> int:
    """Run an interactive shell in the realm; returns its exit status."""
    startup = realm.folder / "shellrc"
    startup.write_text(_startup_text(realm))
    environment = realm.environment() | {
        name: value for name, value in realm.winbind_environment().items() if name not in _PRELOADED
    }
    for name in ("HOME", "TERM", "USER", "LOGNAME"):
        if name in os.environ:
            environment[name] = os.environ[name]
    bash = shutil.which("bash")
    argv = [bash, "--noprofile", "--rcfile", str(startup), "-i"] if bash else ["/bin/sh", "-i"]
    environment["ENV"] = str(startup)  # what a plain sh reads
    print(greeting(realm), flush=True)
    return subprocess.run(argv, env=environment, check=False).returncode


def exports(realm: Realm, winbind: bool) -> str:
    """The environment as lines for a POSIX shell; `winbind` adds the preload for libwbclient's users."""
    environment = realm.environment() | (realm.winbind_environment() if winbind else {})
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(environment.items()))


def greeting(realm: Realm) -> str:
    """What is here and how to use it."""
    role = "standalone server" if realm.standalone else "domain controller"
    lines = [f"Realm {realm.name}, NTLM domain {realm.domain} ({role} {realm.netbios}), "
             f"ready after {realm.ready_seconds * 1000:.0f} ms.", "", "Users (the same for Kerberos and NTLM):"]
    lines += [f"  {account.user:<6} {account.password:<15} {account.state}" for account in realm.accounts.values()]
    lines += ["", "Services:"]
    lines += [f"  {service.spn:<22} {service.keytab}{'  (OK_AS_DELEGATE)' if service.ok_as_delegate else ''}"
              for service in realm.services.values()]
    user = realm.accounts["normal"]
    lines += [
        "", "Try:",
        f"  echo {user.password} | kinit {user.user}; klist -f",
        f"  kvno -k {realm.services['http'].keytab} {realm.services['http'].spn}",
        f"  wbinfo -a '{realm.domain}\\{user.user}%{user.password}'",
        f"  ntlm_auth --username={user.user} --domain={realm.domain} --password={user.password}",
        "", f"Configuration: {realm.krb5_conf}", f"               {realm.smb_conf}",
        f"Logs:          {realm.log_of('kdc').parent}, {realm.folder}/kdc/requests.log",
        "Everything ends with this shell.",
    ]
    return "\n".join(lines)


def _startup_text(realm: Realm) -> str:
    preload = " ".join(f"{name}={shlex.quote(value)}" for name, value in realm.winbind_environment().items()
                       if name in _PRELOADED)
    functions = "".join(f'{tool}() {{ {preload} command {tool} "$@"; }}\n' for tool in ("wbinfo", "ntlm_auth"))
    return functions + f"PS1='{realm.name}$ '\n"
