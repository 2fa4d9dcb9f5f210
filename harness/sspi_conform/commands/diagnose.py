# SPDX-License-Identifier: Apache-2.0
"""diagnose: why an authentication failed."""
from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..captures import load_sources
from ..diagnosis import engine, shown
from ..diagnosis.view import View
from ..exchange.model import Recording
from ..importing import given
from ..importing.shown import remark
from ..model import ConformError

_EPILOG = """\
examples:
  sspi-conform diagnose failed-login.pcapng
  sspi-conform diagnose failed-login.pcapng --exchange 3 --all
  curl -v --negotiate -u : http://host/ 2>&1 | sspi-conform diagnose -
  sspi-conform diagnose failed-login.pcapng --password -          asks for it; proof and MIC are verified
  sspi-conform diagnose failed-login.pcapng --keytab http.keytab  tickets are opened
  sspi-conform diagnose failed-login.pcapng --certificate server.pem
  sspi-conform diagnose failed-login.pcapng --html page.html      to be sent on: names and secrets are replaced in it

FILE is a capture of packets, a trace of curl, lines of a probe, or what `sspi-conform import` wrote. Secrets are used and
forgotten. Exit: 0 nothing found, 1 something is wrong, 3 bad input."""


def add(commands: Any) -> None:
    parser = commands.add_parser("diagnose", help="why an authentication failed: the first thing that went wrong",
                                 epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                                 description="Names the first thing that goes wrong in recorded exchanges, with leg, field, "
                                             "both values, clause, and the likely causes with how to check each.")
    parser.add_argument("--exchange", type=int, metavar="N", help="only this one, by its number")
    parser.add_argument("--all", action="store_true", help="not only the first finding, and what else differs from Windows")
    given.add_options(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="a page too: every exchange with its decoded legs")
    parser.add_argument("--no-redact", action="store_true", help="names, addresses and tokens in the page as they were")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    recording = given.recording(options)
    found = engine.diagnose(recording, options.exchange)
    if options.exchange is not None and not found:
        raise ConformError(f"there is no exchange {options.exchange}", recording.name,
                           f"It holds {len(recording.exchanges)}, counted from 0.")
    if options.html:
        _write_page(options, recording)
    if options.json:
        whole = {"schema": 1, "file": recording.name, "missing": list(recording.missing),
                 "exchanges": [shown.as_json(one, view) for view, one in found]}
        print(json.dumps(whole, indent=1))
    else:
        print(_text(options, recording, found))
    return 1 if any(one.findings for _, one in found) else 0


def _write_page(options: argparse.Namespace, recording: Recording) -> None:
    from ..diagnosis import page
    from ..exchange.redact import redact

    page.write(options.html, recording if options.no_redact or recording.redacted else redact(recording), options.exchange)


def _text(options: argparse.Namespace, recording: Recording, found: list[tuple[View, engine.Diagnosed]]) -> str:
    cited = any(finding.text.sources for _, one in found for finding in one.findings)
    sources = load_sources(options.root / "captures" / "sources.yaml", options.root) if cited else {}
    parts = ["\n".join(shown.lines(one, view, sources, options.all)) for view, one in found]
    parts += ["\n".join(map(remark, recording.missing))] if recording.missing else []
    parts += [shown.summary(found)] if len(found) > 1 else []
    return "\n\n".join(parts) if parts else "there is no security exchange in the input"
