# SPDX-License-Identifier: Apache-2.0
"""The Active Directory domain as one object: a controller in namespaces of its own and, if wanted, a member."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from . import ad_dc, winbind
from .accounts import Account, Service, all_accounts
from .ad_content import ADMINISTRATOR, DOMAIN, MEMBER, ad_accounts, ad_services
from .ad_space import DC_ADDRESS, MEMBER_ADDRESS, below, wait_until_gone
from .ad_template import DC_HOST, HOST, MEMBER_HOST, REALM, SUFFIX, copy, make_space, template_for
from .errors import RealmError
from .folder import make_folder, remove_folder
from .process import Keeper
from .tls import Tls, tls_in
from .tools import base_environment, find_tool


def why_not() -> str:
    """Why there can be no AdRealm on this machine, in one sentence; empty if there can."""
    missing = ad_dc.missing_packages()
    if missing:
        return f"the domain controller needs more packages: apt-get install {' '.join(missing)}"
    tried = subprocess.run([find_tool("unshare"), "-rnmpf", "--kill-child", "--mount-proc", "--", "true"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           env=base_environment(), check=False)
    if tried.returncode != 0:
        return ("the domain controller needs user, network, mount and process namespaces of its own, and this "
                f"machine does not allow them: {tried.stdout.strip()}")
    return ""


class AdRealm:
    """A throwaway Active Directory domain. Nothing of it outlives the `with` block.

    cache: where the template is kept, None for the user's cache folder.
    member: also run the winbindd of a joined member, which asks the controller over Netlogon; without it, NTLM is
    checked by the controller's own winbindd.
    log: called with sentences about what happens.

    Only processes inside its namespaces reach it: start them with `command(argv)`.
    """

    name = REALM
    domain = DOMAIN
    dc_host = DC_HOST
    dc_address = DC_ADDRESS
    host = HOST
    address = MEMBER_ADDRESS
    member_host = MEMBER_HOST
    administrator = ADMINISTRATOR

    def __init__(self, cache: Path | None = None, member: bool = False,
                 log: Callable[[str], None] | None = None) -> None:
        self.member = member
        self.netbios = MEMBER if member else ad_dc.DC
        self.accounts: dict[str, Account] = ad_accounts()
        self.ready_seconds = 0.0
        self.first_time = False
        self.times: dict[str, float] = {}
        self._cache = Path(cache) if cache is not None else None
        self._log = log or (lambda sentence: None)
        self._masters = threading.Lock()
        self._owner = 0

    def __enter__(self) -> AdRealm:
        start = time.monotonic()
        self._owner = os.getpid()
        missing = ad_dc.missing_packages()
        if missing:
            raise RealmError(why_not())
        template = template_for(self._cache, self._log)
        self.first_time = template.made
        self.times.update(template.times)
        self.folder, self._folder_lock = make_folder()
        try:
            self._keeper = Keeper(self.folder, (self._folder_lock,))
            try:
                self._come_up(template.path)
            except BaseException:
                self._keeper.close()
                raise
        except BaseException:
            remove_folder(self.folder, self._folder_lock)
            raise
        self.ready_seconds = time.monotonic() - start
        self._log(f"domain {self.name} is ready after {self.ready_seconds * 1000:.0f} ms in {self.folder}")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if os.getpid() != self._owner:
            return  # a fork of the owner must not take the domain away from it
        self._keeper.close()
        remove_folder(self.folder, self._folder_lock)

    # What it consists of

    @property
    def services(self) -> dict[str, Service]:
        """The services by key, each with its own keytab."""
        return ad_services(DC_HOST, SUFFIX, self.folder / "keytabs")

    @property
    def keytab(self) -> Path:
        """A keytab of all services."""
        return self.folder / "keytabs" / "all.keytab"

    @property
    def krb5_conf(self) -> Path:
        """The Kerberos configuration of everybody inside."""
        return self.folder / "krb5.conf"

    @property
    def smb_conf(self) -> Path:
        """The Samba configuration of whoever checks NTLM: the member, or the controller."""
        return self._asked / "smb.conf"

    @property
    def smbpasswd(self) -> Path:
        """The first kind of realm's accounts as a smbpasswd file, for an acceptor with its own account database."""
        return self.folder / "smbpasswd"

    @property
    def tls(self) -> Tls:
        """The certificates of `host`."""
        return tls_in(self.folder / "tls")

    @property
    def processes(self) -> dict[str, int]:
        """Names and pids of what runs for this domain; controller and winbindd by their pids' parents outside."""
        return self._keeper.alive()

    def log_of(self, part: str) -> Path:
        """The log file of 'dc', 'winbindd' or 'namespace'."""
        return self.folder / "log" / f"{part}.log"

    # How a process gets into it

    def command(self, argv: Sequence[str], folder: Path | None = None) -> list[str]:
        """The argv that runs a program inside the namespaces, as root of them, in `folder` or the caller's own."""
        return self._space.command(argv, folder)

    def run(self, argv: Sequence[str], *, text: str = "", what: str = "") -> str:
        """Run a short-lived program inside and return its output; RealmError if it fails."""
        return self._space.run(argv, self.environment() | self.winbind_environment(), text=text, what=what)

    def environment(self) -> dict[str, str]:
        """The whole environment of a client or server process inside; not added to the caller's."""
        return base_environment() | {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KTNAME": f"FILE:{self.keytab}",
            "KRB5CCNAME": f"FILE:{self.folder}/ccache",
            "KRB5RCACHEDIR": str(self.folder / "rcache"),
            "GSS_MECH_CONFIG": "/dev/null",  # the host's mechanism plugins stay out
        }

    def winbind_environment(self) -> dict[str, str]:
        """What to add for Samba's tools. libwbclient needs nothing: the usual path leads to the right winbindd."""
        return {"SMB_CONF_PATH": str(self.smb_conf)}

    # Tickets

    def kinit(self, account_key: str, ccache: Path) -> None:
        """Get a ticket for an account into a file."""
        account = self.accounts[account_key]
        self._space.run(["kinit", "-c", f"FILE:{ccache}", f"{account.user}@{self.name}"], self.environment(),
                        text=account.password + "\n", what=f"kinit of {account.user}")

    def master_ccache(self, account_key: str) -> Path:
        """A ticket cache of an account, got once per domain. Copy it, so that it stays as it is."""
        path = self.folder / "masters" / account_key
        with self._masters:
            if not path.exists():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                fresh = path.with_suffix(".new")
                self.kinit(account_key, fresh)
                fresh.rename(path)
        return path

    # Its life, and what a scenario may do to it

    def check(self) -> None:
        """Raise RealmError naming the first part that is dead though nobody stopped it."""
        self._keeper.check()

    def start_dc(self) -> None:
        """Start the controller (again)."""
        self._begin_dc()
        self._finish_dc()

    def stop_dc(self) -> None:
        """Stop the controller with all it started; check() does not mind."""
        self._end("dc", self._keeper.stop)

    def start_winbindd(self) -> None:
        """Start the member's winbindd (again) on the same socket."""
        self._begin_winbindd()
        self._finish_winbindd()

    def stop_winbindd(self) -> None:
        """Stop the member's winbindd; check() does not mind."""
        self._end("winbindd", self._keeper.stop)

    def kill(self, part: str) -> None:
        """Kill 'dc', 'winbindd' or 'namespace' as an accident would; check() complains."""
        self._end(part, self._keeper.kill)

    def break_trust(self) -> None:
        """Give the member's account another password, so that the controller no longer believes the member.

        winbindd starts anew, since a channel that was set up before goes on working.
        """
        if not self.member:
            raise RealmError("there is no member whose trust could be broken: AdRealm(member=True)")
        self.stop_winbindd()
        folder = self.folder / "dc"
        self._space.run(["samba-tool", "user", "setpassword", f"{MEMBER}$", "--newpassword=Another-machine-0",
                         "-s", str(folder / "smb.conf")], ad_dc.samba_environment(folder), what="breaking the trust")
        self.start_winbindd()

    @property
    def _asked(self) -> Path:
        return self.folder / ("member" if self.member else "dc")

    def _come_up(self, template: Path) -> None:
        """Namespaces and copy side by side, then the controller, then the member."""
        dc, member, begin = self.folder / "dc", self.folder / "member", time.monotonic()
        for path in ("log", "rcache", "masters", "dc", "member"):
            (self.folder / path).mkdir(mode=0o700)
        ad_dc.write_conf(dc, self.name)
        ad_dc.write_unix_files(dc)
        ad_dc.write_krb5_conf(self.folder, self.name, SUFFIX)
        winbind.write_smbpasswd(self.smbpasswd, all_accounts().values())
        if self.member:
            ad_dc.write_member_conf(member, self.name, DC_HOST)
        self._space = make_space(self._keeper, self.folder, self._asked / "wb")
        self._space.begin()
        copy(template, self.folder)
        self.times["copy"] = time.monotonic() - begin
        self._space.finish()
        self.times["namespace"] = time.monotonic() - begin
        self._begin_dc()
        self._finish_dc()
        self.times["dc"] = time.monotonic() - begin
        if self.member:
            # Not earlier: a winbindd that meets no controller remembers that for a while, and says so to everybody.
            self.start_winbindd()
            self._space.run(["wbinfo", "--ping-dc"], ad_dc.samba_environment(member), what="reaching the controller")
        self.times["winbindd"] = time.monotonic() - begin

    def _begin_dc(self) -> None:
        self._require_stopped("dc")
        folder = self.folder / "dc"
        for stale in ("pid", "rpc", "wb"):  # what a killed one left would look like a listener
            for entry in (folder / stale).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        argv = self.command(ad_dc.command(folder / "smb.conf", self.member), folder)
        self._keeper.start("dc", argv, ad_dc.dc_environment(folder), folder, self.log_of("dc"))

    def _finish_dc(self) -> None:
        """Wait for its ports, then for a ticket, which needs the directory and the KDC to work together."""
        self._space.wait_for("dc", (*ad_dc.PORTS, *([ad_dc.SMB_PORT] if self.member else [])))
        self.master_ccache("normal")
        if not self.member:
            winbind.wait_until_it_answers(self.folder / "dc", lambda: self._keeper.glance("dc"))

    def _begin_winbindd(self) -> None:
        self._require_stopped("winbindd")
        folder = self.folder / "member"
        (folder / "wb" / "pipe").unlink(missing_ok=True)
        self._keeper.start("winbindd", self.command(winbind.command(folder / "smb.conf"), folder),
                           ad_dc.samba_environment(folder), folder, self.log_of("winbindd"))

    def _finish_winbindd(self) -> None:
        winbind.wait_until_it_answers(self.folder / "member", lambda: self._keeper.glance("winbindd"))

    def _end(self, part: str, how: Callable[[str], None]) -> None:
        """End a part with all below it. What the keeper ends is nsenter; the kernel ends the rest, a moment later."""
        pid = self._keeper.alive().get(part)
        family = below(pid) if pid else set()
        how(part)
        for member in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        wait_until_gone(family)

    def _require_stopped(self, part: str) -> None:
        if part in self._keeper.alive():
            raise RealmError(f"{part} runs already: stop it before it is started again")
