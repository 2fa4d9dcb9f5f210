# SPDX-License-Identifier: Apache-2.0
"""What Windows computed with NTLM, computed again by libsspi: message tokens, MICs, session keys, mechListMICs and
channel bindings of every recorded exchange whose secret is known."""
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
SESSION_KEY_LENGTH, FLAGS, SIGN = 52, 60, 0x10

pytestmark = pytest.mark.skipif(not (RECORDINGS / "vectors.json").is_file(),
                                reason="the recordings are not beside this checkout")


def lines() -> Iterator[str]:
    for vector in json.loads((RECORDINGS / "vectors.json").read_text())["vectors"]:
        given, wanted = vector["inputs"], vector["expected"]
        if vector["kind"] == "ntlm-wrap" and "exported_session_key" in given:
            yield (f"wrap {given['direction']} {given['exported_session_key']} {given['negotiate_flags']} "
                   f"{given['plaintext']} {wanted['signature']} {wanted['sealed']}")
        elif vector["kind"] == "channel-bindings":
            yield f"bindings {given['application_data']} {wanted['MsvAvChannelBindings']}"
        elif vector["kind"] == "ntlm-exchange" and "authenticate_message" in given:
            yield from of_exchange(given, wanted)


def of_exchange(given: dict[str, str], wanted: dict[str, str]) -> Iterator[str]:
    message = bytes.fromhex(given["authenticate_message"])
    exported = wanted.get("ExportedSessionKey")
    if message[SESSION_KEY_LENGTH] and exported and "SessionBaseKey" in wanted and not is_v1(message):
        yield f"key {wanted['SessionBaseKey']} {message.hex()} {exported}"
    key = exported or wanted["SessionBaseKey"]
    if wanted.get("MIC"):
        yield f"mic {key} {given['negotiate_message']} {given['challenge_message']} {message.hex()}"
    flags = int.from_bytes(message[FLAGS:FLAGS + 4], "little")
    if given.get("mechTypes_der") and flags & SIGN:
        yield (f"list {key} {flags:08x} {given['mechTypes_der']} {wanted.get('mechListMIC_client') or '-'} "
               f"{wanted.get('mechListMIC_server') or '-'}")


def is_v1(authenticate: bytes) -> bool:
    """A response of 24 bytes: the key is sent under another one than the session base key (KXKEY)."""
    return authenticate[20] == 24


def test_what_windows_computed(tmp_path: Path) -> None:
    found = list(lines())
    kinds = {kind: sum(line.startswith(kind + " ") for line in found) for kind in ("wrap", "mic", "key", "list", "bindings")}
    assert kinds["wrap"] >= 5 and kinds["mic"] >= 14 and kinds["key"] >= 10 and kinds["list"] >= 5 and kinds["bindings"]
    vectors = tmp_path / "vectors"
    vectors.write_text("\n".join(found) + "\n")
    run = subprocess.run([BUILD / "tests" / "ntlm_recorded_test"], capture_output=True, text=True,
                         env=os.environ | {"LIBSSPI_NTLM_VECTORS": str(vectors)})
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{len(found)} vectors" in run.stdout
