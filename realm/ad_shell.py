# SPDX-License-Identifier: Apache-2.0
"""The domain on the command line: a shell inside it, exports for another terminal, how long a start takes."""
from __future__ import annotations

import os
import shlex
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from .ad import AdRealm

# How often the template is made at most; it takes seconds.
_SLOW_ONES = 2


def shell(realm: AdRealm) -> int:
    """Run an interactive shell inside the domain's namespaces; returns its exit status."""
    environment = realm.environment() | realm.winbind_environment()
    for name in ("HOME", "TERM", "USER", "LOGNAME"):
        if name in os.environ:
            environment[name] = os.environ[name]
    startup = realm.folder / "shellrc"
    startup.write_text(f"PS1='{realm.name}$ '\n")
    environment["ENV"] = str(startup)  # what a plain sh reads
    bash = shutil.which("bash")
    argv = [bash, "--noprofile", "--rcfile", str(startup), "-i"] if bash else ["/bin/sh", "-i"]
    print(greeting(realm), flush=True)
    return subprocess.run(realm.command(argv), env=environment, check=False).returncode


def exports(realm: AdRealm) -> str:
    """What another terminal needs: the way in as a variable, then the environment."""
    lines = realm.environment() | realm.winbind_environment()
    lines["REALM_ENTER"] = shlex.join(realm.command([], Path("/")))
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(lines.items()))


def greeting(realm: AdRealm) -> str:
    """What is here and how to use it."""
    who = f"member {realm.netbios}" if realm.member else f"controller {realm.netbios}"
    lines = [f"Realm {realm.name}, Active Directory domain {realm.domain}, controller {realm.dc_host} "
             f"({realm.dc_address}); NTLM is checked by the {who}. Ready after {realm.ready_seconds * 1000:.0f} ms.",
             "", "Users:"]
    people = [*realm.accounts.values(), realm.administrator]
    lines += [f"  {account.user:<14} {account.password:<15} {account.state}" for account in people]
    lines += ["", "Services:"]
    lines += [f"  {service.spn:<24} {service.keytab}{'  (OK_AS_DELEGATE)' if service.ok_as_delegate else ''}"
              for service in realm.services.values()]
    user, front, web = realm.accounts["normal"], realm.services["front"], realm.services["http"]
    lines += [
        "", "Try:",
        f"  echo {user.password} | kinit {user.user}; kvno {web.spn}; klist -ef",
        f"  kinit -k -t {front.keytab} {front.spn}; kvno -k {front.keytab} -U {user.user} -P {web.spn}",
        f"  wbinfo -a '{realm.domain}\\{user.user}%{user.password}'",
        "", f"Logs: {realm.folder}/log", "Everything ends with this shell.",
    ]
    return "\n".join(lines)


def measure(runs: int) -> dict[str, object]:
    """Time starts from the template, without and with the member, interleaved, and first starts. Milliseconds."""
    with AdRealm():
        pass  # the template exists from here on
    alone: list[float] = []
    joined: list[float] = []
    first: list[float] = []
    for number in range(runs):
        for member, times in ((False, alone), (True, joined)):
            with AdRealm(member=member) as realm:
                times.append(realm.ready_seconds)
        if number < _SLOW_ONES:
            with tempfile.TemporaryDirectory() as cache, AdRealm(cache=Path(cache)) as realm:
                first.append(realm.ready_seconds)
    return {"runs": runs, "ready": _summary(alone), "ready-with-member": _summary(joined),
            "first-time": _summary(first)}


def _summary(seconds: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(seconds) * 1000, 1),
        "min_ms": round(min(seconds) * 1000, 1),
        "max_ms": round(max(seconds) * 1000, 1),
        "n": len(seconds),
    }
