# SPDX-License-Identifier: Apache-2.0
"""CredSSP (MS-CSSP 2.2.1), inside TLS: TSRequests with tokens, the binding of the public key, and an error code."""
from __future__ import annotations

from .. import statuses
from ..exchange.model import CLIENT, CREDSSP, SERVER, Status
from ..tokens import TokenError, der
from . import names
from .draft import Draft, Place
from .reader import NOT_THIS, UNKNOWN, Reader, Sized
from .streams import Framing, Record

_TOKENS, _AUTH_INFO, _PUBLIC_KEY, _ERROR = 1, 2, 3, 4
_LARGEST = 1 << 20


class CredSsp(Reader):
    protocol = "credssp"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._current: Draft | None = None

    @classmethod
    def sender(cls, data: bytes) -> str | None:
        """TSRequest: a SEQUENCE that begins with [0] version, small."""
        at = 2 + (data[1] & 0x7F if len(data) > 1 and data[1] & 0x80 else 0)
        if data[:1] != b"\x30" or data[at:at + 4] != b"\xa0\x03\x02\x01" or data[at + 4:at + 5] > b"\x20":
            return None
        return ""

    def framing(self, sender: str) -> Framing:
        return Sized(_size, lambda data: self.sender(data) is not None)

    def record(self, sender: str, record: Record) -> None:
        if record.damaged:
            self.lost_token(record)
            return
        try:
            found = der.read(record.data).fields("TSRequest")
            tokens = _tokens(found[_TOKENS]) if _TOKENS in found else []
            error = der.read_integer(found[_ERROR].only(der.INTEGER, "errorCode")) & 0xFFFFFFFF if _ERROR in found else 0
        except TokenError:
            return
        draft = self._current
        if draft is None or draft.over and tokens:
            draft = self._current = self.begin("CredSSP", service="TERMSRV")
        for token in tokens:
            draft.leg(sender, token, record)
        if error:
            status = _status(error)
            draft.leg(SERVER, None, record, status)
            draft.ends(status)
        elif sender == SERVER and _PUBLIC_KEY in found or sender == CLIENT and _AUTH_INFO in found:
            draft.ends(Status(CREDSSP, 0, "pubKeyAuth", True))

    def lost_token(self, record: Record) -> None:
        if self._current:
            self._current.miss(f"the message of frame {record.frame} is not whole in the capture")


def _tokens(field: der.Element) -> list[bytes]:
    """NegoData: a SEQUENCE of SEQUENCEs with the token in [0]."""
    items = field.only(der.SEQUENCE, "NegoData").children()
    return [item.fields("NegoData item")[0].only(der.OCTET_STRING, "negoToken").value for item in items
            if 0 in item.fields("NegoData item")]


def _status(code: int) -> Status:
    if code >> 28 == 0xC:  # an NTSTATUS; others are SECURITY_STATUS
        return names.nt_status(code)
    return Status(CREDSSP, code, statuses.name(code) if statuses.numbered(code) else "", False)


def _size(data: bytes | bytearray) -> int:
    if len(data) < 2:
        return UNKNOWN
    if data[0] != 0x30:
        return NOT_THIS
    if data[1] < 0x80:
        return 2 + data[1]
    octets = data[1] & 0x7F
    if not 1 <= octets <= 4:
        return NOT_THIS
    if len(data) < 2 + octets:
        return UNKNOWN
    size = 2 + octets + int.from_bytes(data[2:2 + octets], "big")
    return size if size <= _LARGEST else NOT_THIS
