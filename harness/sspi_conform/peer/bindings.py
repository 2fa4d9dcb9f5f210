# SPDX-License-Identifier: Apache-2.0
"""SEC_CHANNEL_BINDINGS: the caller's structure, its GSS form and the hash of that."""
from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import md5

from .model import SspiError
from .statuses import SEC_E_INVALID_TOKEN


@dataclass(frozen=True, slots=True)
class Bindings:
    """The members of gss_channel_bindings_struct (RFC 2744 3.11)."""

    initiator_type: int
    initiator: bytes
    acceptor_type: int
    acceptor: bytes
    application_data: bytes

    @property
    def is_empty(self) -> bool:
        """Nothing in it: the same as no bindings."""
        return not (self.initiator_type or self.initiator or self.acceptor_type or self.acceptor
                    or self.application_data)

    def hash(self) -> bytes:
        """MD5 over the structure with little-endian lengths (RFC 4121 4.1.1.2, MS-NLMP 2.2.2.1)."""
        return md5(b"".join((
            struct.pack("<II", self.initiator_type, len(self.initiator)), self.initiator,
            struct.pack("<II", self.acceptor_type, len(self.acceptor)), self.acceptor,
            struct.pack("<I", len(self.application_data)), self.application_data))).digest()


def parse(data: bytes) -> Bindings:
    """Read a SEC_CHANNEL_BINDINGS structure: eight words and, at the offsets they name, the data."""
    if len(data) < 32:
        raise SspiError(SEC_E_INVALID_TOKEN)
    (initiator_type, initiator_size, initiator_at, acceptor_type, acceptor_size, acceptor_at,
     size, start) = struct.unpack_from("<8I", data)
    pieces = []
    for length, offset in ((initiator_size, initiator_at), (acceptor_size, acceptor_at), (size, start)):
        if length and offset + length > len(data):
            raise SspiError(SEC_E_INVALID_TOKEN)
        pieces.append(data[offset:offset + length] if length else b"")
    return Bindings(initiator_type, pieces[0], acceptor_type, pieces[1], pieces[2])


def parse_if_any(data: bytes | None) -> Bindings | None:
    """The bindings, or None when there are none or nothing is in them."""
    if data is None:
        return None
    found = parse(data)
    return None if found.is_empty else found
