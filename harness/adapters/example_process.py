#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The smallest process that can be played against: NTLM as Samba's ntlm_auth does it, legs only.

Each context is an ntlm_auth of its own, which is told one line and answers one: a code and a token in base64. Copy
this file, put your implementation in the place of `Context`, and write a profile: harness/PORTING.md.
"""
import base64
import json
import subprocess
import sys

OK, CONTINUE, DENIED, INVALID, NO_PACKAGE = "0x00000000", "0x00090312", "0x8009030c", "0x80090308", "0x80090305"
WRITTEN, UNWRITTEN = {"written": True}, {"written": False}
LEG = {"cred", "ctx", "pszTargetName", "fContextReq", "TargetDataRep", "Reserved1", "Reserved2", "input", "output"}
KEYS = {  # of each call that is answered; a member that is not here is an error, a call that is not is unsupported
    "hello": set(),
    "AcquireCredentialsHandle": {"cred", "pszPackage", "pszPrincipal", "fCredentialUse", "identity"},
    "InitializeSecurityContext": LEG, "AcceptSecurityContext": LEG,
    "DeleteSecurityContext": {"ctx"}, "FreeCredentialsHandle": {"cred"},
}


class Context:
    """One side of one exchange."""

    def __init__(self, identity, initiates):
        if initiates:
            user, domain = identity.get("User", ""), identity.get("Domain", "")
            how = ["ntlmssp-client-1", f"--username={user}", f"--domain={domain}", "--configfile=/dev/null"]
        else:  # led to the realm's winbindd by its environment
            how = ["squid-2.5-ntlmssp"]
        self.process = subprocess.Popen(["ntlm_auth", "--helper-protocol", *how], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if initiates:
            self.ask("PW", identity.get("Password", "").encode())
        self.initiates, self.first = initiates, True

    def ask(self, code, token):
        self.process.stdin.write(f"{code} {base64.b64encode(token).decode()}\n")
        code, _, rest = self.process.stdout.readline().strip().partition(" ")
        return code, rest

    def leg(self, token):
        """Status and token of a leg."""
        code, rest = self.ask("YR" if self.first else "TT" if self.initiates else "KK", token)
        self.first = False
        if code in ("NA", "BH", ""):
            return (DENIED if code == "NA" else INVALID), b""
        done = code == "AF" or code == "KK"  # AF names the user: there is no token
        return (OK if done else CONTINUE), b"" if code == "AF" and not self.initiates else base64.b64decode(rest)


identities, contexts = {}, {}


def leg(request, initiates):
    token = next((bytes.fromhex(one.get("hex", "")) for one in request.get("input") or () if one["type"] == "TOKEN"), b"")
    fresh = request["ctx"] not in contexts
    context = contexts[request["ctx"]] if not fresh else Context(identities[request["cred"]], initiates)
    status, made = context.leg(token)
    if status in (OK, CONTINUE):
        contexts[request["ctx"]] = context
    output = [{"type": 2, "size": len(made), "hex": made.hex(), "canary": "intact", "pvBuffer": "same"}]
    return {"status": status, "ctx": request["ctx"], "phNewContext": {"written": fresh}, "attributes": UNWRITTEN,
            "expiry": UNWRITTEN, "output": output}


def answer(request):
    call = request.get("call")
    if call not in KEYS:
        return {"unsupported": f"there is no {call} here"}
    if unknown := request.keys() - KEYS[call] - {"id", "call"}:
        return {"error": f"{call} has no {', '.join(unknown)}"}
    if call == "hello":
        return {"protocol": 1, "implementation": "ntlm_auth", "entry": "example", "table_version": 1, "functions": [*KEYS]}
    if call == "AcquireCredentialsHandle":
        known = request["pszPackage"] == "NTLM"
        if known:
            identities[request["cred"]] = request.get("identity")
        return {"status": OK if known else NO_PACKAGE, "phCredential": WRITTEN if known else UNWRITTEN, "expiry": UNWRITTEN}
    if call == "DeleteSecurityContext":
        contexts.pop(request["ctx"]).process.kill()
    elif call == "FreeCredentialsHandle":
        identities.pop(request["cred"])
    else:
        return leg(request, call == "InitializeSecurityContext")
    return {"status": OK}


for line in sys.stdin:
    asked = json.loads(line)
    told = [{"id": one["id"], "ns": 0, **answer(one)} for one in (asked if isinstance(asked, list) else [asked])]
    print(json.dumps(told if isinstance(asked, list) else told[0]), flush=True)
