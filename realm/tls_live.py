# SPDX-License-Identifier: Apache-2.0
"""Live TLS connections in memory, and the channel bindings that each of their ends works out for itself."""
from __future__ import annotations

import hashlib
import hmac
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import RealmError
from .tls import Tls, der_of, end_point

UNIQUE, EXPORTER, END_POINT = "tls-unique", "tls-exporter", "tls-server-end-point"
KINDS = (UNIQUE, EXPORTER, END_POINT)
_VERSIONS = {UNIQUE: ssl.TLSVersion.TLSv1_2, EXPORTER: ssl.TLSVersion.TLSv1_3, END_POINT: ssl.TLSVersion.TLSv1_3}
_EXPORTED = 32


@dataclass(frozen=True)
class Ends:
    """The application data of a channel binding, as the client and as the server of the connection have it."""

    client: bytes
    server: bytes


def connect(kind: str, certificate: Path, key: Path) -> Ends:
    """The channel binding of a new connection: RFC 5929 3.1 over TLS 1.2, RFC 9266 over TLS 1.3, RFC 5929 4.1."""
    with tempfile.TemporaryDirectory(prefix="tls-") as folder:
        logs = Path(folder) / "client", Path(folder) / "server"
        with _shaken_hands(_VERSIONS[kind], certificate, key, *logs) as (client, server):
            if kind == UNIQUE:
                return Ends(*(b"tls-unique:" + (end.get_channel_binding(UNIQUE) or b"") for end in (client, server)))
            if kind == EXPORTER:
                return Ends(*(b"tls-exporter:" + exported(end.cipher(), log) for end, log in zip((client, server), logs)))
            return Ends(end_point(client.getpeercert(binary_form=True) or b""), end_point(der_of(certificate)))


def through_a_proxy(kind: str, tls: Tls) -> Ends:
    """The channel bindings at the far ends of two connections, with somebody in between who ends both."""
    return Ends(connect(kind, tls.other_certificate, tls.other_key).client, connect(kind, tls.certificate, tls.key).server)


@contextmanager
def _shaken_hands(version: ssl.TLSVersion, certificate: Path, key: Path, client_log: Path,
                  server_log: Path) -> Iterator[tuple[ssl.SSLObject, ssl.SSLObject]]:
    """Both ends of a connection without a socket. Who the server is does not matter here, so nobody asks."""
    contexts = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for context, log in zip(contexts, (client_log, server_log)):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # certificates that are signed with MD5 and SHA-1
        context.minimum_version = context.maximum_version = version
        context.keylog_filename = str(log)
    contexts[0].check_hostname, contexts[0].verify_mode = False, ssl.CERT_NONE
    contexts[1].load_cert_chain(certificate, key)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = contexts[0].wrap_bio(to_client, to_server)
    server = contexts[1].wrap_bio(to_server, to_client, server_side=True)
    done = [_further(client), _further(server)]
    for _ in range(4):
        done = [_further(client) or done[0], _further(server) or done[1]]
    if not all(done):
        raise RealmError("a TLS handshake in memory does not come to its end")
    yield client, server


def _further(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def exported(cipher: tuple[str, str, int] | None, log: Path) -> bytes:
    """RFC 9266 2 from the exporter secret that an end writes into its key log (RFC 8446 7.5)."""
    digest = "sha384" if cipher and cipher[0].endswith("SHA384") else "sha256"
    secret = next(bytes.fromhex(line.split()[2]) for line in log.read_text().splitlines()
                  if line.startswith("EXPORTER_SECRET"))
    nothing = hashlib.new(digest).digest()
    derived = _expand(secret, b"EXPORTER-Channel-Binding", nothing, len(nothing), digest)
    return _expand(derived, b"exporter", nothing, _EXPORTED, digest)


def _expand(secret: bytes, label: bytes, context: bytes, size: int, digest: str) -> bytes:
    """HKDF-Expand-Label of RFC 8446 7.1; one block of the hash is enough for every size asked here."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(context)]) + context
    return hmac.new(secret, info + b"\1", digest).digest()[:size]
