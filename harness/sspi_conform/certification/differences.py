# SPDX-License-Identifier: Apache-2.0
"""How what a bundle holds differs from what was worked out again, in words."""
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from . import canonical
from .canonical import Malformed


def of_required_sets(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    """How the required set of a bundle is not the one that this checkout makes."""
    name, one, other = ours["profile"]["name"], theirs["cases"], ours["cases"]
    if theirs["profile"] != ours["profile"]:
        yield f"profile '{name}' is not the one of this checkout: {_keys(theirs['profile'], ours['profile'])} differ"
    if other.keys() - one.keys():
        yield cases(other.keys() - one.keys(), f"of the {len(other)} that '{name}' requires missing")
    if one.keys() - other.keys():
        yield cases(one.keys() - other.keys(), f"there that '{name}' does not require")
    for case in sorted(one.keys() & other.keys()):
        if one[case] != other[case]:
            yield f"case {case} is not the one of this checkout: {_keys(one[case], other[case])} differ"


def of_results(theirs: bytes, ours: bytes) -> Iterator[str]:
    """Where a results.json is not the one that was made again: by case, then what it says of all. Nothing when it is none."""
    try:
        said, made = canonical.read(theirs), canonical.read(ours)
        one, other = ({entry["id"]: entry for entry in content["cases"]} for content in (said, made))
    except (Malformed, LookupError, TypeError):
        return
    for what, ids in (("missing", other.keys() - one.keys()), ("not observed", one.keys() - other.keys())):
        if ids:
            yield cases(ids, what)
    for case in sorted(one.keys() & other.keys()):
        for key in _differing(one[case], other[case]):
            yield f"case {case}: {key} {short(one[case].get(key))}, judged again it is {short(other[case].get(key))}"
    for key in _differing(said, made):
        if key != "cases":
            yield f"'{key}' says {short(said.get(key))}, made again it is {short(made.get(key))}"


def of_lines(theirs: bytes, ours: bytes) -> str:
    """The first line of a text that is another one."""
    one, other = (text.decode(errors="replace").splitlines() for text in (theirs, ours))
    number = next((at for at, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    said, made = (lines[number].strip() if number < len(lines) else "nothing" for lines in (one, other))
    return f"line {number + 1} says {short(said)}, made again it is {short(made)}"


def _keys(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Which parts differ, with the paths of expectations by name."""
    inner = [f"expect {path}" for path in _differing(one.get("expect", {}), other.get("expect", {}))]
    return ", ".join([key for key in _differing(one, other) if key != "expect"] + inner)


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]


def cases(ids: Collection[str], what: str) -> str:
    """`2 cases missing: one; other`."""
    count = len(ids)
    return f"{count} case{'' if count == 1 else 's'} {what}: {'; '.join(sorted(map(str, ids)))}"


def short(value: Any) -> str:
    """A value in quotes, cut where it is long."""
    text = str(value)
    return repr(text if len(text) <= 100 else text[:97] + "...")
