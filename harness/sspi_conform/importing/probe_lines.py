# SPDX-License-Identifier: Apache-2.0
"""The probe's JSON lines (harness/probe/PROTOCOL.md) and the trace.json of a case, read into exchanges.

Lines may be requests, answers or both; an answer belongs to the request with its id. Lines of one process show what the
other side sent as input alone. A trace.json has the calls of both sides.
"""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import statuses
from ..exchange.model import CLIENT, SECURITY, SERVER, Exchange, Leg, Recording, Status
from ..model import ConformError

_CALLS = {"InitializeSecurityContext": CLIENT, "AcceptSecurityContext": SERVER}
_ACQUIRE = "AcquireCredentialsHandle"
_FLAGS = {CLIENT: "initiator-flags", SERVER: "acceptor-flags"}
_PACKAGES = ("NTLM", "Kerberos", "Negotiate")
_TOKEN = ("TOKEN", 2)  # SECBUFFER_TOKEN, by name and by number
_LARGEST = 256 << 20   # bytes
_LINES = 1_000_000
_FAILED = 0x80000000
_ADVICE = "Give what went into the probe and what came out of it, a JSON object per line, or the trace.json of a case."


def is_one(content: bytes) -> bool:
    """Whether it begins like lines of the probe or a trace."""
    head = content[:1 << 16].lstrip()
    if head[:1] not in (b"{", b"["):
        return False
    try:
        first = json.loads(head.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return b'"calls"' in head and b'"ended"' in head
    one = first[0] if isinstance(first, list) and first else first
    return isinstance(one, dict) and ("call" in one or "calls" in one or "id" in one and bool(
        {"status", "protocol", "error", "unsupported"} & one.keys()))


def read(content: bytes, name: str) -> Recording:
    """The recording of lines or of a trace; ConformError when no leg is in it."""
    if len(content) > _LARGEST:
        raise ConformError(f"{len(content)} bytes are too much for lines of the probe", name, _ADVICE)
    whole = _whole(content)
    kind, calls = ("case", _of_trace(whole, name)) if whole is not None else ("probe", _of_lines(content, name))
    drafts = _Drafts()
    for call in calls:
        drafts.take(call)
    exchanges = tuple(draft.exchange(number, kind == "case") for number, draft in enumerate(drafts.made))
    if not exchanges:
        raise ConformError("no leg in it: neither InitializeSecurityContext nor AcceptSecurityContext", name, _ADVICE)
    return Recording(kind, name, hashlib.sha256(content).hexdigest(), exchanges)


@dataclass(frozen=True)
class _Call:
    side: str
    line: int
    request: Mapping[str, Any]
    answer: Mapping[str, Any]
    process: str = ""


def _whole(content: bytes) -> Mapping[str, Any] | None:
    """A trace.json; None for lines."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("calls"), list) else None


def _of_trace(whole: Mapping[str, Any], name: str) -> Iterator[_Call]:
    for number, call in enumerate(whole["calls"], 1):
        if not isinstance(call, dict) or not isinstance(call.get("request"), dict) or not isinstance(call.get("answer"), dict):
            raise ConformError("a call without request and answer", f"{name}: calls[{number - 1}]", _ADVICE)
        yield from _leg(number, call["request"], call["answer"], str(call.get("side", "")))


def _of_lines(content: bytes, name: str) -> Iterator[_Call]:
    """Requests in their order, each with its answer, wherever that stands; answers without one say nothing of legs."""
    requests: list[tuple[int, Mapping[str, Any]]] = []
    answers: dict[tuple[Any, int], Mapping[str, Any]] = {}
    asked: dict[Any, int] = {}  # ids begin again with each process
    answered: dict[Any, int] = {}
    for number, entry in _entries(content, name):
        key = entry.get("id")
        if not isinstance(key, (str, int)):
            continue
        if "call" in entry:
            asked[key] = asked.get(key, 0) + 1
            requests.append((number, {**entry, "turn": asked[key]}))
        else:
            answered[key] = answered.get(key, 0) + 1
            answers[key, answered[key]] = entry
    for number, request in requests:
        yield from _leg(number, request, answers.get((request["id"], request["turn"]), {}))


def _entries(content: bytes, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if number > _LINES:
            raise ConformError(f"more than {_LINES} lines", name, _ADVICE)
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ConformError(f"not JSON: {error}", f"{name}: line {number}", _ADVICE) from error
        for one in found if isinstance(found, list) else [found]:
            if not isinstance(one, dict):
                raise ConformError("neither a request nor an answer", f"{name}: line {number}", _ADVICE)
            yield number, one


def _leg(line: int, request: Mapping[str, Any], answer: Mapping[str, Any], process: str = "") -> Iterator[_Call]:
    """What tells of an exchange; `process` is whose credentials these are, where the input says so."""
    name = request.get("call")
    if isinstance(name, str) and (name in _CALLS or name == _ACQUIRE):
        yield _Call(_CALLS.get(name, ""), line, request, answer, process)


@dataclass
class _Draft:
    """An exchange while it is read. `contexts` are those of its sides, by name."""

    legs: list[Leg] = field(default_factory=list)
    contexts: dict[str, str] = field(default_factory=dict)
    last: dict[str, Status] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    unanswered: list[int] = field(default_factory=list)

    def sent(self, sender: str) -> bytes | None:
        """The last token of a side, when the other one has not answered it yet."""
        return self.legs[-1].token if self.legs and self.legs[-1].sender == sender else None

    def exchange(self, number: int, both: bool) -> Exchange:
        ends = list(self.last.values())
        outcome = next((one for one in ends if one.success is False), None)
        if outcome is None and ends and all(one.success for one in ends) and (not both or len(ends) == 2):
            outcome = ends[-1]
        missing = [f"no answer to the request in line {line}" for line in self.unanswered]
        missing += [] if both or len(self.last) == 2 else [f"what the {self._other()} answered is not in the lines"]
        missing += [] if outcome else ["how it ended is not in the lines"]
        return Exchange(number, "probe", tuple(self.legs), outcome=outcome, about=dict(self.about), missing=tuple(missing))

    def _other(self) -> str:
        return SERVER if CLIENT in self.contexts else CLIENT


class _Drafts:
    """The exchanges of an input. A context belongs to the exchange whose last token it was given."""

    def __init__(self) -> None:
        self.made: list[_Draft] = []
        self._of: dict[tuple[str, str], _Draft] = {}
        self._packages: dict[tuple[str, str], str] = {}  # of credentials, by process and name

    def take(self, call: _Call) -> None:
        credential = (call.process, str(call.request.get("cred", "")))
        if not call.side:
            self._packages[credential] = str(call.request.get("pszPackage", ""))
            return
        other = SERVER if call.side == CLIENT else CLIENT
        given = _token(call.request.get("input"))
        context = (call.side, str(call.request.get("ctx", "")))
        draft = self._of.get(context)
        if draft is None or draft.last.get(call.side, _CONTINUES).success is not None:  # a name is used again
            draft = next((one for one in reversed(self.made) if given and call.side not in one.contexts
                          and one.sent(other) == given), None) or self._new()
            self._of[context] = draft
            draft.contexts[call.side] = context[1]
        if given and draft.sent(other) != given:
            draft.legs.append(Leg(other, given, call.line))
        if self._packages.get(credential) in _PACKAGES:
            draft.about.setdefault("package", self._packages[credential])
        self._answered(draft, call)

    def _new(self) -> _Draft:
        self.made.append(_Draft())
        return self.made[-1]

    def _answered(self, draft: _Draft, call: _Call) -> None:
        target = call.request.get("pszTargetName")
        if isinstance(target, str) and target:
            draft.about["service"] = target
        flags = call.request.get("fContextReq")
        if isinstance(flags, (str, int)) and not isinstance(flags, bool):
            draft.about[_FLAGS[call.side]] = flags if isinstance(flags, str) else f"0x{flags & 0xFFFFFFFF:08x}"
        status = _status(call.answer.get("status"))
        if status is None:
            draft.unanswered.append(call.line)
            return
        draft.last[call.side] = status
        draft.legs.append(Leg(call.side, _token(call.answer.get("output")), call.line, status=status))


_CONTINUES = Status(SECURITY, 0x00090312)


def _token(buffers: Any) -> bytes | None:
    """The bytes of the first TOKEN buffer; None without any."""
    for one in buffers if isinstance(buffers, list) else ():
        if isinstance(one, dict) and one.get("type") in _TOKEN and isinstance(one.get("hex"), str):
            try:
                return bytes.fromhex(one["hex"]) or None
            except ValueError:
                return None
    return None


def _status(word: Any) -> Status | None:
    try:
        value = int(word, 16) if isinstance(word, str) else None
    except ValueError:
        value = None
    if value is None or not 0 <= value < 1 << 32:
        return None
    success = True if value == 0 else False if value & _FAILED else None
    return Status(SECURITY, value, statuses.name(value), success)
