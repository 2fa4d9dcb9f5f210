# SPDX-License-Identifier: Apache-2.0
"""Programs that speak the probe protocol themselves: the example of PORTING.md, and Samba's gensec."""
from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "harness" / "adapters"


def run(folder: Path, implementation: str, *patterns: str) -> tuple[int, dict[str, Any], str]:
    """Play cases; exit code, results.json and what was printed."""
    command = [str(ROOT / "harness" / "sspi-conform"), "run", "--impl", implementation, *patterns, "--report", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    file = folder / "results.json"
    return done.returncode, json.loads(file.read_text()) if file.exists() else {}, done.stdout + done.stderr


def passed(results: dict[str, Any]) -> set[tuple[str, str]]:
    """Package with mechanism, and subject, of every case that passed."""
    return {(f"{case['package']}/{case['mechanism']}", case["subject"]) for case in results["cases"] if case["verdict"] == "pass"}


def test_the_example_is_played_as_it_stands(tmp_path: Path) -> None:
    code, results, said = run(tmp_path, str(ADAPTERS / "example_process.yaml"), "denied[mechanism=NTLM]", "ntlm-upn[package=NTLM]")
    assert code == 0, said
    assert passed(results) == {("NTLM/NTLM", "acceptor"), ("NTLM/NTLM", "initiator")}


def test_a_copy_of_the_example_is_somebodys_own(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    shutil.copy(ADAPTERS / "example_process.py", tmp_path / "mine.py")
    profile = (ADAPTERS / "example_process.yaml").read_text()
    mine.write_text(profile.replace("{suite}/harness/adapters/example_process.py", str(tmp_path / "mine.py")))
    code, results, said = run(tmp_path / "good", str(mine), "denied[mechanism=NTLM,account=normal]")
    assert code == 0 and results["summary"]["verdicts"] == {"pass": 1}, said
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace('{"unsupported": f"there is no {call} here"}', '{"status": OK}'))
    code, _, said = run(tmp_path / "bad", str(mine), "denied[mechanism=NTLM,account=normal]")
    assert code == 3 and "no endpoint that can be trusted: it answered a call that does not exist with" in said


def needs_gensec() -> None:
    looked = subprocess.run(["/usr/bin/python3", "-c", "import samba.gensec"], capture_output=True)
    if looked.returncode or not list(Path("/usr/lib").glob("*/samba/ldb/rootdse.so")):
        pytest.skip("python3-samba or samba-dsdb-modules is not installed: ci/install-packages peers")


def test_gensec_plays_every_package_on_both_sides(tmp_path: Path) -> None:
    needs_gensec()
    code, results, said = run(tmp_path, "gensec", "flag-none", "protect", "denied", "flag-common", "default-credentials")
    assert code == 0, said
    assert passed(results) >= {(name, side) for name in ("NTLM/NTLM", "Kerberos/Kerberos", "Negotiate/NTLM", "Negotiate/Kerberos")
                               for side in ("acceptor", "initiator")}
    assert all(one["by"] for case in results["cases"] for one in case.get("differences", ()))


def test_nothing_of_samba_is_imported_by_the_suite() -> None:
    for path in (ROOT / "harness" / "sspi_conform").rglob("*.py"):
        assert not any(line.lstrip().startswith(("import samba", "from samba", "import ldb"))
                       for line in path.read_text(encoding="utf-8").splitlines()), path


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), ([], 3), (["only-one"], 3)])
def test_gensec_says_how_it_is_called(arguments: list[str], code: int) -> None:
    needs_gensec()
    done = subprocess.run(["/usr/bin/python3", str(ADAPTERS / "gensec.py"), *arguments], capture_output=True, text=True)
    assert done.returncode == code and "gensec.py SMB_CONF ACCOUNTS" in done.stdout + done.stderr
