# SPDX-License-Identifier: Apache-2.0
"""Finding and running the programs the realm is made of."""
from __future__ import annotations

import glob
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from .errors import RealmError

# Ordinary users have no sbin in PATH, yet may run what lies there.
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def package_of(name: str) -> str:
    """The Debian package that brings a program or preload library."""
    packages = {
        "krb5kdc": "krb5-kdc", "kdb5_util": "krb5-kdc", "kadmin.local": "krb5-admin-server",
        "kinit": "krb5-user", "klist": "krb5-user", "kvno": "krb5-user",
        "winbindd": "winbind", "wbinfo": "winbind", "ntlm_auth": "winbind", "pdbedit": "samba",
        "openssl": "openssl", "setpriv": "util-linux",
        "libnss_wrapper.so": "libnss-wrapper", "libuid_wrapper.so": "libuid-wrapper",
    }
    return packages.get(name, name)


def find_tool(name: str) -> str:
    """The absolute path of a program; a RealmError says which package to install."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":" + SEARCH)
    if found is None:
        raise RealmError(f"{name} not found in PATH nor in {SEARCH}: apt-get install {package_of(name)}")
    return os.path.abspath(found)


def find_preload(name: str) -> str:
    """The absolute path of a preload library."""
    for folder in ("/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib", "/usr/local/lib"):
        for found in sorted(glob.glob(f"{folder}/{name}")):
            return found
    raise RealmError(f"{name} not found below /usr/lib: apt-get install {package_of(name)}")


def base_environment() -> dict[str, str]:
    """What every process of the realm gets, whatever surrounds the caller."""
    return {"PATH": SEARCH, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def run_tool(argv: Sequence[str], environment: Mapping[str, str], *, text: str = "", what: str = "",
             seconds: float = 60.0) -> str:
    """Run a short-lived program to its end and return its output, both streams as one.

    It dies with the calling thread (which waits here), so that a killed run leaves no half-done
    key generation behind.
    """
    program = find_tool(argv[0])
    tied = [find_tool("setpriv"), "--pdeathsig", "KILL", "--", program, *argv[1:]]
    try:
        done = subprocess.run(tied, input=text, env=dict(environment), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, check=False)
    except subprocess.TimeoutExpired as problem:
        raise RealmError(f"{what or argv[0]}: {program} gave no result within {seconds:.0f} s") from problem
    except OSError as problem:
        raise RealmError(f"{what or argv[0]}: cannot run {program}: {problem}") from problem
    if done.returncode != 0:
        raise RealmError(f"{what or argv[0]}: {program} ended with {how_it_ended(done.returncode)}: "
                         f"{done.stdout.strip()[-800:]}")
    return done.stdout


def how_it_ended(code: int) -> str:
    """Words for an exit code as subprocess counts it: negative means a signal."""
    return f"signal {-code}" if code < 0 else f"exit status {code}"
