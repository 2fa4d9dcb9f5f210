# SPDX-License-Identifier: Apache-2.0
"""What goes wrong inside NTLM: responses, MIC, names (MS-NLMP 3.1.5, 3.2.5)."""
from __future__ import annotations

import ipaddress

from ..exchange.model import HTTP, LDAP, RPC_FAULT
from ..tokens import ntlm
from . import refusals
from .model import Rule, Seen
from .view import Step, View

GENERIC = (refusals.LOGON_FAILURE, refusals.WRONG_PASSWORD, refusals.SEC_LOGON_DENIED)
_FORBIDDEN = (401, 403)
_NAMES = (ntlm.AV_NB_COMPUTER, ntlm.AV_NB_DOMAIN, ntlm.AV_DNS_COMPUTER, ntlm.AV_DNS_DOMAIN)


def authenticate_of(view: View) -> tuple[Step, ntlm.Authenticate] | None:
    step = view.authenticate
    if step is None or not isinstance(step.ntlm, ntlm.Authenticate):
        return None
    return step, step.ntlm


def who(message: ntlm.Authenticate) -> str:
    domain, user = message.text(message.domain), message.text(message.user)
    return f"{domain}\\{user}" if domain else user


def says_nothing(view: View) -> bool:
    """Whether the refusal could be of any reason: HTTP 401, or a status that reasons are not told apart in."""
    refusal = view.refusal
    if refusal is None:
        return False
    if refusal.status.kind == HTTP:
        return refusal.status.value == 401
    if refusal.status.kind == LDAP:
        return refusal.status.value == 49 and refusal.code in (0, *GENERIC)
    return refusal.status.kind != RPC_FAULT and refusal.code in (0, *GENERIC)


def mic_absent(view: View) -> Seen | None:
    """MS-NLMP 3.1.5.1.2: with MsvAvFlags 0x2 there must be a MIC."""
    found = authenticate_of(view)
    if found is None:
        return None
    step, message = found
    response = message.ntlmv2()
    if response is None or not response.av_flags & ntlm.AV_FLAG_MIC or (message.mic and any(message.mic)):
        return None
    there = "16 zero bytes" if message.mic is not None else "no field, the payload begins where it should be"
    return step.seen("the MIC of AUTHENTICATE", there, "a MIC over the three messages, as MsvAvFlags 0x2 announces")


def mic_wrong(view: View) -> Seen | None:
    found = authenticate_of(view)
    if found is None or found[0].leg.facts.get("mic") != "wrong" or found[0].leg.facts.get("mic-announced") is False:
        return None
    return found[0].seen("the MIC of AUTHENTICATE", "not the one that the account's secret gives over the three messages",
                         "HMAC_MD5 with the exported session key over NEGOTIATE, CHALLENGE and AUTHENTICATE")


def proof_wrong(view: View) -> Seen | None:
    found = authenticate_of(view)
    if found is None or found[0].leg.facts.get("proof") != "wrong":
        return None
    step, message = found
    return step.seen("the NT response of AUTHENTICATE", f"made with another password for {who(message)}",
                     "the response that the given password or hash makes to this challenge")


def anonymous_instead(view: View) -> Seen | None:
    """MS-NLMP 3.2.5.1.2: no user and no NT response is anonymous."""
    found = authenticate_of(view)
    if found is None or found[1].user or found[1].nt_response:
        return None
    outcome = view.exchange.outcome
    if not view.failed and (outcome is None or outcome.kind != HTTP or outcome.value not in _FORBIDDEN):
        return None  # many a service lets nobody in for a first look (SMB, RPC)
    return found[0].seen("the user name of AUTHENTICATE", "empty, and no NT response: an anonymous logon",
                         "the name of an account, with an NTLMv2 response")


def ntlmv1_refused(view: View) -> Seen | None:
    """By servers of Windows Vista and later, which tell their time: those before took it."""
    found, challenge = authenticate_of(view), view.challenge
    if found is None or not says_nothing(view) or found[1].response_kind not in ("NTLMv1", "NTLMv1-ESS"):
        return None
    asked = challenge.ntlm if challenge else None
    if isinstance(asked, ntlm.Challenge) and (not asked.target_info or ntlm.AV_TIMESTAMP not in dict(asked.av_pairs)):
        return None
    step, message = found
    if step.leg.facts.get("proof") == "wrong":
        return None
    return step.seen("the NT response of AUTHENTICATE", f"24 bytes: {message.response_kind}",
                     "NTLMv2, which is longer than 24 bytes", step.leg.facts.get("proof") == "right")


def no_such_user(view: View) -> Seen | None:
    found, refusal = authenticate_of(view), view.refusal
    if refusal is None or refusal.code != refusals.NO_SUCH_USER:
        return None
    account = who(found[1]) if found else "the account"
    step = refusal.step or (found[0] if found else None)
    return step.seen("the server's status", f"STATUS_NO_SUCH_USER for {account}", "STATUS_SUCCESS for an account that exists") if step else None


def target_info_changed(view: View) -> Seen | None:
    """MS-NLMP 3.1.5.1.2: the client proves the AV pairs of the CHALLENGE that it saw."""
    found, challenge = authenticate_of(view), view.challenge
    if found is None or challenge is None or not view.failed or not isinstance(challenge.ntlm, ntlm.Challenge):
        return None
    response = found[1].ntlmv2()
    sent, proven = dict(challenge.ntlm.av_pairs), dict(response.av_pairs) if response else {}
    number = next((one for one in _NAMES if one in sent and one in proven and sent[one] != proven[one]), None)
    if number is None:
        return None
    text = proven[number].decode("utf-16-le", "replace")
    return found[0].seen(ntlm.AV_NAMES[number], text, f"{sent[number].decode('utf-16-le', 'replace')}, as in the CHALLENGE", other=text)


def target_name_mismatch(view: View) -> Seen | None:
    """The host in MsvAvTargetName against the names in the CHALLENGE."""
    found, challenge = authenticate_of(view), view.challenge
    refusal = view.refusal
    if found is None or challenge is None or refusal is None or not isinstance(challenge.ntlm, ntlm.Challenge):
        return None
    if refusal.code != refusals.ACCESS_DENIED and not says_nothing(view):
        return None
    response = found[1].ntlmv2()
    target = (response.av(ntlm.AV_TARGET_NAME) or b"").decode("utf-16-le", "replace") if response else ""
    names = [value.decode("utf-16-le", "replace").lower() for number, value in challenge.ntlm.av_pairs
             if number in (ntlm.AV_DNS_COMPUTER, ntlm.AV_NB_COMPUTER)]
    host = target.partition("/")[2].partition("/")[0].partition(":")[0].lower()
    if not host or not names or host in names or _is_address(host) or host.partition(".")[0] in names:
        return None
    return found[0].seen("MsvAvTargetName", target, f"a service of {' or '.join(names)}, as the CHALLENGE names the server",
                         False, target=target, names=" or ".join(names))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


RULES: tuple[Rule, ...] = (mic_absent, target_info_changed, proof_wrong, mic_wrong, anonymous_instead, ntlmv1_refused,
                           no_such_user, target_name_mismatch)
