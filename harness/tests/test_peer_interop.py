# SPDX-License-Identifier: Apache-2.0
"""The NTLM peer against a third implementation: gss-ntlmssp, as initiator and as acceptor, in a process of its own."""
from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any

import pytest
from test_peer_pair import CONTINUE, FLAGS, OK, Pair, in_process

PLUGIN = next(iter(glob("/usr/lib/*/gssntlmssp/gssntlmssp.so") + glob("/usr/lib*/gssntlmssp/gssntlmssp.so")), None)

# gss-ntlmssp is LGPL and runs in a process of its own, behind MIT's mechanism glue.
PROGRAM = r"""
import json, sys
import gssapi.raw as gss
ntlm = gss.OID.from_int_seq("1.3.6.1.4.1.311.2.2.10")
flags = 0x4 | 0x8 | 0x10 | 0x20
context = credentials = None
for line in sys.stdin:
    call, *values = json.loads(line)
    values = [bytes.fromhex(value) for value in values]
    try:
        if call == "init":
            if credentials is None:
                name = gss.import_name(b"NTDOM\\alice", gss.NameType.user)
                credentials = gss.acquire_cred(name, mechs=[ntlm], usage="initiate").creds
            target = gss.import_name(b"HTTP@web.sspi.test", gss.NameType.hostbased_service)
            made = gss.init_sec_context(target, credentials, context=context, mech=ntlm, flags=flags,
                                        input_token=values[0] or None)
        elif call == "accept":
            if credentials is None:
                credentials = gss.acquire_cred(None, mechs=[ntlm], usage="accept").creds
            made = gss.accept_sec_context(values[0], credentials, context=context)
        if call in ("init", "accept"):
            context = made.context
            answer = [bool(made.more_steps), (made.token or b"").hex()]
        elif call == "wrap":
            answer = gss.wrap(context, values[0], True).message.hex()
        elif call == "unwrap":
            answer = gss.unwrap(context, values[0]).message.hex()
        elif call == "mic":
            answer = gss.get_mic(context, values[0]).hex()
        elif call == "verify":
            answer = gss.verify_mic(context, *values)
        elif call == "key":
            answer = gss.inquire_sec_context_by_oid(context, gss.OID.from_int_seq("1.2.840.113554.1.2.2.5.5"))[0].hex()
    except gss.GSSError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
"""


class GssNtlmssp:
    """The other process."""

    def __init__(self, folder: Path) -> None:
        (folder / "mech").write_text(f"gssntlmssp_v1 1.3.6.1.4.1.311.2.2.10 {PLUGIN}\n")
        (folder / "users").write_text("NTDOM:alice:right\n")
        environment = {"GSS_MECH_CONFIG": str(folder / "mech"), "NTLM_USER_FILE": str(folder / "users"),
                       "PATH": os.environ.get("PATH", ""), "KRB5_CONFIG": "/dev/null"}
        self._process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, env=environment, text=True)

    def __call__(self, call: str, *values: bytes) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([call, *(value.hex() for value in values)]) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert not isinstance(answer, dict), answer
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[GssNtlmssp]:
    pytest.importorskip("gssapi", reason="python3-gssapi is not installed")
    if PLUGIN is None or not ctypes.util.find_library("gssapi_krb5"):
        pytest.skip("gss-ntlmssp is not installed")
    found = GssNtlmssp(tmp_path)
    yield found
    found.close()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    accounts = tmp_path / "accounts.json"
    accounts.write_text(json.dumps([{"user": "alice", "domain": "NTDOM", "password": "right"}]))
    environment = {"SSPI_PEER_ACCOUNTS": str(accounts), "SSPI_PEER_DOMAIN": "NTDOM"}
    return Pair(in_process(environment), in_process(environment))


def leg(pair: Pair, side: str, token: bytes) -> tuple[str, bytes]:
    call, keys = {"initiator": ("InitializeSecurityContext", {"pszTargetName": "HTTP/web.sspi.test"}),
                  "acceptor": ("AcceptSecurityContext", {"TargetDataRep": 16})}[side]
    given = {"input": [{"type": "TOKEN", "hex": token.hex()}]} if token else {}
    found = pair.call(side, call, cred="c", ctx="x", fContextReq=FLAGS if side == "initiator" else 0,
                      output=[{"type": "TOKEN", "size": 4096}], **given, **keys)
    return found["status"], bytes.fromhex(found["output"][0]["hex"])


def check_messages(pair: Pair, side: str, other: GssNtlmssp) -> None:
    assert pair.query(side, "SESSION_KEY")["SessionKey"] == other("key")
    for data in (b"a message", b"another one " * 50, b"\0"):
        made = pair.call(side, "EncryptMessage", ctx="x", message=[
            {"type": "TOKEN", "size": 16}, {"type": "DATA", "hex": data.hex()}])
        wire = "".join(buffer["hex"] for buffer in made["message"])
        assert other("unwrap", bytes.fromhex(wire)) == data.hex()
        sealed = other("wrap", data)
        opened = pair.call(side, "DecryptMessage", ctx="x", message=[
            {"type": "STREAM", "hex": sealed}, {"type": "DATA", "size": 0}])
        assert opened["status"] == OK and opened["message"][1]["hex"] == data.hex()
        signed = pair.call(side, "MakeSignature", ctx="x", message=[
            {"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "size": 16}])
        other("verify", data, bytes.fromhex(signed["message"][1]["hex"]))
        verified = pair.call(side, "VerifySignature", ctx="x", message=[
            {"type": "DATA", "hex": data.hex()}, {"type": "TOKEN", "hex": other("mic", data)}])
        assert verified["status"] == OK


def test_peer_initiator(pair: Pair, other: GssNtlmssp) -> None:
    pair.acquire("NTLM", {"User": "alice", "Domain": "NTDOM", "Password": "right"})
    status, token = leg(pair, "initiator", b"")
    assert status == CONTINUE
    more, challenge = other("accept", token)
    assert more
    status, token = leg(pair, "initiator", bytes.fromhex(challenge))
    assert status == OK
    more, last = other("accept", token)
    assert not more and not last
    check_messages(pair, "initiator", other)


def test_peer_acceptor(pair: Pair, other: GssNtlmssp) -> None:
    pair.acquire("NTLM", None)
    more, token = other("init", b"")
    assert more
    status, challenge = leg(pair, "acceptor", bytes.fromhex(token))
    assert status == CONTINUE
    more, token = other("init", challenge)
    assert not more
    assert leg(pair, "acceptor", bytes.fromhex(token)) == (OK, b"")
    check_messages(pair, "acceptor", other)
