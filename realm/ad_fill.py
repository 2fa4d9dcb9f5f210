# SPDX-License-Identifier: Apache-2.0
"""Provisions a directory and fills it. A script of its own process, since it needs Samba's Python modules.

Reads one JSON object from standard input: the smb.conf, names, users and services (see ad_content.py). One
process for all of it, as each samba-tool call would cost a third of a second.
"""
import json
import logging
import os
import sys

import ldb
from samba import param
from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.net import Net
from samba.provision import provision
from samba.samdb import SamDB
import samba.dckeytab  # noqa: F401  (gives Net its export_keytab)

# RC4, AES128, AES256. Without it, tickets to a user account with an SPN are RC4.
ENCTYPES = "28"
TICKS_PER_DAY = 86400 * 10**7


def main() -> None:
    given = json.load(sys.stdin)
    conf = param.LoadParm()
    conf.load(given["conf"])
    logging.basicConfig(level=logging.WARNING)
    provision(logging.getLogger("provision"), system_session(), smbconf=given["conf"], realm=given["realm"],
              domain=given["domain"], hostname=given["hostname"], hostip=given["ip"], adminpass=given["password"],
              serverrole="active directory domain controller", dns_backend="SAMBA_INTERNAL", lp=conf,
              dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2, skip_sysvolacl=True, batch_mode=True)
    conf.load(given["conf"])
    directory = SamDB(url=os.path.join(conf.get("private dir"), "sam.ldb"), session_info=system_session(), lp=conf)
    directory.transaction_start()
    for user in given["users"]:
        add_user(directory, user, given["domain"])
    for service in given["services"]:
        add_service(directory, service, given["realm"])
    # The controller would give itself this name later; the keytabs are made now.
    modify(directory, f"{given['hostname']}$", {"servicePrincipalName": given["own"]}, ldb.FLAG_MOD_ADD)
    directory.transaction_commit()
    tabs = Net(None, conf)
    for service in given["keytabs"]:
        for path in (service["keytab"], given["together"]):
            tabs.export_keytab(keytab=path, principal=service["spn"])


def add_user(directory: SamDB, user: dict, domain: str) -> None:
    """Add a user in the state its key names."""
    directory.newuser(user["user"], user["password"])
    change = {"userAccountControl": str(user["flags"])}
    if user["key"] == "expired":
        change["accountExpires"] = str(126227808000000000)  # 2001
    if user["key"] == "password-expired":
        change["pwdLastSet"] = "0"
    if user["key"] == "restricted":
        change["userWorkstations"] = "ELSEWHERE"
    modify(directory, user["user"], change)
    if user["key"] == "protected":
        directory.add_remove_group_members("Protected Users", [user["user"]])
    if user["key"] == "locked":
        lock_after(directory, user["user"], 2)


def lock_after(directory: SamDB, user: str, failures: int) -> None:
    """A password policy for this user alone; the bad passwords come later, over the wire."""
    directory.add({
        "dn": f"CN=lockout,CN=Password Settings Container,CN=System,{directory.domain_dn()}",
        "objectClass": "msDS-PasswordSettings",
        "msDS-PasswordSettingsPrecedence": "1",
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        "msDS-PasswordHistoryLength": "0",
        "msDS-PasswordComplexityEnabled": "FALSE",
        "msDS-MinimumPasswordLength": "0",
        "msDS-MinimumPasswordAge": "0",
        "msDS-MaximumPasswordAge": str(-9000 * TICKS_PER_DAY),
        "msDS-LockoutThreshold": str(failures),
        "msDS-LockoutObservationWindow": str(-TICKS_PER_DAY),
        "msDS-LockoutDuration": str(-9000 * TICKS_PER_DAY),
        "msDS-PSOAppliesTo": str(dn_of(directory, user)),
    })


def add_service(directory: SamDB, service: dict, realm: str) -> None:
    """Add the account of a service. Its SPN is its principal name too, so that its keytab can get a ticket."""
    directory.newuser(service["user"], service["password"])
    modify(directory, service["user"], {
        "userPrincipalName": f"{service['spn']}@{realm}",
        "servicePrincipalName": service["spn"],
        "msDS-SupportedEncryptionTypes": ENCTYPES,
        "userAccountControl": str(service["flags"]),
    })
    if service["targets"]:
        modify(directory, service["user"], {"msDS-AllowedToDelegateTo": service["targets"]})


def modify(directory: SamDB, user: str, change: dict, how: int = ldb.FLAG_MOD_REPLACE) -> None:
    """Change attributes of an account."""
    message = ldb.Message(dn_of(directory, user))
    for name, value in change.items():
        message[name] = ldb.MessageElement(value, how, name)
    directory.modify(message)


def dn_of(directory: SamDB, user: str) -> ldb.Dn:
    """Where an account is in the directory."""
    found = directory.search(directory.domain_dn(), ldb.SCOPE_SUBTREE, f"(sAMAccountName={user})", ["dn"])
    return found[0].dn


if __name__ == "__main__":
    main()
