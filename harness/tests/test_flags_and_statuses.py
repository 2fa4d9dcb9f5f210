# SPDX-License-Identifier: Apache-2.0
"""Names and numbers, both directions."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from sspi_conform import flags, statuses

WINERROR = Path("/usr/share/mingw-w64/include/winerror.h")


@pytest.mark.parametrize("prefix", flags.PREFIXES)
def test_every_flag_is_one_bit_and_comes_back(prefix: str) -> None:
    numbers = [flags.number(prefix, flag) for flag in flags.of(prefix)]
    assert all(number.bit_count() == 1 for number in numbers)
    assert len(set(numbers)) == len(numbers)
    names = flags.names(prefix)
    assert len(set(names)) == len(names)
    assert sorted(flags.split(prefix, flags.bits(prefix, names))) == sorted(names)


def test_the_four_flags_that_isc_and_asc_number_differently() -> None:
    assert {name: (flags.bits("ISC_REQ_", [name]), flags.bits("ASC_REQ_", [name]))
            for name in ("EXTENDED_ERROR", "STREAM", "INTEGRITY", "IDENTIFY")} == {
        "EXTENDED_ERROR": (0x4000, 0x8000), "STREAM": (0x8000, 0x10000), "INTEGRITY": (0x10000, 0x20000),
        "IDENTIFY": (0x20000, 0x80000)}


def test_a_bit_without_name_stays_a_number() -> None:
    assert flags.split("ASC_RET_", 0x80000010) == ["CONFIDENTIALITY", "0x80000000"]


def test_statuses_both_ways() -> None:
    assert len({status.number for status in statuses.STATUSES}) == len(statuses.STATUSES)
    for status in statuses.STATUSES:
        assert statuses.name(status.number) == status.name
        assert statuses.named(status.name) is status
        assert statuses.is_known(status.name)
    assert statuses.name(-2146892986) == "SEC_E_BAD_BINDINGS"
    assert statuses.name(0xC000006D) == "0xc000006d"
    assert statuses.is_known("0xc000006d")
    assert not statuses.is_known("0x80090346"), "a named status is written by its name"
    assert not statuses.is_known("0x8009zzzz") and not statuses.is_known("SEC_E_NONSENSE")


@pytest.mark.skipif(not WINERROR.exists(), reason="mingw-w64 headers are not installed")
def test_numbers_agree_with_the_mingw_headers() -> None:
    text = WINERROR.read_text(encoding="utf-8", errors="replace")
    checked = 0
    for status in statuses.STATUSES:
        found = re.search(rf"#define\s+{status.name}\s+\S*?(0x[0-9A-Fa-f]+)", text)
        if found:
            assert int(found[1], 16) == status.number, status.name
            checked += 1
    assert checked > 60
