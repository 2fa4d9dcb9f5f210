# SPDX-License-Identifier: Apache-2.0
"""What Kerberos tokens, and the facts of those that were opened, show of a situation."""
from __future__ import annotations

from typing import TYPE_CHECKING

from ..exchange.model import CLIENT, Exchange, Leg
from ..tokens import TokenError, kerberos, kind

if TYPE_CHECKING:
    from .situation import Situation

# Services of the realm whose keys are of one type only; all others have every type, and tickets of 18.
_OF_ETYPE = {17: "aes128", 19: "aes128-sha256", 20: "aes256-sha384", 23: "rc4"}
_OF_CLASS = {"http": "http", "host": "host", "cifs": "cifs", "ldap": "ldap"}
_USUAL_ETYPE = 18
_ASKED = {"DELEG": "DELEGATE", "MUTUAL": "MUTUAL_AUTH", "REPLAY": "REPLAY_DETECT", "SEQUENCE": "SEQUENCE_DETECT",
          "CONF": "CONFIDENTIALITY", "INTEG": "INTEGRITY", "DCE-STYLE": "USE_DCE_STYLE", "IDENTIFY": "IDENTIFY",
          "EXTENDED-ERROR": "EXTENDED_ERROR"}
_OF_KEYS = (31, 41, 44, 45)  # error codes that tell of a key (RFC 4120 7.5.9)
_SKEW = 300  # seconds that clocks may differ (RFC 4120 1.6, MS-KILE 3.1.1.2)


def describe(found: Situation, exchange: Exchange, tokens: list[tuple[Leg, bytes]]) -> None:
    errors = [error_code(token) for _, token in tokens]
    for leg, token in tokens:
        try:
            parsed = kerberos.parse(token)
        except TokenError:
            continue
        if parsed.kind == "AP-REQ" and leg.sender == CLIENT:
            _request(found, parsed, leg, next((code for code in errors if code is not None), None))
        elif parsed.kind == "AP-REP" and leg.sender == CLIENT:
            _dce(found)
        elif parsed.kind == "KRB-ERROR":
            found.ask("initiator", "EXTENDED_ERROR")
            found.ask("acceptor", "EXTENDED_ERROR")


def _dce(found: Situation) -> None:
    found.ask("initiator", "USE_DCE_STYLE", "MUTUAL_AUTH")
    found.ask("acceptor", "USE_DCE_STYLE")


def _request(found: Situation, parsed: kerberos.KerberosToken, leg: Leg, error: int | None) -> None:
    """`error`: the code of the KRB-ERROR that answered it; a key that was given here and does not fit is no cause then."""
    options = parsed.values["apOptions"]
    _flags(found, leg.facts.get("gss-flags"), options)
    etype, name = parsed.values["etype"], str(parsed.values["sname"])
    service = _OF_ETYPE.get(etype) or _OF_CLASS.get(name.partition("/")[0].lower(), "http")
    found.settings["initiator.target"] = service
    if etype != _USUAL_ETYPE and etype not in _OF_ETYPE:
        found.lose(f"a ticket of encryption type {etype}, which the realm does not issue")
    if found.divergence.refused:  # who took the ticket had its key, and clocks that agreed
        if error is None or error in _OF_KEYS:
            _key(found, leg, service)
        _times(found, leg)
    _ticket(found, leg)


def _flags(found: Situation, named: list[str] | None, options: list[str]) -> None:
    if named is None:
        found.ask("initiator", *(["MUTUAL_AUTH"] if "mutual-required" in options else []))
        found.assume("the flags of the authenticator are not known: only whether mutual authentication was asked for is "
                     "(give --keytab)")
        return
    found.ask("initiator", *(_ASKED[name] for name in named if name in _ASKED))
    if "DELEG" in named:
        found.lose("the delegated credential: it is made anew where the realm allows it")
    if "DCE-STYLE" in named:
        _dce(found)


def _key(found: Situation, leg: Leg, service: str) -> None:
    """A key that does not fit: of another version, another type, another service."""
    state = leg.facts.get("ticket")
    if state is None or state == "opened":
        return
    kvnos, etypes = leg.facts.get("keytab", []), leg.facts.get("keytab-etypes", [])
    if kvnos:
        found.settings["initiator.target"] = "rekeyed"
    elif etypes:
        found.settings |= {"acceptor.keytab": "aes128" if service != "aes128" else "rc4"}
    else:
        found.settings["acceptor.keytab"] = "cifs" if service != "cifs" else "http"


def _times(found: Situation, leg: Leg) -> None:
    """Those of the ticket, and the clock of its user."""
    facts = leg.facts
    ahead = facts.get("clock-difference", 0.0)
    if facts.get("ticket-ends", 1.0) < 0:
        _altered(found, "expired")
    elif facts.get("ticket-begins", -1.0) > _SKEW:
        _altered(found, "not-yet-valid")
    if abs(ahead) > _SKEW:
        found.misbehave("initiator", "ap-req", "early" if ahead > 0 else "late")


def _ticket(found: Situation, leg: Leg) -> None:
    """Its PAC, and what the authenticator says."""
    facts = leg.facts
    if facts.get("pac") == "wrong" and "initiator.ticket" not in found.settings:
        _altered(found, "pac-signature")
    elif facts.get("pac") == "absent" and found.settings["initiator.target"] == "http":
        found.settings["initiator.target"] = "no-pac"
    if facts.get("client") == "another":
        found.misbehave("initiator", "ap-req", "other-client")
    if facts.get("bindings-aware") is False:
        found.misbehave("initiator", "channel-bindings-awareness", "omit")


def _altered(found: Situation, how: str) -> None:
    found.settings |= {"initiator.ticket": how, "initiator.account": "default"}


def error_code(token: bytes) -> int | None:
    """Of a KRB-ERROR; None for another token."""
    if kind(token) != "KRB-ERROR":
        return None
    try:
        return int(kerberos.parse(token).values["errorCode"])
    except TokenError:
        return None
