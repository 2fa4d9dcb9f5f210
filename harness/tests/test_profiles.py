# SPDX-License-Identifier: Apache-2.0
"""Profiles, and those of this repository."""
from __future__ import annotations

from pathlib import Path

import pytest
import small_project

from sspi_conform.model import ConformError
from sspi_conform.profiles import Profile, find, load_profile
from sspi_conform.scenarios import load_suite

ROOT = Path(__file__).resolve().parents[2]
HEAD = "name: mine\nlibrary: build/libmine.so\npackages: [NTLM]\n"
ENTRY = "known-failures:\n- case: bind\n  reason: r\n  since: 2026-11-22\n"


def load(folder: Path, text: str) -> Profile:
    root = small_project.make(folder)
    (root / "mine.yaml").write_text(text, encoding="utf-8")
    return load_profile(root / "mine.yaml", root, load_suite(root / "scenarios", root).cases)


def test_a_whole_profile(tmp_path: Path) -> None:
    found = load(tmp_path, HEAD + "acceptor-identity: account\nenvironment: {A: '{folder}/x'}\nfiles: {x: y}\n"
                 "unsupported:\n- {case: '*[mechanism=Kerberos]', reason: None.}\n" + ENTRY
                 + "  outcome: {acceptor.last.attributes: {excludes: [INTEGRITY]}}\n")
    assert (found.name, found.library, found.packages, found.acceptor_identity) == (
        "mine", "build/libmine.so", ("NTLM",), "account")
    assert (found.environment, found.files) == ({"A": "{folder}/x"}, {"x": "y"})
    assert str(found.known_failures[0].outcome["acceptor.last.attributes"]) == "excludes [INTEGRITY]"
    assert found.known_failures[0].source == "mine.yaml:10"


@pytest.mark.parametrize(("text", "line", "what"), [
    (HEAD + "librari: x\n", 4, "unknown key 'librari' in a profile"),
    (HEAD + "command: [ssh]\n", 1, "a profile has either 'library' or 'command'"),
    ("name: mine\npackages: [NTLM]\n", 1, "a profile has either 'library' or 'command'"),
    ("name: mine\nlibrary: x\npackages: [NTML]\n", 3, "unknown package 'NTML'"),
    (HEAD + "acceptor-identity: yes\n", 4, "'acceptor-identity' is 'yes'"),
    (HEAD + "environment: {A: 1}\n", 4, "'A' is a number"),
    (HEAD + "unsupported:\n- {case: bnid, reason: r}\n", 5,
     "pattern 'bnid' matches no case: there is no scenario 'bnid'"),
    (HEAD + "unsupported:\n- {case: bind}\n", 5, "'reason' is missing"),
    (HEAD + ENTRY, 5, "'outcome' is missing"),
    (HEAD + ENTRY.replace("  reason: r\n", "") + "  outcome: {established: false}\n", 5, "'reason' is missing"),
    (HEAD + ENTRY + "  outcome: {established.: false}\n", 8, "'established.' is no observed path"),
])
def test_refusals(tmp_path: Path, text: str, line: int, what: str) -> None:
    with pytest.raises(ConformError) as caught:
        load(tmp_path, text)
    assert str(caught.value).splitlines()[0] == f"mine.yaml:{line}: {what}"


def test_a_library_needs_no_profile(tmp_path: Path) -> None:
    library = tmp_path / "libother.so.3"
    library.write_bytes(b"")
    found = find(str(library), tmp_path, tmp_path, ())
    assert (found.name, found.library, found.packages) == (
        "libother.so.3", str(library), ("NTLM", "Kerberos", "Negotiate"))
    with pytest.raises(ConformError, match="there is no library .*gone.so"):
        find(str(tmp_path / "gone.so"), tmp_path, tmp_path, ())


def test_an_unknown_name_gets_suggestions() -> None:
    with pytest.raises(ConformError) as caught:
        find("libspi", ROOT / "harness" / "implementations", ROOT, ())
    assert caught.value.what == "no implementation is called 'libspi'"
    assert "Did you mean libsspi?" in caught.value.advice


@pytest.mark.parametrize("path", sorted((ROOT / "harness" / "implementations").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_profiles_of_this_repository(path: Path) -> None:
    found = load_profile(path, ROOT, load_suite(ROOT / "scenarios", ROOT).cases)
    assert found.name == path.stem
