# SPDX-License-Identifier: Apache-2.0
"""What Samba's acceptors look up, as small databases of one process: the keytab's name and the accounts.

Without a domain controller there is neither a secrets.ldb that names a keytab nor a sam.ldb. Both are made here with
just the entries that gensec's servers read. GPL libraries: only gensec.py imports this, in a process of its own.
"""
from __future__ import annotations

import re
import time
import uuid
from pathlib import Path
from typing import Any

import ldb
from samba.auth import system_session
from samba.dcerpc.security import dom_sid
from samba.ndr import ndr_pack
from samba.samdb import SamDB

BASE = "DC=sspi,DC=test"
_DISABLED, _NORMAL, _NEVER_EXPIRES = 0x2, 0x200, 0x10000  # userAccountControl (MS-ADTS 2.2.16)
_LOCKED = 0x10  # of msDS-User-Account-Control-Computed
_FOREVER = 0x7FFFFFFFFFFFFFFF
_LINE = re.compile(r"(?P<user>[^:]+):(?P<uid>\d+):[^:]*:(?P<hash>[0-9A-Fa-f]{32}):\[(?P<letters>[^\]]*)\]:"
                   r"LCT-(?P<changed>[0-9A-F]{8}):(?:KICK-(?P<end>[0-9A-F]{8}):)?")


def filetime(seconds: float) -> int:
    """Seconds since 1970 in units of 100 ns since 1601."""
    return int((seconds + 11644473600) * 10_000_000)


def write_secrets(private: Path, domain: str, realm: str, keytab: str) -> None:
    """A secrets.ldb that says where the keys are. It names no account, so any principal of the keytab will do."""
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = ldb.Ldb(str(private / "secrets.ldb"))
    database.add({"dn": "cn=Primary Domains", "objectClass": ["top", "container"]})
    database.add({"dn": f"flatname={domain},cn=Primary Domains", "objectClass": ["top", "primaryDomain", "kerberosSecret"],
                  "flatname": domain, "realm": realm, "ldapBindDn": "cn=nobody", "krb5Keytab": keytab,
                  "secret": "unused", "whenChanged": "20200101000000.0Z"})


def accounts(path: Path, smbpasswd: Path, parameters: Any) -> Any:
    """A sam.ldb with the accounts of an smbpasswd file, opened. path: where it is made."""
    database = ldb.Ldb(str(path))
    database.add({"dn": "@ROOTDSE", "defaultNamingContext": BASE, "rootDomainNamingContext": BASE,
                  "configurationNamingContext": f"CN=Configuration,{BASE}",
                  "schemaNamingContext": f"CN=Schema,CN=Configuration,{BASE}"})
    database.add({"dn": "@ATTRIBUTES", **{name: "CASE_INSENSITIVE" for name in ("sAMAccountName", "objectClass", "cn")}})
    database.add({"dn": "@MODULES", "@LIST": "rootdse,extended_dn_out_ldb"})
    database.add({"dn": BASE, "objectGUID": uuid.uuid4().bytes_le, "objectClass": ["top", "domain"], "objectSid": _sid(0),
                  "pwdProperties": "0", "minPwdAge": "0", "maxPwdAge": str(-_FOREVER - 1), "lockoutThreshold": "0",
                  "lockOutObservationWindow": "0", "lockoutDuration": "0"})
    for line in smbpasswd.read_text(encoding="utf-8").splitlines():
        if found := _LINE.match(line):
            database.add(_user(found))
    del database
    opened = SamDB(str(path), lp=parameters, session_info=system_session())
    # Whether this is a read-only controller would be asked of entries that describe a whole domain.
    opened.set_opaque_integer("cache.am_rodc", 0)
    return opened


def _user(found: re.Match[str]) -> dict[str, Any]:
    disabled = _DISABLED if "D" in found["letters"] else 0
    must_change = not int(found["changed"], 16)
    end = int(found["end"], 16) if found["end"] else None
    now = filetime(time.time())
    return {
        "dn": f"CN={found['user']},{BASE}", "objectGUID": uuid.uuid4().bytes_le,
        "objectClass": ["top", "person", "organizationalPerson", "user"], "sAMAccountName": found["user"],
        "objectSid": _sid(int(found["uid"])), "primaryGroupID": "513", "unicodePwd": bytes.fromhex(found["hash"]),
        "userAccountControl": str(_NORMAL | disabled | (0 if must_change else _NEVER_EXPIRES)),
        "msDS-User-Account-Control-Computed": str(_LOCKED if "L" in found["letters"] else 0),
        "pwdLastSet": "0" if must_change else str(now),
        "msDS-UserPasswordExpiryTimeComputed": "0" if must_change else str(_FOREVER),
        "accountExpires": "0" if end is None else str(filetime(end)),
        # As of now, so that a logon has nothing to write.
        "lastLogonTimestamp": str(now), "lastLogon": str(now), "logonCount": "0", "badPwdCount": "0"}


def _sid(relative: int) -> bytes:
    domain = "S-1-5-21-1-2-3"
    return ndr_pack(dom_sid(f"{domain}-{relative}" if relative else domain))
