# SPDX-License-Identifier: Apache-2.0
"""Channel bindings of certificates and live connections, compared with what OpenSSL's own program says."""
from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from realm import Realm, tls_live
from realm.tls import SIGNED_WITH, der_of, end_point
from realm.tools import base_environment, run_tool


def fingerprint(certificate: Path, digest: str) -> bytes:
    """The hash of a certificate by openssl x509."""
    text = run_tool(["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", f"-{digest}"],
                    base_environment(), what="reading a certificate")
    return bytes.fromhex(text.split("=")[1].replace(":", ""))


@pytest.mark.parametrize("signed", SIGNED_WITH)
def test_md5_and_sha1_are_replaced_by_sha256(realm: Realm, signed: str) -> None:
    certificate, _ = realm.tls.signed_with(signed)
    text = run_tool(["openssl", "x509", "-in", str(certificate), "-noout", "-text"], base_environment(), what="reading it")
    assert f"Signature Algorithm: {signed}With" in text
    hashed = "sha256" if signed in ("md5", "sha1") else signed
    assert end_point(der_of(certificate)) == b"tls-server-end-point:" + fingerprint(certificate, hashed)


@pytest.mark.parametrize("kind", tls_live.KINDS)
def test_the_ends_of_a_connection_agree_and_those_around_a_proxy_do_not(realm: Realm, kind: str) -> None:
    ends = tls_live.connect(kind, *realm.tls.signed_with("sha384"))
    assert ends.client == ends.server and ends.client.startswith(f"{kind}:".encode())
    assert len(ends.client.partition(b":")[2]) == {"tls-unique": 12, "tls-exporter": 32, "tls-server-end-point": 48}[kind]
    apart = tls_live.through_a_proxy(kind, realm.tls)
    assert apart.client != apart.server


def test_another_connection_has_another_binding(realm: Realm) -> None:
    for kind in ("tls-unique", "tls-exporter"):
        one, other = (tls_live.connect(kind, realm.tls.certificate, realm.tls.key) for _ in range(2))
        assert one != other


def test_the_exporter_is_openssls(realm: Realm, tmp_path: Path) -> None:
    """A server made here, and as its client a program that exports keys by itself."""
    path, log = tmp_path / "socket", tmp_path / "log"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.keylog_filename = ssl.TLSVersion.TLSv1_3, str(log)
    context.load_cert_chain(realm.tls.certificate, realm.tls.key)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)
        with subprocess.Popen(["openssl", "s_client", "-unix", str(path), "-tls1_3", "-keymatexport", "EXPORTER-Channel-Binding",
                               "-keymatexportlen", "32"], env=base_environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as client:
            connection, _ = listener.accept()
            with context.wrap_socket(connection, server_side=True) as server:
                ours = tls_live.exported(server.cipher(), log)
            said = client.communicate()[0]
    assert f"Keying material: {ours.hex().upper()}" in said
