# SPDX-License-Identifier: Apache-2.0
"""Cases for the diagnoses of the KDC, of Kerberos and of account states."""
from __future__ import annotations

import sys
from typing import Any

from live.provoked import Provoked
from live_bench import LiveCase

# What MIT's library adds to the clock stands in the ticket cache.
_OTHER_CLOCK = ("import os, pathlib; from realm.ticket import HOUR, set_clock; "
                "set_clock(pathlib.Path(os.environ['KRB5CCNAME'].removeprefix('FILE:')), HOUR)")
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


def _told(**more: Any) -> dict[str, Any]:
    """Both sides want KRB-ERRORs on the wire."""
    return _kerberos(**({"initiator__flags": ["MUTUAL_AUTH", "EXTENDED_ERROR"], "acceptor__flags": ["EXTENDED_ERROR"]} | more))


def _cached(ticket: str, **more: Any) -> dict[str, Any]:
    """A ticket that was altered in the client's cache."""
    return {"initiator__account": "default", "initiator__ticket": ticket} | more


def _state(account: str, transport: str, needs: tuple[str, ...] = (), nt_status: int | None = None, **more: Any) -> LiveCase:
    """NTLM where the server tells why it refuses; unless injected, that is what the domain's winbindd says of the account."""
    return LiveCase({"package": "Negotiate", "initiator.account": account, **more}, transport, needs=needs, nt_status=nt_status)


KDC = [
    Provoked("client-unknown-to-kdc", LiveCase(_kerberos(initiator__account="unknown-user")), ("6 KDC_ERR_C_PRINCIPAL_UNKNOWN", "nobody")),
    Provoked("password-wrong-at-kdc", LiveCase(_kerberos(initiator__account="wrong-password")), ("24 KDC_ERR_PREAUTH_FAILED", "alice")),
    Provoked("account-revoked-at-kdc", LiveCase(_kerberos(initiator__account="disabled")), ("18 ", "dora")),
    Provoked("account-revoked-at-kdc", LiveCase(_kerberos(initiator__account="locked")), ("18 ", "luke")),
    Provoked("account-revoked-at-kdc", LiveCase(_kerberos(initiator__account="expired")), ("eve",)),
    Provoked("password-expired-at-kdc", LiveCase(_kerberos(initiator__account="password-expired")), ("23 KDC_ERR_KEY_EXPIRED", "pete")),
    Provoked("refused-by-kdc-policy", LiveCase(_kerberos(), kadmin=["modify_principal -allow_tgs_req HTTP/web.sspi.test"]), ("12 KDC_ERR_POLICY",)),
    Provoked("refused-by-kdc", LiveCase(_kerberos(), kadmin=["purgekeys -all HTTP/web.sspi.test"]), ("60 KRB_ERR_GENERIC",)),
    Provoked("kdc-clock-skew", LiveCase(play=(), commands=[
        ["kinit", "-k", "-t", "{http}", "HTTP/web.sspi.test"], [sys.executable, "-c", _OTHER_CLOCK], ["kvno", "cifs/web.sspi.test"]]),
             ("37 KRB_AP_ERR_SKEW",)),
    Provoked("spn-unknown", LiveCase(_kerberos(initiator__target=_UNKNOWN_SPN)), ("7 ", _UNKNOWN_SPN)),
    Provoked("delegation-refused", LiveCase(play=(), commands=[
        ["kinit", "-k", "-t", "{http}", "HTTP/web.sspi.test"],
        ["kvno", "-k", "{http}", "-U", "alice", "-P", "cifs/web.sspi.test"]]), ("13 ",)),
    Provoked("forwarding-refused", LiveCase(_kerberos(initiator__target="delegate", initiator__flags=["MUTUAL_AUTH", "DELEGATE"]),
                                            kadmin=["modify_principal -allow_forwardable alice"]), ("13 ",), is_note=True),
    Provoked("address-and-refused", LiveCase(_either(initiator__target="HTTP/127.0.0.1", acceptor__policy={"block-incoming": True})), ("127.0.0.1",)),
    Provoked("fallback-to-ntlm", LiveCase(_either(initiator__target="HTTP/127.0.0.1")), ("127.0.0.1",), is_note=True),
    Provoked("user-to-user-required", LiveCase(_kerberos(), kadmin=["modify_principal -allow_svr HTTP/web.sspi.test"]), ("27 ",)),
    Provoked("etype-not-supported-by-kdc", LiveCase(_kerberos(initiator__target="rc4"), krb5={"permitted_enctypes": "aes256-cts-hmac-sha1-96"}), ("14 ",)),
    Provoked("kdc-unreachable", LiveCase(_kerberos(), world=["stop-kdc"], krb5={"kdc": "127.0.0.1:88"}), ("refused",)),
    Provoked("fallback-to-ntlm", LiveCase(_either(), world=["stop-kdc"], krb5={"kdc": "127.0.0.1:88"}), ("refused",), is_note=True),
    Provoked("kdc-does-not-answer", LiveCase(_kerberos(), world=["false-kdc-hang-up"]), ("AS-REQ none",)),
    Provoked("trust-failed", LiveCase(_kerberos(initiator__target="partner"), needs=["trust"], world=["kill-partner-kdc"]), ("PARTNER.TEST", "no answer")),
    Provoked("fallback-to-ntlm", LiveCase(_either(initiator__target=_UNKNOWN_SPN)), ("7 ", _UNKNOWN_SPN), is_note=True),
]

# Of the same service another key under the same number, as of another account with the name; and keys of another type.
_OTHER_KEY = ["change_password -randkey HTTP/web.sspi.test", "modify_principal -kvno 1 HTTP/web.sspi.test"]
_OTHER_ETYPE = ["change_password -e aes256-cts-hmac-sha1-96:normal -randkey HTTP/aes128.sspi.test",
                "modify_principal -kvno 1 HTTP/aes128.sspi.test"]
_DCE = {"initiator__flags": ["MUTUAL_AUTH", "USE_DCE_STYLE"], "acceptor__flags": ["USE_DCE_STYLE"]}

KERBEROS = [
    Provoked("clock-skew", LiveCase(_kerberos(initiator__misbehave={"ap-req": "late"}), initiator="peer", keytab="http"),
             ("37 KRB_AP_ERR_SKEW", "s: the client is behind")),
    Provoked("clock-skew", LiveCase(_kerberos(initiator__misbehave={"ap-req": "early"}), initiator="peer"),
             ("37 KRB_AP_ERR_SKEW", "agrees with that of the capture")),
    Provoked("ticket-key-of-another-account", LiveCase(_kerberos(), kadmin=_OTHER_KEY, keytab="http"), ("no key of the keytab",)),
    Provoked("ticket-key-of-another-account", LiveCase(_told(), kadmin=_OTHER_KEY), ("41 KRB_AP_ERR_MODIFIED",)),
    Provoked("ticket-for-another-service", LiveCase(_kerberos(initiator__target="delegate", acceptor__keytab="http"), host="web.sspi.test"),
             ("HTTP/deleg.sspi.test",)),
    Provoked("ticket-for-another-service", LiveCase(_kerberos(initiator__target="cifs", acceptor__keytab="http"), acceptor="peer"),
             ("35 KRB_AP_ERR_NOT_US",)),
    Provoked("key-version-not-in-keytab", LiveCase(_kerberos(initiator__target="rekeyed", acceptor__keytab="rekeyed"), keytab="rekeyed"),
             ("kvno of the ticket 2",)),
    Provoked("key-version-not-in-keytab", LiveCase(_kerberos(initiator__target="rekeyed", acceptor__keytab="rekeyed"), acceptor="peer"), ("44 KRB_AP_ERR_BADKEYVER",)),
    Provoked("no-key-for-the-ticket", LiveCase(_kerberos(initiator__target="aes128", acceptor__keytab="aes128"), kadmin=_OTHER_ETYPE, keytab="aes128"),
             ("encrypted with 18", "17 aes128")),
    Provoked("no-key-for-the-ticket", LiveCase(_kerberos(acceptor__misbehave={"krb-error": "no-key"}), acceptor="peer"), ("45 KRB_AP_ERR_NOKEY",)),
    Provoked("ticket-expired", LiveCase(_kerberos(**_cached("expired")), keytab="http"), ("endtime",)),
    Provoked("ticket-expired", LiveCase(_told(**_cached("expired"))), ("32 ",)),
    Provoked("ticket-not-yet-valid", LiveCase(_kerberos(**_cached("not-yet-valid")), keytab="http"), ("starttime",)),
    Provoked("ticket-not-yet-valid", LiveCase(_told(**_cached("not-yet-valid"))), ("33 ",)),
    Provoked("replayed", LiveCase(_kerberos(), play=["acquire", {"leg": {"side": "initiator"}}, {"leg": {"side": "acceptor"}},
                                                    {"leg": {"side": "acceptor", "exchange": "second", "input": {"of": "main"}}}]),
             ("the same as in exchange",)),
    Provoked("checksum-not-of-gss", LiveCase(_kerberos(initiator__misbehave={"ap-req": "short-checksum"}), initiator="peer", keytab="http"), ("checksum",)),
    Provoked("checksum-not-of-gss", LiveCase(_kerberos(initiator__misbehave={"ap-req": "unknown-checksum"}), initiator="peer", keytab="http"), ("checksum",)),
    Provoked("pac-wrong", LiveCase(_kerberos(**_cached("pac-signature")), keytab="http"), ("signature",)),
    Provoked("pac-missing", LiveCase(_kerberos(**_cached("no-pac")), "smb2", nt_status=0xC000006D, keytab="http"), ("PAC none",)),
    Provoked("ap-rep-missing", LiveCase(_kerberos(acceptor__misbehave={"first-answer": "token-absent"}), acceptor="peer"), ("without a token",)),
    Provoked("reply-wrong", LiveCase(_kerberos(acceptor__misbehave={"ap-rep": "other-key"}), acceptor="peer", keytab="http"), ("session key",)),
    Provoked("reply-wrong", LiveCase(_kerberos(acceptor__misbehave={"ap-rep": "other-second"}), acceptor="peer", keytab="http"), ("another authenticator",)),
    Provoked("third-leg-missing", LiveCase(_kerberos(**_DCE), play=[{"establish": {"legs": 2}}]), ("none",)),
    Provoked("kerberos-refused", LiveCase(_kerberos(acceptor__misbehave={"krb-error": "generic"}), acceptor="peer"), ("60 KRB_ERR_GENERIC",)),
]

# States of accounts, as the winbindd of the realm or of the Active Directory tells them; then policies that neither has.
ACCOUNTS = [
    *(Provoked(name, _state(account, transport), (told,)) for name, account, told in (
        ("account-locked-out", "locked", "STATUS_ACCOUNT_LOCKED_OUT"), ("account-disabled", "disabled", "STATUS_ACCOUNT_DISABLED"),
        ("account-expired", "expired", "STATUS_ACCOUNT_EXPIRED"), ("password-must-change", "password-expired", "STATUS_PASSWORD_MUST_CHANGE"),
        ) for transport in ("smb2", "ldap")),
    Provoked("no-logon-servers", _state("foreign-domain", "smb2", authority="standalone"), ("STATUS_NO_LOGON_SERVERS",)),
    Provoked("account-restricted", _state("protected", "smb2", needs=["ad"]), ("STATUS_ACCOUNT_RESTRICTION",)),
    Provoked("workstation-not-allowed", _state("restricted", "smb2", needs=["ad"]), ("STATUS_INVALID_WORKSTATION",)),
    *(Provoked(name, _state("normal", "smb2", nt_status=status), (f"0x{status:08x}",)) for name, status in (
        ("password-expired", 0xC0000071), ("outside-logon-hours", 0xC000006F), ("account-restricted", 0xC000006E),
        ("workstation-not-allowed", 0xC0000070), ("logon-type-not-granted", 0xC000015B), ("machine-trust-broken", 0xC000018B),
        ("clock-differs-at-dc", 0xC0000133))),
]

PROVOKED = [*KDC, *KERBEROS, *ACCOUNTS]

# Diagnoses without a live case, and why.
NOT_PROVEN: dict[str, str] = {}
