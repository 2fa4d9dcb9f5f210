# SPDX-License-Identifier: Apache-2.0
"""The probe as a process: failing allocations, death, the command line."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from hosted import PROBE, own_crashes, Probe

# ---- allocations --------------------------------------------------------------------------------


def test_failalloc_counts_and_fails_one_allocation(probe):
    if "failalloc" not in probe("hello")["features"]:
        assert "unsupported" in probe.leg("mallocs", failalloc=1)
        pytest.skip("this build of the probe cannot fail allocations")
    assert "allocations" not in probe.leg("mallocs")
    for n in range(0, 6):
        answer = probe.leg("mallocs", failalloc=n)
        assert answer["status"] == ("0x80090300" if 1 <= n <= 3 else "0x00000000")
        assert answer["allocations"] == 3
    assert probe.leg("allocate", fContextReq="0x100", failalloc=1)["allocations"] == 0  # strdup: libc's own
    assert probe.leg("mallocs")["status"] == "0x00000000"


# ---- death --------------------------------------------------------------------------------------


@own_crashes
@pytest.mark.parametrize("target, number", [("crash", signal.SIGSEGV), ("abort", signal.SIGABRT), ("stack", signal.SIGSEGV)])
def test_a_crash_is_named_on_stderr(probe, target, number):
    assert probe.leg(target) is None
    code, err = probe.end()
    assert code == -number
    assert err == f"sspi-probe: {number.name} in InitializeSecurityContext (id {probe.next_id})\n"


@own_crashes
def test_the_signal_handler_can_be_left_out(fake):
    probe = Probe(fake, "--no-signal-handler")
    assert probe.acquire(pszPackage="Crash") is None
    assert probe.end() == (-signal.SIGSEGV, "")


def test_an_exit_inside_the_library_is_seen(probe):
    assert probe.leg("exit") is None
    assert probe.end() == (7, "")


def test_a_hanging_probe_dies_with_its_parent(fake):
    script = (
        "import subprocess, sys\n"
        "p = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)\n"
        "p.stdin.write(b'{\"id\":1,\"call\":\"AcquireCredentialsHandle\",\"cred\":\"c\",\"pszPackage\":\"x\",\"fCredentialUse\":2}\\n"
        "{\"id\":2,\"call\":\"InitializeSecurityContext\",\"cred\":\"c\",\"ctx\":\"x\",\"fContextReq\":0,\"pszTargetName\":\"hang\"}\\n')\n"
        "p.stdin.flush()\n"
        "print(p.pid, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, PROBE, fake], stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    assert wait_for(lambda: state(child) == "S"), "the probe hangs in the library"
    parent.kill()
    parent.communicate()
    assert wait_for(lambda: state(child) in (None, "Z"))


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return None


def wait_for(condition, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


# ---- command line -------------------------------------------------------------------------------


def run(*arguments):
    return subprocess.run([PROBE, *arguments], input=b"", capture_output=True, timeout=10)


def test_help_and_version():
    assert b"Example" in run("--help").stdout
    assert run("--version").stdout.startswith(b"sspi-probe ")


@pytest.mark.parametrize("arguments", [[], ["--colour"], ["--entry"], ["a.so", "b.so"]])
def test_wrong_usage(arguments):
    result = run(*arguments)
    assert result.returncode == 3 and b"Next:" in result.stderr and not result.stdout


def test_what_cannot_be_hosted(fake, tmp_path):
    for arguments in (["no-such-library.so"], [str(tmp_path)], ["libc.so.6"], ["--entry", "NoSuchEntry", fake], ["--entry", "FakeEntryWithoutTable", fake]):
        result = run(*arguments)
        assert result.returncode == 2 and b"Next:" in result.stderr and not result.stdout, arguments


def test_entry_points(fake):
    probe = Probe(fake, "--entry", "InitSecurityInterfaceExW")
    answer = probe("hello")
    assert (answer["entry"], answer["table_version"]) == ("InitSecurityInterfaceExW", 5)
    assert probe.end()[0] == 0


def test_ansi_falls_back_to_the_other_entry_point(fake):
    probe = Probe(fake, "--ansi")
    answer = probe("hello")
    assert (answer["entry"], answer["table_version"]) == ("InitSecurityInterfaceExA", 3)
    assert probe("QuerySecurityPackageInfo", pszPackageName="Fake")["package"]["Name"] == "Fake"
    probe.acquire()
    assert probe.leg("refuse")["status"] == "0x8009030c"
    assert probe.end()[0] == 0


def test_stdin_and_stdout_stay_free_of_the_librarys_descriptors(fake):
    """Descriptors the library may expect (0, 1, 2) exist even when the caller closed stderr."""
    result = subprocess.run(["sh", "-c", 'echo \'{"id":1,"call":"hello"}\' | "$0" "$1" 2>&-', PROBE, fake], capture_output=True)
    assert json.loads(result.stdout)["protocol"] == 1
