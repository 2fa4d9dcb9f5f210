# SPDX-License-Identifier: Apache-2.0
"""Exchanges made live are reproduced: what a case did is read from its lines, redacted, made a scenario, and ends the same."""
from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sspi_conform.commands.run import programs
from sspi_conform.decode import keys
from sspi_conform.exchange.model import Recording
from sspi_conform.exchange.redact import redact
from sspi_conform.exchange.verify import Secrets, verified
from sspi_conform.importing import probe_lines
from sspi_conform.model import Trace
from sspi_conform.peer.ntlm_crypto import nt_hash
from sspi_conform.pipelines import run_cases
from sspi_conform.project import open_project
from sspi_conform.report import detail
from sspi_conform.reproduce import compare, scenario, situation

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "build" / "sspi-probe"
OPTIONS = argparse.Namespace(impl="libsspi", peer="default", build="build", jobs=2, verbose=False)
# Cases of the suite, each with what must be found in the scenario that is made of it. Lines of a probe have no times, and
# say of a refusal no more than its status: another cause of the same is played then.
CASES: dict[str, dict[str, Any]] = {
    "denied[package=NTLM,account=wrong-password]": {"initiator.account": "wrong-password"},
    "denied[package=Negotiate/NTLM,account=disabled]": {"initiator.account": "disabled", "package": "Negotiate"},
    "ntlm-own-accounts[account=unknown-user]": {"initiator.account": "disabled"},
    "cbt[mechanism=NTLM,initiator=other,acceptor=this]": {"initiator.bindings": "other-end-point"},
    "cbt[mechanism=Kerberos,initiator=this,acceptor=this]": {"initiator.bindings": "tls-server-end-point"},
    "ntlm-level-acceptor[lm-level=0,answer=NTLMv1-ESS]": {"initiator.policy": {"lm-level": 1}},
    "krb-key[package=Kerberos,key=newer]": {"initiator.target": "rekeyed"},
    "krb-key[package=Negotiate/Kerberos,key=other-service]": {"acceptor.keytab": "cifs"},
    "krb-key[package=Kerberos,key=fitting]": {"initiator.target": "http"},
    "krb-ticket-times[package=Kerberos,ticket=expired]": {"initiator.ticket": "expired"},
    "krb-ticket-times[package=Kerberos,ticket=not-yet-valid]": {"initiator.ticket": "not-yet-valid"},
    "krb-pac[package=Kerberos,pac=wrong-signature]": {"initiator.ticket": "pac-signature"},
    "krb-session-key[subject=acceptor,package=Kerberos,enctype=aes256-sha384]": {"initiator.target": "aes256-sha384"},
    "krb-error[subject=acceptor]": {"acceptor.keytab": "cifs"},
    "u2u[subject=acceptor,package=Negotiate/Kerberos]": {"counterpart": "itself"},
    "no-authority-domain[package=NTLM,domain=foreign]": {"authority": "standalone"},
    "no-authority-kdc[kdc=gone]": {"mechanism": "Kerberos"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Recording], dict[str, situation.Situation], dict[str, Trace]]]:
    """Recordings of the cases, the situations made of them, and what happened when these were played."""
    if not PROBE.exists():
        pytest.skip("nothing is built: make")
    project = open_project(ROOT)
    chosen = [project.one(name) for name in CASES]
    secrets: list[Secrets] = []

    def ready(realm: Any) -> None:
        keytabs = [Path(one.keytab) for one in realm.services.values()]
        hashes = [nt_hash(account.password) for account in realm.accounts.values()]
        secrets.append(Secrets(keys.keys_of(keytabs, []), hashes))

    options = programs(project, project.profile("libsspi"), OPTIONS)
    recordings = {}
    for case, trace in run_cases(chosen, options, ready):
        content = json.dumps(detail.trace_entry(trace)).encode()
        recordings[case.id] = redact(verified(probe_lines.read(content, "trace.json"), secrets[0]))
    folder = tmp_path_factory.mktemp("reproduced")
    found = {}
    for number, (name, recording) in enumerate(recordings.items()):
        found[name] = situation.of(recording.exchanges[0])
        scenario.write(folder, f"recorded-{number}", found[name], recording, recording.exchanges[0])
    names = {f"recorded-{number}": name for number, name in enumerate(recordings)}
    again = open_project(ROOT, also=folder)
    played = {names[case.id]: trace for case, trace in run_cases([again.one(name) for name in names], options)}
    yield recordings, found, played


@pytest.mark.parametrize("name", CASES)
def test_it_goes_the_same_way(name: str, made: Any) -> None:
    recordings, found, played = made
    one = found[name]
    for key, value in CASES[name].items():
        assert one.settings.get(key) == value, (key, one.settings)
    rows = "\n".join(compare.lines(compare.rows(one.legs, played[name])))
    assert compare.same(one.divergence, played[name]), f"{one.divergence}\n{one.settings}\n{rows}"


def test_another_end_is_not_the_same(made: Any) -> None:
    """What was denied is not what succeeded, and the other way round."""
    _, found, played = made
    good, bad = "krb-key[package=Kerberos,key=fitting]", "krb-key[package=Kerberos,key=newer]"
    assert not compare.same(found[good].divergence, played[bad])
    assert not compare.same(found[bad].divergence, played[good])
