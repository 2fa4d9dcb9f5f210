# SPDX-License-Identifier: Apache-2.0
"""`sspi-conform import` as a person meets it: what it prints and writes, TLS with keys, bad input, tshark that fails."""
from __future__ import annotations

import gzip
import hashlib
import json
import os
import select
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import import_samples as sample
import pytest
import tls_bytes
from packet_files import CLIENT, SERVER, Capture, talk
from test_import_captures import CREDSSP, HTTP, LDAP, TOKENS, outcome, tokens

from sspi_conform import importing
from sspi_conform.cli import main
from sspi_conform.exchange import file
from sspi_conform.importing import tshark
from sspi_conform.importing.options import Options
from sspi_conform.importing.tls import has_secrets
from sspi_conform.model import ConformError
from sspi_conform.proof import wire

ROOT = Path(__file__).resolve().parents[2]
needs_tshark = pytest.mark.skipif(wire.tshark() is None, reason="tshark is not installed")
_SECONDS = 30


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return tls_bytes.certificate(tmp_path_factory.mktemp("certificate"))


@needs_tshark
def test_what_it_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    talk(389, LDAP).write(tmp_path / "customer.pcap")
    assert main(["import", "customer.pcap"]) == 0
    said = capsys.readouterr().out
    assert "customer.pcap: 1 exchange\n" in said and "ldap 49 invalidCredentials" in said and "10.0.0.1 -> 10.0.0.2:389" in said
    assert "written: customer.exchanges.json (names, addresses and secrets are replaced)" in said and "tshark " in said
    kept = file.read((tmp_path / "customer.exchanges.json").read_bytes(), "x")
    assert kept.redacted and kept.exchanges[0].client != "10.0.0.1"


@needs_tshark
def test_standard_output_and_all_names(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = talk(389, LDAP).write(tmp_path / "customer.pcap")
    assert main(["import", str(path), "--no-redact", "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)["exchange-file"]
    assert whole["exchanges"][0]["client"] == "10.0.0.1" and whole["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["customer.pcap"]


@needs_tshark
def test_out_names_the_file_and_a_place_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = talk(389, LDAP).write(tmp_path / "customer.pcap")
    assert main(["import", str(path), "--out", str(tmp_path / "case.json")]) == 0 and (tmp_path / "case.json").is_file()
    assert main(["import", str(path), "--out", str(tmp_path / "nowhere" / "case.json")]) == 3
    assert "cannot write" in capsys.readouterr().err


@needs_tshark
def test_a_packed_capture(tmp_path: Path) -> None:
    path = tmp_path / "customer.pcap.gz"
    path.write_bytes(gzip.compress(talk(389, LDAP).bytes()))
    assert [tokens(one) for one in importing.load(path).exchanges] == [TOKENS]


@needs_tshark
def test_standard_input_and_pipes(tmp_path: Path) -> None:
    content = talk(389, LDAP).bytes()
    program = [sys.executable, str(ROOT / "harness" / "sspi-conform"), "import"]
    said = subprocess.run([*program, "-"], input=content, capture_output=True, cwd=tmp_path, check=True, timeout=_SECONDS).stdout
    assert b"standard input: 1 exchange\n" in said and (tmp_path / "standard-input.exchanges.json").is_file()
    capture = talk(389, LDAP).write(tmp_path / "a.pcap")
    piped = subprocess.run(["bash", "-c", f'exec "$@" <(cat {capture}) --json', "-", *program], capture_output=True, timeout=_SECONDS)
    assert [tokens(one) for one in file.read(piped.stdout, "x").exchanges] != [] and not piped.returncode
    empty = subprocess.run([*program, "-"], input=b"", capture_output=True, timeout=_SECONDS)
    assert empty.returncode == 3 and b"standard input: the file is empty" in empty.stderr


@needs_tshark
@pytest.mark.parametrize("content", [b"", b"no capture", b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1" + bytes(40), b"\x1f\x8b" + bytes(40),
                                     b"\x0a\x0d\x0d\x0a" + b"\xff" * 400, b"{}", Capture().bytes()],
                         ids=["empty", "text", "a block begun", "zeros", "damaged gzip", "a block of 4 GiB", "json", "no packets"])
def test_what_is_no_capture(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "input"
    path.write_bytes(content)
    assert main(["import", str(path), "--json"]) == 3
    said = capsys.readouterr()
    assert str(path) in said.err and "\n  " in said.err and not said.out


@needs_tshark
@pytest.mark.parametrize("word", ["0=http", "80", "80=gopher", "99999=http", "x=http"])
def test_ports_that_are_none(tmp_path: Path, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(talk(80, HTTP).write(tmp_path / "a.pcap")), "--port", word, "--json"]) == 3
    assert "kerberos" in capsys.readouterr().err


@needs_tshark
@pytest.mark.parametrize("ciphers,port", [("", 443), ("", 4711), ("ECDHE-RSA-AES256-GCM-SHA384", 4711)])
def test_tls_with_a_key_log(tmp_path: Path, pair: tuple[Path, Path], ciphers: str, port: int) -> None:
    keys = tmp_path / "keys.log"
    capture = talk(port, list(tls_bytes.sealed(pair, HTTP, keys, ciphers))).write(tmp_path / "a.pcap")
    [one] = importing.load(capture, Options(tls_keys=(keys,))).exchanges
    assert (one.transport, tokens(one), outcome(one)) == ("HTTP", TOKENS, ("http", 200, True))
    der = ssl.PEM_cert_to_DER_cert(pair[0].read_text())
    assert one.channel and (one.channel.certificate, one.channel.end_point) == (der, hashlib.sha256(der).digest())
    assert all(leg.frame and leg.time for leg in one.legs)


@needs_tshark
@pytest.mark.parametrize("port", [3389, 3390])
def test_tls_with_an_rsa_key(tmp_path: Path, pair: tuple[Path, Path], port: int) -> None:
    """CredSSP as RDP has it: tshark takes RDP's own port for something else than TLS."""
    x224 = [(CLIENT, bytes.fromhex("030000130ee000000000000100080003000000")), (SERVER, bytes.fromhex("030000130ed000001234000200080002000000"))]
    turns = list(tls_bytes.sealed(pair, CREDSSP, ciphers="AES256-GCM-SHA384"))
    capture = talk(port, [*x224, *turns]).write(tmp_path / "a.pcap")
    [one] = importing.load(capture, Options(tls_keys=(pair[1],))).exchanges
    assert (one.transport, tokens(one), outcome(one)) == ("CredSSP", TOKENS, ("nt-status", 0xC000006D, False))


@needs_tshark
def test_ldap_that_becomes_tls(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    start = sample.ldap_extended(1, 0x77, b"\x80\x161.3.6.1.4.1.1466.20037")
    started = sample.ldap_extended(1, 0x78, b"\x0a\1\0", b"\4\0", b"\4\0")
    keys = tmp_path / "keys.log"
    turns = [(CLIENT, start), (SERVER, started), *tls_bytes.sealed(pair, LDAP, keys)]
    [one] = importing.load(talk(3899, turns).write(tmp_path / "a.pcap"), Options(tls_keys=(keys,))).exchanges
    assert (one.transport, tokens(one), one.about["sealed"]) == ("LDAP", TOKENS, "TLS")


@needs_tshark
def test_tls_with_the_wrong_key(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    """Another connection's: the rest of the capture is read."""
    keys = tmp_path / "keys.log"
    list(tls_bytes.sealed(pair, HTTP, keys))
    turns = list(tls_bytes.sealed(pair, HTTP))
    capture = talk(443, turns, talk(389, LDAP)).write(tmp_path / "a.pcap")
    recording = importing.load(capture, Options(tls_keys=(keys,)))
    assert [one.transport for one in recording.exchanges] == ["LDAP"]
    assert any("10.0.0.2:443 not opened" in text for text in recording.missing)
    with pytest.raises(ConformError, match="cannot read"):
        importing.load(capture, Options(tls_keys=(tmp_path / "nothing",)))
    with pytest.raises(ConformError, match="neither a key log nor an RSA key"):
        importing.load(capture, Options(tls_keys=(capture,)))


@needs_tshark
@pytest.mark.skipif(shutil.which("editcap") is None, reason="editcap (wireshark-common) is not installed")
def test_secrets_inside_the_file(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    keys = tmp_path / "keys.log"
    plain = talk(443, list(tls_bytes.sealed(pair, HTTP, keys))).write(tmp_path / "a.pcap")
    path = tmp_path / "a.pcapng"
    subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", str(plain), str(path)], check=True, capture_output=True)
    assert has_secrets(path) and not has_secrets(plain)
    assert [tokens(one) for one in importing.load(path).exchanges] == [TOKENS]


def _false_tshark(folder: Path, script: str) -> str:
    """The PATH of a tshark that does something else."""
    program = folder / "bin" / "tshark"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{program.parent}:/usr/bin:/bin"


def test_without_tshark(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["import", str(talk(389, LDAP).write(tmp_path / "a.pcap"))]) == 3
    assert "ci/install-packages import" in capsys.readouterr().err


def test_tshark_that_fails_is_quoted(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", _false_tshark(tmp_path, "echo 'it is broken today' >&2; exit 2"))
    assert main(["import", str(talk(389, LDAP).write(tmp_path / "a.pcap"))]) == 3
    assert "it is broken today" in capsys.readouterr().err


def test_tshark_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", _false_tshark(tmp_path, "exec sleep 1000"))
    monkeypatch.setattr(tshark, "SECONDS", 0.3)
    with pytest.raises(ConformError, match="did not finish"):
        importing.load(talk(389, LDAP).write(tmp_path / "a.pcap"))


def test_tshark_does_not_outlive_the_harness(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    os.mkfifo(told)
    path = _false_tshark(tmp_path, f"echo $$ > {told}\nexec sleep 1000")
    capture = talk(389, LDAP).write(tmp_path / "a.pcap")
    with subprocess.Popen([sys.executable, str(ROOT / "harness" / "sspi-conform"), "import", str(capture), "--json"],
                          env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL) as harness:
        with told.open() as pipe:
            pid = int(pipe.readline())
        process = os.pidfd_open(pid)
        harness.send_signal(signal.SIGKILL)
    ready, _, _ = select.select([process], [], [], _SECONDS)
    os.close(process)
    assert ready


@needs_tshark
def test_a_page_without_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    talk(389, LDAP).write(tmp_path / "customer.pcap")
    assert main(["import", "customer.pcap", "--html", "page.html"]) == 0
    text = (tmp_path / "page.html").read_text()
    assert "1 exchange, something wrong in 1" in text and "LDAP" in text and "10.0.0.1" not in text
    assert main(["import", "customer.pcap", "--html", "customer.pcap/page.html"]) == 3
