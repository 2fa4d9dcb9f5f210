# SPDX-License-Identifier: Apache-2.0
"""How an endpoint is started: what must be there first, and what of the profile reaches its environment."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support import world

from sspi_conform.model import ConformError
from sspi_conform.profiles import Profile
from sspi_conform.programs import program_of
from sspi_conform.world import Surroundings

MINE = Profile("mine", "", ("probe",), ("NTLM",), "none", {"LEVEL": "{policy}", "WHERE": "{domain}"}, {}, (), (), "", "mine.yaml:1",
               policy={"lm-level": "{value}"})


def test_what_is_required_and_missing_is_named(tmp_path: Path) -> None:
    lacking = replace(MINE, requires={"etc/plugin.conf": "Install the plugin."})
    with pytest.raises(ConformError, match="mine is not complete here: there is no etc/plugin.conf\n  Install the plugin."):
        program_of(lacking, tmp_path / "probe", tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "plugin.conf").touch()
    assert program_of(lacking, tmp_path / "probe", tmp_path).argv == ("probe",)


def test_a_variable_without_a_value_is_not_set(tmp_path: Path) -> None:
    here = replace(world(), keytabs={"all": "k", "host": "h"})
    program = program_of(MINE, tmp_path / "probe", tmp_path)
    assert "LEVEL" not in program.command(here, Surroundings(), tmp_path)[1]
    strict = program.command(here, Surroundings(policy=(("lm-level", 5),)), tmp_path)[1]
    assert (strict["LEVEL"], strict["WHERE"]) == ("5", "NTDOM")
