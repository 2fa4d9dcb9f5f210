# SPDX-License-Identifier: Apache-2.0
"""Command line of the realm: python3 -m realm shell | env | bench."""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import ad_shell
from .ad import AdRealm
from .bench import measure
from .errors import RealmError
from .realm import Realm
from .shell import exports, shell

_EXAMPLES = """\
examples:
  python3 -m realm shell                  a shell in which kinit, kvno, wbinfo work; ends with the shell
  python3 -m realm env                    print exports, keep the realm until standard input ends (Ctrl-D)
  python3 -m realm shell --standalone     every domain but NTSRV then has no logon server
  python3 -m realm shell --trust          with a second realm, PARTNER.TEST: kvno HTTP/web.partner.test@PARTNER.TEST
  python3 -m realm shell --kind ad        a shell inside a network with an Active Directory controller
  python3 -m realm bench --runs 9         how long a start takes, beside the usual way of doing it
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, run, translate a RealmError into one line and exit status 2."""
    parser = argparse.ArgumentParser(prog="python3 -m realm", epilog=_EXAMPLES,
                                     description="A throwaway Kerberos realm and NTLM domain; leaves nothing behind.",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("shell", "env", "bench"), help="what to do with the realm")
    parser.add_argument("--kind", choices=("mit", "ad"), default="mit",
                        help="mit: MIT KDC and NT4-style domain; ad: Samba as Active Directory (default: %(default)s)")
    parser.add_argument("--member", action="store_true", help="--kind ad: NTLM through a joined member's winbindd")
    parser.add_argument("--standalone", action="store_true", help="NTLM server that knows no domain but itself")
    parser.add_argument("--trust", action="store_true", help="a second realm, PARTNER.TEST; each trusts the other")
    parser.add_argument("--name", help="Kerberos realm name (default: SSPI.TEST)")
    parser.add_argument("--cache", type=Path, help="folder of the template (default: the user's cache folder)")
    parser.add_argument("--winbind", action="store_true", help="env: add what points libwbclient at the realm")
    parser.add_argument("--runs", type=int, default=9, help="bench: how often (default: %(default)s)")
    given = parser.parse_args(arguments)
    if given.runs < 1:
        parser.error("--runs must be at least 1")
    if given.kind == "ad" and (given.standalone or given.name or given.winbind or given.trust):
        parser.error("--standalone, --trust, --name and --winbind are for --kind mit")
    if given.kind != "ad" and given.member:
        parser.error("--member is for --kind ad")
    try:
        if given.kind == "ad":
            return _active_directory(given)
        if given.command == "bench":
            print(json.dumps(measure(given.runs), indent=2))
            return 0
        with Realm(cache=given.cache, name=given.name or "SSPI.TEST", standalone=given.standalone,
                   trust=given.trust) as realm:
            if given.command == "shell":
                return shell(realm)
            print(exports(realm, given.winbind), end="", flush=True)
            sys.stdin.read()
            return 0
    except RealmError as problem:
        print(f"realm: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _active_directory(given: argparse.Namespace) -> int:
    """The same commands for the other kind of realm."""
    if given.command == "bench":
        print(json.dumps(ad_shell.measure(given.runs), indent=2))
        return 0
    with AdRealm(cache=given.cache, member=given.member, log=lambda words: print(words, file=sys.stderr)) as realm:
        if given.command == "shell":
            return ad_shell.shell(realm)
        print(ad_shell.exports(realm), end="", flush=True)
        sys.stdin.read()
        return 0


if __name__ == "__main__":
    sys.exit(main())
