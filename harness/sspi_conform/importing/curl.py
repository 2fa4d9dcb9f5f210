# SPDX-License-Identifier: Apache-2.0
"""What `curl -v` writes, read into exchanges: heads of requests and responses (`>`, `<`), and what curl says (`*`).

Also with --trace-time and --trace-ids, from Windows, over HTTP/2, and with bodies and the progress meter between the
lines. --trace and --trace-ascii cut lines and are not read.
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..exchange.model import CLIENT, SERVER, Channel, Exchange, Leg, Recording
from ..model import ConformError
from .draft import Draft, Place, worth_telling
from .http import Http
from .streams import Record

_TRACE = re.compile(rb"(?m)^(?:[0-9:.]+ )?(?:\[[0-9-]+\] )?[<>] ?(?:[A-Z][A-Z_-]{2,24} \S+ )?HTTP/[0-9.]+")
_LINE = re.compile(r"^(?:[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6} )?(?:\[[0-9-]+\] )?(?P<mark>[*<>])(?: (?P<text>.*))?$")
_REQUEST = re.compile(r"[A-Z][A-Z_-]{2,24} \S+ HTTP/[0-9.]+$")
_RESPONSE = re.compile(r"HTTP/[0-9.]+ ([0-9]{3})")
_CONNECTED = re.compile(r"Connected to (\S+) \(([0-9A-Fa-f.:%]*)\) port ([0-9]{1,5})(?: \(#([0-9]+)\))?")
_REUSED = re.compile(r"Re-using existing.* connection!?(?: \(#([0-9]+)\))?(?: with (?:host|proxy) (\S+))?")
_TLS = re.compile(r"SSL connection using|schannel: (?:SSL|TLS).*connection")
# What curl says when something of the authentication, or the connection, went wrong.
_COMPLAINT = re.compile(r"(?i)gss_|(?-i:SSPI)|SecurityContext|Authentication problem|handshake rejected|Empty reply|reset by|"
                        r"Connection died|SEC_E_|Kerberos|timed out|refused")
_NO_COMPLAINT = re.compile(r"^(?:Server|Proxy) auth using|^(?:Re-using|Connected|Connection #)|ALPN|SSL|TLS")
_LARGEST = 16 << 20  # bytes
_ADVICE = "Run it again as `curl -v --negotiate -u : URL 2> trace.txt` (or --ntlm), and give trace.txt."


def is_one(content: bytes) -> bool:
    """Whether heads of HTTP, as curl marks them, are in it."""
    return bool(_TRACE.search(_plain(content[:_LARGEST])))


def read(content: bytes, name: str) -> Recording:
    """The recording of a trace; ConformError when nothing of authentication is in it."""
    if len(content) > _LARGEST:
        raise ConformError(f"{len(content)} bytes are too much for a trace of curl", name, _ADVICE)
    if not is_one(content):
        raise ConformError("no line of a request or response as `curl -v` writes them", name, _ADVICE)
    trace = _Trace()
    for number, line in enumerate(_lines(content), 1):
        trace.line(number, line)
    drafts = worth_telling(trace.drafts)
    if not drafts:
        raise ConformError("; ".join(["no authentication in this trace: no response asks for it", *trace.complaints]), name,
                           _ADVICE)
    made = tuple(_exchange(draft, number) for number, draft in enumerate(drafts))
    return Recording("curl", name, hashlib.sha256(content).hexdigest(), made, missing=tuple(trace.complaints))


def _plain(content: bytes) -> bytes:
    """UTF-8 also where PowerShell redirected it."""
    if content[:2] == b"\xff\xfe":
        return content.decode("utf-16-le", "replace").encode().removeprefix(b"\xef\xbb\xbf")
    return content


def _lines(content: bytes) -> Iterator[str]:
    """By line feeds; the progress meter goes back to the beginning of its line and is left out."""
    for line in _plain(content).decode("utf-8", "replace").split("\n"):
        line = line.rstrip("\r")
        yield line if _LINE.match(line) else line.rpartition("\r")[2]


@dataclass
class _Head:
    """A head while its lines come."""

    sender: str
    line: int
    text: list[str]

    def record(self) -> Record:
        """As a connection of HTTP/1.1 would have it."""
        first = _RESPONSE.sub(r"HTTP/1.1 \1", self.text[0]) if self.sender == SERVER else re.sub(
            r"HTTP/[0-9.]+$", "HTTP/1.1", self.text[0])
        return Record("\r\n".join((first, *self.text[1:], "", "")).encode("latin-1", "replace"), self.line, 0.0)


@dataclass
class _Trace:
    """The connections of a trace, each with its reader, and the one that curl speaks on."""

    readers: dict[str, Http] = field(default_factory=dict)
    order: list[Http] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    current: Http | None = None
    head: _Head | None = None
    complaints: list[str] = field(default_factory=list)

    @property
    def drafts(self) -> list[Draft]:
        return sorted((draft for reader in self.order for draft in reader.drafts), key=lambda one: one.first)

    def line(self, number: int, line: str) -> None:
        found = _LINE.match(line)
        if found is None:
            return  # of a body
        text = (found["text"] or "").rstrip()
        if found["mark"] == "*":
            self._said(text)
        else:
            self._part(CLIENT if found["mark"] == ">" else SERVER, number, text)

    def _part(self, sender: str, number: int, text: str) -> None:
        if (_REQUEST if sender == CLIENT else _RESPONSE).match(text):
            self.head = _Head(sender, number, [text])
        elif self.head and self.head.sender == sender and text:
            self.head.text.append(text)
        elif self.head and self.head.sender == sender:
            self._reader().record(sender, self.head.record())
            self.head = None

    def _reader(self) -> Http:
        """That of the connection in use; a trace may begin after it was made."""
        if self.current is None:
            self._connect("", "", None)
        assert self.current is not None
        return self.current

    def _said(self, text: str) -> None:
        if found := _CONNECTED.match(text):
            self._connect(found[4] or "", found[2] or found[1], int(found[3]))
            self.hosts[found[1]] = self._key()
        elif found := _REUSED.match(text):
            key = found[1] or self.hosts.get(found[2] or "", "")
            self.current = self.readers.get(key, self.current)
        elif _TLS.match(text) and self.current and not self.current.drafts:
            self.current.place = replace(self.current.place, channel=Channel())
        elif _COMPLAINT.search(text) and not _NO_COMPLAINT.search(text):
            drafts = self.current.drafts if self.current else []
            if drafts:
                drafts[-1].miss(f"curl: {text}")
            elif f"curl: {text}" not in self.complaints:
                self.complaints.append(f"curl: {text}")

    def _connect(self, number: str, address: str, port: int | None) -> None:
        """A new connection; curl before 8.2 numbers them, and a number may come again for another host."""
        self.current = Http(Place(number or str(len(self.order)), "", address, port))
        self.order.append(self.current)
        self.readers[number or str(len(self.order) - 1)] = self.current

    def _key(self) -> str:
        return next(key for key, reader in self.readers.items() if reader is self.current)


def _exchange(draft: Draft, number: int) -> Exchange:
    """Lines have no time."""
    legs: list[Leg] = [replace(leg, time=None) for leg in draft.legs]
    made = draft.exchange(number)
    missing = tuple(one.replace("in frame", "in line").replace("of frame", "of line").replace("in the capture", "in the trace")
                    for one in made.missing)
    return replace(made, transport="curl", legs=tuple(legs), missing=missing)
