# SPDX-License-Identifier: Apache-2.0
"""Every diagnosis provoked in the throwaway realm: played over a real connection, captured, imported, diagnosed.

`live/provoked_*.py` hold the cases. Each must be diagnosed as what it was made for and as nothing else, but for what the
diagnosis' text calls a mere consequence; and without its rule it must not be.
"""
from __future__ import annotations

import importlib
import json
import pkgutil
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

import live
from live.faults import FAULTS
from live.provoked import Provoked, collected
from realm import ad
from live_bench import LiveBench, Played, Unavailable
from sspi_conform import importing
from sspi_conform.decode import keys
from sspi_conform.diagnosis import engine, shown, texts
from sspi_conform.diagnosis.model import Diagnosed, Finding
from sspi_conform.exchange import file, verify
from sspi_conform.exchange.model import Recording
from sspi_conform.exchange.redact import redact
from sspi_conform.importing import tshark
from sspi_conform.model import ConformError

MODULES = [importlib.import_module(f"live.{found.name}") for found in pkgutil.iter_modules(live.__path__)
           if found.name.startswith("provoked_")]
PROVOKED = collected(*MODULES)
TEXTS = texts.load((*engine.MODULES, engine.LAST))


@dataclass(frozen=True)
class Proof:
    """What came of a case: how it was played, and what the import found of it; or why it could not be played."""

    wanted: Provoked
    played: Played | None = None
    recording: Recording | None = None
    problem: str = ""

    def diagnosed(self, redacted: bool = False) -> list[Diagnosed]:
        """What is said of it, with the secrets that the case gives."""
        if self.problem and "ad" in self.wanted.case.needs and ad.why_not():
            pytest.skip(ad.why_not())
        assert self.played is not None and self.recording is not None, self.problem
        hashes = keys.hashes_of(self.wanted.password or None, None)
        keytabs = [self.played.keytab] if self.played.keytab else []
        recording = verify.verified(self.recording, verify.Secrets(keys.keys_of(keytabs, hashes), hashes))
        return [one for _, one in engine.diagnose(redact(recording) if redacted else recording)]


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Proof]:
    """Every case, played one after the other; all their packets are imported at once."""
    folder = tmp_path_factory.mktemp("live")
    try:
        tshark.program()
    except ConformError as reason:
        pytest.skip(str(reason))
    try:
        with LiveBench(folder) as bench:
            found = {name: _played(bench, wanted) for name, wanted in PROVOKED.items()}
            bench.write_all(folder / "all.pcapng")
    except Unavailable as reason:
        pytest.skip(f"no network namespace of its own here: {reason}")
    return dict(_split(importing.load(folder / "all.pcapng"), found))


def _played(bench: LiveBench, wanted: Provoked) -> Proof:
    try:
        return Proof(wanted, bench.play(wanted.case))
    except RuntimeError as problem:
        return Proof(wanted, problem=str(problem))


def _split(whole: Recording, found: Mapping[str, Proof]) -> Iterator[tuple[str, Proof]]:
    first = 1
    for name, proof in found.items():
        last = first + (proof.played.frames if proof.played else 0) - 1
        mine = replace(whole, exchanges=tuple(one for one in whole.exchanges if first <= one.legs[0].frame <= last),
                       kdc=tuple(one for one in whole.kdc if first <= one.frame <= last))
        if proof.played and proof.wanted.case.transport in FAULTS:  # a server without tokens counts only where it is alone
            mine = importing.load(proof.played.path)
        yield name, replace(proof, recording=mine)
        first = last + 1


def said(found: list[Diagnosed], wanted: Provoked) -> list[Finding]:
    """Findings, or notes where the case is a harmless one."""
    return [one for exchange in found for one in (exchange.notes if wanted.is_note else exchange.findings)]


@pytest.mark.parametrize("name", PROVOKED)
def test_exactly_that_one(name: str, proofs: dict[str, Proof]) -> None:
    wanted, found = PROVOKED[name], proofs[name].diagnosed()
    ids = [one.text.id for one in said(found, wanted)]
    assert ids[:1] == [wanted.id], found
    others = [one for one in ids[1:] if wanted.id not in TEXTS[one].after]
    assert not others
    if wanted.is_note:
        assert not any(exchange.findings for exchange in found)
    seen = said(found, wanted)[0].seen
    text = f"{seen.field} {seen.found} {dict(seen.blanks)}"
    assert [word for word in wanted.words if word not in text] == [], text


@pytest.mark.parametrize("name", PROVOKED)
def test_not_without_its_rule(name: str, proofs: dict[str, Proof], monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = PROVOKED[name]
    for module in (*engine.MODULES, engine.LAST):
        monkeypatch.setattr(module, "RULES", tuple(rule for rule in module.RULES if texts.id_of(rule) != wanted.id))
    monkeypatch.setattr(texts, "load", lambda modules: TEXTS)
    assert wanted.id not in [one.text.id for one in said(proofs[name].diagnosed(), wanted)]


@pytest.mark.parametrize("name", PROVOKED)
def test_redaction_leaves_the_diagnosis(name: str, proofs: dict[str, Proof]) -> None:
    """What is given away must still tell what is wrong."""
    wanted = PROVOKED[name]
    assert [one.text.id for one in said(proofs[name].diagnosed(redacted=True), wanted)][:1] == [wanted.id]


def test_hostile_exchange_files(proofs: dict[str, Proof]) -> None:
    """Whatever somebody wrote into one: it is refused, or diagnosed in printable words."""
    files = [file.text(proof.recording) for proof in proofs.values() if proof.recording]
    random_ = random.Random(6)
    read = 0
    for content in (json.loads(random_.choice(files)) for _ in range(300)):
        place, key = random_.choice(list(_places(content["exchange-file"])))
        place[key] = _damaged(place[key], random_)
        try:
            recording = file.read(json.dumps(content).encode(), "x")
        except ConformError:
            continue
        read += 1
        for view, one in engine.diagnose(recording):
            assert all(line.isprintable() for line in shown.lines(one, view, {}, True))
    assert read > 50


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _places(value[key])


def _damaged(value: Any, random_: random.Random) -> Any:
    if isinstance(value, str) and len(value) > 16 and value.isalnum() and random_.random() < 0.7:
        at = random_.randrange(len(value))
        return value[:at // 2 * 2] if random_.random() < 0.3 else value[:at] + random_.choice("0123456789abcdef") + value[at + 1:]
    return random_.choice([None, "", "\x1b[2J", "krbtgt/", "/", "a" * 3000, 0, -1, 10**30, 1.5, True, [], {}, ["x"], "7e03", "60"])


def test_every_diagnosis_is_proven_live() -> None:
    """At least 25 of them, and each that is not is listed with its reason."""
    excused = {name: reason for module in MODULES for name, reason in module.NOT_PROVEN.items()}
    proven = {wanted.id for wanted in PROVOKED.values()}
    injected = proven - {wanted.id for wanted in PROVOKED.values() if not wanted.is_injected}
    assert all(excused.values()) and set(excused) <= set(TEXTS) - proven
    assert set(TEXTS) - proven - set(excused) == set()
    assert len(proven - injected) >= 25
    print(f"{len(TEXTS)} diagnoses: {len(proven - injected)} proven live, {len(injected)} with an injected end, {len(excused)} not")
