# SPDX-License-Identifier: Apache-2.0
"""By what number a server refuses: NTSTATUS and SECURITY_STATUS of all transports on one denominator."""
from __future__ import annotations

import re
from types import MappingProxyType

from .. import statuses
from ..exchange.model import CREDSSP, LDAP, NT_STATUS, RPC_FAULT, SECURITY, NNS, Status

LOGON_FAILURE = 0xC000006D
ACCESS_DENIED = 0xC0000022
NO_SUCH_USER = 0xC0000064
WRONG_PASSWORD = 0xC000006A
SEC_LOGON_DENIED = 0x8009030C
BAD_BINDINGS = (0xC000035B, 0x80090346)

# MS-ERREF 2.3.1, the statuses with which authentication is refused.
NT_STATUSES = MappingProxyType({
    0xC000000D: ("STATUS_INVALID_PARAMETER", "a parameter is not valid"),
    0xC0000022: ("STATUS_ACCESS_DENIED", "access is denied"),
    0xC000005E: ("STATUS_NO_LOGON_SERVERS", "no domain controller could be reached to check the logon"),
    0xC0000064: ("STATUS_NO_SUCH_USER", "there is no account of that name"),
    0xC000006A: ("STATUS_WRONG_PASSWORD", "the password is wrong"),
    0xC000006D: ("STATUS_LOGON_FAILURE", "name or password is wrong, or a check that is not told apart from it failed"),
    0xC000006E: ("STATUS_ACCOUNT_RESTRICTION", "name and password are right, a restriction of the account forbids it"),
    0xC000006F: ("STATUS_INVALID_LOGON_HOURS", "the account may not log on at this hour"),
    0xC0000070: ("STATUS_INVALID_WORKSTATION", "the account may not log on from this workstation"),
    0xC0000071: ("STATUS_PASSWORD_EXPIRED", "the password has expired"),
    0xC0000072: ("STATUS_ACCOUNT_DISABLED", "the account is disabled"),
    0xC00000BB: ("STATUS_NOT_SUPPORTED", "the request is not supported"),
    0xC00000DC: ("STATUS_INVALID_SERVER_STATE", "the security database is in a state that forbids it"),
    0xC0000133: ("STATUS_TIME_DIFFERENCE_AT_DC", "the clocks of client and domain controller differ too much"),
    0xC000015B: ("STATUS_LOGON_TYPE_NOT_GRANTED", "the account may not log on this way at this computer"),
    0xC0000192: ("STATUS_NETLOGON_NOT_STARTED", "the Netlogon service does not run"),
    0xC0000193: ("STATUS_ACCOUNT_EXPIRED", "the account has expired"),
    0xC0000199: ("STATUS_NOLOGON_WORKSTATION_TRUST_ACCOUNT", "it is the account of a computer"),
    0xC000019B: ("STATUS_DOMAIN_TRUST_INCONSISTENT", "the trust between the domains is inconsistent"),
    0xC0000224: ("STATUS_PASSWORD_MUST_CHANGE", "the password must be changed before the first logon"),
    0xC0000234: ("STATUS_ACCOUNT_LOCKED_OUT", "the account is locked after too many wrong passwords"),
    0xC000035B: ("STATUS_BAD_BINDINGS", "the channel bindings are not those of the server"),
    0xC000035C: ("STATUS_NETWORK_SESSION_EXPIRED", "the session is over; the client has to log on anew"),
    0xC0000388: ("STATUS_DOWNGRADE_DETECTED", "an attempt to weaken the security was noticed"),
    0xC0000413: ("STATUS_AUTHENTICATION_FIREWALL_FAILED", "selective authentication of the trust does not allow this computer"),
    0xC0000418: ("STATUS_NTLM_BLOCKED", "NTLM is blocked by policy"),
    0xC018000C: ("STATUS_SMARTCARD_LOGON_REQUIRED", "the account may log on with a smart card only"),
    0x80090302: ("SEC_E_UNSUPPORTED_FUNCTION", "the package does not do this; of NTLM: policy refuses it"),
})

# The Win32 error of `data` in a domain controller's "AcceptSecurityContext error, data 52e" (MS-ERREF 2.2), as NTSTATUS.
_OF_LDAP = MappingProxyType({
    0x525: 0xC0000064, 0x52E: 0xC000006D, 0x52F: 0xC000006E, 0x530: 0xC000006F, 0x531: 0xC0000070, 0x532: 0xC0000071,
    0x533: 0xC0000072, 0x568: 0xC000006D, 0x569: 0xC000015B, 0x701: 0xC0000193, 0x773: 0xC0000224, 0x775: 0xC0000234,
})
# Win32 errors in the fault of a call that follows the logon (MS-RPCE 3.3.3.4.4), where RPC tells no more.
RPC_FAULTS = MappingProxyType({
    5: ("ERROR_ACCESS_DENIED", "access is denied; in RPC that is a logon that failed as well as an account without the right to call"),
    0x721: ("RPC_S_SEC_PKG_ERROR", "the security package failed, which is mostly a logon that was refused"),
})
_DATA = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")
_CODES = (NT_STATUS, CREDSSP, SECURITY, RPC_FAULT, NNS)


def code(status: Status) -> int:
    """The NTSTATUS or SECURITY_STATUS behind a status, 0 when it tells none."""
    if status.kind == LDAP:
        data = ldap_data(status)
        return 0 if data is None else _OF_LDAP.get(data, data if data >> 31 else 0)
    return status.value if status.kind in _CODES and status.value >> 30 else 0


def ldap_data(status: Status) -> int | None:
    """The sub-code in the diagnostic message of an LDAP bind response; 80090346 stands there as such."""
    found = _DATA.search(status.detail)
    return int(found[1], 16) if found else None


def name(number: int) -> str:
    """STATUS_LOGON_FAILURE and the like; hex when it has no name here."""
    known = NT_STATUSES.get(number)
    return known[0] if known else statuses.name(number)


def meaning(number: int) -> str:
    """In words; empty when it is not known here."""
    if number in NT_STATUSES:
        return NT_STATUSES[number][1]
    known = statuses.numbered(number)
    return known.meaning if known else ""
