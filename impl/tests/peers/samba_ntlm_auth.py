# SPDX-License-Identifier: Apache-2.0
"""Samba's ntlm_auth, the helper of squid and of Wine, as client and as server that asks winbindd. It hands out the
session key and protects no messages."""
from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from typing import Any

from lines import serve

HELPERS = {("initiate", "NTLM"): "ntlmssp-client-1", ("accept", "NTLM"): "squid-2.5-ntlmssp",
           ("initiate", "Negotiate"): "gss-spnego-client", ("accept", "Negotiate"): "gss-spnego"}


class Refusal(Exception):
    """NA, BH or ERR, with its reason."""


class NtlmAuth:
    def __init__(self, start: Mapping[str, Any]) -> None:
        role, package = start["role"], start["package"]
        argv = ["ntlm_auth", f"--configfile={start['smb_conf']}", f"--helper-protocol={HELPERS[role, package]}"]
        argv += [f"--option={name}={value}" for name, value in start["options"].items()]
        if role == "initiate":
            argv += [f"--username={start['user']}", f"--domain={start['domain']}", f"--password={start['password']}",
                     "--target-service=http", "--target-hostname=web.sspi.test"]
        self.server, self.squid, self.begun = role == "accept", (role, package) == ("accept", "NTLM"), False
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ask("SF NTLMSSP_FEATURE_SESSION_KEY NTLMSSP_FEATURE_SIGN NTLMSSP_FEATURE_SEAL")

    def _ask(self, line: str) -> list[str]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        word, *values = self.process.stdout.readline().split()
        if word in ("NA", "BH", "ERR"):
            raise Refusal(" ".join([word, *values]))
        return [word, *values]

    def step(self, token: bytes) -> tuple[bytes, bool]:
        verb = ("KK" if self.server else "TT") if self.begun else "YR"
        self.begun = True
        word, *values = self._ask(f"{verb} {base64.b64encode(token).decode()}".rstrip())
        done = word == "AF"  # for squid with the user's name, else with the last token or * for none
        token = b"" if not values or values[0] == "*" or (done and self.squid) else base64.b64decode(values[0])
        return token, done

    def key(self) -> bytes:
        return base64.b64decode(self._ask("GK")[1])

    def __del__(self) -> None:
        self.process.kill()
        self.process.wait()


serve(NtlmAuth, (Refusal,))
