# SPDX-License-Identifier: Apache-2.0
"""Two realms that trust each other: tickets both ways, referrals, and the life of the second KDC."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from realm import Realm, RealmError
from realm.kdc import port_of

from .conftest import CHECKOUT, killed_holder_leaves_nothing

HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from realm import Realm
with Realm(cache=Path(sys.argv[2]), trust=True) as realm:
    print(*realm.processes.values(), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def both(cache: Path) -> Iterator[Realm]:
    with Realm(cache=cache, trust=True) as live:
        yield live


def ticket(realm: Realm, account: str, spn: str, *options: str) -> str:
    """What klist shows after asking for a ticket."""
    cache = realm.folder / f"cc-{account}"
    realm.kinit(account, cache)
    environment = realm.environment() | {"KRB5CCNAME": f"FILE:{cache}"}
    subprocess.run(["kvno", *options, spn], env=environment, check=True, stdout=subprocess.DEVNULL)
    return subprocess.run(["klist"], env=environment, check=True, text=True, stdout=subprocess.PIPE).stdout


def test_tickets_both_ways(both: Realm) -> None:
    assert set(both.processes) == {"keeper", "kdc", "partner-kdc", "winbindd"}
    outward = ticket(both, "normal", f"{both.services['partner'].spn}@PARTNER.TEST")
    assert "krbtgt/PARTNER.TEST@SSPI.TEST" in outward and "HTTP/web.partner.test@PARTNER.TEST" in outward
    inward = ticket(both, "partner", both.services["http"].spn)
    assert "krbtgt/SSPI.TEST@PARTNER.TEST" in inward and "HTTP/web.sspi.test@SSPI.TEST" in inward


def test_the_kdc_refers_to_the_other_realm(both: Realm) -> None:
    assert "Ticket server: HTTP/web.partner.test@PARTNER.TEST" in ticket(both, "normal", "web.partner.test", "-S", "HTTP")


def test_keytab_of_the_partner(both: Realm) -> None:
    ticket(both, "normal", f"{both.services['partner'].spn}@PARTNER.TEST")
    environment = both.environment() | {"KRB5CCNAME": f"FILE:{both.folder}/cc-normal"}
    done = subprocess.run(["kvno", "-k", str(both.services["partner"].keytab), "HTTP/web.partner.test@PARTNER.TEST"],
                          env=environment, check=True, text=True, stdout=subprocess.PIPE)
    assert "keytab entry valid" in done.stdout


def test_without_trust_there_is_no_second_kdc(realm: Realm) -> None:
    assert "partner-kdc" not in realm.processes
    assert "partner" not in realm.services and "partner" not in realm.accounts
    assert "PARTNER" not in realm.krb5_conf.read_text()


def test_each_kdc_has_its_port_and_its_name(both: Realm) -> None:
    pids = both.processes
    assert port_of(pids["kdc"]) != port_of(pids["partner-kdc"])
    both.stop_kdc()
    both.start_kdc()
    ticket(both, "partner", both.services["http"].spn)
    both.check()
    both.kill("partner-kdc")
    with pytest.raises(RealmError, match=rf"the partner's KDC \(pid {pids['partner-kdc']}\) ended with signal 9"):
        both.check()


def test_shell_with_trust(cache: Path) -> None:
    text = "echo Petra-knows-5 | kinit petra@PARTNER.TEST >/dev/null && kvno HTTP/web.sspi.test\nexit 0\n"
    said = subprocess.run([sys.executable, "-m", "realm", "shell", "--trust", "--cache", str(cache)], cwd=CHECKOUT,
                          input=text, text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    assert "HTTP/web.sspi.test@SSPI.TEST: kvno = 1" in said


def test_killed_holder_leaves_nothing(cache: Path, short_tmp: Path) -> None:
    killed_holder_leaves_nothing(HOLD, cache, short_tmp, least=6)
