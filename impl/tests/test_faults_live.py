# SPDX-License-Identifier: Apache-2.0
"""The sweep of failures (fault_sweep_test.c) with a live KDC and winbindd: passwords, sockets, libwbclient."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from kerberos_world import CHECKOUT, Realm  # noqa: E402  (needs the line above)

PROGRAM = CHECKOUT / os.environ.get("SSPI_CONFORM_BUILD", "build") / "tests" / "fault_sweep_test"


def sweep(realm: Realm, package: str, target: str, more: dict[str, str]) -> str:
    """Run the sweep of that package with alice's password; its output."""
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM.name} is not built: make check-c")
    environment = realm.environment() | more | {
        "LIBSSPI_FAULT_WORLD": package, "LIBSSPI_FAULT_USER": "alice", "LIBSSPI_FAULT_PASSWORD": "Alice-knows-7",
        "LIBSSPI_FAULT_REALM": "SSPI.TEST", "LIBSSPI_FAULT_DOMAIN": "NTDOM", "LIBSSPI_FAULT_TARGET": target,
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1"}
    environment |= {name: os.environ[name] for name in ("LIBSSPI_FAULTS",) if name in os.environ}
    done = subprocess.run([PROGRAM, "live"], cwd=CHECKOUT, env=environment, text=True, capture_output=True,
                          check=False, timeout=1200)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_kdc() -> None:
    with Realm() as realm:
        told = sweep(realm, "Kerberos", "HTTP/web.sspi.test", {})
    assert "sockets fail" in told and "files fail" in told  # there was something to fail


def test_winbindd(tmp_path: Path) -> None:
    config = tmp_path / "libsspi.conf"
    config.write_text("[ntlm]\nauthority = winbind\nnetbios-domain = NTDOM\n", encoding="utf-8")
    with Realm() as realm:
        told = sweep(realm, "NTLM", "", realm.winbind_environment() | {"LIBSSPI_CONFIG": str(config)})
    assert "sockets fail" in told and "files fail" in told
