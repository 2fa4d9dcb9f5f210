/* SPDX-License-Identifier: Apache-2.0
 *
 * Context requirements, NegotiateFlags on the wire, and returned attributes.
 */
#include "ntlm/context.h"
#include "ntlm/wire.h"

/* What a modern Windows client always says: 0xA2088207 (recordings). */
#define OFFER                                                                                      \
    (NTLM_UNICODE | NTLM_OEM | NTLM_REQUEST_TARGET | NTLM_NTLM | NTLM_ALWAYS_SIGN | NTLM_ESS |     \
     NTLM_VERSION | NTLM_128 | NTLM_56)

/* What the acceptor takes over from the offer, OEM apart. Never LM_KEY: extended session security
 * excludes it (MS-NLMP 2.2.2.5), and without that it only weakens the keys. */
#define ACCEPTABLE                                                                                 \
    (NTLM_UNICODE | NTLM_REQUEST_TARGET | NTLM_SIGN | NTLM_SEAL | NTLM_NTLM | NTLM_ALWAYS_SIGN |   \
     NTLM_ESS | NTLM_IDENTIFY | NTLM_128 | NTLM_KEY_EXCH | NTLM_56)

uint32_t ntlm_flags_to_offer(ULONG req, int lm_level)
{
    uint32_t flags = OFFER;
    /* Level 0 never uses extended session security ("NTLMv2 session security", fact.lm-compat). */
    if (lm_level == 0)
        flags &= ~NTLM_ESS;
    if (req & ISC_REQ_DATAGRAM)
        flags |= NTLM_DATAGRAM | NTLM_KEY_EXCH; /* MS-NLMP 2.2.2.5: always together */
    /* inter.ntlm.replay-sequence-sets-sign, inter.ntlm.seal-sets-sign */
    if (req & (ISC_REQ_INTEGRITY | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT |
               ISC_REQ_CONFIDENTIALITY))
        flags |= NTLM_SIGN | NTLM_KEY_EXCH | NTLM_LM_KEY;
    if (req & ISC_REQ_CONFIDENTIALITY)
        flags |= NTLM_SEAL;
    if (req & ISC_REQ_IDENTIFY)
        flags |= NTLM_IDENTIFY;
    return flags;
}

uint32_t ntlm_flags_to_challenge(uint32_t offered)
{
    /* TARGET_INFO is what NTLMv2 needs; VERSION is always there since Server 2022
     * (fact.ntlm-version), and in every recorded CHALLENGE that has room for it. */
    uint32_t flags = (offered & ACCEPTABLE) | NTLM_TARGET_INFO | NTLM_VERSION;
    /* Said without being asked, too (recorded.ntlm.challenge-says-ntlm). */
    flags |= NTLM_NTLM;
    /* Unicode wins when both are offered (MS-NLMP 2.2.2.5). */
    return offered & NTLM_UNICODE ? flags : flags | (offered & NTLM_OEM);
}

uint32_t ntlm_flags_of_datagram(void)
{
    return ACCEPTABLE | NTLM_DATAGRAM | NTLM_TARGET_INFO | NTLM_VERSION;
}

uint32_t ntlm_flags_to_authenticate(uint32_t offered, uint32_t challenge)
{
    uint32_t flags = (offered & challenge) | (challenge & NTLM_TARGET_INFO);
    if (flags & NTLM_UNICODE)
        flags &= ~NTLM_OEM;
    if (flags & NTLM_ESS)
        flags &= ~NTLM_LM_KEY;
    return flags | NTLM_VERSION; /* the bytes are in the message */
}

ULONG ntlm_isc_ret(ULONG req, uint32_t flags, bool is_anonymous)
{
    /* Echoed: nothing in NTLM depends on them. That MUTUAL_AUTH comes back although the server
     * proves nothing is what Windows does (obs.ntlm.mutual-bit-lies). */
    ULONG ret = req & (ISC_REQ_CONNECTION | ISC_REQ_MUTUAL_AUTH | ISC_REQ_IDENTIFY);
    if (flags & NTLM_DATAGRAM)
        ret |= ISC_RET_DATAGRAM;
    if (req & ISC_REQ_USE_DCE_STYLE)
        ret |= ISC_RET_USED_DCE_STYLE;
    if (flags & (NTLM_SIGN | NTLM_SEAL))
        ret |= ISC_RET_INTEGRITY | (req & (ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT));
    if (flags & NTLM_SEAL)
        ret |= ISC_RET_CONFIDENTIALITY;
    if (is_anonymous)
        ret |= ISC_RET_NULL_SESSION;
    return ret;
}

/* What an acceptor gets is what the initiator put on the wire: it can add nothing of its own.
 * Which of REPLAY_DETECT and SEQUENCE_DETECT the initiator wanted is not on the wire (both are
 * SIGN), so the acceptor is told of those it asked for. DELEGATE and EXTENDED_ERROR never come
 * back: NTLM has no delegation and no error token (attrfact.package.ntlm.caps). */
ULONG ntlm_asc_ret(ULONG req, uint32_t flags, bool is_anonymous)
{
    ULONG ret = req & ASC_REQ_CONNECTION;
    if (flags & NTLM_DATAGRAM)
        ret |= ASC_RET_DATAGRAM;
    if (req & ASC_REQ_USE_DCE_STYLE)
        ret |= ASC_RET_USED_DCE_STYLE;
    if (flags & (NTLM_SIGN | NTLM_SEAL))
        ret |= ASC_RET_INTEGRITY | (req & (ASC_REQ_REPLAY_DETECT | ASC_REQ_SEQUENCE_DETECT));
    if (flags & NTLM_SEAL)
        ret |= ASC_RET_CONFIDENTIALITY;
    if (flags & NTLM_IDENTIFY || req & ASC_REQ_IDENTIFY)
        ret |= ASC_RET_IDENTIFY;
    if (is_anonymous)
        ret |= ASC_RET_NULL_SESSION;
    return ret;
}
