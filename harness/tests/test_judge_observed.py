# SPDX-License-Identifier: Apache-2.0
"""A case that nothing judges is played, and is never a pass."""
from __future__ import annotations

from dataclasses import replace

from sspi_conform.judge import judge
from sspi_conform.model import Ended, Expectation, Trace, Verdict

from support import case


def test_observed_only_is_no_pass() -> None:
    one = case(["establish"])
    one = replace(one, scenario=replace(one.scenario, observe_only="no source says what happens"))
    nothing = Expectation(one.id, {})
    result = judge(one, nothing, Trace(observed={"established": True}))
    assert result.verdict is Verdict.DISABLED and result.reason == "observed only: no source says what happens"
    crashed = Trace(observed={}, ended=Ended("crash", one.subject, "SIGSEGV", "AcceptSecurityContext"))
    assert judge(one, nothing, crashed).verdict is Verdict.FAIL
