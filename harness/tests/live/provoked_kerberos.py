# SPDX-License-Identifier: Apache-2.0
"""Cases for the diagnoses of the KDC, of Kerberos and of account states."""
from __future__ import annotations

from typing import Any

from live.provoked import Provoked
from live_bench import LiveCase

_UNKNOWN_SPN = "HTTP/missing.sspi.test"


def _kerberos(package: str = "Negotiate", **more: Any) -> dict[str, Any]:
    """Settings of Kerberos inside SPNEGO, with mutual authentication."""
    return {"package": package, "mechanism": "Kerberos", "initiator.flags": ["MUTUAL_AUTH"]} | _dotted(more)


def _either(**more: Any) -> dict[str, Any]:
    """A client that would take Kerberos, and NTLM where there is no ticket."""
    return {"package": "Negotiate", "mechanism": "Kerberos", "initiator.package-list": None,
            "initiator.flags": ["MUTUAL_AUTH"]} | _dotted(more)


def _dotted(more: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("__", ".").replace("_", "-"): value for key, value in more.items()}


def _state(account: str, nt_status: int | None = None, **more: Any) -> LiveCase:
    """NTLM over SMB2, where the domain's winbindd says what is wrong with the account."""
    return LiveCase({"package": "NTLM", "initiator.account": account, **_dotted(more)}, transport="smb2", nt_status=nt_status)


KDC = [
    Provoked("client-unknown-to-kdc", LiveCase(_kerberos(initiator__account="unknown-user")), ("6 KDC_ERR_C_PRINCIPAL_UNKNOWN", "nobody")),
    Provoked("password-wrong-at-kdc", LiveCase(_kerberos(initiator__account="wrong-password")), ("24 KDC_ERR_PREAUTH_FAILED", "alice")),
    Provoked("account-revoked-at-kdc", LiveCase(_kerberos(initiator__account="disabled")), ("18 ", "dora")),
    Provoked("account-revoked-at-kdc", LiveCase(_kerberos(initiator__account="locked")), ("18 ", "luke")),
    Provoked("account-revoked-at-kdc", LiveCase(_kerberos(initiator__account="expired")), ("eve",)),
    Provoked("password-expired-at-kdc", LiveCase(_kerberos(initiator__account="password-expired")), ("23 KDC_ERR_KEY_EXPIRED", "pete")),
    Provoked("spn-unknown", LiveCase(_kerberos(initiator__target=_UNKNOWN_SPN)), ("7 ", _UNKNOWN_SPN)),
    Provoked("user-to-user-required", LiveCase(_kerberos(), kadmin=["modify_principal -allow_svr HTTP/web.sspi.test"]), ("27 ",)),
    Provoked("etype-not-supported-by-kdc", LiveCase(_kerberos(initiator__target="rc4"), krb5={"permitted_enctypes": "aes256-cts-hmac-sha1-96"}), ("14 ",)),
    Provoked("kdc-does-not-answer", LiveCase(_kerberos(), world=["false-kdc-hang-up"]), ("AS-REQ none",)),
    Provoked("trust-failed", LiveCase(_kerberos(initiator__target="partner"), needs=["trust"], world=["kill-partner-kdc"]), ("PARTNER.TEST", "no answer")),
    Provoked("fallback-to-ntlm", LiveCase(_either(initiator__target=_UNKNOWN_SPN)), ("7 ", _UNKNOWN_SPN), is_note=True),
]

KERBEROS = [
    Provoked("clock-skew", LiveCase(_kerberos(initiator__misbehave={"ap-req": "late"}), initiator="peer", keytab="http"), ("37 KRB_AP_ERR_SKEW", "by 600 s: the client is behind")),
    Provoked("clock-skew", LiveCase(_kerberos(initiator__misbehave={"ap-req": "early"}), initiator="peer"), ("37 KRB_AP_ERR_SKEW",)),
    Provoked("ticket-expired", LiveCase(_kerberos(initiator__ticket="expired", initiator__account="default"), keytab="http"), ("endtime",)),
    Provoked("ticket-expired", LiveCase(_kerberos(initiator__ticket="expired", initiator__account="default", initiator__flags=["MUTUAL_AUTH", "EXTENDED_ERROR"], acceptor__flags=["EXTENDED_ERROR"])), ("32 ",)),
    Provoked("ticket-not-yet-valid", LiveCase(_kerberos(initiator__ticket="not-yet-valid", initiator__account="default"), keytab="http"), ("starttime",)),
]

ACCOUNTS = [
    Provoked("account-locked-out", _state("locked"), ("STATUS_ACCOUNT_LOCKED_OUT",)),
    Provoked("account-disabled", _state("disabled"), ("STATUS_ACCOUNT_DISABLED",)),
    Provoked("account-expired", _state("expired"), ("STATUS_ACCOUNT_EXPIRED",)),
    Provoked("password-must-change", _state("password-expired"), ("STATUS_PASSWORD_MUST_CHANGE",)),
]

PROVOKED = [*KDC, *KERBEROS, *ACCOUNTS]

# Diagnoses without a live case, and why.
NOT_PROVEN: dict[str, str] = {}
