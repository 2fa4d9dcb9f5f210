# SPDX-License-Identifier: Apache-2.0
"""The Kerberos package: MIT GSSAPI behind SSPI's calls (RFC 4121; MS-KILE 3.4.5 where Windows differs).

Buffers map to gss_wrap_iov HEADER and DATA, which is how Windows lays out TOKEN and DATA: header, confounder and
checksum together in the TOKEN. gss_unwrap_iov with a STREAM buffer is not used: with the Python binding it corrupts
the heap; gss_unwrap does the same job.
"""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gssapi.raw as gss

from . import bindings, model, skewed
from .model import Identity, Leg, Part, Sizes, SspiError
from .ntlm import NO_EXPIRY
from .statuses import (SEC_E_BAD_BINDINGS, SEC_E_CONTEXT_EXPIRED, SEC_E_INTERNAL_ERROR, SEC_E_INVALID_HANDLE,
                       SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED, SEC_E_MESSAGE_ALTERED,
                       SEC_E_NO_AUTHENTICATING_AUTHORITY, SEC_E_NO_CREDENTIALS, SEC_E_OK, SEC_E_OUT_OF_SEQUENCE,
                       SEC_E_TARGET_UNKNOWN, SEC_E_TIME_SKEW, SEC_E_UNSUPPORTED_FUNCTION, SEC_E_WRONG_PRINCIPAL,
                       SEC_I_CONTINUE_NEEDED)

GSS_INTEGRITY, GSS_TRANSFERABLE, GSS_CHANNEL_BOUND = 0x20, 0x100, 0x800
GSS_DCE_STYLE, GSS_IDENTIFY, GSS_EXTENDED_ERROR = 0x1000, 0x2000, 0x4000
LOW_FLAGS = 0x1F  # DELEGATE to CONFIDENTIALITY have the same values in SSPI and GSS
WRAP_NO_ENCRYPT = 0x80000001
MAX_TOKEN = 48000
# MIT error numbers (krb5.h) and what a Windows caller would see.
_MINOR_STATUSES = {
    -1765328378: SEC_E_LOGON_DENIED,  # KDC_ERR_C_PRINCIPAL_UNKNOWN
    -1765328377: SEC_E_TARGET_UNKNOWN,  # KDC_ERR_S_PRINCIPAL_UNKNOWN
    -1765328366: SEC_E_LOGON_DENIED,  # KDC_ERR_CLIENT_REVOKED
    -1765328383: SEC_E_LOGON_DENIED,  # KDC_ERR_NAME_EXP
    -1765328361: SEC_E_LOGON_DENIED,  # KDC_ERR_KEY_EXP
    -1765328360: SEC_E_LOGON_DENIED,  # KDC_ERR_PREAUTH_FAILED
    -1765328353: SEC_E_LOGON_DENIED,  # KRB_AP_ERR_BAD_INTEGRITY: a wrong password too
    -1765328352: SEC_E_CONTEXT_EXPIRED,  # KRB_AP_ERR_TKT_EXPIRED
    -1765328349: SEC_E_WRONG_PRINCIPAL,  # KRB_AP_ERR_NOT_US
    -1765328347: SEC_E_TIME_SKEW,  # KRB_AP_ERR_SKEW
    -1765328343: SEC_E_MESSAGE_ALTERED,  # KRB_AP_ERR_MODIFIED
    -1765328341: SEC_E_WRONG_PRINCIPAL,  # KRB_AP_ERR_BADKEYVER
    -1765328228: SEC_E_NO_AUTHENTICATING_AUTHORITY,  # KRB5_KDC_UNREACH
    -1765328230: SEC_E_NO_AUTHENTICATING_AUTHORITY,  # KRB5_REALM_UNKNOWN
    -1765328164: SEC_E_NO_AUTHENTICATING_AUTHORITY,  # KRB5_REALM_CANT_RESOLVE
    -1765328243: SEC_E_NO_CREDENTIALS,  # KRB5_CC_NOTFOUND
    -1765328189: SEC_E_NO_CREDENTIALS,  # KRB5_FCC_NOFILE
    -1765328203: SEC_E_WRONG_PRINCIPAL,  # KRB5_KT_NOTFOUND
    -1765328155: SEC_E_WRONG_PRINCIPAL,  # KRB5_KT_KVNONOTFOUND
}


class Library:
    """Object identifiers of MIT's library, made once per process."""

    def __init__(self) -> None:
        oid = gss.OID.from_int_seq
        self.mechanism = oid("1.2.840.113554.1.2.2")
        self.principal_name = oid("1.2.840.113554.1.2.2.1")
        self.session_key = oid("1.2.840.113554.1.2.2.5.5")
        self.no_ci_flags = oid("1.2.752.43.13.29")  # confidentiality and integrity only when asked for
        self._configuration = os.environ.get("KRB5_CONFIG", "/etc/krb5.conf")
        self._aware = _in_memory(b"client_aware_channel_bindings = true\n")
        self._rc4_only = _in_memory(b"permitted_enctypes = arcfour-hmac\n")

    def configure(self, misbehave: Mapping[str, str]) -> None:
        """What initiators say of themselves in the authenticator: that they know of channel bindings (AD-AP-OPTIONS
        0x4000, MS-KILE 3.2.5.8), and which encryption types the acceptor may choose from (RFC 4537); and from which
        an acceptor chooses.

        MIT takes both from its configuration, which it reads anew for every call; hence files of one line, kept in
        memory, in front of the others.
        """
        extra = [] if misbehave.get("channel-bindings-awareness") == "omit" else [self._aware]
        extra += [self._rc4_only] if misbehave.get("enctypes") == "rc4" else []
        os.environ["KRB5_CONFIG"] = ":".join([*extra, self._configuration])

    def name(self, text: str) -> Any:
        return gss.import_name(text.encode("utf-8", "replace"), self.principal_name)


class Credentials:
    """One SSPI credential. What costs a round trip to the KDC waits for the first leg, as on Windows."""

    def __init__(self, library: Library, identity: Identity | None, principal: str | None, netbios: str) -> None:
        self.library = library
        self._identity = identity
        self._principal = principal
        self._netbios = netbios
        self._made: dict[str, Any] = {}

    def initiate(self) -> Any:
        return self._once("initiate", self._initiate)

    def accept(self) -> Any:
        return self._once("accept", self._accept)

    def _once(self, usage: str, make: Callable[[], Any]) -> Any:
        if usage not in self._made:
            try:
                self._made[usage] = make()
            except gss.GSSError as error:
                raise SspiError(_status(error, SEC_E_NO_CREDENTIALS)) from None
        return self._made[usage]

    def _initiate(self) -> Any:
        mechs = [self.library.mechanism]
        identity = self._identity
        if identity is None or identity.user is None:
            made = gss.acquire_cred(None, mechs=mechs, usage="initiate").creds
        elif not identity.user or identity.password is None:
            raise SspiError(SEC_E_NO_CREDENTIALS)
        else:
            name = self.library.name(self._principal_of(identity))
            made = gss.acquire_cred_with_password(name, identity.password.encode("utf-8", "replace"), mechs=mechs,
                                                  usage="initiate").creds
        gss.set_cred_option(self.library.no_ci_flags, made, None)
        return made

    def _accept(self) -> Any:
        name = self.library.name(self._principal) if self._principal else None
        return gss.acquire_cred(name, mechs=[self.library.mechanism], usage="accept").creds

    def _principal_of(self, identity: Identity) -> str:
        """user@REALM; a NetBIOS domain stands for the default realm."""
        user, domain = identity.user or "", identity.domain or ""
        if not domain and "@" in user:
            user, _, domain = user.rpartition("@")
        user = user.replace("\\", "\\\\").replace("@", "\\@")
        return f"{user}@{domain.upper()}" if "." in domain and domain.upper() != self._netbios.upper() else user


class _KerberosContext:
    package = "Kerberos"
    wants_mech_list_mic = False
    can_sign = True
    integrity, identify, extended_error = model.ISC_INTEGRITY, model.ISC_IDENTIFY, model.ISC_EXTENDED_ERROR

    def __init__(self, credentials: Credentials) -> None:
        self.attributes = 0
        self.expiry = NO_EXPIRY
        self._credentials = credentials
        self._context: Any = None
        self._complete = False
        self._dce = False

    def reset_after_mech_list_mic(self) -> None:
        """Kerberos tokens have no stream state; the sequence number has moved on by itself."""

    def sizes(self) -> Sizes:
        """Windows reports the size that DCE style needs, whatever is written later (mp.sizes.kerberos.76)."""
        room = 1 << 16
        overhead = room - gss.wrap_size_limit(self._established(), room, True)  # 16 header, 16 its copy, 16 confounder
        return Sizes(MAX_TOKEN, overhead - 32, 1, overhead + 16)

    def user_name(self) -> str:
        found = gss.inquire_context(self._established()).initiator_name
        return gss.display_name(found, name_type=False).name.decode("utf-8", "replace")

    def session_key(self) -> bytes:
        return gss.inquire_sec_context_by_oid(self._established(), self._credentials.library.session_key)[0]

    def sign(self, data: bytes) -> bytes:
        return self._protect(lambda context: gss.get_mic(context, data))

    def verify(self, data: bytes, token: bytes) -> None:
        self._protect(lambda context: gss.verify_mic(context, data, token))

    def encrypt(self, parts: Sequence[Part], qop: int = 0) -> tuple[list[bytes], bytes]:
        sealed = qop != WRAP_NO_ENCRYPT
        if sealed and not self.attributes & model.CONFIDENTIALITY:
            raise SspiError(SEC_E_UNSUPPORTED_FUNCTION)
        iov = gss.IOV(gss.IOVBufferType.header, *map(_part, parts), std_layout=False)
        self._protect(lambda context: gss.wrap_iov(context, iov, sealed))
        return [iov[index].value or b"" for index in range(1, len(parts) + 1)], iov[0].value

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]:
        if not token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        iov = gss.IOV((gss.IOVBufferType.header, False, token), *map(_part, parts), std_layout=False)
        self._protect(lambda context: gss.unwrap_iov(context, iov))
        return [iov[index].value or b"" for index in range(1, len(parts) + 1)]

    def decrypt_stream(self, data: bytes) -> bytes:
        if not self._dce:
            return self._protect(lambda context: gss.unwrap(context, data)).message
        # RFC 4121 4.2.4: header, then the rotated confounder, header copy, checksum and EC bytes stand in front.
        if len(data) < 16:
            raise SspiError(SEC_E_INVALID_TOKEN)
        extra, rotated = int.from_bytes(data[4:6], "big"), int.from_bytes(data[6:8], "big")
        size = 16 + extra + rotated + 16 if data[2] & 2 else 16 + extra
        return self.decrypt([Part(data[size:])], data[:size])[0]

    def _established(self) -> Any:
        if not self._complete:
            raise SspiError(SEC_E_INVALID_HANDLE)
        return self._context

    def _protect(self, function: Callable[[Any], Any]) -> Any:
        context = self._established()
        try:
            return function(context)
        except gss.GSSError as error:
            raise SspiError(_status(error, SEC_E_INVALID_TOKEN)) from None

    def _note(self, flags: int, requested: int) -> None:
        """The attributes that stand for GSS flags; those of the call itself are handed back."""
        self._dce = bool(flags & GSS_DCE_STYLE)
        found = flags & LOW_FLAGS | requested & (model.CONNECTION | model.ALLOCATE_MEMORY)
        for bit, attribute in ((GSS_INTEGRITY, self.integrity), (GSS_DCE_STYLE, model.USE_DCE_STYLE),
                               (GSS_IDENTIFY, self.identify), (GSS_EXTENDED_ERROR, self.extended_error)):
            if flags & bit:
                found |= attribute
        self.attributes = found


class Initiator(_KerberosContext):
    """ISC."""

    _request = b""

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        if self._complete:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        if not leg.target:
            raise SspiError(SEC_E_TARGET_UNKNOWN)
        if self._context is not None and not leg.token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        flags = leg.flags & LOW_FLAGS | GSS_TRANSFERABLE  # the binding takes 0 for its own default
        for attribute, bit in ((model.ISC_INTEGRITY, GSS_INTEGRITY), (model.USE_DCE_STYLE, GSS_DCE_STYLE),
                               (model.ISC_IDENTIFY, GSS_IDENTIFY), (model.ISC_EXTENDED_ERROR, GSS_EXTENDED_ERROR)):
            if leg.flags & attribute:
                flags |= bit
        credentials = self._credentials
        credentials.library.configure(leg.misbehave)
        try:
            found = gss.init_sec_context(credentials.library.name(leg.target), credentials.initiate(),
                                         context=self._context, mech=credentials.library.mechanism, flags=flags,
                                         channel_bindings=_bindings(leg), input_token=leg.token or None)
        except gss.GSSError as error:
            raise SspiError(_status(error, SEC_E_INTERNAL_ERROR)) from None
        self._context = found.context
        self._complete = not found.more_steps
        self._note(int(found.flags), leg.flags)
        token = found.token or None
        if token and not leg.token:
            self._request = token
        edit = leg.misbehave.get("third-leg" if leg.token else "ap-req")
        if token and edit:
            from . import kerberos_craft  # which takes a realm along, and few need it
            token = kerberos_craft.altered(token, edit) if not leg.token else (
                kerberos_craft.altered_reply(token, self._request, edit))
        return SEC_I_CONTINUE_NEEDED if found.more_steps else SEC_E_OK, token


class Acceptor(_KerberosContext):
    """ASC."""

    integrity, identify, extended_error = model.ASC_INTEGRITY, model.ASC_IDENTIFY, model.ASC_EXTENDED_ERROR
    _answered = False

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        if self._complete:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        if not leg.token:
            raise SspiError(SEC_E_INVALID_TOKEN)
        if leg.misbehave.get("answer") == "skew" and not self._answered:
            self._answered = True
            return SEC_I_CONTINUE_NEEDED, skewed.krb_error(time.time() + skewed.AHEAD)
        if leg.misbehave.get("krb-error") and not self._answered:
            self._answered = True
            return SEC_I_CONTINUE_NEEDED, skewed.krb_error(time.time(), leg.misbehave["krb-error"])
        expected = _bindings(leg)
        self._credentials.library.configure(leg.misbehave)
        try:
            found = gss.accept_sec_context(leg.token, self._credentials.accept(), context=self._context,
                                           channel_bindings=expected)
        except gss.GSSError as error:
            # MIT makes a KRB-ERROR for a request that it could read
            raise SspiError(_status(error, SEC_E_INVALID_TOKEN), getattr(error, "token", None) or None) from None
        self._context = found.context
        flags = int(found.flags)
        if (expected is not None and not found.more_steps and not flags & GSS_CHANNEL_BOUND
                and not leg.flags & model.ASC_ALLOW_MISSING_BINDINGS):
            # MIT lets a client pass that does not know of bindings; Windows only when it was told to.
            raise SspiError(SEC_E_BAD_BINDINGS)
        self._complete = not found.more_steps
        self._note(flags, leg.flags)
        token = found.token or None
        if token and "ap-rep" in leg.misbehave:
            from . import kerberos_craft
            token = kerberos_craft.altered_reply(token, leg.token, leg.misbehave["ap-rep"])
        return SEC_I_CONTINUE_NEEDED if found.more_steps else SEC_E_OK, token


def _bindings(leg: Leg) -> Any:
    found = bindings.parse_if_any(leg.bindings)
    if found is None:
        return None
    return gss.ChannelBindings(
        initiator_address_type=gss.AddressType(found.initiator_type) if found.initiator_type else None,
        initiator_address=found.initiator or None,
        acceptor_address_type=gss.AddressType(found.acceptor_type) if found.acceptor_type else None,
        acceptor_address=found.acceptor or None, application_data=found.application_data)


def _in_memory(line: bytes) -> str:
    """The path of a configuration file of one line."""
    made = os.memfd_create("krb5.conf")
    os.write(made, b"[libdefaults]\n" + line)
    return f"/proc/self/fd/{made}"


def _part(part: Part) -> Any:
    if part.padding:
        return gss.IOVBufferType.padding
    kind = gss.IOVBufferType.data if part.sealed else gss.IOVBufferType.sign_only
    return kind, False, part.data


def _status(error: Any, otherwise: int) -> int:
    """What a Windows caller would be told."""
    by_class = (
        (gss.BadChannelBindingsError, SEC_E_BAD_BINDINGS), (gss.BadMICError, SEC_E_MESSAGE_ALTERED),
        (gss.DuplicateTokenError, SEC_E_OUT_OF_SEQUENCE), (gss.TokenOutOfSequenceError, SEC_E_OUT_OF_SEQUENCE),
        (gss.TokenTooLateError, SEC_E_OUT_OF_SEQUENCE), (gss.TokenTooEarlyError, SEC_E_OUT_OF_SEQUENCE),
        (gss.ExpiredContextError, SEC_E_CONTEXT_EXPIRED), (gss.MissingContextError, SEC_E_INVALID_HANDLE),
    )
    for kind, status in by_class:
        if isinstance(error, kind):
            return status
    minor = error.min_code
    if minor >= 1 << 31:
        minor -= 1 << 32
    if minor in _MINOR_STATUSES:
        return _MINOR_STATUSES[minor]
    return SEC_E_NO_CREDENTIALS if isinstance(error, gss.MissingCredentialsError) else otherwise
