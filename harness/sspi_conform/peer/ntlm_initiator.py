# SPDX-License-Identifier: Apache-2.0
"""The initiator of the NTLM package, as recorded Windows clients do it (MS-NLMP 3.1)."""
from __future__ import annotations
from dataclasses import replace

from ..tokens import TokenError
from ..tokens import ntlm as wire
from . import model, ntlm_craft, ntlm_v1
from .bindings import parse_if_any
from .model import Identity, Leg, SspiError
from .ntlm import NtlmContext, World, account_name, flip, utf16
from .ntlm_crypto import (ZERO_KEY, Session, blob_v2, hmac_md5, lm_response_v2, message_integrity_code, nt_hash,
                          ntowf_v2, proof_v2, rc4)
from .statuses import SEC_E_INVALID_TOKEN, SEC_E_NO_CREDENTIALS, SEC_E_OK, SEC_E_OUT_OF_SEQUENCE, SEC_I_CONTINUE_NEEDED

# Recorded NEGOTIATE flags of Windows clients: without signing, and what signing and sealing add.
NEGOTIATE_FLAGS = 0xA2088207
SIGNING_FLAGS = wire.KEY_EXCH | wire.LM_KEY | wire.SIGN
SEALING_FLAGS = wire.KEY_EXCH | wire.LM_KEY | wire.SEAL
_NO_BINDINGS = bytes(16)


class Initiator(NtlmContext):
    """ISC: NEGOTIATE, then AUTHENTICATE."""

    def __init__(self, identity: Identity | None, world: World) -> None:
        super().__init__()
        self._identity = identity
        self._world = world
        self._begun = False
        self._level = int(world.policy.get("lm-level", "3"))

    def step(self, leg: Leg) -> tuple[int, bytes | None]:
        self._note(leg)
        if not self._begun:
            self._begun = True
            return self._first()
        if self._session is not None:
            raise SspiError(SEC_E_OUT_OF_SEQUENCE)
        try:
            token = self._on_the_way("challenge", leg.token or b"")
            challenge = wire.parse(token)
            if not isinstance(challenge, wire.Challenge):
                raise SspiError(SEC_E_INVALID_TOKEN)
            return SEC_E_OK, self._authenticate(challenge, replace(leg, token=token))
        except TokenError:
            raise SspiError(SEC_E_INVALID_TOKEN) from None

    def _first(self) -> tuple[int, bytes | None]:
        flags = NEGOTIATE_FLAGS
        if self._level == 0:
            flags &= ~wire.EXTENDED_SESSIONSECURITY
        if self.requested & model.DATAGRAM:
            flags |= wire.DATAGRAM | wire.KEY_EXCH
        if self.requested & (model.ISC_INTEGRITY | model.REPLAY_DETECT | model.SEQUENCE_DETECT):
            flags |= SIGNING_FLAGS
        if self.requested & model.CONFIDENTIALITY:
            flags |= SEALING_FLAGS
        if self.requested & model.ISC_IDENTIFY:
            flags |= wire.IDENTIFY
        self.flags = flags & ~self._withheld()
        if flags & wire.DATAGRAM:  # 3.1.5.2: the server speaks first
            self.attributes = self._granted(model.ISC_INTEGRITY)
            return SEC_I_CONTINUE_NEEDED, None
        flags = self.flags
        self._negotiate = wire.Negotiate(flags, version=self._world.version).pack()
        self.attributes = self._granted(model.ISC_INTEGRITY)
        return SEC_I_CONTINUE_NEEDED, self._on_the_way("offer", self._negotiate)

    def _authenticate(self, challenge: wire.Challenge, leg: Leg) -> bytes:
        """MS-NLMP 3.1.5.1.2."""
        if not challenge.flags & (wire.UNICODE | wire.OEM):
            raise SspiError(SEC_E_INVALID_TOKEN)  # 2.2.2.5
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
        self.mic_used = has_time and self.misbehave.get("mic") not in ("omit", "not-announced")  # an NTLMv1 cannot announce it
        if anonymous:
            self.flags |= wire.ANONYMOUS
            message, base_key = wire.Authenticate(self.flags, lm_response=b"\0"), ZERO_KEY
        elif identity.user is None or identity.password is None:
            raise SspiError(SEC_E_NO_CREDENTIALS)
        elif self._level < 3:
            message, base_key = self._respond_v1(identity, challenge)
        else:
            message, base_key = self._respond(identity, challenge, pairs, has_time, leg)
        key, encrypted = base_key, b""
        if self.flags & wire.KEY_EXCH and self.flags & (wire.SIGN | wire.SEAL | wire.DATAGRAM):
            key = self._world.random(16)
            encrypted = rc4(base_key, key if self.misbehave.get("encrypted-session-key") != "wrong" else flip(key))
        message = replace(message, session_key=encrypted, workstation=self._text(self._world.workstation),
                          version=self._world.version if self.flags & wire.VERSION else None,
                          mic=ZERO_KEY if self.mic_used else None)
        token = ntlm_craft.authenticate(message.pack(), self.misbehave.get("authenticate"))
        token = self._on_the_way("answer", self._with_mic(token, key, message))
        self._session = Session(key, self.flags, initiator=True)
        self.user = "" if anonymous else account_name(identity.domain, identity.user or "")
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
        edit = self.misbehave.get("response-av")
        blob = blob_v2(self._world.now() if when is None else when, client_challenge,
                       ntlm_craft.av_list(self._client_pairs(pairs, leg), edit),
                       0 if edit == "no-end" else self._world.padding)  # zeros are MsvAvEOL
        if edit in ("stale", "future"):
            blob = blob[:8] + next(value for number, value in wire.read_av_pairs(blob[28:])
                                   if number == wire.AV_TIMESTAMP) + blob[16:]
        if self.misbehave.get("response") == "reserved":
            blob = blob[:2] + b"\x77" * 6 + blob[8:24] + b"\x77" * 4 + blob[28:]
        answered = flip(challenge.server_challenge) if self.misbehave.get("response") == "other-challenge" else (
            challenge.server_challenge)
        proof = proof_v2(key, answered, blob)
        sent = flip(proof) if self.misbehave.get("nt-proof") == "wrong" else proof
        # A server that says what time it is gets no LM response worth attacking (3.1.5.1.2).
        lm_response = bytes(24) if has_time else lm_response_v2(key, challenge.server_challenge, client_challenge)
        message = wire.Authenticate(self.flags, self._text(domain), self._text(user), b"", lm_response, sent + blob)
        return message, hmac_md5(key, proof)

    def _respond_v1(self, identity: Identity, challenge: wire.Challenge) -> tuple[wire.Authenticate, bytes]:
        """LM and NTLMv1 (3.3.1)."""
        hash_, password = nt_hash(identity.password or ""), identity.password or ""
        extended = bool(self.flags & wire.EXTENDED_SESSIONSECURITY)
        if extended:
            lm_response = self._world.random(8).ljust(ntlm_v1.RESPONSE_SIZE, b"\0")
            answered = ntlm_v1.session_challenge(challenge.server_challenge, lm_response[:8])
            nt_response = ntlm_v1.response(hash_, answered)
        else:
            nt_response = ntlm_v1.response(hash_, challenge.server_challenge)
            lm_hash = ntlm_v1.lm_hash(password) if self._level < 2 else None  # level 2: NoLMResponseNTLMv1
            lm_response = ntlm_v1.response(lm_hash, challenge.server_challenge) if lm_hash else nt_response
        if self.misbehave.get("nt-proof") == "wrong":
            nt_response = flip(nt_response)
        key = ntlm_v1.exchange_key(ntlm_v1.session_base_key(hash_), extended, challenge.server_challenge, lm_response)
        return wire.Authenticate(self.flags, self._text(identity.domain or ""), self._text(identity.user or ""), b"",
                                 lm_response, nt_response), key

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
            bindings_hash = flip(bindings_hash)
        found = [pair for pair in pairs if pair[0] != wire.AV_FLAGS]
        if self.misbehave.get("target-info-name") == "other":
            found = [(number, utf16("OTHERSRV") if number == wire.AV_NB_COMPUTER else value) for number, value in found]
        if av_flags:
            found.append((wire.AV_FLAGS, av_flags.to_bytes(4, "little")))
        found.append((wire.AV_SINGLE_HOST, self._world.single_host))
        if self.misbehave.get("channel-bindings-av") != "omit":
            found.append((wire.AV_CHANNEL_BINDINGS, bindings_hash))
        if self.misbehave.get("target-name-av") != "omit":
            found.append((wire.AV_TARGET_NAME, (leg.target or "").encode("utf-16-le", "surrogatepass")))
        return found

    def _with_mic(self, token: bytes, key: bytes, message: wire.Authenticate) -> bytes:
        if self.misbehave.get("mic") == "not-announced":
            return replace(message, mic=bytes(range(1, 17))).pack()
        if not self.mic_used:
            return token
        if self.misbehave.get("mic") == "drop":
            return replace(message, mic=None).pack()
        mic = message_integrity_code(key, self._negotiate, self._challenge, token)
        if self.misbehave.get("mic") == "wrong":
            mic = flip(mic)
        return token[:wire.MIC_OFFSET] + mic + token[wire.MIC_OFFSET + 16:]

    def _on_the_way(self, message: str, token: bytes) -> bytes:
        edit = self.misbehave.get("on-the-way")
        return ntlm_craft.on_the_way(token, message, edit) if edit else token

    def _text(self, value: str) -> bytes:
        if self.flags & wire.UNICODE:
            return value.encode("utf-16-le", "surrogatepass")
        return value.encode("latin-1", "replace")
