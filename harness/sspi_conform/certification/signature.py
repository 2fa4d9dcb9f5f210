# SPDX-License-Identifier: Apache-2.0
"""Signing and verifying with openssl(1): Ed25519 with a key alone, CMS (RFC 5652) with a key and its certificate.

A key is named to openssl by its path and never read or copied here. Of a CMS signature openssl ignores several bytes
(versions, parameters of algorithms); so that none can be changed unnoticed, one is accepted only as it is made here:
detached, without attributes and certificates, which leaves a single way to write everything but the signature value.
"""
from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..model import ConformError
from ..tokens import TokenError, der
from .canonical import Malformed

RAW, CMS = "SHA256SUMS.sig", "SHA256SUMS.cms"
_ED25519 = bytes.fromhex("302a300506032b6570032100")      # SubjectPublicKeyInfo up to the key, RFC 8410
_SHA256 = der.write(der.SEQUENCE, der.write_oid("2.16.840.1.101.3.4.2.1"))  # RFC 5754 2: parameters are left out
_ALGORITHMS = {  # of signature, by the algorithm of the public key
    "1.2.840.113549.1.1.1": der.write(der.SEQUENCE, der.write_oid("1.2.840.113549.1.1.1"), b"\x05\x00"),
    "1.2.840.10045.2.1": der.write(der.SEQUENCE, der.write_oid("1.2.840.10045.4.3.2")),
}
_SET, _FIRST = 0x31, 0xA0  # SET OF; [0]
_CERTIFICATE = b"CERTIFICATE"
_PEM = re.compile(rb"-----BEGIN (PUBLIC KEY|CERTIFICATE)-----([A-Za-z0-9+/=\s]*)-----END \1-----")


@dataclass(frozen=True)
class Signer:
    """Who signs: the path of a private key, and the public half or the certificate that goes into the bundle."""

    key: Path
    public: bytes                 # PEM of a public key, or of a certificate
    member: str                   # RAW or CMS

    def sign(self, content: bytes) -> bytes:
        """The signature of some bytes. ConformError when openssl refuses the key."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "content").write_bytes(content)
            (folder / "signer.pem").write_bytes(self.public)
            words = ["pkeyutl", "-sign", "-rawin", "-in", "content"] if self.member == RAW else \
                ["cms", "-sign", "-binary", "-noattr", "-nocerts", "-md", "sha256", "-outform", "DER", "-in", "content",
                 "-signer", "signer.pem"]
            _openssl([*words, "-inkey", str(self.key.resolve()), "-out", "signature"], f"sign with {self.key}", folder)
            return (folder / "signature").read_bytes()


def signer(key: Path, certificate: Path | None) -> Signer:
    """The signer of a key (and its certificate), refused before anything is played when it cannot sign."""
    for path in filter(None, (key, certificate)):
        if not path.is_file():
            raise ConformError(f"there is no file {path}", "", "`sspi-conform certify --make-key FILE` makes a key.")
    public = _openssl(["pkey", "-in", str(key), "-pubout"], f"read the private key {key}")
    if certificate is None:
        if not spki_of(public).startswith(_ED25519):
            raise ConformError(f"{key} is no Ed25519 key", "", "Give its certificate too (--certificate), for a CMS signature, "
                               "or an Ed25519 key: certify --make-key FILE.")
        return Signer(key, public, RAW)
    if _openssl(["x509", "-in", str(certificate), "-noout", "-pubkey"], f"read the certificate {certificate}") != public:
        raise ConformError(f"{certificate} is not the certificate of {key}", "", "Give the two that belong together.")
    if _algorithm(spki_of(public)) not in _ALGORITHMS:
        raise ConformError(f"openssl makes no CMS signature with the key {key}", "", "Use an RSA or EC key, or an Ed25519 key "
                           "without certificate.")
    return Signer(key, _openssl(["x509", "-in", str(certificate)], f"read {certificate}"), CMS)


def make_key(path: Path) -> Path:
    """A new Ed25519 key, for its owner alone, and beside it the public half, whose path is returned."""
    public = path.with_name(f"{path.name}.pub")
    for one in (path, public):
        if one.exists():
            raise ConformError(f"{one} is there already", "", "It may be somebody's key: give another name.")
    before = os.umask(0o077)
    try:
        _openssl(["genpkey", "-algorithm", "ed25519", "-out", str(path)], f"make the key {path}")
    finally:
        os.umask(before)
    public.write_bytes(_openssl(["pkey", "-in", str(path), "-pubout"], f"read {path}"))
    return public


def public_key(path: Path) -> bytes:
    """SubjectPublicKeyInfo of a file with a public key or a certificate."""
    try:
        return spki_of(path.read_bytes())
    except OSError as error:
        raise ConformError(f"cannot read {path}: {error.strerror}") from error
    except Malformed as error:
        raise ConformError(f"{path} is {error}", "", "Give the PEM file of a public key or of a certificate.") from error


def spki_of(pem: bytes, alone: bool = False) -> bytes:
    """SubjectPublicKeyInfo of the PEM text of a public key or of a certificate.

    alone: the text must be written as openssl writes it, so that no second one stands beside it.
    """
    label, content = _decoded(pem, alone)
    try:
        if label == _CERTIFICATE:
            return _certificate_fields(content)[6].whole
        _algorithm(content)
    except (TokenError, StopIteration, IndexError) as error:
        raise Malformed(f"no public key and no certificate: {error}") from error
    return content


def _decoded(pem: bytes, alone: bool) -> tuple[bytes, bytes]:
    """Label and content of the first block of a PEM text that is a public key or a certificate."""
    found = _PEM.search(pem)
    try:
        content = base64.b64decode(b"".join(found[2].split()), validate=True) if found else b""
    except ValueError:
        content = b""
    if found is None or not content:
        raise Malformed("no PEM text of a public key or of a certificate")
    text = base64.b64encode(content)
    lines = b"".join(text[at:at + 64] + b"\n" for at in range(0, len(text), 64))
    if alone and pem != b"-----BEGIN %b-----\n%b-----END %b-----\n" % (found[1], lines, found[1]):
        raise Malformed("no public key and no certificate alone, as openssl writes it")
    return found[1], content


def _certificate_fields(content: bytes) -> list[der.Element]:
    """Version, serial number, algorithm, issuer, validity, subject and key of a certificate of version 3: RFC 5280 4.1."""
    fields = list(next(der.read_whole(content).children()).children())
    if fields[0].tag != _FIRST:
        raise TokenError(fields[0].offset, "a certificate of version 3")
    return fields


def fingerprint(spki: bytes) -> str:
    """The name of a key: SHA-256 of its SubjectPublicKeyInfo."""
    return f"SHA256:{hashlib.sha256(spki).hexdigest()}"


def check(member: str, signature: bytes, content: bytes, public: bytes, at: datetime, authority: Path | None = None) -> None:
    """Malformed unless `signature` is one of `content` by `public` (PEM), for CMS by a certificate that was valid at the time.

    authority: the certificate itself or that of a CA above it; without one the certificate is taken as it is.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "content").write_bytes(content)
        (folder / "signature").write_bytes(signature)
        (folder / "signer.pem").write_bytes(public)
        if member == RAW:
            if not spki_of(public, alone=True).startswith(_ED25519):
                raise Malformed("signer.pem is no Ed25519 key")
            words = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "signer.pem", "-in", "content", "-sigfile", "signature"]
        else:
            _check_form(signature, public)
            trusted = str(authority.resolve()) if authority else "signer.pem"
            words = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content", "-certfile",
                     "signer.pem", "-CAfile", trusted, "-no-CApath", "-no-CAstore", "-partial_chain", "-purpose", "any",
                     "-attime", str(int(at.timestamp())), "-out", os.devnull]
        done = _run(words, folder)
    if done.returncode:
        raise Malformed(f"no signature of SHA256SUMS by {fingerprint(spki_of(public))}{_reason(done.stderr)}")


def _check_form(signature: bytes, certificate: bytes) -> None:
    """Malformed unless a CMS signature is written as openssl writes one without attributes and certificates."""
    try:
        serial, _, issuer = _certificate_fields(_decoded(certificate, True)[1])[1:4]
        algorithm = _ALGORITHMS[_algorithm(spki_of(certificate))]
        value = _last(der.read_whole(signature))
    except (TokenError, StopIteration, ValueError, LookupError) as error:
        raise Malformed(f"no CMS signature as certify makes it: {error}") from error
    one = der.write(der.INTEGER, b"\x01")
    info = der.write(der.SEQUENCE, one, der.write(der.SEQUENCE, issuer.whole, serial.whole), _SHA256, algorithm,
                     der.write(der.OCTET_STRING, value))
    signed = der.write(der.SEQUENCE, one, der.write(_SET, _SHA256),
                       der.write(der.SEQUENCE, der.write_oid("1.2.840.113549.1.7.1")), der.write(_SET, info))
    if signature != der.write(der.SEQUENCE, der.write_oid("1.2.840.113549.1.7.2"), der.write(_FIRST, signed)):
        raise Malformed("a CMS signature with something besides the signature, or by another certificate")


def _last(element: der.Element) -> bytes:
    """The value of the OCTET STRING that ends a structure."""
    while element.tag != der.OCTET_STRING:
        *_, element = element.children()
    return element.value


def _algorithm(spki: bytes) -> str:
    return der.read_oid(next(next(der.read_whole(spki).children()).children()))


def _openssl(words: Sequence[str], what: str, folder: Path | None = None) -> bytes:
    """The output of openssl, which may ask for the passphrase of a key; ConformError when it fails."""
    done = _run(words, folder)
    if done.returncode:
        raise ConformError(f"openssl cannot {what}{_reason(done.stderr)}", "", "Is it a PEM file, and the passphrase right?")
    return done.stdout


def _run(words: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """One run of openssl, without a configuration of the host's."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "OPENSSL_CONF": os.devnull, "LC_ALL": "C"}
    try:
        return subprocess.run(["openssl", *words], capture_output=True, cwd=folder, env=environment)
    except OSError as error:
        raise ConformError(f"cannot run openssl: {error.strerror}", "", "Install it: apt-get install openssl") from error


def _reason(stderr: bytes) -> str:
    """What openssl's first error says: `thread:error:number:library:function:reason:file:line:`."""
    fields = next((line.split(":") for line in stderr.decode(errors="replace").splitlines() if ":error:" in line), [])
    return f" ({fields[5]})" if len(fields) > 6 else ""
