# SPDX-License-Identifier: Apache-2.0
"""Messages of the Kerberos KDC (RFC 4120 5.4, 5.9), over UDP and TCP, on whatever port."""
from __future__ import annotations

from ..exchange.model import CLIENT, SERVER, KdcMessage
from ..tokens import TokenError, der
from .draft import Place
from .reader import NOT_THIS, UNKNOWN, Reader, Sized
from .streams import Framing, Record

_KINDS = {0x6A: "AS-REQ", 0x6B: "AS-REP", 0x6C: "TGS-REQ", 0x6D: "TGS-REP", 0x7E: "KRB-ERROR"}
_FROM_CLIENT = (0x6A, 0x6C)
_LARGEST = 1 << 20
_TICKET = 0x61
PORT = 88


class Kdc(Reader):
    protocol = "kerberos"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.messages: list[KdcMessage] = []
        self.damaged = 0

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        """Four octets of length (RFC 4120 7.2.2), then a message."""
        if not _begins(data):
            return None
        return CLIENT if data[4] in _FROM_CLIENT else SERVER

    def framing(self, sender: str) -> Framing:
        return Sized(_size, _begins)

    def record(self, sender: str, record: Record) -> None:
        if record.damaged:
            self.damaged += 1
            return
        found = message(record.data[4:], record.frame, record.time)
        if found is not None:
            self.messages.append(found)


def _size(data: bytes | bytearray) -> int:
    if len(data) < 4:
        return UNKNOWN
    size = int.from_bytes(data[:4], "big")
    return 4 + size if 10 < size <= _LARGEST else NOT_THIS


def _begins(data: bytes) -> bool:
    if len(data) < 10 or data[4] not in _KINDS or not 10 < int.from_bytes(data[:4], "big") <= _LARGEST:
        return False
    at = 6 + (data[5] & 0x7F if data[5] & 0x80 else 0)
    return data[at:at + 1] == b"\x30"


def message(data: bytes, frame: int, time: float) -> KdcMessage | None:
    """The message that fills a datagram or a record; None when it is none of the KDC's, or broken."""
    kind = _KINDS.get(data[0]) if data else None
    if kind is None:
        return None
    try:
        found = der.read_whole(data).only(der.SEQUENCE, kind).fields(kind)
        values = _READERS[kind](found)
    except (TokenError, KeyError):
        return None
    return KdcMessage(kind, frame, time, **values)


def _request(found: dict[int, der.Element]) -> dict[str, object]:
    """KDC-REQ: req-body [4] with cname [1], realm [2], sname [3], etype [8]."""
    body = found[4].only(der.SEQUENCE, "req-body").fields("req-body")
    etypes = body[8].only(der.SEQUENCE, "etype").children() if 8 in body else ()
    return {"realm": _text(body.get(2)), "client": _name(body.get(1)), "server": _name(body.get(3)),
            "etypes": tuple(der.read_integer(one) for one in etypes)}


def _reply(found: dict[int, der.Element]) -> dict[str, object]:
    """KDC-REP: crealm [3], cname [4], ticket [5]; the etype is that of the ticket."""
    ticket = found[5].only(_TICKET, "ticket").only(der.SEQUENCE, "ticket").fields("ticket")
    sealed = ticket[3].only(der.SEQUENCE, "enc-part").fields("enc-part")
    return {"realm": _text(ticket[1]), "client": _name(found.get(4)), "server": _name(ticket[2]),
            "etypes": (der.read_integer(sealed[0].only(der.INTEGER, "etype")),)}


def _error(found: dict[int, der.Element]) -> dict[str, object]:
    """KRB-ERROR: error-code [6], cname [8], realm [9], sname [10], e-text [11]."""
    return {"realm": _text(found[9]), "client": _name(found.get(8)), "server": _name(found[10]),
            "code": der.read_integer(found[6].only(der.INTEGER, "error-code")), "text": _text(found.get(11))}


def _text(field: der.Element | None) -> str:
    return "" if field is None else der.read(field.data, field.start, field.stop).value.decode("utf-8", "replace")


def _name(field: der.Element | None) -> str:
    """The principal without its realm."""
    if field is None:
        return ""
    parts = field.only(der.SEQUENCE, "name").fields("name")
    return "/".join(one.value.decode("utf-8", "replace") for one in parts[1].only(der.SEQUENCE, "name-string").children())


_READERS = {"AS-REQ": _request, "TGS-REQ": _request, "AS-REP": _reply, "TGS-REP": _reply, "KRB-ERROR": _error}
