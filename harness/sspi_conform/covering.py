# SPDX-License-Identifier: Apache-2.0
"""Covering arrays: few lists of requirement flags, in which every two flags are asked together.

Of the flags that go together seven lists suffice (Kleitman and Spencer, "Families of k-independent sets", 1973): each
flag stands in another four of seven lists, so two flags always meet, and each stands somewhere without the other. A
flag that changes the whole exchange would hide what the others do; it stands apart, in lists of its own.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from typing import Any

from . import flags, settings
from .model import Case, ConformError
from .yamlfile import Section, did_you_mean

_SETTINGS = {"initiator.flags": "ISC_REQ_", "acceptor.flags": "ASC_REQ_"}
_ALLOCATE = "ALLOCATE_MEMORY"


def axis(section: Section) -> Mapping[str, Mapping[str, Any]]:
    """The axis of `{covering: initiator.flags, apart: {FLAG: {patch}, ..}}`; a patch is what the other side needs."""
    section.only(("covering", "apart"), "a covering array")
    setting = section.choice("covering", tuple(_SETTINGS))
    known = flags.names(_SETTINGS[setting])
    apart = section.section("apart", "a mapping of flags")
    for name in apart:
        if name not in known:
            raise ConformError(f"unknown flag '{name}'", apart.where(name), did_you_mean(name, known))
        settings.check_patch(apart.section(name, "a patch"))
    return {value: _patch(setting, row, apart) for value, row in rows(known, tuple(apart)).items()}


def rows(names: Sequence[str], apart: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The lists by name: "1" to "7", two for each flag that stands apart, one with all of those."""
    together = [name for name in names if name not in apart]
    found = {str(number): tuple(name for name, places in zip(together, _places(len(together)), strict=True)
                                if number in places) for number in range(1, _size(len(together)) + 1)}
    for name in apart:
        found |= {f"{name}-{half + 1}": (name, *together[half::2]) for half in (0, 1)}
    return found | ({"apart": tuple(apart)} if len(apart) > 1 else {})


def pairs(cases: Iterable[Case], side: str) -> set[frozenset[str]]:
    """The pairs of flags that the side asks together in these cases."""
    return {frozenset(pair) for case in cases for pair in itertools.combinations(case.settings[side]["flags"], 2)}


def _patch(setting: str, row: tuple[str, ...], apart: Mapping[str, Any]) -> dict[str, Any]:
    """Memory of the package goes together with its flag: without the flag a NULL buffer is a mistake of the caller."""
    patch: dict[str, Any] = {setting: list(row)}
    if _ALLOCATE in row:
        patch[f"{setting.partition('.')[0]}.output"] = "allocate"
    for name in row:
        patch |= apart.get(name, {})
    return patch


def _size(count: int) -> int:
    """The smallest number of lists that gives every flag another majority of them."""
    return next(size for size in itertools.count(3) if comb(size, size // 2 + 1) >= count)


def _places(count: int) -> list[tuple[int, ...]]:
    """For each flag the numbers of its lists, spread so that the lists are of about the same length."""
    size = _size(count)
    majorities = list(itertools.combinations(range(1, size + 1), size // 2 + 1))
    return [majorities[position * len(majorities) // count] for position in range(count)]
