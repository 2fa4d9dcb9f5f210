# SPDX-License-Identifier: Apache-2.0
"""Whether a bundle is what it says: nothing in it is believed that can be worked out again."""
from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..model import ConformError, Verdict
from ..project import Project
from . import archive, bundle, canonical, differences, facts, profile, signature
from .canonical import Malformed
from .carried import SCHEMA, Judged, judge_again, required_set

LARGEST = 32 * 1024 * 1024  # bytes of a bundle; one of all cases would have half of it
_METHODS = {signature.RAW: "Ed25519", signature.CMS: "CMS"}

# What certify writes, and nothing besides, by document and part of it.
_FORMS: Mapping[tuple[str, ...], Mapping[str, type]] = {
    ("statement.json",): {"schema": int, "kind": str, "date": str, "product": dict, "implementation": dict, "suite": dict,
                          "profile": str, "verdicts": dict, "required_set": dict},
    ("statement.json", "product"): dict.fromkeys(facts.PRODUCT, str),
    ("statement.json", "implementation"): {"name": str, "adapter": bool, "files": list, "loads": list},
    ("statement.json", "suite"): {"version": str, "commit": str, "clean": bool, "changed": list},
    ("required.json",): {"schema": int, "profile": dict, "cases": dict},
    ("observations.json",): {"cases": dict},
    ("not-run.json",): {"not_required": list, "unsupported": list},
    ("known-failures.json",): {"entries": list},
    ("configuration.json",): {"profile": dict, "machine": dict},
}


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be."""

    where: str                    # a member of the bundle, or `bundle`
    what: str
    advice: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n  {self.advice}" if self.advice else "")


@dataclass
class Outcome:
    """What came of verifying."""

    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    documents: dict[str, Any] = field(default_factory=dict)
    judged: int = 0
    method: str = ""
    fingerprint: str = ""

    @property
    def valid(self) -> bool:
        return not self.findings

    def add(self, where: str, what: str, advice: str = "") -> None:
        self.findings.append(Finding(where, what, advice))


@dataclass(frozen=True)
class Trust:
    """What the one who verifies brings along."""

    key: bytes | None = None      # SubjectPublicKeyInfo of the signer
    authority: Path | None = None  # the signer's certificate, or that of a CA above it
    files: Sequence[Path] = ()    # of the implementation


def read(path: Path) -> bytes:
    """The bytes of a bundle. ConformError for what is none at all."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            raise ConformError(f"{path} is no file, or larger than {LARGEST >> 20} MB", "", "Give a bundle that certify wrote.")
        content = path.read_bytes()
    except OSError as error:
        raise ConformError(f"cannot read {path}: {error.strerror}") from error
    if not archive.looks_like_one(content):
        packed = " It is compressed: unpack it first." if content[:2] in (b"\x1f\x8b", b"BZ", b"\xfd7", b"PK") else ""
        raise ConformError(f"{path} is no bundle", "", f"`sspi-conform certify` writes one, an uncompressed tar.{packed}")
    return content


def verify(content: bytes, open_suite: Callable[[], Project], trust: Trust = Trust()) -> Outcome:
    """Everything again: archive, hashes, signature, required set, verdicts, counts, report. Needs no network, realm or build."""
    outcome = Outcome()
    try:
        placed = archive.unpack(content)
    except Malformed as error:
        outcome.add("bundle", str(error))
        return outcome
    members = {name: data for name, (_, data) in placed.items()}
    _check_sums(outcome, members, {name: start for name, (start, _) in placed.items()})
    for name in bundle.DOCUMENTS:
        try:
            if name in members:
                outcome.documents[name] = canonical.read(members[name])
        except Malformed as error:
            outcome.add(name, str(error))
    _check_signature(outcome, members, trust)
    if len(outcome.documents) == len(bundle.DOCUMENTS):
        try:
            _check_documents(outcome, members, open_suite, trust)
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:  # somebody else wrote them
            outcome.add("bundle", f"its documents are not of the form that certify writes ({type(error).__name__}: {error})")
    return outcome


def _check_sums(outcome: Outcome, members: Mapping[str, bytes], starts: Mapping[str, int]) -> None:
    """The members are those of a bundle, and each is the one that was signed."""
    known = {*bundle.CONTENT, bundle.SUMS, *_METHODS}
    for name in sorted(members.keys() - known):
        outcome.add("bundle", f"member {name!r} is none of a certificate")
    for name in sorted({*bundle.CONTENT, bundle.SUMS} - members.keys()):
        outcome.add("bundle", f"member {name} is missing")
    if len(_METHODS.keys() & members.keys()) != 1:
        outcome.add("bundle", f"it needs one signature, {' or '.join(_METHODS)}")
    signed = {name: members[name] for name in bundle.CONTENT if name in members}
    if members.get(bundle.SUMS) == bundle.sums(signed):
        return
    lines = members.get(bundle.SUMS, b"").decode(errors="replace").splitlines()
    for name, data in signed.items():
        if f"{canonical.digest(data)}  {name}" not in lines:
            outcome.add(name, f"is not the member that was signed: its SHA-256 {canonical.digest(data)} is not in {bundle.SUMS} "
                              f"(bytes {starts[name]} to {starts[name] + len(data) - 1} of the bundle)")
    outcome.add(bundle.SUMS, "is not the list of the members that are here")


def _check_signature(outcome: Outcome, members: Mapping[str, bytes], trust: Trust) -> None:
    """The signature of SHA256SUMS, and whose it is."""
    method = next((name for name in _METHODS if name in members), "")
    if not {method, bundle.SIGNER, bundle.SUMS} <= members.keys():
        return
    try:
        own = signature.spki_of(members[bundle.SIGNER], alone=True)
    except Malformed as error:
        outcome.add(bundle.SIGNER, str(error))
        return
    try:
        outcome.method, outcome.fingerprint = _METHODS[method], signature.fingerprint(own)
        signature.check(method, members[method], members[bundle.SUMS], members[bundle.SIGNER], _date(outcome), trust.authority)
    except Malformed as error:
        outcome.add(method, str(error))
        return
    known = [trust.key] if trust.key is not None else []
    if trust.authority is not None and method == signature.RAW:  # which no certificate vouches for but its own
        known.append(signature.public_key(trust.authority))
    for key in known:
        if key != own:
            outcome.add(bundle.SIGNER, f"signed by another key: {outcome.fingerprint}, expected {signature.fingerprint(key)}")
    if trust.key is None and trust.authority is None:
        outcome.notes.append(f"the signer is not known here: compare {outcome.fingerprint} with what he publishes, or give --key")


def _date(outcome: Outcome) -> datetime:
    """When the statement says it was made; now when it does not."""
    try:
        return bundle.date_of(outcome.documents["statement.json"]["date"])
    except (LookupError, TypeError, ValueError):
        return datetime.now(timezone.utc)


def _check_documents(outcome: Outcome, members: Mapping[str, bytes], open_suite: Callable[[], Project], trust: Trust) -> None:
    for place, form in _FORMS.items():
        value = functools.reduce(operator.getitem, place[1:], outcome.documents[place[0]])
        if {name: type(one) for name, one in value.items()} != form:
            outcome.add(place[0], f"{' '.join(place[1:]) or 'it'} has not the parts {', '.join(form)}, each of its kind")
            return
    stated, required = outcome.documents["statement.json"], outcome.documents["required.json"]
    seen = outcome.documents["observations.json"]["cases"]
    if stated["schema"] != bundle.SCHEMA or required["schema"] != SCHEMA:
        outcome.add("statement.json", f"schema {stated['schema']} is not known here", "Verify with a newer checkout.")
        return
    cases = required["cases"]
    for what, ids in (("missing", cases.keys() - seen.keys()), ("not of the required set", seen.keys() - cases.keys())):
        if ids:
            outcome.add("observations.json", differences.cases(ids, f"of a required set of {len(cases)} {what}"))
    judged = judge_again(cases, seen)
    outcome.judged = len(judged.results)
    _check_verdicts(outcome, judged)
    _check_statement(outcome, stated, required, judged)
    _check_not_run(outcome, cases)
    foreign = _check_suite(outcome, stated, required, open_suite)
    if not judged.faults:
        _check_derived(outcome, members, judged, foreign)
    _check_files(outcome, stated, trust.files)


def _check_verdicts(outcome: Outcome, judged: Judged) -> None:
    if not judged.results:
        outcome.add("observations.json", "no case can be judged, so nothing is shown")
    for name, why in judged.faults:
        outcome.add("required.json", f"case {name}: {why}")
    for result in judged.results:
        if result.verdict is not Verdict.PASS:
            wrong = "; ".join(f"{one.path} expected {one.expected}, got {one.actual}" for one in result.differences)
            outcome.add("observations.json", f"case {result.case.id} is {result.verdict.label}: {wrong or result.reason}")


def _check_statement(outcome: Outcome, stated: Mapping[str, Any], required: Mapping[str, Any], judged: Judged) -> None:
    for name, value in {"kind": bundle.KIND, **bundle.counted(required, judged)}.items():
        if stated[name] != value:
            said, counted = differences.short(stated[name]), differences.short(value)
            outcome.add("statement.json", f"'{name}' says {said}, counted again it is {counted}")
    bundle.date_of(stated["date"])
    missing = [name for name in facts.PRODUCT if not stated["product"][name].strip()]
    if missing or not stated["implementation"]["files"]:
        outcome.add("statement.json", f"it does not say {', '.join(missing) or 'which files were judged'}")
    if not stated["suite"]["clean"]:
        outcome.notes.append("made with a suite that was changed since its commit: "
                             + (", ".join(stated["suite"]["changed"]) or "no commit is known"))
    if stated["implementation"]["adapter"]:
        outcome.notes.append("through an adapter: statuses are its choice, not the library's own")


def _check_not_run(outcome: Outcome, cases: Mapping[str, Any]) -> None:
    """No required case may be among those that were not played, or be known to fail."""
    not_run, known = outcome.documents["not-run.json"], outcome.documents["known-failures.json"]
    for where, rows in (("not-run.json", [*not_run["not_required"], *not_run["unsupported"]]),
                        ("known-failures.json", known["entries"])):
        both = sorted({name for row in rows for name in row["cases"]} & cases.keys())
        if both:
            outcome.add(where, differences.cases(both, "of the required set named here too"))


def _check_suite(outcome: Outcome, stated: Mapping[str, Any], required: Mapping[str, Any],
                 open_suite: Callable[[], Project]) -> str:
    """The required set against the suite of this checkout. Returns what to do when the suite is another one, else ''."""
    suite, name = stated["suite"], required["profile"]["name"]
    try:
        project = open_suite()
        here = profile.find(name, project)
        ours = required_set(here, project.captures)
    except ConformError as error:
        outcome.add("required.json", f"foreign suite: this checkout cannot make the required set of '{name}': {error.what}",
                    f"Verify in a checkout of commit {suite['commit']}.")
        return ""
    mine = facts.suite(project.root, allow_dirty=True)
    same = bool(suite["commit"]) and suite["commit"] == mine["commit"] and suite["clean"] and mine["clean"]
    advice = "" if same else f"Verify in a checkout of that commit: git worktree add ../suite {suite['commit'][:12] or 'COMMIT'}"
    if not same:
        outcome.notes.append(f"foreign suite: the bundle is of commit {_commit(suite)}, this checkout of {_commit(mine)}")
    found = list(differences.of_required_sets(required, ours))
    for what in found:
        outcome.add("required.json", what if same else f"foreign suite: {what}", advice)
    if same and not found:
        mine_out = facts.not_run(here.left_out, {})["not_required"]
        if outcome.documents["not-run.json"]["not_required"] != mine_out:
            outcome.add("not-run.json", "'not_required' is not what this suite and this profile leave out")
    elif not found:
        outcome.notes.append("the required set is the same in both")
    return advice


def _commit(suite: Mapping[str, Any]) -> str:
    return (suite["commit"][:12] or "none") + ("" if suite["clean"] else "+")


def _check_derived(outcome: Outcome, members: Mapping[str, bytes], judged: Judged, foreign: str) -> None:
    """Results, junit and report are what the rest of the bundle makes of them."""
    for name, content in bundle.derived(outcome.documents, judged).items():
        if name in members and members[name] != content:
            places = list(differences.of_results(members[name], content)) if name == "results.json" else []
            for what in places or [differences.of_lines(members[name], content)]:
                outcome.add(name, what, foreign)


def _check_files(outcome: Outcome, stated: Mapping[str, Any], files: Sequence[Path]) -> None:
    """Whether files at hand are among those that were judged."""
    known = {row["sha256"] for row in stated["implementation"]["files"]}
    for path in files:
        try:
            value = canonical.digest(path.read_bytes())
        except OSError as error:
            raise ConformError(f"cannot read {path}: {error.strerror}") from error
        if value not in known:
            outcome.add("statement.json", f"{path} (sha256 {value}) is no file that was judged")
