# SPDX-License-Identifier: Apache-2.0
"""Which protocol begins with some bytes."""
from __future__ import annotations

from .http import Http
from .kdc import Kdc
from .ldap import Ldap
from .reader import Reader
from .tls import Rdp, Tls

# In the order in which they are asked: the strictest beginnings first.
READERS: tuple[type[Reader], ...] = (Http, Kdc, Tls, Rdp, Ldap)
NAMED = {reader.protocol: reader for reader in READERS}


def recognise(data: bytes, forced: str = "") -> tuple[type[Reader], str] | None:
    """The reader for what begins here and whose beginning it is (empty: of either side)."""
    for reader in [NAMED[forced]] if forced else READERS:
        sender = reader.sender(data)
        if sender is not None:
            return reader, sender
    return None
