# SPDX-License-Identifier: Apache-2.0
"""The acceptor of the NTLM package, as recorded Windows servers do it (MS-NLMP 3.2)."""
from __future__ import annotations
import hmac

from ..tokens import TokenError
from ..tokens import ntlm as wire
from . import model, ntlm_craft, ntlm_v1
from .accounts import Accounts
from .bindings import parse_if_any
from .model import Leg, SspiError
from .ntlm import NtlmContext, World, account_name, utf16
from .ntlm_crypto import ZERO_KEY, Session, hmac_md5, message_integrity_code, ntowf_v2, proof_v2, rc4
from .statuses import (SEC_E_BAD_BINDINGS, SEC_E_INVALID_TOKEN, SEC_E_LOGON_DENIED, SEC_E_MESSAGE_ALTERED, SEC_E_OK,
                       SEC_E_OUT_OF_SEQUENCE, SEC_E_UNSUPPORTED_FUNCTION, SEC_I_CONTINUE_NEEDED)

# What an acceptor agrees to, of what is asked. 0xE20882B7 becomes 0xE2898235 as recorded.
ACCEPTED_FLAGS = (wire.UNICODE | wire.OEM | wire.REQUEST_TARGET | wire.SIGN | wire.SEAL | wire.NTLM
                  | wire.ALWAYS_SIGN | wire.EXTENDED_SESSIONSECURITY | wire.IDENTIFY | wire.KEY_128
                  | wire.KEY_EXCH | wire.KEY_56)


class Acceptor(NtlmContext):
    """ASC: CHALLENGE, then the verdict."""

    def __init__(self, accounts: Accounts, world: World) -> None:
        super().__init__()
        self._accounts = accounts
        self._world = world
        self._server_challenge = b""

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        self._note(leg)
        if self._session is not None:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        try:
            if not self._challenge and not leg.token and leg.flags & model.DATAGRAM:
                offer = ACCEPTED_FLAGS & ~wire.OEM | wire.DATAGRAM
                return self._first(wire.Negotiate(offer), b"", wire.DATAGRAM)
            message = wire.parse(leg.token or b"")
            if not self._challenge and isinstance(message, wire.Negotiate):
                return self._first(message, leg.token or b"")
            if self._challenge and isinstance(message, wire.Authenticate):
                self._verify(message, leg)
                return SEC_E_OK, None
        except TokenError:
            pass
        raise SspiError(SEC_E_INVALID_TOKEN)

    def _first(self, message: wire.Negotiate, token: bytes, more: int = 0) -> tuple[int, bytes]:
        """MS-NLMP 3.2.5.1.1; connectionless, where there is no NEGOTIATE, 3.2.5.2.1."""
        host = self._accounts.host
        if not message.flags & (wire.UNICODE | wire.OEM):
            raise SspiError(SEC_E_INVALID_TOKEN)  # 2.2.2.5
        if "require-128" in self._world.policy and not message.flags & wire.KEY_128:
            raise SspiError(SEC_E_UNSUPPORTED_FUNCTION)
        flags = message.flags & ACCEPTED_FLAGS | wire.TARGET_INFO | wire.VERSION | more  # those unasked
        flags &= ~self._withheld()
        if flags & wire.UNICODE:
            flags &= ~wire.OEM
        if flags & wire.EXTENDED_SESSIONSECURITY:
            flags &= ~wire.LM_KEY
        member = host.domain.upper() != host.netbios.upper()
        flags |= wire.TARGET_TYPE_DOMAIN if member else wire.TARGET_TYPE_SERVER
        pairs = [(wire.AV_NB_DOMAIN, utf16(host.domain)), (wire.AV_NB_COMPUTER, utf16(host.netbios)),
                 (wire.AV_DNS_DOMAIN, utf16(host.dns_domain)), (wire.AV_DNS_COMPUTER, utf16(host.dns_name))]
        if member:
            pairs.append((wire.AV_DNS_TREE, utf16(host.dns_domain)))
        if self.misbehave.get("names-av") == "omit":
            pairs = pairs[2:]
        if self.misbehave.get("timestamp-av") != "omit":
            pairs.append((wire.AV_TIMESTAMP, self._world.now().to_bytes(8, "little")))
        name = utf16(host.domain) if flags & wire.UNICODE else host.domain.encode("latin-1", "replace")
        info = ntlm_craft.av_list(pairs, self.misbehave.get("challenge-av")) if flags & wire.TARGET_INFO else b""
        challenge = wire.Challenge(flags, self._world.random(8), name, info, self._world.version)
        self._server_challenge = challenge.server_challenge
        self._negotiate = token
        self._challenge = ntlm_craft.challenge(challenge.pack(), self.misbehave.get("challenge"))
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
            key = self._session_base_key(response, user, domain) if response else self._key_v1(message, user, domain)
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
        self.user = "NT AUTHORITY\\ANONYMOUS LOGON" if anonymous else account_name(
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

    def _key_v1(self, message: wire.Authenticate, user: str, domain: str) -> bytes:
        """NTLMv1, which LmCompatibilityLevel 5 refuses; LM alone is refused always."""
        hash_ = self._accounts.hash_of(user, domain)
        challenge, extended = self._server_challenge, bool(self.flags & wire.EXTENDED_SESSIONSECURITY)
        if extended:
            challenge = ntlm_v1.session_challenge(challenge, message.lm_response[:8])
        if int(self._world.policy.get("lm-level", 5)) > 4 or hash_ is None or not hmac.compare_digest(
                ntlm_v1.response(hash_, challenge), message.nt_response):
            raise SspiError(SEC_E_LOGON_DENIED)
        return ntlm_v1.exchange_key(ntlm_v1.session_base_key(hash_), extended, self._server_challenge,
                                    message.lm_response)

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
