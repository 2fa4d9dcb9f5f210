# SPDX-License-Identifier: Apache-2.0
"""Verdicts: the matrix of what happened and what was expected, and the rules of known failures."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from support import case as make_case

from sspi_conform import judge, matchers, patterns
from sspi_conform.captures import merge
from sspi_conform.judge import Rules
from sspi_conform.model import Case, Ended, Expectation, Record, Result, Source, Trace, Verdict
from sspi_conform.profiles import KnownFailure, Profile, Unsupported
from sspi_conform.yamlfile import Section, parse

CASE = make_case(["establish"])
STATUS = "acceptor.leg.2.status"
GOOD = {"acceptor.leg.1.status": "SEC_I_CONTINUE_NEEDED", "acceptor.leg.1.token": "NTLM CHALLENGE",
        STATUS: "SEC_E_OK", "acceptor.leg.2.attributes": ["INTEGRITY", "CONNECTION"], "acceptor.legs": 2,
        "established": True}


def outcome(**expect: Any) -> Mapping[str, Any]:
    """Matchers from YAML text; `__` stands for the dot."""
    return expectation_of({key.replace("__", "."): value for key, value in expect.items()})


def expectation_of(texts: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for path, text in texts.items():
        section: Section = parse(f"x: {text}\n", "test")
        found[path] = matchers.read(path, section["x"], "test:1")
    return found


def expected(evidence: str, texts: Mapping[str, str], binding: bool = True) -> Expectation:
    return merge(CASE.id, [Record(("x",), evidence, (), "", "", expectation_of(texts), binding, "test:1")])


def judged(texts: Mapping[str, str], observed: Mapping[str, Any] = GOOD, ended: Ended | None = None,
           evidence: str = "documented", binding: bool = True, known: tuple[KnownFailure, ...] = (),
           rules: Rules = Rules(), case: Case = CASE) -> Result:
    return judge.judge(case, expected(evidence, texts, binding), Trace(observed=dict(observed), ended=ended), known,
                       rules)


def known(**texts: str) -> KnownFailure:
    return KnownFailure(patterns.parse("made-up"), "A reason.", outcome(**texts), "2026-11-22", "mine.yaml:9")


@pytest.mark.parametrize(("path", "text", "holds"), [
    (STATUS, "SEC_E_OK", True), (STATUS, "SEC_E_INVALID_TOKEN", False),
    (STATUS, "{one-of: [SEC_E_OK, SEC_E_INVALID_TOKEN]}", True),
    (STATUS, "{one-of: [SEC_E_BAD_BINDINGS, SEC_E_INVALID_TOKEN]}", False),
    (STATUS, "{not: SEC_E_OK}", False), (STATUS, "{not: SEC_E_INVALID_TOKEN}", True),
    ("acceptor.leg.2.attributes", "{includes: [INTEGRITY]}", True),
    ("acceptor.leg.2.attributes", "{includes: [INTEGRITY, STREAM]}", False),
    ("acceptor.leg.2.attributes", "{excludes: [STREAM]}", True),
    ("acceptor.leg.2.attributes", "{excludes: [CONNECTION]}", False),
    ("acceptor.leg.2.attributes", "[CONNECTION, INTEGRITY]", True),     # flags have no order
    ("acceptor.leg.2.attributes", "[INTEGRITY]", False),
    ("acceptor.leg.2.attributes", "unwritten", False),
    ("acceptor.legs", "{at-least: 2}", True), ("acceptor.legs", "{at-least: 3}", False),
    ("acceptor.legs", "{at-most: 2}", True), ("acceptor.legs", "{at-most: 1}", False),
    ("acceptor.legs", "2", True), ("acceptor.legs", "true", False),
    ("established", "true", True), ("established", "false", False), ("established", "1", False),
    ("acceptor.leg.3.status", "absent", True), ("acceptor.leg.2.status", "absent", False),
    ("acceptor.leg.2.status", "present", True), ("acceptor.leg.3.status", "present", False),
    ("acceptor.leg.3.status", "{not: SEC_E_OK}", False),                # never reached is no other status
    ("acceptor.leg.1.token.mechListMIC", "absent", True),
    ("acceptor.leg.2.token.mechListMIC", "absent", False),              # no token, so nothing is absent from it
])
def test_matchers(path: str, text: str, holds: bool) -> None:
    result = judged({path: text})
    assert result.verdict is (Verdict.PASS if holds else Verdict.FAIL)
    assert [one.path for one in result.differences] == ([] if holds else [path])


@pytest.mark.parametrize(("evidence", "binding", "strict", "verdict"), [
    ("recorded", True, False, Verdict.FAIL), ("asserted", True, False, Verdict.FAIL),
    ("documented", True, False, Verdict.FAIL), ("documented", False, False, Verdict.DIFFERS),
    ("reported", False, False, Verdict.DIFFERS), ("inferred", False, False, Verdict.DIFFERS),
    ("reported", False, True, Verdict.FAIL), ("inferred", False, True, Verdict.FAIL),
])
def test_binding_advisory_and_strict(evidence: str, binding: bool, strict: bool, verdict: Verdict) -> None:
    result = judged({STATUS: "SEC_E_INVALID_TOKEN"}, evidence=evidence, binding=binding, rules=Rules(strict=strict))
    assert (result.verdict, result.evidence) == (verdict, evidence)
    (one,) = result.differences
    assert (one.expected, one.actual, one.binding) == ("SEC_E_INVALID_TOKEN", "SEC_E_OK", binding)


def test_one_binding_difference_among_advisory_ones_fails() -> None:
    both = merge(CASE.id, [
        Record(("x",), "inferred", (), "", "n", expectation_of({STATUS: "SEC_E_INVALID_TOKEN"}), False, "a:1"),
        Record(("x",), "documented", (), "", "", expectation_of({"acceptor.legs": "3"}), True, "a:2")])
    result = judge.judge(CASE, both, Trace(observed=dict(GOOD)))
    assert (result.verdict, result.evidence, len(result.differences)) == (Verdict.FAIL, "documented", 2)


def test_contradicting_sources_accept_both_and_nothing_else() -> None:
    records = [Record(("x",), "documented", (), "", "", expectation_of({STATUS: text}), True, "a:1")
               for text in ("SEC_E_OK", "SEC_E_BAD_BINDINGS")]
    both = merge(CASE.id, records)
    for status, verdict in (("SEC_E_OK", Verdict.ACCEPTABLE), ("SEC_E_BAD_BINDINGS", Verdict.ACCEPTABLE),
                            ("SEC_E_INVALID_TOKEN", Verdict.FAIL)):
        result = judge.judge(CASE, both, Trace(observed=GOOD | {STATUS: status}))
        assert result.verdict is verdict
        assert ("contradict" in result.reason) is (verdict is Verdict.ACCEPTABLE)


def test_only_the_subject_is_judged() -> None:
    texts = {"initiator.leg.1.status": "SEC_E_OK", "query.initiator.SIZES.status": "SEC_E_OK",
             "sign.initiator.make.status": "SEC_E_OK", "seal.acceptor.qop": 0}
    for path, text in texts.items():
        result = judged({path: text, STATUS: "SEC_E_OK"})
        assert (result.verdict, result.differences) == (Verdict.PASS, ()), path


@pytest.mark.parametrize(("path", "side"), [
    ("acceptor.leg.1.status", "acceptor"), ("initiator.last.token", "initiator"), ("established", ""), ("end", ""),
    ("sign.initiator.make.status", "initiator"), ("sign.initiator.verify.status", ""),
    ("seal.acceptor.encrypt.status", "acceptor"), ("seal.acceptor.decrypt.status", ""),
    ("seal.acceptor.plaintext", ""), ("seal.acceptor.qop", "initiator"), ("seal.odd.decrypt.status", "acceptor"),
    ("seal.odd.encrypt.status", "initiator"), ("seal.even.decrypt.status", ""), ("call.label.status", "acceptor"), ("call.other.status", ""),
    ("query.acceptor.NAMES.value.sUserName", "acceptor"), ("delete.initiator.status", "initiator"),
])
def test_whose_behaviour_a_path_shows(path: str, side: str) -> None:
    case = make_case([{"call": {"side": "acceptor", "as": "label", "request": {"call": "x"}}},
                      {"seal": {"side": "initiator", "tamper": "flip", "as": "odd"}},
                      {"seal": {"side": "initiator", "as": "even"}}, "seal both ways", "sign both ways"])
    assert matchers.side_of(path, case) == side


def test_a_path_never_reached_says_why() -> None:
    refused = {"initiator.acquire.status": "SEC_E_OK", "acceptor.leg.1.status": "SEC_E_INVALID_TOKEN"}
    (one,) = judged({STATUS: "SEC_E_OK"}, refused).differences
    assert one.actual == "never reached: the play ended after acceptor.leg.1.status SEC_E_INVALID_TOKEN"
    (one,) = judged({STATUS: "SEC_E_OK"}, {}).differences
    assert one.actual == "never reached: no call got that far"
    (one,) = judged({"acceptor.leg.1.token.av.x": "present"}).differences
    assert one.actual == "absent from the token (NTLM CHALLENGE)"


@pytest.mark.parametrize(("kind", "end"), [
    ("crash", "crash SIGSEGV in AcceptSecurityContext"), ("hang", "hang in AcceptSecurityContext")])
def test_a_death_of_the_subject_fails_with_signal_and_call(kind: str, end: str) -> None:
    ended = Ended(kind, "acceptor", "SIGSEGV", "AcceptSecurityContext")
    result = judged({STATUS: "SEC_E_OK"}, {}, ended, evidence="inferred", binding=False)
    assert result.verdict is Verdict.FAIL
    assert [(one.path, one.actual) for one in result.differences] == [("end", end), (STATUS, f"never reached: {end}")]


def test_a_death_fails_even_when_everything_expected_had_happened() -> None:
    ended = Ended("crash", "acceptor", "SIGABRT", "FreeCredentialsHandle")
    assert judged({STATUS: "SEC_E_OK"}, GOOD, ended).verdict is Verdict.FAIL


def test_harness_faults_are_errors() -> None:
    assert judged({STATUS: "SEC_E_OK"}, GOOD, Ended("harness", "", "broken")).verdict is Verdict.ERROR
    dead_peer = Ended("crash", "initiator", "SIGSEGV", "InitializeSecurityContext")
    result = judged({STATUS: "SEC_E_OK"}, GOOD, dead_peer)
    assert result.verdict is Verdict.ERROR
    assert result.reason == "crash in InitializeSecurityContext (initiator): SIGSEGV"
    assert judged({STATUS: "SEC_E_OK"}, GOOD, dead_peer, rules=Rules(peer_is_harness=False)).verdict is Verdict.FAIL


def test_unsupported() -> None:
    result = judged({STATUS: "SEC_E_OK"}, {}, Ended("unsupported", "acceptor", "no such function"))
    assert (result.verdict, result.reason) == (Verdict.UNSUPPORTED, "no such function")


def test_unsupported_is_for_the_profile_to_say() -> None:
    result = judged({STATUS: "SEC_E_OK"}, {}, Ended("undeclared", "acceptor", "empty slot", "MakeSignature"))
    assert result.verdict is Verdict.FAIL and not result.differences
    assert "`unsupported` to MakeSignature (empty slot), and no profile says" in result.reason


def test_a_case_without_expectation_proves_nothing() -> None:
    assert judge.judge(CASE, Expectation(CASE.id, {}), Trace(observed=dict(GOOD))).verdict is Verdict.ERROR
    watched = replace(CASE, scenario=replace(CASE.scenario, observe_only="why"))
    result = judge.judge(watched, Expectation(CASE.id, {}), Trace(observed=dict(GOOD)))
    assert result.verdict is Verdict.DISABLED and result.reason == "observed only: why"  # played, and no pass
    crashed = Trace(observed={}, ended=Ended("crash", CASE.subject, "SIGSEGV", "AcceptSecurityContext"))
    assert judge.judge(watched, Expectation(CASE.id, {}), crashed).verdict is Verdict.FAIL


def test_a_broken_canary_fails_whatever_was_expected() -> None:
    result = judged({STATUS: "SEC_E_OK"}, GOOD | {"acceptor.leg.1.canary": "broken"})
    assert result.verdict is Verdict.FAIL
    assert judged({STATUS: "SEC_E_OK"}, GOOD | {"initiator.leg.1.canary": "broken"}).verdict is Verdict.PASS


WRONG = {STATUS: "SEC_E_INVALID_TOKEN"}


def test_known_failure_as_listed() -> None:
    result = judged(WRONG, known=(known(acceptor__leg__2__status="SEC_E_OK"),))
    assert (result.verdict, result.reason) == (Verdict.KNOWN_FAILURE, "A reason. (mine.yaml:9)")


def test_unexpected_pass_fails() -> None:
    result = judged({STATUS: "SEC_E_OK"}, known=(known(acceptor__leg__2__status="SEC_E_OK"),))
    assert result.verdict is Verdict.FAIL
    assert result.reason == "unexpected pass: mine.yaml:9 calls this a known failure. Remove the entry."


def test_a_different_failure_fails() -> None:
    result = judged(WRONG, known=(known(acceptor__leg__2__status="SEC_E_BAD_BINDINGS"),))
    assert result.verdict is Verdict.FAIL
    assert "a different failure than mine.yaml:9 knows" in result.reason
    assert "here it is SEC_E_OK" in result.reason


def test_more_wrong_than_known_fails() -> None:
    result = judged(WRONG | {"acceptor.legs": "3"}, known=(known(acceptor__leg__2__status="SEC_E_OK"),))
    assert (result.verdict, result.reason) == (Verdict.FAIL, "more is wrong than mine.yaml:9 knows: acceptor.legs")


def test_what_was_never_reached_follows_from_the_known_failure() -> None:
    entry = known(acceptor__leg__2__status="SEC_E_OK")
    result = judged(WRONG | {"seal.initiator.decrypt.status": "SEC_E_OK"}, known=(entry,))
    assert result.verdict is Verdict.KNOWN_FAILURE


def test_all_entries_of_a_case_must_happen() -> None:
    entries = (known(acceptor__leg__2__status="SEC_E_OK"), known(acceptor__legs="2"))
    assert judged(WRONG | {"acceptor.legs": "3"}, known=entries).verdict is Verdict.KNOWN_FAILURE
    assert judged(WRONG, known=(entries[0], known(acceptor__legs="9"))).verdict is Verdict.FAIL


def test_a_known_crash() -> None:
    ended = Ended("crash", "acceptor", "SIGSEGV", "DeleteSecurityContext")
    observed = {"end": "crash SIGSEGV in DeleteSecurityContext"}
    entry = known(end="crash SIGSEGV in DeleteSecurityContext")
    assert judged(WRONG, observed, ended, known=(entry,)).verdict is Verdict.KNOWN_FAILURE
    other = {"end": "crash SIGABRT in DeleteSecurityContext"}
    assert judged(WRONG, other, ended, known=(entry,)).verdict is Verdict.FAIL


def test_an_error_is_never_a_known_failure() -> None:
    entry = known(acceptor__leg__2__status="SEC_E_OK")
    assert judged(WRONG, GOOD, Ended("harness", "", "x"), known=(entry,)).verdict is Verdict.ERROR


def test_an_advisory_difference_may_be_a_known_failure() -> None:
    entry = known(acceptor__leg__2__status="SEC_E_OK")
    assert judged(WRONG, binding=False, evidence="inferred", known=(entry,)).verdict is Verdict.KNOWN_FAILURE


def profile(*entries: KnownFailure, unsupported: tuple[Unsupported, ...] = (), packages: tuple[str, ...] = ("NTLM",)
            ) -> Profile:
    return Profile("mine", "lib.so", (), packages, "none", {}, {}, unsupported, entries, "", "mine.yaml:1")


def test_unused_entries() -> None:
    entry = known(acceptor__leg__2__status="SEC_E_OK")
    mine = profile(entry)
    cases = [CASE, make_case(["establish"], initiator__target=None)]
    left_out = [Result(case, Verdict.UNSUPPORTED) for case in cases]
    assert [one.entry for one in judge.unused(profile(entry, packages=("Kerberos",)), left_out, cases)] == [entry]
    assert judge.unused(mine, left_out, cases) == [], "this machine cannot play them; another may"
    played = [Result(case, Verdict.UNSUPPORTED, trace=Trace()) for case in cases]
    assert [one.entry for one in judge.unused(mine, played, cases)] == [entry]
    assert judge.unused(mine, left_out[:1], cases) == [], "the run did not cover all cases of the pattern"
    used = [Result(cases[0], Verdict.KNOWN_FAILURE), left_out[1]]
    assert judge.unused(mine, used, cases) == []


def test_packages_and_patterns_make_unsupported() -> None:
    reason = "Not built in."
    mine = profile(unsupported=(Unsupported(patterns.parse("made-up"), reason, "mine.yaml:3"),))
    assert judge.unsupported(CASE, mine) == Result(CASE, Verdict.UNSUPPORTED, reason=reason)
    kerberos = make_case(["establish"], package="Negotiate", mechanism="Kerberos")
    found = judge.unsupported(kerberos, profile(packages=("Negotiate", "NTLM")))
    assert found is not None and found.reason == "mine has no package Kerberos"
    assert judge.unsupported(CASE, profile()) is None


def test_verdicts_rise() -> None:
    names = [verdict.label for verdict in sorted(Verdict)]
    assert names == ["disabled", "unsupported", "pass", "acceptable", "differs", "known-failure", "FAIL", "ERROR"]
    assert [Verdict.of(name) for name in names] == sorted(Verdict)


def test_a_source_with_a_resolved_contradiction_is_not_contradicted() -> None:
    source = Source("a", "f", "documented", "documented", (), ("b",), "", "x:1")
    assert source.contradicted and not replace(source, resolved="c").contradicted
