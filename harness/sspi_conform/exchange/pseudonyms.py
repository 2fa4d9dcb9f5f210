# SPDX-License-Identifier: Apache-2.0
"""What stands for names, nonces and times in a redacted recording: of the same length, and the same for the same value.

A name is replaced label by label (a label is a run of letters and digits), so that `web` in `HTTP/web.sspi.test` is
that of the NetBIOS name `WEB`, and upper and lower case stay where they are. Bytes are replaced through a hash with a key
of the run, which nobody keeps. Times are all shifted by one whole number of seconds: differences stay.
"""
from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable

# Service classes (MS-KILE 3.1.5.11 and usage) say what was wanted, not from whom.
SERVICES = frozenset(("afs", "changepw", "cifs", "dns", "exchangeab", "exchangemdb", "exchangerfr", "ftp", "gc", "host", "http",
                      "imap", "kadmin", "krbtgt", "ldap", "mssqlsvc", "nfs", "pop", "restrictedkrbhost", "rpc", "rpcss", "sip",
                      "smtp", "termsrv", "vnc", "wsman", "xmpp", "e3514235-4b06-11d1-ab04-00c04fc2dcd2"))
KEPT = frozenset(("", "nt authority", "anonymous logon", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"))
BEGIN = 946684800  # 2000-01-01T00:00:00Z: when a redacted recording begins
_EPOCH = 11644473600  # seconds from 1601 to 1970
_PLAUSIBLE = range(-(1 << 31), 1 << 33)  # seconds since 1970: what is no time is no clock's either
_LABEL = re.compile(r"(?:[^\W_]|[^\x00-\x7f])+")
_WORD = re.compile(r"[^\s,;()\[\]{}<>\"']+")
_NAMELIKE = re.compile(r"(?:[^\W_][\w-]*\.)+[^\W_][\w-]*|[^\s]*[@\\][^\s]*")
_PORT = re.compile(r"([^/:]*)(:[0-9]{1,5}(?=/|$))?(.*)", re.DOTALL)
_VERSION = re.compile(r"[\W_]*[0-9]+(?:\.[0-9]+)+[\W_]*")
_CUTTINGS = 64  # tries for a pseudonym that is nobody else's
_TELLING = 4    # letters; shorter ones turn up by chance


class Pseudonyms:
    """Those of one run. `avoided`: labels (lower case) that no pseudonym may look like, as they are somebody's."""

    def __init__(self, avoided: Iterable[str] = (), key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._avoided = frozenset(avoided)
        self._longest = max(map(len, self._avoided), default=0)
        self._labels: dict[str, str] = {}
        self._taken: set[str] = set()
        self._shift: int | None = None

    @property
    def met(self) -> frozenset[str]:
        """Every label replaced so far, in lower case."""
        return frozenset(self._labels)

    def secret(self, value: bytes) -> bytes:
        """Other bytes; zeros stay zeros, as they mean that there is nothing."""
        if not any(value):
            return value
        for turn in range(8):  # a single byte may well meet itself
            found = hashlib.shake_256(self._key + bytes((turn,)) + value).digest(len(value))
            if any(found) and found != value:
                break
        return found

    def name(self, text: str) -> str:
        """The name of a user, host, domain or realm, or a path of such names."""
        if text.lower() in KEPT:
            return text
        if ":" in text and _is_address(text):
            return re.sub("[0-9A-Fa-f]+", lambda found: self._hex(found[0]), text)
        return _LABEL.sub(lambda found: self._label(found[0]), text)

    def principal(self, text: str) -> str:
        """The same, but what may be a service class in front stays."""
        first, slash, rest = text.partition("/")
        return (first if first.lower() in SERVICES else self.name(first)) + slash + self.name(rest)

    def url(self, text: str) -> str:
        """A URL, or a host that may have a port behind it: scheme and port stay."""
        scheme, mark, rest = text.rpartition("://")
        if _is_address(rest):
            return scheme + mark + self.name(rest)
        host, port, path = _PORT.match(rest).groups()  # type: ignore[union-attr]
        return scheme + mark + self.name(host) + (port or "") + self.name(path)

    def sentence(self, text: str) -> str:
        """Free text: names met elsewhere in the recording, and what looks like one, an address or a key."""
        return _WORD.sub(lambda found: self._word(found[0]), text)

    def known(self, text: str) -> str:
        """Text in which only names met elsewhere in the recording are replaced; what is too short says nothing."""
        return _LABEL.sub(lambda found: self._label(found[0]) if self._is_known(found[0]) else found[0], text)

    def time(self, seconds: float) -> float:
        """Seconds since 1970."""
        if self._shift is None:
            self._shift = BEGIN - int(seconds // 1)
        return seconds + self._shift

    def filetime(self, value: int) -> int:
        """0 and what is no time give 0; the highest one (never) stays."""
        if value in (0, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
            return value
        seconds, fraction = divmod(value, 10_000_000)
        if seconds - _EPOCH not in _PLAUSIBLE:
            return 0
        return max(0, int(self.time(seconds - _EPOCH)) + _EPOCH) * 10_000_000 + fraction

    def _word(self, word: str) -> str:
        if word.lower() in KEPT:
            return word
        if _is_address(word.strip(".:")):
            return self.name(word)
        if _VERSION.fullmatch(word):
            return word
        if _NAMELIKE.search(word):
            return self.principal(word) if word.partition("/")[0].lower() in SERVICES else self.url(word)
        if re.search("[0-9A-Fa-f]{16}", word):
            return re.sub("[0-9A-Fa-f]+", lambda found: self._hex(found[0]), word)
        return self.known(word)

    def _is_known(self, label: str) -> bool:
        return len(label) >= (_TELLING if label.isdigit() else _TELLING - 1) and "".join(map(_lower, label)) in self._avoided

    def _label(self, label: str) -> str:
        plain = "".join(map(_lower, label))
        if plain not in self._labels:
            self._labels[plain] = self._drawn(plain)
            self._taken.add(self._labels[plain])
        return "".join(new.upper() if old != _lower(old) and len(new.upper()) == 1 else new
                       for old, new in zip(label, self._labels[plain]))

    def _drawn(self, plain: str) -> str:
        found = ""
        for turn in range(_CUTTINGS):
            digest = self._numbers(f"{turn} {plain}", len(plain))
            found = "".join(map(_like, plain, digest))
            if plain.isdigit() and plain.isascii() and len(plain) in (2, 3):  # an octet of an address remains one
                found = ("1" if len(plain) == 3 else "123456789"[digest[0] % 9]) + found[1:]
            if found != plain and found not in self._taken and found not in self._avoided and not self._tells(found):
                break
        return found

    def _tells(self, found: str) -> bool:
        """Whether somebody's label is part of it."""
        return any(found[start:stop] in self._avoided for start in range(len(found))
                   for stop in range(start + _TELLING, min(len(found), start + self._longest) + 1))

    def _hex(self, digits: str) -> str:
        return "".join("0123456789abcdef"[one % 16] for one in self._numbers("hex " + digits.lower(), len(digits)))

    def _numbers(self, word: str, count: int) -> list[int]:
        digest = hashlib.shake_256(hmac.digest(self._key, word.encode("utf-8", "surrogatepass"), "sha256")).digest(2 * count)
        return [int.from_bytes(digest[at:at + 2], "big") for at in range(0, len(digest), 2)]


def _lower(one: str) -> str:
    found = one.lower()
    return found if len(found) == 1 else one


def _like(one: str, number: int) -> str:
    """A character that takes as many bytes in UTF-8, in UTF-16 and in a code page."""
    if one.isascii():
        return chr((48 + number % 10) if one.isdigit() else (97 + number % 26))
    code = ord(one)
    if code < 0x100:
        return chr(0xE0 + number % 23)
    if code < 0x800:
        return chr(0x430 + number % 32)
    return chr((0x4E00 if code < 0x10000 else 0x20000) + number % 0x5000)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return True
