# SPDX-License-Identifier: Apache-2.0
"""What the peer can be told to do wrong: each of it is described, done, and played by a scenario."""
from __future__ import annotations

from pathlib import Path

from sspi_conform.peer import kerberos_craft, misbehave, ntlm_craft, skewed, spnego_craft
from sspi_conform.project import open_project

ROOT = Path(__file__).parents[2]
_SPNEGO = ("init", "later-token", "first-answer", "last-answer", "hint")


def test_every_broken_message_is_described_and_done() -> None:
    table = {name: frozenset(values) for name, values in misbehave.TABLE.items()}
    assert table["authenticate"] == ntlm_craft.authenticate_edits()
    assert table["challenge"] == ntlm_craft.challenge_edits()
    assert table["challenge-av"] | table["response-av"] == ntlm_craft.av_edits()
    assert frozenset().union(*(table[name] for name in _SPNEGO)) == spnego_craft.edits()
    replies = frozenset(kerberos_craft.reply_edits()) | frozenset(kerberos_craft.framing_edits()) | {"other-key"}
    assert table["ap-rep"] == replies and table["third-leg"] < replies
    assert table["krb-error"] == frozenset(skewed.CODES)


def test_every_misbehaviour_is_played_by_a_scenario() -> None:
    played = {(name, value) for case in open_project(ROOT).cases for side in ("initiator", "acceptor")
              for name, value in case.settings[side]["misbehave"].items()}
    known = {(name, value) for name, values in misbehave.TABLE.items() for value in values}
    assert known - played == set()
