# SPDX-License-Identifier: Apache-2.0
"""A scripted endpoint: speaks the probe protocol and answers as its argument says.

The argument is a JSON object: name of a call -> list of what to do at the first, second, ... time. An entry is
an answer (merged over the usual one) or one of the words crash, hang, garbage, exit, wrong-id. A call without an
entry gets the usual answer: a three-leg exchange that succeeds.
"""
import json
import os
import signal
import sys
import time

CONTINUE, OK = "0x00090312", "0x00000000"
WRITTEN = {"written": True}


def usual(call, number, request):
    """What a well-behaved implementation answers."""
    answer = {"status": OK, "ns": 1}
    if "NoSuchMember" in request:
        return {"error": "no such member"}
    if call == "hello":
        return {"protocol": 1, "implementation": "fake", "entry": "none", "table_version": 1, "functions": []}
    if call == "NoSuchCallInSspi":
        return {"unsupported": "no such call"}
    if call == "AcquireCredentialsHandle":
        return answer | {"phCredential": WRITTEN, "expiry": {"written": False}}
    if call in ("InitializeSecurityContext", "AcceptSecurityContext"):
        initiates = call.startswith("Init")
        token = f"NTLMSSP\0{chr(2 * number - initiates)}\0\0\0".encode().hex()
        last = number == 2
        token = "" if last and not initiates else token
        return answer | {
            "status": OK if last else CONTINUE, "phNewContext": WRITTEN, "expiry": {"written": False},
            "attributes": {"written": True, "value": "0x00000010"},
            "output": [{"type": 2, "size": len(token) // 2, "hex": token, "canary": "intact", "pvBuffer": "same"}]}
    if call == "QueryContextAttributes":
        return answer | {"value": {"cbMaxToken": 100, "cbMaxSignature": 16, "cbBlockSize": 0, "cbSecurityTrailer": 16}}
    if call in ("MakeSignature", "VerifySignature", "EncryptMessage", "DecryptMessage"):
        return answer | {"message": [
            {"type": {"DATA": 1, "TOKEN": 2, "STREAM": 10}[buffer["type"]], "canary": "intact",
             "hex": buffer.get("hex", "00" * buffer.get("size", 0))} for buffer in request["message"]]}
    return answer


def main():
    script = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    seen = {}
    print("the fake endpoint starts", file=sys.stderr, flush=True)

    def answer(request):
        call = request["call"]
        seen[call] = number = seen.get(call, 0) + 1
        steps = script.get(call, [])
        step = steps[number - 1] if number <= len(steps) else {}
        if step == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if step == "exit":
            os._exit(3)
        if step == "hang":
            time.sleep(3600)
        if step == "garbage":
            os.write(1, b"this is no JSON\n")
            time.sleep(3600)
        result = {"id": request["id"]} | usual(call, number, request)
        if step == "wrong-id":
            return result | {"id": -1}
        if call in ("DeleteSecurityContext",):
            seen.pop("InitializeSecurityContext", None)
            seen.pop("AcceptSecurityContext", None)
        if step and "status" not in step and set(step) & {"unsupported", "error"}:
            return {"id": request["id"], **step}
        return {key: value for key, value in (result | step).items() if value is not None}

    for line in sys.stdin:
        requests = json.loads(line)
        answers = [answer(one) for one in requests] if isinstance(requests, list) else answer(requests)
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
