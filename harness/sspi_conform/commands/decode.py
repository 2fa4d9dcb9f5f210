# SPDX-License-Identifier: Apache-2.0
"""decode: what is in a token."""
from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

from ..decode import kerberos_tree, keys, ntlm_tree, text, token_tree
from ..error import ConformError

_EPILOG = """\
examples:
  sspi-conform decode YIIFvQYGKwYBBQUCoIIFsTCCBa2g...     base64, or hex
  sspi-conform decode 'Authorization: Negotiate YII...'   a header
  curl -v --negotiate -u : http://host/ 2>&1 | sspi-conform decode -
  sspi-conform decode tokens.txt --password -             one token a line; asks for the password
  sspi-conform decode token.bin --keytab http.keytab      opens ticket, authenticator and PAC
  sspi-conform decode token.bin --principal host/web.corp@CORP --password -
  sspi-conform decode tokens.txt --redact                 for a bug report: names and secrets replaced

Tokens of one input are one exchange: a CHALLENGE before an AUTHENTICATE lets its proof and MIC be verified.
[ok] and [WRONG] stand before what was verified. Exit: 0 decoded, 1 something is malformed or wrong, 3 no token."""
_LONGEST_NAME = 250  # of a file
_ADVICE = "Give a token, a header, a file, or - for standard input."


def add(commands: Any) -> None:
    parser = commands.add_parser("decode", help="take a token apart", epilog=_EPILOG,
                                 description="Shows every layer of SPNEGO, NTLM, Kerberos and NEGOEX tokens.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("token", metavar="TOKEN|FILE|-", help="a token, a header, a file with them, or - for standard input")
    keys.add_options(parser)
    parser.add_argument("--redact", action="store_true", help="print the tokens again, one a line in base64, with names, nonces, "
                                                              "proofs and times replaced, to be shown to others")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    found = _found(options.token)
    if options.redact:
        return _redact(found)
    secrets = keys.given(options)
    exchange = token_tree.Exchange(ntlm_tree.Exchange(hashes=secrets.hashes), kerberos_tree.Exchange(secrets.keys))
    trees = token_tree.decode_all(found, exchange)
    if options.json:
        print(json.dumps({"schema": 1, "tokens": [tree.json() for tree in trees]}, indent=1))
    else:
        print("\n\n".join("\n".join(tree.lines()) for tree in trees))
    return 1 if any(True for tree in trees for _ in tree.wrong()) else 0


def _redact(found: list[text.Found]) -> int:
    from ..exchange.redact import redact_tokens

    for token in redact_tokens([one.data for one in found]):
        print(base64.b64encode(token).decode())
    return 0


def _found(word: str) -> list[text.Found]:
    """The tokens of standard input, of a file, or of the word itself."""
    if word == "-":
        return text.tokens(sys.stdin.buffer.read(text.LARGEST + 1), "standard input")
    path = Path(word)
    try:
        if len(word) < _LONGEST_NAME and path.exists():
            with path.open("rb") as file:
                return text.tokens(file.read(text.LARGEST + 1), path.name)
    except OSError as error:
        raise ConformError(f"cannot read {word}: {error.strerror}", "", _ADVICE) from error
    if len(word) < _LONGEST_NAME and ("/" in word or "." in word) and "=" not in word and " " not in word:
        raise ConformError(f"there is no file {word}", "", _ADVICE)
    return text.tokens(word.encode())
