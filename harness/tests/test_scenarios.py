# SPDX-License-Identifier: Apache-2.0
"""Scenario files to cases: expansion, and every refusal with its place."""
from __future__ import annotations

import re
from pathlib import Path

import pytest
import small_project
from small_project import scenario

from sspi_conform import settings
from sspi_conform.model import ConformError
from sspi_conform.scenarios import Suite, load_suite
from sspi_conform.yamlfile import parse

ROOT = Path(__file__).resolve().parents[2]


def suite(folder: Path, text: str) -> Suite:
    root = small_project.make(folder, text)
    return load_suite(root / "scenarios", root)


def test_cartesian_product_in_declared_order(tmp_path: Path) -> None:
    found = suite(tmp_path, small_project.SCENARIOS)
    assert [case.id for case in found.cases] == [
        "bind[mechanism=NTLM,acceptor=none]", "bind[mechanism=NTLM,acceptor=this]",
        "bind[mechanism=Kerberos,acceptor=none]", "bind[mechanism=Kerberos,acceptor=this]", "alone"]
    case = found.cases[3]
    assert case.settings["acceptor"]["bindings"] == "tls-server-end-point"
    assert case.settings["initiator"]["package"] == case.settings["acceptor"]["package"] == "Kerberos"
    assert (case.mechanism, case.subject, case.isolate) == ("Kerberos", "acceptor", "none")
    assert case.needs == {"kdc", "tls"}
    assert found.cases[0].needs == {"winbind"}
    assert case.scenario.source == "scenarios/some.yaml:2"


def test_except_and_file_axes(tmp_path: Path) -> None:
    text = "axes:\n  size: {small: {initiator.output: {size: 1}}, none: {initiator.output: null}}\n" + scenario(
        "vary:\n  mechanism: {ref: $mechanisms, except: [Kerberos, Negotiate/Kerberos]}\n  size: $size")
    assert [case.id for case in suite(tmp_path, text).cases] == [
        "one[mechanism=NTLM,size=small]", "one[mechanism=NTLM,size=none]",
        "one[mechanism=Negotiate/NTLM,size=small]", "one[mechanism=Negotiate/NTLM,size=none]"]


def test_later_axes_patch_earlier_ones_and_flags_can_be_added(tmp_path: Path) -> None:
    text = scenario("settings: {acceptor.flags: [CONNECTION]}\nvary:\n  a: {x: {acceptor.flags+: [INTEGRITY]}}\n"
                    "  b: {keep: {}, drop: {acceptor.flags: []}}")
    keep, drop = suite(tmp_path, text).cases
    assert keep.settings["acceptor"]["flags"] == ["CONNECTION", "INTEGRITY"]
    assert drop.settings["acceptor"]["flags"] == []


def test_parameters_reach_play_and_live_names_stay(tmp_path: Path) -> None:
    text = scenario("settings: {parameters.buffers: [{type: TOKEN, size: 3}], parameters.word: ab}",
                    "[call: {side: $subject, as: x, request: {call: ISC, ctx: $ctx, hex: cd$word, output: $buffers}}]")
    (step,) = suite(tmp_path, text).cases[0].play
    assert step["call"] == {"side": "acceptor", "as": "x", "request": {
        "call": "ISC", "ctx": "$ctx", "hex": "cdab", "output": [{"type": "TOKEN", "size": 3}]}}


def test_skipped_points_are_kept_with_their_reason(tmp_path: Path) -> None:
    text = scenario("vary: {mechanism: $mechanisms}\nskip: [{case: 'one[mechanism=*Kerberos]', reason: No ticket.}]")
    found = suite(tmp_path, text)
    assert [case.id for case in found.cases] == ["one[mechanism=NTLM]", "one[mechanism=Negotiate/NTLM]"]
    assert [(one.id, one.reason) for one in found.skipped] == [
        ("one[mechanism=Kerberos]", "No ticket."), ("one[mechanism=Negotiate/Kerberos]", "No ticket.")]


def test_misbehaviour_of_both_sides_is_the_counterparts(tmp_path: Path) -> None:
    case = suite(tmp_path, scenario("settings: {initiator.misbehave: {mic: drop}, acceptor.misbehave: {mic: drop}}"))
    assert case.cases[0].settings["acceptor"]["misbehave"] == {}
    assert case.cases[0].settings["initiator"]["misbehave"] == {"mic": "drop"}


KERBEROS = "{mechanism: Kerberos, package: Kerberos}"
REFUSALS = {
    "duplicate key": ("scenarios: []\nscenarios: []\n", 2, "duplicate key 'scenarios', first on line 1", "Remove"),
    "unknown key": (scenario("sevrity: high"), 7, "unknown key 'sevrity' in a scenario", "Did you mean severity?"),
    "missing key": (scenario().replace("  title: A title\n", ""), 2, "'title' is missing", "Add title:"),
    "empty title": (scenario().replace("A title", "''"), 3, "'title' is empty", "must be a sentence"),
    "bad id": (scenario(name="One_"), 2, "'One_' is no scenario id", "small letters"),
    "level": (scenario().replace("must", "shall"), 5, "'level' is 'shall'", "must, should, may"),
    "unknown setting": (scenario("settings: {acceptor.flag: []}"), 7, "unknown setting 'acceptor.flag'",
                        "Did you mean acceptor.flags"),
    "unknown flag": (scenario("settings: {acceptor.flags: [INTEGRTY]}"), 7,
                     "setting 'acceptor.flags': unknown flag 'INTEGRTY'", "Did you mean INTEGRITY?"),
    "flag of the other side": (scenario("settings: {acceptor.flags: [NO_INTEGRITY]}"), 7,
                               "setting 'acceptor.flags': unknown flag 'NO_INTEGRITY'", "INTEGRITY"),
    "bad value": (scenario("settings: {initiator.account: admin}"), 7,
                  "setting 'initiator.account': 'admin' is not allowed", "Known: normal"),
    "adding to a scalar": (scenario("settings: {subject+: acceptor}"), 7, "'subject+': only flags can be added to",
                           "Write subject:"),
    "no kind of live binding": (scenario("settings: {initiator.bindings: {tls: tls-serial}}"), 7,
                                "setting 'initiator.bindings': '{'tls': 'tls-serial'}' is no channel binding", "{tls: tls-unique}"),
    "hash of no certificate": (scenario("settings: {acceptor.bindings: {tls: tls-unique, certificate: md4}}"), 7,
                               "setting 'acceptor.bindings': '{'tls': 'tls-unique', 'certificate': 'md4'}' is no channel binding",
                               "{tls: tls-unique}"),
    "unknown verb": (scenario(play="[establish, seel both ways]"), 7, "unknown verb 'seel'", "Did you mean seal"),
    "unknown step word": (scenario(play="[seal both]"), 7, "'seal both' is no step", "seal both ways"),
    "unknown step key": (scenario(play="[leg: {side: acceptor, inputs: last}]"), 7, "unknown key 'inputs' in 'leg'",
                         "Did you mean input"),
    "step without side": (scenario(play="[leg: {input: last}]"), 7, "'leg' needs a side", "side: initiator"),
    "tamper": (scenario(play="[seal: {side: acceptor, tamper: flop}]"), 7, "'seal' knows no tamper 'flop'",
               "Did you mean flip"),
    "call without request": (scenario(play="[call: {side: acceptor, as: x}]"), 7, "'call' needs a request", "Write"),
    "empty play": (scenario(play="[]"), 7, "'play' is empty", "[establish]"),
    "world": (scenario(play="[establish, world: kill-kdc]"), 7, "'world' changes the realm for every other case",
              "Add isolate: realm"),
    "unknown need": (scenario("needs: [kcd]"), 7, "unknown feature 'kcd' in needs", "Did you mean kdc?"),
    "unknown axis": (scenario("vary:\n  mechanism: $mechanism"), 8, "unknown axis '$mechanism'",
                     "Did you mean mechanisms?"),
    "unknown axis value": (scenario("vary:\n  mechanism: {ref: $mechanisms, only: [NTML]}"), 8,
                           "'NTML' is no value of $mechanisms", "Did you mean NTLM"),
    "nothing left": (scenario("vary:\n  a: {ref: $mechanisms, only: [NTLM], except: [NTLM]}"), 8,
                     "nothing is left of axis 'a'", "Take a value out"),
    "axis value": (scenario("vary: {a: {'x y': {}}}"), 7, "'x y' is no axis value", "letters"),
    "axis name": (scenario("vary: {A: {x: {}}}"), 7, "'A' is no axis name", "small letters"),
    "skip pattern": (scenario("vary: {a: {x: {}, y: {}}}\nskip:\n- {case: 'one[a]', reason: r}"), 9,
                     "'a' in the pattern 'one[a]' is not axis=value", "Write axis=value"),
    "idle skip": (scenario("vary: {a: {x: {}, y: {}}}\nskip:\n- {case: 'one[a=z]', reason: r}"), 8,
                  "skip 'one[a=z]' leaves nothing out", "Remove it"),
    "all skipped": (scenario("vary: {a: {x: {}}}\nskip:\n- {case: one, reason: r}"), 8,
                    "scenario 'one' has no case left", "Skip less"),
    "unset name": (scenario(play="[call: {side: acceptor, as: x, request: {call: $what}}]"), 7,
                   "case 'one': nothing sets $what", "Known:"),
    "idle parameter": (scenario("settings: {parameters.x: 1}"), 7, "parameter 'x' is used nowhere in play", "Write $x"),
    "misbehaving subject": (scenario("settings: {acceptor.misbehave: {mic: drop}}"), 2,
                            "case 'one': the subject's side (acceptor) misbehaves", "Only the counterpart"),
    "unknown misbehaviour": (scenario("settings: {subject: acceptor, initiator.misbehave: {mik: drop}}"), 7,
                             "setting 'initiator.misbehave': unknown misbehaviour 'mik'", "Did you mean mic?"),
    "unknown way to misbehave": (scenario("settings: {subject: acceptor, initiator.misbehave: {mic: dorp}}"), 7,
                                 "setting 'initiator.misbehave': misbehaviour 'mic' cannot be 'dorp'", "Did you mean drop?"),
    "axis says Kerberos": (scenario("vary: {mechanism: {Kerberos: {}}}"), 2,
                           "case 'one[mechanism=Kerberos]': axis value 'mechanism=Kerberos' says Kerberos, but its "
                           "mechanism is NTLM", "Rename it"),
    "axis says NTLM": (scenario(f"vary: {{a: {{NTLM: {KERBEROS}}}}}"), 2,
                       "case 'one[a=NTLM]': axis value 'a=NTLM' says NTLM, but its mechanism is Kerberos", "Rename"),
    "axis says Negotiate": (scenario("vary: {a: {Negotiate/NTLM: {}}}"), 2,
                            "case 'one[a=Negotiate/NTLM]': axis value 'a=Negotiate/NTLM' says Negotiate, but its "
                            "package is NTLM", "Rename it"),
    "id says Kerberos": (scenario(name="kerberos-thing"), 2,
                         "case 'kerberos-thing': id 'kerberos-thing' says Kerberos, but its mechanism is NTLM", "Rename"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_name_file_line_and_what_to_do(tmp_path: Path, name: str) -> None:
    text, line, what, advice = REFUSALS[name]
    with pytest.raises(ConformError) as caught:
        suite(tmp_path, text)
    first, *rest = str(caught.value).splitlines()
    assert first == f"scenarios/some.yaml:{line}: {what}"
    assert advice in " ".join(rest)


def test_an_id_used_twice_names_both_places(tmp_path: Path) -> None:
    root = small_project.make(tmp_path, scenario())
    (root / "scenarios" / "zz.yaml").write_text("\n" + scenario(), encoding="utf-8")
    with pytest.raises(ConformError) as caught:
        load_suite(root / "scenarios", root)
    assert str(caught.value).splitlines()[0] == \
        "scenarios/zz.yaml:3: duplicate scenario id 'one', first at scenarios/some.yaml:2"


def test_no_scenarios_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConformError, match="no scenario file in"):
        load_suite(tmp_path, tmp_path)


def test_the_defaults_are_those_of_the_readme() -> None:
    readme = (ROOT / "harness" / "README.md").read_text(encoding="utf-8")
    block = re.search(r"patches over these defaults.*?```yaml\n(.*?)```", readme, re.DOTALL)
    assert block is not None
    written = parse(block[1], "README.md")
    ours = settings.nested(settings.defaults())
    for side in ("initiator", "acceptor"):
        del ours[side]["package"]  # filled in from `package`
    assert settings.unmarked(written) == ours


def test_differing_settings() -> None:
    dotted = settings.defaults() | {"package": "Kerberos", "mechanism": "Kerberos", "acceptor.bindings": "zero"}
    assert settings.differing(settings.nested(dotted)) == {
        "package": "Kerberos", "mechanism": "Kerberos", "acceptor.bindings": "zero"}


def test_every_altered_ticket_can_be_asked_for() -> None:
    from realm.ticket import edits
    from sspi_conform.settings import TICKETS

    assert set(TICKETS) == {"genuine", "other-clock", *edits()}
