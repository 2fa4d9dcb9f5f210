# SPDX-License-Identifier: Apache-2.0
"""The list of faults: what each makes wrong, where, and which cases must notice."""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import patterns
from ..model import Case, ConformError
from ..yamlfile import Section, load

KINDS = ("expression", "statement")
_KEYS = ("name", "wrong", "known", "file", "after", "replace", "by", "kind", "cases", "peer")
_NAME = re.compile(r"[a-z0-9-]+\Z")


@dataclass(frozen=True)
class Fault:
    """One way in which libsspi is made wrong."""

    name: str
    wrong: str              # a sentence: what the implementation does now
    known: str              # where somebody's implementation did this, such as "gss-ntlmssp#25"; or ""
    file: str               # below the checkout
    after: str              # a text that stands once in the file; `replace` is looked for behind it
    replace: str
    by: str
    kind: str               # expression or statement: what `replace` and `by` are in C
    cases: tuple[Case, ...]  # in the order in which they are played
    alone: bool             # the faulty library plays both sides, so that they are wrong in the same way
    source: str


def load_faults(folder: Path, root: Path, cases: Sequence[Case]) -> list[Fault]:
    """Every fault of every list in a folder. Names are unique, patterns match."""
    found: dict[str, Fault] = {}
    for path in sorted(folder.glob("*.yaml")):
        for entry in load(path, root).only(("faults",), "a list of faults").sections("faults", "a list of faults"):
            fault = _fault(entry, cases)
            if fault.name in found:
                raise ConformError(f"there are two faults '{fault.name}'", fault.source,
                                   f"The other one is at {found[fault.name].source}.")
            found[fault.name] = fault
    if not found:
        raise ConformError(f"no faults in {folder}", "", "A run that checks nothing proves nothing.")
    return list(found.values())


def _fault(entry: Section, cases: Sequence[Case]) -> Fault:
    entry.only(_KEYS, "a fault")
    name = entry.text("name", "a short name")
    if not _NAME.match(name):
        raise ConformError(f"'{name}' is no name", entry.where("name"), "Use a-z, 0-9 and hyphens.")
    return Fault(
        name=name, wrong=entry.text("wrong", "a sentence"), known=entry.text("known", "a bug report", ""),
        file=entry.text("file", "a file of impl/src"), after=entry.text("after", "a text of the file", ""),
        replace=entry.text("replace", "a text of the file"), by=entry.take("by", str, "C"),
        kind=entry.choice("kind", KINDS, "expression"), cases=_killers(entry, cases),
        alone=entry.choice("peer", ("default", "self"), "default") == "self", source=entry.where())


def _killers(entry: Section, cases: Sequence[Case]) -> tuple[Case, ...]:
    found: dict[str, Case] = {}
    for text in entry.texts("cases", "patterns of the cases that must notice"):
        pattern = patterns.parse_at(text, entry.where("cases"))
        found |= {case.id: case for case in patterns.select(pattern, cases, entry.where("cases"))}
    return tuple(found.values())


def choose(faults: Iterable[Fault], names: Sequence[str]) -> list[Fault]:
    """Those of the given names, * allowed; all for none."""
    faults = list(faults)
    if not names:
        return faults
    rules = {name: re.compile(re.escape(name).replace(r"\*", ".*") + r"\Z") for name in names}
    for name, rule in rules.items():
        if not any(rule.match(fault.name) for fault in faults):
            raise ConformError(f"no fault is called '{name}'", "", "`sspi-conform mutants --list` names them.")
    return [fault for fault in faults if any(rule.match(fault.name) for rule in rules.values())]
