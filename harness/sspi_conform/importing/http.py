# SPDX-License-Identifier: Apache-2.0
"""HTTP (RFC 9112) with Negotiate, NTLM and Kerberos in its headers (RFC 4559), to a server or to a proxy; so is WinRM.

Only heads are read; bodies are measured and skipped.
"""
from __future__ import annotations

import base64
import binascii
import re

from ..exchange.model import CLIENT, HTTP, SERVER, Status
from .draft import Draft, Place, is_first
from .reader import NOT_THIS, UNKNOWN, Reader
from .streams import ENDLESS, Framing, Record

_REQUEST = re.compile(rb"[A-Z][A-Z_-]{2,24} [^\r\n]{1,8192} HTTP/1\.[01]\r?\n")
_REQUEST_BEGINS = re.compile(rb"[A-Z][A-Z_-]{2,24} [!-~]")
_RESPONSE = re.compile(rb"HTTP/1\.[01] ([0-9]{3})")
_END = re.compile(rb"\r?\n\r?\n")
_OFFER = re.compile(r"(?i)(?:^|,)\s*(Negotiate|NTLM|Kerberos|Basic|Digest|CredSSP|Bearer)(?=\s|,|$)")
_CREDENTIALS = re.compile(r"(?i)^\s*(Negotiate|NTLM|Kerberos)(?:\s+([^\s,]+))?")
_GATEWAY = re.compile(r"(?i)^(RDG|RPC)_|/remoteDesktopGateway")
_UNAUTHORISED, _PROXY_AUTHENTICATION = 401, 407
_BODILESS = (204, 304)


class Http(Reader):
    protocol = dissector = "http"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._waiting: list[str] = []        # methods of requests without a response yet
        self._framings = {CLIENT: _Messages(self, CLIENT), SERVER: _Messages(self, SERVER)}
        self._current: Draft | None = None
        self._asked = False                  # the last request brought a token or stands behind one
        self._request: dict[str, str] = {}

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        if _RESPONSE.match(data):
            return SERVER
        return CLIENT if _REQUEST_BEGINS.match(data) and b"HTTP/1." in data[:8300] else None

    def framing(self, sender: str) -> Framing:
        return self._framings[sender]

    def method(self) -> str:
        """Of the request that the next response answers."""
        return self._waiting[0] if self._waiting else ""

    def record(self, sender: str, record: Record) -> None:
        first, headers = _head(record.data)
        if sender == CLIENT:
            method, _, rest = first.partition(" ")
            self._waiting.append(method)
            self._request = {"method": method, "url": rest.rpartition(" ")[0], "host": headers.get("host", [""])[0]}
            self._client(headers, record)
            return
        code = int(_RESPONSE.match(record.data)[1])  # type: ignore[index]
        if code >= 200 or code == 101:
            self.is_tls = self.method() == "CONNECT" and code // 100 == 2  # through a proxy: most likely
            del self._waiting[:1]
            self._server(code, first, headers, record)

    def _client(self, headers: dict[str, list[str]], record: Record) -> None:
        found = _credentials(headers, ("authorization", "proxy-authorization"))
        self._asked = bool(found)
        current = self._current
        if found is None:
            if current and not current.over and current.has_tokens:
                current.miss(f"the client sent no further token: its request in frame {record.frame} has none")
                current.over = True
            elif current and not current.has_tokens and set(headers) & {"authorization", "proxy-authorization"}:
                current.legs.clear()  # it logs on otherwise, by Basic or Bearer
                current.over = True
            return
        scheme, word = found
        token, whole = _decoded(word)
        if current and current.is_empty:
            current.legs.clear()  # the answer that asked for a token
        if current is None or current.over or is_first(token) and current.last_sender == SERVER and _had_first(current):
            current = self._new(offered="" if current is None else current.about.get("schemes", ""))
        current.about.update({name: text for name, text in self._request.items() if text} | {"scheme": scheme})
        repeated = [name for name in ("Authorization", "Proxy-Authorization") if len(headers.get(name.lower(), ())) > 1]
        if repeated:
            current.about["repeated"] = repeated[0]
        if not whole:
            current.miss(f"the {scheme} token of frame {record.frame} is no whole base64: its end was cut off")
        current.leg(CLIENT, token, record)

    def _new(self, offered: str) -> Draft:
        gateway = self.place.channel and _GATEWAY.search(self._request.get("method", "") + self._request.get("url", ""))
        self._current = self.begin("HTTPS(RDG)" if gateway else "HTTP", schemes=offered)
        return self._current

    def _server(self, code: int, first: str, headers: dict[str, list[str]], record: Record) -> None:
        challenge = "proxy-authenticate" if code == _PROXY_AUTHENTICATION else "www-authenticate"
        offered = " ".join(dict.fromkeys(scheme for text in headers.get(challenge, ()) for scheme in _OFFER.findall(text)))
        found = _credentials(headers, (challenge, "www-authenticate", "proxy-authenticate"))
        token, whole = _decoded(found[1]) if found else (None, True)
        current = self._current
        if current is None or current.over:
            if code not in (_UNAUTHORISED, _PROXY_AUTHENTICATION) and not token:
                return
            current = self._new(offered)
            current.about.update({name: text for name, text in self._request.items() if text})
        if not token and (offered or not current.has_tokens):
            current.about["schemes"] = offered
        status = _status(code, first, bool(token), current.has_tokens and self._asked)
        if not whole:
            current.miss(f"the token of frame {record.frame} is no whole base64: its end was cut off")
        current.leg(SERVER, token, record, status)
        if self._asked and not (token and status.success is None and code in (_UNAUTHORISED, _PROXY_AUTHENTICATION)):
            current.ends(status)


class _Messages:
    """Heads of one side, with the size of the body behind each."""

    def __init__(self, reader: Http, sender: str) -> None:
        self._reader, self._is_client = reader, sender == CLIENT
        self._body = 0         # bytes of the body before the next head
        self._chunked = False

    def begins(self, data: bytes) -> bool:
        self._body, self._chunked = 0, False
        return bool((_REQUEST_BEGINS if self._is_client else _RESPONSE).match(data))

    def size(self, data: bytearray) -> int:
        if self._body:
            return self._body
        if self._chunked:
            return _chunk(data)
        end = _END.search(data)
        if end is None:
            return UNKNOWN
        head = bytes(data[:end.end()])
        return end.end() if (_REQUEST if self._is_client else _RESPONSE).match(head) else NOT_THIS

    def wanted(self, data: bytearray, size: int) -> bool:
        """Asked for a whole record once, and before the bytes of a larger one are skipped."""
        if self._body:
            self._body = 0
            return False
        if self._chunked:
            self._chunked = not _CHUNK_END.match(data)
            return False
        self._behind(bytes(data[:size]))
        return True

    def _behind(self, head: bytes) -> None:
        _, headers = _head(head)
        if not self._is_client:
            code = int(_RESPONSE.match(head)[1])  # type: ignore[index]
            method = self._reader.method()
            if code == 101 or method == "CONNECT" and code // 100 == 2:
                self._body = ENDLESS
                return
            if code < 200 or code in _BODILESS or method == "HEAD":
                return
        length = headers.get("content-length", [""])[0].strip()
        if "chunked" in ",".join(headers.get("transfer-encoding", ())).lower():
            self._chunked = True
        elif length.isdigit() and len(length) < 19:
            self._body = int(length)
        elif not self._is_client and not length and code // 100 != 1:
            self._body = NOT_THIS  # until the connection closes (RFC 9112 6.3), or so it should be


_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]{0,1000}\r?\n")
_CHUNK_END = re.compile(rb"0+[^0-9A-Fa-f\r\n]?[^\r\n]{0,1000}\r?\n")


def _chunk(data: bytearray) -> int:
    """RFC 9112 7.1: a size in hex, the bytes, an end of line; after the last one trailers."""
    found = _CHUNK.match(data)
    if found is None:
        return UNKNOWN if len(data) < 1024 else NOT_THIS
    size = int(found[1], 16)
    if size:
        return found.end() + size + 2
    end = _END.search(data, max(0, found.end() - 2))
    return end.end() if end else UNKNOWN


def _head(data: bytes) -> tuple[str, dict[str, list[str]]]:
    """First line, and the headers by small names."""
    lines = data.decode("latin-1").split("\n")
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, text = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), []).append(text.strip())
    return lines[0].strip(), headers


def _credentials(headers: dict[str, list[str]], names: tuple[str, ...]) -> tuple[str, str] | None:
    """Scheme and token of the first header with a token."""
    for text in (text for name in names for text in headers.get(name, ())):
        for part in re.split(r",(?=\s*(?:Negotiate|NTLM|Kerberos)\b)", text, flags=re.IGNORECASE):
            found = _CREDENTIALS.match(part)
            if found and found[2]:
                return found[1], found[2]
    return None


def _decoded(word: str) -> tuple[bytes | None, bool]:
    """The token, and whether its base64 is whole; of a cut one, the bytes that are there."""
    try:
        return base64.b64decode(word, validate=True) or None, True
    except (binascii.Error, ValueError):
        usable = re.match(r"[A-Za-z0-9+/]*", word)[0]  # type: ignore[index]
        return base64.b64decode(usable[:len(usable) // 4 * 4]) or None, False


def _had_first(draft: Draft) -> bool:
    return any(leg.sender == CLIENT and is_first(leg.token) for leg in draft.legs)


def _status(code: int, line: str, with_token: bool, answers_token: bool) -> Status:
    """A code between 100 and 399 is acceptance; 401 without a token after one refusal; others are the application's."""
    success: bool | None = None
    if code < 400:
        success = True
    elif code in (_UNAUTHORISED, _PROXY_AUTHENTICATION) and answers_token and not with_token:
        success = False
    name = line.partition(" ")[2].partition(" ")[2][:100]
    return Status(HTTP, code, name, success)
