# SPDX-License-Identifier: Apache-2.0
"""What a recorded exchange was: settings of a scenario, how it ended, and what of it no realm here can be."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import flags
from ..exchange.model import CLIENT, SERVER, Exchange, KdcMessage, Leg
from ..tokens import TokenError, fields, kind
from . import kerberos, ntlm, outcomes
from .outcomes import Divergence

INITIATOR, ACCEPTOR = "initiator", "acceptor"
SIDES: Mapping[str, str] = {CLIENT: INITIATOR, SERVER: ACCEPTOR}
_HINTS = ("NegTokenInit2",)
_CUT_AT = 64  # bytes that are left of a token which arrived cut off
_NOT_ASKED = ("ALLOCATE_MEMORY",)  # the case has buffers of its own
_U2U = ("TGT-REQ", "TGT-REP")


@dataclass
class Situation:
    """`settings` by dotted key, as scenarios have them; `needs` are features of the realm. `assumed` are sentences of what
    the file leaves open, `lost` of what is in it and cannot be played here."""

    divergence: Divergence
    legs: tuple[Leg, ...] = ()  # those that are played
    settings: dict[str, Any] = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    isolate: str = "none"
    play: list[Any] = field(default_factory=lambda: ["establish"])
    assumed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def subject(self) -> str:
        return self.divergence.side

    def ask(self, side: str, *names: str) -> None:
        """Requirement flags, added."""
        known = self.settings.setdefault(f"{side}.flags", [])
        known += [name for name in names if name not in known]

    def misbehave(self, side: str, name: str, how: str) -> None:
        """What the counterpart does that no implementation does by itself; the subject cannot be made to."""
        if side == self.subject:
            self.lose(f"the {side} was special ({name}: {how}), and it is the implementation under test here")
        else:
            self.settings.setdefault(f"{side}.misbehave", {})[name] = how

    def assume(self, sentence: str) -> None:
        if sentence not in self.assumed:
            self.assumed.append(sentence)

    def lose(self, sentence: str) -> None:
        if sentence not in self.lost:
            self.lost.append(sentence)


def of(exchange: Exchange, kdc: Sequence[KdcMessage] = ()) -> Situation:
    """The situation of a recorded exchange. `kdc`: what its client and a KDC said to each other, when it came to no token."""
    legs = without_hint(exchange.legs)
    if not any(leg.token or leg.status for leg in legs if leg.sender == CLIENT):
        return _before_any_token(exchange, kdc)
    tokens = [(leg, *layers(leg.token)) for leg in legs if leg.token]
    inner = [(leg, kinds[-1], token) for leg, kinds, token in tokens]
    passed_over = _passed_over(legs, inner)
    legs = legs[passed_over:]
    found = Situation(outcomes.divergence(exchange, legs), legs)
    wrapped = any(kinds[0].startswith("NegToken") for _, kinds, _ in tokens)
    is_ntlm = any(name.startswith("NTLM") for _, name, _ in inner)
    mechanism = "NTLM" if is_ntlm else "Kerberos"
    package = exchange.about.get("package", "")
    if not inner:
        mechanism = "Kerberos" if package == "Kerberos" else "NTLM"
        if package not in ("NTLM", "Kerberos"):
            found.lose(f"no token is in the file: which mechanism it was is not known, and {mechanism} is played")
    found.settings |= {"package": "Negotiate" if wrapped else mechanism, "mechanism": mechanism}
    if passed_over:
        found.assume("the client began with another mechanism, which the server passed over: here it begins with NTLM")
    (ntlm if mechanism == "NTLM" else kerberos).describe(found, exchange, [(leg, token) for leg, _, token in inner])
    _spnego(found, [leg for leg, _, _ in tokens])
    _flags(found, exchange)
    if mechanism == "Kerberos" and any(name in _U2U for _, name, _ in inner):
        _user_to_user(found)
    outcomes.cause(found, exchange, legs)
    _bindings(found, exchange, legs)
    _cut(found, inner)
    return found


def _before_any_token(exchange: Exchange, kdc: Sequence[KdcMessage]) -> Situation:
    """The client failed before it had something to send: the KDC, or what curl said, tells why."""
    failed = outcomes.never_began(exchange, kdc)
    if failed is None:
        unknown = Divergence("initiator", 1, "", "no token of the client is in the file, nor why", known=False)
        found = Situation(unknown, exchange.legs)
        found.lose("without a token of the client NTLM is played")
        found.settings |= {"package": "NTLM", "mechanism": "NTLM"}
        return found
    told, patch = failed
    found = Situation(Divergence("initiator", 1, "", told), exchange.legs)
    found.settings |= {"package": "Kerberos", "mechanism": "Kerberos", **patch}
    found.assume("the client asked for Kerberos alone: with Negotiate it would have gone on with NTLM")
    return found


def _passed_over(legs: tuple[Leg, ...], inner: list[tuple[Leg, str, bytes]]) -> int:
    """How many legs there are before the client's first message of NTLM, where something else stands before it."""
    first = next((leg for leg, name, _ in inner if name == "NTLM NEGOTIATE"), None)
    return next((place for place, leg in enumerate(legs) if leg is first), 0)


def _user_to_user(found: Situation) -> None:
    """The peer has no user-to-user: the implementation plays both sides, and nobody misbehaves."""
    found.settings |= {"counterpart": "itself", "initiator.target": "bob", "acceptor.account": "second"}
    found.ask(INITIATOR, "USE_SESSION_KEY", "MUTUAL_AUTH")
    for side in (INITIATOR, ACCEPTOR):
        for name, how in found.settings.pop(f"{side}.misbehave", {}).items():
            found.lose(f"the {side} was special ({name}: {how}), which with user-to-user nobody here can be")


def without_hint(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """The server's hint (NegTokenInit2 in SMB's negotiation) comes before any call of an acceptor with a token."""
    start = next((place for place, leg in enumerate(legs) if leg.sender == CLIENT), len(legs))
    return legs if all(leg.sender == SERVER for leg in legs) else legs[start:]


def layers(token: bytes) -> tuple[list[str], bytes]:
    """Kinds from the outside in, and the innermost token."""
    names = [kind(token)]
    while names[-1].startswith("NegToken"):
        from ..proof.recordings import inner_token

        inner = inner_token(token)
        if not inner or inner == token:
            break
        token = inner
        names.append(kind(token))
    return names, token


def shown(leg: Leg) -> str:
    """A leg's token in words: NegTokenResp <NTLM CHALLENGE>."""
    if not leg.token:
        return "(no token)"
    names, _ = layers(leg.token)
    return names[0] + "".join(f" <{name}>" for name in names[1:])


def _spnego(found: Situation, legs: list[Leg]) -> None:
    for leg in legs:
        side = SIDES[leg.sender]
        if leg.facts.get("mech-list-mic") == "wrong":
            found.misbehave(side, "mechListMIC", "wrong")
        names = _fields(leg.token).get("mechTypes", [])
        if names[:1] == ["NEGOEX"] and kind(leg.token or b"") == "NegTokenInit":
            found.misbehave(side, "mechanism-order", "negoex-first")


def _flags(found: Situation, exchange: Exchange) -> None:
    """What a probe told beats what the tokens show."""
    for side, prefix in ((INITIATOR, "ISC_REQ_"), (ACCEPTOR, "ASC_REQ_")):
        text = exchange.about.get(f"{side}-flags", "")
        try:
            names = flags.split(prefix, int(text, 16)) if text else []
        except ValueError:
            continue
        if text:
            found.settings[f"{side}.flags"] = [name for name in names if flags.is_known(prefix, name) and name not in _NOT_ASKED]


def _bindings(found: Situation, exchange: Exchange, legs: tuple[Leg, ...]) -> None:
    """The client's are in the token; the server's show only in what it does with them."""
    said = next((leg.facts["bindings"] for leg in legs if "bindings" in leg.facts), None)
    refused = found.divergence.status == "SEC_E_BAD_BINDINGS"
    if said in ("of the certificate", "of another", "given"):
        theirs = said == "of another" or said == "given" and refused
        found.settings["initiator.bindings"] = "other-end-point" if theirs else "tls-server-end-point"
        found.settings["acceptor.bindings"] = "other-end-point" if said == "of the certificate" and refused else "tls-server-end-point"
        if said == "given":
            found.assume("the client's channel bindings are those of " + ("another certificate than the server's" if refused
                         else "the server's certificate") + " (it is not in the file)")
    elif exchange.channel is not None and "acceptor.bindings" not in found.settings:
        found.assume("the server asks for no channel bindings (its setting does not show)")


def _cut(found: Situation, inner: list[tuple[Leg, str, bytes]]) -> None:
    """A last token of the client that ends too early is cut here, too."""
    sent = [(leg, token) for leg, _, token in inner if leg.sender == CLIENT]
    if not sent or found.subject != ACCEPTOR or not found.divergence.refused:
        return
    try:
        fields(sent[-1][0].token or b"")
        fields(sent[-1][1])
    except TokenError:
        number = len(sent)
        found.play = ["acquire", *({"leg": {"side": side}} for _ in range(number - 1) for side in (INITIATOR, ACCEPTOR)),
                      {"leg": {"side": INITIATOR}}, {"leg": {"side": ACCEPTOR, "input": {"truncate": _CUT_AT}}}]
        found.assume(f"the client's last token is cut off in the file; here all but {_CUT_AT} bytes of it are")


def _fields(token: bytes | None) -> dict[str, Any]:
    try:
        return fields(token or b"")
    except TokenError:
        return {}
