# SPDX-License-Identifier: Apache-2.0
"""What Windows sent, given to libsspi: message tokens, and a user-to-user exchange with and without its TGT. The harness
plays every recorded exchange (sspi-conform proof)."""
from __future__ import annotations

import calendar
import json
import os
import subprocess
import sys
import time
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
sspi.LIB.libsspi_last_error.restype = sspi.ctypes.c_char_p
for line in json.load(sys.stdin):
    seconds = calendar.timegm(time.strptime(line["ctime"], "%Y%m%d%H%M%SZ"))
    sspi.LIB.libsspi_test_clock((seconds + 11644473600) * 10000000)
    server = sspi.Context(sspi.Credential(sspi.INBOUND), False, 0)
    if "question" in line:
        first = server.leg(bytes.fromhex(line["question"]))
    leg = server.leg(bytes.fromhex(line["token"]))
    answer = {"status": leg.status, "flags": leg.flags, "reply": leg.token.hex(),
              "why": sspi.LIB.libsspi_last_error().decode()}
    if "question" in line:
        answer |= {"first": first.status, "tgt": first.token.hex()}
    if leg.status == 0:
        answer["client"] = server.name()
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


def play(cases: list[dict[str, object]], folder: Path, **names: str) -> list[dict[str, object]]:
    """The answers of libsspi-test's acceptor, each at the time of its case."""
    config = folder / "krb5.conf"
    config.write_text("[libdefaults]\n default_realm = ACME.COM\n dns_lookup_kdc = false\n allow_rc4 = true\n"
                      " permitted_enctypes = aes256-sha1 aes128-sha1 rc4\n")
    environment = os.environ | {"LIBSSPI": str(BUILD / "libsspi-test.so"), "KRB5_CONFIG": str(config),
                                "KRB5RCACHENAME": "none:", "KRB5CCNAME": f"FILE:{folder}/none",
                                "KRB5_KTNAME": f"FILE:{folder}/none"} | names
    run = subprocess.run([sys.executable, "-c", PROGRAM, str(Path(__file__).parent)], input=json.dumps(cases),
                         capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def user2user_of(token: bytes) -> bytes:
    """The token with the user-to-user OID inside a SPNEGO one."""
    start = token.index(bytes.fromhex("060a2a864886f71201020203"))
    for header in (2, 3, 4):
        size = token[start - header + 1:start]
        if token[start - header] != 0x60:
            continue
        length = size[0] if header == 2 else int.from_bytes(size[1:], "big")
        return token[start - header:start + length]
    raise AssertionError("no GSS header")


def ticket_cache(client: str, realm: str, key: bytes, ticket: bytes, start: int) -> bytes:
    """A credential cache (version 4) with one TGT for AES256."""
    def data(value: bytes) -> bytes:
        return len(value).to_bytes(4, "big") + value

    def principal(*parts: str) -> bytes:
        return (b"\0\0\0\1" + len(parts).to_bytes(4, "big") + data(realm.encode())
                + b"".join(data(part.encode()) for part in parts))
    times = b"".join(moment.to_bytes(4, "big") for moment in (start, start, start + 36000, 0))
    return (b"\5\4\0\0" + principal(client) + principal(client) + principal("krbtgt", realm) + b"\0\x12" + data(key)
            + times + b"\0" + b"\0\0\0\0" + bytes(8) + data(ticket) + data(b""))


ASKING = """
import json, sys
sys.path.insert(0, sys.argv[1])
import kerberos_sspi as sspi
legs = [sspi.Context(sspi.Credential(sspi.OUTBOUND), True, 0x22, target).leg() for target in json.load(sys.stdin)]
print(json.dumps([[leg.status, leg.token.hex()] for leg in legs]))
"""


def test_questions_of_windows_clients(tmp_path: Path) -> None:
    """The TGT-REQ that libsspi makes for the same target is the recorded one, to the byte."""
    recorded = {"TERMSRV/adc.acme.com": (JOINED, 12), "PURP\\Administrator": ("suricata-verify__dcerpc-ctxids.pcap.json", 1),
                "BLACKCLOVER\\Administrator": ("zeek__dce_rpc_ntlm.pcapng.json", 0),
                "TERMSRV/IT-HELP-TEST.ad.it-help.ninja": ("wireshark-rdp__rdp-nla-kerberos-auth1.pcapng.json", 0)}
    wanted = []
    for name, number in recorded.values():
        exchange = json.loads((RECORDINGS / "exchanges" / name).read_text())["exchanges"][number]
        wanted.append([0x00090312, user2user_of(bytes.fromhex(exchange["legs"][0]["token"])).hex()])
    config, cache = tmp_path / "krb5.conf", tmp_path / "tgt"
    config.write_text("[libdefaults]\n default_realm = ACME.COM\n dns_lookup_kdc = false\n")
    cache.write_bytes(ticket_cache("admin", "ACME.COM", bytes(32), b"\x61\0", int(time.time())))
    environment = os.environ | {"LIBSSPI": str(BUILD / "libsspi.so"), "KRB5_CONFIG": str(config),
                                "KRB5CCNAME": f"FILE:{cache}"}
    run = subprocess.run([sys.executable, "-c", ASKING, str(Path(__file__).parent)], input=json.dumps(list(recorded)),
                         capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == wanted


def test_user_to_user(tmp_path: Path) -> None:
    exchange = next(one for one in json.loads((RECORDINGS / "exchanges" / JOINED).read_text())["exchanges"]
                    if "TGT-REP" in ((one.get("verified") or {}).get("kerberos") or {}))
    question, answer, request = (user2user_of(bytes.fromhex(leg["token"])) for leg in exchange["legs"][:3])
    seen = exchange["verified"]["kerberos"]
    moment = calendar.timegm(time.strptime(seen["AP-REQ"]["ctime"], "%Y%m%d%H%M%SZ"))
    cache = tmp_path / "tgt"
    cache.write_bytes(ticket_cache("ADC$", "ACME.COM", bytes.fromhex(seen["TGT-REP"]["session_key"]),
                                   answer[answer.index(b"\x61\x82"):], moment - 60))
    case = {"ctime": seen["AP-REQ"]["ctime"], "question": question.hex(), "token": request.hex()}
    [got] = play([case], tmp_path, KRB5CCNAME=f"FILE:{cache}")
    assert (got["first"], got["tgt"]) == (0x00090312, answer.hex())  # the same TGT-REP, to the byte
    assert got["status"] == 0 and got["client"] == f"ACME.COM\\{seen['AP-REQ']['cname']}"
    assert got["flags"] == 0x2001E | 0x20  # ASC_RET_USE_SESSION_KEY
    reply, wanted = (user2user_of(token) for token in (bytes.fromhex(got["reply"]),
                                                       bytes.fromhex(exchange["legs"][3]["token"])))
    assert len(reply) == len(wanted) and reply[:30] == wanted[:30]  # an AP-REP of the same structure
    # Without a TGT the question is for somebody else; with another key the ticket is.
    [got] = play([case], tmp_path)
    assert got["first"] == 0x80090302
    cache.write_bytes(ticket_cache("ADC$", "ACME.COM", bytes(32), answer[answer.index(b"\x61\x82"):], moment - 60))
    [got] = play([case], tmp_path, KRB5CCNAME=f"FILE:{cache}")
    assert (got["first"], got["status"]) == (0x00090312, 0x8009030C)
