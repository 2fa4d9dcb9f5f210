# SPDX-License-Identifier: Apache-2.0
"""The realm as one object: a context manager around a folder, a KDC and an NTLM domain."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from . import false_kdc, kdc, winbind
from .accounts import PARTNER, Account, Service, all_accounts, all_services, partner_accounts, partner_services
from .running import RunningRealm
from .template import Template, copy, template_for
from .tools import base_environment, find_tool, run_tool


class Realm(RunningRealm):
    """A throwaway Kerberos realm and NTLM domain. Nothing of it outlives the `with` block.

    cache: where the template is kept, None for the user's cache folder.
    standalone: winbindd as a standalone server, to which every other domain has no logon server.
    log: called with sentences about what happens.
    trust: a second realm, PARTNER.TEST, with a KDC of its own; each trusts the other.
    ntlm: whether there is a winbindd; it costs more than all the rest.
    """

    domain = winbind.DOMAIN
    netbios = winbind.NETBIOS

    def __init__(self, cache: Path | None = None, name: str = "SSPI.TEST", standalone: bool = False,
                 log: Callable[[str], None] | None = None, trust: bool = False, ntlm: bool = True) -> None:
        super().__init__(name, cache, log)
        self.standalone = standalone
        self.ntlm = ntlm
        self.trust = trust
        self.host = f"web.{name.lower()}"
        self.accounts: dict[str, Account] = all_accounts() | (partner_accounts() if trust else {})

    # What it consists of

    @property
    def services(self) -> dict[str, Service]:
        """The services by key, each with its own keytab."""
        keytabs = self.folder / "keytabs"
        return all_services(self.host, keytabs) | (partner_services(keytabs) if self.trust else {})

    @property
    def smb_conf(self) -> Path:
        """The Samba configuration."""
        return self.folder / "samba" / "smb.conf"

    @property
    def smbpasswd(self) -> Path:
        """The accounts as a smbpasswd file, for an NTLM acceptor that has its own account database."""
        return self.folder / "samba" / "smbpasswd"

    # How a process is pointed at it

    def winbind_environment(self) -> dict[str, str]:
        """What to add so that libwbclient in any process finds this winbindd."""
        return winbind.client_environment(self.folder / "samba")

    # Tickets

    def kinit(self, account_key: str, ccache: Path) -> None:
        """Get a ticket for an account into a file."""
        account = self.accounts[account_key]
        run_tool(["kinit", "-c", f"FILE:{ccache}", f"{account.user}@{account.realm or self.name}"], self.environment(),
                 text=account.password + "\n", what=f"kinit of {account.user}")

    # Its life, and what a scenario may do to it

    def start_kdc(self) -> None:
        """Start the KDC (again). It gets a new port, and krb5.conf is rewritten to it."""
        self._begin_kdc()
        self._finish_kdc()

    def stop_kdc(self) -> None:
        """Stop the KDC; check() does not mind."""
        self._keeper.stop("kdc")

    def falsify_kdc(self, way: str) -> None:
        """Put a KDC in front that answers in a wrong way: a key of false_kdc.WAYS. A process that read krb5.conf
        before goes on asking the true one."""
        self._require_stopped("false-kdc")
        self._keeper.start("false-kdc", [sys.executable, "-I", "-S", false_kdc.__file__, way,
                                         str(kdc.port_of(self._keeper.wait_ready("kdc")))],
                           base_environment(), self.folder, self.log_of("false-kdc"), false_kdc.READY)
        self._write_krb5_conf(self._keeper.wait_ready("false-kdc"))

    def stop_winbindd(self) -> None:
        """Stop winbindd and its children; check() does not mind."""
        self._keeper.stop("winbindd")

    def kill(self, part: str) -> None:
        """Kill 'kdc', 'partner-kdc' or 'winbindd' as an accident would; check() complains."""
        self._keeper.kill(part)

    def _find_template(self) -> Template:
        for tool in ("krb5kdc", "kinit", "winbindd"):
            find_tool(tool)
        winbind.client_environment(Path("/"))  # finds the preload libraries
        return template_for(self.name, self.host, self._cache)

    def _come_up(self, template: Template) -> None:
        """Copy the template, start both daemons side by side, wait until both answer."""
        begin = time.monotonic()
        copy(template, self.folder)
        for name in ("log", "rcache"):
            (self.folder / name).mkdir(mode=0o700)
        kdc.write_kdc_conf(self.folder / "kdc", self.name)
        if self.trust:
            kdc.write_kdc_conf(self.folder / "partner-kdc", PARTNER, kdc.PARTNER_ENCTYPES)
        winbind.write_smb_conf(self.folder / "samba", self.standalone)
        winbind.write_unix_files(self.folder / "samba", all_accounts().values())
        self.times["copy"] = time.monotonic() - begin
        begin = time.monotonic()
        if self.ntlm:
            self._begin_winbindd()  # first, as it takes longer
        self._begin_kdc()
        if self.trust:
            self._start_kdc_of("partner-kdc", PARTNER)
        self._finish_kdc()
        self.times["kdc"] = time.monotonic() - begin
        if self.ntlm:
            self._finish_winbindd()
        self.times["winbindd"] = time.monotonic() - begin

    def _begin_kdc(self) -> None:
        self._require_stopped("kdc")
        self._start_kdc_of("kdc", self.name)

    def _start_kdc_of(self, part: str, name: str) -> None:
        folder = self.folder / part
        self._keeper.start(part, [find_tool("krb5kdc"), "-n", "-r", name, "-P", str(folder / "pid")],
                           kdc.kdc_environment(folder), folder, self.log_of(part), kdc.READY)

    def _finish_kdc(self) -> None:
        self._write_krb5_conf(self._keeper.wait_ready("kdc"))

    def _write_krb5_conf(self, pid: int) -> None:
        """Clients are to ask the KDC that runs as this process."""
        partner = kdc.port_of(self._keeper.wait_ready("partner-kdc")) if self.trust else None
        kdc.write_krb5_conf(self.krb5_conf, self.name, self.host, kdc.port_of(pid), self.keytab,
                            self.folder / "ccache", partner)

    def _begin_winbindd(self) -> None:
        self._require_stopped("winbindd")
        folder = self.folder / "samba"
        (folder / "wb" / "pipe").unlink(missing_ok=True)  # of a killed one: it would look like a listener
        self._keeper.start("winbindd", winbind.command(self.smb_conf), winbind.samba_environment(folder), folder,
                           self.log_of("winbindd"))

    def _finish_winbindd(self) -> None:
        winbind.wait_until_it_answers(self.folder / "samba", lambda: self._keeper.glance("winbindd"))
