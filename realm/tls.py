# SPDX-License-Identifier: Apache-2.0
"""The TLS certificates of the realm's host, and the channel bindings that follow from them (RFC 5929)."""
from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import RealmError
from .tools import base_environment, run_tool

# DER of the signature algorithm's OID, content only -> the hash RFC 5929 section 4.1 asks for.
_HASHES = {
    bytes.fromhex("2a8648ce3d0401"): "sha256",  # ecdsa-with-SHA1
    bytes.fromhex("2a8648ce3d040302"): "sha256",
    bytes.fromhex("2a8648ce3d040303"): "sha384",
    bytes.fromhex("2a8648ce3d040304"): "sha512",
    bytes.fromhex("2a864886f70d010104"): "sha256",  # md5WithRSAEncryption: replaced by SHA-256, as is SHA-1
    bytes.fromhex("2a864886f70d010105"): "sha256",
    bytes.fromhex("2a864886f70d01010b"): "sha256",
    bytes.fromhex("2a864886f70d01010c"): "sha384",
    bytes.fromhex("2a864886f70d01010d"): "sha512",
}
# What the host's RSA certificates are signed with, one for each: only RSA goes with all of them.
SIGNED_WITH = ("md5", "sha1", "sha256", "sha384", "sha512")


@dataclass(frozen=True)
class Tls:
    """A certificate and key of the host, and a second certificate that a relaying attacker might show. Beside them the
    host has a certificate for each hash of SIGNED_WITH."""

    certificate: Path
    key: Path
    other_certificate: Path
    other_key: Path

    def signed_with(self, digest: str) -> tuple[Path, Path]:
        """Certificate and key of the host, signed with a hash of SIGNED_WITH."""
        return self.certificate.with_name(f"rsa-{digest}.pem"), self.certificate.with_name("rsa.key")

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return der_of(self.certificate)

    @property
    def other_der(self) -> bytes:
        """The second certificate in DER; same name, another key, signed with SHA-384."""
        return der_of(self.other_certificate)

    def tls_server_end_point(self) -> bytes:
        """The application data of the channel binding for the certificate."""
        return end_point(self.der)

    def other_end_point(self) -> bytes:
        """The application data of the channel binding for the second certificate."""
        return end_point(self.other_der)


def tls_in(folder: Path) -> Tls:
    """The certificates in a folder made by build_parts()."""
    return Tls(folder / "host.pem", folder / "host.key", folder / "other.pem", folder / "other.key")


def build_parts(folder: Path, host: str) -> list[Callable[[], str]]:
    """What makes the certificates, as independent pieces of work. Ten years: a cached template must not age."""
    def certify(name: str, digest: str, key: list[str]) -> str:
        return run_tool(
            ["openssl", "req", "-x509", f"-{digest}", "-days", "3650", "-subj", f"/CN={host}", "-addext",
             f"subjectAltName=DNS:{host}", "-config", "/dev/null", "-out", str(folder / f"{name}.pem"), *key],
            base_environment(), what="making a certificate")

    def on_curve(name: str, curve: str, digest: str) -> Callable[[], str]:
        return lambda: certify(name, digest, ["-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-nodes",
                                              "-keyout", str(folder / f"{name}.key")])

    def rsa() -> str:
        key = str(folder / "rsa.key")
        run_tool(["openssl", "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key],
                 base_environment(), what="making a key")
        return "".join(certify(f"rsa-{digest}", digest, ["-key", key]) for digest in SIGNED_WITH)

    return [on_curve("host", "P-256", "sha256"), on_curve("other", "P-384", "sha384"), rsa]


def end_point(der: bytes) -> bytes:
    """'tls-server-end-point:' and the hash of a certificate, chosen by its own signature algorithm."""
    _, certificate, _ = _element(der)
    _, _, rest = _element(certificate)  # past tbsCertificate
    _, algorithm, _ = _element(rest)
    _, oid, _ = _element(algorithm)
    if oid not in _HASHES:
        raise RealmError(f"no hash is known for a certificate signed with the algorithm of OID bytes {oid.hex()}")
    return b"tls-server-end-point:" + hashlib.new(_HASHES[oid], der).digest()


def der_of(pem: Path) -> bytes:
    """The certificate of a file, in DER."""
    lines = pem.read_text().split("-----BEGIN CERTIFICATE-----")[1].split("-----END CERTIFICATE-----")[0]
    return base64.b64decode(lines)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Split the first DER element off: tag, content, what follows."""
    length, start = data[1], 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[2:2 + count], "big"), 2 + count
    return data[0], data[start:start + length], data[start + length:]
