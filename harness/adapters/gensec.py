#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Samba's gensec as a process that speaks the probe protocol: NTLM, Kerberos, and SPNEGO around them.

    SSPI                          gensec
    credentials                   samba.credentials; acceptors: the keytab, and the accounts of an smbpasswd file
    requirements                  features sign, seal, DCE style, datagrams; Kerberos' own as options of smb.conf
    legs, EncryptMessage          update, wrap: TOKEN is what is longer than the data
    MakeSignature                 sign_packet
    attributes                    have_feature, which knows of sign, seal, DCE style and datagrams only
    SESSION_KEY, NAMES            session_key, session_info

Statuses are chosen here from NT statuses. Samba is GPL: the suite starts this program and imports nothing of it.

    gensec.py SMB_CONF ACCOUNTS   e.g. harness/adapters/gensec.py /tmp/x/smb.conf /tmp/x/smbpasswd
"""
from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from sspi_conform.peer import model, statuses  # noqa: E402  (needs the line above)
from sspi_conform.peer.__main__ import serve  # noqa: E402
from sspi_conform.peer.endpoint import Endpoint  # noqa: E402
from sspi_conform.peer.model import Identity, Leg, Part, Sizes, SspiError  # noqa: E402
from sspi_conform.peer.packages import Credential  # noqa: E402
from sspi_conform.peer.protocol import Unsupported  # noqa: E402
from sspi_conform.peer.spnego import allowed_packages  # noqa: E402

try:
    import samba_databases
    from samba import NTSTATUSError, auth, credentials, gensec
    from samba.param import LoadParm
except ImportError as missing:
    sys.exit(f"gensec.py: {missing}\n  Samba's Python modules are in python3-samba: ci/install-packages peers")

MECHANISMS = {"ntlm": "ntlmssp", "kerberos": "gssapi_krb5", "negotiate": "spnego"}
NO_EXPIRY = 0x7FFFFFFFFFFFFFFF
SIGNATURE = 16
NO_ENCRYPT = 0x80000001  # SECQOP_WRAP_NO_ENCRYPT
# Requirements of SSPI that Kerberos in gensec takes from smb.conf; all are on unless it says no.
OPTIONS = {"mutual": model.MUTUAL_AUTH, "delegation": model.DELEGATE, "replay": model.REPLAY_DETECT,
           "sequence": model.SEQUENCE_DETECT}
_DENIED = (0xC0000064, 0xC000006A, 0xC000006D, 0xC000006E, 0xC000006F, 0xC0000070, 0xC0000071, 0xC0000072, 0xC0000193,
           0xC0000224, 0xC0000234, 0xC0000022)
_STATUSES = {**dict.fromkeys(_DENIED, statuses.SEC_E_LOGON_DENIED), 0xC000005E: statuses.SEC_E_NO_AUTHENTICATING_AUTHORITY,
             0xC00000BB: statuses.SEC_E_UNSUPPORTED_FUNCTION, 0xC0000133: statuses.SEC_E_TIME_SKEW,
             0xC0000225: statuses.SEC_E_TARGET_UNKNOWN}


class Samba:
    """What all contexts share: parameters, the keytab's name, accounts. Databases are made when first needed.

    conf: an smb.conf whose folder is this process's own; smbpasswd: accounts for acceptors of NTLM.
    """

    def __init__(self, conf: Path, smbpasswd: Path) -> None:
        self._folder, self._smbpasswd = conf.parent, smbpasswd
        os.environ["KRB5_CONFIG"] = str(_for_heimdal(conf.parent / "krb5.conf"))
        self.parameters = LoadParm(str(conf))
        self._accounts: Any = None
        self._keys = False

    def keys(self) -> Any:
        """Credentials of an acceptor: whatever the keytab has."""
        if not self._keys:
            samba_databases.write_secrets(self._folder / "private", self.parameters.get("workgroup"),
                                          self.parameters.get("realm"), os.environ.get("KRB5_KTNAME", ""))
            self._keys = True
        found = credentials.Credentials()
        found.guess(self.parameters)
        found.set_machine_account(self.parameters)
        return found

    def authority(self) -> Any:
        """Who checks what NTLM answers."""
        if self._accounts is None:
            try:
                self._accounts = samba_databases.accounts(self._folder / "sam.ldb", self._smbpasswd, self.parameters)
            except Exception as problem:  # of Samba's own kinds: a module of its databases is not there
                raise Unsupported(f"Samba cannot have accounts here ({problem}); its modules are in samba-dsdb-modules: "
                                  "ci/install-packages peers") from problem
        return auth.AuthContext(lp_ctx=self.parameters, ldb=self._accounts, methods=["anonymous", "sam_ignoredomain"])


def _for_heimdal(path: Path) -> Path:
    """Samba's Kerberos is Heimdal, which goes to a KDC by UDP first unless it is told not to."""
    text = Path(os.environ["KRB5_CONFIG"]).read_text(encoding="utf-8")
    path.write_text(re.sub(r"\bkdc = (?=[\d\[])", "kdc = tcp/", text), encoding="utf-8")
    return path


class Packages:
    """Acquires credentials; nobody is asked before the first leg."""

    def __init__(self, samba: Samba) -> None:
        self._samba = samba

    def acquire(self, package: str, use: int, principal: str | None, identity: Identity | None) -> Credential:
        name = package.lower()
        if name not in MECHANISMS:
            raise SspiError(statuses.SEC_E_SECPKG_NOT_FOUND)
        if not use & (model.INBOUND | model.OUTBOUND):
            raise SspiError(statuses.SEC_E_UNKNOWN_CREDENTIALS)

        def maker(accepts: bool) -> Callable[[], Context]:
            return lambda: Context(self._samba, name, identity, accepts)

        return Credential(NO_EXPIRY, maker(False) if use & model.OUTBOUND else None, maker(True) if use & model.INBOUND else None)


class Context:
    """One side of one exchange (sspi_conform.peer.model.Context)."""

    expiry = NO_EXPIRY

    def __init__(self, samba: Samba, package: str, identity: Identity | None, accepts: bool) -> None:
        self.attributes = 0
        self._samba, self._identity, self._accepts = samba, identity, accepts
        self._mechanism = MECHANISMS[package]
        self._gensec: Any = None
        self._kept: list[Any] = []  # gensec remembers where its names are, not the names
        self._done = False
        self.package = {"ntlm": "NTLM", "kerberos": "Kerberos", "negotiate": "Negotiate"}[package]

    # Legs

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        if self._done:
            raise SspiError(statuses.SEC_E_OUT_OF_SEQUENCE)
        if leg.bindings is not None:
            raise Unsupported("Samba's Python module takes no channel bindings")
        if self._gensec is None:
            self._start(leg)
        elif not leg.token:
            raise SspiError(statuses.SEC_E_INVALID_TOKEN)
        if leg.token and b"NTLMSSP\0" in leg.token[:200]:
            self.package = "NTLM"
        elif self.package == "Negotiate" and leg.token:
            self.package = "Kerberos"
        self._done, token = _asked(self._gensec.update, leg.token or b"")
        self.attributes = self._said(leg.flags) | leg.flags & (model.ALLOCATE_MEMORY | model.CONNECTION)
        if self._done:
            return statuses.SEC_E_OK, token or None
        return statuses.SEC_I_CONTINUE_NEEDED, token

    def _start(self, leg: Leg) -> None:
        parameters = self._samba.parameters
        for name, flag in OPTIONS.items():
            parameters.set(f"gensec_gssapi:{name}", "yes" if leg.flags & flag else "no")
        kerberos, ntlm = self._allowed()
        parameters.set("gensec:gssapi_krb5", "yes" if kerberos else "no")
        parameters.set("gensec:ntlmssp", "yes" if ntlm else "no")
        service, _, host = (leg.target or "").partition("/")
        settings = {"lp_ctx": parameters, "target_hostname": host or "localhost"}
        if self._accepts:
            authority = self._samba.authority() if self._mechanism != "gssapi_krb5" else None
            made = gensec.Security.start_server(settings, authority)
            who = self._samba.keys()
        else:
            made = gensec.Security.start_client(settings)
            made.set_target_hostname(host or "localhost")
            made.set_target_service(service)
            who = self._credentials(bool(leg.flags & model.ISC_NULL_SESSION))
        self._kept += [settings, service, host, who]
        made.set_credentials(who)
        integrity = model.ASC_INTEGRITY if self._accepts else model.ISC_INTEGRITY
        for flag, feature in ((integrity, gensec.FEATURE_SIGN), (model.CONFIDENTIALITY, gensec.FEATURE_SEAL),
                              (model.USE_DCE_STYLE, gensec.FEATURE_DCE_STYLE), (model.DATAGRAM, gensec.FEATURE_DATAGRAM_MODE)):
            if leg.flags & flag:
                made.want_feature(feature)
        _asked(made.start_mech_by_name, self._mechanism)
        self._gensec = made

    def _allowed(self) -> tuple[bool, bool]:
        """Whether it may be Kerberos, and whether NTLM: by the package, and within Negotiate by the PackageList."""
        kerberos, ntlm, _ = allowed_packages(self._identity.package_list if self._identity else None)
        return kerberos and self._mechanism != "ntlmssp", ntlm and self._mechanism != "gssapi_krb5"

    def _credentials(self, nobody: bool) -> Any:
        """Of an initiator: an identity, or the tickets that lie around. nobody: a null session was asked for."""
        identity = self._identity
        found = credentials.Credentials()
        found.guess(self._samba.parameters)
        kerberos, ntlm = self._allowed()
        found.set_kerberos_state(credentials.AUTO_USE_KERBEROS if kerberos and ntlm else
                                 credentials.MUST_USE_KERBEROS if kerberos else credentials.DONT_USE_KERBEROS)
        if nobody or identity is not None and identity.user == "" and not identity.password:
            found.set_anonymous()
        elif identity is not None and identity.user is not None:
            found.set_username(identity.user)
            found.set_password(identity.password or "")
            found.set_domain(identity.domain or "")
            if identity.domain:
                found.set_realm(identity.domain)
        elif kerberos and Path(os.environ.get("KRB5CCNAME", "").removeprefix("FILE:")).is_file():
            found.set_named_ccache(os.environ["KRB5CCNAME"], credentials.SPECIFIED, self._samba.parameters)
        else:
            raise SspiError(statuses.SEC_E_NO_CREDENTIALS)
        return found

    def _said(self, asked: int) -> int:
        """What gensec says the context can do; of DCE style NTLM always says that it can, asked or not."""
        integrity = model.ASC_INTEGRITY if self._accepts else model.ISC_INTEGRITY
        flags = ((integrity, gensec.FEATURE_SIGN), (model.CONFIDENTIALITY, gensec.FEATURE_SEAL),
                 (model.USE_DCE_STYLE, gensec.FEATURE_DCE_STYLE), (model.DATAGRAM, gensec.FEATURE_DATAGRAM_MODE))
        return sum(flag for flag, feature in flags if self._gensec.have_feature(feature)
                   and (flag != model.USE_DCE_STYLE or asked & flag))

    # The established context

    def sizes(self) -> Sizes:
        """Room enough: gensec tells no sizes before there is a message."""
        return Sizes(48000, 64, 1, SIGNATURE if self.package == "NTLM" else 76)

    def user_name(self) -> str:
        info = _asked(self._ready().session_info).info
        return f"{info.domain_name}\\{info.account_name}"

    def session_key(self) -> bytes:
        return bytes(_asked(self._ready().session_key))

    def sign(self, data: bytes) -> bytes:
        return bytes(_asked(self._ready().sign_packet, data, data))

    def verify(self, data: bytes, token: bytes) -> None:
        _asked(self._ready().check_packet, data, data, token, otherwise=statuses.SEC_E_MESSAGE_ALTERED)

    def encrypt(self, parts: Sequence[Part], qop: int = 0) -> tuple[list[bytes], bytes]:
        seals = bool(self.attributes & model.CONFIDENTIALITY)  # wrap seals when it can, and never when it cannot
        if seals == (qop == NO_ENCRYPT) or qop not in (0, NO_ENCRYPT):
            raise SspiError(statuses.SEC_E_UNSUPPORTED_FUNCTION)
        data = _sealed(parts)
        wrapped = bytes(_asked(self._ready().wrap, data))
        token, rest = wrapped[:len(wrapped) - len(data)], wrapped[len(wrapped) - len(data):]
        return _as_parts(rest, parts), token

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]:
        return _as_parts(self.decrypt_stream(token + _sealed(parts)), parts)

    def decrypt_stream(self, data: bytes) -> bytes:
        return bytes(_asked(self._ready().unwrap, data, otherwise=statuses.SEC_E_MESSAGE_ALTERED))

    def _ready(self) -> Any:
        if not self._done:
            raise SspiError(statuses.SEC_E_INVALID_HANDLE)
        return self._gensec


def _sealed(parts: Sequence[Part]) -> bytes:
    if not all(part.sealed for part in parts):
        raise Unsupported("Samba's Python module has wrap, which seals all of a message, and not seal_packet")
    return b"".join(part.data for part in parts)


def _as_parts(data: bytes, parts: Sequence[Part]) -> list[bytes]:
    """The data in pieces as long as the parts were. gensec opens a message that is out of order to nothing."""
    if len(data) != sum(len(part.data) for part in parts):
        raise SspiError(statuses.SEC_E_MESSAGE_ALTERED)
    found = []
    for part in parts:
        found.append(data[:len(part.data)])
        data = data[len(part.data):]
    return found


def _asked(function: Callable[..., Any], *arguments: Any, otherwise: int = statuses.SEC_E_INVALID_TOKEN) -> Any:
    """A call of gensec. `otherwise`: the status of a refusal that has no better word."""
    try:
        return function(*arguments)
    except NTSTATUSError as refusal:
        status = _STATUSES.get(refusal.args[0] & 0xFFFFFFFF, otherwise)
        if otherwise == statuses.SEC_E_MESSAGE_ALTERED and status == statuses.SEC_E_LOGON_DENIED:
            status = otherwise  # access is denied to a message, not to a user
        raise SspiError(status) from refusal


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0].startswith("-"):
        print((__doc__ or "").strip(), file=sys.stdout if arguments in (["--help"], ["-h"]) else sys.stderr)
        return 0 if arguments in (["--help"], ["-h"]) else 3
    return serve(lambda: Endpoint(Packages(Samba(Path(arguments[0]), Path(arguments[1]))), "Samba's gensec"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
