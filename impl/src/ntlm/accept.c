/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor's verdict on AUTHENTICATE (MS-NLMP 3.2.5.1.2, connectionless 3.2.5.2.2), in this
 * order: structure, policy, target information, response, MIC, channel bindings.
 */
#include <string.h>

#include "authority/status.h"
#include "env.h"
#include "ntlm/av.h"
#include "ntlm/context.h"
#include "ntlm/keys.h"
#include "ntlm/keys_v1.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"

#define PROOF_SIZE 16
#define BLOB_HEADER 28
#define V2_RESPONSE_MIN (PROOF_SIZE + BLOB_HEADER + NTLM_AV_HEADER)

/* What one AUTHENTICATE says, read. */
struct claim {
    struct ntlm_authenticate message;
    bool v1;              /* LM or NTLMv1 */
    uint8_t challenge[8]; /* that the response answers: the server's, or one made of both sides' */
    struct ntlm_av av;    /* of the NTLMv2 response: proven together with it */
    char *user, *domain, *workstation;
};

/* MS-NLMP 3.2.5.1.2; the ANONYMOUS flag itself decides nothing. */
static bool is_null_session(const struct ntlm_authenticate *message)
{
    return !message->user.size && !message->nt.size &&
           (!message->lm.size || (message->lm.size == 1 && !message->lm.data[0]));
}

static int lm_level(const struct ntlm_context *context)
{
    int level = context->credential->config.ntlm_lm_level;
    return level == SSPI_LM_LEVEL_DEFAULT ? 5 : level;
}

/* LM or NTLMv1: whether policy lets it in (fact.lm-compat: 4 refuses LM, 5 both), and which
 * challenge it answers. */
static SECURITY_STATUS read_v1(struct ntlm_context *context, struct claim *claim)
{
    struct ntlm_authenticate *message = &claim->message;
    if (lm_level(context) >= (message->nt.size ? 5 : 4))
        return SEC_E_LOGON_DENIED;
    claim->v1 = true;
    if (!message->nt.size || !(context->flags & NTLM_ESS))
        return message->nt.size || message->lm.size == NTLM_V1_RESPONSE_SIZE ? SEC_E_OK
                                                                             : SEC_E_LOGON_DENIED;
    /* The place of the LM response holds the client's challenge. */
    if (message->lm.size != NTLM_V1_RESPONSE_SIZE)
        return SEC_E_INVALID_TOKEN;
    return ntlm_v1_session_challenge(context->challenge.data + NTLM_CHALLENGE_BYTES,
                                     message->lm.data, claim->challenge)
               ? SEC_E_OK
               : SEC_E_INTERNAL_ERROR;
}

/* A response made for another server is none for this one, whoever passed it on: the computer that
 * the client was told of, and proves that it was told of, must be us. Clients that copy no names
 * have nothing to compare. */
static bool is_for_us(const struct ntlm_context *context, const struct ntlm_av *av)
{
    struct ntlm_challenge sent;
    struct ntlm_av ours;
    if (!av->present[NTLM_AV_NB_COMPUTER] ||
        ntlm_read_challenge(sspi_blob_view(&context->challenge), &sent) != SEC_E_OK ||
        !ntlm_av_read(sent.target_info, &ours))
        return true;
    struct sspi_view theirs = av->value[NTLM_AV_NB_COMPUTER], us = ours.value[NTLM_AV_NB_COMPUTER];
    return theirs.size == us.size && (!us.size || memcmp(theirs.data, us.data, us.size) == 0);
}

static SECURITY_STATUS read_v2(struct ntlm_context *context, struct claim *claim)
{
    const struct ntlm_authenticate *message = &claim->message;
    if (message->nt.size < V2_RESPONSE_MIN)
        return SEC_E_INVALID_TOKEN;
    struct sspi_view pairs = {message->nt.data + PROOF_SIZE + BLOB_HEADER,
                              message->nt.size - PROOF_SIZE - BLOB_HEADER};
    if (!ntlm_av_read(pairs, &claim->av))
        return SEC_E_INVALID_TOKEN;
    return is_for_us(context, &claim->av) ? SEC_E_OK : SEC_E_LOGON_DENIED;
}

/* What both sides agreed on in the end. */
static SECURITY_STATUS agree(struct ntlm_context *context, const struct ntlm_authenticate *message)
{
    uint32_t offered = context->flags;
    /* The client picks from the CHALLENGE; what it adds on its own counts for nothing. */
    context->flags &= message->flags | NTLM_TARGET_INFO | NTLM_VERSION;
    if (!(context->flags & (NTLM_UNICODE | NTLM_OEM)) ||
        (context->flags & NTLM_KEY_EXCH && message->session_key.size != NTLM_KEY_SIZE))
        return SEC_E_INVALID_TOKEN;
    if (!(offered & NTLM_DATAGRAM))
        return SEC_E_OK;
    /* Here nothing was agreed on before; key exchange is always part of it (MS-NLMP 2.2.2.5). */
    if (!(context->flags & NTLM_DATAGRAM) || !(context->flags & NTLM_KEY_EXCH))
        return SEC_E_INVALID_TOKEN;
    return context->flags & NTLM_128 || !context->credential->config.ntlm_require_128
               ? SEC_E_OK
               : SEC_E_UNSUPPORTED_FUNCTION; /* trig.no-128bit */
}

/* Structure and policy; nothing here trusts what it reads. */
static SECURITY_STATUS read_claim(struct ntlm_context *context, struct claim *claim,
                                  struct sspi_view token)
{
    const struct ntlm_authenticate *message = &claim->message;
    SECURITY_STATUS status = ntlm_read_authenticate(token, &claim->message);
    if (status == SEC_E_OK)
        status = agree(context, message);
    if (status != SEC_E_OK)
        return status;
    context->is_anonymous = is_null_session(message);
    if (context->is_anonymous)
        return SEC_E_OK;
    memcpy(claim->challenge, context->challenge.data + NTLM_CHALLENGE_BYTES,
           sizeof claim->challenge);
    status = message->nt.size == 0 || message->nt.size == NTLM_V1_RESPONSE_SIZE
                 ? read_v1(context, claim)
                 : read_v2(context, claim);
    if (status == SEC_E_OK)
        status = ntlm_text(message->user, context->flags, &claim->user);
    if (status == SEC_E_OK)
        status = ntlm_text(message->domain, context->flags, &claim->domain);
    if (status == SEC_E_OK)
        status = ntlm_text(message->workstation, context->flags, &claim->workstation);
    return status;
}

/* KeyExchangeKey from the SessionBaseKey, in place. */
static SECURITY_STATUS exchange_key(const struct ntlm_context *context, const struct claim *claim,
                                    uint8_t key[16])
{
    if (!claim->v1 || !claim->message.nt.size)
        return SEC_E_OK;
    /* LM_KEY is never agreed on, so that no LM hash is asked for. */
    return ntlm_v1_exchange_key(context->flags & NTLM_ESS, key, NULL,
                                context->challenge.data + NTLM_CHALLENGE_BYTES, claim->message.lm,
                                key)
               ? SEC_E_OK
               : SEC_E_INTERNAL_ERROR;
}

/* [out] base_key: SessionBaseKey; zero for a null session. */
static SECURITY_STATUS ask_authority(struct ntlm_context *context, const struct claim *claim,
                                     ULONG req, uint8_t base_key[16])
{
    if (context->is_anonymous) {
        if (!(req & ASC_REQ_ALLOW_NULL_SESSION))
            return SEC_E_LOGON_DENIED;
        context->name = sspi_strdup("NT AUTHORITY\\ANONYMOUS LOGON");
        context->authority = sspi_strdup("NT AUTHORITY");
        return context->name && context->authority ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
    }
    struct sspi_logon logon = {
        .user = claim->user,
        .domain = claim->domain,
        .workstation = claim->workstation,
        .challenge = claim->challenge,
        .lm = claim->message.lm,
        .nt = claim->message.nt,
    };
    uint32_t nt = sspi_authority_verify(&context->credential->config, &logon);
    if (nt != SSPI_NT_OK)
        return sspi_authority_status(nt);
    memcpy(base_key, logon.session_base_key, sizeof logon.session_base_key);
    sspi_wipe(logon.session_base_key, sizeof logon.session_base_key);
    context->name = ntlm_full_name(logon.account_domain, logon.account);
    context->authority = logon.account_domain;
    context->password_expires = logon.password_expires;
    sspi_free(logon.account);
    return context->name ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static void make_keys(struct ntlm_context *context, const struct claim *claim,
                      const uint8_t base_key[16])
{
    memcpy(context->session_key, base_key, sizeof context->session_key);
    if (context->flags & NTLM_KEY_EXCH) {
        struct sspi_rc4 rc4;
        sspi_rc4_init(&rc4, base_key, 16);
        sspi_rc4_update(&rc4, claim->message.session_key.data, context->session_key,
                        sizeof context->session_key);
        sspi_wipe(&rc4, sizeof rc4);
    }
    ntlm_protection_start(&context->protection, context->session_key, context->flags, false);
}

/* Only when the client, inside its proof, says that there is one (MS-NLMP 3.2.5.1.2): otherwise
 * the field may hold anything (fact.mic.compare). Which status Windows gives is not known
 * (trig.ntlm.mic-mismatch); the specification calls it an authentication failure. */
static SECURITY_STATUS check_mic(struct ntlm_context *context, const struct claim *claim,
                                 struct sspi_view token)
{
    uint8_t mic[NTLM_MIC_SIZE];
    if (!(claim->av.flags & NTLM_AV_FLAG_MIC))
        return SEC_E_OK;
    context->has_mic = true;
    if (!claim->message.mic)
        return SEC_E_LOGON_DENIED; /* promised, and then cut out */
    if (!ntlm_mic(context->session_key, sspi_blob_view(&context->negotiate),
                  sspi_blob_view(&context->challenge), token, mic))
        return SEC_E_INTERNAL_ERROR;
    return sspi_equal(mic, token.data + NTLM_MIC_OFFSET, sizeof mic) ? SEC_E_OK
                                                                     : SEC_E_LOGON_DENIED;
}

static SECURITY_STATUS check_bindings(const struct claim *claim, const struct sspi_leg *leg)
{
    static const uint8_t zero[16];
    const uint8_t *hash = claim->av.value[NTLM_AV_BINDINGS].data;
    enum sspi_bindings_client client = SSPI_CLIENT_BOUND;
    if (!claim->av.present[NTLM_AV_BINDINGS])
        client = SSPI_CLIENT_SILENT;
    else if (memcmp(hash, zero, sizeof zero) == 0)
        client = SSPI_CLIENT_EMPTY;
    return sspi_bindings_check(client, client == SSPI_CLIENT_BOUND ? hash : NULL, leg->bindings,
                               leg->req);
}

/* A name from an untrusted source counts as none (fact.ntlm.untrusted-spn). */
static SECURITY_STATUS keep_target(struct ntlm_context *context, const struct claim *claim)
{
    if (!claim->av.value[NTLM_AV_TARGET_NAME].size || claim->av.flags & NTLM_AV_FLAG_UNTRUSTED)
        return SEC_E_OK;
    return ntlm_text(claim->av.value[NTLM_AV_TARGET_NAME], NTLM_UNICODE, &context->target);
}

static SECURITY_STATUS verdict(struct ntlm_context *context, const struct sspi_leg *leg)
{
    struct claim claim;
    uint8_t base_key[16] = {0};
    memset(&claim, 0, sizeof claim);
    /* For the bits to return all legs count; what loosens a check must come with this leg. */
    context->req |= leg->req;
    SECURITY_STATUS status = read_claim(context, &claim, leg->token);
    if (status == SEC_E_OK)
        status = ask_authority(context, &claim, leg->req, base_key);
    if (status == SEC_E_OK)
        status = exchange_key(context, &claim, base_key);
    if (status == SEC_E_OK) {
        make_keys(context, &claim, base_key);
        status = check_mic(context, &claim, leg->token);
    }
    if (status == SEC_E_OK)
        status = check_bindings(&claim, leg);
    if (status == SEC_E_OK)
        status = keep_target(context, &claim);
    sspi_wipe(base_key, sizeof base_key);
    sspi_free(claim.user);
    sspi_free(claim.domain);
    sspi_free(claim.workstation);
    return status;
}

SECURITY_STATUS ntlm_accept(void *credential, void **slot, struct sspi_leg *leg)
{
    struct ntlm_context *context = *slot;
    if (!context)
        return ntlm_challenge(credential, slot, leg);
    if (context->state != NTLM_WAITING || context->is_client)
        return SEC_E_OUT_OF_SEQUENCE;
    SECURITY_STATUS status = verdict(context, leg);
    context->state = status == SEC_E_OK ? NTLM_DONE : NTLM_FAILED;
    sspi_blob_free(&context->negotiate);
    sspi_blob_free(&context->challenge);
    if (status == SEC_E_OK)
        ntlm_leg_done(context, leg);
    else
        sspi_wipe(context->session_key, sizeof context->session_key);
    return status;
}
