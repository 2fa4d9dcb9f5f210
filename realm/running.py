# SPDX-License-Identifier: Apache-2.0
"""What every kind of realm is while it runs: a private folder made from a template, daemons with a keeper, tickets."""
from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from .accounts import Account
from .errors import RealmError
from .folder import make_folder, remove_folder
from .process import Keeper
from .template import Template
from .tls import Tls, tls_in
from .tools import base_environment

class RunningRealm(ABC):
    """A context manager. Nothing of it outlives the `with` block.

    cache: where the template is kept, None for the user's cache folder.
    log: called with sentences about what happens.
    """

    accounts: dict[str, Account]

    def __init__(self, name: str, cache: Path | None, log: Callable[[str], None] | None) -> None:
        self.name = name
        self.ready_seconds = 0.0
        self.first_time = False
        self.times: dict[str, float] = {}
        self._cache = Path(cache) if cache is not None else None
        self._log = log or (lambda sentence: None)
        self._masters = threading.Lock()
        self._owner = 0

    def __enter__(self) -> Self:
        start = time.monotonic()
        self._owner = os.getpid()
        template = self._find_template()
        self.first_time = template.made
        if template.made:
            self._log(f"made the template in {time.monotonic() - start:.2f} s: {template.path}")
        self.times.update(template.times)
        self.folder, self._folder_lock = make_folder()
        try:
            self._keeper = Keeper(self.folder, (self._folder_lock,))
            try:
                self._come_up(template)
            except BaseException:
                self._keeper.close()
                raise
        except BaseException:
            remove_folder(self.folder, self._folder_lock)
            raise
        self.ready_seconds = time.monotonic() - start
        self._log(f"realm {self.name} is ready after {self.ready_seconds * 1000:.0f} ms in {self.folder}")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if os.getpid() != self._owner:
            return  # a fork of the owner must not take the realm away from it
        self._keeper.close()
        remove_folder(self.folder, self._folder_lock)

    @abstractmethod
    def _find_template(self) -> Template:
        """The template, once it is clear that this machine has what a start needs; else RealmError."""

    @abstractmethod
    def _come_up(self, template: Template) -> None:
        """Copy the template, start the daemons, wait until they answer."""

    # What it consists of

    @property
    def keytab(self) -> Path:
        """A keytab of all services."""
        return self.folder / "keytabs" / "all.keytab"

    @property
    def krb5_conf(self) -> Path:
        """The Kerberos configuration of clients."""
        return self.folder / "krb5.conf"

    @property
    def tls(self) -> Tls:
        """The host's certificates."""
        return tls_in(self.folder / "tls")

    @property
    def processes(self) -> dict[str, int]:
        """Names and pids of the processes that run for this realm; of what is in namespaces, the parents outside."""
        return self._keeper.alive()

    def log_of(self, part: str) -> Path:
        """The log file of a part: 'kdc', 'partner-kdc' or 'winbindd'; with Active Directory 'dc', 'winbindd' or 'namespace'."""
        return self.folder / "log" / f"{part}.log"

    def environment(self) -> dict[str, str]:
        """The whole environment of a client or server process in the realm; not added to the caller's."""
        return base_environment() | {
            "KRB5_CONFIG": str(self.krb5_conf),
            "KRB5_KTNAME": f"FILE:{self.keytab}",
            "KRB5CCNAME": f"FILE:{self.folder}/ccache",
            "KRB5RCACHEDIR": str(self.folder / "rcache"),
            "GSS_MECH_CONFIG": "/dev/null",  # the host's mechanism plugins stay out
        }

    # Tickets

    @abstractmethod
    def kinit(self, account_key: str, ccache: Path) -> None:
        """Get a ticket for an account into a file."""

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

    # Its life

    def check(self) -> None:
        """Raise RealmError naming the first part that is dead though nobody stopped it."""
        self._keeper.check()

    def start_winbindd(self) -> None:
        """Start winbindd (again) on the same socket."""
        self._begin_winbindd()
        self._finish_winbindd()

    @abstractmethod
    def _begin_winbindd(self) -> None:
        """The first half of starting it, which takes no time."""

    @abstractmethod
    def _finish_winbindd(self) -> None:
        """Wait until it answers."""

    def _require_stopped(self, part: str) -> None:
        if part in self._keeper.alive():
            raise RealmError(f"{part} runs already: stop it before it is started again")
