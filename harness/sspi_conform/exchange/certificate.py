# SPDX-License-Identifier: Apache-2.0
"""A certificate that a person gives, as what the server of a recording is bound to."""
from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from pathlib import Path

from realm import RealmError
from realm.tls import end_point

from ..model import ConformError
from .model import Channel, Recording

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_PREFIX = len(b"tls-server-end-point:")
_LARGEST = 1 << 20
_TRANSPORTS = ("HTTP", "HTTPS(RDG)", "LDAP", "curl")


def bound_to(recording: Recording, path: Path) -> Recording:
    """The recording, with every exchange that may be inside TLS bound to the certificate in a file: PEM (the first one)
    or DER."""
    channel = Channel(_hash(_der(path), path))
    return replace(recording, exchanges=tuple(replace(one, channel=channel) if one.channel or one.transport in _TRANSPORTS else one
                                              for one in recording.exchanges))


def _der(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST)
        found = _PEM.search(content)
        return base64.b64decode(found[1]) if found else content
    except OSError as error:
        raise ConformError(f"cannot read {path}: {error.strerror}") from error
    except binascii.Error as error:
        raise ConformError("the certificate is no base64", str(path), "Export it anew.") from error


def _hash(der: bytes, path: Path) -> bytes:
    """tls-server-end-point of RFC 5929 4.1."""
    try:
        return end_point(der)[_PREFIX:]
    except RealmError as error:
        raise ConformError(str(error), str(path)) from error
    except (IndexError, ValueError) as error:
        raise ConformError("neither a PEM nor a DER certificate", str(path),
                           "openssl s_client -connect HOST:443 </dev/null | openssl x509 -out server.pem fetches it.") from error
