# SPDX-License-Identifier: Apache-2.0
"""Profiles: an implementation under test, how to start it, what it lacks, what it is known to get wrong."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import matchers, patterns, settings
from .model import Case, ConformError, Matcher
from .yamlfile import Section, did_you_mean, load

_KEYS = ("name", "library", "command", "packages", "acceptor-identity", "environment", "files", "unsupported",
         "known-failures", "remarks", "policy", "adapter", "requires", "host", "pace")
HOSTS = ("wine",)


@dataclass(frozen=True)
class Unsupported:
    """Cases the implementation does not claim to support."""

    pattern: patterns.Pattern | patterns.AnyOf
    reason: str
    source: str


@dataclass(frozen=True)
class KnownFailure:
    """A wrong outcome that is known, with the reason."""

    pattern: patterns.Pattern | patterns.AnyOf
    reason: str
    outcome: Mapping[str, Matcher]
    since: str
    source: str


@dataclass(frozen=True)
class Profile:
    """One implementation. Either `library` or `command` is set."""

    name: str
    library: str                       # a path, absolute or from the checkout, or a soname the loader finds
    command: tuple[str, ...]           # instead of sspi-probe and a library
    packages: tuple[str, ...]
    acceptor_identity: str             # none or account
    environment: Mapping[str, str]     # {folder} stands for the run's private folder
    files: Mapping[str, str]           # written into {folder}
    unsupported: tuple[Unsupported, ...]
    known_failures: tuple[KnownFailure, ...]
    remarks: str
    source: str
    policy: Mapping[str, str] = field(default_factory=dict)  # name -> text in the place of {policy}
    adapter: bool = False              # another interface dressed as SSPI: what it chooses is not the library's
    requires: Mapping[str, str] = field(default_factory=dict)  # a file that must be there -> where it comes from
    host: str = ""                     # wine: the library is a DLL, and the probe a Windows program under Wine
    pace: Mapping[str, float] = field(default_factory=dict)  # mechanism -> cases a second on one core, where it is slow

    def why_unsupported(self, case: Case) -> str:
        """Why the implementation has no part in this case; empty when it has."""
        for package in dict.fromkeys((case.settings[case.subject]["package"], case.mechanism)):
            if package not in self.packages:
                return f"{self.name} has no package {package}"
        for policy in case.settings[case.subject]["policy"]:
            if policy not in self.policy:
                return f"the profile of {self.name} does not say how to set the policy {policy}"
        return next((entry.reason for entry in self.unsupported if entry.pattern.matches(case)), "")

    def forecast(self, cases: Iterable[Case], jobs: int) -> str:
        """How long these cases take on so many cores, as far as the profile says that they are slow; '' where it does not."""
        slow = [case.mechanism for case in cases if case.mechanism in self.pace]
        seconds = sum(1 / self.pace[mechanism] for mechanism in slow) / jobs
        if seconds < 1:
            return ""
        about = f"{round(seconds)} seconds" if seconds < 100 else f"{round(seconds / 60)} minutes"
        paces = " and ".join(f"{self.pace[one]:g} {one} cases" for one in self.pace if one in slow)
        return f"about {about}: {Path(self.source.partition(':')[0]).name} says {paces} a second on one core"

    def known(self, case: Case) -> tuple[KnownFailure, ...]:
        return tuple(entry for entry in self.known_failures if entry.pattern.matches(case))


def find(name: str, folder: Path, root: Path, cases: Iterable[Case]) -> Profile:
    """The profile of a name, of a profile file, or a plain one for the path of a library."""
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return load_profile(path, root, cases)
    if "/" in name or ".so" in path.suffixes or path.suffix == ".dll":
        if not path.is_file():
            raise ConformError(f"there is no library {name}", "", "Build it first, or give the right path.")
        return Profile(path.name, str(path.resolve()), (), settings.PACKAGES, "none", {}, {}, (), (), "", name,
                       host="wine" if path.suffix == ".dll" else "")
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = sorted(one.stem for one in folder.glob("*.yaml"))
        raise ConformError(f"no implementation is called '{name}'", "",
                           did_you_mean(name, known) + " A path to a library or to a profile works too.")
    return load_profile(file, root, cases)


def load_profile(path: Path, root: Path, cases: Iterable[Case]) -> Profile:
    """A profile file, checked against all cases."""
    cases = list(cases)
    suite = _Suite(cases, patterns.by_scenario(cases))
    top = load(path, root).only(_KEYS, "a profile")
    library = top.text("library", "the path of a library", "")
    command = top.texts("command", "a list of words", [])
    if bool(library) == bool(command):
        raise ConformError("a profile has either 'library' or 'command'", top.where(),
                           "Write library: path/to/lib.so, or command: [ssh, host, sspi-probe.exe, secur32.dll].")
    packages = top.texts("packages", "a list of packages")
    for package in packages:
        if package not in settings.PACKAGES:
            raise ConformError(f"unknown package '{package}'", top.where("packages"),
                               did_you_mean(package, settings.PACKAGES))
    return Profile(
        name=top.text("name", "a short name"), library=library, command=tuple(command), packages=tuple(packages),
        acceptor_identity=top.choice("acceptor-identity", ("none", "account"), "none"),
        environment=_text_map(top, "environment"), files=_text_map(top, "files"),
        unsupported=tuple(_unsupported(entry, suite) for entry in
                          top.sections("unsupported", "a list of {case, reason}", [])),
        known_failures=tuple(_known_failure(entry, suite) for entry in
                             top.sections("known-failures", "a list of known failures", [])),
        remarks=top.text("remarks", "text", ""), source=top.where(),
        policy=_policies(top), adapter=top.take("adapter", bool, "true or false", False),
        requires=_text_map(top, "requires"), host=top.choice("host", HOSTS, ""), pace=_pace(top))


def _text_map(top: Section, key: str) -> Mapping[str, str]:
    section = top.section(key, "a mapping of texts")
    for name in section:
        section.take(name, str, "text")
    return dict(section)


def _pace(top: Section) -> Mapping[str, float]:
    section = top.section("pace", "cases a second by mechanism").only(settings.MECHANISMS, "pace")
    for name in section:
        if section.take(name, (int, float), "cases a second") <= 0:
            raise ConformError(f"{section[name]} cases a second", section.where(name), "Write a number above 0.")
    return {name: float(section[name]) for name in section}


def _policies(top: Section) -> Mapping[str, str]:
    found = _text_map(top, "policy")
    for name in found:
        if name not in settings.POLICIES:
            raise ConformError(f"unknown policy '{name}'", top.where("policy"), did_you_mean(name, settings.POLICIES))
    return found


def _unsupported(entry: Section, suite: _Suite) -> Unsupported:
    entry.only(("case", "reason"), "an entry of unsupported")
    return Unsupported(_pattern(entry, suite), entry.text("reason", "a sentence"), entry.where())


def _known_failure(entry: Section, suite: _Suite) -> KnownFailure:
    entry.only(("case", "reason", "outcome", "since", "who"), "a known failure")
    outcome = entry.section("outcome", "the wrong outcome, path by path")
    if not outcome:
        raise ConformError("'outcome' is missing", entry.where(),
                           "Write the wrong outcome that is expected, such as "
                           "outcome: {acceptor.leg.2.status: SEC_E_OK}.")
    return KnownFailure(
        _pattern(entry, suite), entry.text("reason", "a sentence"),
        {path: matchers.read(path, outcome[path], outcome.where(path)) for path in outcome},
        entry.text("since", "a date such as 2026-11-22"), entry.where())


@dataclass(frozen=True)
class _Suite:
    """What patterns are checked against."""

    cases: list[Case]
    scenarios: Mapping[str, list[Case]]


def _pattern(entry: Section, suite: _Suite) -> patterns.AnyOf:
    """One pattern or a list of them; each must match."""
    found = []
    for text in entry.texts("case", "a pattern, or a list of them"):
        pattern = patterns.parse_at(text, entry.where("case"))
        patterns.select(pattern, patterns.near(pattern, suite.cases, suite.scenarios), entry.where("case"))
        found.append(pattern)
    return patterns.AnyOf(tuple(found))
