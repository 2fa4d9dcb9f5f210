# SPDX-License-Identifier: Apache-2.0
"""The secrets that a person gives: a password, an NT hash, keytabs."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..model import ConformError
from .kerberos_tree import Key

_RC4 = 23


def hashes_of(password: str | None, digits: str | None) -> list[bytes]:
    """The NT hash of a password, or one given as hexadecimal digits."""
    if password is not None:
        from ..peer.ntlm_crypto import nt_hash

        return [nt_hash(password)]
    if digits is None:
        return []
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""
    if len(value) != 16:
        raise ConformError("--nthash is not 32 hexadecimal digits", "", "It is MD4 of the password in UTF-16.")
    return [value]


def keys_of(keytabs: Sequence[Path], hashes: Sequence[bytes]) -> list[Key]:
    """Those of keytabs and, as RC4 keys of whatever service, NT hashes."""
    return [key for keytab in keytabs for key in _keytab(keytab)] + [Key("", _RC4, value) for value in hashes]


def _keytab(keytab: Path) -> list[Key]:
    from ..proof.inputs import keytab_entries

    try:
        if keytab.read_bytes()[:2] != b"\x05\x02":
            raise ConformError(f"{keytab} is no keytab", "", "It begins with 05 02; ktutil or ktpass makes one.")
        return [Key(one.principal.rpartition("@")[0], one.etype, one.key, one.kvno) for one in keytab_entries(keytab)]
    except OSError as error:
        raise ConformError(f"cannot read {keytab}: {error.strerror}") from error
    except (ValueError, IndexError, LookupError) as error:
        raise ConformError(f"{keytab} is cut off or damaged: {error}") from error
