# SPDX-License-Identifier: Apache-2.0
"""An exchange as rules look at it: its legs taken apart once, what refused it, and the messages to the KDC around it."""
from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..exchange.model import CLIENT, SERVER, Exchange, KdcMessage, Leg, Recording, Status
from ..tokens import TokenError, kerberos, kind, ntlm, spnego
from . import refusals
from .model import Seen

_KERBEROS = ("AP-REQ", "AP-REP", "KRB-ERROR", "TGT-REQ", "TGT-REP")
NEGOEX_SIGNATURE = b"NEGOEXTS"
_TLS_PORTS = (443, 636, 3269, 5986)


@dataclass(frozen=True, slots=True)
class Step:
    """A leg taken apart. `number` counts from 1. `kind` is that of the mechanism's token `inner`, as tokens.kind names it,
    or NEGOEX. What is malformed is None, and `error` tells."""

    number: int
    leg: Leg
    kind: str = "none"
    inner: bytes = b""
    outer: spnego.NegTokenInit | spnego.NegTokenResp | None = None
    ntlm: ntlm.Message | None = None
    kerberos: kerberos.KerberosToken | None = None
    error: TokenError | None = None

    @property
    def from_client(self) -> bool:
        return self.leg.sender == CLIENT

    def seen(self, field: str, found: str, expected: str, certain: bool = True, **blanks: str) -> Seen:
        """Something about this leg."""
        return Seen(self.number, self.leg.frame, field, found, expected, certain, blanks)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The last word, when it is no. `code` is an NTSTATUS or SECURITY_STATUS, 0 where the transport gave none."""

    step: Step | None
    status: Status
    code: int


@dataclass(frozen=True)
class View:
    """An exchange and what is around it. `kdc` are the messages of its client before its end."""

    exchange: Exchange
    recording: Recording
    kdc: tuple[KdcMessage, ...] = ()

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        return tuple(_step(number, leg) for number, leg in enumerate(self.exchange.legs, 1))

    @property
    def failed(self) -> bool | None:
        outcome = self.exchange.outcome
        return None if outcome is None or outcome.success is None else not outcome.success

    @cached_property
    def refusal(self) -> Refusal | None:
        """Who said no and how, the same whatever transport: LDAP's sub-codes are translated to the NTSTATUS."""
        outcome = self.exchange.outcome
        if outcome is None or outcome.success is not False:
            return None
        step = next((one for one in reversed(self.steps) if one.leg.status == outcome),
                    self.last_of(SERVER))
        return Refusal(step, outcome, refusals.code(outcome))

    def of_kind(self, name: str) -> Iterator[Step]:
        """The legs whose mechanism token is of a kind, well-formed ones."""
        return (step for step in self.steps if step.kind == name and step.error is None)

    def last_of(self, sender: str) -> Step | None:
        return next((step for step in reversed(self.steps) if step.leg.sender == sender), None)

    @cached_property
    def init(self) -> Step | None:
        """The client's NegTokenInit."""
        return next((step for step in self.steps if step.from_client and isinstance(step.outer, spnego.NegTokenInit)), None)

    @property
    def answers(self) -> Iterator[Step]:
        """The server's NegTokenResp, in order."""
        return (step for step in self.steps if not step.from_client and isinstance(step.outer, spnego.NegTokenResp))

    @cached_property
    def authenticate(self) -> Step | None:
        """The last NTLM AUTHENTICATE."""
        return next((step for step in reversed(self.steps) if isinstance(step.ntlm, ntlm.Authenticate)), None)

    @cached_property
    def challenge(self) -> Step | None:
        """The CHALLENGE that the last AUTHENTICATE answers, or the last one."""
        before = self.authenticate.number if self.authenticate else len(self.steps) + 1
        return next((step for step in reversed(self.steps[:before - 1]) if isinstance(step.ntlm, ntlm.Challenge)), None)

    @cached_property
    def negotiate(self) -> Step | None:
        before = self.challenge.number if self.challenge else len(self.steps) + 1
        return next((step for step in reversed(self.steps[:before - 1]) if isinstance(step.ntlm, ntlm.Negotiate)), None)

    def about(self, name: str, otherwise: str = "") -> str:
        """What the transport says of the service, see exchange.model.Exchange."""
        return self.exchange.about.get(name, otherwise)

    @property
    def is_tls(self) -> bool:
        """Whether TLS is around it, as far as the input shows."""
        exchange = self.exchange
        return (exchange.channel is not None or exchange.server_port in _TLS_PORTS or exchange.transport == "HTTPS(RDG)"
                or self.about("sealed") == "TLS" or self.about("url").startswith("https:"))

    def of_kdc(self, message: KdcMessage, field: str, found: str, expected: str, certain: bool = True,
               **blanks: str) -> Seen:
        """Something about a message to or from the KDC: it stands in front of the legs that come after it."""
        before = sum(1 for step in self.steps if 0 < step.leg.frame < message.frame)
        return Seen(before + 0.5, message.frame, field, found, expected, certain, blanks)


def _step(number: int, leg: Leg) -> Step:
    """What a leg carries, as far as it is well-formed."""
    data, outer = leg.token or b"", None
    try:
        if kind(data).startswith("NegToken"):
            outer = spnego.parse(data)
            data = (outer.mech_token if isinstance(outer, spnego.NegTokenInit) else outer.response_token) or b""
        found = "NEGOEX" if data.startswith(NEGOEX_SIGNATURE) else kind(data)
        if found.startswith("NTLM"):
            message = ntlm.parse(data)
            if isinstance(message, ntlm.Authenticate):
                message.ntlmv2()  # what a rule will ask for must be readable
            elif isinstance(message, ntlm.Challenge) and message.target_info:
                ntlm.read_av_pairs(message.target_info)
            return Step(number, leg, found, data, outer, ntlm=message)
        if found in _KERBEROS:
            return Step(number, leg, found, data, outer, kerberos=kerberos.parse(data))
        return Step(number, leg, found, data, outer)
    except TokenError as error:
        return Step(number, leg, kind(data), data, outer, error=error)


def views(recording: Recording) -> Iterator[View]:
    """Every exchange with the KDC messages that belong to it: those before its end and behind the end of the exchange
    before. Those of no exchange come as one without legs."""
    messages = sorted(recording.kdc, key=lambda message: message.frame)
    frames = [message.frame for message in messages]
    ends = _ends(recording)
    known = sorted({-1.0, *ends})  # frame 0: the input numbers none
    for exchange, end in zip(recording.exchanges, ends):
        before = known[max(bisect_left(known, end) - 1, 0)]
        yield View(exchange, recording, tuple(messages[bisect_right(frames, before):bisect_right(frames, end)]))
    left = tuple(messages[bisect_right(frames, known[-1]):])
    if left:
        yield View(Exchange(len(recording.exchanges), "KDC", ()), recording, left)


def _ends(recording: Recording) -> list[float]:
    """The last frame of each exchange; where the client sent no token, it may be because of what it was told until the next
    one begins."""
    begins = sorted(one.legs[0].frame for one in recording.exchanges if one.legs)
    found: list[float] = []
    for exchange in recording.exchanges:
        last = max((leg.frame for leg in exchange.legs), default=0)
        if not any(leg.sender == CLIENT and leg.token for leg in exchange.legs):
            after = bisect_right(begins, last)
            found.append(begins[after] - 0.5 if after < len(begins) else math.inf)
        else:
            found.append(last)
    return found
