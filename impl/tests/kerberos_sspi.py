# SPDX-License-Identifier: Apache-2.0
"""The A functions of libsspi.so for the Kerberos tests, through ctypes: statuses and bytes, no opinions."""
from __future__ import annotations

import ctypes
import os
import struct
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("LIBSSPI", CHECKOUT / "build" / "libsspi.so"))

OK, CONTINUE = 0, 0x00090312
DATA, TOKEN, PADDING, STREAM, BINDINGS = 1, 2, 9, 10, 14
READONLY_WITH_CHECKSUM = 0x10000000
INBOUND, OUTBOUND = 1, 2
ALLOCATE = 0x100
DELEGATE, MUTUAL, REPLAY, SEQUENCE, CONF = 1, 2, 4, 8, 0x10
ISC_INTEGRITY, ASC_INTEGRITY = 0x10000, 0x20000
DCE_STYLE, ISC_EXTENDED_ERROR, ASC_EXTENDED_ERROR = 0x200, 0x4000, 0x8000
ALLOW_MISSING = 0x10000000
NO_ENCRYPT = 0x80000001


class Handle(Structure):
    _fields_ = [("lower", c_size_t), ("upper", c_size_t)]


class Buffer(Structure):
    _fields_ = [("size", c_uint32), ("type", c_uint32), ("data", c_void_p)]


class Desc(Structure):
    _fields_ = [("version", c_uint32), ("count", c_uint32), ("buffers", POINTER(Buffer))]


class Identity(Structure):
    _fields_ = [("user", c_char_p), ("user_length", c_uint32), ("domain", c_char_p), ("domain_length", c_uint32),
                ("password", c_char_p), ("password_length", c_uint32), ("flags", c_uint32)]


def library() -> ctypes.CDLL:
    """libsspi, with the functions that are used here declared."""
    lib = ctypes.CDLL(str(LIBRARY))
    handle, desc = POINTER(Handle), POINTER(Desc)
    lib.AcquireCredentialsHandleA.argtypes = [c_char_p, c_char_p, c_uint32, c_void_p, c_void_p, c_void_p, c_void_p,
                                              handle, POINTER(c_int64)]
    lib.InitializeSecurityContextA.argtypes = [handle, handle, c_char_p, c_uint32, c_uint32, c_uint32, desc, c_uint32,
                                               handle, desc, POINTER(c_uint32), POINTER(c_int64)]
    lib.AcceptSecurityContext.argtypes = [handle, handle, desc, c_uint32, c_uint32, handle, desc, POINTER(c_uint32),
                                          POINTER(c_int64)]
    lib.QueryContextAttributesA.argtypes = lib.QueryContextAttributesW.argtypes = [handle, c_uint32, c_void_p]
    lib.MakeSignature.argtypes = lib.EncryptMessage.argtypes = [handle, c_uint32, desc, c_uint32]
    lib.VerifySignature.argtypes = lib.DecryptMessage.argtypes = [handle, desc, c_uint32, POINTER(c_uint32)]
    lib.FreeContextBuffer.argtypes = [c_void_p]
    lib.DeleteSecurityContext.argtypes = lib.FreeCredentialsHandle.argtypes = [handle]
    return lib


LIB = library()


def message(*parts: tuple[int, bytes | int]) -> tuple[Desc, list[ctypes.Array]]:
    """A descriptor of (type, bytes) or (type, size) buffers, and the memory behind them."""
    memory = [ctypes.create_string_buffer(part, len(part)) if isinstance(part, bytes) else
              ctypes.create_string_buffer(part) if part else ctypes.create_string_buffer(1) for _, part in parts]
    buffers = (Buffer * len(parts))()
    for slot, (kind, part), data in zip(buffers, parts, memory):
        slot.type, slot.size = kind, len(part) if isinstance(part, bytes) else part
        slot.data = ctypes.addressof(data)
    desc = Desc(0, len(parts), buffers)
    desc.keep = buffers
    return desc, memory


def bytes_of(desc: Desc, index: int) -> bytes:
    """What a buffer of the descriptor holds now."""
    slot = desc.buffers[index]
    return ctypes.string_at(slot.data, slot.size) if slot.size else b""


def channel_bindings(application: bytes) -> bytes:
    """SEC_CHANNEL_BINDINGS with application data only."""
    return struct.pack("<8I", 0, 0, 0, 0, 0, 0, len(application), 32) + application


class Credential:
    """A credentials handle of the Kerberos package."""

    def __init__(self, use: int, principal: str | None = None, identity: tuple[str, str, str | None] | None = None,
                 package: str = "Kerberos") -> None:
        self.handle = Handle()
        auth = None
        if identity:
            texts = [None if text is None else text.encode() for text in identity]
            auth = Identity(*[value for text in texts for value in (text, len(text or b""))], 1)
        self.status = LIB.AcquireCredentialsHandleA(
            principal.encode() if principal else None, package.encode(), use, None,
            ctypes.cast(byref(auth), c_void_p) if auth else None, None, None, byref(self.handle),
            byref(c_int64())) & 0xFFFFFFFF

    def __del__(self) -> None:
        if getattr(self, "status", 1) == OK:
            LIB.FreeCredentialsHandle(byref(self.handle))


@dataclass
class Leg:
    """What one call answered."""

    status: int
    token: bytes
    flags: int


@dataclass
class Context:
    """A security context of either side."""

    credential: Credential
    initiator: bool
    flags: int
    target: str = "HTTP/web.sspi.test"
    bindings: bytes | None = None
    handle: Handle = field(default_factory=Handle)
    begun: bool = False

    def leg(self, token: bytes | None = None) -> Leg:
        """One call of InitializeSecurityContext or AcceptSecurityContext."""
        parts: list[tuple[int, bytes | int]] = []
        if token is not None:
            parts.append((TOKEN, token))
        if self.bindings is not None:
            parts.append((BINDINGS, self.bindings))
        given, memory = message(*parts)
        answer, _ = message((TOKEN, 60000))
        attributes, expiry = c_uint32(), c_int64()
        old = byref(self.handle) if self.begun else None
        if self.initiator:
            status = LIB.InitializeSecurityContextA(
                byref(self.credential.handle), old, self.target.encode(), self.flags, 0, 0,
                byref(given) if parts else None, 0, byref(self.handle), byref(answer), byref(attributes), byref(expiry))
        else:
            status = LIB.AcceptSecurityContext(
                byref(self.credential.handle), old, byref(given), self.flags, 0, byref(self.handle), byref(answer),
                byref(attributes), byref(expiry))
        self.begun = self.begun or status >= 0
        sent = bytes_of(answer, 0)
        return Leg(status & 0xFFFFFFFF, sent if len(sent) < 60000 else b"", attributes.value)

    def name(self, attribute: int = 1) -> str:
        """A string attribute, NAMES by default."""
        out = c_char_p()
        assert LIB.QueryContextAttributesA(byref(self.handle), attribute, byref(out)) == OK
        return out.value.decode()

    def claimed_target(self) -> str:
        """CLIENT_SPECIFIED_TARGET, which only the W function knows."""
        out = c_void_p()
        assert LIB.QueryContextAttributesW(byref(self.handle), 27, byref(out)) == OK
        units = 0
        while ctypes.string_at(out.value + 2 * units, 2) != b"\0\0":
            units += 1
        return ctypes.string_at(out.value, 2 * units).decode("utf-16-le")

    def session_key(self) -> bytes:
        """SECPKG_ATTR_SESSION_KEY."""
        class Key(Structure):
            _fields_ = [("size", c_uint32), ("data", c_void_p)]
        out = Key()
        assert LIB.QueryContextAttributesA(byref(self.handle), 9, byref(out)) == OK
        return ctypes.string_at(out.data, out.size)

    def sign(self, data: bytes) -> bytes:
        """MakeSignature; the token."""
        desc, _ = message((DATA, data), (TOKEN, 128))
        status = LIB.MakeSignature(byref(self.handle), 0, byref(desc), 0)
        assert status == OK, hex(status & 0xFFFFFFFF)
        return bytes_of(desc, 1)

    def verify(self, data: bytes, token: bytes) -> int:
        """VerifySignature; the status."""
        desc, _ = message((DATA, data), (TOKEN, token))
        return LIB.VerifySignature(byref(self.handle), byref(desc), 0, byref(c_uint32())) & 0xFFFFFFFF

    def seal(self, data: bytes, qop: int = 0, padding: int = 0) -> tuple[bytes, bytes]:
        """EncryptMessage; token and data, the latter with what came into a PADDING buffer of that size."""
        desc, _ = message((TOKEN, 128), (DATA, data), *([(PADDING, padding)] if padding else []))
        status = LIB.EncryptMessage(byref(self.handle), qop, byref(desc), 0)
        assert status == OK, hex(status & 0xFFFFFFFF)
        return bytes_of(desc, 0), bytes_of(desc, 1) + (bytes_of(desc, 2) if padding else b"")

    def unseal(self, stream: bytes) -> tuple[int, bytes, int]:
        """DecryptMessage of a STREAM; status, plaintext, quality of protection."""
        desc, _ = message((STREAM, stream), (DATA, 0))
        qop = c_uint32(0x77)
        status = LIB.DecryptMessage(byref(self.handle), byref(desc), 0, byref(qop)) & 0xFFFFFFFF
        return status, bytes_of(desc, 1) if status == OK else b"", qop.value

    def unseal_split(self, token: bytes, data: bytes) -> tuple[int, bytes]:
        """DecryptMessage of TOKEN and DATA."""
        desc, _ = message((TOKEN, token), (DATA, data))
        status = LIB.DecryptMessage(byref(self.handle), byref(desc), 0, byref(c_uint32())) & 0xFFFFFFFF
        return status, bytes_of(desc, 1)

    def __del__(self) -> None:
        if getattr(self, "begun", False):
            LIB.DeleteSecurityContext(byref(self.handle))


def establish(client: Context, server: Context) -> tuple[Leg, Leg]:
    """Alternate until both are done or one refuses; the last leg of each."""
    out, back = client.leg(), Leg(0, b"", 0)
    while out.status in (OK, CONTINUE) and out.token:
        back = server.leg(out.token)
        if back.status not in (OK, CONTINUE) or not back.token:
            break
        out = client.leg(back.token)
    return out, back
