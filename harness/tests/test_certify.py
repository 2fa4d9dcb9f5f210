# SPDX-License-Identifier: Apache-2.0
"""certify and verify: what is refused a certificate, and that nothing about a bundle can be changed unnoticed."""
from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import certify_support as support
import pytest
import small_project
from certify_support import GOOD, certified, engine, members, signed_again, verified

from sspi_conform import cli
from sspi_conform.certification import archive, bundle, canonical, profile, signature, verifying
from sspi_conform.model import ConformError, Ended
from sspi_conform.project import open_project

BIND = "bind[mechanism=NTLM,acceptor=this]"
NUMBERED = """\
axes:
  tens: {%s}
  ones: {%s}
scenarios:
- id: conformance
  title: One of 215
  clause: [MS-X 1]
  level: must
  severity: high
  vary: {tens: $tens, ones: $ones}
  play: [establish]
""" % (", ".join(f"'{n}': {{initiator.output: {{size: {1000 + n}}}}}" for n in range(43)),
       ", ".join(f"'{n}': {{acceptor.output: {{size: {1000 + n}}}}}" for n in range(5)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return support.suite(tmp_path)


@pytest.fixture(scope="module")
def granted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite with a bundle that is good; not to be changed."""
    root = support.suite(tmp_path_factory.mktemp("granted"))
    assert certified(root) == 0
    return root


def outcome(root: Path, content: bytes, **trust: Any) -> verifying.Outcome:
    project = open_project(root)
    return verifying.verify(content, lambda: project, verifying.Trust(**trust))


def said(capsys: pytest.CaptureFixture[str]) -> str:
    got = capsys.readouterr()
    return got.out + got.err


# Profiles

def test_the_profiles_of_this_suite_ask_for_hundreds_of_cases() -> None:
    project = open_project(Path(__file__).resolve().parents[2])
    found = {name: profile.find(name, project) for name in profile.names(project.root)}
    assert set(found) == {"acceptor", "extended-protection", "initiator", "message-protection", "kerberos", "ntlm", "negotiate"}
    for one in found.values():
        assert len(one.required) > 100
        assert len(one.required) + len(one.left_out) == len(project.cases)
    sides = {case.id for name in ("acceptor", "initiator") for case in found[name].required}
    assert sides == {case.id for name in ("kerberos", "ntlm", "negotiate") for case in found[name].required}


@pytest.mark.parametrize(("text", "complaint"), [
    ("title: t\nclaim: c\nrequired: [bound]\n", "no scenario 'bound'"),
    ("title: t\nclaim: c\nrequired: ['bind[mechanism=Kerberos|Heimdal]']\n", "'Heimdal' is no value"),
    ("title: t\nclaim: c\nrequired: []\n", "'required' is empty"),
    ("title: t\nrequired: [bind]\n", "'claim' is missing"),
    ("title: t\nclaim: c\nrequired: [bind]\nexcluded: [{case: alone, reason: r}]\n", "excludes no case"),
    ("title: t\nclaim: c\nrequired: [bind]\nexcluded: [{case: bind}]\n", "'reason' is missing"),
    ("title: t\nclaim: c\nrequired: [bind]\nextra: 1\n", "unknown key 'extra'"),
])
def test_a_profile_that_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    root = support.suite(tmp_path, {"test": text})
    with pytest.raises(ConformError, match=complaint.replace("[", r"\[")) as error:
        profile.find("test", open_project(root))
    assert error.value.where.startswith("harness/certification/test.yaml:")


def test_what_only_advises_is_listed_and_not_required(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = (small_project.RECORDS
               + "- case: 'bind[mechanism=Kerberos]'\n  evidence: asserted\n  source: [fact.test]\n"
                 "  expect: {acceptor.leg.1.status: SEC_E_OK}\n"
               + "- case: 'bind[mechanism=Kerberos]'\n  evidence: asserted\n  source: [fact.test]\n"
                 "  expect: {acceptor.leg.1.status: SEC_I_CONTINUE_NEEDED}\n").replace("fact.seen", "fact.told").replace(
                     "evidence: observed", "evidence: reported")
    root = support.suite(tmp_path, records=records)
    found = profile.find("all", open_project(root))
    assert [case.id for case in found.required] == ["bind[mechanism=NTLM,acceptor=none]", BIND]
    assert found.left_out == {"alone": profile.ADVISORY, **{f"bind[mechanism=Kerberos,acceptor={one}]": profile.DISPUTED
                                                            for one in ("none", "this")}}
    assert cli.main(["--root", str(root), "certify", "--list", "--profile", "all"]) == 0
    assert f"{profile.ADVISORY}\n  alone" in capsys.readouterr().out


def test_a_profile_that_rests_on_advisory_evidence_alone_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = small_project.RECORDS.replace("fact.seen", "fact.told").replace("evidence: observed", "evidence: reported")
    root = support.suite(tmp_path, {"test": "title: t\nclaim: c\nrequired: [alone]\n"}, records=records)
    with pytest.raises(ConformError, match="advisory evidence alone: none of its 1 cases"):
        certified(root, "test")
    assert not (root / "bundle.tar").exists()


# What is granted and what is refused

def test_granted(granted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--key", str(granted / "key.pem.pub"), "--file", str(granted / "build/libmine.so")]
    assert verified(granted, "bundle.tar", *words) == 0
    out = capsys.readouterr().out
    assert "judged again  5 cases from their observations: 5 pass" in out and out.endswith("exit 0: verified\n")
    assert "note:" not in out
    assert verified(granted, "bundle.tar", "--file", str(granted / "build/sspi-probe")) == 1
    assert "sspi-probe (sha256 " in capsys.readouterr().out
    found = members(granted / "bundle.tar")
    assert set(found) == {*bundle.CONTENT, "SHA256SUMS", "SHA256SUMS.sig"}
    stated = json.loads(found["statement.json"])
    assert stated["product"]["name"] == "Small Library" and stated["suite"]["clean"] is True
    assert stated["implementation"]["files"] == [{
        "name": "libmine.so", "size": 15, "sha256": canonical.digest((granted / "build/libmine.so").read_bytes())}]
    assert stated["required_set"] == {"sha256": canonical.digest(found["required.json"]), "cases": 5, "binding_expectations": 5}


def test_no_secret_and_no_key_is_in_a_bundle(granted: Path) -> None:
    content = (granted / "bundle.tar").read_bytes()
    assert b"Alice-knows-7" not in content and b"PRIVATE KEY" not in content
    private = (granted / "key.pem").read_bytes().splitlines()[1]
    assert private not in content and str(granted).encode() not in content


def test_what_the_profile_of_an_implementation_keeps_secret_is_not_written(root: Path) -> None:
    (root / "harness/implementations/mine.yaml").write_text(
        "name: mine\nlibrary: build/libmine.so\npackages: [NTLM, Kerberos, Negotiate]\n"
        "environment: {API_TOKEN: s3cret-1, PLACE: here}\nfiles: {a.conf: \"user = x\\npassword = s3cret-2\\n\"}\n")
    assert certified(root, "all", "--allow-dirty") == 0
    found = members(root / "bundle.tar")["configuration.json"]
    assert b"s3cret" not in found and b"here" in found and b"user = x" in found


def test_session_keys_and_bytes_that_nobody_judges_are_not_written(root: Path) -> None:
    seen = {"query.acceptor.SESSION_KEY.value.SessionKey": "00112233445566778899aabbccddeeff",
            "query.initiator.SESSION_KEY.value.SessionKey": "", "call.second.output.0.hex": "4e544c4d53535000"}
    assert certified(root, engine=engine({BIND: GOOD | seen})) == 0 and verified(root) == 0
    found = json.loads(members(root / "bundle.tar")["observations.json"])["cases"][BIND]["observed"]
    assert {path: value for path, value in found.items() if path in seen} == {
        "query.acceptor.SESSION_KEY.value.SessionKey": "(not written)", "query.initiator.SESSION_KEY.value.SessionKey": ""}


def test_a_secret_that_was_observed_stops_the_bundle(root: Path) -> None:
    with pytest.raises(ConformError, match="observations.json would hold a secret"):
        certified(root, engine=engine({BIND: GOOD | {"query.acceptor.NAMES.value.sUserName": "Alice-knows-7"}}))
    assert not (root / "bundle.tar").exists()


@pytest.mark.parametrize(("found", "verdict"), [
    (GOOD | {"acceptor.last.status": "SEC_E_LOGON_DENIED"}, "FAIL"),
    (Ended("crash", "acceptor", "SIGSEGV", "AcceptSecurityContext"), "FAIL"),
    (Ended("harness", "", "the KDC is gone"), "ERROR"),
    (Ended("unsupported", "", "no such thing here"), "unsupported"),
    ({}, "FAIL"),
])
def test_a_case_that_is_not_a_pass_is_refused(root: Path, capsys: pytest.CaptureFixture[str], found: Any, verdict: str) -> None:
    assert certified(root, engine=engine({BIND: found})) == 1
    out = capsys.readouterr().out
    assert f"{verdict} {BIND}" in out
    assert out.endswith("exit 1: refused: 1 of the 5 cases that 'all' requires are not a pass; no bundle is written\n")
    assert not (root / "bundle.tar").exists()


def test_an_advisory_difference_and_a_known_failure_are_no_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = small_project.RECORDS + ("- case: bind\n  evidence: inferred\n  note: derived\n"
                                       "  expect: {acceptor.leg.1.token: NTLM CHALLENGE}\n")
    root = support.suite(tmp_path, records=records)
    with (root / "harness/implementations/mine.yaml").open("a") as file:
        file.write("unsupported: [{case: 'bind[mechanism=Kerberos,acceptor=none]', reason: Not here.}]\n"
                   "known-failures: [{case: 'bind[mechanism=Kerberos,acceptor=this]', reason: A pity., since: now,\n"
                   "  outcome: {acceptor.last.status: SEC_E_LOGON_DENIED}}]\n")
    bad = {"bind[mechanism=Kerberos,acceptor=this]": GOOD | {"acceptor.last.status": "SEC_E_LOGON_DENIED"},
           BIND: GOOD | {"acceptor.leg.1.token": "other"}}
    assert certified(root, "all", "--allow-dirty", "--json", engine=engine(bad)) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["granted"] is False and {row["id"]: row["verdict"] for row in found["refused"]} == {
        "bind[mechanism=Kerberos,acceptor=none]": "unsupported", "bind[mechanism=Kerberos,acceptor=this]": "known-failure",
        BIND: "differs"}


def test_a_run_that_stops_early_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play = engine()
    assert certified(root, engine=lambda cases, options, ready: play(cases[:2], options, ready)) == 1
    out = capsys.readouterr().out
    assert out.count("it was not played") == 3 and "refused: 3 of the 5" in out


def test_an_implementation_that_changes_meanwhile_is_refused(root: Path) -> None:
    def play(cases: Any, options: Any, ready: Any) -> Any:
        yield from engine()(cases, options, ready)
        (root / "build/libmine.so").write_bytes(b"another one")
    with pytest.raises(ConformError, match="changed while it was judged"):
        certified(root, engine=play)


def test_a_build_for_tests_is_refused(root: Path) -> None:
    (root / "build/libmine.so").write_bytes(b"\x7fELF libsspi_test_clock")
    with pytest.raises(ConformError, match="libmine.so is a build for tests"):
        certified(root)


def test_a_suite_that_was_changed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "captures/more.yaml").write_text("records: []\n")
    with pytest.raises(ConformError, match=r"changed since commit [0-9a-f]{12}: captures/more.yaml"):
        certified(root)
    assert certified(root, "all", "--allow-dirty") == 0
    assert verified(root) == 0
    out = said(capsys)
    assert "note: made with a suite that was changed since its commit: captures/more.yaml" in out and "foreign suite" in out


@pytest.mark.parametrize(("words", "complaint"), [
    (["--product", "missing.yaml"], "cannot read it"),
    (["--product", "short.yaml"], "lacks vendor, platform"),
    (["--key", "missing.key"], "there is no file missing.key"),
    (["--key", "product.yaml"], "cannot read the private key"),
    (["--profile", "al"], "no certification profile is called 'al'"),
    (["--impl", "nothing"], "no implementation is called 'nothing'"),
])
def test_wrong_usage(root: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], complaint: str) -> None:
    monkeypatch.chdir(root)
    (root / "short.yaml").write_text("name: x\nversion: '1'\n")
    with pytest.raises(ConformError, match=complaint):
        certified(root, "all", *words)
    assert not (root / "bundle.tar").exists()


def test_a_product_is_asked_for_with_an_example(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certified(root)
    assert cli.main(["--root", str(root), "certify", "--impl", "mine", "--profile", "all", "--key", str(root / "key.pem")]) == 3
    assert "vendor: Example GmbH" in capsys.readouterr().err


def test_a_page_shows_what_was_granted_and_what_was_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = root / "build/certificates/mine-all/index.html"
    assert certified(root) == 0
    assert f"Page: {page}" in capsys.readouterr().out and page.is_file()
    page.unlink()
    assert certified(root, engine=engine({BIND: {}})) == 1
    out = capsys.readouterr().out
    assert f"Page: {page}" in out and page.is_file()
    assert f"no bundle is written ({root / 'bundle.tar'} is an older one)" in out


def test_a_key_is_made_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--root", str(root), "certify", "--make-key", str(root / "new.key")]
    assert cli.main(words) == 0
    assert (root / "new.key").stat().st_mode & 0o777 == 0o600
    assert "PUBLIC KEY" in (root / "new.key.pub").read_text()
    assert cli.main(words) == 3 and "is there already" in capsys.readouterr().err


# What verify notices

def test_every_flipped_byte_is_noticed(granted: Path) -> None:
    content = (granted / "bundle.tar").read_bytes()
    assert outcome(granted, content).valid
    draw = random.Random(6)
    places = {draw.randrange(start, min(start + 96, len(content))) for start in range(0, len(content), 96)}
    for at in sorted(places):
        damaged = bytearray(content)
        damaged[at] ^= 1 << draw.randrange(8)
        found = outcome(granted, bytes(damaged))
        assert found.findings, f"byte {at}"
        assert all(one.where and one.what for one in found.findings)


def test_a_flipped_byte_is_named(granted: Path) -> None:
    content = (granted / "bundle.tar").read_bytes()
    at = content.index(b'"verdict":"pass"') + 12
    found = outcome(granted, content[:at] + b"q" + content[at + 1:]).findings
    assert found[0].where == "results.json" and "is not the member that was signed" in found[0].what
    assert any("verdict 'pqss', judged again it is 'pass'" in one.what for one in found)


@pytest.mark.parametrize("size", [0, 90, 300, 512, 700, 5000, -1, -512, -1024])
def test_a_truncated_bundle_is_refused(granted: Path, tmp_path: Path, size: int, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.tar").write_bytes((granted / "bundle.tar").read_bytes()[:size])
    assert verified(granted, tmp_path / "cut.tar") == (3 if 0 <= size < 100 else 1)
    assert "Traceback" not in said(capsys)


def test_three_cases_of_215_taken_out_and_the_rest_signed_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = small_project.record("evidence: asserted\nsource: [fact.test]", case="conformance")
    root = support.suite(tmp_path, {"all": support.PROFILES["all"]}, scenarios=NUMBERED, records=records)
    assert certified(root) == 0 and verified(root) == 0
    assert "215 cases" in said(capsys)
    lost = [f"conformance[tens={n},ones=3]" for n in (7, 21, 40)]
    key, path = root / "key.pem", root / "bundle.tar"
    whole = path.read_bytes()

    def drop(documents: dict[str, Any]) -> None:
        for name in lost:
            del documents["required.json"]["cases"][name], documents["observations.json"]["cases"][name]

    support.made_up(path, drop, key)
    assert verified(root, path, "--key", str(root / "key.pem.pub")) == 1
    named = f"3 cases of the 215 that 'all' requires missing: {'; '.join(sorted(lost))}"
    assert f"INVALID required.json: {named}" in said(capsys)

    def elsewhere(documents: dict[str, Any]) -> None:
        drop(documents)
        documents["statement.json"]["suite"]["commit"] = "0" * 40

    path.write_bytes(whole)
    support.made_up(path, elsewhere, key)
    assert verified(root, path) == 1
    assert f"INVALID required.json: foreign suite: {named}\n  Verify in a checkout of that commit" in said(capsys)

    path.write_bytes(whole)
    support.made_up(path, lambda documents: [documents["observations.json"]["cases"].pop(name) for name in lost] and None, key)
    assert verified(root, path) == 1
    assert f"observations.json: 3 cases of a required set of 215 missing: {'; '.join(sorted(lost))}" in said(capsys)


def _observe(documents: dict[str, Any]) -> None:
    documents["observations.json"]["cases"][BIND]["observed"]["acceptor.last.status"] = "SEC_E_LOGON_DENIED"


def _expect(documents: dict[str, Any]) -> None:
    one = documents["required.json"]["cases"][BIND]["expect"]["acceptor.last.status"]
    one["alternatives"][0][0]["value"] = "SEC_E_LOGON_DENIED"
    _observe(documents)


def _advise(documents: dict[str, Any]) -> None:
    documents["required.json"]["cases"][BIND]["expect"]["acceptor.last.status"]["binding"] = False


def _more(documents: dict[str, Any]) -> None:
    for name in ("required.json", "observations.json"):
        documents[name]["cases"]["bind[mechanism=NTLM,acceptor=mine]"] = documents[name]["cases"][BIND]


@pytest.mark.parametrize(("change", "finding"), [
    (_observe, f"observations.json: case {BIND} is FAIL: acceptor.last.status expected SEC_E_OK, got SEC_E_LOGON_DENIED"),
    (_expect, f"required.json: case {BIND} is not the one of this checkout: expect acceptor.last.status differ"),
    (_advise, f"required.json: case {BIND}: it rests on advisory evidence alone"),
    (_more, "required.json: 1 case there that 'all' does not require: bind[mechanism=NTLM,acceptor=mine]"),
    (lambda d: d["observations.json"]["cases"].update(more={"observed": {}, "seconds": 0}),
     "observations.json: 1 case of a required set of 5 not of the required set: more"),
    (lambda d: d["required.json"]["profile"].update(claim="It makes coffee."),
     "required.json: profile 'all' is not the one of this checkout: claim differ"),
    (lambda d: d["required.json"]["profile"].update(name="coffee"), "required.json: foreign suite: this checkout cannot make"),
    (lambda d: d["not-run.json"]["not_required"].append({"why": "x", "cases": [BIND]}),
     f"not-run.json: 1 case of the required set named here too: {BIND}"),
    (lambda d: d["not-run.json"]["not_required"].append({"why": "x", "cases": ["other"]}),
     "not-run.json: 'not_required' is not what this suite and this profile leave out"),
    (lambda d: d["known-failures.json"]["entries"].append({"reason": "x", "cases": [BIND]}),
     f"known-failures.json: 1 case of the required set named here too: {BIND}"),
    (lambda d: d["statement.json"]["product"].pop("vendor"), "statement.json: product has not the parts name, version"),
    (lambda d: d["statement.json"].update(endorsement="Everybody"), "statement.json: it has not the parts schema, kind"),
    (lambda d: d["statement.json"]["suite"].update(clean="yes"), "statement.json: suite has not the parts"),
    (lambda d: d["statement.json"]["product"].update(vendor=" "), "statement.json: it does not say vendor"),
    (lambda d: d["statement.json"].update(date="yesterday"), "bundle: its documents are not of the form"),
    (lambda d: d["observations.json"]["cases"].update({BIND: {"observed": {"x": {}}, "seconds": 0}}),
     f"required.json: case {BIND}: 'x' is no observed path"),
    (lambda d: d["observations.json"]["cases"].update({BIND: {"observed": [], "seconds": "1"}}),
     f"required.json: case {BIND}: it is not of the form of a case"),
])
def test_documents_that_were_changed_and_signed_again(root: Path, capsys: pytest.CaptureFixture[str], change: Any,
                                                      finding: str) -> None:
    assert certified(root) == 0
    try:
        support.made_up(root / "bundle.tar", change, root / "key.pem")
    except (KeyError, AttributeError):  # nothing can be made of it: then the rest stays as it was
        documents = {name: json.loads(data) for name, data in members(root / "bundle.tar").items() if name in bundle.DOCUMENTS}
        change(documents)
        signed_again(root / "bundle.tar", members(root / "bundle.tar")
                     | {name: canonical.dump(value) for name, value in documents.items()}, root / "key.pem")
    assert verified(root) == 1
    assert f"INVALID {finding}" in said(capsys)


@pytest.mark.parametrize(("name", "old", "new", "finding"), [
    ("results.json", b'"verdict":"pass"', b'"verdict":"FAIL"', "judged again it is 'pass'"),
    ("results.json", b'"meaning":"as expected"', b'"meaning":"as nobody expected"', "'summary' says"),
    ("results.json", b'"id":"alone"', b'"id":"other"', "1 case missing: alone"),
    ("junit.xml", b'tests="4"', b'tests="3"', "made again it is"),
    ("report.txt", b"5 pass", b"7 pass", "line 10 says 'Result          7 pass', made again it is 'Result          5 pass'"),
    ("statement.json", b'"pass":5', b'"pass":7', "'verdicts' says"),
    ("statement.json", b'"binding_expectations":5', b'"binding_expectations":9', "'required_set' says"),
    ("required.json", b'"schema":1', b'"schema": 1', "not in canonical form"),
    ("required.json", b'"schema":1', b'"schema":1,"schema":1', "not in canonical form"),
    ("observations.json", b'{"cases"', b"[" * 100000, "no JSON"),
    ("observations.json", b'"seconds":0.5', b'"seconds":NaN', "no JSON"),
    ("configuration.json", b"{", b"\xff{", "no JSON"),
    ("signer.pem", b"-----BEGIN", b"-----BEGUN", "no PEM text of a public key"),
    ("signer.pem", b"-----BEGIN", b"hello\n-----BEGIN", "no public key and no certificate alone"),
])
def test_members_that_were_changed_and_signed_again(root: Path, capsys: pytest.CaptureFixture[str], name: str, old: bytes,
                                                    new: bytes, finding: str) -> None:
    assert certified(root) == 0
    found = members(root / "bundle.tar")
    assert old in found[name]
    found[name] = found[name].replace(old, new, 1)
    rest = {one: data for one, data in found.items() if one in bundle.CONTENT}
    listed = bundle.sums(rest)
    sign = signature.signer(root / "key.pem", None).sign(listed)
    (root / "bundle.tar").write_bytes(archive.pack(rest | {"SHA256SUMS": listed, "SHA256SUMS.sig": sign}))
    assert verified(root) == 1
    out = said(capsys)
    assert f"INVALID {name}: " in out
    assert finding in out


def test_signatures_of_others(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert certified(root) == 0 and certified(root, "bindings", out="other.tar") == 0
    one, other = members(root / "bundle.tar"), members(root / "other.tar")
    (root / "swapped.tar").write_bytes(archive.pack(one | {"SHA256SUMS.sig": other["SHA256SUMS.sig"]}))
    assert verified(root, "swapped.tar") == 1
    assert "INVALID SHA256SUMS.sig: no signature of SHA256SUMS by SHA256:" in said(capsys)
    (root / "swapped.tar").write_bytes(archive.pack(one | {"results.json": other["results.json"]}))
    assert verified(root, "swapped.tar") == 1
    assert "INVALID results.json: is not the member that was signed" in said(capsys)
    signature.make_key(root / "thief.key")
    signed_again(root / "stolen.tar", one, root / "thief.key")
    assert verified(root, "stolen.tar") == 0
    assert "note: the signer is not known here" in said(capsys)
    assert verified(root, "stolen.tar", "--key", str(root / "key.pem.pub")) == 1
    assert "INVALID signer.pem: signed by another key: SHA256:" in said(capsys)


def test_members_that_do_not_belong(granted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = members(granted / "bundle.tar")
    for content, finding in (
            (archive.pack(good | {"virus.exe": b"x"}), "member 'virus.exe' is none of a certificate"),
            (archive.pack({name: data for name, data in good.items() if name != "junit.xml"}), "member junit.xml is missing"),
            (archive.pack({name: data for name, data in good.items() if name != "SHA256SUMS.sig"}), "it needs one signature"),
            (archive.pack(good)[:-1024] + archive.pack({"statement.json": good["statement.json"]}), "comes twice"),
            (archive.pack({"statement.json": b"{}\n"})[:-1024] + archive.pack(good), "members are sorted"),
            (archive.pack(good) + b"\0" * 512, "no header of a member"),
            (archive.pack(good) + archive.pack(good), "no header of a member"),
            (archive.pack({f"{number:04}": b"" for number in range(2000)}), "more than 100 members")):
        (tmp_path / "odd.tar").write_bytes(content)
        assert verified(granted, tmp_path / "odd.tar") == 1
        assert finding in said(capsys)


def test_archives_that_others_write(granted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("victim", "SHA256SUMS"):
        (tmp_path / name).write_bytes(b"x" * 100)
    subprocess.run(["truncate", "-s", "1G", str(tmp_path / "holes")], check=True)
    (tmp_path / "link").symlink_to("victim")
    for words in (["-P", "--transform=s|.*|../../victim|", "victim"], ["-P", str(tmp_path / "victim")], ["-S", "holes"],
                  ["--format=pax", "victim"], ["SHA256SUMS"], ["link"]):
        subprocess.run(["tar", "-C", str(tmp_path), "-cf", str(tmp_path / "odd.tar"), *words], check=True)
        assert verified(granted, tmp_path / "odd.tar") == 1
        assert "no header of a member is at byte 0" in said(capsys)
    assert (tmp_path / "victim").read_bytes() == b"x" * 100


def test_files_that_are_no_bundle(granted: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    subprocess.run(["gzip", "-k", str(granted / "bundle.tar")], check=True)
    subprocess.run(["truncate", "-s", "300M", str(tmp_path / "huge.tar")], check=True)
    (tmp_path / "text").write_text("hello\n" * 1000)
    packed = granted / "bundle.tar.gz"
    for path in (packed, tmp_path / "huge.tar", tmp_path / "text", tmp_path, tmp_path / "missing", Path("/dev/zero")):
        assert verified(granted, path) == 3
        assert "Traceback" not in said(capsys)
