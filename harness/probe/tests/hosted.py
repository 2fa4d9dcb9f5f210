# SPDX-License-Identifier: Apache-2.0
"""One probe process for the tests, hosting the library that behaves oddly on purpose."""

import json
import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PROBE = pathlib.Path(os.environ.get("SSPI_PROBE", ROOT / "build/sspi-probe")).resolve()
SANITIZED = b"__asan_init" in PROBE.read_bytes()
own_crashes = pytest.mark.skipif(SANITIZED, reason="the sanitiser reports crashes in its own way")


class Probe:
    """One probe process; every answer is checked for the rules that all answers share."""

    def __init__(self, library, *options, **environment):
        self.process = subprocess.Popen(
            [PROBE, *options, library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )
        self.next_id = 0

    def line(self, text):
        """Send one raw line and read the answer line; None at the end of file."""
        self.process.stdin.write(text.encode() + b"\n" if isinstance(text, str) else text + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        return json.loads(answer) if answer else None

    def request(self, call, **keys):
        self.next_id += 1
        return {"id": self.next_id, "call": call, **keys}

    def __call__(self, call, **keys):
        request = self.request(call, **keys)
        answer = self.line(json.dumps(request))
        if answer is None:
            return None
        assert answer["id"] == request["id"]
        assert isinstance(answer["ns"], int)
        assert call in ("hello", "pin", "heap") or len({"status", "unsupported", "error"} & answer.keys()) == 1
        return answer

    def acquire(self, name="cred", **keys):
        return self("AcquireCredentialsHandle", cred=name, **({"pszPackage": "Fake", "fCredentialUse": 2} | keys))

    def leg(self, target, ctx="ctx", **keys):
        return self(
            "InitializeSecurityContext",
            **({"cred": "cred", "ctx": ctx, "pszTargetName": target, "fContextReq": "0x0000081c", "output": [{"type": "TOKEN", "size": 64}]} | keys),
        )

    def end(self):
        """Close stdin; the exit status and what was on stderr."""
        _, err = self.process.communicate(timeout=10)
        return self.process.returncode, err.decode()
