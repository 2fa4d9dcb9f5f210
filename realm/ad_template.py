# SPDX-License-Identifier: Apache-2.0
"""The template of the Active Directory domain: provisioned, filled, its member joined, once; then copied."""
from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from . import ad_dc, tls
from .ad_content import ADMINISTRATOR, DOMAIN, MEMBER, ad_accounts, order
from .ad_space import DC_ADDRESS, MEMBER_ADDRESS, Space
from .errors import RealmError
from .folder import make_folder, remove_folder
from .process import Keeper
from .template import Template, made_once, recipe_hash
from .tools import base_environment, run_tool

REALM = "AD.SSPI.TEST"
SUFFIX = REALM.lower()
DC_HOST = f"{ad_dc.DC.lower()}.{SUFFIX}"
HOST = f"web.{SUFFIX}"
MEMBER_HOST = f"{MEMBER.lower()}.{SUFFIX}"
# All that a copy needs; the rest is sockets, caches and the policies nobody reads.
_KEPT = ("dc/private", "dc/state", "member/private", "member/lock", "member/state", "member/cache", "keytabs", "tls")
_SOURCES = ("accounts.py", "ad_content.py", "ad_fill.py", "ad_dc.py", "ad_space.py", "ad_inside.py",
            "ad_template.py", "tls.py")
# The distribution's Python, for which Samba's modules are built; ours may be another.
_PYTHON = "/usr/bin/python3"
_TOOLS = ("samba", "smbd", "winbindd", "net")


def make_space(keeper: Keeper, folder: Path, pipe: Path) -> Space:
    """The namespaces of a domain in `folder`; libwbclient in there finds the winbindd of `pipe`."""
    names = {DC_HOST: DC_ADDRESS, SUFFIX: DC_ADDRESS, MEMBER_HOST: MEMBER_ADDRESS, HOST: MEMBER_ADDRESS,
             f"deleg.{SUFFIX}": MEMBER_ADDRESS, f"front.{SUFFIX}": MEMBER_ADDRESS}
    return Space(keeper, folder, names, pipe)


def template_for(cache: Path | None, log: Callable[[str], None]) -> Template:
    """The template of the domain."""
    def build(work: Path) -> dict[str, float]:
        log("making the domain's template; this takes some ten seconds, once")
        return _build(work)

    return made_once(f"realm-ad-{recipe_hash((REALM,), _SOURCES, _TOOLS)}", cache, build)


def copy(source: Path, target: Path) -> None:
    """Copy a template. cp, since it leaves the holes of the databases holes: 40 MB would be ten times slower."""
    run_tool(["cp", "-a", "--sparse=auto", f"{source}/.", str(target)], base_environment(), what="copying the template")


def _build(work: Path) -> dict[str, float]:
    """Make it in a folder with a short path (sockets), then keep what a copy needs."""
    folder, lock = make_folder()
    try:
        keeper = Keeper(folder, (lock,))
        try:
            return _make(folder, keeper, work)
        finally:
            keeper.close()
    finally:
        remove_folder(folder, lock)


def _make(folder: Path, keeper: Keeper, work: Path) -> dict[str, float]:
    times: dict[str, float] = {}
    begin = time.monotonic()

    def took(what: str) -> None:
        nonlocal begin
        times[f"template-{what}"] = time.monotonic() - begin
        begin = time.monotonic()

    dc, member = folder / "dc", folder / "member"
    for path in (dc, member, folder / "log", folder / "keytabs", folder / "tls"):
        path.mkdir(mode=0o700)
    conf = ad_dc.write_conf(dc, REALM, naming=True)
    ad_dc.write_unix_files(dc)
    ad_dc.write_krb5_conf(folder, REALM, SUFFIX)
    member_conf = ad_dc.write_member_conf(member, REALM, DC_HOST)
    space = make_space(keeper, folder, dc / "wb")
    space.start()
    took("namespace")
    for certificate in tls.build_parts(folder / "tls", HOST):
        certificate()
    took("tls")
    wanted = order(DC_HOST, SUFFIX, folder / "keytabs") | {
        "conf": str(conf), "realm": REALM, "domain": DOMAIN, "hostname": ad_dc.DC, "ip": DC_ADDRESS,
        "password": ADMINISTRATOR.password}
    space.run([_PYTHON, "-I", str(Path(__file__).with_name("ad_fill.py"))], ad_dc.samba_environment(dc),
              text=json.dumps(wanted), what="filling the directory", seconds=180)
    took("provision")
    keeper.start("dc", space.command(ad_dc.command(conf, hosting=True), dc), ad_dc.dc_environment(dc), dc,
                 folder / "log" / "dc.log")
    space.wait_for("dc", (*ad_dc.PORTS, ad_dc.SMB_PORT))
    _lock_out(space, folder)
    took("start")
    space.run(["net", "ads", "join", "-s", str(member_conf), "--no-dns-updates",
               "-U", f"{ADMINISTRATOR.user}%{ADMINISTRATOR.password}"], ad_dc.samba_environment(member),
              what="joining the member")
    took("join")
    keeper.stop("dc")
    for name in _KEPT:
        for socket in ("msg.sock", "msg.lock"):
            shutil.rmtree(folder / name / socket, ignore_errors=True)
        (work / name).mkdir(mode=0o700, parents=True)
        run_tool(["cp", "-a", "--sparse=always", f"{folder / name}/.", str(work / name)], base_environment())
    took("keep")
    return times


def _lock_out(space: Space, folder: Path) -> None:
    """Lock the account that is to be locked, by bad passwords as anybody would."""
    account = ad_accounts()["locked"]
    environment = base_environment() | {"KRB5_CONFIG": str(folder / "krb5.conf")}
    for _ in range(5):
        try:
            space.run(["kinit", "-c", "MEMORY:", account.user], environment, text="wrong\n")
        except RealmError as problem:
            if "revoked" in str(problem):
                return
    raise RealmError(f"the controller does not lock {account.user} after bad passwords")
