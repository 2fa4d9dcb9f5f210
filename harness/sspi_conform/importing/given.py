# SPDX-License-Identifier: Apache-2.0
"""The input of a command: a capture, a trace, lines or an exchange file, with what goes with it on the command line."""
from __future__ import annotations

import argparse
from pathlib import Path

from ..decode import keys
from ..exchange.model import Recording
from ..model import ConformError
from . import Options, Progress, load


def add_options(parser: argparse.ArgumentParser) -> None:
    """FILE, the secrets, the certificate, and what opens or names connections."""
    parser.add_argument("file", metavar="FILE|-", help="a capture, a trace of curl, lines of the probe, an exchange file, or - for "
                                                       "standard input")
    keys.add_options(parser)
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="the server's, PEM or DER: its channel bindings are compared")
    parser.add_argument("--tls-keys", type=Path, action="append", default=[], metavar="FILE",
                        help="key log or RSA key, for TLS; may be repeated")
    parser.add_argument("--port", action="append", default=[], metavar="N=PROTOCOL",
                        help="what is spoken on a port (10088=kerberos); may be repeated")


def recording(options: argparse.Namespace, progress: Progress | None = None) -> Recording:
    """The input, with what the secrets tell about its legs; asks for a password before it reads."""
    from ..exchange import verify

    secrets = keys.given(options)
    found = load(Path(options.file), Options(ports(options.port), tuple(options.tls_keys)), progress)
    if options.certificate:
        from ..exchange import certificate

        found = certificate.bound_to(found, options.certificate)
    if found.redacted and (secrets.hashes or secrets.keys or options.certificate):
        raise ConformError("secrets tell nothing about a file whose names and proofs were replaced", found.name,
                           "Give the capture itself, or what `sspi-conform import --no-redact` wrote.")
    return verify.verified(found, secrets)


def ports(words: list[str]) -> dict[int, str]:
    """What --port options say: 10088=kerberos."""
    from .readers import NAMED
    found = {}
    for word in words:
        number, _, name = word.partition("=")
        if not number.isdigit() or not 0 < int(number) < 65536 or name not in NAMED:
            raise ConformError(f"--port {word}: neither a port nor a protocol that is read", "",
                               f"Write 10088=kerberos; the protocols: {', '.join(sorted(NAMED))}.")
        found[int(number)] = name
    return found
