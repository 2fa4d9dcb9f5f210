# SPDX-License-Identifier: Apache-2.0
"""NTLM between two probes that host an SSPI library (by default Debian's WinPR 2), and what it costs.

    python3 harness/probe/tests/winpr_handshake.py [LIBRARY [PROBE]]

Run it under `taskset -c 0` to see what one pinned pipeline reaches: driver and probes then hand over
without waking another core.
"""

import json
import pathlib
import subprocess
import sys
import time

LIBRARY = "libwinpr2.so.2"
PROBE = pathlib.Path(__file__).resolve().parents[3] / "build/sspi-probe"
FLAGS = "0x0001081c"  # integrity, connection, confidentiality, sequence and replay detection
USER = {"User": "alice", "Domain": "NTDOM", "Password": "Password1"}


class Probe:
    def __init__(self, program, library):
        self.process = subprocess.Popen([program, library], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, call, **keys):
        self.process.stdin.write(json.dumps({"id": 1, "call": call, **keys}).encode() + b"\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert answer.get("status", "0x0")[2] != "8" and "error" not in answer, answer
        return answer


def token(answer):
    return [{"type": "TOKEN", "hex": answer["output"][0]["hex"]}]


ROOM = [{"type": "TOKEN", "size": 4096}]


def scenario(client, server):
    client("AcquireCredentialsHandle", cred="c", pszPackage="NTLM", fCredentialUse=2, identity=USER)
    server("AcquireCredentialsHandle", cred="s", pszPackage="NTLM", fCredentialUse=1, identity=USER)
    keys = {"ctx": "x", "fContextReq": FLAGS, "output": ROOM}
    first = client("InitializeSecurityContext", cred="c", pszTargetName="host/server", **keys)
    challenge = server("AcceptSecurityContext", cred="s", input=token(first), **keys)
    last = client("InitializeSecurityContext", cred="c", pszTargetName="host/server", input=token(challenge), **keys)
    done = server("AcceptSecurityContext", cred="s", input=token(last), **keys)
    if done["status"] == "0x00090313":  # SEC_I_COMPLETE_NEEDED
        done = server("CompleteAuthToken", ctx="x", input=ROOM)
    assert (last["status"], done["status"]) == ("0x00000000", "0x00000000")
    sizes = client("QueryContextAttributes", ctx="x", ulAttribute="SIZES")["value"]
    text = b"sealed text".hex()
    sealed = client("EncryptMessage", ctx="x", message=[{"type": "TOKEN", "size": sizes["cbSecurityTrailer"]}, {"type": "DATA", "hex": text}])
    assert sealed["message"][1]["hex"] != text
    message = [{"type": kind, "hex": buffer["hex"]} for kind, buffer in zip(("TOKEN", "DATA"), sealed["message"])]
    assert server("DecryptMessage", ctx="x", message=message)["message"][1]["hex"] == text
    for side, cred in ((client, "c"), (server, "s")):
        side("DeleteSecurityContext", ctx="x")
        side("FreeCredentialsHandle", cred=cred)


def rate(action, seconds=2):
    count, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for _ in range(20):
            action()
        count += 20
    return count / elapsed


def main(library=LIBRARY, program=PROBE):
    client, server = Probe(program, library), Probe(program, library)
    scenario(client, server)
    print(f"{library}: NTLM handshake, sealed message: ok")
    line = b'{"id":1,"call":"hello"}\n'

    def raw_ping():
        client.process.stdin.write(line)
        client.process.stdin.flush()
        client.process.stdout.readline()

    print(f"hello round trips, JSON decoded in Python: {rate(lambda: client('hello')):8.0f}/s")
    print(f"hello round trips, bytes only:             {rate(raw_ping):8.0f}/s")
    print(f"full NTLM scenarios (14 round trips):      {rate(lambda: scenario(client, server)):8.0f}/s")
    for probe in (client, server):
        probe.process.stdin.close()
        assert probe.process.wait() == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
