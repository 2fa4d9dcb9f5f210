# SPDX-License-Identifier: Apache-2.0
"""The NTLM package: an initiator and an acceptor that behave as recorded Windows ones (MS-NLMP 3.1, 3.2)."""
from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..tokens import TokenError
from ..tokens import ntlm as wire
from . import model
from .accounts import Accounts
from .bindings import parse_if_any
from .model import Identity, Leg, Part, Sizes, SspiError
from .ntlm_crypto import (ZERO_KEY, Session, blob_v2, lm_response_v2, message_integrity_code, nt_hash, ntowf_v2,
                          proof_v2, hmac_md5, rc4)
from .statuses import (SEC_E_BAD_BINDINGS, SEC_E_INVALID_HANDLE, SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED,
                       SEC_E_MESSAGE_ALTERED, SEC_E_NO_CREDENTIALS, SEC_E_OK, SEC_E_OUT_OF_SEQUENCE,
                       SEC_I_CONTINUE_NEEDED)

# Recorded NEGOTIATE flags of Windows clients: without signing, and what signing and sealing add.
NEGOTIATE_FLAGS = 0xA2088207
SIGNING_FLAGS = wire.KEY_EXCH | wire.LM_KEY | wire.SIGN
SEALING_FLAGS = wire.KEY_EXCH | wire.LM_KEY | wire.SEAL
# What an acceptor agrees to, of what is asked. 0xE20882B7 becomes 0xE2898235 as recorded.
ACCEPTED_FLAGS = (wire.UNICODE | wire.OEM | wire.REQUEST_TARGET | wire.SIGN | wire.SEAL | wire.LM_KEY | wire.NTLM
                  | wire.ALWAYS_SIGN | wire.EXTENDED_SESSIONSECURITY | wire.IDENTIFY | wire.VERSION | wire.KEY_128
                  | wire.KEY_EXCH | wire.KEY_56)
WINDOWS_VERSION = wire.Version(10, 0, 20348)
MAX_TOKEN, SIGNATURE_SIZE = 2888, 16
NO_EXPIRY = 0x7FFFFFFFFFFFFFFF
_EPOCH = 116_444_736_000_000_000  # 1970 as FILETIME
_NO_BINDINGS = bytes(16)


def filetime_now() -> int:
    return time.time_ns() // 100 + _EPOCH


@dataclass(frozen=True, slots=True)
class World:
    """Chance, time and the machine's identity, so that a test can make them those of a recording."""

    random: Callable[[int], bytes] = os.urandom
    now: Callable[[], int] = filetime_now
    workstation: str = "SSPIPEER"
    version: wire.Version = WINDOWS_VERSION
    single_host: bytes = field(default_factory=lambda: make_single_host(os.urandom(32)))


def make_single_host(machine: bytes) -> bytes:
    """Single_Host_Data (MS-NLMP 2.2.2.2): size, zero, custom data (here: medium integrity), machine identifier."""
    return b"\x30\0\0\0\0\0\0\0" + b"\1\0\0\0\0\x20\0\0" + machine


class _NtlmContext:
    """What both sides have in common."""

    package = "NTLM"
    expiry = NO_EXPIRY
    can_sign = True

    def __init__(self) -> None:
        self.attributes = 0
        self.requested = 0
        self.misbehave: dict[str, Any] = {}
        self.flags = 0
        self.user = ""
        self._session: Session | None = None
        self._negotiate = b""
        self._challenge = b""
        self.mic_used = False

    @property
    def wants_mech_list_mic(self) -> bool:
        """Windows refuses SPNEGO without mechListMIC when the AUTHENTICATE has a MIC (MS-SPNG, note on 3.3.5.1)."""
        return self.mic_used

    def sizes(self) -> Sizes:
        return Sizes(MAX_TOKEN, SIGNATURE_SIZE, 0, SIGNATURE_SIZE)

    def user_name(self) -> str:
        self._established()
        return self.user

    def session_key(self) -> bytes:
        return self._established().key

    def sign(self, data: bytes) -> bytes:
        return self._established().sign(data)

    def verify(self, data: bytes, token: bytes) -> None:
        self._established().verify(data, token)

    def encrypt(self, parts: Sequence[Part], qop: int = 0) -> tuple[list[bytes], bytes]:
        return self._established().encrypt(parts)

    def decrypt(self, parts: Sequence[Part], token: bytes) -> list[bytes]:
        return self._established().decrypt(parts, token)

    def decrypt_stream(self, data: bytes) -> bytes:
        return self._established().decrypt_stream(data)

    def reset_after_mech_list_mic(self) -> None:
        self._established().reset_ciphers()

    def _established(self) -> Session:
        if self._session is None:
            raise SspiError(SEC_E_INVALID_HANDLE)
        return self._session

    def _note(self, leg: Leg) -> None:
        self.requested = leg.flags
        self.misbehave.update(leg.misbehave)

    def _granted(self, integrity: int) -> int:
        """The attributes that the negotiated flags stand for; `integrity` is the bit of this side."""
        granted = self.requested & (model.CONNECTION | model.ALLOCATE_MEMORY | model.MUTUAL_AUTH)
        if self.flags & wire.SIGN:
            granted |= integrity | self.requested & (model.REPLAY_DETECT | model.SEQUENCE_DETECT)
        if self.flags & wire.SEAL:
            granted |= model.CONFIDENTIALITY
        return granted


class Initiator(_NtlmContext):
    """ISC: NEGOTIATE, then AUTHENTICATE."""

    def __init__(self, identity: Identity | None, world: World) -> None:
        super().__init__()
        self._identity = identity
        self._world = world

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        self._note(leg)
        if not self._negotiate:
            return self._first()
        if self._session is not None:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        try:
            challenge = wire.parse(leg.token or b"")
            if not isinstance(challenge, wire.Challenge):
                raise SspiError(SEC_E_INVALID_TOKEN)
            return SEC_E_OK, self._authenticate(challenge, leg)
        except TokenError:
            raise SspiError(SEC_E_INVALID_TOKEN) from None

    def _first(self) -> tuple[int, bytes]:
        flags = NEGOTIATE_FLAGS
        if self.requested & (model.ISC_INTEGRITY | model.REPLAY_DETECT | model.SEQUENCE_DETECT):
            flags |= SIGNING_FLAGS
        if self.requested & model.CONFIDENTIALITY:
            flags |= SEALING_FLAGS
        if self.requested & model.ISC_IDENTIFY:
            flags |= wire.IDENTIFY
        self.flags = flags
        self._negotiate = wire.Negotiate(flags, version=self._world.version).pack()
        self.attributes = self._granted(model.ISC_INTEGRITY)
        return SEC_I_CONTINUE_NEEDED, self._negotiate

    def _authenticate(self, challenge: wire.Challenge, leg: Leg) -> bytes:
        """MS-NLMP 3.1.5.1.2."""
        self._challenge = leg.token or b""
        self.flags = self.flags & challenge.flags | challenge.flags & wire.TARGET_INFO
        if self.flags & wire.UNICODE:
            self.flags &= ~wire.OEM
        if self.flags & wire.EXTENDED_SESSIONSECURITY:
            self.flags &= ~wire.LM_KEY
        identity = self._identity or Identity()
        anonymous = bool(self.requested & model.ISC_NULL_SESSION) or identity.user == "" and not identity.password
        pairs = challenge.av_pairs if challenge.target_info else ()
        has_time = any(number == wire.AV_TIMESTAMP for number, _ in pairs)
        self.mic_used = has_time and self.misbehave.get("mic") != "omit"
        if anonymous:
            self.flags |= wire.ANONYMOUS
            message, base_key = wire.Authenticate(self.flags, lm_response=b"\0"), ZERO_KEY
        elif identity.user is None or identity.password is None:
            raise SspiError(SEC_E_NO_CREDENTIALS)
        else:
            message, base_key = self._respond(identity, challenge, pairs, has_time, leg)
        key, encrypted = base_key, b""
        if self.flags & wire.KEY_EXCH and self.flags & (wire.SIGN | wire.SEAL):
            key = self._world.random(16)
            encrypted = rc4(base_key, key if self.misbehave.get("encrypted-session-key") != "wrong" else _flip(key))
        message = replace(message, session_key=encrypted, workstation=self._text(self._world.workstation),
                          version=self._world.version if self.flags & wire.VERSION else None,
                          mic=ZERO_KEY if self.mic_used else None)
        token = self._with_mic(message.pack(), key, message)
        self._session = Session(key, self.flags, initiator=True)
        self.user = "" if anonymous else _account_name(identity.domain, identity.user or "")
        self.attributes = self._granted(model.ISC_INTEGRITY)
        if anonymous:
            self.attributes |= model.ISC_NULL_SESSION
        return token

    def _respond(self, identity: Identity, challenge: wire.Challenge, pairs: wire.AvPairs, has_time: bool,
                 leg: Leg) -> tuple[wire.Authenticate, bytes]:
        user, domain = identity.user or "", identity.domain or ""
        key = ntowf_v2(nt_hash(identity.password or ""), user, domain)
        client_challenge = self._world.random(8)
        when = next((int.from_bytes(value, "little") for number, value in pairs if number == wire.AV_TIMESTAMP),
                    None) if has_time else None
        blob = blob_v2(self._world.now() if when is None else when, client_challenge,
                       wire.write_av_pairs(self._client_pairs(pairs, leg)))
        proof = proof_v2(key, challenge.server_challenge, blob)
        sent = _flip(proof) if self.misbehave.get("nt-proof") == "wrong" else proof
        # A server that says what time it is gets no LM response worth attacking (3.1.5.1.2).
        lm_response = bytes(24) if has_time else lm_response_v2(key, challenge.server_challenge, client_challenge)
        message = wire.Authenticate(self.flags, self._text(domain), self._text(user), b"", lm_response, sent + blob)
        return message, hmac_md5(key, proof)

    def _client_pairs(self, pairs: wire.AvPairs, leg: Leg) -> list[tuple[int, bytes]]:
        """The server's pairs, then the client's in the recorded order: flags, single host, bindings, target name."""
        if not pairs:
            return []  # a server without target info knows nothing of AV pairs
        av_flags = wire.AV_FLAG_MIC if self.mic_used else 0
        if self.requested & model.ISC_UNVERIFIED_TARGET_NAME:
            av_flags |= 0x4
        bindings = parse_if_any(leg.bindings)
        bindings_hash = bindings.hash() if bindings else _NO_BINDINGS
        if self.misbehave.get("channel-bindings-av") == "wrong":
            bindings_hash = _flip(bindings_hash)
        found = [pair for pair in pairs if pair[0] != wire.AV_FLAGS]
        if av_flags:
            found.append((wire.AV_FLAGS, av_flags.to_bytes(4, "little")))
        found.append((wire.AV_SINGLE_HOST, self._world.single_host))
        if self.misbehave.get("channel-bindings-av") != "omit":
            found.append((wire.AV_CHANNEL_BINDINGS, bindings_hash))
        if self.misbehave.get("target-name-av") != "omit":
            found.append((wire.AV_TARGET_NAME, (leg.target or "").encode("utf-16-le", "surrogatepass")))
        return found

    def _with_mic(self, token: bytes, key: bytes, message: wire.Authenticate) -> bytes:
        if not self.mic_used:
            return token
        if self.misbehave.get("mic") == "drop":
            return replace(message, mic=None).pack()
        mic = message_integrity_code(key, self._negotiate, self._challenge, token)
        if self.misbehave.get("mic") == "wrong":
            mic = _flip(mic)
        return token[:wire.MIC_OFFSET] + mic + token[wire.MIC_OFFSET + 16:]

    def _text(self, value: str) -> bytes:
        if self.flags & wire.UNICODE:
            return value.encode("utf-16-le", "surrogatepass")
        return value.encode("latin-1", "replace")


class Acceptor(_NtlmContext):
    """ASC: CHALLENGE, then the verdict."""

    def __init__(self, accounts: Accounts, world: World) -> None:
        super().__init__()
        self._accounts = accounts
        self._world = world

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        self._note(leg)
        if self._session is not None:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        try:
            message = wire.parse(leg.token or b"")
            if not self._negotiate and isinstance(message, wire.Negotiate):
                return self._first(message, leg.token or b"")
            if self._challenge and isinstance(message, wire.Authenticate):
                self._verify(message, leg)
                return SEC_E_OK, None
        except TokenError:
            pass
        raise SspiError(SEC_E_INVALID_TOKEN)

    def _first(self, message: wire.Negotiate, token: bytes) -> tuple[int, bytes]:
        """MS-NLMP 3.2.5.1.1."""
        host = self._accounts.host
        flags = message.flags & ACCEPTED_FLAGS | wire.TARGET_INFO
        if flags & wire.UNICODE:
            flags &= ~wire.OEM
        if flags & wire.EXTENDED_SESSIONSECURITY:
            flags &= ~wire.LM_KEY
        member = host.domain.upper() != host.netbios.upper()
        flags |= wire.TARGET_TYPE_DOMAIN if member else wire.TARGET_TYPE_SERVER
        pairs = [(wire.AV_NB_DOMAIN, _utf16(host.domain)), (wire.AV_NB_COMPUTER, _utf16(host.netbios)),
                 (wire.AV_DNS_DOMAIN, _utf16(host.dns_domain)), (wire.AV_DNS_COMPUTER, _utf16(host.dns_name)),
                 (wire.AV_DNS_TREE, _utf16(host.dns_domain))]
        if self.misbehave.get("timestamp-av") != "omit":
            pairs.append((wire.AV_TIMESTAMP, self._world.now().to_bytes(8, "little")))
        challenge = wire.Challenge(flags, self._world.random(8), _utf16(host.domain), wire.write_av_pairs(pairs),
                                   self._world.version if flags & wire.VERSION else None)
        self._server_challenge = challenge.server_challenge
        self._negotiate, self._challenge = token, challenge.pack()
        self.flags = flags
        self.attributes = self._granted(model.ASC_INTEGRITY)
        return SEC_I_CONTINUE_NEEDED, self._challenge

    def _verify(self, message: wire.Authenticate, leg: Leg) -> None:
        """MS-NLMP 3.2.5.1.2: the response, the session key, the MIC, the channel bindings."""
        user, domain = message.text(message.user), message.text(message.domain)
        anonymous = not message.user and not message.nt_response and message.lm_response in (b"", b"\0")
        response = None
        if anonymous:
            if not leg.flags & model.ASC_ALLOW_NULL_SESSION:
                raise SspiError(SEC_E_LOGON_DENIED)
            key = ZERO_KEY
        else:
            response = message.ntlmv2()
            if response is None:  # NTLMv1 is refused, as with LmCompatibilityLevel 5
                raise SspiError(SEC_E_LOGON_DENIED)
            key = self._session_base_key(response, user, domain)
        self.flags &= message.flags | wire.TARGET_INFO
        if message.flags & wire.KEY_EXCH and message.session_key:
            if len(message.session_key) != 16:
                raise SspiError(SEC_E_INVALID_TOKEN)
            key = rc4(key, message.session_key)
        announced = bool(response and response.av_flags & wire.AV_FLAG_MIC)
        if announced:
            mic = message_integrity_code(key, self._negotiate, self._challenge, leg.token or b"")
            if message.mic is None or not hmac.compare_digest(mic, message.mic):
                raise SspiError(SEC_E_MESSAGE_ALTERED)
        self._check_bindings(response, leg)
        self.mic_used = announced or anonymous and message.mic is not None and any(message.mic)
        self._session = Session(key, self.flags, initiator=False)
        self.user = "NT AUTHORITY\\ANONYMOUS LOGON" if anonymous else _account_name(
            domain or None if "@" in user else domain or self._accounts.host.domain, user)
        self.attributes = self._granted(model.ASC_INTEGRITY)
        if anonymous:
            self.attributes |= model.ASC_ALLOW_NULL_SESSION

    def _session_base_key(self, response: wire.NtResponse, user: str, domain: str) -> bytes:
        hash_ = self._accounts.hash_of(user, domain)
        if hash_ is None:
            raise SspiError(SEC_E_LOGON_DENIED)
        key = ntowf_v2(hash_, user, domain)
        proof = proof_v2(key, self._server_challenge, response.blob)
        if not hmac.compare_digest(proof, response.proof):
            raise SspiError(SEC_E_LOGON_DENIED)
        return hmac_md5(key, proof)

    def _check_bindings(self, response: wire.NtResponse | None, leg: Leg) -> None:
        """cb.out.ntlm.*: a client that sends the AV pair knows of bindings and is not excused for sending none."""
        sent = response.av(wire.AV_CHANNEL_BINDINGS) if response else None
        expected = parse_if_any(leg.bindings)
        if expected is not None:
            if sent is None and leg.flags & model.ASC_ALLOW_MISSING_BINDINGS:
                return
            if sent is None or not hmac.compare_digest(sent, expected.hash()):
                raise SspiError(SEC_E_BAD_BINDINGS)
        elif leg.flags & model.ASC_PROXY_BINDINGS and (sent is None or not any(sent)):
            raise SspiError(SEC_E_BAD_BINDINGS)


def world_from(environment: Mapping[str, str]) -> World:
    """The world of a real run."""
    return World(workstation=environment.get("SSPI_PEER_NETBIOS", "SSPIPEER"))


def _account_name(domain: str | None, user: str) -> str:
    return f"{domain}\\{user}" if domain else user


def _flip(value: bytes) -> bytes:
    return bytes((value[0] ^ 1,)) + value[1:]


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
