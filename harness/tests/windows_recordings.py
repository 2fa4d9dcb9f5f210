# SPDX-License-Identifier: Apache-2.0
"""What the tests against recorded Windows share: the recordings and the build, or a test that is skipped."""
from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import pytest

from sspi_conform import importing
from sspi_conform.exchange.model import Recording
from sspi_conform.model import ConformError
from sspi_conform.proof import inputs, recordings
from sspi_conform.proof.inputs import Known
from sspi_conform.proof.play import Stage

ROOT = Path(__file__).resolve().parents[2]


def folder() -> Path | None:
    """The recordings, None where there are none."""
    try:
        return recordings.folder(None, ROOT)
    except ConformError:
        return None


def needed() -> pytest.MarkDecorator:
    return pytest.mark.skipif(folder() is None, reason="no recordings of Windows: set SSPI_CONFORM_SHARED to the "
                                                       "folder that holds windows-captures")


def stage() -> Stage:
    return Stage(ROOT / os.environ.get("SSPI_CONFORM_BUILD", "build"))


def known(windows_client: bool = False) -> list[Known]:
    """The exchanges whose secret is known; only those of Windows clients when asked so."""
    place = folder()
    return [one for one in inputs.known(place) if one.windows_client or not windows_client] if place else []


def parameters(exchanges: list[Known]) -> list[object]:
    return [pytest.param(one, id=one.exchange.name) for one in exchanges]


def named(file: str, number: int) -> Known:
    """One of them; the test is skipped where there are no recordings."""
    found = [one for one in known() if (one.exchange.file, one.exchange.number) == (file, number)]
    if not found:
        pytest.skip("no recordings of Windows")
    return found[0]


def captures() -> list[str]:
    """The names of all recordings with an exchange or not, none where there are no recordings."""
    place = folder()
    return [json.loads(path.read_text())["capture"] for path in sorted((place / "exchanges").glob("*.json"))] if place else []


@cache
def imported(capture: str) -> Recording:
    """A recording, as `import` reads it."""
    place = folder()
    assert place
    return importing.load(place / capture)


def flipped(token: bytes, offset: int) -> bytes:
    return token[:offset] + bytes((token[offset] ^ 1,)) + token[offset + 1:]
