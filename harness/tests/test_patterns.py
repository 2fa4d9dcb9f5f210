# SPDX-License-Identifier: Apache-2.0
"""Case patterns."""
from __future__ import annotations

from pathlib import Path

import pytest
import small_project

from sspi_conform import patterns
from sspi_conform.model import Case, ConformError
from sspi_conform.scenarios import load_suite


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, ...]:
    root = small_project.make(tmp_path_factory.mktemp("patterns"))
    return load_suite(root / "scenarios", root).cases


@pytest.mark.parametrize(("text", "numbers"), [
    ("bind", [0, 1, 2, 3]), ("alone", [4]), ("*", [0, 1, 2, 3, 4]), ("bind|alone", [0, 1, 2, 3, 4]),
    ("b*", [0, 1, 2, 3]), ("bind[]", [0, 1, 2, 3]),
    ("bind[mechanism=NTLM,acceptor=this]", [1]), ("bind[acceptor=this,mechanism=NTLM]", [1]),
    ("bind[mechanism=NTLM|Kerberos,acceptor=th*]", [1, 3]), ("bind[mechanism=K*s]", [2, 3]),
    ("*[mechanism=NTLM]", [0, 1, 4]),       # `alone` has no such axis, its settings stand for it
    ("*[subject=initiator]", [4]), ("*[package=Kerberos]", [2, 3]),
])
def test_matching(cases: tuple[Case, ...], text: str, numbers: list[int]) -> None:
    assert patterns.select(patterns.parse(text), cases) == [cases[number] for number in numbers]


def test_a_case_id_is_a_pattern_for_that_case_alone(cases: tuple[Case, ...]) -> None:
    for case in cases:
        assert patterns.select(patterns.parse(case.id), cases) == [case]


@pytest.mark.parametrize(("text", "what", "advice"), [
    ("bnid", "there is no scenario 'bnid'", "Did you mean bind?"),
    ("bind[mechanim=NTLM]", "there is no axis 'mechanim'", "Did you mean mechanism?"),
    ("bind[mechanism=NTML]", "'NTML' is no value of the axis 'mechanism'", "Did you mean NTLM?"),
    ("bind[mechanism=NTLM|Kerbros]", "'Kerbros' is no value of the axis 'mechanism'", "Did you mean Kerberos?"),
    ("alone[acceptor=this]", "there is no axis 'acceptor'", "Known:"),
    ("bind[mechanism=NTLM", "is no case pattern", "id[axis=value,...]"),
    ("bind[mechanism]", "is not axis=value", "axis=value"),
    ("bind[mechanism=]", "is not axis=value", "axis=value"),
    ("bind[mechanism=NTLM,mechanism=Kerberos]", "axis 'mechanism' twice", "|"),
    ("", "is no case pattern", "id"),
    ("*[subject=initiator,package=Kerberos]", "no case has these values together", "list"),
])
def test_refusals(cases: tuple[Case, ...], text: str, what: str, advice: str) -> None:
    with pytest.raises(ConformError) as caught:
        patterns.select(patterns.parse(text), cases)
    assert what in caught.value.what
    assert advice in caught.value.advice
