# SPDX-License-Identifier: Apache-2.0
"""Which command is an endpoint: the implementation under test, the independent peer, or libsspi as counterpart."""
from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import settings
from .endpoint import DEADLINE, Endpoint
from .model import ConformError
from .profiles import Profile
from .world import Surroundings, World, filled_in, furnish

if TYPE_CHECKING:
    from .wine import Prefix, Wine

STARTS = 3  # under Wine, which one time in a thousand finds an address taken that it needs, and gives up

PEERS = ("independent", "self", "libsspi")


@dataclass(frozen=True)
class Program:
    """How to start an endpoint. `{folder}`, `{domain}` and so on stand for what is known later."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str]
    independent: bool = False  # the peer of this package, which can be told to misbehave
    policy: Mapping[str, str] = field(default_factory=dict)  # how a policy is written where {policy} stands
    wants_wine: bool = False  # argv is a Windows program
    wine: Prefix | None = None  # the running Wine it is given to
    serve: Callable[[], int] | None = None  # what a fork of a process with one thread may do instead of running argv

    def start(self, side: str, world: World, around: Surroundings, folder: Path,
              deadline: float | None = DEADLINE, forked: bool = False) -> Endpoint:
        """An endpoint in a folder of its own, to be entered. Nothing of our own environment reaches it.

        forked: this process has one thread and stays, so a fork of it will do where the program knows how to be one.
        """
        argv, environment = self.command(world, around, folder)
        serve = self.serve if forked and not world.enter else None
        return Endpoint(side, argv, environment, folder, deadline, serve, STARTS if self.wine is not None else 1)

    def command(self, world: World, around: Surroundings, folder: Path) -> tuple[list[str], dict[str, str]]:
        """The command and the whole environment, once the folder is furnished."""
        environment = furnish(world, around, folder)
        policy = "\n".join(self.policy[name].replace("{value}", str(value)) for name, value in around.policy)
        for name, text in self.files.items():
            text = filled_in(text.replace("{policy}", policy), world, around, folder)
            (folder / name).write_text(text, encoding="utf-8")
        told = {name: filled_in(text.replace("{policy}", policy), world, around, folder)
                for name, text in self.environment.items()}
        environment |= {name: text for name, text in told.items() if text}  # no policy: the variable is not set
        argv = [filled_in(word, world, around, folder) for word in self.argv]
        if self.wine is not None:
            wine = self.wine.beside(folder) if world.enter else self.wine
            argv, environment = [*wine.command(argv)], wine.furnish(environment, world.winbind, folder)
        return [*world.enter, *argv], environment


@contextmanager
def hosted(subject: Program, counterpart: Program | None, cache: Path | None,
           log: Callable[[str], None] | None) -> Iterator[tuple[Program, Program | None, Wine | None]]:
    """The programs with what their processes run under, and that itself, as long as the block lasts."""
    wanting = [one for one in (subject, counterpart) if one is not None and one.wants_wine]
    if not wanting:
        yield subject, counterpart, None
        return
    from .wine import Wine  # which few runs need

    with Wine(Path(wanting[0].argv[0]), cache, log) as wine:
        given = [one and (replace(one, wine=wine.prefix) if one.wants_wine else one) for one in (subject, counterpart)]
        yield given[0], given[1], wine


def program_of(profile: Profile, probe: Path, root: Path) -> Program:
    """The implementation a profile describes, hosted by the probe unless it brings its own command."""
    usual = {
        "WLOG_LEVEL": "OFF",  # WinPR prints a line for every leg that continues
        # For a sanitized build: the realm's wrappers are preloaded before its runtime, a finding is a crash, and
        # leaks are looked for by the C tests, since an endpoint is killed and never exits.
        "ASAN_OPTIONS": "verify_asan_link_order=0:abort_on_error=1:detect_leaks=0",
        "UBSAN_OPTIONS": "abort_on_error=1:print_stacktrace=1",
        "NSS_WRAPPER_DISABLE_DEEPBIND": "1", "UID_WRAPPER_DISABLE_DEEPBIND": "1",  # which sanitizers refuse
    }
    for path, advice in profile.requires.items():
        if not (root / path).exists():
            raise ConformError(f"{profile.name} is not complete here: there is no {path}", profile.source, advice)
    if profile.command:
        command = tuple(word.replace("{suite}", str(root)) for word in profile.command)
        return Program(profile.name, command, usual | dict(profile.environment), profile.files,
                       policy=profile.policy)
    if profile.host:
        probe = probe.with_name("sspi-probe.exe")
    if not probe.is_file():
        raise ConformError(f"there is no probe at {probe}", "", f"Build it first: make {'probe.exe' if profile.host else ''}")
    library = profile.library
    if "/" in library:
        path = root / library
        if not path.is_file():
            raise ConformError(f"there is no library {path}", profile.source, "Build it first: make")
        library = str(path)
    return Program(profile.name, (str(probe), library), usual | dict(profile.environment), profile.files,
                   policy=profile.policy, wants_wine=profile.host == "wine")


def peer_program() -> Program:
    """The independent peer: Python for NTLM and SPNEGO, MIT GSSAPI for Kerberos."""
    package = Path(__file__).parent
    return Program(
        "the independent peer", (sys.executable, "-m", f"{package.name}.peer"),
        {"PYTHONPATH": f"{package.parent}:{package.parents[1]}", "PYTHONDONTWRITEBYTECODE": "1", "SSPI_PEER_DOMAIN": "{domain}",
         "SSPI_PEER_NETBIOS": "{netbios}", "SSPI_PEER_HOST": "{host}", "SSPI_PEER_SMBPASSWD": "{smbpasswd}",
         "SSPI_PEER_POLICY": "{policy}"},
        {}, independent=True, policy={name: f"{name} {{value}}" for name in settings.POLICIES}, serve=_serve_as_peer)


def prepare_to_fork(counterpart: Program | None) -> None:
    """Load what forks would else load each for itself, and keep collections in them from touching what is there."""
    if counterpart is not None and counterpart.independent:
        from .peer import __main__ as _  # noqa: F401

    gc.freeze()


def _serve_as_peer() -> int:
    from .peer.__main__ import main  # with libraries that nothing else of the conductor needs

    return main([])
