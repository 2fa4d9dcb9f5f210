# SPDX-License-Identifier: Apache-2.0
"""Records: what is refused, what binds, how they merge."""
from __future__ import annotations

from pathlib import Path

import pytest
import small_project
from small_project import record

from sspi_conform.captures import Captures, judged_paths, load_captures, unjudged
from sspi_conform.model import ConformError, Expectation
from sspi_conform.scenarios import load_suite

CASE = "bind[mechanism=NTLM,acceptor=this]"
DOC = "evidence: documented\nsource: [fact.doc]"


def load(folder: Path, records: str, sources: str = small_project.SOURCES) -> Captures:
    root = small_project.make(folder, records=records, sources=sources)
    return load_captures(root / "captures", root, load_suite(root / "scenarios", root).cases)


def merged(folder: Path, *records: str, case: str = CASE) -> Expectation:
    text = "records:\n" + "".join(one.removeprefix("records:\n") for one in records)
    return load(folder, text).expectations[case]


REFUSALS = {
    "no case": (record(DOC, "bnid"), 2, "pattern 'bnid' matches no case: there is no scenario 'bnid'",
                "Did you mean bind?"),
    "no axis value": (record(DOC, "bind[acceptor=that]"), 2,
                      "pattern 'bind[acceptor=that]': 'that' is no value of the axis 'acceptor'", "Known: none, this."),
    "unknown key": (record(DOC + "\nnotes: x"), 5, "unknown key 'notes' in a record", "Did you mean note?"),
    "unknown evidence": (record("evidence: rumoured\nsource: [fact.doc]"), 3, "'evidence' is 'rumoured'", "one of"),
    "unknown source": (record("evidence: documented\nsource: [fact.dok]"), 4, "unknown source 'fact.dok'",
                       "Did you mean fact.doc"),
    "a run": (record("evidence: documented\nsource: [run:libsspi]"), 4, "'run:libsspi' is a run of an implementation",
              "from Windows only"),
    "no source": (record("evidence: documented"), 2, "evidence 'documented' without a source", "Add source"),
    "stronger than its source": (record("evidence: asserted\nsource: [fact.doc, fact.told]"), 3,
                                 "evidence 'asserted' is stronger than its sources, the best of which is 'documented'",
                                 "Write evidence: documented"),
    "observed without packets": (record("evidence: observed\nsource: [fact.told]", expect="{established: true}"), 3,
                                 "evidence 'observed' is stronger than its sources, the best of which is 'reported'",
                                 "reported"),
    "documented on an inference": (record("evidence: documented\nsource: [fact.thought]"), 3,
                                   "evidence 'documented' is stronger than its sources, the best of which is "
                                   "'inferred'", "inferred"),
    "inferred without note": (record("evidence: inferred"), 2, "an inferred record without a note", "Add note"),
    "observed status": (record("evidence: observed\nsource: [fact.seen]"), 5,
                        "a network recording cannot show acceptor.last.status", "inferred"),
    "observed attributes": (record("evidence: observed\nsource: [fact.seen]",
                                   expect="{acceptor.last.attributes: [INTEGRITY]}"), 5,
                            "a network recording cannot show acceptor.last.attributes", "inferred"),
    "no expectation": (record(DOC, expect="{}"), 2, "'expect' is missing", "Write expect"),
    "bad path": (record(DOC, expect="{acceptor.leg.2.statuss: SEC_E_OK}"), 5,
                 "'acceptor.leg.2.statuss' is no observed path", "acceptor.leg.2.status"),
    "bad status": (record(DOC, expect="{acceptor.leg.2.status: SEC_E_BAD_BINDING}"), 5,
                   "'SEC_E_BAD_BINDING' is no status", "Did you mean SEC_E_BAD_BINDINGS"),
    "number of a named status": (record(DOC, expect="{acceptor.leg.2.status: '0x80090346'}"), 5,
                                 "'0x80090346' is no status", "Did you mean SEC_E_BAD_BINDINGS"),
    "bad flag": (record(DOC, expect="{acceptor.last.attributes: {includes: [NO_INTEGRITY]}}"), 5,
                 "unknown flag 'NO_INTEGRITY' (ASC_RET_*)", "INTEGRITY"),
    "bad matcher": (record(DOC, expect="{acceptor.last.status: {oneof: [SEC_E_OK]}}"), 5, "unknown matcher 'oneof'",
                    "Did you mean one-of?"),
    "one-of one": (record(DOC, expect="{acceptor.last.status: {one-of: [SEC_E_OK]}}"), 5,
                   "'one-of' with fewer than two values", "alone"),
    "duplicate path": (record(DOC, expect="{established: true, established: false}"), 5,
                       "duplicate key 'established', first on line 5", "Remove"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_name_file_line_and_what_to_do(tmp_path: Path, name: str) -> None:
    text, line, what, advice = REFUSALS[name]
    with pytest.raises(ConformError) as caught:
        load(tmp_path, text)
    first, *rest = str(caught.value).splitlines()
    assert first == f"captures/some.yaml:{line}: {what}"
    assert advice in " ".join(rest)


SOURCE_REFUSALS = {
    "confidence": ("sources:\n  a: {fact: f, confidence: sure, citations: ['doc: x']}\n", 2, "'confidence' is 'sure'"),
    "no citation": ("sources:\n  a: {fact: f, confidence: documented, citations: []}\n", 2, "source 'a' cites nothing"),
    "a run": ("sources:\n  a: {fact: f, confidence: documented, citations: ['run: libsspi']}\n", 2,
              "source 'a' is a run of an implementation"),
    "twice": ("sources:\n  a: {fact: f, confidence: documented, citations: ['doc: x']}\n  a: {}\n", 3,
              "duplicate key 'a', first on line 2"),
    "unknown key": ("sources:\n  a: {facts: f}\n", 2, "unknown key 'facts' in a source"),
}


@pytest.mark.parametrize("name", SOURCE_REFUSALS)
def test_source_refusals(tmp_path: Path, name: str) -> None:
    text, line, what = SOURCE_REFUSALS[name]
    with pytest.raises(ConformError) as caught:
        load(tmp_path, small_project.RECORDS, text)
    assert str(caught.value).splitlines()[0] == f"captures/sources.yaml:{line}: {what}"


@pytest.mark.parametrize(("lines", "binding"), [
    ("evidence: documented\nsource: [fact.doc]", True),
    ("evidence: documented\nsource: [fact.torn]", False),
    ("evidence: documented\nsource: [fact.doc, fact.torn]", False),
    ("evidence: documented\nsource: [fact.settled]", True),
    ("evidence: asserted\nsource: [fact.test, fact.torn]", True),
    ("evidence: reported\nsource: [fact.told]", False),
    ("evidence: reported\nsource: [fact.test]", False),     # a record may claim less than its source
    ("evidence: inferred\nnote: It follows.", False),
    ("evidence: inferred\nsource: [fact.test]\nnote: It follows.", False),
])
def test_what_binds(tmp_path: Path, lines: str, binding: bool) -> None:
    assert merged(tmp_path, record(lines)).paths["acceptor.last.status"].binding is binding


def test_observed_binds_on_the_wire(tmp_path: Path) -> None:
    text = record("evidence: observed\nsource: [fact.seen]",
                  expect="{initiator.leg.1.token.flags: {includes: [SIGN]}, acceptor.legs: 2, established: true}")
    assert all(one.binding for one in merged(tmp_path, text).paths.values())


def test_the_strongest_evidence_decides_path_by_path(tmp_path: Path) -> None:
    found = merged(
        tmp_path,
        record(DOC, expect="{acceptor.last.status: SEC_E_OK, acceptor.legs: 2}"),
        record("evidence: asserted\nsource: [fact.test]", expect="{acceptor.last.status: SEC_E_BAD_BINDINGS}"),
        record("evidence: inferred\nnote: n", expect="{acceptor.legs: 3, established: false}"))
    assert {path: (str(one), one.evidence) for path, one in found.paths.items()} == {
        "acceptor.last.status": ("SEC_E_BAD_BINDINGS", "asserted"), "acceptor.legs": ("2", "documented"),
        "established": ("false", "inferred")}
    assert len(found.records) == 3


def test_a_torn_document_is_weaker_than_a_whole_one(tmp_path: Path) -> None:
    found = merged(tmp_path, record("evidence: documented\nsource: [fact.torn]"),
                   record(DOC, expect="{acceptor.last.status: SEC_E_BAD_BINDINGS}"))
    one = found.paths["acceptor.last.status"]
    assert (str(one), one.binding, one.contradicted) == ("SEC_E_BAD_BINDINGS", True, False)


def test_equals_that_contradict_both_stand(tmp_path: Path) -> None:
    one = merged(tmp_path, record(DOC), record(DOC, expect="{acceptor.last.status: SEC_E_BAD_BINDINGS}")).paths[
        "acceptor.last.status"]
    assert str(one) == "SEC_E_OK or SEC_E_BAD_BINDINGS"
    assert one.contradicted and one.binding and len(one.records) == 2


def test_what_agrees_is_asked_together(tmp_path: Path) -> None:
    path = "acceptor.last.attributes"
    one = merged(tmp_path, record(DOC, expect=f"{{{path}: {{includes: [INTEGRITY]}}}}"),
                 record(DOC, expect=f"{{{path}: {{includes: [CONNECTION], excludes: [STREAM]}}}}"),
                 record(DOC, expect=f"{{{path}: {{includes: [INTEGRITY]}}}}")).paths[path]
    assert str(one) == "includes [INTEGRITY] and includes [CONNECTION], excludes [STREAM]"
    assert not one.contradicted


def test_includes_against_excludes_contradict(tmp_path: Path) -> None:
    path = "acceptor.last.attributes"
    one = merged(tmp_path, record(DOC, expect=f"{{{path}: {{includes: [INTEGRITY]}}}}"),
                 record(DOC, expect=f"{{{path}: {{excludes: [INTEGRITY]}}}}")).paths[path]
    assert one.contradicted


def test_one_of_narrows_where_it_overlaps(tmp_path: Path) -> None:
    one = merged(tmp_path, record(DOC), record(DOC, expect="{acceptor.last.status: {one-of: [SEC_E_OK, "
                                                           "SEC_E_BAD_BINDINGS]}}")).paths["acceptor.last.status"]
    assert not one.contradicted
    assert len(one.alternatives[0]) == 2


def test_a_record_may_name_several_patterns(tmp_path: Path) -> None:
    text = "records:\n- case: [alone, 'bind[acceptor=this]']\n  evidence: documented\n  source: fact.doc\n" \
           "  expect: {established: true}\n"
    assert sorted(load(tmp_path, text).expectations) == [
        "alone", "bind[mechanism=Kerberos,acceptor=this]", CASE]


def test_cases_that_nothing_judges(tmp_path: Path) -> None:
    # what is known of `alone` is about its counterpart only
    root = small_project.make(tmp_path, records=small_project.RECORDS.replace("initiator.leg.1.token: NTLM NEGOTIATE",
                                                                              "acceptor.legs: 1"))
    cases = load_suite(root / "scenarios", root).cases
    captures = load_captures(root / "captures", root, cases)
    assert [case.id for case in unjudged(cases, captures)] == ["alone"]
    assert judged_paths(cases[0], captures) == ["acceptor.last.status"]


def test_observe_only_needs_no_record(tmp_path: Path) -> None:
    scenarios = small_project.SCENARIOS.replace("  severity: low", "  severity: low\n  observe-only: Nobody knows.")
    root = small_project.make(tmp_path, scenarios, record(DOC))
    cases = load_suite(root / "scenarios", root).cases
    assert unjudged(cases, load_captures(root / "captures", root, cases)) == []
