# SPDX-License-Identifier: Apache-2.0
"""Channel bindings: what the client bound itself to, against the TLS connection it came through (RFC 5929, MS-NLMP 2.2.2.1)."""
from __future__ import annotations

from ..exchange.model import LDAP
from ..tokens import ntlm
from . import refusals
from .model import Rule, Seen
from .ntlm import says_nothing
from .view import Step, View

_GIVEN = ("given", "of the certificate", "of another")
_FIELDS = {"NTLM AUTHENTICATE": "MsvAvChannelBindings", "AP-REQ": "Bnd of the authenticator's checksum"}


def bindings_missing(view: View) -> Seen | None:
    """The AV pair left out: a client that does not know of bindings."""
    return _nothing_bound(view, "absent", "not there: the client does not know of channel bindings")


def bindings_zero(view: View) -> Seen | None:
    """There and zero: a client that knows of them, whose program gave none."""
    return _nothing_bound(view, "zero", "16 zero bytes: the client knows of channel bindings, its program gave none")


def bindings_of_another_certificate(view: View) -> Seen | None:
    found = _bound(view)
    if found is None or view.failed is False:
        return None
    step, word, value = found
    refused = _is_bad_bindings(view)
    if word != "of another" and not (refused and word in _GIVEN):
        return None
    return step.seen(_FIELDS[step.kind], value or word, _expected(view), True)


def bindings_of_a_proxy(view: View) -> Seen | None:
    """All that the client did is right, for the certificate that it saw: the server behind may have another."""
    found = _bound(view)
    if found is None or found[1] != "of the certificate" or _proof(view) != "right" or not _may_be_bindings(view):
        return None
    if found[0].leg.facts.get("mic") == "wrong":
        return None
    return found[0].seen(_FIELDS[found[0].kind], f"{found[2]}, those of the certificate that the client saw",
                         "those of the certificate of the server that checks them", False)


def bindings_without_tls(view: View) -> Seen | None:
    """Bindings on a connection that has no TLS here: it ended in front of this capture."""
    found = _bound(view)
    if found is None or found[1] != "given" or view.is_tls or _is_bad_bindings(view) or not says_nothing(view):
        return None
    if _proof(view) == "wrong" or view.exchange.transport not in ("HTTP", "LDAP"):
        return None
    return found[0].seen(_FIELDS[found[0].kind], f"{found[2] or 'given'}, though there is no TLS here",
                         "none, or those of the server's own certificate", False)


def bindings_refused(view: View) -> Seen | None:
    """The server names the bindings; what the client gave cannot be seen."""
    if not _is_bad_bindings(view) or _bound(view) is not None or view.refusal is None or view.refusal.step is None:
        return None
    return view.refusal.step.seen("the server's status", refusals.name(view.refusal.code), _expected(view))


def _nothing_bound(view: View, wanted: str, shown: str) -> Seen | None:
    found = _bound(view)
    if found is None or found[1] != wanted:
        return None
    certain = _is_bad_bindings(view)
    if not certain and not (view.is_tls and view.exchange.transport != "CredSSP" and _may_be_bindings(view)):
        return None
    return found[0].seen(_FIELDS[found[0].kind], shown, _expected(view), certain)


def _bound(view: View) -> tuple[Step, str, str] | None:
    """The leg that would carry bindings, what is there in the words of exchange.verify, and the value when it is in clear."""
    step = view.authenticate
    if step is not None and isinstance(step.ntlm, ntlm.Authenticate):
        response = step.ntlm.ntlmv2()
        if response is None:
            return None
        value = response.av(ntlm.AV_CHANNEL_BINDINGS)
        word = "absent" if value is None else "given" if any(value) else "zero"
        return step, str(step.leg.facts.get("bindings", word)), (value or b"").hex()
    step = next(view.of_kind("AP-REQ"), None)
    if step is None or "bindings" not in step.leg.facts:
        return None
    return step, str(step.leg.facts["bindings"]), ""


def _expected(view: View) -> str:
    point = view.exchange.channel.end_point if view.exchange.channel else None
    if point is None:
        return "MD5 over the tls-server-end-point of the server's certificate"
    return f"those of the server's certificate, tls-server-end-point {point.hex()}"


def _is_bad_bindings(view: View) -> bool:
    return view.refusal is not None and view.refusal.code in refusals.BAD_BINDINGS


def _may_be_bindings(view: View) -> bool:
    """LDAP says when it is the bindings, and a wrong proof is the reason by itself."""
    refusal = view.refusal
    if refusal is not None and refusal.status.kind == LDAP and refusal.code:
        return False
    return says_nothing(view) and _proof(view) != "wrong"


def _proof(view: View) -> object:
    return view.authenticate.leg.facts.get("proof") if view.authenticate else None


RULES: tuple[Rule, ...] = (bindings_of_another_certificate, bindings_missing, bindings_zero, bindings_of_a_proxy,
                           bindings_without_tls, bindings_refused)
