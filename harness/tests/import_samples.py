# SPDX-License-Identifier: Apache-2.0
"""Small messages of every transport for tests of import: tokens, and what carries them."""
from __future__ import annotations

import base64
import struct

from sspi_conform.tokens import der, spnego

NEGOTIATE = b"NTLMSSP\0" + struct.pack("<II", 1, 0x00088207) + bytes(16)
CHALLENGE = b"NTLMSSP\0" + struct.pack("<IHHII", 2, 0, 0, 48, 0x00088207) + b"challeng" + bytes(8) + bytes(8)
AUTHENTICATE = b"NTLMSSP\0" + struct.pack("<I", 3) + struct.pack("<HHI", 0, 0, 64) * 6 + struct.pack("<I", 0x00088207)
TOKENS = (NEGOTIATE, CHALLENGE, AUTHENTICATE)
DONE, REJECTED = (spnego.NegTokenResp(neg_state=state).pack() for state in (spnego.ACCEPT_COMPLETED, spnego.REJECT))
INIT = spnego.NegTokenInit((spnego.NTLM,), NEGOTIATE).pack()


def request(token: bytes | None = None, scheme: str = "Negotiate", method: str = "GET", body: bytes = b"", proxy: bool = False) -> bytes:
    head = f"{method} /path HTTP/1.1\r\nHost: web.test\r\nContent-Length: {len(body)}\r\n"
    if token is not None:
        head += f"{'Proxy-' if proxy else ''}Authorization: {scheme} {base64.b64encode(token).decode()}\r\n"
    return head.encode() + b"\r\n" + body


def response(code: int, token: bytes | None = None, offers: tuple[str, ...] = (), body: bytes = b"", scheme: str = "Negotiate") -> bytes:
    name = "Proxy-Authenticate" if code == 407 else "WWW-Authenticate"
    lines = [f"HTTP/1.1 {code} Some Reason", f"Content-Length: {len(body)}", *(f"{name}: {offer}" for offer in offers)]
    if token is not None:
        lines.append(f"{name}: {scheme} {base64.b64encode(token).decode()}")
    return "\r\n".join((*lines, "", "")).encode() + body


def ldap_bind(number: int, token: bytes, mechanism: bytes = b"GSS-SPNEGO") -> bytes:
    sasl = der.write(0xA3, der.write(4, mechanism), der.write(4, token))
    return der.write(0x30, der.write(2, bytes((number,))), der.write(0x60, der.write(2, b"\3"), der.write(4, b""), sasl))


def ldap_answer(number: int, code: int, token: bytes = b"", text: bytes = b"") -> bytes:
    creds = (der.write(0x87, token),) if token else ()
    answer = der.write(0x61, der.write(10, bytes((code,))), der.write(4, b""), der.write(4, text), *creds)
    return der.write(0x30, der.write(2, bytes((number,))), answer)


def ldap_extended(number: int, tag: int, *parts: bytes) -> bytes:
    return der.write(0x30, der.write(2, bytes((number,))), der.write(tag, *parts))


def rpc(kind: int, call: int, token: bytes = b"", body: bytes = b"", level: int = 6, context: int = 1, package: int = 10) -> bytes:
    verifier = struct.pack("<BBBBI", package, level, 0, 0, context) + token if token else b""
    size = 16 + len(body) + len(verifier)
    return struct.pack("<BBBBIHHI", 5, 0, kind, 3, 0x10, size, len(token), call) + body + verifier


def smb2(command: int, message: int, session: int, body: bytes, status: int | None = None) -> bytes:
    """`status` None: a request."""
    head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, status or 0, command, 1, 0 if status is None else 1, 0, message, 0, 0, session)
    packet = head + bytes(16) + body
    return struct.pack(">I", len(packet)) + packet


def smb2_setup(message: int, session: int, token: bytes) -> bytes:
    return smb2(1, message, session, struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(token), 0) + token)


def smb2_answer(message: int, session: int, status: int, token: bytes = b"", flags: int = 0) -> bytes:
    if status and not token:
        return smb2(1, message, session, struct.pack("<HBBIB", 9, 0, 0, 0, 0), status)
    return smb2(1, message, session, struct.pack("<HHHH", 9, flags, 72, len(token)) + token, status)


def smb2_hint(message: int, token: bytes) -> bytes:
    body = struct.pack("<HHHH16sIIIIQQHHI", 65, 1, 0x0311, 0, bytes(16), 0, 0, 0, 0, 0, 0, 128, len(token), 0)
    return smb2(0, message, 0, body + token, 0)


def smb2_pipe(message: int, data: bytes) -> bytes:
    """A WRITE."""
    return smb2(9, message, 7, struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), 0, b"f" * 16, 0, 0, 0, 0, 0) + data)


def smb2_pipe_read(message: int) -> bytes:
    return smb2(8, message, 7, struct.pack("<HBBIQ16s", 49, 0, 0, 1024, 0, b"f" * 16) + bytes(17))


def smb2_pipe_data(message: int, data: bytes) -> bytes:
    return smb2(8, message, 7, struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data, 0)


def nns(kind: int, token: bytes = b"") -> bytes:
    return bytes((kind, 1, 0)) + struct.pack(">H", len(token)) + token


def ts_request(token: bytes = b"", public_key: bytes = b"", error: int = 0) -> bytes:
    fields = [der.write(0xA0, der.write(2, b"\6"))]
    if token:
        fields.append(der.write(0xA1, der.write(0x30, der.write(0x30, der.write(0xA0, der.write(4, token))))))
    if public_key:
        fields.append(der.write(0xA3, der.write(4, public_key)))
    if error:
        fields.append(der.write(0xA4, der.write(2, error.to_bytes(4, "big"))))
    return der.write(0x30, *fields)


def tkey(token: bytes, answer: bool) -> bytes:
    name = b"\x041234\x04test\0"
    data = b"\x08gss-tsig\0" + struct.pack(">IIHHH", 0, 0, 3, 0, len(token)) + token + b"\0\0"
    record = name + struct.pack(">HHIH", 249, 255, 0, len(data)) + data
    counts = (1, 1, 0, 0) if answer else (1, 0, 0, 1)
    return struct.pack(">HHHHHH", 7, 0x8000 if answer else 0, *counts) + name + struct.pack(">HH", 249, 255) + record


def kdc_request(client: str = "ann", service: str = "http/web.test") -> bytes:
    """AS-REQ."""
    body = der.write(0x30, der.write(0xA0, der.write(3, bytes(5))), der.write(0xA1, _name(client)), der.write(0xA2, _text("TEST")),
                     der.write(0xA3, _name(service)), der.write(0xA8, der.write(0x30, der.write(2, b"\x12"), der.write(2, b"\x17"))))
    return der.write(0x6A, der.write(0x30, der.write(0xA1, der.write(2, b"\5")), der.write(0xA2, der.write(2, b"\x0a")), der.write(0xA4, body)))


def kdc_error(code: int, text: str = "") -> bytes:
    fields = [(0, der.write(2, b"\5")), (1, der.write(2, b"\x1e")), (4, der.write(0x18, b"20261123000000Z")), (5, der.write(2, b"\0")),
              (6, der.write(2, bytes((code,)))), (9, _text("TEST")), (10, _name("krbtgt/TEST"))]
    fields += [(11, _text(text))] if text else []
    return der.write(0x7E, der.write(0x30, *(der.write(0xA0 + number, value) for number, value in fields)))


def krb_error_token(code: int) -> bytes:
    """As an acceptor sends it, inside SPNEGO."""
    inner = spnego.frame(spnego.KRB5, b"\3\0" + kdc_error(code))
    return spnego.NegTokenResp(spnego.ACCEPT_INCOMPLETE, spnego.KRB5, inner).pack()


def _name(text: str) -> bytes:
    parts = b"".join(_text(part) for part in text.split("/"))
    return der.write(0x30, der.write(0xA0, der.write(2, b"\1")), der.write(0xA1, der.write(0x30, parts)))


def _text(text: str) -> bytes:
    return der.write(0x1B, text.encode())
