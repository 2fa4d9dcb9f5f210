# SPDX-License-Identifier: Apache-2.0
"""import: the security exchanges in a capture of packets."""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from .. import importing
from ..exchange import file
from ..exchange.model import Recording
from ..importing import given, shown
from ..model import ConformError

_EPILOG = """\
examples:
  sspi-conform import customer.pcapng                        lists what is in it, writes customer.exchanges.json
  sspi-conform import customer.pcapng --out case-4711.json
  sspi-conform import rdp.pcapng --tls-keys keys.log         a key log (NSS format) or an RSA key opens TLS
  sspi-conform import lab.pcapng --port 10088=kerberos       when a beginning is ambiguous
  sspi-conform import customer.pcapng --keytab http.keytab   tickets are opened; what they told is kept, not they
  ssh web tcpdump -s 0 -w - port 80 | sspi-conform import -  ends with the capture
  sspi-conform import customer.pcapng --no-redact --json     the exchange file to standard output, with all names

Reads SMB, HTTP and WinRM, LDAP, DCE/RPC over TCP and in pipes, CredSSP, RD Gateway, MS-NNS, DNS TKEY, NTLM inside other
protocols, and the messages of the KDC. Then: sspi-conform diagnose customer.exchanges.json.
Exit: 0 something was found, 3 nothing to be found or no capture."""


def add(commands: Any) -> None:
    parser = commands.add_parser("import", help="find the security exchanges in a capture of packets", epilog=_EPILOG,
                                 description="Finds every security exchange in a capture, pairs its tokens with how it "
                                             "ended, and writes an exchange file.",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="the exchange file (default: NAME.exchanges.json, here)")
    parser.add_argument("--html", type=Path, metavar="FILE", help="a page too: every exchange with its decoded legs")
    parser.add_argument("--no-redact", action="store_true", help="keep names, addresses, nonces and proofs")
    parser.add_argument("--json", action="store_true", help="the exchange file to standard output; writes none")
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    started = time.monotonic(), time.process_time()
    progress = importing.Progress(_tell if sys.stderr.isatty() else None)
    recording = given.recording(options, progress)
    _tell_end(progress)
    kept = recording if options.no_redact else _redacted(recording)
    if options.html:
        from ..diagnosis import page  # with rules that the list of exchanges does without
        page.write(options.html, kept)
    if options.json:
        print(file.text(kept), end="")
        return 0
    print("\n".join(shown.lines(recording)))
    print(_written(options, kept))
    print(_summary(recording, time.monotonic() - started[0], time.process_time() - started[1], progress))
    return 0


def _redacted(recording: Recording) -> Recording:
    from ..exchange.redact import redact
    return redact(recording)


def _written(options: argparse.Namespace, recording: Recording) -> str:
    path = options.out or Path(_stem(Path(options.file).name) + ".exchanges.json")
    try:
        file.write(recording, path)
    except OSError as error:
        raise ConformError(f"cannot write {path}: {error.strerror}", "", "Name another place with --out FILE.") from error
    how = "names, addresses and secrets are replaced" if recording.redacted else "it holds names, addresses and proofs"
    return f"written: {path} ({how})"


def _stem(name: str) -> str:
    for ending in (".gz", ".pcapng", ".pcap", ".cap", ".dmp"):
        name = name.removesuffix(ending)
    return {"": "capture", "-": "standard-input"}.get(name, name)


def _summary(recording: Recording, seconds: float, ours: float, progress: importing.Progress) -> str:
    """The share of tshark is that of the processor time which all of it took."""
    share = round(100 * progress.tshark_seconds / (progress.tshark_seconds + ours)) if progress.tshark_seconds else 0
    return (f"import: {shown.counted(len(recording.exchanges), 'exchange')}; {seconds:.2f} s"
            + (f", tshark {share} %" if progress.tshark_seconds else ""))


def _tell(frame: int) -> None:
    sys.stderr.write(f"\rpacket {frame} ")
    sys.stderr.flush()


def _tell_end(progress: importing.Progress) -> None:
    if progress.tell:
        sys.stderr.write("\r\x1b[K")
