# SPDX-License-Identifier: Apache-2.0
"""What goes wrong around the tokens in HTTP: headers, connections, sizes (RFC 4559, RFC 9110 11)."""
from __future__ import annotations

import re

from ..exchange.model import CLIENT, HTTP, SERVER
from ..tokens import ntlm
from .model import Rule, Seen
from .view import Step, View

_TRANSPORTS = ("HTTP", "curl", "HTTPS(RDG)")
_UNAUTHORISED, _TOO_LARGE = (401, 407), (400, 413, 431, 494)
_INTEGRATED = {"negotiate", "ntlm", "kerberos"}
_LIMITS = (4096, 8192, 16384, 32768, 65536)
_NEAR = 600   # bytes of a header that are not the token, and of the headers around it
_LARGE = 3000  # bytes of a token in base64 below which no server minds
_SHORT = re.compile(r"(\d+) bytes|inside the token")


def no_token_sent(view: View) -> Seen | None:
    """The server offers integrated authentication and the client's requests come without."""
    if not _is_http(view) or any(step.leg.token for step in view.steps) or not _offered(view) & _INTEGRATED:
        return None
    asked = [step for step in view.steps if _code(step) in _UNAUTHORISED]
    if not asked or asked[-1] is not view.last_of(SERVER):
        return None
    times = f", {len(asked)} times" if len(asked) > 1 else ""
    return asked[-1].seen("Authorization", f"not sent; the server answers {_code(asked[-1])}{times}, offering {view.about('schemes')}",
                          "Authorization: Negotiate with a token", len(asked) > 1, schemes=view.about("schemes"))


def no_scheme_offered(view: View) -> Seen | None:
    """401 without Negotiate, NTLM or Kerberos."""
    if not _is_http(view) or _offered(view) & _INTEGRATED or "schemes" not in view.exchange.about:
        return None
    first = _first_question(view)
    offered = view.about("schemes")
    return first.seen("WWW-Authenticate", offered, "WWW-Authenticate: Negotiate", offered=offered) if first and offered else None


def challenge_header_missing(view: View) -> Seen | None:
    """RFC 9110 11.6.1: with 401 there must be one."""
    first = _first_question(view)
    if not _is_http(view) or first is None or view.exchange.about.get("schemes") != "":
        return None
    return first.seen("WWW-Authenticate", f"not there, with status {_code(first)}", "WWW-Authenticate: Negotiate")


def _first_question(view: View) -> Step | None:
    """The first 401 of a server that has sent no token."""
    if view.failed is False or any(step.leg.token and not step.from_client for step in view.steps):
        return None
    return next((step for step in view.steps if _code(step) in _UNAUTHORISED), None)


def header_repeated(view: View) -> Seen | None:
    """RFC 9110 5.3: Authorization is no list."""
    name = view.about("repeated")
    step = next((one for one in view.steps if one.from_client), None)
    if not name or step is None or view.failed is False:
        return None
    return step.seen(name, "twice in one request", "once", header=name)


def connection_not_kept(view: View) -> Seen | None:
    """NTLM authenticates a connection: an AUTHENTICATE on another one answers a challenge that nobody there made."""
    if view.failed is False:
        return None
    again = _challenge_again(view)
    if again is not None:
        return again
    step = view.authenticate
    if step is None or view.challenge is not None or step.number != _first_token(view):
        return None
    from_where = _challenged_elsewhere(view)
    if from_where is None:
        return None
    return step.seen("the connection of AUTHENTICATE", f"{view.exchange.connection or 'another'}, the CHALLENGE came on {from_where}",
                     "the connection on which NEGOTIATE and CHALLENGE were exchanged")


def _challenge_again(view: View) -> Seen | None:
    answered = False
    for step in view.steps:
        if isinstance(step.ntlm, ntlm.Authenticate):
            answered = True
        elif answered and isinstance(step.ntlm, ntlm.Challenge):
            return step.seen("the answer to AUTHENTICATE", "a new CHALLENGE", "acceptance or refusal of the AUTHENTICATE")
    return None


def _challenged_elsewhere(view: View) -> str | None:
    """The connection on which the same client was left with a CHALLENGE."""
    for other in view.recording.exchanges:
        if other is view.exchange or other.connection == view.exchange.connection or other.client != view.exchange.client:
            continue
        kinds = [_ntlm_number(leg.token) for leg in other.legs]
        if 2 in kinds and 3 not in kinds:
            return other.connection or "another connection"
    return None


def _ntlm_number(token: bytes | None) -> int:
    """1, 2 or 3, wherever in the token the NTLM message begins; 0 without one."""
    at = (token or b"").find(ntlm.SIGNATURE)
    return (token or b"")[at + 8] if at >= 0 and len(token or b"") > at + 8 else 0


def token_cut_off(view: View) -> Seen | None:
    """A token that says it is longer than what arrived."""
    for step in view.steps:
        if step.error is None or view.failed is False:
            continue
        size = len(step.leg.token or b"")
        missing = _missing_bytes(step)
        if missing is None:
            continue
        written = (size + 2) // 3 * 4
        limit = next((one for one in _LIMITS if one - _NEAR <= written <= one), None) if _is_http(view) else None
        near = f", {written} characters of base64: just below a limit of {limit}" if limit else ""
        return step.seen("the length of the token", f"{size} bytes{near}", missing, limit=str(limit or "some size"))
    return None


def _missing_bytes(step: Step) -> str | None:
    """What the token says its length is, None when it is malformed otherwise."""
    token = step.leg.token or b""
    if step.error is None or not token:
        return None
    if token[0] in (0x60, 0xA0, 0xA1, 0x6E) and len(token) > 2:
        octets = token[1] & 0x7F if token[1] & 0x80 else 0
        said = 2 + octets + (int.from_bytes(token[2:2 + octets], "big") if octets else token[1])
        return f"{said} bytes, as its outermost length says" if octets <= 4 and said > len(token) else None
    if token[:8] == ntlm.SIGNATURE and _SHORT.search(str(step.error)):
        return "as many as its fields reach to: " + step.error.expected
    return None


def header_too_large(view: View) -> Seen | None:
    """The server does not read a header of that size."""
    if not _is_http(view) or view.failed is False:
        return None
    answer = next((step for step in view.steps if _code(step) in _TOO_LARGE), None)
    asked = next((step for step in reversed(view.steps[:answer.number - 1]) if step.from_client), None) if answer else None
    size = (len(asked.leg.token or b"") + 2) // 3 * 4 if asked else 0
    if answer is None or size < _LARGE:
        return None
    return answer.seen("the status", f"{_code(answer)} for a token of {size} characters in base64", "headers of that size allowed",
                       _code(answer) != 400)


def _is_http(view: View) -> bool:
    return view.exchange.transport in _TRANSPORTS


def _offered(view: View) -> set[str]:
    return set(view.about("schemes").lower().split())


def _code(step: Step) -> int:
    status = step.leg.status
    return status.value if status is not None and status.kind == HTTP and step.leg.sender == SERVER else 0


def _first_token(view: View) -> int:
    return next((step.number for step in view.steps if step.leg.sender == CLIENT and step.leg.token), 0)


RULES: tuple[Rule, ...] = (header_repeated, token_cut_off, header_too_large, connection_not_kept, no_token_sent,
                           no_scheme_offered, challenge_header_missing)
