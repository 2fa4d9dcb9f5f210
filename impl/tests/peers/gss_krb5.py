# SPDX-License-Identifier: Apache-2.0
"""Kerberos of MIT or Heimdal, bare or inside that library's SPNEGO, with the tickets and keys that lie around."""
from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from ctypes import byref, c_int, c_uint32, c_void_p
from typing import Any

import gss_calls as gss
from gss_calls import Bindings, Buffer, Gss, GssError, Iov, given
from lines import serve


MADE = (gss.IOV_HEADER, gss.IOV_PADDING, gss.IOV_TRAILER)  # by the library


class Krb5:
    def __init__(self, start: Mapping[str, Any]) -> None:
        self.gss = Gss(start["library"])
        self.accepts = start["role"] == "accept"
        self.flags = int(start["flags"])
        self.mechanism = self.gss.krb5 if start["package"] == "Kerberos" else self.gss.spnego
        self.context, self.returned, self.client = c_void_p(), 0, ""
        self.delegated = c_void_p()
        self.application = given(start.get("bindings", "").encode())  # kept, since a structure copies only its address
        self.bindings = Bindings(application=self.application) if self.application.length else None
        self.target = self.gss.service(start["host"])
        self.credential = self.gss.credential(gss.ACCEPT if self.accepts else gss.INITIATE, self.mechanism)

    def step(self, token: bytes) -> tuple[bytes, bool]:
        out, flags, taken = Buffer(), c_uint32(), given(token)
        bindings = byref(self.bindings) if self.bindings else None
        if self.accepts:
            name = c_void_p()
            major = self.gss.call("accept_sec_context", byref(self.context), self.credential, byref(taken), bindings,
                                  byref(name), None, byref(out), byref(flags), None, byref(self.delegated))
            self.client = self.gss.shown(name) if name else ""
        else:
            major = self.gss.call("init_sec_context", self.credential, byref(self.context), self.target,
                                  byref(self.mechanism), c_uint32(self.flags), c_uint32(0), bindings, byref(taken),
                                  None, byref(out), byref(flags), None)
        self.returned = flags.value
        return self.gss.taken(out), not major & gss.CONTINUE_NEEDED

    def _iov(self, parts: Sequence[tuple[int, bytes]]) -> Any:
        iov = (Iov * len(parts))()
        iov.keep = [given(data) for _, data in parts]
        for slot, (kind, _), buffer in zip(iov, parts, iov.keep):
            slot.type, slot.buffer = kind, buffer
        return iov

    def wrap(self, data: bytes, sealed: bool, layout: str, around: Sequence[str]) -> bytes:
        """What goes over the wire. `layout`: wrap, gss_wrap; header, gss_wrap_iov with everything in front, as SSPI
        does it; trailer, with a trailer of its own. `around`: what is signed before and behind the data."""
        if layout == "wrap":
            out, taken, conf = Buffer(), given(data), c_int()
            self.gss.call("wrap", self.context, c_int(sealed), c_uint32(0), byref(taken), byref(conf), byref(out))
            assert bool(conf.value) is sealed
            return self.gss.taken(out)
        iov = self._iov([(kind | (gss.IOV_ALLOCATE if kind in MADE else 0), part)
                         for kind, part in self._parts(b"", data, layout, around)])
        self.gss.call("wrap_iov", self.context, c_int(sealed), c_uint32(0), None, iov, c_int(len(iov)))
        return b"".join(slot.buffer.bytes() for slot in iov if slot.type & 0xFFFF != gss.IOV_SIGN_ONLY)

    def _parts(self, header: bytes, data: bytes, layout: str, around: Sequence[str]) -> list[tuple[int, bytes]]:
        signed = [(gss.IOV_SIGN_ONLY, bytes.fromhex(part)) for part in around]
        behind = [(gss.IOV_PADDING, b""), (gss.IOV_TRAILER, b"")] if layout == "trailer" else []
        padding = [(gss.IOV_PADDING, b"")] if layout == "header" and not self.returned & gss.DCE_STYLE else []
        return [(gss.IOV_HEADER, header), *signed[:1], (gss.IOV_DATA, data), *signed[1:], *padding, *behind]

    def unwrap(self, data: bytes, sealed: bool, header: int, around: Sequence[str]) -> bytes:
        """`header`: where to cut for gss_unwrap_iov; 0: gss_unwrap, a negative number: gss_unwrap_iov of a stream."""
        conf, out = c_int(), Buffer()
        if not header:
            taken = given(data)
            self.gss.call("unwrap", self.context, byref(taken), byref(out), byref(conf), None)
            plain = self.gss.taken(out)
        else:
            parts = [(gss.IOV_STREAM, data), (gss.IOV_DATA, b"")]
            if header > 0:
                signed = [(gss.IOV_SIGN_ONLY, bytes.fromhex(part)) for part in around]
                parts = [(gss.IOV_HEADER, data[:header]), *signed[:1], (gss.IOV_DATA, data[header:]), *signed[1:]]
            iov = self._iov(parts)
            self.gss.call("unwrap_iov", self.context, byref(conf), None, iov, c_int(len(iov)))
            plain = b"".join(slot.buffer.bytes() for slot in iov if slot.type & 0xFFFF == gss.IOV_DATA)
        if bool(conf.value) is not sealed:
            raise GssError(f"conf_state {conf.value}")
        return plain

    def sign(self, data: bytes) -> bytes:
        out, taken = Buffer(), given(data)
        self.gss.call("get_mic", self.context, c_uint32(0), byref(taken), byref(out))
        return self.gss.taken(out)

    def verify(self, data: bytes, signature: bytes) -> None:
        message, token = given(data), given(signature)
        self.gss.call("verify_mic", self.context, byref(message), byref(token), None)

    def key(self) -> bytes:
        return self.gss.session_key(self.context)

    def about(self, _: bytes) -> bytes:
        """The flags of the context, 4 bytes, and who initiated it."""
        return self.returned.to_bytes(4, "big") + self.client.encode()

    def delegated_step(self, _: bytes) -> bytes:
        """An AP-REQ in the name of the initiator, for the same service."""
        assert self.delegated
        context, out = c_void_p(), Buffer()
        self.gss.call("init_sec_context", self.delegated, byref(context), self.target, byref(self.gss.krb5),
                      c_uint32(0), c_uint32(0), None, None, None, byref(out), None, None)
        return self.gss.taken(out)


serve(Krb5, (GssError,))
