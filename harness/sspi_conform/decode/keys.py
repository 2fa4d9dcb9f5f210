# SPDX-License-Identifier: Apache-2.0
"""The secrets that a person gives: a password, an NT hash, keytabs."""
from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..error import ConformError
from .kerberos_tree import Key

_RC4 = 23
_AES = (17, 18, 19, 20)


@dataclass(frozen=True)
class Secrets:
    """Keys of services and NT hashes of accounts."""

    keys: Sequence[Key] = ()
    hashes: Sequence[bytes] = ()


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options by which a person gives secrets."""
    parser.add_argument("--keytab", type=Path, action="append", default=[], metavar="FILE", help="keys of the service")
    parser.add_argument("--password", metavar="TEXT", help="of the NTLM account, or with --principal of a service; - asks for it")
    parser.add_argument("--principal", metavar="NAME@REALM", help="whose password it is: makes the AES keys of the account")
    parser.add_argument("--nthash", metavar="HEX", help="the NT hash instead; also the RC4 key of a service")


def given(options: argparse.Namespace) -> Secrets:
    """What they gave."""
    password = _asked("-" in (getattr(options, "file", ""), getattr(options, "token", ""))) if options.password == "-" else options.password
    hashes = hashes_of(password, options.nthash)
    return Secrets([*keys_of(options.keytab, hashes), *keys_of_password(password, options.principal)], hashes)


def _asked(input_is_taken: bool) -> str:
    """From the terminal; without one, the first line of standard input, unless that is the capture or token."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        line = "" if input_is_taken else sys.stdin.readline()
        if not line:
            raise ConformError("--password -: there is no terminal to ask on, and no password on standard input", "",
                               "Give it as the first line of standard input, and what to look at as a file.") from None
        return line.rstrip("\r\n")
    return getpass.getpass("Password: ")


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


def keys_of_password(password: str | None, principal: str | None) -> list[Key]:
    """The AES keys of a service's account, whose name makes the salt (RFC 4120 4, MS-KILE 3.1.1.2)."""
    if principal is None:
        return []
    if password is None:
        raise ConformError("--principal says whose password it is, and there is none", "", "Give --password too.")
    name, at, realm = principal.rpartition("@")
    if not at or not name or not realm:
        raise ConformError(f"--principal {principal}: no realm", "", "Write it as host/web.example.com@EXAMPLE.COM; it is the "
                           "name of the account: for a machine WEB$@EXAMPLE.COM.")
    from ..proof import krb5_crypto

    salt = realm + name.replace("/", "")
    if name.endswith("$") and "/" not in name:  # a machine's account on Windows
        salt = f"{realm}host{name[:-1].lower()}.{realm.lower()}"
    return [Key("" if name.endswith("$") else name, etype, krb5_crypto.key_of_password(etype, password, salt))
            for etype in _AES]


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
