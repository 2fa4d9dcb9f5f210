# SPDX-License-Identifier: Apache-2.0
"""The input of a command: a capture, a trace, lines or an exchange file, with what goes with it on the command line."""
from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..decode import keys
from ..exchange.model import Recording
from ..model import ConformError


def add_options(parser: argparse.ArgumentParser) -> None:
    """FILE, the secrets, the certificate, and what opens or names connections."""
    parser.add_argument("file", metavar="FILE|-", help="a capture, a trace of curl, lines of the probe, an exchange file, or - for "
                                                       "standard input")
    keys.add_options(parser)
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="the server's, PEM or DER: its channel bindings are compared")
    parser.add_argument("--tls-keys", type=Path, action="append", default=[], metavar="FILE",
                        help="key log or RSA key, for TLS; may be repeated")
    parser.add_argument("--port", action="append", default=[], metavar="N=PROTOCOL", help="what is spoken on a port, as for import")


def recording(options: argparse.Namespace) -> Recording:
    """The input, with what the secrets tell about its legs."""
    from ..commands.import_ import ports
    from ..exchange import verify
    from . import Options, load

    secrets = keys.given(options)
    with _named(options.file) as path:
        found = load(path, Options(ports(options.port), tuple(options.tls_keys)))
    if options.file == "-":
        found = replace(found, name="standard input")
    if options.certificate:
        from ..exchange import certificate

        found = certificate.bound_to(found, options.certificate)
    if found.redacted and (secrets.hashes or secrets.keys or options.certificate):
        raise ConformError("secrets tell nothing about a file whose names and proofs were replaced", found.name,
                           "Give the capture itself, or what `sspi-conform import --no-redact` wrote.")
    return verify.verified(found, secrets)


@contextmanager
def _named(word: str) -> Iterator[Path]:
    """A file by its name. Standard input becomes one in memory: what it holds is nothing for a disk."""
    if word != "-":
        yield Path(word)
        return
    with os.fdopen(os.memfd_create("standard-input"), "wb") as memory:
        shutil.copyfileobj(sys.stdin.buffer, memory)
        memory.flush()
        try:
            yield Path(f"/proc/{os.getpid()}/fd/{memory.fileno()}")
        except ConformError as problem:
            raise ConformError(problem.what, "standard input", problem.advice) from problem
