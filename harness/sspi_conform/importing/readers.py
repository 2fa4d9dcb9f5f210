# SPDX-License-Identifier: Apache-2.0
"""Which protocol begins with some bytes."""
from __future__ import annotations

from .carve import Carved
from .credssp import CredSsp
from .dns import Dns
from .http import Http
from .kdc import Kdc
from .ldap import Ldap
from .nns import Nns
from .reader import Reader
from .rpc import Rpc
from .smb import Smb
from .tls import Rdp, Tls

# In the order in which they are asked: the strictest beginnings first.
READERS: tuple[type[Reader], ...] = (Http, Smb, Kdc, Rpc, Nns, Tls, Rdp, Dns, CredSsp, Ldap)
NAMED = {reader.protocol: reader for reader in (*READERS, Carved)}


def recognise(data: bytes, forced: str = "") -> tuple[type[Reader], str] | None:
    """The reader for what begins here and whose beginning it is (empty: of either side)."""
    for reader in [NAMED[forced]] if forced else READERS:
        sender = reader.sender(data)
        if sender is not None:
            return reader, sender
    return None


def carved(data: bytes, forced: str = "") -> tuple[type[Reader], str] | None:
    """The last resort: a token somewhere in it."""
    sender = None if forced else Carved.sender(data)
    return None if sender is None else (Carved, sender)
