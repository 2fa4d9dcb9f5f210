# SPDX-License-Identifier: Apache-2.0
"""Recorded Windows clients are accepted by libsspi's acceptor, with clock and randomness pinned.

The recordings are test data beside the project (SSPI_CONFORM_SHARED, or ../shared), never part of it:
without them these tests are skipped and say so. They use libsspi-test.so, which differs from libsspi.so
only in the seam for clock and randomness.
"""
from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from sspi_conform import tokens
from sspi_conform.endpoint import Endpoint

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SSPI_CONFORM_SHARED", ROOT.parent / "shared")) / "windows-captures"
BUILD = ROOT / os.environ.get("SSPI_CONFORM_BUILD", "build")
FILETIME_1970 = 116444736000000000

pytestmark = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no recordings: {SHARED} is not there (set SSPI_CONFORM_SHARED to run these)")


def exchange(name: str, number: int) -> dict[str, Any]:
    return json.loads((SHARED / "exchanges" / name).read_text())["exchanges"][number]


def recorded_tokens(found: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(leg["token"] or "") for leg in found["legs"]]


@pytest.fixture
def probe(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC",
                   "KRB5RCACHENAME": "none:", "KRB5_CONFIG": str(tmp_path / "krb5.conf"),
                   "LIBSSPI_CONFIG": str(tmp_path / "libsspi.conf"), "KRB5_KTNAME": str(tmp_path / "keytab"),
                   "ASAN_OPTIONS": "detect_leaks=0"}
    (tmp_path / "krb5.conf").write_text("[libdefaults]\n allow_weak_crypto = true\n dns_lookup_kdc = false\n")
    (tmp_path / "libsspi.conf").write_text("")
    with Endpoint("acceptor", [str(BUILD / "sspi-probe"), str(BUILD / "libsspi-test.so")], environment, tmp_path) as end:
        yield end


def accept(probe: Endpoint, token: bytes, package: str = "", **more: Any) -> dict[str, Any]:
    if package:
        answer = probe.call({"call": "AcquireCredentialsHandle", "cred": "c", "pszPackage": package, "fCredentialUse": 1})
        assert answer["status"] == "0x00000000", answer
    return probe.call({"call": "AcceptSecurityContext", "cred": "c", "ctx": "x", "fContextReq": 0,
                       "input": [{"type": "TOKEN", "hex": token.hex()}],
                       "output": [{"type": "TOKEN", "size": 65536}], **more})


def session_key(probe: Endpoint) -> str:
    return probe.call({"call": "QueryContextAttributes", "ctx": "x", "ulAttribute": "SESSION_KEY"})["value"]["SessionKey"]


def smbpasswd(user: str, password: str) -> str:
    digest = ntlm_hash(password)
    return f"{user}:1000:{'X' * 32}:{digest.upper()}:[U          ]:LCT-60000000:\n"


def ntlm_hash(password: str) -> str:
    from Cryptodome.Hash import MD4
    return MD4.new(password.encode("utf-16-le")).hexdigest()


NTLM = [pytest.param("wireshark-wiki__wcf_nettcpbinding.pcapng.json", 1, "clem",
                     {"domain": "CNN-LAB", "computer": "DC-2012", "dns-domain": "cnn-lab.lan"},
                     id="Windows 10 18362 to Server 2012 R2"),
        pytest.param("scapy__dcerpc_privacy_ntlm.pcapng.json", 0, "Password123!",
                     {"domain": "DOMAIN", "computer": "DC1", "dns-domain": "domain.local"},
                     id="Windows 10 19041 to Server 2019")]


@pytest.mark.parametrize("name,number,password,names", NTLM)
def test_ntlm_client_is_accepted(probe: Endpoint, tmp_path: Path, name: str, number: int, password: str,
                                 names: dict[str, str]) -> None:
    """The acceptor makes the recorded CHALLENGE from its configuration and takes the recorded answer."""
    found = exchange(name, number)
    negotiate, challenge, authenticate = recorded_tokens(found)[:3]
    configure(tmp_path, challenge, authenticate, password, names)
    pin(probe, challenge)

    first = accept(probe, negotiate, "NTLM")
    assert first["status"] == "0x00090312"
    assert first["output"][0]["hex"] == challenge.hex(), "the CHALLENGE is the recorded one, byte for byte"
    last = accept(probe, authenticate)
    assert last["status"] == "0x00000000"
    assert session_key(probe) == found["verified"]["ExportedSessionKey"]


@pytest.mark.parametrize("name,number,password,names", NTLM[:1])
@pytest.mark.parametrize("what", ["MIC", "NT response", "password"])
def test_ntlm_client_is_refused_when_altered(probe: Endpoint, tmp_path: Path, name: str, number: int, password: str,
                                             names: dict[str, str], what: str) -> None:
    """The twin: one bit of the recorded answer, or another password, and the logon is denied."""
    found = exchange(name, number)
    negotiate, challenge, authenticate = recorded_tokens(found)[:3]
    configure(tmp_path, challenge, authenticate, password if what != "password" else "other", names)
    pin(probe, challenge)
    altered = bytearray(authenticate)
    if what == "MIC":
        altered[72] ^= 1
    elif what == "NT response":
        altered[struct.unpack_from("<I", authenticate, 24)[0]] ^= 1
    assert accept(probe, negotiate, "NTLM")["status"] == "0x00090312"
    assert accept(probe, bytes(altered))["status"] == "0x8009030c"


def configure(folder: Path, challenge: bytes, authenticate: bytes, password: str, names: dict[str, str]) -> None:
    version = tokens.fields(challenge)["version"].split()[0]
    (folder / "smbpasswd").write_text(smbpasswd(tokens.fields(authenticate)["user"], password))
    (folder / "smbpasswd").chmod(0o600)
    (folder / "libsspi.conf").write_text(
        f"[ntlm]\nauthority = file\naccounts = {folder}/smbpasswd\nnetbios-name = {names['computer']}\n"
        f"netbios-domain = {names['domain']}\ndns-name = {names['computer']}.{names['dns-domain']}\n"
        f"dns-domain = {names['dns-domain']}\ndns-tree = {names['dns-domain']}\nversion = {version}\n")


def pin(probe: Endpoint, challenge: bytes) -> None:
    """The clock shows the time of the recorded CHALLENGE, the next randomness is its server challenge."""
    stamp = tokens.fields(challenge)["av.MsvAvTimestamp"]
    clock = int.from_bytes(bytes.fromhex(stamp), "little")
    answer = probe.call({"call": "pin", "clock": clock, "random": challenge[24:32].hex()})
    assert answer.get("pinned"), answer


KERBEROS = [pytest.param(number, id=f"exchange {number}") for number in (1, 2, 4, 7, 10)]


@pytest.mark.parametrize("number", KERBEROS)
def test_kerberos_client_is_accepted(probe: Endpoint, tmp_path: Path, number: int) -> None:
    """Windows Server 2019 to a Server 2019 DC: LDAP and SMB2, mutual authentication under SPNEGO."""
    found = exchange("wireshark-wiki__ws-credssp__win2k19-joined.cap.json", number)
    facts = found["verified"]["kerberos"]
    (tmp_path / "keytab").write_bytes((SHARED / "wireshark-wiki/ws-credssp/acme.keytab").read_bytes())
    request = next(token for token in recorded_tokens(found) if tokens.kind(token) == "NegTokenInit")
    pin_kerberos(probe, facts)
    answer = accept(probe, request, "Negotiate")
    assert answer["status"] == "0x00000000"
    reply = bytes.fromhex(answer["output"][0]["hex"])
    fields = tokens.fields(reply)
    recorded = tokens.fields(next(token for token in recorded_tokens(found) if tokens.kind(token) == "NegTokenResp"))
    for field in ("negState", "supportedMech", "inner", "mechListMIC"):
        assert fields.get(field) == recorded.get(field), field
    assert int(answer["attributes"]["value"], 16) & 0x1F == asc_bits(int(facts["AP-REQ"]["gss_flags"], 16))
    names = probe.call({"call": "QueryContextAttributes", "ctx": "x", "ulAttribute": "NATIVE_NAMES"})
    assert facts["AP-REQ"]["cname"] in names["value"]["sClientName"]


@pytest.mark.parametrize("what", ["skew", "ticket"])
def test_kerberos_client_is_refused_when_altered(probe: Endpoint, tmp_path: Path, what: str) -> None:
    """The twins: a clock an hour away, and one bit of the ticket."""
    found = exchange("wireshark-wiki__ws-credssp__win2k19-joined.cap.json", 1)
    (tmp_path / "keytab").write_bytes((SHARED / "wireshark-wiki/ws-credssp/acme.keytab").read_bytes())
    request = bytearray(recorded_tokens(found)[0])
    pin_kerberos(probe, found["verified"]["kerberos"], 3600 if what == "skew" else 0)
    if what == "ticket":
        request[len(request) // 2] ^= 1
    answer = accept(probe, bytes(request), "Negotiate")
    if what == "skew":  # the client is told the time, and has proved nothing yet
        reply = tokens.fields(bytes.fromhex(answer["output"][0]["hex"]))
        assert (answer["status"], reply["inner"], reply["inner.errorCode"]) == ("0x00090312", "KRB-ERROR", 37)
    else:
        assert answer["status"] not in ("0x00000000", "0x00090312")


def pin_kerberos(probe: Endpoint, facts: dict[str, Any], later: int = 0) -> None:
    ctime = datetime.strptime(facts["AP-REQ"]["ctime"], "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    clock = FILETIME_1970 + (int(ctime.timestamp()) + later) * 10_000_000
    assert probe.call({"call": "pin", "clock": clock}).get("pinned")


def asc_bits(gss_flags: int) -> int:
    """DELEGATE, MUTUAL_AUTH, REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY have the bits of RFC 2744."""
    return gss_flags & 0x1F
