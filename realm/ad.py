# SPDX-License-Identifier: Apache-2.0
"""The Active Directory domain as one object: a controller in namespaces of its own and, if wanted, a member."""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from . import ad_dc, winbind
from .accounts import Account, Service, all_accounts
from .ad_content import ADMINISTRATOR, DOMAIN, MEMBER, ad_accounts, ad_services
from .ad_space import DC_ADDRESS, MEMBER_ADDRESS, below, wait_until_gone
from .ad_template import DC_HOST, HOST, MEMBER_HOST, REALM, SUFFIX, copy, make_space, template_for
from .errors import RealmError
from .running import RunningRealm
from .template import Template
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


class AdRealm(RunningRealm):
    """A throwaway Active Directory domain. Nothing of it outlives the `with` block.

    cache: where the template is kept, None for the user's cache folder.
    member: also run the winbindd of a joined member, which asks the controller over Netlogon; without it, NTLM is
    checked by the controller's own winbindd.
    log: called with sentences about what happens.

    Only processes inside its namespaces reach it: start them with `command(argv)`.
    """

    domain = DOMAIN
    dc_host = DC_HOST
    dc_address = DC_ADDRESS
    host = HOST
    address = MEMBER_ADDRESS
    member_host = MEMBER_HOST
    administrator = ADMINISTRATOR

    def __init__(self, cache: Path | None = None, member: bool = False,
                 log: Callable[[str], None] | None = None) -> None:
        super().__init__(REALM, cache, log)
        self.member = member
        self.netbios = MEMBER if member else ad_dc.DC
        self.accounts: dict[str, Account] = ad_accounts()

    # What it consists of

    @property
    def services(self) -> dict[str, Service]:
        """The services by key, each with its own keytab."""
        return ad_services(DC_HOST, SUFFIX, self.folder / "keytabs")

    @property
    def smb_conf(self) -> Path:
        """The Samba configuration of whoever checks NTLM: the member, or the controller."""
        return self._asked / "smb.conf"

    @property
    def smbpasswd(self) -> Path:
        """The first kind of realm's accounts as a smbpasswd file, for an acceptor with its own account database."""
        return self.folder / "smbpasswd"

    # How a process gets into it

    def command(self, argv: Sequence[str], folder: Path | None = None) -> list[str]:
        """The argv that runs a program inside the namespaces, as root of them, in `folder` or the caller's own."""
        return self._space.command(argv, folder)

    def run(self, argv: Sequence[str], *, text: str = "", what: str = "") -> str:
        """Run a short-lived program inside and return its output; RealmError if it fails."""
        return self._space.run(argv, self.environment() | self.winbind_environment(), text=text, what=what)

    def winbind_environment(self) -> dict[str, str]:
        """What to add for Samba's tools. libwbclient needs nothing: the usual path leads to the right winbindd."""
        return {"SMB_CONF_PATH": str(self.smb_conf)}

    # Tickets

    def kinit(self, account_key: str, ccache: Path) -> None:
        """Get a ticket for an account into a file."""
        account = self.accounts[account_key]
        self._space.run(["kinit", "-c", f"FILE:{ccache}", f"{account.user}@{self.name}"], self.environment(),
                        text=account.password + "\n", what=f"kinit of {account.user}")

    # Its life, and what a scenario may do to it

    def start_dc(self) -> None:
        """Start the controller (again)."""
        self._begin_dc()
        self._finish_dc()

    def stop_dc(self) -> None:
        """Stop the controller with all it started; check() does not mind."""
        self._end("dc", self._keeper.stop)

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

    def _find_template(self) -> Template:
        if ad_dc.missing_packages():
            raise RealmError(why_not())
        return template_for(self._cache, self._log)

    def _come_up(self, template: Template) -> None:
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
        copy(template.path, self.folder)
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
