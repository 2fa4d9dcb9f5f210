# SPDX-License-Identifier: Apache-2.0
"""What Windows does: records with their sources, and their merging into one expectation per case."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from . import matchers, patterns
from .model import Case, ConformError, Expectation, Matcher, PathExpectation, Record, Shown, Source
from .recording import provenance
from .windows import ALL, BUILDS, builds_of
from .yamlfile import Section, did_you_mean, load

# Strongest first.
EVIDENCE = ("recorded", "asserted", "observed", "documented", "reported", "inferred")
_CONFIDENCE = MappingProxyType({
    "recorded": "recorded", "asserted-by-test-on-windows": "asserted", "documented": "documented",
    "observed-in-capture": "observed", "inferred": "inferred"})
_SOURCE_KEYS = ("table", "kind", "fact", "confidence", "citations", "contradictions", "resolved", "checked", "value",
                "name", "package", "status", "note", "call", "returned_counterpart", "accepts", "shown")
_PLACE = re.compile(r"[^/ ]\S*/\S+ (?:frame [0-9]+|exchange [0-9]+ leg [0-9]+)")
_FIELDS = ("table", "kind", "status", "name", "value", "package", "call", "note")
_RECORD_KEYS = ("case", "evidence", "source", "windows", "note", "beside", "expect")


@dataclass(frozen=True)
class Captures:
    """All records and sources, and what they say about each case."""

    records: tuple[Record, ...]
    sources: Mapping[str, Source]
    expectations: Mapping[str, Expectation]     # by case id; cases without any record are missing
    no_case: Mapping[str, str] = field(default_factory=dict)  # facts that no case can judge, and why
    every_build: Mapping[str, Expectation] | None = None  # where `expectations` are those of one build

    def of(self, case: Case) -> Expectation:
        return self.expectations.get(case.id, Expectation(case.id, {}))

    def for_build(self, build: str) -> Captures:
        """What is known of one build of Windows: the records that hold for it."""
        found = {}
        for case_id, one in self.expectations.items():
            records = [record for record in one.records if record.holds_for(build)]
            found[case_id] = one if len(records) == len(one.records) else merge(case_id, records)
        return Captures(self.records, self.sources, found, self.no_case, self.expectations)

    def whole(self, case: Case) -> Expectation:
        """What is known of a case, of whatever build."""
        known = self.expectations if self.every_build is None else self.every_build
        return known.get(case.id, Expectation(case.id, {}))


def load_captures(folder: Path, root: Path, cases: Sequence[Case], also: Sequence[Path] = ()) -> Captures:
    """Everything below `folder`, checked against the cases. `also`: files with scenarios, and their sources and records."""
    sources_file = folder / "sources.yaml"
    sources = load_sources(sources_file, root) if sources_file.exists() else {}
    for file in also:
        sources |= _sources(load(file, root))
    records: list[Record] = []
    by_case: dict[str, list[Record]] = {}
    cases, scenarios = list(cases), patterns.by_scenario(cases)
    no_case_file = folder / "unjudged.yaml"
    for file in [*sorted(folder.rglob("*.yaml")), *also]:
        if file in (sources_file, no_case_file):
            continue
        top = load(file, root)
        if file not in also:
            top.only(("records", provenance.RECORDING), "a capture file")
        own = provenance.sources_of(top.section(provenance.RECORDING, "where the recording comes from")) \
            if provenance.RECORDING in top else {}
        for section in top.sections("records", "a list of records"):
            record, parsed = _record(section, {**sources, **own})
            records.append(record)
            matched: dict[str, None] = {}
            for pattern in parsed:
                for case in patterns.select(pattern, patterns.near(pattern, cases, scenarios), section.where("case")):
                    matched[case.id] = None
            for case_id in matched:
                by_case.setdefault(case_id, []).append(record)
    no_case = _load_no_case(no_case_file, root, sources, records) if no_case_file.exists() else {}
    captures = Captures(tuple(records), sources, {case_id: merge(case_id, found) for case_id, found in by_case.items()},
                        no_case)
    _refuse_expected(captures, cases)
    return captures


def _refuse_expected(captures: Captures, cases: Iterable[Case]) -> None:
    """A status that a case expects is judged, whatever its record cites, so it is no status that no case can judge."""
    without = {captures.sources[name].fields["name"]: name for name in captures.no_case
               if captures.sources[name].fields.get("kind") == "status"}
    doubtful = {id(record) for record in captures.records for path, matcher in record.expect.items()
                if path.endswith(".status") and not without.keys().isdisjoint(matcher.asked())}
    for case in cases if doubtful else ():
        for record in captures.of(case).records:
            if id(record) in doubtful:
                _refuse_expected_of(record, case, without)


def _refuse_expected_of(record: Record, case: Case, without: Mapping[str, str]) -> None:
    for path, matcher in record.expect.items():
        if path.endswith(".status") and matchers.side_of(path, case) in ("", case.subject):
            for status in without.keys() & set(matcher.asked()):
                raise ConformError(f"'{without[status]}' is said to be judged by no case, yet '{case.id}' expects "
                                   f"{status}", record.source, "Remove it from captures/unjudged.yaml.")


def _load_no_case(path: Path, root: Path, sources: Mapping[str, Source], records: Iterable[Record]) -> dict[str, str]:
    """The facts that no case can judge, with reasons. A fact that a record cites is judged, so it has no place here."""
    top = load(path, root).only(("unjudged",), "the list of facts that no case can judge")
    rows = top.section("unjudged", "a mapping of facts to reasons")
    cited = {source.id: record for record in records for source in record.sources}
    for name in rows:
        if name not in sources:
            raise ConformError(f"unknown source '{name}'", rows.where(name), did_you_mean(name, sources))
        if name in cited:
            raise ConformError(f"'{name}' is said to be judged by no case, yet a record cites it", rows.where(name),
                               f"Remove it here; the record is at {cited[name].source}.")
    return {name: rows.text(name, "a sentence that says why") for name in rows}


def load_sources(path: Path, root: Path) -> dict[str, Source]:
    """The facts that records cite."""
    return _sources(load(path, root).only(("sources",), "the sources file"))


def _sources(top: Section) -> dict[str, Source]:
    rows = top.section("sources", "a mapping of facts")
    found = {}
    for name, row in rows.items():
        if not isinstance(row, Section):
            raise ConformError(f"source '{name}' is empty", rows.where(name), "Give it a fact, confidence and citations.")
        row.only(_SOURCE_KEYS, "a source")
        citations = tuple(row.texts("citations", "a list of texts that start with their kind, such as 'doc: ...'"))
        if not citations:
            raise ConformError(f"source '{name}' cites nothing", row.where("citations"), "Name where it is written.")
        confidence = row.choice("confidence", _CONFIDENCE)
        evidence = _CONFIDENCE[confidence]
        kinds = {citation.partition(":")[0].strip() for citation in citations}
        if "run" in kinds or name.startswith("run:"):
            raise ConformError(f"source '{name}' is a run of an implementation", rows.where(name),
                               "Expectations come from Windows only; remove it.")
        if evidence == "observed" and "capture" not in kinds:
            evidence = "reported"  # nobody shows the packets
        found[name] = Source(
            name, row.text("fact", "a sentence"), confidence, evidence,
            tuple(MappingProxyType({"kind": kind.strip(), "text": text.strip()})
                  for kind, _, text in (citation.partition(":") for citation in citations)),
            tuple(row.texts("contradictions", "a list of sentences", [])),
            row.text("resolved", "why the contradictions no longer count", ""), rows.where(name),
            MappingProxyType({key: str(row[key]) for key in _FIELDS if row.get(key) is not None}),
            tuple(_shown(one) for one in row.sections("shown", "a list of what recordings show", [])))
    return found


def _shown(section: Section) -> Shown:
    section.only(("in", "every", "is", "times"), "what a recording shows")
    place = section.text("in", "a file with its folder, and frame N or exchange N leg N", "")
    if place and not _PLACE.fullmatch(place):
        raise ConformError(f"'{place}' is no place in a recording", section.where("in"),
                           "Write folder/file.pcap frame 7, or folder/file.pcap exchange 1 leg 2.")
    if bool(place) == ("every" in section):
        raise ConformError("what a recording shows is in one place, or every time", section.where(),
                           "Write in: folder/file.pcap frame 7, or every: {token: NTLM CHALLENGE}.")
    return Shown(place, {} if place else _fields(section, "every"), _fields(section, "is"),
                 1 if place else section.take("times", int, "how many tokens there are of these"), section.where())


def _fields(section: Section, key: str) -> dict[str, Matcher]:
    """Fields of a token, by the words that observed paths have for them."""
    fields = section.section(key, "fields of a token")
    return {name: matchers.read(f"initiator.last.{name}", fields[name], fields.where(name)) for name in fields}


def _record(section: Section, sources: Mapping[str, Source]) -> tuple[Record, list[patterns.Pattern]]:
    section.only(_RECORD_KEYS, "a record")
    texts = section.texts("case", "a case pattern")
    parsed = [patterns.parse_at(text, section.where("case")) for text in texts]
    evidence = section.choice("evidence", EVIDENCE)
    cited = _cited(section, sources)
    note = section.text("note", "a sentence", "")
    if evidence == "inferred" and not note:
        raise ConformError("an inferred record without a note", section.where(),
                           "Add note: the derivation, so that others can judge it.")
    if evidence == "recorded" and not any(one.id.startswith(f"{provenance.RECORDING}.") for one in cited):
        raise ConformError("a recorded record that does not say on which Windows", section.where("evidence"),
                           "'sspi-conform record' writes such files, with the build in 'recording:'.")
    if not cited and evidence != "inferred":
        raise ConformError(f"evidence '{evidence}' without a source", section.where(),
                           "Add source: [id of a row in captures/sources.yaml], or call it inferred.")
    if cited:
        strongest = min((source.evidence for source in cited), key=EVIDENCE.index)
        if EVIDENCE.index(evidence) < EVIDENCE.index(strongest):
            raise ConformError(f"evidence '{evidence}' is stronger than its sources, the best of which is '{strongest}'",
                               section.where("evidence"), f"Write evidence: {strongest}, or cite a stronger source.")
    expect = section.section("expect", "what Windows does, path by path")
    if not expect:
        raise ConformError("'expect' is missing", section.where(), "Write expect: {acceptor.leg.2.status: SEC_E_OK}.")
    read = {}
    for path in expect:
        read[path] = matchers.read(path, expect[path], expect.where(path))
        if evidence == "observed" and not matchers.is_wire(path):
            raise ConformError(f"a network recording cannot show {path}", expect.where(path),
                               "Move it to a record with evidence: inferred and a note that names the derivation.")
    windows = str(section.take("windows", (str, int), "a range of builds such as 2016..2022", ""))
    builds = builds_of(windows, section.where("windows"))
    return Record(tuple(texts), evidence, cited, windows, note, read, _binding(evidence, cited), section.where(),
                  frozenset() if builds == ALL else builds, section.text("beside", "a sentence that says why", "")), parsed


def _cited(section: Section, sources: Mapping[str, Source]) -> tuple[Source, ...]:
    cited = []
    for name in section.texts("source", "a list of ids in captures/sources.yaml", []):
        if name.startswith("run:"):
            raise ConformError(f"'{name}' is a run of an implementation", section.where("source"),
                               "Expectations come from Windows only, never from an implementation run here.")
        if name not in sources:
            raise ConformError(f"unknown source '{name}'", section.where("source"), did_you_mean(name, sources))
        cited.append(sources[name])
    return tuple(cited)


def _binding(evidence: str, cited: Iterable[Source]) -> bool:
    if evidence == "documented":
        return not any(source.contradicted for source in cited)
    return evidence in ("recorded", "asserted", "observed")


def merge(case_id: str, records: Sequence[Record]) -> Expectation:
    """The records of a case, path by path: the strongest decide, contradictions among them stand side by side."""
    said: dict[str, list[Record]] = {}
    for record in records:
        for path in record.expect:
            said.setdefault(path, []).append(record)
    return Expectation(case_id, {path: _decided(path, candidates) for path, candidates in said.items()}, tuple(records))


def _decided(path: str, candidates: Sequence[Record]) -> PathExpectation:
    """What the strongest say. What they say of different builds are alternatives, but no contradiction; what only
    advises of one build does not soften what binds on another."""
    said = [_strongest(candidates)]
    if any(record.builds for record in candidates):
        said = [_strongest([one for one in candidates if one.holds_for(build)]) for build in BUILDS]
        said = [records for records in said if records and records[0].binding == any(one[0].binding for one in said if one)]
    groups = [_alternatives(path, list(dict.fromkeys(one.expect[path] for one in records))) for records in said]
    deciding = tuple(one for one in candidates if any(one is other for records in said for other in records))
    best = _strongest(deciding)[0]
    return PathExpectation(_largest(dict.fromkeys(group for some in groups for group in some)), best.evidence,
                           best.binding, deciding, any(len(some) > 1 for some in groups))


def _strongest(records: Sequence[Record]) -> list[Record]:
    best = min(map(_strength, records), default=None)
    return [record for record in records if _strength(record) == best]


def _strength(record: Record) -> tuple[int, bool]:
    """Small is strong. A contradicted document is weaker than one that stands alone."""
    return EVIDENCE.index(record.evidence), not record.binding


def _alternatives(path: str, said: list[Matcher]) -> tuple[tuple[Matcher, ...], ...]:
    """What can hold together is one alternative; a contradiction makes several."""
    groups: list[tuple[Matcher, ...]] = []
    for one in said:
        group = tuple(other for other in said if other is one or not matchers.conflict(path, one, other))
        if group not in groups:
            groups.append(group)
    return _largest(groups)


def _largest(groups: Iterable[tuple[Matcher, ...]]) -> tuple[tuple[Matcher, ...], ...]:
    """Of a group that holds another one whole, the smaller would only weaken what is asked."""
    groups = [group for group in groups if group]
    return tuple(group for group in groups if not any(set(group) < set(other) for other in groups))


def unjudged(cases: Iterable[Case], captures: Captures) -> list[Case]:
    """Cases of which nothing is known about the subject, though their scenario does not say so."""
    return [case for case in cases if not case.scenario.observe_only and not judged_paths(case, captures)]


def unrecorded(cases: Iterable[Case], captures: Captures) -> list[Case]:
    """Cases that certify nothing: no source says what Windows does there."""
    return [case for case in cases if not any(
        record.sources for path in judged_paths(case, captures) for record in captures.of(case).paths[path].records)]


def judged_paths(case: Case, captures: Captures) -> list[str]:
    """The paths that show the subject's behaviour or belong to no side."""
    return [path for path in captures.of(case).paths if matchers.side_of(path, case) in ("", case.subject)]
