# SPDX-License-Identifier: Apache-2.0
"""What a pair is asked: which cases of the suite it plays, and which column each observed path of them belongs to.

No expectation is made here: what the suite's captures say of the initiator and of the acceptor in these cases decides,
so a cell that is not ok differs from Windows, and names the clause.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..model import Case, ConformError
from ..project import Project

MECHANISMS = ("NTLM", "Kerberos", "Negotiate/NTLM", "Negotiate/Kerberos")


@dataclass(frozen=True, slots=True)
class Column:
    """`case` is an id with {mechanism} to be filled in; `takes` chooses its paths."""

    name: str
    title: str
    case: str
    takes: Callable[[str], bool]
    mechanisms: tuple[str, ...] = MECHANISMS


def _is_handshake(path: str) -> bool:
    return not _is_flag(path) and not path.startswith(("sign.", "seal."))


def _is_flag(path: str) -> bool:
    return path.endswith(".attributes")


def _any(path: str) -> bool:
    return True


_COMMON = "flag-common[subject=acceptor,mechanism={mechanism}]"
_PROTECT = "protect[subject=acceptor,mechanism={mechanism}]"
COLUMNS: tuple[Column, ...] = (
    Column("handshake", "five common flags asked by both: every leg, and its end", _COMMON, _is_handshake),
    Column("flags", "what both contexts then say they have", _COMMON, _is_flag),
    Column("sign", "a signed message each way", _PROTECT, lambda path: path.startswith("sign.")),
    Column("seal", "a sealed message each way", _PROTECT, lambda path: path.startswith("seal.")),
    Column("altered", "a message that was altered under way is refused",
           "protect-altered[mechanism={mechanism},subject=acceptor]", _any),
    Column("bindings", "the same channel bindings on both sides are accepted",
           "cbt[mechanism={mechanism},initiator=this,acceptor=this]", _any),
    Column("other-bindings", "bindings of another certificate are refused",
           "cbt[mechanism={mechanism},initiator=other,acceptor=this]", _any),
    Column("wrong-password", "a wrong password is refused (in Kerberos it is the KDC that refuses)",
           "denied[package={mechanism},account=wrong-password]", _any, ("NTLM", "Negotiate/NTLM")),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A case that is played, with the acceptor as its subject, and its twin for what is known of the initiator: the
    suite's own case with that subject where there is one, else nothing is known."""

    case: Case
    twin: Case | None
    columns: tuple[Column, ...]


def asked(project: Project, mechanism: str) -> list[Asked]:
    """The cases of one mechanism in their order, each once."""
    found: dict[str, list[Column]] = {}
    for column in COLUMNS:
        if mechanism in column.mechanisms:
            name = column.case.format(mechanism=mechanism)
            found.setdefault(name, []).append(column)
    return [Asked(_the(project, name), _twin(project, name), tuple(columns)) for name, columns in found.items()]


def _the(project: Project, name: str) -> Case:
    case = next((one for one in project.cases if one.id == name), None)
    if case is None:
        raise ConformError(f"the matrix asks for the case {name}, which the suite does not have", "", "Mend matrix/columns.py.")
    return case


def _twin(project: Project, name: str) -> Case | None:
    """Only where nothing but the judged side differs: a twin with other settings would be another situation."""
    other = name.replace("subject=acceptor", "subject=initiator")
    twin = next((one for one in project.cases if one.id == other), None) if other != name else None
    same = twin is not None and _settings(twin) == _settings(_the(project, name)) and twin.play == _the(project, name).play
    return twin if same else None


def _settings(case: Case) -> dict[str, object]:
    return {name: value for name, value in case.settings.items() if name != "subject"}


def mechanisms(words: Sequence[str]) -> tuple[str, ...]:
    """Those that the words name; all for none."""
    for word in words:
        if word not in MECHANISMS:
            raise ConformError(f"unknown mechanism '{word}'", "", f"There are {', '.join(MECHANISMS)}.")
    return tuple(one for one in MECHANISMS if not words or one in words)
