# SPDX-License-Identifier: Apache-2.0
"""Cases that need Active Directory: played inside its namespaces, or said to be unsupported, never passed."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from realm.ad import why_not
from sspi_conform import judge
from sspi_conform.captures import Captures
from sspi_conform.commands.run import lacking_here
from sspi_conform.model import Case, Trace, Verdict
from sspi_conform.pipelines import RunOptions, run_cases
from sspi_conform.project import open_project
from sspi_conform.programs import peer_program, program_of
from sspi_conform.report.summary import summarise
from sspi_conform.report.terminal import summary_lines

from support import case

ROOT = Path(__file__).resolve().parents[2]


def in_ad(made: Case) -> Case:
    """The same case with `needs: [ad]`."""
    return replace(made, needs=frozenset({"ad"}))


def play(cases: list[Case]) -> list[Trace]:
    """Play cases with libsspi against the independent peer."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    probe = ROOT / "build" / "sspi-probe"
    if not probe.is_file():
        pytest.skip("there is no probe: make")
    profile = open_project(ROOT).profile("libsspi")
    done = dict((one.id + one.isolate, trace) for one, trace in
                run_cases(cases, RunOptions(program_of(profile, probe, ROOT), peer_program(), jobs=1)))
    return [done[one.id + one.isolate] for one in cases]


def last_status(trace: Trace) -> str:
    """The status of the acceptor's last leg."""
    assert trace.ended is None, trace.ended
    return str(trace.observed[f"acceptor.leg.{2 if 'acceptor.leg.2.status' in trace.observed else 1}.status"])


def test_accounts_and_outages_through_the_member() -> None:
    accounts = {"normal": "SEC_E_OK", "wrong-password": "SEC_E_LOGON_DENIED", "unknown-user": "SEC_E_LOGON_DENIED"}
    cases = [in_ad(case(["establish"], initiator__account=account)) for account in accounts]
    legs = [{"leg": {"side": side}} for side in ("initiator", "acceptor", "initiator")]
    for event in ("kill-dc", "break-trust"):
        cases.append(in_ad(case(["acquire", *legs, {"world": event}, {"leg": {"side": "acceptor"}}], isolate="realm",
                                parameters__event=event)))
    *seen, outage, distrust = (last_status(trace) for trace in play(cases))
    assert seen == list(accounts.values())
    assert outage == "SEC_E_NO_AUTHENTICATING_AUTHORITY"
    assert distrust != "SEC_E_OK"


def test_kerberos_inside() -> None:
    trace, = play([in_ad(case(["establish"], package="Kerberos", mechanism="Kerberos", initiator__account="default"))])
    assert last_status(trace) == "SEC_E_OK"


def test_an_endpoint_serves_one_realm() -> None:
    """The same case in both kinds of realm, one after the other: a process inside the namespaces reaches one KDC only."""
    kerberos = case(["establish"], package="Kerberos", mechanism="Kerberos")
    inside, outside = play([in_ad(kerberos), replace(kerberos, id=kerberos.id + "-outside")])
    assert (last_status(inside), last_status(outside)) == ("SEC_E_OK", "SEC_E_OK")


def test_without_it_the_case_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realm.ad.why_not", lambda: "no namespaces here")
    needing, other = in_ad(case(["establish"])), case(["establish"])
    lacking = lacking_here([needing, other])
    profile = open_project(ROOT).profile("libsspi")
    result = judge.unsupported(needing, profile, lacking)
    assert result is not None and (result.verdict, result.reason) == (Verdict.UNSUPPORTED, "no namespaces here")
    assert judge.unsupported(other, profile, lacking) is None
    summary = summarise([result], Captures((), {}, {}), (), None, 0.0)
    assert "Not played: 1 case: no namespaces here" in summary_lines(summary)
    assert lacking_here([other]) == {}
