# SPDX-License-Identifier: Apache-2.0
"""What goes over a TLS connection, without one: both ends in memory."""
from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

from packet_files import CLIENT, SERVER
from realm.tools import base_environment, run_tool


def certificate(folder: Path) -> tuple[Path, Path]:
    """Certificate and RSA key of web.test."""
    paths = folder / "web.pem", folder / "web.key"
    run_tool(["openssl", "req", "-x509", "-sha256", "-days", "30", "-subj", "/CN=web.test", "-config", "/dev/null", "-newkey", "rsa:2048",
              "-nodes", "-keyout", str(paths[1]), "-out", str(paths[0])], base_environment(), what="making a certificate")
    return paths


def sealed(pair: tuple[Path, Path], turns: Sequence[tuple[str, bytes]], key_log: Path | None = None,
           ciphers: str = "") -> Iterator[tuple[str, bytes]]:
    """The turns with TLS around them, handshake first. `ciphers`: those of TLS 1.2, which is spoken then."""
    ends = _ends(pair, key_log, ciphers)
    yield from _handshake(ends)
    for sender, data in turns:
        end, _, out = ends[sender]
        end.write(data)
        wire = out.read()
        other, received, _ = ends[SERVER if sender == CLIENT else CLIENT]
        received.write(wire)
        assert other.read(len(data) + 1) == data
        yield sender, wire


_End = tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]  # what comes in, what goes out


def _ends(pair: tuple[Path, Path], key_log: Path | None, ciphers: str) -> dict[str, _End]:
    found = {}
    for side, protocol in ((CLIENT, ssl.PROTOCOL_TLS_CLIENT), (SERVER, ssl.PROTOCOL_TLS_SERVER)):
        context = ssl.SSLContext(protocol)
        if ciphers:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(ciphers)
        if side == SERVER:
            context.load_cert_chain(*pair)
            context.num_tickets = 0
        else:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if key_log:
                context.keylog_filename = str(key_log)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        found[side] = context.wrap_bio(incoming, outgoing, server_side=side == SERVER), incoming, outgoing
    return found


def _handshake(ends: dict[str, _End]) -> Iterator[tuple[str, bytes]]:
    left = {CLIENT, SERVER}
    while left:
        for side, other in ((CLIENT, SERVER), (SERVER, CLIENT)):
            end, _, outgoing = ends[side]
            try:
                end.do_handshake()
                left.discard(side)
            except ssl.SSLWantReadError:
                pass
            if wire := outgoing.read():
                ends[other][1].write(wire)
                yield side, wire
