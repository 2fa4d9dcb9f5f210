# SPDX-License-Identifier: Apache-2.0
"""realm: work by hand in the realm that cases are played in."""
from __future__ import annotations

import argparse
from typing import Any

from ..model import ConformError

_EPILOG = """\
example:
  sspi-conform realm shell     a shell with a KDC, an NTLM domain and their users; all ends with it"""


def add(commands: Any) -> None:
    parser = commands.add_parser("realm", help="a shell inside a throwaway realm", epilog=_EPILOG,
                                 description="Opens a throwaway realm for work by hand.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("shell",), help="what to open")
    parser.add_argument("--standalone", action="store_true", help="without a domain: others have no logon server")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    from realm import Realm, RealmError
    from realm.shell import shell

    try:
        with Realm(standalone=options.standalone) as one:
            return shell(one)
    except RealmError as problem:
        raise ConformError(str(problem), "", "'make run' installs what the realm needs.") from problem
