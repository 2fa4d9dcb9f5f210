# SPDX-License-Identifier: Apache-2.0
"""Status codes: names, numbers, meaning."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Status:
    """A status code. `remark` says what to know when documents and headers disagree."""

    name: str
    number: int
    meaning: str
    remark: str = ""


_WRONG_HANDLE_NUMBER = (
    "Some pages print 0x80100003 beside this name. That is a mistake of the documents (0x80100003 is "
    "SCARD_E_INVALID_HANDLE of the smart card functions): the headers and every Windows answer have 0x80090301.")

STATUSES = (
    Status("SEC_E_OK", 0x00000000, "done; the output buffer may still hold a token that must be sent"),
    Status("SEC_I_CONTINUE_NEEDED", 0x00090312, "another leg is needed"),
    Status("SEC_I_COMPLETE_NEEDED", 0x00090313, "finish the message, then call CompleteAuthToken",
           "Listed for every package, in practice Digest alone."),
    Status("SEC_I_COMPLETE_AND_CONTINUE", 0x00090314, "call CompleteAuthToken, then another leg is needed",
           "Listed for every package, in practice Digest alone."),
    Status("SEC_I_LOCAL_LOGON", 0x00090315, "a local logon (old)"),
    Status("SEC_I_CONTEXT_EXPIRED", 0x00090317, "the other side has closed the session (Schannel)"),
    Status("SEC_I_INCOMPLETE_CREDENTIALS", 0x00090320, "more credentials are asked for (Schannel)"),
    Status("SEC_I_RENEGOTIATE", 0x00090321, "the other side wants to negotiate again (Schannel)"),
    Status("SEC_I_NO_LSA_CONTEXT", 0x00090323, "the security authority has no context that belongs to this one"),
    Status("SEC_I_SIGNATURE_NEEDED", 0x0009035C, "a signature is needed (Schannel)"),
    Status("SEC_I_MESSAGE_FRAGMENT", 0x00090364, "this is a fragment of a larger message"),
    Status("SEC_I_CONTINUE_NEEDED_MESSAGE_OK", 0x00090366, "another leg is needed, the message itself is good"),
    Status("SEC_E_INSUFFICIENT_MEMORY", 0x80090300, "memory ran out"),
    Status("SEC_E_INVALID_HANDLE", 0x80090301, "the handle is not valid", _WRONG_HANDLE_NUMBER),
    Status("SEC_E_UNSUPPORTED_FUNCTION", 0x80090302, "the function or an option asked for is not supported"),
    Status("SEC_E_TARGET_UNKNOWN", 0x80090303, "the target is not known"),
    Status("SEC_E_INTERNAL_ERROR", 0x80090304, "something went wrong inside the package"),
    Status("SEC_E_SECPKG_NOT_FOUND", 0x80090305, "there is no such security package"),
    Status("SEC_E_NOT_OWNER", 0x80090306, "the caller does not own the credentials"),
    Status("SEC_E_CANNOT_INSTALL", 0x80090307, "the package cannot be initialised"),
    Status("SEC_E_INVALID_TOKEN", 0x80090308, "the token is malformed or not one this call can take"),
    Status("SEC_E_CANNOT_PACK", 0x80090309, "the package cannot marshal the data"),
    Status("SEC_E_QOP_NOT_SUPPORTED", 0x8009030A, "the quality of protection is not supported"),
    Status("SEC_E_NO_IMPERSONATION", 0x8009030B, "impersonation is not allowed for this context"),
    Status("SEC_E_LOGON_DENIED", 0x8009030C, "the logon failed"),
    Status("SEC_E_UNKNOWN_CREDENTIALS", 0x8009030D, "the credentials were not recognised"),
    Status("SEC_E_NO_CREDENTIALS", 0x8009030E, "the package has no credentials"),
    Status("SEC_E_MESSAGE_ALTERED", 0x8009030F, "the message was altered"),
    Status("SEC_E_OUT_OF_SEQUENCE", 0x80090310, "the message came out of order"),
    Status("SEC_E_NO_AUTHENTICATING_AUTHORITY", 0x80090311, "no authority could be reached to authenticate"),
    Status("SEC_E_BAD_PKGID", 0x80090316, "the package does not exist"),
    Status("SEC_E_CONTEXT_EXPIRED", 0x80090317, "the context has expired"),
    Status("SEC_E_INCOMPLETE_MESSAGE", 0x80090318, "the message is incomplete"),
    Status("SEC_E_INCOMPLETE_CREDENTIALS", 0x80090320, "the credentials are incomplete"),
    Status("SEC_E_BUFFER_TOO_SMALL", 0x80090321, "a buffer is too small"),
    Status("SEC_E_WRONG_PRINCIPAL", 0x80090322, "the target principal is not the one meant"),
    Status("SEC_E_TIME_SKEW", 0x80090324, "the clocks of the two machines differ too much"),
    Status("SEC_E_UNTRUSTED_ROOT", 0x80090325, "the certificate chain ends in a root that is not trusted"),
    Status("SEC_E_ILLEGAL_MESSAGE", 0x80090326, "the message was unexpected or badly formed"),
    Status("SEC_E_CERT_UNKNOWN", 0x80090327, "the certificate could not be processed"),
    Status("SEC_E_CERT_EXPIRED", 0x80090328, "the certificate has expired"),
    Status("SEC_E_ENCRYPT_FAILURE", 0x80090329, "the data could not be encrypted"),
    Status("SEC_E_DECRYPT_FAILURE", 0x80090330, "the data could not be decrypted"),
    Status("SEC_E_ALGORITHM_MISMATCH", 0x80090331, "the two sides have no algorithm in common"),
    Status("SEC_E_SECURITY_QOS_FAILED", 0x80090332, "the quality of security asked for was not reached"),
    Status("SEC_E_UNFINISHED_CONTEXT_DELETED", 0x80090333, "the context was deleted before it was complete"),
    Status("SEC_E_NO_TGT_REPLY", 0x80090334, "user-to-user: the other side sent no ticket-granting ticket"),
    Status("SEC_E_NO_IP_ADDRESSES", 0x80090335, "the machine has no address to put into the request"),
    Status("SEC_E_WRONG_CREDENTIAL_HANDLE", 0x80090336, "the credential handle is not the context's own"),
    Status("SEC_E_CRYPTO_SYSTEM_INVALID", 0x80090337, "the cipher chosen is not supported or not valid"),
    Status("SEC_E_MAX_REFERRALS_EXCEEDED", 0x80090338, "too many referrals between realms"),
    Status("SEC_E_MUST_BE_KDC", 0x80090339, "the machine must be a KDC"),
    Status("SEC_E_STRONG_CRYPTO_NOT_SUPPORTED", 0x8009033A, "strong cryptography is asked for and not supported"),
    Status("SEC_E_TOO_MANY_PRINCIPALS", 0x8009033B, "the KDC reply names more than one principal"),
    Status("SEC_E_NO_PA_DATA", 0x8009033C, "preauthentication data was expected and is missing"),
    Status("SEC_E_PKINIT_NAME_MISMATCH", 0x8009033D, "the certificate names somebody else"),
    Status("SEC_E_SMARTCARD_LOGON_REQUIRED", 0x8009033E, "only a smart card logon is allowed"),
    Status("SEC_E_SHUTDOWN_IN_PROGRESS", 0x8009033F, "the system is shutting down"),
    Status("SEC_E_KDC_INVALID_REQUEST", 0x80090340, "the KDC found the request invalid"),
    Status("SEC_E_KDC_UNABLE_TO_REFER", 0x80090341, "the KDC could not refer to another realm"),
    Status("SEC_E_KDC_UNKNOWN_ETYPE", 0x80090342, "the KDC does not support the encryption type"),
    Status("SEC_E_UNSUPPORTED_PREAUTH", 0x80090343, "the preauthentication is not supported"),
    Status("SEC_E_DELEGATION_REQUIRED", 0x80090345, "delegation is needed for what is asked"),
    Status("SEC_E_BAD_BINDINGS", 0x80090346, "the channel bindings of the two sides differ"),
    Status("SEC_E_MULTIPLE_ACCOUNTS", 0x80090347, "the certificate belongs to several accounts"),
    Status("SEC_E_NO_KERB_KEY", 0x80090348, "there is no Kerberos key for the account"),
    Status("SEC_E_CERT_WRONG_USAGE", 0x80090349, "the certificate is not meant for this use"),
    Status("SEC_E_DOWNGRADE_DETECTED", 0x80090350, "a downgrade of the security was detected"),
    Status("SEC_E_SMARTCARD_CERT_REVOKED", 0x80090351, "the smart card's certificate is revoked"),
    Status("SEC_E_ISSUING_CA_UNTRUSTED", 0x80090352, "the issuer of the certificate is not trusted"),
    Status("SEC_E_REVOCATION_OFFLINE_C", 0x80090353, "revocation could not be looked up"),
    Status("SEC_E_PKINIT_CLIENT_FAILURE", 0x80090354, "the smart card's certificate is not trusted"),
    Status("SEC_E_SMARTCARD_CERT_EXPIRED", 0x80090355, "the smart card's certificate has expired"),
    Status("SEC_E_NO_S4U_PROT_SUPPORT", 0x80090356, "the domain does not support S4U"),
    Status("SEC_E_CROSSREALM_DELEGATION_FAILURE", 0x80090357, "delegation over a realm's border failed"),
    Status("SEC_E_REVOCATION_OFFLINE_KDC", 0x80090358, "revocation of the KDC's certificate could not be looked up"),
    Status("SEC_E_ISSUING_CA_UNTRUSTED_KDC", 0x80090359, "the issuer of the KDC's certificate is not trusted"),
    Status("SEC_E_KDC_CERT_EXPIRED", 0x8009035A, "the KDC's certificate has expired"),
    Status("SEC_E_KDC_CERT_REVOKED", 0x8009035B, "the KDC's certificate is revoked"),
    Status("SEC_E_INVALID_PARAMETER", 0x8009035D, "a parameter is not valid"),
    Status("SEC_E_DELEGATION_POLICY", 0x8009035E, "policy forbids delegation to the target"),
    Status("SEC_E_POLICY_NLTM_ONLY", 0x8009035F, "policy allows NTLM alone",
           "The letters NLTM are how the header spells it."),
    Status("SEC_E_NO_CONTEXT", 0x80090361, "the context is not there any more"),
    Status("SEC_E_PKU2U_CERT_FAILURE", 0x80090362, "the PKU2U certificate failed"),
    Status("SEC_E_MUTUAL_AUTH_FAILED", 0x80090363, "the server could not prove itself"),
    Status("SEC_E_ONLY_HTTPS_ALLOWED", 0x80090365, "only HTTPS is allowed"),
    Status("SEC_E_APPLICATION_PROTOCOL_MISMATCH", 0x80090367, "the two sides have no application protocol in common"),
    Status("SEC_E_INVALID_UPN_NAME", 0x80090369, "the user principal name is malformed"),
    Status("SEC_E_EXT_BUFFER_TOO_SMALL", 0x8009036A, "the buffer for the extension is too small"),
    Status("SEC_E_INSUFFICIENT_BUFFERS", 0x8009036B, "the call got too few buffers"),
)


def named(name: str) -> Status | None:
    """The status of a name; SEC_E_ may be left out and case does not matter."""
    wanted = name.upper()
    for status in STATUSES:
        if wanted in (status.name, status.name.removeprefix("SEC_E_"), status.name.removeprefix("SEC_I_")):
            return status
    return None


def numbered(number: int) -> Status | None:
    """The status of a number."""
    return next((status for status in STATUSES if status.number == number & 0xFFFFFFFF), None)


def name(number: int) -> str:
    """The name of a number, or the number in hex when it has none."""
    status = numbered(number)
    return status.name if status else f"0x{number & 0xFFFFFFFF:08x}"


def is_known(name_or_hex: str) -> bool:
    """Whether an expectation may say this: a known name, or a number without a name."""
    if name_or_hex.startswith("0x"):
        try:
            return len(name_or_hex) == 10 and numbered(int(name_or_hex, 16)) is None
        except ValueError:
            return False
    return any(status.name == name_or_hex for status in STATUSES)
