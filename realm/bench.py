# SPDX-License-Identifier: Apache-2.0
"""How long until a realm is ready, beside the usual way: build everything anew, one tool call per account."""
from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from . import kdc, winbind
from .accounts import Account, all_accounts
from .folder import make_folder, remove_folder
from .process import Keeper
from .realm import Realm
from .tools import find_tool, run_tool

_FIRST_TIMES = 5


def measure(runs: int) -> dict[str, object]:
    """Time, interleaved: our start from the template, our first start, the usual way. Milliseconds.

    The usual way follows k5test: kdb5_util create, a kadmin.local call per principal, krb5kdc; here with two
    users, and then the same for NTLM: a pdbedit call per user, winbindd. It gets fewer accounts (2 instead
    of 7), cheaper keys (no aes256-sha384) and no certificates, so the comparison favours it.
    """
    with Realm():
        pass  # the template exists from here on
    ours: list[float] = []
    first: list[float] = []
    usual_kdc: list[float] = []
    usual: list[float] = []
    for number in range(runs):
        with Realm() as realm:
            ours.append(realm.ready_seconds)
        if number < _FIRST_TIMES:
            with tempfile.TemporaryDirectory() as cache, Realm(cache=Path(cache)) as realm:
                first.append(realm.ready_seconds)
        only_kdc, both = _usual_way()
        usual_kdc.append(only_kdc)
        usual.append(both)
    return {
        "runs": runs,
        "ready": _summary(ours),
        "first-time": _summary(first),
        "k5test-style-kdc-only": _summary(usual_kdc),
        "k5test-style": _summary(usual),
        "ratio": round(statistics.median(usual) / statistics.median(ours), 2),
    }


def _summary(seconds: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(statistics.median(seconds) * 1000, 1),
        "min_ms": round(min(seconds) * 1000, 1),
        "max_ms": round(max(seconds) * 1000, 1),
        "n": len(seconds),
    }


def _usual_way() -> tuple[float, float]:
    """Seconds until the KDC is ready, and until winbindd is too. The keeper starts before the clock."""
    accounts = tuple(all_accounts().values())[:2]
    folder, lock = make_folder()
    keeper = Keeper(folder, (lock,))
    try:
        keeper.check()
        (folder / "log").mkdir()
        start = time.monotonic()
        _usual_kdc(folder / "kdc", keeper, accounts)
        kdc_seconds = time.monotonic() - start
        _usual_winbindd(folder / "samba", keeper, accounts)
        return kdc_seconds, time.monotonic() - start
    finally:
        keeper.close()
        remove_folder(folder, lock)


def _usual_kdc(folder: Path, keeper: Keeper, accounts: tuple[Account, ...]) -> None:
    folder.mkdir()
    name = "SSPI.TEST"
    kdc.write_kdc_conf(folder, name)
    conf = folder / "kdc.conf"
    conf.write_text(conf.read_text().replace(" aes256-cts-hmac-sha384-192:normal", ""))
    environment = kdc.kdc_environment(folder)
    run_tool(["kdb5_util", "-r", name, "create", "-s", "-W"], environment, text="master\nmaster\n")
    queries = [f"add_principal -pw {account.password} {account.user}" for account in accounts]
    queries += ["add_principal -randkey host/web.sspi.test", f"ktadd -k {folder}/keytab host/web.sspi.test"]
    for query in queries:
        run_tool(["kadmin.local", "-r", name, "-p", "realm/admin", "-q", query], environment)
    keeper.start("kdc", [find_tool("krb5kdc"), "-n", "-r", name], environment, folder,
                 folder.parent / "log" / "kdc.log", kdc.READY)
    kdc.port_of(keeper.wait_ready("kdc"))


def _usual_winbindd(folder: Path, keeper: Keeper, accounts: tuple[Account, ...]) -> None:
    conf = winbind.write_smb_conf(folder)
    winbind.write_unix_files(folder, accounts)
    environment = winbind.samba_environment(folder)
    for account in accounts:
        run_tool(["pdbedit", "-s", str(conf), "-a", "-t", "-u", account.user], environment,
                 text=f"{account.password}\n{account.password}\n")
    keeper.start("winbindd", winbind.command(conf), environment, folder, folder.parent / "log" / "winbindd.log")
    winbind.wait_until_it_answers(folder, lambda: keeper.glance("winbindd"))
