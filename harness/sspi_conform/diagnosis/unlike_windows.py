# SPDX-License-Identifier: Apache-2.0
"""What is otherwise than Windows does it and need not harm: shown with --all, for whoever writes an implementation.

Compared is with Windows 7 and later, as recorded: `recorded.ntlm.*` and `recorded.spnego.*` in captures/sources.yaml. A
message that does not say who sent it (NTLM without VERSION) is noted as such and not compared further.
"""
from __future__ import annotations

from collections.abc import Iterator

from ..tokens import ntlm, spnego
from .model import Rule, Seen
from .view import Step, View

# Of Windows 7 and later: flags that depend neither on the caller nor on the other side.
_ALWAYS = {
    ntlm.Negotiate: (ntlm.UNICODE | ntlm.OEM | ntlm.REQUEST_TARGET | ntlm.NTLM | ntlm.ALWAYS_SIGN
                     | ntlm.EXTENDED_SESSIONSECURITY | ntlm.VERSION | ntlm.KEY_128 | ntlm.KEY_56),
    ntlm.Challenge: ntlm.UNICODE | ntlm.REQUEST_TARGET | ntlm.NTLM | ntlm.TARGET_INFO | ntlm.VERSION,
    ntlm.Authenticate: ntlm.UNICODE | ntlm.REQUEST_TARGET | ntlm.NTLM | ntlm.TARGET_INFO | ntlm.VERSION,
}
# r1 to r10 of MS-NLMP 2.2.2.5 without r7, which Windows sets between programs of one machine.
_NEVER = 0x1D240508
_SERVER_ORDER = (ntlm.AV_NB_DOMAIN, ntlm.AV_NB_COMPUTER, ntlm.AV_DNS_DOMAIN, ntlm.AV_DNS_COMPUTER, ntlm.AV_DNS_TREE,
                 ntlm.AV_TIMESTAMP)
_CLIENT_ORDER = (*_SERVER_ORDER, ntlm.AV_FLAGS, ntlm.AV_SINGLE_HOST, ntlm.AV_CHANNEL_BINDINGS, ntlm.AV_TARGET_NAME)
_WINDOWS_LISTS = (
    (spnego.MS_KRB5, spnego.KRB5, spnego.NEGOEX, spnego.NTLM), (spnego.MS_KRB5, spnego.KRB5, spnego.NEGOEX),
    (spnego.MS_KRB5, spnego.KRB5, spnego.NTLM), (spnego.MS_KRB5, spnego.KRB5), (spnego.NTLM,), (spnego.NEGOEX, spnego.NTLM),
)
_LATE_FALLBACK = "1.3.6.1.4.1.311.2.2.40"  # MS-SPNG 3.1.5.1: what Windows Server 2025 lists behind the others
_KERBEROS = (spnego.KRB5, spnego.MS_KRB5, spnego.KRB5_U2U)


def no_version(view: View) -> Seen | None:
    for step, message in _messages(view):
        if message.version is None:
            return step.seen("VERSION", "absent", "the release of Windows, in every message")
    return None


def flags_always_set(view: View) -> Seen | None:
    for step, message in _of_windows(view):
        lacking = _ALWAYS[type(message)] & ~message.flags
        if lacking and not _is_anonymous(message):
            return step.seen("the flags", f"0x{message.flags:08x}", f"{', '.join(ntlm.flag_names(lacking))} set as well")
    return None


def flags_never_set(view: View) -> Seen | None:
    for step, message in _messages(view):
        surplus = message.flags & _NEVER
        if surplus:
            return step.seen("the flags", f"0x{message.flags:08x}", f"{', '.join(ntlm.flag_names(surplus))} not set")
    return None


def target_info_order(view: View) -> Seen | None:
    for step, message in _of_windows(view):
        if isinstance(message, ntlm.Challenge):
            found, order = message.av_pairs, _SERVER_ORDER
        else:
            response = message.ntlmv2() if isinstance(message, ntlm.Authenticate) else None
            found, order = response.av_pairs if response else (), _CLIENT_ORDER
        numbers = [number for number, _ in found]
        if numbers and numbers != [number for number in order if number in numbers]:
            return step.seen("the order of the AV pairs", _av_names(numbers), _av_names(order))
    return None


def client_pairs_missing(view: View) -> Seen | None:
    """A Windows client answers a server's time with MsvAvFlags, its single host, bindings and target."""
    step = view.authenticate
    if step is None or not isinstance(step.ntlm, ntlm.Authenticate) or not _is_windows(step.ntlm):
        return None
    response = step.ntlm.ntlmv2()
    if response is None or response.av(ntlm.AV_TIMESTAMP) is None:
        return None
    lacking = [number for number in _CLIENT_ORDER[6:] if response.av(number) is None]
    if not lacking:
        return None
    return step.seen("the AV pairs", f"without {_av_names(lacking)}", _av_names(_CLIENT_ORDER))


def lm_response_given(view: View) -> Seen | None:
    """MS-NLMP 3.1.5.1.2: with a server's time no LMv2 response is sent; Windows fills the field with zeros."""
    step, challenge = view.authenticate, view.challenge
    if step is None or challenge is None or not isinstance(step.ntlm, ntlm.Authenticate) or not _is_windows(step.ntlm):
        return None
    timed = isinstance(challenge.ntlm, ntlm.Challenge) and any(number == ntlm.AV_TIMESTAMP for number, _ in challenge.ntlm.av_pairs)
    if not timed or step.ntlm.response_kind != "NTLMv2" or not any(step.ntlm.lm_response):
        return None
    return step.seen("the LM response", f"{len(step.ntlm.lm_response)} bytes that are not zero", "24 zero bytes")


def mechanisms_listed_otherwise(view: View) -> Seen | None:
    step = view.init
    if step is None or not isinstance(step.outer, spnego.NegTokenInit) or step.outer.is_init2:
        return None
    listed = tuple(one for one in step.outer.mech_types if one != _LATE_FALLBACK)
    if not listed or listed in _WINDOWS_LISTS:
        return None
    wanted = _WINDOWS_LISTS[0] if any(one in _KERBEROS for one in listed) else _WINDOWS_LISTS[4]
    return step.seen("mechTypes", _named(listed), _named(wanted))


def first_token_unframed(view: View) -> Seen | None:
    step = view.init
    if step is None or not isinstance(step.outer, spnego.NegTokenInit) or step.outer.framed:
        return None
    return step.seen("the framing", "none: it begins with a0", "60, a length and the number of SPNEGO (RFC 2743 3.1)")


def hint_lists_otherwise(view: View) -> Seen | None:
    """The list of a server that speaks first."""
    step = next((one for one in view.steps if not one.from_client and isinstance(one.outer, spnego.NegTokenInit)), None)
    if step is None or not isinstance(step.outer, spnego.NegTokenInit):
        return None
    full = (spnego.NEGOEX, spnego.MS_KRB5, spnego.KRB5, spnego.KRB5_U2U, spnego.NTLM)
    if step.outer.mech_types in (full, full[1:], (spnego.NEGOEX, spnego.NTLM), (spnego.NTLM,)):
        return None
    return step.seen("mechTypes of the hint", _named(step.outer.mech_types), _named(full))


def _messages(view: View) -> Iterator[tuple[Step, ntlm.Message]]:
    return ((step, step.ntlm) for step in view.steps if step.ntlm is not None)


def _of_windows(view: View) -> Iterator[tuple[Step, ntlm.Message]]:
    """Those that say they are of Windows 7 or later."""
    return ((step, message) for step, message in _messages(view) if _is_windows(message))


def _is_windows(message: ntlm.Message) -> bool:
    return message.version is not None and (message.version.major, message.version.minor) >= (6, 1)


def _is_anonymous(message: ntlm.Message) -> bool:
    return isinstance(message, ntlm.Authenticate) and not message.user and not message.nt_response


def _av_names(numbers: tuple[int, ...] | list[int]) -> str:
    return ", ".join(ntlm.AV_NAMES.get(number, str(number)).removeprefix("MsvAv") for number in numbers)


def _named(mechanisms: tuple[str, ...]) -> str:
    return ", ".join(map(spnego.mechanism_name, mechanisms)) or "nothing"


RULES: tuple[Rule, ...] = (no_version, flags_always_set, flags_never_set, target_info_order, client_pairs_missing,
                           lm_response_given, mechanisms_listed_otherwise, first_token_unframed, hint_lists_otherwise)
