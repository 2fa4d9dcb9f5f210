# SPDX-License-Identifier: Apache-2.0
"""What Windows sent, given to libsspi: AP-REQs at their own time with the keys of that domain, message tokens."""
from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("SSPI_RECORDINGS", CHECKOUT.parent / "shared" / "windows-captures"))
BUILD = Path(os.environ.get("LIBSSPI", CHECKOUT / "build" / "libsspi.so")).parent
JOINED = "wireshark-wiki__ws-credssp__win2k19-joined.cap.json"
PROGRAM = """
import calendar, json, sys, time
sys.path.insert(0, sys.argv[1])
import kerberos_sspi as sspi
answers = []
sspi.LIB.libsspi_test_clock.argtypes = [sspi.ctypes.c_uint64]
for line in json.load(sys.stdin):
    seconds = calendar.timegm(time.strptime(line["ctime"], "%Y%m%d%H%M%SZ"))
    sspi.LIB.libsspi_test_clock((seconds + 11644473600) * 10000000)
    server = sspi.Context(sspi.Credential(sspi.INBOUND), False, 0)
    leg = server.leg(bytes.fromhex(line["token"]))
    answer = {"status": leg.status, "flags": leg.flags}
    if leg.status == 0:
        answer |= {"client": server.name(), "target": server.claimed_target()}
    answers.append(answer)
print(json.dumps(answers))
"""

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not beside this checkout")


def test_message_tokens(tmp_path: Path) -> None:
    lines = []
    for vector in json.loads((RECORDINGS / "vectors.json").read_text())["vectors"]:
        given, wanted = vector["inputs"], vector["expected"]
        if vector["kind"] == "krb5-wrap-rfc4121":
            lines.append(f"wrap {given['direction']} {given['acceptor_subkey']} {given['seq']} {given['plaintext']} "
                         f"{wanted['token']}")
        elif vector["kind"] == "spnego-mechListMIC-krb5":
            side = "c2s" if given["key_usage"] == 25 else "s2c"
            lines.append(f"mic {side} {given['key']} {given['seq']} {given['mechTypes_der']} {wanted['mic_token']}")
    assert len(lines) >= 20
    vectors = tmp_path / "vectors"
    vectors.write_text("\n".join(lines) + "\n")
    run = subprocess.run([BUILD / "tests" / "kerberos_recorded_test"], capture_output=True, text=True,
                         env=os.environ | {"LIBSSPI_KERBEROS_VECTORS": str(vectors)})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout


def ap_req_of(token: bytes) -> bytes:
    """The Kerberos token inside a NegTokenInit: GSS framed, or the bare AP-REQ of DCE style."""
    framed = token.find(bytes.fromhex("06092a864886f7120102020100"))
    if framed > 0:
        start = framed - (4 if token[framed - 4] == 0x60 else 3)
        return token[start:]
    return token[token.index(b"\x6e\x82"):]


def trimmed(token: bytes) -> bytes:
    """Without what follows the outer tag."""
    size = 4 + int.from_bytes(token[2:4], "big")
    return token[:size]


def test_requests_of_windows_clients(tmp_path: Path) -> None:
    cases = []
    for exchange in json.loads((RECORDINGS / "exchanges" / JOINED).read_text())["exchanges"]:
        seen = (exchange.get("verified") or {}).get("kerberos", {}).get("AP-REQ")
        if not seen or "kvno3" not in seen["ticket_key"]:
            continue  # user-to-user
        leg = next(leg for leg in exchange["legs"] if leg["dir"] == "c2s")
        cases.append({"ctime": seen["ctime"], "flags": int(seen["gss_flags"], 16), "client": seen["cname"],
                      "token": trimmed(ap_req_of(bytes.fromhex(leg["token"]))).hex()})
    assert len(cases) >= 10
    config = tmp_path / "krb5.conf"
    config.write_text("[libdefaults]\n default_realm = ACME.COM\n dns_lookup_kdc = false\n")
    environment = os.environ | {
        "LIBSSPI": str(BUILD / "libsspi-test.so"), "KRB5_CONFIG": str(config), "KRB5RCACHENAME": "none:",
        "KRB5_KTNAME": f"FILE:{RECORDINGS}/wireshark-wiki/ws-credssp/acme.keytab"}
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(Path(__file__).parent)], input=json.dumps(cases),
                         capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    for case, answer in zip(cases, json.loads(run.stdout), strict=True):
        dce = bool(case["flags"] & 0x1000)
        assert answer["status"] == (0x00090312 if dce else 0)
        # ASC_RET_* for the flags Windows put into its checksum: 1 to 0x10 keep their places.
        wanted = case["flags"] & 0x1F
        wanted |= (0x20000 if case["flags"] & 0x20 else 0) | (0x200 if dce else 0)
        wanted |= 0x8000 if case["flags"] & 0x4000 else 0
        assert answer["flags"] == wanted
        if not dce:
            assert answer["client"] == f"{case['client']}@ACME.COM"
            service, _, realm = answer["target"].partition("@")
            assert "/" in service and realm == "ACME.COM"
