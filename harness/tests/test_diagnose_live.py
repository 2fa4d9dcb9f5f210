# SPDX-License-Identifier: Apache-2.0
"""Every diagnosis provoked in the throwaway realm: played over a real connection, captured, imported, diagnosed.

`live/provoked_*.py` hold the cases. Each must be diagnosed as what it was made for and as nothing else, but for what the
diagnosis' text calls a mere consequence; and without its rule it must not be.
"""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from live import provoked, provoked_kerberos
from live.provoked import Provoked
from live_bench import LiveBench, Unavailable
from sspi_conform import importing
from sspi_conform.decode import keys
from sspi_conform.diagnosis import engine, texts
from sspi_conform.diagnosis.model import Diagnosed, Finding
from sspi_conform.exchange import verify
from sspi_conform.exchange.redact import redact
from sspi_conform.importing import tshark
from sspi_conform.model import ConformError

PROVOKED = provoked.collected(provoked_kerberos)
TEXTS = texts.load((*engine.MODULES, engine.LAST))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveBench]:
    try:
        tshark.program()
        with LiveBench(tmp_path_factory.mktemp("live")) as made:
            yield made
    except (Unavailable, ConformError) as reason:
        pytest.skip(f"no capture can be made or read here: {reason}")


def diagnosed(bench: LiveBench, wanted: Provoked, redacted: bool = False) -> list[Diagnosed]:
    """What is said of a capture of the case, with the secrets that the case gives."""
    played = bench.play(wanted.case)
    for path, value in wanted.observed.items():
        assert played.observed.get(path) == value, (path, played.observed)
    recording = importing.load(played.path)
    found = keys.hashes_of(wanted.password or None, None)
    given = [played.keytab] if played.keytab else []
    recording = verify.verified(recording, verify.Secrets(keys.keys_of(given, found), found))
    return [one for _, one in engine.diagnose(redact(recording) if redacted else recording)]


def said(found: list[Diagnosed], wanted: Provoked) -> list[Finding]:
    """Findings, or notes where the case is a harmless one."""
    return [one for exchange in found for one in (exchange.notes if wanted.is_note else exchange.findings)]


@pytest.mark.parametrize("name", PROVOKED)
def test_exactly_that_one(name: str, bench: LiveBench) -> None:
    wanted = PROVOKED[name]
    found = diagnosed(bench, wanted)
    ids = [one.text.id for one in said(found, wanted)]
    assert ids[:1] == [wanted.id], found
    consequences = [one for one in ids[1:] if wanted.id not in TEXTS[one].after]
    assert not consequences, consequences
    if wanted.is_note:
        assert not any(exchange.findings for exchange in found)
    text = " ".join(f"{one.seen.field} {one.seen.found} {dict(one.seen.blanks)}" for one in said(found, wanted)[:1])
    for word in wanted.words:
        assert word in text


@pytest.mark.parametrize("name", PROVOKED)
def test_not_without_its_rule(name: str, bench: LiveBench, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = PROVOKED[name]
    for module in (*engine.MODULES, engine.LAST):
        monkeypatch.setattr(module, "RULES", tuple(rule for rule in module.RULES if texts.id_of(rule) != wanted.id))
    monkeypatch.setattr(texts, "load", lambda modules: TEXTS)
    assert wanted.id not in [one.text.id for one in said(diagnosed(bench, wanted), wanted)]


def test_redaction_leaves_the_diagnosis(bench: LiveBench) -> None:
    """What is given away must still tell what is wrong."""
    differing = [name for name, wanted in PROVOKED.items()
                 if [one.text.id for one in said(diagnosed(bench, wanted, redacted=True), wanted)][:1] != [wanted.id]]
    assert not differing


def test_every_diagnosis_is_proven_live() -> None:
    """At least 25 of them, and each that is not is listed with its reason."""
    proven = {wanted.id for wanted in PROVOKED.values()}
    registered = set(TEXTS)
    excused = {name: reason for module in (provoked_kerberos,) for name, reason in module.NOT_PROVEN.items()}
    assert proven <= registered and not proven & set(excused) and set(excused) <= registered and all(excused.values())
    assert sorted(registered - proven - set(excused)) == []
    live = {wanted.id for wanted in PROVOKED.values() if not wanted.case.nt_status}
    assert len(live) >= 25, sorted(live)
    print(f"{len(registered)} diagnoses: {len(live)} proven live, {len(proven - live)} with an injected end, {len(excused)} not")
