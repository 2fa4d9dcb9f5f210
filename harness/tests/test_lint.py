# SPDX-License-Identifier: Apache-2.0
"""What `captures lint` refuses, and what recordings say against a fact."""
from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_project
import windows_recordings
from small_project import record

from sspi_conform import lint
from sspi_conform.captures import load_captures, load_sources
from sspi_conform.project import open_project
from sspi_conform.proof import shown
from sspi_conform.scenarios import load_suite
from sspi_conform.tokens import ntlm, spnego

DOC = "evidence: documented\nsource: [fact.doc]"
TOLD = "evidence: reported\nsource: [fact.told]"
ALONE = small_project.RECORDS.partition("- case: alone")[2]
OTHERS = ("fact.torn", "fact.settled", "fact.test", "fact.told", "fact.thought")


def found(folder: Path, *records: str, sources: str = small_project.SOURCES, unjudged: tuple[str, ...] = OTHERS) -> list[str]:
    """What is refused: the first record is on line 2, every one is four lines long."""
    text = "records:\n" + "".join(one.removeprefix("records:\n") for one in records) + f"- case: alone{ALONE}"
    root = small_project.make(folder, records=text, sources=sources)
    (root / "captures" / "unjudged.yaml").write_text("unjudged:\n" + "".join(f"  {one}: why\n" for one in unjudged))
    return [str(one) for one in lint.problems(open_project(root, allow_unjudged=True))]


def test_nothing_to_say(tmp_path: Path) -> None:
    assert found(tmp_path, record(DOC)) == []


def test_a_source_that_nobody_cites(tmp_path: Path) -> None:
    (one,) = found(tmp_path, record(DOC), unjudged=OTHERS[1:])
    assert one.startswith("captures/sources.yaml:10: source 'fact.torn' judges no case\n  Cite it")


def test_a_case_without_expectation(tmp_path: Path) -> None:
    assert "scenarios/some.yaml:2: nothing is expected of the acceptor in case 'bind[mechanism=NTLM,acceptor=none]'" in "".join(
        found(tmp_path, record(DOC, case="bind[acceptor=this]")))


def test_a_duplicate(tmp_path: Path) -> None:
    (one,) = found(tmp_path, record(DOC), record(DOC))
    assert one.startswith("captures/some.yaml:6: acceptor.last.status of 'bind' was said before, at captures/some.yaml:2")


@pytest.mark.parametrize("expect", ["SEC_E_OK", "SEC_E_LOGON_DENIED"])
def test_a_record_that_decides_nothing(tmp_path: Path, expect: str) -> None:
    """A further witness may stay; one that says otherwise needs a reason; one without a source of its own goes."""
    says = f"{{acceptor.last.status: {expect}}}"
    others = tuple(one for one in OTHERS if one != "fact.told")
    refused = found(tmp_path, record(DOC), record(TOLD, expect=says), unjudged=others)
    guess = found(tmp_path, record(DOC), record("evidence: inferred\nsource: [fact.doc]\nnote: n", expect=says))
    if expect == "SEC_E_OK":
        assert refused == []
        assert guess[0].startswith("captures/some.yaml:6: the record decides nothing and brings no further witness")
    else:
        assert refused[0].startswith("captures/some.yaml:6: the record decides nothing: what it says of acceptor.last.status "
                                     "is overruled by captures/some.yaml:2")
        assert len(guess) == 1
        assert found(tmp_path, record(DOC), record(f"{TOLD}\nbeside: why", expect=says), unjudged=others) == []


def test_beside_in_a_record_that_decides(tmp_path: Path) -> None:
    (one,) = found(tmp_path, record(f"{DOC}\nbeside: why"))
    assert one.startswith("captures/some.yaml:2: 'beside' in a record that decides something")


def test_what_decides_for_one_build_decides(tmp_path: Path) -> None:
    old = record(f"{TOLD}\nwindows: 2012", expect="{acceptor.last.status: SEC_E_LOGON_DENIED}")
    others = tuple(one for one in OTHERS if one != "fact.told")
    assert found(tmp_path, record(f"{DOC}\nwindows: 2016.."), old, unjudged=others) == []


def test_an_unknown_kind_of_citation(tmp_path: Path) -> None:
    (one,) = found(tmp_path, record(DOC), sources=small_project.SOURCES.replace("doc: page one", "winpr: page one"))
    assert one.startswith("captures/sources.yaml:2: source 'fact.doc' cites 'winpr', which is no kind of citation")


NEGOTIATE = ntlm.Negotiate(ntlm.UNICODE | ntlm.SIGN | ntlm.VERSION, version=ntlm.Version(10, 0, 17763)).pack()
PLACE = "some/file.pcap frame 7"


def recordings(folder: Path) -> Path:
    """A made up recording: a NEGOTIATE inside SPNEGO in frame 7, and bare in frame 9."""
    wrapped = spnego.NegTokenInit((spnego.NTLM,), NEGOTIATE).pack()
    legs = [{"frame": frame, "dir": "c2s", "token": token.hex()} for frame, token in ((7, wrapped), (9, NEGOTIATE))]
    (folder / "exchanges").mkdir()
    (folder / "exchanges" / "some__file.pcap.json").write_text(
        json.dumps({"capture": "some/file.pcap", "exchanges": [{"transport": "SMB2", "legs": legs}]}))
    return folder


@pytest.mark.parametrize("statement, problem", [
    (f"{{in: {PLACE}, is: {{token: NegTokenInit, token.mechTypes: [NTLM]}}}}", ""),
    (f"{{in: {PLACE}, is: {{token: NTLM NEGOTIATE, token.build: 10.0.17763}}}}", ""),
    ("{in: some/file.pcap exchange 0 leg 2, is: {token.flags: [NTLMSSP_NEGOTIATE_SIGN, NTLMSSP_NEGOTIATE_UNICODE, NTLMSSP_NEGOTIATE_VERSION]}}", ""),
    (f"{{in: {PLACE}, is: {{token: NegTokenInit, token.mechTypes: [MS-KRB5, NTLM]}}}}",
     "some/file.pcap frame 7: token.mechTypes is [NTLM], not [MS-KRB5, NTLM]"),
    ("{in: some/file.pcap frame 8, is: {token: NegTokenInit}}", "the recordings have no token in some/file.pcap frame 8"),
    ("{every: {token: NTLM NEGOTIATE}, is: {token.transport: SMB2, token.workstation: ''}, times: 2}", ""),
    ("{every: {token: NTLM NEGOTIATE}, is: {token.transport: SMB2}, times: 3}", "there are 2 such tokens, not 3"),
    ("{every: {token: NTLM NEGOTIATE}, is: {token.flags: {includes: [NTLMSSP_NEGOTIATE_SEAL]}}, times: 2}",
     "some/file.pcap frame 7: token.flags is [NTLMSSP_NEGOTIATE_SIGN, NTLMSSP_NEGOTIATE_UNICODE, NTLMSSP_NEGOTIATE_VERSION], not includes"),
])
def test_a_fact_is_looked_up_in_the_recording(tmp_path: Path, statement: str, problem: str) -> None:
    sources = small_project.SOURCES.replace("'capture: file.pcap frame 7']", f"'capture: file.pcap frame 7']\n    shown: [{statement}]")
    root = small_project.make(tmp_path / "root", sources=sources)
    read = load_captures(root / "captures", root, load_suite(root / "scenarios", root).cases).sources
    said = [one.what for one in shown.wrong(read.values(), recordings(tmp_path))]
    assert len(said) == bool(problem) and all(f"source 'fact.seen': {problem}" in one for one in said), said


@windows_recordings.needed()
def test_the_recordings_bear_out_what_the_facts_say_of_them() -> None:
    sources = load_sources(windows_recordings.ROOT / "captures" / "sources.yaml", windows_recordings.ROOT)
    folder = windows_recordings.folder()
    assert folder and [str(one) for one in shown.wrong(sources.values(), folder)] == []
    assert sum(len(one.shown) for one in sources.values()) > 75
