# SPDX-License-Identifier: Apache-2.0
"""Names of the numbers that end an exchange."""
from __future__ import annotations

from types import MappingProxyType

from ..decode.errors_of_kerberos import ERRORS
from ..exchange.model import KRB_ERROR, NEG_STATE, NT_STATUS, Status
from ..tokens import TokenError, kerberos, kind, spnego

MORE_PROCESSING, PENDING = 0xC0000016, 0x00000103  # NTSTATUS that decide nothing

# RFC 4511 A.1
LDAP = MappingProxyType({
    0: "success", 1: "operationsError", 2: "protocolError", 7: "authMethodNotSupported", 8: "strongerAuthRequired",
    10: "referral", 11: "adminLimitExceeded", 13: "confidentialityRequired", 14: "saslBindInProgress",
    34: "invalidDNSyntax", 48: "inappropriateAuthentication", 49: "invalidCredentials", 50: "insufficientAccessRights",
    51: "busy", 52: "unavailable", 53: "unwillingToPerform", 80: "other",
})

# MS-ERREF 2.3.1, those that a logon may end with
NT = MappingProxyType({
    0x00000000: "STATUS_SUCCESS", 0x00000103: "STATUS_PENDING", 0xC0000016: "STATUS_MORE_PROCESSING_REQUIRED",
    0xC0000001: "STATUS_UNSUCCESSFUL", 0xC0000002: "STATUS_NOT_IMPLEMENTED", 0xC000000D: "STATUS_INVALID_PARAMETER",
    0xC0000017: "STATUS_NO_MEMORY", 0xC0000022: "STATUS_ACCESS_DENIED", 0xC000005E: "STATUS_NO_LOGON_SERVERS",
    0xC000005F: "STATUS_NO_SUCH_LOGON_SESSION", 0xC0000064: "STATUS_NO_SUCH_USER", 0xC000006A: "STATUS_WRONG_PASSWORD",
    0xC000006D: "STATUS_LOGON_FAILURE", 0xC000006E: "STATUS_ACCOUNT_RESTRICTION", 0xC000006F: "STATUS_INVALID_LOGON_HOURS",
    0xC0000070: "STATUS_INVALID_WORKSTATION", 0xC0000071: "STATUS_PASSWORD_EXPIRED", 0xC0000072: "STATUS_ACCOUNT_DISABLED",
    0xC000009A: "STATUS_INSUFFICIENT_RESOURCES", 0xC00000B5: "STATUS_IO_TIMEOUT", 0xC00000BB: "STATUS_NOT_SUPPORTED",
    0xC00000CC: "STATUS_BAD_NETWORK_NAME", 0xC00000D0: "STATUS_REQUEST_NOT_ACCEPTED",
    0xC00000DC: "STATUS_INVALID_SERVER_STATE", 0xC00000DF: "STATUS_NO_SUCH_DOMAIN",
    0xC00000E5: "STATUS_INTERNAL_ERROR", 0xC0000133: "STATUS_TIME_DIFFERENCE_AT_DC",
    0xC000015B: "STATUS_LOGON_TYPE_NOT_GRANTED",
    0xC000018A: "STATUS_NO_TRUST_LSA_SECRET", 0xC000018B: "STATUS_NO_TRUST_SAM_ACCOUNT",
    0xC000018C: "STATUS_TRUSTED_DOMAIN_FAILURE", 0xC000018D: "STATUS_TRUSTED_RELATIONSHIP_FAILURE",
    0xC0000190: "STATUS_TRUST_FAILURE", 0xC0000192: "STATUS_NETLOGON_NOT_STARTED", 0xC0000193: "STATUS_ACCOUNT_EXPIRED",
    0xC0000199: "STATUS_NOLOGON_WORKSTATION_TRUST_ACCOUNT", 0xC000019B: "STATUS_DOMAIN_TRUST_INCONSISTENT",
    0xC0000203: "STATUS_USER_SESSION_DELETED", 0xC000020C: "STATUS_CONNECTION_DISCONNECTED",
    0xC0000224: "STATUS_PASSWORD_MUST_CHANGE", 0xC0000233: "STATUS_DOMAIN_CONTROLLER_NOT_FOUND",
    0xC0000234: "STATUS_ACCOUNT_LOCKED_OUT", 0xC000035C: "STATUS_NETWORK_SESSION_EXPIRED",
    0xC0000413: "STATUS_AUTHENTICATION_FIREWALL_FAILED",
    0xC0000418: "STATUS_NTLM_BLOCKED",
    0xC0000380: "STATUS_SMARTCARD_WRONG_PIN", 0xC0000388: "STATUS_DOWNGRADE_DETECTED",
})

# [C706] appendix N, MS-RPCE 2.2.1.1.7, and RPC statuses of Windows (MS-ERREF 2.2)
RPC = MappingProxyType({
    0x00000005: "ERROR_ACCESS_DENIED", 0x000006BE: "RPC_S_CALL_FAILED", 0x000006D3: "RPC_S_UNKNOWN_AUTHN_SERVICE",
    0x00000721: "RPC_S_SEC_PKG_ERROR", 0x000006F7: "RPC_X_BAD_STUB_DATA",
    0x1C010002: "nca_op_rng_error", 0x1C010003: "nca_unk_if", 0x1C00001A: "nca_s_fault_context_mismatch",
    })

# [C706] 12.6.4.5 and MS-RPCE 2.2.2.5: why a bind is refused
BIND_NAK = MappingProxyType({
    0: "reason not specified", 1: "temporary congestion", 2: "local limit exceeded", 3: "called address unknown",
    4: "protocol version not supported", 8: "authentication type not recognized", 9: "invalid checksum",
})


def dos_error(value: int) -> Status:
    """A status of a server that was not asked for NTSTATUS (MS-CIFS 2.2.2.4): class and code."""
    return Status(NT_STATUS, value, f"DOS error {value & 0xFF}/{value >> 16}" if value else NT[0], not value)


def nt_status(code: int, detail: str = "") -> Status:
    """An NTSTATUS; its severity decides (MS-ERREF 2.3)."""
    success = None if code in (MORE_PROCESSING, PENDING) else code < 0x80000000
    return Status(NT_STATUS, code, NT.get(code, ""), success, detail)


def of_token(token: bytes) -> Status | None:
    """What a server's token says of the end: accept-completed, reject, or a KRB-ERROR; None when it goes on."""
    try:
        if kind(token) == "NegTokenResp":
            message = spnego.parse(token)
            if not isinstance(message, spnego.NegTokenResp):
                return None
            if message.neg_state in (spnego.ACCEPT_COMPLETED, spnego.REJECT):
                return Status(NEG_STATE, message.neg_state, message.state_name or "", message.neg_state == spnego.ACCEPT_COMPLETED)
            token = message.response_token or b""
        if kind(token) != "KRB-ERROR":
            return None
        code = kerberos.parse(token).values["errorCode"]
    except TokenError:
        return None
    return Status(KRB_ERROR, code & 0xFFFFFFFF, ERRORS.get(code, ("", ""))[0], False)
