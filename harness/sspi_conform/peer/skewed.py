# SPDX-License-Identifier: Apache-2.0
"""A KRB-ERROR of an acceptor whose clock is ahead (RFC 4120 5.9.1, MS-KILE 2.2.2)."""
from __future__ import annotations

import time

AHEAD = 200  # seconds: less than the skew that acceptors allow, so that the second try is taken
_OID = bytes.fromhex("06092a864886f712010202")
_SKEW = 37  # KRB_AP_ERR_SKEW
_DATA = bytes.fromhex("3005a103020102")  # KERB-ERROR-DATA, type 2: try again with my time
# RFC 4120 7.5.9, for the misbehaviour krb-error.
CODES = {"none": 0, "server-unknown": 7, "bad-integrity": 31, "expired": 32, "not-yet-valid": 33, "replayed": 34, "not-us": 35,
         "bad-match": 36, "bad-key-version": 44, "no-key": 45, "not-mutual": 46, "bad-checksum": 50, "generic": 60,
         "unknown": 120}


def krb_error(clock: float, kind: str = "skew", realm: str = "SSPI.TEST", service: tuple[str, ...] = ("HTTP", "web")) -> bytes:
    """The GSS token, a skew or one of CODES; the client looks at code, time and data, at the names nobody does."""
    name = _tlv(0x30, _tagged(0, _integer(2)) + _tagged(1, _tlv(0x30, b"".join(map(_text, service)))))
    body = (_tagged(0, _integer(5)) + _tagged(1, _integer(30))
            + _tagged(4, _tlv(0x18, time.strftime("%Y%m%d%H%M%SZ", time.gmtime(clock)).encode()))
            + _tagged(5, _integer(0)) + _tagged(6, _integer(CODES.get(kind, _SKEW))) + _tagged(9, _text(realm)) + _tagged(10, name)
            + (b"" if kind in CODES else _tagged(12, _tlv(0x04, _DATA))))
    return _tlv(0x60, _OID + b"\x03\x00" + _tlv(0x7E, _tlv(0x30, body)))


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size] if size < 0x80 else [tag, 0x81, size]) + content


def _tagged(number: int, content: bytes) -> bytes:
    return _tlv(0xA0 + number, content)


def _integer(value: int) -> bytes:
    return _tlv(0x02, bytes([value]))


def _text(text: str) -> bytes:
    return _tlv(0x1B, text.encode())
