# SPDX-License-Identifier: Apache-2.0
"""The GSS-API of RFC 2743 and 2744 by ctypes. MIT's and Heimdal's libraries have the same calls and structures, with
other names for the file; a process loads one of them."""
from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_int, c_size_t, c_uint32, c_void_p
from typing import Any

LIBRARIES = {"MIT": "libgssapi_krb5.so.2", "Heimdal": "libgssapi.so.3"}
KRB5, SPNEGO = (1, 2, 840, 113554, 1, 2, 2), (1, 3, 6, 1, 5, 5, 2)
HOSTBASED_SERVICE = (1, 2, 840, 113554, 1, 2, 1, 4)
SESSION_KEY = (1, 2, 840, 113554, 1, 2, 2, 5, 5)
# Flags of RFC 2744, and those that Microsoft added.
DELEG, MUTUAL, REPLAY, SEQUENCE, CONF, INTEG, DCE_STYLE = 1, 2, 4, 8, 0x10, 0x20, 0x1000
INITIATE, ACCEPT = 1, 2
CONTINUE_NEEDED = 1
IOV_DATA, IOV_HEADER, IOV_TRAILER, IOV_PADDING, IOV_STREAM, IOV_SIGN_ONLY = 1, 2, 7, 9, 10, 11
IOV_ALLOCATE = 0x10000


class Buffer(Structure):
    _fields_ = [("length", c_size_t), ("value", c_void_p)]

    def bytes(self) -> bytes:
        return ctypes.string_at(self.value, self.length) if self.length else b""


class Oid(Structure):
    _fields_ = [("length", c_uint32), ("elements", c_void_p)]


class OidSet(Structure):
    _fields_ = [("count", c_size_t), ("elements", POINTER(Oid))]


class BufferSet(Structure):
    _fields_ = [("count", c_size_t), ("elements", POINTER(Buffer))]


class Bindings(Structure):
    _fields_ = [("initiator_type", c_uint32), ("initiator", Buffer), ("acceptor_type", c_uint32),
                ("acceptor", Buffer), ("application", Buffer)]


class Iov(Structure):
    _fields_ = [("type", c_uint32), ("buffer", Buffer)]


class GssError(Exception):
    """A call that failed, in the library's words."""


def oid(arcs: Sequence[int]) -> Oid:
    """X.690 8.19."""
    body = bytes([40 * arcs[0] + arcs[1]])
    for arc in arcs[2:]:
        groups = [arc >> shift & 0x7F for shift in (28, 21, 14, 7, 0)]
        while len(groups) > 1 and not groups[0]:
            groups.pop(0)
        body += bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])
    made = Oid(len(body))
    made.keep = ctypes.create_string_buffer(body, len(body))
    made.elements = ctypes.addressof(made.keep)
    return made


def given(data: bytes | None) -> Buffer:
    """A buffer of the caller's; the library never frees it."""
    if not data:
        return Buffer()
    made = Buffer(len(data))
    made.keep = ctypes.create_string_buffer(data, len(data))
    made.value = ctypes.addressof(made.keep)
    return made


class Gss:
    """A library: every call raises GssError unless it succeeds, and hands out Python's bytes."""

    def __init__(self, name: str) -> None:
        self.library = ctypes.CDLL(LIBRARIES[name])
        self.krb5, self.spnego = oid(KRB5), oid(SPNEGO)

    def call(self, name: str, *arguments: Any) -> int:
        """The major status, when it is none of failure."""
        minor = c_uint32()
        function = getattr(self.library, f"gss_{name}")
        function.restype = c_uint32
        major = int(function(byref(minor), *arguments))
        if major >> 16:
            raise GssError(f"{name}: {major:#010x} {self._words(major, 1)}: {self._words(minor.value, 2)}")
        if major & ~CONTINUE_NEEDED:  # old, duplicate, out of sequence, gap: nobody here sends such
            raise GssError(f"{name}: supplementary {major:#x}")
        return major

    def _words(self, status: int, kind: int) -> str:
        more, text, minor = c_uint32(), Buffer(), c_uint32()
        self.library.gss_display_status(byref(minor), c_uint32(status), c_int(kind), byref(self.krb5), byref(more),
                                        byref(text))
        return self.taken(text).decode("utf-8", "replace")

    def taken(self, buffer: Buffer) -> bytes:
        """What the library made, which is given back to it."""
        data = buffer.bytes()
        self.library.gss_release_buffer(byref(c_uint32()), byref(buffer))
        return data

    def service(self, host: str) -> c_void_p:
        name, text = c_void_p(), given(f"HTTP@{host}".encode())
        self.call("import_name", byref(text), byref(oid(HOSTBASED_SERVICE)), byref(name))
        return name

    def shown(self, name: c_void_p) -> str:
        text = Buffer()
        self.call("display_name", name, byref(text), None)
        return self.taken(text).decode()

    def credential(self, usage: int, mechanism: Oid) -> c_void_p:
        """Of the ticket cache or the keytab that the environment names."""
        made, wanted = c_void_p(), OidSet(1, ctypes.pointer(mechanism))
        self.call("acquire_cred", None, c_uint32(0xFFFFFFFF), byref(wanted), c_int(usage), byref(made), None, None)
        return made

    def session_key(self, context: c_void_p) -> bytes:
        found = POINTER(BufferSet)()
        self.call("inquire_sec_context_by_oid", context, byref(oid(SESSION_KEY)), byref(found))
        return found.contents.elements[0].bytes()
