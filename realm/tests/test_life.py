# SPDX-License-Identifier: Apache-2.0
"""The realm's life: several at once, parts that die, a holder that is killed, an ordinary user, missing tools."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from realm import Realm, RealmError
from realm.kdc import port_of

from .conftest import CHECKOUT, running_below, wait_for

HOLD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from realm import Realm
with Realm(cache=Path(sys.argv[2])) as realm:
    print(*realm.processes.values(), flush=True)
    sys.stdin.read()
"""
# Dies by SIGKILL at the moment the named function is called.
FALL = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from realm import Realm, kdc, realm, template
where = {"kdc": kdc, "template": template, "module": realm, "realm": Realm}[sys.argv[3]]
setattr(where, sys.argv[4], lambda *ignored: os.kill(os.getpid(), 9))
with Realm(cache=Path(sys.argv[2])):
    pass
"""


def test_folder_is_private_and_goes_at_the_end(cache: Path) -> None:
    with Realm(cache=cache) as realm:
        folder, processes = realm.folder, realm.processes
        assert folder.stat().st_mode & 0o777 == 0o700
        assert set(processes) == {"keeper", "kdc", "winbindd"}
    assert not folder.exists()
    assert running_below(folder) == {}


def test_four_at_once_are_separate(cache: Path) -> None:
    with ExitStack() as stack:
        with ThreadPoolExecutor(4) as pool:
            # The threads that start the daemons end here; the daemons must not.
            realms = list(pool.map(lambda _: stack.enter_context(Realm(cache=cache)), range(4)))
        assert len({realm.folder for realm in realms}) == 4
        assert len({port_of(realm.processes["kdc"]) for realm in realms}) == 4
        realms[0].kill("kdc")
        for realm in realms[1:]:
            realm.check()
            realm.kinit("normal", realm.folder / "cc")


def test_servers_listen_on_loopback_only(realm: Realm) -> None:
    for pid in realm.processes.values():
        inodes = {os.readlink(entry)[8:-1] for entry in Path(f"/proc/{pid}/fd").iterdir()
                  if os.readlink(entry).startswith("socket:")}
        for table, loopback in (("tcp", "0100007F"), ("tcp6", "none"), ("udp", "none"), ("udp6", "none")):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[9] in inodes:
                    assert fields[1].startswith(loopback), f"{table}: {line}"


@pytest.mark.parametrize(("part", "title"), [("kdc", "the KDC"), ("winbindd", "winbindd")])
def test_check_names_a_killed_part(own_realm: Realm, part: str, title: str) -> None:
    own_realm.check()
    pid = own_realm.processes[part]
    own_realm.kill(part)
    with pytest.raises(RealmError, match=rf"{title} \(pid {pid}\) ended with signal 9"):
        own_realm.check()
    assert part not in own_realm.processes


def test_check_notices_what_others_killed(own_realm: Realm) -> None:
    pid = own_realm.processes["kdc"]
    os.kill(pid, signal.SIGKILL)

    def noticed() -> bool:
        try:
            own_realm.check()
        except RealmError as problem:
            return f"(pid {pid}) ended with signal 9" in str(problem)
        return False

    assert wait_for(noticed)


def test_killed_keeper_takes_the_daemons_along(own_realm: Realm) -> None:
    keeper = own_realm.processes["keeper"]
    os.kill(keeper, signal.SIGKILL)
    assert wait_for(lambda: not running_below(own_realm.folder))
    with pytest.raises(RealmError, match=rf"keeper of the daemons \(pid {keeper}\) ended with signal 9"):
        own_realm.check()


def test_parts_can_be_stopped_and_started(own_realm: Realm, tmp_path: Path) -> None:
    own_realm.stop_kdc()
    own_realm.stop_winbindd()
    own_realm.check()
    with pytest.raises(RealmError, match="Cannot contact any KDC"):
        own_realm.kinit("normal", tmp_path / "cc")
    own_realm.start_kdc()
    own_realm.start_winbindd()
    own_realm.kinit("normal", tmp_path / "cc")
    own_realm.check()
    with pytest.raises(RealmError, match="kdc runs already"):
        own_realm.start_kdc()


def test_killed_holder_leaves_nothing_and_the_next_start_removes_its_folder(cache: Path, short_tmp: Path) -> None:
    environment = os.environ | {"TMPDIR": str(short_tmp)}
    command = [sys.executable, "-c", HOLD, str(CHECKOUT), str(cache)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert len(holder.stdout.readline().split()) == 3
        # Holder, keeper, KDC, winbindd and its domain child, which may take a moment to show.
        assert wait_for(lambda: len(running_below(short_tmp)) >= 5), running_below(short_tmp)
        holder.kill()
    assert wait_for(lambda: not running_below(short_tmp)), running_below(short_tmp)
    left = list(short_tmp.glob("sspi-conform-*/r*"))
    assert len(left) == 1
    subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
    assert not list(short_tmp.glob("sspi-conform-*/r*"))


@pytest.mark.parametrize(("where", "name", "fresh"), [
    ("kdc", "_lock_out", True), ("template", "_tidy", True),
    ("module", "copy", False), ("realm", "_begin_kdc", False), ("realm", "_finish_kdc", False),
    ("realm", "_finish_winbindd", False),
])
def test_holder_killed_while_starting_leaves_nothing(cache: Path, short_tmp: Path, where: str, name: str,
                                                     fresh: bool) -> None:
    used = short_tmp / "cache" if fresh else cache
    done = subprocess.run([sys.executable, "-c", FALL, str(CHECKOUT), str(used), where, name],
                          env=os.environ | {"TMPDIR": str(short_tmp)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert wait_for(lambda: not running_below(short_tmp)), running_below(short_tmp)


def test_first_starts_at_once_make_one_template(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    command = [sys.executable, "-c", HOLD, str(CHECKOUT), str(cache)]
    holders = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [holder.wait() for holder in holders] == [0, 0, 0]
    assert len(list(cache.glob("realm-*"))) == 1
    assert not list(cache.glob("making-*"))
    with Realm(cache=cache) as realm:
        assert not realm.first_time


def test_template_of_another_realm_name(tmp_path: Path, cache: Path) -> None:
    with Realm(cache=cache, name="OTHER.TEST") as other:
        other.kinit("normal", tmp_path / "cc")
        assert other.services["http"].spn == "HTTP/web.other.test"


def test_ordinary_user_without_home(tmp_path: Path, short_tmp: Path) -> None:
    """As root, become a user id without a name; the package is copied to where that user can read it."""
    shutil.copytree(CHECKOUT / "realm", short_tmp / "realm", ignore=shutil.ignore_patterns("__pycache__", "tests"))
    short_tmp.chmod(0o777)
    become = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"] if os.getuid() == 0 else []
    text = """
import subprocess
from realm import Realm
with Realm() as realm:
    realm.kinit("normal", realm.folder / "cc")
    both = realm.environment() | realm.winbind_environment()
    subprocess.run(["wbinfo", "-a", "NTDOM\\\\alice%Alice-knows-7"], env=both, check=True)
    realm.check()
print("whole")
"""
    done = subprocess.run([*become, sys.executable, "-c", text], cwd=short_tmp, text=True, check=False,
                          env={"PATH": "/usr/bin:/bin", "TMPDIR": str(short_tmp)}, stderr=subprocess.STDOUT,
                          stdout=subprocess.PIPE)
    assert done.stdout.endswith("whole\n"), done.stdout


def test_missing_tools_are_named_with_their_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("realm.tools.SEARCH", str(tmp_path))
    with pytest.raises(RealmError, match="krb5kdc not found in PATH nor in .*: apt-get install krb5-kdc"):
        with Realm():
            pass


def test_daemon_that_cannot_start_is_quoted(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setattr("realm.winbind.command", lambda conf: ["/bin/sh", "-c", "echo out of luck; exit 7"])
    with pytest.raises(RealmError, match=r"winbindd \(pid \d+\) ended with exit status 7 while starting: out of luck"):
        with Realm(cache=cache):
            pass


def test_shell_and_env_commands(cache: Path) -> None:
    def command(word: str, text: str) -> str:
        return subprocess.run([sys.executable, "-m", "realm", word, "--cache", str(cache)], cwd=CHECKOUT, input=text,
                              text=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    assert "export KRB5_CONFIG=" in command("env", "")
    said = command("shell", "echo Alice-knows-7 | kinit alice >/dev/null && klist\nwbinfo -p\nexit 0\n")
    assert "Default principal: alice@SSPI.TEST" in said
    assert "Ping to winbindd succeeded" in said
