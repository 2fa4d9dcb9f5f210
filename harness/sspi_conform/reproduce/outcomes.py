# SPDX-License-Identifier: Apache-2.0
"""How an exchange ended: as a SECURITY_STATUS of one side's call, and what in the realm ends like that."""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import statuses
from ..exchange.model import (CLIENT, CREDSSP, HTTP, KRB_ERROR, LDAP, NT_STATUS, RPC_FAULT, SECURITY, SERVER, Exchange, KdcMessage,
                              Leg, Status)
from ..tokens import TokenError, fields
from . import kerberos

if TYPE_CHECKING:
    from .situation import Situation

_CONTINUE, _OK, _DENIED = "SEC_I_CONTINUE_NEEDED", "SEC_E_OK", "SEC_E_LOGON_DENIED"
_BAD_BINDINGS, _NO_AUTHORITY, _UNSUPPORTED = "SEC_E_BAD_BINDINGS", "SEC_E_NO_AUTHENTICATING_AUTHORITY", "SEC_E_UNSUPPORTED_FUNCTION"
Patch = Mapping[str, Any]


def _account(name: str) -> Patch:
    return {"initiator.account": name}


_BINDINGS: Patch = {"acceptor.bindings": "tls-server-end-point"}
_BLOCKED: Patch = {"acceptor.policy": {"lm-level": 3, "block-incoming": True}}
_AUTHORITY: Patch = {"initiator.account": "foreign-domain", "authority": "standalone"}
# NT statuses (MS-ERREF 2.3.1): what AcceptSecurityContext says, and what to play; None where the file does not tell.
_NT: Mapping[int, tuple[str | None, Patch | None]] = {
    0xC000006A: (_DENIED, _account("wrong-password")), 0xC0000064: (_DENIED, _account("unknown-user")),
    0xC0000072: (_DENIED, _account("disabled")), 0xC0000234: (_DENIED, _account("locked")),
    0xC0000193: (_DENIED, _account("expired")), 0xC0000071: (_DENIED, _account("password-expired")),
    0xC0000224: (_DENIED, _account("password-expired")), 0xC000006D: (_DENIED, None), 0xC0000022: (None, None),
    0xC000005E: (_NO_AUTHORITY, _AUTHORITY), 0xC00000DF: (_NO_AUTHORITY, _AUTHORITY), 0xC000035B: (_BAD_BINDINGS, _BINDINGS),
    0xC00000BB: (_UNSUPPORTED, _BLOCKED), 0xC0000418: (_UNSUPPORTED, _BLOCKED), 0xC000000D: ("SEC_E_INVALID_TOKEN", None)}
_RESTRICTED = 0xC000006E  # such as Protected Users: only a controller has that
_TICKET: Patch = {"initiator.account": "default"}
_OTHER_KEY: Patch = {"acceptor.keytab": "cifs"}
# SECURITY_STATUSes that say why, by the mechanism and the side that has it.
_SSPI: Mapping[tuple[str, str, int], Patch] = {
    ("NTLM", "acceptor", 0x80090346): _BINDINGS, ("Kerberos", "acceptor", 0x80090346): _BINDINGS,
    ("NTLM", "acceptor", 0x80090311): _AUTHORITY, ("NTLM", "acceptor", 0x80090302): _BLOCKED,
    ("Kerberos", "acceptor", 0x80090324): _TICKET | {"initiator.ticket": "not-yet-valid"},
    ("Kerberos", "acceptor", 0x80090317): _TICKET | {"initiator.ticket": "expired"},
    ("Kerberos", "acceptor", 0x8009030C): _OTHER_KEY, ("Kerberos", "acceptor", 0x80090322): _OTHER_KEY,
    ("Kerberos", "initiator", 0x80090322): _OTHER_KEY,
    ("Kerberos", "initiator", 0x80090303): {"initiator.target": "HTTP/nobody.sspi.test"},
    ("Kerberos", "initiator", 0x8009030C): _account("wrong-password"),
    ("Kerberos", "initiator", 0x8009030E): _TICKET | {"initiator.ccache": "none"}}
_KDC_GONE = ("Kerberos", "initiator", 0x80090311)
# Of LDAP's diagnosticMessage on Windows, `data` in hex (a Win32 error): the account's state.
_LDAP_DATA: Mapping[int, Patch] = {
    0x525: _account("unknown-user"), 0x52E: _account("wrong-password"), 0x532: _account("password-expired"),
    0x533: _account("disabled"), 0x701: _account("expired"), 0x773: _account("password-expired"), 0x775: _account("locked")}
_DATA = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")
_LDAP_STATUS = re.compile(r"\b(8009[0-9a-fA-F]{4})\b")
# Errors of a KDC (RFC 4120 7.5.9) after which a client has no ticket.
_KDC: Mapping[int, Patch] = {
    6: _account("unknown-user"), 18: _account("disabled"), 23: _account("password-expired"), 24: _account("wrong-password"),
    7: {"initiator.target": "HTTP/nobody.sspi.test"}, 32: _TICKET | {"initiator.ccache": "ended"}}
# What curl says of GSSAPI, in words of MIT's and of Windows' messages.
_COMPLAINTS: Mapping[str, Patch] = {
    "not found in Kerberos database": {"initiator.target": "HTTP/nobody.sspi.test"},
    "SEC_E_TARGET_UNKNOWN": {"initiator.target": "HTTP/nobody.sspi.test"},
    "No Kerberos credentials": _TICKET | {"initiator.ccache": "none"}, "No credentials": _TICKET | {"initiator.ccache": "none"},
    "SEC_E_NO_CREDENTIALS": _TICKET | {"initiator.ccache": "none"}, "Ticket expired": _TICKET | {"initiator.ccache": "ended"}}
# Error codes of a KRB-ERROR from a service.
_SKEW, _MODIFIED, _EXPIRED, _NOT_YET = 37, 41, 32, 33


@dataclass(frozen=True)
class Divergence:
    """Where it ended: the `leg`-th call of a side (from 1), as a SECURITY_STATUS. `status` empty: any failure, as what was
    recorded does not tell which. `told` is how the file has it; `token` what was sent with it (KRB-ERROR), or empty."""

    side: str
    leg: int
    status: str
    told: str
    succeeded: bool = False
    known: bool = True
    token: str = ""

    @property
    def refused(self) -> bool:
        return self.known and not self.succeeded


def divergence(exchange: Exchange, legs: tuple[Leg, ...]) -> Divergence:
    """What happened last, or where it first went wrong."""
    for place, leg in enumerate(legs):
        error = _inner_error(leg)
        if error is not None and leg.sender == SERVER:
            status = _CONTINUE if error == _SKEW else ""
            return Divergence("acceptor", _number(legs, place, SERVER), status, f"KRB-ERROR {error}", token=f"KRB-ERROR {error}")
        if leg.status and leg.status.success is False and not (leg.status.kind == RPC_FAULT and any(map(_completed, legs))):
            side = "initiator" if leg.sender == CLIENT else "acceptor"
            return Divergence(side, _number(legs, place, leg.sender), _as_sspi(leg.status), _told(leg.status))
    last = exchange.outcome
    count = _number(legs, len(legs), SERVER)
    if last is None or last.success is None:
        return Divergence("acceptor", count, "", "how it ended is not in the file", known=False)
    if last.success:
        return Divergence("acceptor", count, _OK, _told(last), succeeded=True)
    if last.kind == RPC_FAULT and any(_completed(leg) for leg in legs):
        return Divergence("acceptor", count, "", f"{_told(last)} after the authentication was complete", known=False)
    return Divergence("acceptor", count, _as_sspi(last), _told(last))


def cause(found: Situation, exchange: Exchange, legs: tuple[Leg, ...]) -> None:
    """What makes it end so, into the settings."""
    ended = found.divergence
    if not ended.refused:
        return
    if ended.token:
        _krb_error(found, int(ended.token.rpartition(" ")[2]))
        return
    status = next((leg.status for leg in legs if leg.status and leg.status.success is False), exchange.outcome)
    assert status is not None
    facts = {name: value for leg in legs for name, value in leg.facts.items()}
    patch = _patch(found, status)
    if patch is None and not _odd(found):
        patch = _guessed(found, facts, exchange, status)
    found.settings |= patch or {}
    if found.settings.get("authority") == "standalone":
        found.needs.add("standalone")
        found.assume("the account is of a domain that the server does not know: so it asks nobody, and says the same")
    if "block-incoming" in found.settings.get("acceptor.policy", {}) and ended.leg > 1:
        found.lose("NTLM was refused after the AUTHENTICATE, as where the domain restricts it; here the NEGOTIATE is refused")


def _guessed(found: Situation, facts: Mapping[str, Any], exchange: Exchange, status: Status) -> Patch | None:
    """What is likely behind a refusal that gives no reason."""
    told = found.divergence.told
    if found.settings["mechanism"] == "Kerberos":
        found.lose(f"{told} does not say why")
        return None
    if facts.get("proof") == "right":
        bound = _bindings_of(facts, exchange, status)
        if bound is None:
            found.assume(f"{told} does not say why and the password was right: a disabled account is played")
        return bound or _account("disabled")
    if facts.get("proof") != "wrong":
        found.assume(f"{told} does not say why: a wrong password is played (give --password or --nthash to know whether it was)")
    return _account("wrong-password")


def never_began(exchange: Exchange, kdc: Sequence[KdcMessage]) -> tuple[str, Patch] | None:
    """Why a client sent no token: how the file has it, and what to play."""
    for text in exchange.missing:
        for words, patch in _COMPLAINTS.items():
            if words in text:
                return f"curl says: {words}", patch  # not whose: the scenario is for everybody
    errors = [one for one in kdc if one.kind == "KRB-ERROR" and one.code in _KDC]
    if not errors:
        return None
    return f"the KDC answered KRB-ERROR {errors[-1].code}", _KDC[errors[-1].code or 0]


def _patch(found: Situation, status: Status) -> Patch | None:
    if status.kind == LDAP:
        data = _DATA.search(status.detail)
        named = _LDAP_STATUS.search(status.detail)
        if named and int(named[1], 16) in (0x80090346,):
            return _BINDINGS
        return _LDAP_DATA.get(int(data[1], 16)) if data else None
    if status.value == _RESTRICTED:
        found.needs.add("ad")
        return _account("restricted")
    key = (found.settings["mechanism"], found.divergence.side, status.value)
    if status.kind == SECURITY and key == _KDC_GONE:
        found.isolate, found.play = "realm", ["acquire", {"world": "kill-kdc"}, {"leg": {"side": "initiator"}}]
        return {}
    if status.kind in (SECURITY, CREDSSP) and key in _SSPI and not (key[2] == 0x8009030C and _odd(found)):
        return _SSPI[key]
    return _NT.get(status.value, (None, None))[1] if status.kind in (NT_STATUS, CREDSSP) else None


def _bindings_of(facts: Mapping[str, Any], exchange: Exchange, status: Status) -> Patch | None:
    """A right password that is refused inside TLS, by a server that may ask for channel bindings."""
    if status.kind == HTTP and (exchange.channel or facts.get("bindings") == "of another") and facts.get("bindings") in (
            "absent", "zero", "of another"):
        return _BINDINGS
    return None


def _odd(found: Situation) -> bool:
    """Whether the client does something that alone is a reason to refuse it."""
    odd = found.settings.get("initiator.misbehave", {})
    broken = {"mic": ("wrong", "drop"), "mechListMIC": ("wrong",), "target-info-name": ("other",),
              "ap-req": ("early", "late", "other-client")}
    return (any(odd.get(name) in values for name, values in broken.items()) or "acceptor.keytab" in found.settings
            or found.settings.get("initiator.target") == "rekeyed" or "initiator.ticket" in found.settings
            or found.settings.get("initiator.account") == "anonymous")


def _krb_error(found: Situation, code: int) -> None:
    if _odd(found):
        return
    if code == _SKEW:
        found.settings |= {"initiator.ticket": "other-clock", "initiator.account": "default"}
        found.assume("the client's clock is ahead (the file does not say which way: give --keytab)")
    elif code == _MODIFIED:
        found.settings["acceptor.keytab"] = "cifs" if found.settings.get("initiator.target") != "cifs" else "http"
        found.assume("the ticket is of another account than the server's (give --keytab to know its kvno and etypes)")
    elif code in (_EXPIRED, _NOT_YET):
        found.settings |= {"initiator.ticket": "expired" if code == _EXPIRED else "not-yet-valid", "initiator.account": "default"}
    else:
        found.lose(f"what makes a service answer KRB-ERROR {code} is not known here")


def _as_sspi(status: Status) -> str:
    """The SECURITY_STATUS behind a status; empty when it does not tell."""
    if status.kind in (SECURITY, CREDSSP) and status.value >> 16 == 0x8009:
        return statuses.name(status.value)
    if status.kind in (NT_STATUS, CREDSSP):
        return _DENIED if status.value == _RESTRICTED else _NT.get(status.value, (None, None))[0] or ""
    if status.kind == LDAP:
        named = _LDAP_STATUS.search(status.detail)
        if named and int(named[1], 16) == 0x80090346:
            return _BAD_BINDINGS
        return _DENIED if _DATA.search(status.detail) else ""
    return ""


def _told(status: Status) -> str:
    number = str(status.value) if status.kind in (HTTP, LDAP, KRB_ERROR) else f"0x{status.value:08x}"
    return f"{status.kind} {status.name or number}"


def _number(legs: tuple[Leg, ...], place: int, side: str) -> int:
    """Which call of a side it is, from 1: an acceptor is called with each token of the client, whether it answers or not;
    an initiator once before all of the server's."""
    other = CLIENT if side == SERVER else SERVER
    given = sum(leg.sender == other and leg.token is not None for leg in legs[:place])
    return max(1, given) if side == SERVER else given + 1


def _completed(leg: Leg) -> bool:
    """Whether the server said accept-completed: what failed then is no authentication any more."""
    try:
        return bool(leg.token) and leg.sender == SERVER and fields(leg.token or b"").get("negState") == "accept-completed"
    except TokenError:
        return False


def _inner_error(leg: Leg) -> int | None:
    from .situation import layers

    return kerberos.error_code(layers(leg.token)[1]) if leg.token else None
