# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between client and service: ticket, authenticator, AP-REP (RFC 4120 3.2, RFC 4121 4.1, MS-KILE 3.4.5)."""
from __future__ import annotations

from typing import Any

from ..decode.errors_of_kerberos import ERRORS
from ..decode.kerberos_tree import etype_name
from ..exchange.model import CLIENT
from . import refusals
from .model import Rule, Seen
from .ntlm import says_nothing
from .view import Step, View

_SKEW_ALLOWED = 300  # seconds, RFC 4120 8.2
_INTEGRITY, _EXPIRED, _NOT_YET, _REPEAT, _NOT_US, _SKEW, _MODIFIED = 31, 32, 33, 34, 35, 37, 41
_BAD_VERSION, _NO_KEY, _CHECKSUM = 44, 45, 50
_CANNOT_OPEN = (_INTEGRITY, _MODIFIED, _BAD_VERSION, _NO_KEY)
_KNOWN = (_INTEGRITY, _EXPIRED, _NOT_YET, _REPEAT, _NOT_US, _SKEW, _MODIFIED, _BAD_VERSION, _NO_KEY, _CHECKSUM)
_SEC_WRONG_PRINCIPAL, _SEC_SKEW = 0x80090322, 0x80090324
_TIME_DIFFERENCE = 0xC0000133


def _request(view: View) -> Step | None:
    """The last AP-REQ."""
    return next(reversed(list(view.of_kind("AP-REQ"))), None)


def _value(step: Step, name: str) -> Any:
    return step.kerberos.values.get(name) if step.kerberos else None


def _error(view: View, *codes: int) -> Step | None:
    """The service's KRB-ERROR of these numbers, unless a later AP-REQ was answered better."""
    for step in view.of_kind("KRB-ERROR"):
        later = any(one.number > step.number and one.kind == "AP-REP" for one in view.steps)
        if not step.from_client and not later and _value(step, "errorCode") in codes:
            return step
    return None


def _unexplained(view: View) -> Step | None:
    """The AP-REQ of an exchange that failed for a reason that its facts may tell: there is none, or that the service could
    not open the ticket (of which the true reason is not always said)."""
    step = _request(view)
    errors = [_value(one, "errorCode") for one in view.of_kind("KRB-ERROR")]
    if step is None or view.failed is False or any(code not in _CANNOT_OPEN for code in errors):
        return None
    return step if errors or view.failed else None


def _blanks(view: View) -> dict[str, str]:
    step = _request(view)
    if step is None:
        return {"spn": "the service", "kvno": "?", "etype": "?"}
    kvno, etype = _value(step, "kvno"), _value(step, "etype")
    return {"spn": str(_value(step, "sname")), "kvno": "none" if kvno is None else str(kvno),
            "etype": "?" if etype is None else etype_name(etype), "realm": str(_value(step, "realm"))}


def _said(view: View, step: Step, expected: str, **blanks: str) -> Seen:
    """What a KRB-ERROR says."""
    code = _value(step, "errorCode")
    return step.seen("the service's KRB-ERROR", f"{code} {ERRORS.get(code, ('', ''))[0]}".strip(), expected, **(_blanks(view) | blanks))


def clock_skew(view: View) -> Seen | None:
    step, request = _error(view, _SKEW), _request(view)
    expected = f"clocks at most {_SKEW_ALLOWED} s apart"
    if step is not None:
        return _said(view, step, expected, amount=_amount(step, request))
    if request is None or view.failed is not True:
        return None
    if view.refusal is not None and view.refusal.code in (_SEC_SKEW, _TIME_DIFFERENCE):
        return (view.refusal.step or request).seen("the server's status", refusals.name(view.refusal.code), expected,
                                                   amount="", **_blanks(view))
    difference = request.leg.facts.get("clock-difference")
    if difference is None or abs(difference) <= _SKEW_ALLOWED or _unexplained(view) is None:
        return None
    told = _told(difference)
    return request.seen("ctime of the authenticator", told, f"within {_SKEW_ALLOWED} s of the service's clock",
                        amount=f", by {told}", **_blanks(view))


def _amount(error: Step, request: Step | None) -> str:
    """How far the clocks are apart: by the time in the authenticator when it could be opened, else as far as the clock of
    the capture tells, which is that of one of the two or of neither."""
    service = error.leg.facts.get("clock-difference")
    client = request.leg.facts.get("clock-difference") if request else None
    if service is None:
        return ""
    if client is not None:
        return f", by {_told(client - service)}"
    if abs(service) <= _SKEW_ALLOWED:
        return "; the service's clock agrees with that of the capture"
    return f"; the capture's clock is {abs(service):.0f} s {'behind' if service > 0 else 'ahead of'} the service's"


def _told(seconds: float) -> str:
    return f"{abs(seconds):.0f} s: the client is {'ahead' if seconds > 0 else 'behind'}"


def ticket_key_of_another_account(view: View) -> Seen | None:
    step, request = _error(view, _MODIFIED, _INTEGRITY), _unexplained(view)
    expected = "a ticket encrypted with a key that the service has"
    if _missing_version(request) or _missing_etype(request):
        return None
    if step is not None:
        return _said(view, step, expected)
    if view.refusal is not None and view.refusal.code == _SEC_WRONG_PRINCIPAL and request is not None:
        return (view.refusal.step or request).seen("the status", "SEC_E_WRONG_PRINCIPAL", expected, **_blanks(view))
    if request is not None and request.leg.facts.get("ticket") == "no key fits":
        return request.seen("the ticket", "opened by no key of the keytab, though it has one of that name and version", expected, **_blanks(view))
    return None


def ticket_for_another_service(view: View) -> Seen | None:
    step = _error(view, _NOT_US)
    if step is not None:
        return _said(view, step, "a ticket for a name that the service accepts")
    request, host = _unexplained(view), view.about("host")
    if request is None or not says_nothing(view) or "ticket" in request.leg.facts or "keytab" in request.leg.facts:
        return None
    named = str(_value(request, "sname")).partition("/")[2].partition(":")[0].lower()
    wanted = host.partition(":")[0].lower()
    if not named or not wanted or named.partition(".")[0] == wanted.partition(".")[0]:
        return None
    return request.seen("sname of the ticket", str(_value(request, "sname")), f"a service of {wanted}, which the client asked", False, **_blanks(view))


def key_version_not_in_keytab(view: View) -> Seen | None:
    step, request = _error(view, _BAD_VERSION), _unexplained(view)
    expected = "a key of the version that the ticket names"
    if request is not None and _missing_version(request):
        have = ", ".join(map(str, request.leg.facts["keytab"]))
        return request.seen("kvno of the ticket", str(_value(request, "kvno")), f"one of the keytab: {have}", **_blanks(view))
    return _said(view, step, expected) if step is not None and not _missing_etype(request) else None


def _missing_version(request: Step | None) -> bool:
    """Whether the keytab is known to have keys of the ticket's principal and type, and none of its version."""
    facts = request.leg.facts if request else {}
    have = facts.get("keytab", ())
    return request is not None and bool(have) and facts.get("ticket") != "opened" and _value(request, "kvno") not in (None, *have)


def no_key_for_the_ticket(view: View) -> Seen | None:
    step, request = _error(view, _NO_KEY), _unexplained(view)
    expected = "a key of the ticket's principal and encryption type"
    if request is not None and _missing_etype(request):
        have = ", ".join(map(etype_name, request.leg.facts["keytab-etypes"])) or "no key of that principal at all"
        return request.seen("the ticket", f"encrypted with {_blanks(view)['etype']} for {_value(request, 'sname')}; the keytab has {have}",
                            expected, **_blanks(view))
    return _said(view, step, expected) if step is not None and not _missing_version(request) else None


def _missing_etype(request: Step | None) -> bool:
    """The same for the ticket's encryption type."""
    facts = request.leg.facts if request else {}
    return (request is not None and "keytab-etypes" in facts and facts.get("ticket") != "opened"
            and _value(request, "etype") not in facts["keytab-etypes"])


def ticket_expired(view: View) -> Seen | None:
    step, request = _error(view, _EXPIRED), _unexplained(view)
    if step is not None:
        return _said(view, step, "an endtime that is not over")
    ends = request.leg.facts.get("ticket-ends") if request else None
    if request is None or ends is None or ends > -_SKEW_ALLOWED:
        return None
    return request.seen("endtime of the ticket", f"{-ends:.0f} s before the message", "an endtime that is not over", **_blanks(view))


def ticket_not_yet_valid(view: View) -> Seen | None:
    step, request = _error(view, _NOT_YET), _unexplained(view)
    if step is not None:
        return _said(view, step, "a starttime that is past")
    begins = request.leg.facts.get("ticket-begins") if request else None
    if request is None or begins is None or begins <= _SKEW_ALLOWED:
        return None
    return request.seen("starttime of the ticket", f"{begins:.0f} s after the message", "a starttime that is past", **_blanks(view))


def replayed(view: View) -> Seen | None:
    step, request = _error(view, _REPEAT), _unexplained(view)
    if step is not None:
        return _said(view, step, "an authenticator that was not seen before")
    if request is None:
        return None
    for other in view.recording.exchanges:
        if other.number < view.exchange.number and any(leg.sender == CLIENT and leg.token == request.leg.token for leg in other.legs):
            return request.seen("the AP-REQ", f"the same as in exchange {other.number}", "a new authenticator in each connection", **_blanks(view))
    return None


def checksum_not_of_gss(view: View) -> Seen | None:
    step, request = _error(view, _CHECKSUM), _unexplained(view)
    expected = "a checksum of type 0x8003 with 24 bytes or more: bindings and flags"
    if step is not None:
        return _said(view, step, expected)
    if request is None or request.leg.facts.get("authenticator") != "right" or "gss-flags" in request.leg.facts:
        return None
    return request.seen("the authenticator's checksum", "none, or one of another type or length", expected, **_blanks(view))


def pac_missing(view: View) -> Seen | None:
    request = _unexplained(view)
    if request is None or request.leg.facts.get("pac") != "absent":
        return None
    return request.seen("the ticket's PAC", "none", "a PAC, from which Windows makes the token of the logon", **_blanks(view))


def pac_wrong(view: View) -> Seen | None:
    request = _unexplained(view)
    if request is None or request.leg.facts.get("pac") not in ("wrong", "unsigned"):
        return None
    found = "not made with the key of the service" if request.leg.facts["pac"] == "wrong" else "none"
    return request.seen("the server signature of the PAC", found, "one with the key of the service over the PAC", **_blanks(view))


def ap_rep_missing(view: View) -> Seen | None:
    """RFC 4120 3.2.4: with MUTUAL-REQUIRED the service answers with an AP-REP. A recorded gateway of remote desktops sends none,
    and its client goes on."""
    request = _request(view)
    if request is None or view.exchange.transport == "HTTPS(RDG)" or view.failed is not False or "mutual-required" not in (_value(request, "apOptions") or ()):
        return None
    answers = [step for step in view.steps if step.number > request.number and not step.from_client]
    if not answers or any(step.inner for step in answers) or not any(step.leg.status for step in answers):
        return None
    return answers[0].seen("the answer to AP-REQ", "accepted, without a token of Kerberos", "AP-REP, as the AP-REQ has MUTUAL-REQUIRED", **_blanks(view))


def reply_wrong(view: View) -> Seen | None:
    for step in view.of_kind("AP-REP"):
        found = step.leg.facts.get("reply")
        if not step.from_client and found in ("wrong", "of another request"):
            text = {"wrong": "not encrypted with the session key of the ticket"}.get(found, "with the time of another authenticator")
            return step.seen("the AP-REP", text, "the ctime and cusec of this AP-REQ, encrypted with the ticket's session key", **_blanks(view))
    return None


def third_leg_missing(view: View) -> Seen | None:
    """MS-KILE 3.4.5.1: in DCE style the client answers the AP-REP with one of its own."""
    replies = [step for step in view.of_kind("AP-REP") if step.kerberos and step.kerberos.oid is None and not step.from_client]
    if not replies or view.failed is False:
        return None
    if any(step.from_client and step.number > replies[0].number and step.leg.token for step in view.steps):
        return None
    return replies[0].seen("the client's answer to the AP-REP", "none", "an AP-REP of its own: DCE style has three legs",
                           view.failed is True, **_blanks(view))


def kerberos_refused(view: View) -> Seen | None:
    """A KRB-ERROR that none of the others knows."""
    for step in view.of_kind("KRB-ERROR"):
        code = _value(step, "errorCode")
        if not step.from_client and code not in _KNOWN and view.failed is not False:
            return _said(view, step, "AP-REP", meaning=ERRORS.get(code, ("", ""))[1] or "see RFC 4120 7.5.9")
    return None


RULES: tuple[Rule, ...] = (
    clock_skew, ticket_key_of_another_account, ticket_for_another_service, key_version_not_in_keytab, no_key_for_the_ticket,
    ticket_expired, ticket_not_yet_valid, replayed, checksum_not_of_gss, pac_missing, pac_wrong, ap_rep_missing, reply_wrong,
    third_leg_missing, kerberos_refused)
