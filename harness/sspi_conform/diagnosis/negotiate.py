# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in SPNEGO: mechanisms, states, mechListMIC (RFC 4178, MS-SPNG)."""
from __future__ import annotations

from collections.abc import Iterable

from ..tokens import ntlm, spnego
from .model import Rule, Seen
from .view import Step, View

_MESSAGE_ALTERED = 0x8009030F
_KERBEROS = (spnego.KRB5, spnego.MS_KRB5)


def no_common_mechanism(view: View) -> Seen | None:
    """The server rejects the list, or its own list has none of it."""
    if view.init is None or view.failed is False:
        return None
    offered = _mech_types(view.init)
    answer = next(view.answers, None)
    if answer is not None and _state(answer) == spnego.REJECT and not _is_negoex(view.init):
        return answer.seen("negState", f"reject, to the offer of {_named(offered)}", "a mechanism of the client's list",
                           offered=_named(offered))
    if view.failed and answer is None and offered and not _same(offered) & _known():
        return view.init.seen("mechTypes", _named(offered), "a list with Kerberos or NTLM in it", offered=_named(offered))
    hint = next((step for step in view.steps if not step.from_client and isinstance(step.outer, spnego.NegTokenInit)), None)
    there = _mech_types(hint) if hint else ()
    if hint is None or not there or not offered or _same(offered) & _same(there) or view.failed is None:
        return None
    return view.init.seen("mechTypes", _named(offered), f"one of those that the server has: {_named(there)}", offered=_named(offered))


def mechanism_not_offered(view: View) -> Seen | None:
    """RFC 4178 4.2.2: supportedMech is one of the list."""
    answer = next(view.answers, None)
    if view.init is None or answer is None or view.failed is False or not isinstance(answer.outer, spnego.NegTokenResp):
        return None
    chosen, offered = answer.outer.supported_mech, _mech_types(view.init)
    if chosen is None or not offered or _same((chosen,)) & _same(offered):
        return None
    return answer.seen("supportedMech", spnego.mechanism_name(chosen), f"one of the client's list: {_named(offered)}")


def negoex_first(view: View) -> Seen | None:
    """NEGOEX as the preferred mechanism, from which this server does not find its way."""
    if view.init is None or not _is_negoex(view.init) or view.failed is False:
        return None
    answer = next(view.answers, None)
    rejected = answer is not None and _state(answer) == spnego.REJECT
    if not rejected and not (view.failed and answer is None):
        return None
    return view.init.seen("mechTypes", _named(_mech_types(view.init)), "an answer that chooses another mechanism of the list",
                          rejected)


def request_mic_again(view: View) -> Seen | None:
    """RFC 4178 4.2.2: request-mic stands in the first reply only. The server's word that all is well changes nothing: the
    client does not believe it."""
    later = list(view.answers)[1:]
    asked = next((step for step in later if _state(step) == spnego.REQUEST_MIC), None)
    if asked is None:
        return None
    return asked.seen("negState", f"request-mic, in its reply {later.index(asked) + 2}", "request-mic in the first reply only")


def mech_list_mic_wrong(view: View) -> Seen | None:
    wrong = next((step for step in view.steps if step.leg.facts.get("mech-list-mic") == "wrong"), None)
    if wrong is not None:
        return wrong.seen("mechListMIC", "not a MIC over the list of mechanisms that the initiator sent",
                          "a MIC over the bytes of mechTypes in the NegTokenInit")
    carrier = next((step for step in reversed(view.steps) if step.from_client and _mic(step)), None)
    if carrier is None or view.refusal is None or view.refusal.code != _MESSAGE_ALTERED:
        return None
    return carrier.seen("mechListMIC", "there, and the server says SEC_E_MESSAGE_ALTERED",
                        "a MIC over the bytes of mechTypes in the NegTokenInit", False)


def mech_list_mic_missing(view: View) -> Seen | None:
    """Asked for, or of another mechanism than the first, or NTLM with its own MIC: then it must be there."""
    carrier = _last_token(view)
    if carrier is None or view.failed is not True or _mic_after(view, carrier):
        return None
    required = any(_state(step) == spnego.REQUEST_MIC for step in view.answers) or _is_reselected(view)
    if not required and not _promises_mic(carrier):
        return None
    why = "the server chose another mechanism than the first" if required else "MsvAvFlags announces that NTLM has a MIC"
    return carrier.seen("mechListMIC", "absent", f"a MIC over mechTypes, because {why}", required, why=why)


def _mech_types(step: Step) -> tuple[str, ...]:
    return step.outer.mech_types if isinstance(step.outer, spnego.NegTokenInit) else ()


def _named(mechanisms: Iterable[str]) -> str:
    return ", ".join(map(spnego.mechanism_name, mechanisms)) or "nothing"


def _same(mechanisms: Iterable[str]) -> set[str]:
    """Kerberos has two numbers (MS-SPNG 1.9); NEGOEX alone brings nobody together."""
    return {spnego.KRB5 if one in _KERBEROS else one for one in mechanisms if one != spnego.NEGOEX}


def _known() -> set[str]:
    """What servers have."""
    return {spnego.KRB5, spnego.KRB5_U2U, spnego.NTLM}


def _is_negoex(step: Step) -> bool:
    return step.kind == "NEGOEX" or _mech_types(step)[:1] == (spnego.NEGOEX,)


def _state(step: Step) -> int | None:
    return step.outer.neg_state if isinstance(step.outer, spnego.NegTokenResp) else None


def _mic(step: Step) -> bytes | None:
    return step.outer.mic if step.outer is not None else None


def _last_token(view: View) -> Step | None:
    """The client's NegTokenResp with the last token of its mechanism."""
    return next((step for step in reversed(view.steps) if step.from_client and isinstance(step.outer, spnego.NegTokenResp)
                 and step.inner), None)


def _mic_after(view: View, carrier: Step) -> bool:
    return any(step.from_client and _mic(step) for step in view.steps[carrier.number - 1:])


def _is_reselected(view: View) -> bool:
    answer = next(view.answers, None)
    if view.init is None or answer is None or not isinstance(answer.outer, spnego.NegTokenResp):
        return False
    chosen = answer.outer.supported_mech
    return chosen is not None and not _same((chosen,)) & _same(_mech_types(view.init)[:1])


def _promises_mic(step: Step) -> bool:
    if not isinstance(step.ntlm, ntlm.Authenticate) or not step.ntlm.flags & ntlm.SIGN:
        return False
    response = step.ntlm.ntlmv2()
    return response is not None and bool(response.av_flags & ntlm.AV_FLAG_MIC)


RULES: tuple[Rule, ...] = (negoex_first, no_common_mechanism, mechanism_not_offered, request_mic_again, mech_list_mic_wrong,
                           mech_list_mic_missing)
