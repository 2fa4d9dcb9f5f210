# SPDX-License-Identifier: Apache-2.0
"""What the KDC refused, and so why there was no ticket and perhaps NTLM instead (RFC 4120 3.1, 3.3, 7.5.9)."""
from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from ..decode.errors_of_kerberos import ERRORS
from ..decode.kerberos_tree import etype_name
from ..exchange.model import KdcMessage
from .model import Rule, Seen
from .ntlm import says_nothing
from .view import View

_CONNECT, _REQUESTS, _REPLIES = "CONNECT", ("AS-REQ", "TGS-REQ"), ("AS-REP", "TGS-REP")
# Errors after which every client goes on: preauthentication wanted, ask by TCP, ask another realm.
_EVERYDAY = (25, 52, 68)
_NULL_KEY, _NO_ETYPE, _POLICY, _BAD_OPTION, _REVOKED, _EXPIRED, _PREAUTH_FAILED = 9, 14, 12, 13, 18, 23, 24
_CLIENT_UNKNOWN, _SERVER_UNKNOWN, _USER_TO_USER, _SKEW = 6, 7, 27, 37
_KNOWN = (1, _CLIENT_UNKNOWN, _SERVER_UNKNOWN, _NULL_KEY, _POLICY, _BAD_OPTION, _NO_ETYPE, _REVOKED, _EXPIRED, _PREAUTH_FAILED,
          _USER_TO_USER, _SKEW)
_KRBTGT = "krbtgt/"


@dataclass(frozen=True, slots=True)
class Refused:
    """An error and the request it answers, as far as that is in the input."""

    error: KdcMessage
    request: KdcMessage | None

    @property
    def is_logon(self) -> bool:
        """Whether the client asked for its first ticket (AS), not for one of a service (TGS)."""
        return self.request.kind == "AS-REQ" if self.request else self.error.server.startswith(_KRBTGT)

    @property
    def server(self) -> str:
        return self.request.server if self.request else self.error.server

    @property
    def client(self) -> str:
        return (self.request.client if self.request else "") or self.error.client

    @property
    def realm(self) -> str:
        return (self.request.realm if self.request else "") or self.error.realm


def refusals(view: View) -> Iterator[Refused]:
    """The errors that no later reply made good."""
    asked: KdcMessage | None = None
    for number, message in enumerate(view.kdc):
        if message.kind in _REQUESTS:
            asked = message
        elif message.kind in _REPLIES:
            asked = None
        elif message.code is not None and message.code not in _EVERYDAY:
            refused = Refused(message, asked)
            if not any(_is_reply(one, refused) for one in view.kdc[number + 1:]):
                yield refused


def _is_reply(message: KdcMessage, refused: Refused) -> bool:
    """A logon is made good by any other of the same client, a ticket by one for the same service."""
    if refused.is_logon:
        return message.kind == "AS-REP" and refused.client in ("", message.client)
    return message.kind == "TGS-REP" and message.server == refused.server


def first_refusal(view: View, *codes: int) -> Refused | None:
    """The first error of these numbers that explains why there is no ticket: there is none, and no success."""
    if view.failed is False or any(step.kind == "AP-REQ" for step in view.steps):
        return None
    return next((one for one in refusals(view) if one.error.code in codes), None)


def _seen(view: View, refused: Refused, expected: str, **blanks: str) -> Seen:
    number = refused.error.code or 0
    name = ERRORS[number][0] if number in ERRORS else f"error {number}"
    subject = refused.client or "the client" if refused.is_logon else refused.server
    text = f" ({refused.error.text})" if refused.error.text else ""
    return view.of_kdc(refused.error, "the KDC's answer", f"KRB-ERROR {number} {name} for {subject}{text}", expected,
                       account=refused.client or "the account", spn=refused.server, realm=refused.realm or "the realm",
                       then=_then(view), **blanks)


def _then(view: View) -> str:
    """What the client did without a ticket."""
    return ", so the client went on with NTLM" if view.authenticate else ""


def kdc_clock_skew(view: View) -> Seen | None:
    found = first_refusal(view, _SKEW)
    return _seen(view, found, "at most 5 minutes between the clocks") if found else None


def client_unknown_to_kdc(view: View) -> Seen | None:
    found = first_refusal(view, _CLIENT_UNKNOWN)
    return _seen(view, found, "a ticket for an account of the realm") if found else None


def password_wrong_at_kdc(view: View) -> Seen | None:
    found = first_refusal(view, _PREAUTH_FAILED)
    return _seen(view, found, "AS-REP for a timestamp encrypted with the account's key") if found else None


def account_revoked_at_kdc(view: View) -> Seen | None:
    found = first_refusal(view, _REVOKED, 1)
    return _seen(view, found, "AS-REP for an account that is enabled, not locked and not expired") if found else None


def password_expired_at_kdc(view: View) -> Seen | None:
    found = first_refusal(view, _EXPIRED)
    return _seen(view, found, "AS-REP for an account whose password is valid") if found else None


def refused_by_kdc_policy(view: View) -> Seen | None:
    found = first_refusal(view, _POLICY)
    return _seen(view, found, "a ticket, unless a policy of the account or the realm forbids it") if found else None


def etype_not_supported_by_kdc(view: View) -> Seen | None:
    found = first_refusal(view, _NO_ETYPE, _NULL_KEY)
    if found is None:
        return None
    asked = ", ".join(map(etype_name, found.request.etypes)) if found.request else ""
    return _seen(view, found, "an encryption type that client, KDC and account have in common", etypes=asked or "unknown ones")


def spn_unknown(view: View) -> Seen | None:
    found = first_refusal(view, _SERVER_UNKNOWN)
    if found is None or not _is_service(found.server) or _is_address(_host_of(found.server)):
        return None
    return _seen(view, found, "TGS-REP: exactly one account has the name")


def user_to_user_required(view: View) -> Seen | None:
    found = first_refusal(view, _USER_TO_USER)
    return _seen(view, found, "a ticket encrypted in the key of a service account") if found else None


def delegation_refused(view: View) -> Seen | None:
    found = first_refusal(view, _BAD_OPTION)
    if found is not None and found.server.startswith(_KRBTGT):
        return None
    return _seen(view, found, "a ticket on behalf of the user, or one that may be forwarded") if found else None


def forwarding_refused(view: View) -> Seen | None:
    """The client wanted a TGT to hand on and goes on without, so what fails is the service behind."""
    found = next((one for one in refusals(view) if one.error.code == _BAD_OPTION and one.server.startswith(_KRBTGT)), None)
    return _seen(view, found, "a forwarded TGT inside the authenticator's checksum") if found else None


def trust_failed(view: View) -> Seen | None:
    """A referral to another realm (RFC 6806 8) that leads nowhere."""
    if view.failed is False or any(step.kind == "AP-REQ" for step in view.steps):
        return None
    for number, message in enumerate(view.kdc):
        other = message.server.removeprefix(_KRBTGT)
        if message.kind != "TGS-REP" or not message.server.startswith(_KRBTGT) or other == message.realm:
            continue
        after = [one for one in view.kdc[number + 1:] if one.realm == other or one.kind == "TGS-REQ"]
        if any(one.kind == "TGS-REP" for one in after):
            continue
        error = next((one for one in after if one.code is not None), None)
        said = f"KRB-ERROR {error.code} {ERRORS.get(error.code or 0, ('', ''))[0]}" if error else "no answer"
        return view.of_kdc(error or message, f"what the KDC of {other} says to the referral ticket", said,
                           "TGS-REP for the service, or a further referral", home=message.realm, other=other, said=said,
                           then=_then(view))
    return None


def kdc_does_not_answer(view: View) -> Seen | None:
    """The last request, when nothing came back."""
    if view.failed is False or any(step.kind == "AP-REQ" for step in view.steps) or not view.kdc:
        return None
    last = view.kdc[-1]
    if last.kind not in _REQUESTS or _unreached(view) is not None:
        return None
    return view.of_kdc(last, f"the answer to {last.kind}", "none", "AS-REP, TGS-REP or KRB-ERROR", realm=last.realm or "the realm",
                       then=_then(view))


def kdc_unreachable(view: View) -> Seen | None:
    """Connections to the KDC on which nothing was said, and no answer by UDP either."""
    if view.failed is False or any(step.kind == "AP-REQ" for step in view.steps):
        return None
    return _unreached(view)


def _unreached(view: View) -> Seen | None:
    tried = [one for one in view.kdc if one.kind == _CONNECT]
    if not tried or any(one.kind not in (_CONNECT, *_REQUESTS) for one in view.kdc):
        return None
    how = "refused" if tried[0].text == "refused" else "not answered"
    times = f", {len(tried)} times" if len(tried) > 1 else ""
    return view.of_kdc(tried[0], "the connection to port 88", how + times, "a connection, and AS-REP or TGS-REP over it", how=how, then=_then(view))


def fallback_to_ntlm(view: View) -> Seen | None:
    """NTLM where Kerberos was possible, in an exchange that succeeds: what a server that refuses NTLM would refuse."""
    if view.failed is not False:
        return None
    found = address_instead_of_name(view) or _unreached(view)
    if found is not None:
        return found if view.authenticate else None
    refused = next(refusals(view), None)
    if view.authenticate is None or refused is None or any(step.kind == "AP-REQ" for step in view.steps):
        return None
    return _seen(view, refused, "a ticket, and Kerberos")


def address_instead_of_name(view: View) -> Seen | None:
    """Windows asks for no ticket for an address, unless TryIPSPN is set; others ask, and in vain."""
    asked = next((one for one in refusals(view) if one.error.code == _SERVER_UNKNOWN and _is_address(_host_of(one.server))), None)
    if asked is not None:
        return _seen(view, asked, "a name of which an SPN is registered", address=_host_of(asked.server))
    host = view.about("host").partition("]")[0].strip("[") if "]" in view.about("host") else view.about("host").partition(":")[0]
    if view.authenticate is None or not _offers_more_than_ntlm(view) or not _is_address(host):
        return None
    return view.authenticate.seen("what the client was given as the host", host, "a name of which an SPN is registered",
                                  False, address=host)


def address_and_refused(view: View) -> Seen | None:
    """The same, where the server refuses NTLM and says no reason that would explain it better."""
    if view.failed is False or any(one.error.code != _SERVER_UNKNOWN for one in refusals(view)):
        return None
    return address_instead_of_name(view) if view.failed is None or says_nothing(view) else None


def _is_service(name: str) -> bool:
    """Whether it is an SPN of a host: names of users and of realms are asked for with other intentions."""
    return "/" in name and not name.startswith(_KRBTGT)


def _host_of(spn: str) -> str:
    return spn.partition("/")[2].partition("/")[0].partition("@")[0]


def _offers_more_than_ntlm(view: View) -> bool:
    """Whether the exchange is one in which Kerberos could be: SPNEGO, or HTTP's Negotiate, if the client did not choose NTLM."""
    offered = view.about("schemes").lower().split()
    return view.init is not None or "negotiate" in offered and view.about("scheme").lower() != "ntlm"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def refused_by_kdc(view: View) -> Seen | None:
    """An error that none of the others knows."""
    if view.failed is False or any(step.kind == "AP-REQ" for step in view.steps) or trust_failed(view) is not None:
        return None
    for one in refusals(view):
        code = one.error.code or 0
        if code not in _KNOWN or code == _SERVER_UNKNOWN and not _is_service(one.server):
            return _seen(view, one, "a ticket", meaning=ERRORS.get(code, ("", ""))[1] or "see RFC 4120 7.5.9")
    return None


RULES: tuple[Rule, ...] = (
    kdc_clock_skew, client_unknown_to_kdc, password_wrong_at_kdc, account_revoked_at_kdc, password_expired_at_kdc,
    refused_by_kdc_policy, etype_not_supported_by_kdc, trust_failed, spn_unknown, user_to_user_required, delegation_refused,
    forwarding_refused, kdc_unreachable, kdc_does_not_answer, refused_by_kdc, address_and_refused, fallback_to_ntlm)
