# SPDX-License-Identifier: Apache-2.0
"""The realm as one object: a context manager around a folder, a KDC and an NTLM domain."""
from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from . import false_kdc, kdc, winbind
from .accounts import PARTNER, Account, Service, all_accounts, all_services, partner_accounts, partner_services
from .errors import RealmError
from .folder import make_folder, remove_folder
from .process import Keeper
from .template import copy, template_for
from .tls import Tls, tls_in
from .tools import base_environment, find_tool, run_tool


class Realm:
    """A throwaway Kerberos realm and NTLM domain. Nothing of it outlives the `with` block.

    cache: where the template is kept, None for the user's cache folder.
    standalone: winbindd as a standalone server, to which every other domain has no logon server.
    log: called with sentences about what happens.
    trust: a second realm, PARTNER.TEST, with a KDC of its own; each trusts the other.
    """

    domain = winbind.DOMAIN
    netbios = winbind.NETBIOS

    def __init__(self, cache: Path | None = None, name: str = "SSPI.TEST", standalone: bool = False,
                 log: Callable[[str], None] | None = None, trust: bool = False) -> None:
        self.name = name
        self.standalone = standalone
        self.trust = trust
        self.host = f"web.{name.lower()}"
        self.accounts: dict[str, Account] = all_accounts() | (partner_accounts() if trust else {})
        self.ready_seconds = 0.0
        self.first_time = False
        self.times: dict[str, float] = {}
        self._cache = Path(cache) if cache is not None else None
        self._log = log or (lambda sentence: None)
        self._masters = threading.Lock()
        self._owner = 0

    def __enter__(self) -> Realm:
        start = time.monotonic()
        self._owner = os.getpid()
        self._require_tools()
        self.folder, self._folder_lock = make_folder()
        try:
            self._keeper = Keeper(self.folder, (self._folder_lock,))
            try:
                self._come_up(start)
            except BaseException:
                self._keeper.close()
                raise
        except BaseException:
            remove_folder(self.folder, self._folder_lock)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if os.getpid() != self._owner:
            return  # a fork of the owner must not take the realm away from it
        self._keeper.close()
        remove_folder(self.folder, self._folder_lock)

    # What it consists of

    @property
    def services(self) -> dict[str, Service]:
        """The services by key, each with its own keytab."""
        keytabs = self.folder / "keytabs"
        return all_services(self.host, keytabs) | (partner_services(keytabs) if self.trust else {})

    @property
    def keytab(self) -> Path:
        """A keytab of all services."""
        return self.folder / "keytabs" / "all.keytab"

    @property
    def krb5_conf(self) -> Path:
        """The Kerberos configuration of clients."""
        return self.folder / "krb5.conf"

    @property
    def smb_conf(self) -> Path:
        """The Samba configuration."""
        return self.folder / "samba" / "smb.conf"

    @property
    def smbpasswd(self) -> Path:
        """The accounts as a smbpasswd file, for an NTLM acceptor that has its own account database."""
        return self.folder / "samba" / "smbpasswd"

    @property
    def tls(self) -> Tls:
        """The host's certificates."""
        return tls_in(self.folder / "tls")

    @property
    def processes(self) -> dict[str, int]:
        """Names and pids of the processes that run for this realm."""
        return self._keeper.alive()

    def log_of(self, part: str) -> Path:
        """The log file of 'kdc', 'partner-kdc' or 'winbindd'."""
        return self.folder / "log" / f"{part}.log"

    # How a process is pointed at it

    def environment(self) -> dict[str, str]:
        """The whole environment of a client or server process in the realm; not added to the caller's."""
        return base_environment() | {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KTNAME": f"FILE:{self.keytab}",
            "KRB5CCNAME": f"FILE:{self.folder}/ccache",
            "KRB5RCACHEDIR": str(self.folder / "rcache"),
            "GSS_MECH_CONFIG": "/dev/null",  # the host's mechanism plugins stay out
        }

    def winbind_environment(self) -> dict[str, str]:
        """What to add so that libwbclient in any process finds this winbindd."""
        return winbind.client_environment(self.folder / "samba")

    # Tickets

    def kinit(self, account_key: str, ccache: Path) -> None:
        """Get a ticket for an account into a file."""
        account = self.accounts[account_key]
        run_tool(["kinit", "-c", f"FILE:{ccache}", f"{account.user}@{account.realm or self.name}"], self.environment(),
                 text=account.password + "\n", what=f"kinit of {account.user}")

    def master_ccache(self, account_key: str) -> Path:
        """A ticket cache of an account, got once per realm. Copy it, so that it stays as it is."""
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

    def start_winbindd(self) -> None:
        """Start winbindd (again) on the same socket."""
        self._begin_winbindd()
        self._finish_winbindd()

    def stop_winbindd(self) -> None:
        """Stop winbindd and its children; check() does not mind."""
        self._keeper.stop("winbindd")

    def kill(self, part: str) -> None:
        """Kill 'kdc', 'partner-kdc' or 'winbindd' as an accident would; check() complains."""
        self._keeper.kill(part)

    def _require_tools(self) -> None:
        for tool in ("krb5kdc", "kinit", "winbindd"):
            find_tool(tool)
        winbind.client_environment(Path("/"))  # finds the preload libraries

    def _come_up(self, start: float) -> None:
        """Copy the template, start both daemons side by side, wait until both answer."""
        template = template_for(self.name, self.host, self._cache)
        self.first_time = template.made
        if template.made:
            self._log(f"made the template in {time.monotonic() - start:.2f} s: {template.path}")
        self.times.update(template.times)
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
        self._begin_winbindd()  # first, as it takes longer
        self._begin_kdc()
        if self.trust:
            self._start_kdc_of("partner-kdc", PARTNER)
        self._finish_kdc()
        self.times["kdc"] = time.monotonic() - begin
        self._finish_winbindd()
        self.times["winbindd"] = time.monotonic() - begin
        self.ready_seconds = time.monotonic() - start
        self._log(f"realm {self.name} is ready after {self.ready_seconds * 1000:.0f} ms in {self.folder}")

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

    def _require_stopped(self, part: str) -> None:
        if part in self._keeper.alive():
            raise RealmError(f"{part} runs already: stop it before it is started again")
