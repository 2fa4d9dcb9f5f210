# SPDX-License-Identifier: Apache-2.0
"""The command line: sspi-conform COMMAND ..."""
from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import commands as command_modules
from .error import ConformError

_DESCRIPTION = """\
Tells whether an SSPI implementation behaves like Windows: plays scenarios against it
inside a throwaway realm and compares what happens with what is known of Windows."""
_EPILOG = """\
examples:
  sspi-conform run                              everything, against libsspi
  sspi-conform run cbt --impl winpr2            one scenario, another implementation
  sspi-conform run --impl path/to/libmine.so    your own library
  sspi-conform show 'cbt[mechanism=NTLM,initiator=other,acceptor=this]'
  sspi-conform explain SEC_E_BAD_BINDINGS

exit codes: 0 as expected, 1 the implementation differs from Windows, 2 the harness
broke, 3 wrong usage or bad input, 16 two runs differ.
In a checkout, `make run` builds what is needed and runs everything."""


class _Parser(argparse.ArgumentParser):
    """argparse, with exit 3 for wrong usage."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(3, f"{self.prog}: {message}\n  '{self.prog} --help' has examples.\n")


def parser(only: str = "") -> argparse.ArgumentParser:
    """The whole command line, or with one command: loading all of them takes longer than most commands."""
    top = _Parser(prog="sspi-conform", description=_DESCRIPTION, epilog=_EPILOG,
                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--root", type=Path, default=None, metavar="DIR",
                     help="the folder that holds scenarios/ and captures/ (default: where this program is)")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    modules = sorted(pkgutil.iter_modules(command_modules.__path__), key=_place)
    for module in [one for one in modules if one.name.rstrip("_") == only] or modules:  # import_: a keyword of Python
        importlib.import_module(f"{command_modules.__name__}.{module.name}").add(commands)
    return top


def _place(module: pkgutil.ModuleInfo) -> tuple[bool, str]:
    """run comes first in the help, the others by name."""
    return module.name != "run", module.name


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    found = parser(words[0] if words else "").parse_args(_protect_negative_numbers(words))
    found.root = (found.root or _default_root()).resolve()
    try:
        return int(found.command(found))
    except ConformError as problem:
        print(f"sspi-conform: {problem}", file=sys.stderr)
        return 3
    except BrokenPipeError:  # `sspi-conform list | head` is no fault
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("sspi-conform: interrupted", file=sys.stderr)
        return 2


def _protect_negative_numbers(arguments: list[str]) -> list[str]:
    """argparse takes -2146892986 for an option; a status printed as a signed number is one to explain."""
    if arguments[:1] == ["explain"] and "--" not in arguments:
        numbers = [word for word in arguments if re.fullmatch(r"-[0-9]+", word)]
        return [word for word in arguments if word not in numbers] + (["--", *numbers] if numbers else [])
    return arguments


def _default_root() -> Path:
    """The checkout this file is in, or the folder that an installation put everything into."""
    here = Path(__file__).resolve()
    return next((folder for folder in here.parents if (folder / "scenarios").is_dir()), here.parents[2])
