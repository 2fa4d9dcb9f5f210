# SPDX-License-Identifier: Apache-2.0
"""SPNEGO tokens of recordings and of other projects' tests, given to libsspi's reader and writer."""
from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
RECORDINGS = Path(os.environ.get("SSPI_RECORDINGS", CHECKOUT.parent / "shared" / "windows-captures"))
BUILD = Path(os.environ.get("LIBSSPI", CHECKOUT / "build" / "libsspi.so")).parent
FORMS = {"NegTokenInit": "init", "NegTokenInit2": "init2", "NegTokenResp": "resp"}

pytestmark = pytest.mark.skipif(not RECORDINGS.is_dir(), reason="the recordings are not beside this checkout")


def of_vectors() -> Iterator[str]:
    """The published vectors, with everything that is known of them."""
    for vector in json.loads((RECORDINGS / "vectors.json").read_text())["vectors"]:
        found = vector["expected"]
        if vector["kind"] == "token-parse" and found.get("neg") in FORMS:
            inside = (found.get("token") or {}).get("len", "?" if "mechToken" in found else "-")
            yield " ".join(map(str, (vector["id"], vector["inputs"]["token"], FORMS[found["neg"]],
                                     found.get("negState", "-"), found.get("supportedMech", "-"),
                                     ",".join(found.get("mechTypes", ["-"])), inside)))


def of_exchanges() -> Iterator[str]:
    """Every recorded SPNEGO token: what form it has and that it is written again as it came."""
    for path in sorted((RECORDINGS / "exchanges").glob("*.json")):
        for number, exchange in enumerate(json.loads(path.read_text())["exchanges"]):
            for leg, message in enumerate(exchange["legs"]):
                token, summary = message.get("token") or "", message.get("summary") or ""
                form = next((FORMS[name] for name in sorted(FORMS, key=len, reverse=True) if summary.startswith(name)),
                            None)
                if form == "init" and token.startswith("608205ab068200"):
                    form = "ber"  # ndpi: a client that is not Windows, and a Windows server that took it
                if form == "resp" and token.startswith("60"):
                    continue  # kerberos-delegation: framed like a first token, by an acceptor that is not Windows
                if form and declared(bytes.fromhex(token)) == len(token) // 2:
                    yield f"{path.stem[:90]}:{number}:{leg} {token} {form} ? ? ? ?"


def declared(token: bytes) -> int:
    """The length a token says it has; recordings keep the padding of some transports."""
    if len(token) < 2 or token[1] < 0x80:
        return 2 + token[1] if len(token) > 1 else 0
    octets = token[1] & 0x7F
    return 2 + octets + int.from_bytes(token[2:2 + octets], "big")


@pytest.mark.parametrize("lines", [of_vectors, of_exchanges])
def test_tokens(lines, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    found = list(lines())
    assert len(found) >= 5
    vectors = tmp_path / "vectors"
    vectors.write_text("\n".join(found) + "\n")
    run = subprocess.run([BUILD / "tests" / "negotiate_recorded_test"], capture_output=True, text=True,
                         env=os.environ | {"LIBSSPI_NEGOTIATE_VECTORS": str(vectors)})
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(found)} tokens" in run.stdout
