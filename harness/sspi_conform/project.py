# SPDX-License-Identifier: Apache-2.0
"""A checkout (or an installed copy of it): where things are, and scenarios and captures loaded together."""
from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import patterns, profiles
from .captures import Captures, load_captures, unjudged
from .model import Case, ConformError
from .profiles import Profile
from .scenarios import Suite, load_suite

BUILD = "build"


@dataclass(frozen=True)
class Project:
    """Everything that is known before anything runs."""

    root: Path
    suite: Suite
    captures: Captures

    @property
    def cases(self) -> tuple[Case, ...]:
        return self.suite.cases

    @property
    def output_folder(self) -> Path:
        """Where what a command writes goes: into the build, or below where one stands when this is an installation."""
        return output_folder(self.root)

    @property
    def report_folder(self) -> Path:
        return self.output_folder / "report"

    def probe(self, build: str = BUILD) -> Path:
        """The probe of a build; that of an installation when there is none."""
        path = self.root / build / "sspi-probe"
        installed = None if path.is_file() else shutil.which("sspi-probe")
        return Path(installed) if installed else path

    def profile(self, name: str, build: str = BUILD) -> Profile:
        """A profile; what it has below build/ is taken from the build that is meant, or from the installation."""
        profile = profiles.find(name, self.root / "harness" / "implementations", self.root, self.cases)
        if profile.library.startswith(f"{BUILD}/") and not is_checkout(self.root):
            return replace(profile, library=_installed(Path(profile.library).name, self.probe(build)))
        if build != BUILD and profile.library.startswith(f"{BUILD}/"):
            return replace(profile, library=f"{build}{profile.library.removeprefix(BUILD)}")
        return profile

    def select(self, texts: Iterable[str]) -> list[Case]:
        """The cases that any of the patterns matches, in the suite's order; all for no pattern."""
        texts = list(texts)
        if not texts:
            return list(self.cases)
        chosen = {case.id for text in texts for case in patterns.select(patterns.parse(text), self.cases)}
        return [case for case in self.cases if case.id in chosen]

    def one(self, text: str, many: int = 8) -> Case:
        """The one case a pattern means."""
        found = self.select([text])
        if len(found) > 1:
            shown = "\n".join(f"    {case.id}" for case in found[:many])
            rest = f"\n    ... and {len(found) - many} more" if len(found) > many else ""
            raise ConformError(f"'{text}' means {len(found)} cases, one is wanted", "",
                               f"Give one of them (in quotes):\n{shown}{rest}")
        return found[0]


def is_checkout(root: Path) -> bool:
    """Whether this is where things are built, and not where they were installed."""
    return (root / "Makefile").is_file()


def output_folder(root: Path) -> Path:
    return root / "build" if is_checkout(root) else Path.cwd() / "sspi-conform-output"


def _installed(library: str, probe: Path) -> str:
    """A library beside an installed probe; else the loader has to find it."""
    beside = sorted((probe.parent.parent / "lib").glob(library)) or sorted((probe.parent.parent / "lib").glob(f"*/{library}"))
    return str(beside[0]) if beside else library


def open_project(root: Path, allow_unjudged: bool = False, also: Path | None = None) -> Project:
    """Load and check everything below `root`, and in a folder of the user's own, where one file holds scenarios, sources
    and records."""
    more = _own_files(also) if also else []
    suite = load_suite(root / "scenarios", root, more)
    captures = load_captures(root / "captures", root, suite.cases, more)
    open_ends = unjudged(suite.cases, captures)
    if open_ends and not allow_unjudged:
        raise ConformError(_without_expectation(open_ends), open_ends[0].scenario.source,
                           "Add a record below captures/, or 'observe-only: reason' to the scenario; "
                           "'sspi-conform captures lint' lists all of them.")
    return Project(root, suite, captures)


def _own_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.yaml"))
    if not found:
        raise ConformError(f"no scenario in {folder}", "", "`sspi-conform reproduce FILE --case NAME --also DIR` writes some.")
    return found


def _without_expectation(cases: Sequence[Case]) -> str:
    more = f" (and {len(cases) - 1} more)" if len(cases) > 1 else ""
    return f"nothing is expected of the {cases[0].subject} in case '{cases[0].id}'{more}, so it would prove nothing"
