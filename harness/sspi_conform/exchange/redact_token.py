# SPDX-License-Identifier: Apache-2.0
"""One token redacted in place: what is known to carry meaning is copied, all else begins as zeros.

The grammars are those of MS-NLMP 2.2, RFC 4178 4.2, RFC 4120 5, RFC 4121 4 and MS-NEGOEX 2.2. A token that is cut off or
broken keeps what stands before the break, lengths and offsets as they were.
"""
from __future__ import annotations

import calendar
import struct
import time
from collections.abc import Callable, Mapping

from ..tokens import TokenError, der, kerberos, message_kind, negoex, ntlm, spnego
from ..tokens.der import Element
from .pseudonyms import Pseudonyms

_LONGEST = 1 << 20     # bytes that a cut token is filled up to, to be read
_SHORT = 64            # bytes of a number, a flag field or an object identifier
_DEEPEST = 8           # tokens inside tokens
_TIME = "%Y%m%d%H%M%SZ"
_EXTENDED_ERROR = 3    # KERB_ERR_TYPE_EXTENDED (MS-KILE 2.2.2): a status, nothing of anybody
_ETYPE_INFO2 = 19


def redacted(data: bytes, names: Pseudonyms) -> bytes:
    """A token of the same kind, flags and lengths, without the names, secrets and times that were in it."""
    whole = data + bytes(max(0, min(_announced(data), _LONGEST) - len(data)))  # a cut one is read as if it were whole
    work = _Work(whole, names)
    if _announced(data):
        work.keep(0, 2)
    work.token(0, len(whole), 0)
    return bytes(work.made[:len(data)])


def _announced(data: bytes) -> int:
    """The size that the head of a DER token tells, 0 for another one."""
    if data[:1] not in (b"\x60", b"\xa0", b"\xa1", b"\x6e", b"\x6f", b"\x7e"):
        return 0
    if len(data) == 1:
        return 2
    octets = data[1] & 0x7F if data[1] & 0x80 else 0
    return 2 + octets + int.from_bytes(data[2:2 + octets], "big") if octets <= 4 else 2


class _Work:
    """What is read and what is made of it; every method looks at data[start:stop] and writes there."""

    def __init__(self, data: bytes, names: Pseudonyms) -> None:
        self.data, self.names = data, names
        self.made = bytearray(len(data))

    def keep(self, start: int, stop: int) -> None:
        stop = min(stop, len(self.data))
        self.made[start:stop] = self.data[start:stop]

    def put(self, start: int, value: bytes) -> None:
        self.made[start:start + len(value)] = value

    def secret(self, start: int, stop: int) -> None:
        self.put(start, self.names.secret(self.data[start:stop]))

    def text(self, start: int, stop: int, how: Callable[[str], str], encoding: str) -> None:
        """A name; bytes that are no text of the encoding are wiped."""
        try:
            self.put(start, how(self.data[start:stop].decode(encoding, "surrogatepass")).encode(encoding, "surrogatepass"))
        except UnicodeError:
            if encoding == "utf-16-le" and (stop - start) % 2:
                self.text(start, stop - 1, how, encoding)
            elif encoding == "utf-8":
                self.text(start, stop, how, "latin-1")

    def filetime(self, start: int, stop: int) -> None:
        if stop - start == 8:
            self.put(start, self.names.filetime(int.from_bytes(self.data[start:stop], "little")).to_bytes(8, "little"))

    def token(self, start: int, stop: int, depth: int) -> None:
        """A token of any kind; where it breaks, the rest stays wiped."""
        data = self.data[start:stop]
        try:
            if depth > _DEEPEST or not data:
                return
            if data[:8] == ntlm.SIGNATURE:
                _ntlm(self, start, stop)
            elif data[:8] == negoex.SIGNATURE:
                _negoex(self, start, stop)
            elif data[0] in (0x60, 0xA0, 0xA1, *kerberos.APPLICATION_TAGS):
                _framed(self, der.read(self.data, start, stop), stop, depth)
            else:
                _message(self, start, stop)
        except TokenError:
            pass


# DER: an action looks at one element; its header stays.
Action = Callable[[_Work, Element, int], None]


def _header(work: _Work, element: Element) -> None:
    work.keep(element.offset, element.start)


def _secret(work: _Work, element: Element, depth: int) -> None:
    _header(work, element)
    work.secret(element.start, element.stop)


def _plain(work: _Work, element: Element, depth: int) -> None:
    """A number, bits or an object identifier."""
    if element.tag in (der.INTEGER, der.ENUMERATED, der.BIT_STRING, der.OID) and element.stop - element.start <= _SHORT:
        work.keep(element.offset, element.stop)
    else:
        _secret(work, element, depth)


def _name(work: _Work, element: Element, depth: int) -> None:
    _header(work, element)
    work.text(element.start, element.stop, work.names.name, "utf-8")


def _sentence(work: _Work, element: Element, depth: int) -> None:
    """Free text in place: what does not keep its length is wiped."""
    _header(work, element)
    made = work.names.sentence(element.value.decode("utf-8", "replace")).encode()
    if len(made) == element.stop - element.start:
        work.put(element.start, made)


def _stamp(work: _Work, element: Element, depth: int) -> None:
    """A GeneralizedTime."""
    _header(work, element)
    try:
        seconds = calendar.timegm(time.strptime(element.value.decode("ascii"), _TIME))
        made = time.strftime(_TIME, time.gmtime(work.names.time(seconds))).encode()
    except (ValueError, OverflowError, OSError):
        return
    if len(made) == element.stop - element.start:
        work.put(element.start, made)


def _names(work: _Work, element: Element, depth: int) -> None:
    """name-string of a principal: a service class may stand first."""
    _header(work, element)
    parts = list(element.children())
    for place, part in enumerate(parts):
        is_class = place == 0 and (len(parts) > 1 or part.value == b"krbtgt")
        _header(work, part)
        work.text(part.start, part.stop, work.names.principal if is_class else work.names.name, "utf-8")


def _hint(work: _Work, element: Element, depth: int) -> None:
    if element.value == spnego.HINT_NAME:
        work.keep(element.offset, element.stop)
    else:
        _header(work, element)
        work.text(element.start, element.stop, work.names.principal, "utf-8")


def _inner(work: _Work, element: Element, depth: int) -> None:
    """A token in an OCTET STRING."""
    _header(work, element)
    if element.tag == der.OCTET_STRING:
        work.token(element.start, element.stop, depth + 1)


def _mic_or_hints(work: _Work, element: Element, depth: int) -> None:
    (_HINTS if element.tag == der.SEQUENCE else _inner)(work, element, depth)


def _each(action: Action) -> Action:
    def walk(work: _Work, element: Element, depth: int) -> None:
        _header(work, element)
        for child in element.children():
            action(work, child, depth)
    return walk


def _fields(actions: Mapping[int, Action]) -> Action:
    """A SEQUENCE of [n] fields; of one without an action only the size is told."""
    def walk(work: _Work, element: Element, depth: int) -> None:
        _header(work, element)
        if element.tag != der.SEQUENCE:
            return
        for field in element.children():
            try:
                _header(work, field)
                for value in field.children():
                    actions.get(field.tag - 0xA0, _secret)(work, value, depth)
            except TokenError:
                continue  # a broken field does not hide the others
    return walk


def _error_data(work: _Work, element: Element, depth: int) -> None:
    """e-data of KRB-ERROR: KERB-ERROR-DATA or METHOD-DATA, both of [1] type and [2] value."""
    _header(work, element)
    for one in element.children():
        sequence = [child for child in one.children() if child.tag == der.SEQUENCE]
        _header(work, one)
        for pair in sequence or [one]:
            _padata(work, pair)


def _padata(work: _Work, pair: Element) -> None:
    _header(work, pair)
    kind = None
    for field in pair.children():
        _header(work, field)
        value = der.read(field.data, field.start, field.stop)
        _header(work, value)
        if field.tag == 0xA1:
            _plain(work, value, 0)
            kind = der.read_integer(value)
        elif kind == _EXTENDED_ERROR and value.stop - value.start in (4, 12):
            work.keep(value.start, value.stop)
        elif kind == _ETYPE_INFO2:
            _each(_fields({0: _plain, 1: _name, 2: _secret}))(work, der.read(value.data, value.start, value.stop), 0)
        else:
            work.secret(value.start, value.stop)


def _application(action: Action) -> Action:
    return _each(action)


_HINTS = _fields({0: _hint, 1: _secret})
_PRINCIPAL = _fields({0: _plain, 1: _names})
_ENCRYPTED = _fields({0: _plain, 1: _plain, 2: _secret})
_TICKET = _application(_fields({0: _plain, 1: _name, 2: _PRINCIPAL, 3: _ENCRYPTED}))
_MESSAGES: Mapping[int, Action] = {
    0x6E: _application(_fields({0: _plain, 1: _plain, 2: _plain, 3: _TICKET, 4: _ENCRYPTED})),
    0x6F: _application(_fields({0: _plain, 1: _plain, 2: _ENCRYPTED})),
    0x7E: _application(_fields({0: _plain, 1: _plain, 2: _stamp, 3: _plain, 4: _stamp, 5: _plain, 6: _plain, 7: _name,
                                8: _PRINCIPAL, 9: _name, 10: _PRINCIPAL, 11: _sentence, 12: _error_data}))}
_USER2USER: Mapping[bytes, Action] = {
    b"\x04\x00": _fields({0: _plain, 1: _plain, 2: _PRINCIPAL, 3: _name}),
    b"\x04\x01": _fields({0: _plain, 1: _plain, 2: _TICKET})}
_INIT = _application(_fields({0: _each(_plain), 1: _plain, 2: _inner, 3: _mic_or_hints, 4: _inner}))
_RESPONSE = _application(_fields({0: _plain, 1: _plain, 2: _inner, 3: _inner}))
_BARE: Mapping[int, Action] = {0xA0: _INIT, 0xA1: _RESPONSE, **_MESSAGES}


def _framed(work: _Work, outer: Element, stop: int, depth: int) -> None:
    """GSS framing (RFC 2743 3.1), or a message without it."""
    if outer.tag in _BARE:
        _BARE[outer.tag](work, outer, depth)
        return
    oid = der.read(work.data, outer.start, outer.stop)
    mechanism = der.read_oid(oid)
    if mechanism == spnego.SPNEGO or mechanism in kerberos.KERBEROS_OIDS:
        work.keep(outer.offset, oid.stop)
    if mechanism == spnego.SPNEGO:
        body = der.read(work.data, oid.stop, outer.stop)
        if body.tag in (0xA0, 0xA1):
            _BARE[body.tag](work, body, depth)
    elif mechanism in kerberos.KERBEROS_OIDS:
        number = work.data[oid.stop:oid.stop + 2]
        if number in (b"\x01\x01", b"\x02\x01"):  # RFC 4757 7: algorithms and filler stay
            work.keep(oid.stop, oid.stop + 8)
            work.secret(oid.stop + 8, stop)
        elif number in kerberos.TOKEN_IDS:
            work.keep(oid.stop, oid.stop + 2)
            body = der.read(work.data, oid.stop + 2, outer.stop)
            action = _USER2USER.get(number) or _MESSAGES.get(body.tag)
            if action is not None:
                action(work, body, depth)


def _message(work: _Work, start: int, stop: int) -> None:
    """The token of a single message (RFC 4121 4.2.6, MS-NLMP 2.2.2.9)."""
    kind = message_kind(work.data[start:stop])
    if kind in ("MIC", "wrap"):
        work.keep(start, min(start + 16, stop))
        work.secret(min(start + 16, stop), stop)
    elif kind == "NTLM signature":
        work.keep(start, stop)
        work.secret(start + 4, start + 12)


def _negoex(work: _Work, start: int, stop: int) -> None:
    for one in negoex.messages(work.data, start, stop):
        work.keep(one.offset, one.offset + 24)
        work.secret(one.offset + 24, one.offset + negoex.HEADER)
        if one.name in negoex.NEGO:
            work.keep(one.offset + 72, one.offset + 96)
        elif one.name in negoex.EXCHANGE:
            work.keep(one.offset + 56, one.offset + 64)
        elif one.name == negoex.VERIFY:
            work.keep(one.offset + 56, one.offset + 76)
        elif one.name == negoex.ALERT:
            work.keep(one.offset + 56, one.offset + 60)
        for name, place, size in one.fields:
            if name in ("random", "exchange", "checksum"):
                work.secret(place, place + size)
            elif name == "auth scheme":
                work.keep(place, place + size)


# NTLM: the descriptors of each message, and where what is fixed ends.
_TARGET, _INFO = 12, 40
_LM, _NT, _DOMAIN, _USER, _WORKSTATION, _KEY = 12, 20, 28, 36, 44, 52
_VERSION_AT = {1: 32, 2: 48, 3: 64}


def _ntlm(work: _Work, start: int, stop: int) -> None:
    message = work.data[start:stop]
    number = int.from_bytes(message[8:12], "little")
    work.keep(start, min(start + 12, stop))
    descriptors = {1: (16, 24), 2: (_TARGET, _INFO), 3: (_LM, _NT, _DOMAIN, _USER, _WORKSTATION, _KEY)}.get(number)
    if descriptors is None:
        return
    parts = {place: _part(message, place) for place in descriptors}
    lowest = min([begin for begin, end in parts.values() if end > begin], default=len(message))
    flags_at = {1: 12, 2: 20, 3: 60}[number]
    work.keep(start + flags_at, min(start + flags_at + 4, stop))
    for place in descriptors:
        work.keep(start + place, min(start + place + 8, stop))
    flags = int.from_bytes(message[flags_at:flags_at + 4], "little")
    version = _VERSION_AT[number]
    if lowest >= version + 8 or flags & ntlm.VERSION:
        work.keep(start + version, min(start + version + 8, stop))
    encoding = "utf-16-le" if number > 1 and flags & ntlm.UNICODE else "latin-1"
    if number == 2:
        work.secret(start + 24, min(start + 32, stop))
        work.secret(start + 32, min(start + 40, stop))
    if number == 3 and lowest >= ntlm.MIC_OFFSET + 16:
        work.secret(start + ntlm.MIC_OFFSET, min(start + ntlm.MIC_OFFSET + 16, stop))
    for place, (begin, end) in parts.items():
        _payload(work, number, place, start + begin, start + end, encoding, message, parts)


def _part(message: bytes, place: int) -> tuple[int, int]:
    """Where a payload field begins and ends, inside the message."""
    if place + 8 > len(message):
        return 0, 0
    size, _, begin = struct.unpack_from("<HHI", message, place)
    return min(begin, len(message)), min(begin + size, len(message))


def _payload(work: _Work, number: int, place: int, start: int, stop: int, encoding: str, message: bytes,
             parts: Mapping[int, tuple[int, int]]) -> None:
    if stop <= start:
        return
    if number == 2 and place == _INFO:
        _av_pairs(work, start, stop)
    elif number == 3 and place == _KEY:
        work.secret(start, stop)
    elif number == 3 and place in (_LM, _NT):
        same = message[slice(*parts[_LM])] == message[slice(*parts[_NT])]
        _response(work, start, stop, place == _NT, same, parts[_NT][1] - parts[_NT][0] > 24)
    else:
        work.text(start, stop, work.names.name, encoding)


def _response(work: _Work, start: int, stop: int, is_nt: bool, same: bool, is_v2: bool) -> None:
    """2.2.2.3 to 2.2.2.8. The client's challenge stands in two places, which must stay equal."""
    if is_nt and stop - start > 24:
        work.secret(start, start + 16)
        _client_challenge(work, start + 16, stop)
    elif is_nt or same:
        work.secret(start, stop)
    elif is_v2:
        work.secret(start, min(start + 16, stop))
        work.secret(min(start + 16, stop), stop)
    else:  # with extended session security 8 bytes of challenge and zeros
        ends = stop if any(work.data[start + 8:stop]) else min(start + 8, stop)
        work.secret(start, ends)


def _client_challenge(work: _Work, start: int, stop: int) -> None:
    """2.2.2.7"""
    if work.data[start:start + 2] != b"\1\1" or stop - start < 28:
        work.secret(start, stop)
        return
    work.keep(start, start + 2)
    work.filetime(start + 8, start + 16)
    work.secret(start + 16, start + 24)
    _av_pairs(work, start + 28, stop)


def _av_pairs(work: _Work, at: int, stop: int) -> None:
    """2.2.2.1; what stands behind the list or does not fit stays zero."""
    while at + 4 <= stop:
        number, size = struct.unpack_from("<HH", work.data, at)
        work.keep(at, at + 4)
        at += 4
        if number == 0:
            return
        end = min(at + size, stop)
        if number == ntlm.AV_FLAGS:
            work.keep(at, min(at + 4, end))
        elif number == ntlm.AV_TIMESTAMP:
            work.filetime(at, end)
        elif number == ntlm.AV_SINGLE_HOST:  # 2.2.2.2: size, zero, integrity level; the machine's number goes
            work.keep(at, min(at + 16, end))
            work.secret(min(at + 16, end), end)
        elif number == ntlm.AV_CHANNEL_BINDINGS or number not in ntlm.AV_NAMES:
            work.secret(at, end)
        else:
            work.text(at, end, work.names.principal if number == ntlm.AV_TARGET_NAME else work.names.name, "utf-16-le")
        at += size
