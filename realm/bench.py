# SPDX-License-Identifier: Apache-2.0
"""How long until a realm is ready, beside the usual way: build everything anew, one tool call per account."""
from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from . import kdc, winbind
from .accounts import Account, all_accounts
from .folder import make_folder, remove_folder
from .process import Keeper
from .realm import Realm
from .tools import find_tool, run_tool

# How often the slow ones are run at most.
_SLOW_ONES = 5


def measure(runs: int) -> dict[str, object]:
    """Time, interleaved: our start from the template, our first start, the usual way. Milliseconds.

    The usual way follows k5test: kdb5_util create, a kadmin.local call per principal, krb5kdc; and then the
    same for NTLM: a pdbedit call per user, winbindd. "k5test-style" gives it two users, one service and only
    AES-SHA1 keys, less than half of what a realm holds. "k5test-style-same-content" makes it hold the same
    accounts, services and key types (still without certificates). The ratio is that to the smaller one.
    """
    with Realm():
        pass  # the template exists from here on
    users = tuple(all_accounts().values())
    ours: list[float] = []
    first: list[float] = []
    small_kdc: list[float] = []
    small: list[float] = []
    same: list[float] = []
    for number in range(runs):
        with Realm() as realm:
            ours.append(realm.ready_seconds)
        only_kdc, both = _usual_way(users[:2], ("host/web.sspi.test",), kdc.ENCTYPES[:2])
        small_kdc.append(only_kdc)
        small.append(both)
        if number < _SLOW_ONES:
            with tempfile.TemporaryDirectory() as cache, Realm(cache=Path(cache)) as realm:
                first.append(realm.ready_seconds)
                services = tuple(service.spn for service in realm.services.values())
            same.append(_usual_way(users, services, kdc.ENCTYPES)[1])
    return {
        "runs": runs,
        "ready": _summary(ours),
        "first-time": _summary(first),
        "k5test-style-kdc-only": _summary(small_kdc),
        "k5test-style": _summary(small),
        "k5test-style-same-content": _summary(same),
        "ratio": round(statistics.median(small) / statistics.median(ours), 2),
    }


def _summary(seconds: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(seconds) * 1000, 1),
        "min_ms": round(min(seconds) * 1000, 1),
        "max_ms": round(max(seconds) * 1000, 1),
        "n": len(seconds),
    }


def _usual_way(accounts: Sequence[Account], spns: Sequence[str], enctypes: Sequence[str]) -> tuple[float, float]:
    """Seconds until the KDC is ready, and until winbindd is too. The keeper starts before the clock."""
    folder, lock = make_folder()
    keeper = Keeper(folder, (lock,))
    try:
        keeper.check()
        (folder / "log").mkdir()
        start = time.monotonic()
        _usual_kdc(folder / "kdc", keeper, accounts, spns, enctypes)
        kdc_seconds = time.monotonic() - start
        _usual_winbindd(folder / "samba", keeper, accounts)
        return kdc_seconds, time.monotonic() - start
    finally:
        keeper.close()
        remove_folder(folder, lock)


def _usual_kdc(folder: Path, keeper: Keeper, accounts: Sequence[Account], spns: Sequence[str],
               enctypes: Sequence[str]) -> None:
    folder.mkdir()
    name = "SSPI.TEST"
    kdc.write_kdc_conf(folder, name, enctypes)
    environment = kdc.kdc_environment(folder)
    run_tool(["kdb5_util", "-r", name, "create", "-s", "-W"], environment, text="master\nmaster\n")
    queries = [f"add_principal -pw {account.password} {account.user}" for account in accounts]
    for spn in spns:
        queries += [f"add_principal -randkey {spn}", f"ktadd -k {folder}/keytab {spn}"]
    for query in queries:
        run_tool(["kadmin.local", "-r", name, "-p", "realm/admin", "-q", query], environment)
    keeper.start("kdc", [find_tool("krb5kdc"), "-n", "-r", name], environment, folder,
                 folder.parent / "log" / "kdc.log", kdc.READY)
    kdc.port_of(keeper.wait_ready("kdc"))


def _usual_winbindd(folder: Path, keeper: Keeper, accounts: Sequence[Account]) -> None:
    conf = winbind.write_smb_conf(folder)
    winbind.write_unix_files(folder, accounts)
    environment = winbind.samba_environment(folder)
    for account in accounts:
        run_tool(["pdbedit", "-s", str(conf), "-a", "-t", "-u", account.user], environment,
                 text=f"{account.password}\n{account.password}\n")
    keeper.start("winbindd", winbind.command(conf), environment, folder, folder.parent / "log" / "winbindd.log")
    winbind.wait_until_it_answers(folder, lambda: keeper.glance("winbindd"))
