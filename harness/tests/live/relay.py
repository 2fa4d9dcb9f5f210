# SPDX-License-Identifier: Apache-2.0
"""Endpoints between which every token travels over a wire."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from sspi_conform.endpoint import Endpoint

from . import packets, wire

_OK, _CONTINUE = "0x00000000", "0x00090312"
# SECURITY_STATUS -> NT status, for servers whose protocol has one.
_NT = {"0x80090346": 0xC000035B, "0x80090324": 0xC0000133, "0x80090308": 0xC000000D, "0x80090311": 0xC000005E,
       "0x80090302": 0xC00000BB}


class Relay:
    """A context manager around a wire: it carries what one endpoint's answer holds to the other's request, and keeps
    the packets.

    nt_status, http: what a server says at the end instead of what follows from the acceptor's status.
    logon: asks the domain why it refused.
    """

    def __init__(self, made: wire.Wire, sniffer: packets.Sniffer, nt_status: int | None, http: int | None,
                 logon: Callable[[], int | None]) -> None:
        self.wire = made
        self.packets: list[packets.Packet] = []
        self.tokens: list[bytes] = []  # in the order in which they went over the wire
        self._sniffer, self._nt_status, self._http, self._logon = sniffer, nt_status, http, logon
        self._asked: bytes | None = None  # what the initiator said last, not yet sent
        self._due: tuple[bytes, wire.Verdict] | None = None  # what the acceptor said last, not yet sent

    def __enter__(self) -> Relay:
        self.wire.__enter__()
        self._keep()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and self._due is not None:
            self._answer(self._due[0])
        if kind is None and self._asked:  # a last token whose answer nobody waited for
            self._arrived(self.wire.ask(self._asked))
        self.wire.__exit__(kind, value, trace)
        self._keep()

    def to_initiator(self, token: bytes) -> bytes:
        """What the initiator is about to be given goes over the wire; as it arrives."""
        return self._answer(token) if self._due is not None else token

    def from_initiator(self, token: bytes) -> None:
        """The initiator's last word."""
        self._asked = token

    def to_acceptor(self, token: bytes) -> bytes:
        """The same for the acceptor."""
        self._asked = None
        if self._due is not None:  # of another exchange: the initiator has no use for it
            self._answer(self._due[0])
        return self._arrived(self.wire.ask(token))

    def from_acceptor(self, token: bytes, status: str) -> None:
        """The acceptor's last word."""
        refused = status not in (_OK, _CONTINUE)
        done = status == _OK
        nt_status = wire.LOGON_FAILURE
        if self._nt_status is not None and status != _CONTINUE:
            refused, done, nt_status = True, False, self._nt_status
        elif refused:
            nt_status = _NT.get(status) or self._logon() or wire.LOGON_FAILURE
        self._due = token, wire.Verdict(done, refused, nt_status, self._http or 200)

    def _answer(self, token: bytes) -> bytes:
        assert self._due is not None
        (_, verdict), self._due = self._due, None
        return self._arrived(self.wire.answer(token, verdict))

    def _arrived(self, token: bytes) -> bytes:
        if token:
            self.tokens.append(token)
        self._keep()
        return token

    def _keep(self) -> None:
        self.packets += self._sniffer.packets()


class Relayed:
    """An endpoint as the conductor sees it; its tokens come and go through a relay. misbehave: what the peer is told to do
    wrong, on whichever side it is."""

    def __init__(self, endpoint: Endpoint, relay: Relay, misbehave: Mapping[str, str]) -> None:
        self._endpoint, self._relay, self._misbehave = endpoint, relay, misbehave

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    def call(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One request; see Endpoint.call."""
        name = request["call"]
        if self._misbehave and name in ("InitializeSecurityContext", "AcceptSecurityContext"):
            request = {**request, "misbehave": self._misbehave}
        if name == "InitializeSecurityContext":
            answer = self._endpoint.call(_carried(request, self._relay.to_initiator))
            self._relay.from_initiator(_output(answer))
            return answer
        if name == "AcceptSecurityContext":
            answer = self._endpoint.call(_carried(request, self._relay.to_acceptor))
            self._relay.from_acceptor(_output(answer), str(answer.get("status")))
            return answer
        return self._endpoint.call(request)


def _carried(request: Mapping[str, Any], carry: Callable[[bytes], bytes]) -> Mapping[str, Any]:
    buffers = [dict(one) for one in request.get("input", ())]
    for buffer in buffers:
        if buffer["type"] == "TOKEN":
            buffer["hex"] = carry(bytes.fromhex(buffer["hex"])).hex()
    return {**request, "input": buffers} if buffers else request


def _output(answer: Mapping[str, Any]) -> bytes:
    """The token of an answer. A call that failed and left its buffer alone made none."""
    if not answer.get("output"):
        return b""
    first = answer["output"][0]
    untouched = answer.get("status") not in (_OK, _CONTINUE) and not any(bytes.fromhex(first.get("hex") or ""))
    return b"" if untouched else bytes.fromhex(first.get("hex") or "")
