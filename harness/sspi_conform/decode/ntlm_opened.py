# SPDX-License-Identifier: Apache-2.0
"""What a password or hash tells about NTLM messages: proof, MIC, session key (MS-NLMP 3.2.5.1.2, 3.3, 3.4)."""
from __future__ import annotations

import hmac

from ..peer import ntlm_crypto, ntlm_v1
from ..tokens import ntlm
from .ntlm_tree import Exchange
from .tree import Node


def verify(message: ntlm.Authenticate, data: bytes, response: Node, mic: Node, exchange: Exchange) -> None:
    """The proof in `response` and the MIC, and the session key for `exchange`."""
    parts = message.ntlmv2()
    challenge = ntlm.parse(exchange.challenge) if exchange.challenge else None
    if not isinstance(challenge, ntlm.Challenge):
        response.add("not verified", "the CHALLENGE it answers is not in the input")
        return
    key = next(filter(None, (_key(message, challenge, hash_) for hash_ in exchange.hashes)), None)
    exchange.notes.facts["proof"] = "right" if key else "wrong"
    if key is None:
        response.add("proof", "the password is another one, or user, domain or challenge were changed", "bad")
        return
    response.add("proof", "made with this password", "good")
    if message.flags & ntlm.KEY_EXCH and len(message.session_key) == 16:
        key = ntlm_crypto.rc4(key, message.session_key)
    exchange.session_key, exchange.flags = key, message.flags
    if message.mic is None or parts is None or not parts.av_flags & ntlm.AV_FLAG_MIC:
        return
    if not exchange.negotiate:
        mic.add("not verified", "the NEGOTIATE of the exchange is not in the input")
        return
    made = ntlm_crypto.message_integrity_code(key, exchange.negotiate, exchange.challenge, data)
    good = hmac.compare_digest(made, message.mic)
    exchange.notes.facts["mic"] = "right" if good else "wrong"
    mic.add("MIC", "covers these three messages" if good else "one of the three messages was changed on the way",
            "good" if good else "bad")


def _key(message: ntlm.Authenticate, challenge: ntlm.Challenge, hash_: bytes) -> bytes | None:
    """The key exchange key (MS-NLMP 3.4.5.1) when the response was made with this hash, else None."""
    server = challenge.server_challenge
    parts = message.ntlmv2()
    if parts:
        owf = ntlm_crypto.ntowf_v2(hash_, message.text(message.user), message.text(message.domain))
        good = hmac.compare_digest(ntlm_crypto.proof_v2(owf, server, parts.blob), parts.proof)
        return ntlm_crypto.hmac_md5(owf, parts.proof) if good else None
    extended = bool(message.flags & ntlm.EXTENDED_SESSIONSECURITY)
    answered = ntlm_v1.session_challenge(server, message.lm_response[:8]) if extended else server
    if not hmac.compare_digest(ntlm_v1.response(hash_, answered), message.nt_response):
        return None
    return ntlm_v1.exchange_key(ntlm_v1.session_base_key(hash_), extended, server, message.lm_response)


def check_signature(signature: bytes, data: bytes, by_initiator: bool, exchange: Exchange) -> bool | None:
    """Whether a side's first signature covers the data; None when no key is known."""
    if not exchange.session_key:
        return None
    made = ntlm_crypto.Session(exchange.session_key, exchange.flags, by_initiator).sign(data)
    return hmac.compare_digest(made, signature)
