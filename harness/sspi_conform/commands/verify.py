# SPDX-License-Identifier: Apache-2.0
"""verify: whether a certificate is what it says."""
from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..certification import signature, verifying
from ..certification.verifying import Outcome, Trust
from ..model import ConformError
from ..project import open_project

_EPILOG = """\
examples:
  sspi-conform verify libsspi-acceptor.tar                      everything but whose signature it is
  sspi-conform verify libsspi-acceptor.tar --key vendor.key.pub
  sspi-conform verify libsspi-acceptor.tar --certificate ca.crt   the signer's certificate, or that of a CA above it
  sspi-conform verify libsspi-acceptor.tar --file /usr/lib/libsspi.so.0    is this the library that was certified?

Offline, without a build: archive, hashes and signature; the required set, made again from the suite of this checkout; every
verdict, judged again from the observations; counts, results, junit and report, made again. By hand, with openssl, sha256sum
and jq: harness/certification/README.md.
Exit: 0 verified, 1 not valid (what and where is said), 3 not a bundle, or wrong usage."""


def add(commands: Any) -> None:
    parser = commands.add_parser("verify", help="check a certificate, offline", epilog=_EPILOG,
                                 description="Works out again everything that a bundle of certify says.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="a file that certify wrote")
    parser.add_argument("--key", type=Path, metavar="PUBKEY",
                        help="the signer's public key or certificate (PEM), which must be the one")
    parser.add_argument("--certificate", type=Path, metavar="FILE",
                        help="the signer's certificate, or that of a CA above it (PEM)")
    parser.add_argument("--file", type=Path, metavar="FILE", action="append", default=[],
                        help="a file of the implementation, which must be one that was judged")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    content = verifying.read(options.bundle)
    if options.certificate is not None and not options.certificate.is_file():
        raise ConformError(f"there is no file {options.certificate}", "", "Give the PEM file of a certificate.")
    key = signature.public_key(options.key) if options.key else None
    outcome = verifying.verify(content, lambda: open_project(options.root), Trust(key, options.certificate, options.file))
    code = 0 if outcome.valid else 1
    if options.json:
        print(json.dumps(_document(outcome), indent=1))
        return code
    lines = _certificate(outcome) if outcome.valid else []
    lines += [f"note: {note}" for note in outcome.notes]
    lines += [f"INVALID {finding}" for finding in outcome.findings]
    count = len(outcome.findings)
    lines.append("exit 0: verified" if outcome.valid else f"exit 1: not valid, {count} finding{'' if count == 1 else 's'}")
    print("\n".join(_printable(line) for line in lines))
    return code


def _certificate(outcome: Outcome) -> list[str]:
    """What a valid bundle shows."""
    stated, required = outcome.documents["statement.json"], outcome.documents["required.json"]
    product, suite, counted = stated["product"], stated["suite"], stated["required_set"]
    return [
        f"{required['profile']['title']} ({stated['profile']}): {required['profile']['claim']}",
        f"  product       {product['name']} {product['version']}, {product['vendor']}, for {product['platform']}",
        *(f"  judged        {file['name']}  sha256 {file['sha256']}" for file in stated["implementation"]["files"]),
        f"  suite         {suite['version']}, commit {suite['commit'] or 'none'}; {stated['date']}",
        f"  signature     {outcome.method}, {outcome.fingerprint}",
        f"  required set  {counted['cases']} cases, {counted['binding_expectations']} binding expectations",
        f"                sha256 {counted['sha256']}",
        f"  judged again  {outcome.judged} cases from their observations: "
        + ", ".join(f"{number} {verdict}" for verdict, number in stated["verdicts"].items()),
    ]


def _document(outcome: Outcome) -> dict[str, Any]:
    stated = outcome.documents.get("statement.json", {})
    kept = {name: stated.get(name)
            for name in ("profile", "product", "implementation", "suite", "required_set", "verdicts", "date")}
    return {"schema": 1, "valid": outcome.valid, **kept, "judged": outcome.judged,
            "signer": {"method": outcome.method, "fingerprint": outcome.fingerprint},
            "findings": [asdict(finding) for finding in outcome.findings], "notes": outcome.notes}


def _printable(line: str) -> str:
    """A line in which nothing can move the cursor of a terminal: a bundle may come from anybody."""
    return "".join(one if one.isprintable() or one == "\n" else "?" for one in line)
