/* SPDX-License-Identifier: Apache-2.0
 *
 * The initiator: NEGOTIATE, then AUTHENTICATE (MS-NLMP 3.1.5.1).
 */
#include <string.h>

#include "env.h"
#include "ntlm/av.h"
#include "ntlm/context.h"
#include "ntlm/host.h"
#include "ntlm/keys.h"
#include "ntlm/keys_v1.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"
#include "text.h"

#define PROOF_SIZE 16
#define BLOB_HEADER 28 /* NTLMv2_CLIENT_CHALLENGE up to its AvPairs, MS-NLMP 2.2.2.7 */
#define BLOB_TIME 8
#define BLOB_CHALLENGE 16

/* What one AUTHENTICATE is made of. Secrets: wiped by the maker. */
struct answer {
    struct ntlm_challenge challenge;
    struct ntlm_av av;       /* the server's pairs */
    struct sspi_blob target; /* MsvAvTargetName */
    struct sspi_blob nt;     /* NTLMv2 response */
    uint8_t client_challenge[8];
    uint8_t lm[24];
    uint8_t exchange_key[16]; /* KeyExchangeKey; for NTLMv2 the SessionBaseKey */
    uint8_t encrypted_key[16];
};

static bool keep_target(struct ntlm_context *context, const struct sspi_leg *leg)
{
    if (!leg->target)
        return true;
    sspi_free(context->target);
    context->target = sspi_strdup(leg->target);
    return context->target != NULL;
}

static SECURITY_STATUS build_negotiate(struct ntlm_context *context, struct sspi_leg *leg)
{
    if (context->flags & NTLM_DATAGRAM)
        return SEC_E_OK; /* the server speaks first: no token (inter.datagram.first-isc-empty) */
    SECURITY_STATUS status = ntlm_build_negotiate(context->flags, &context->negotiate);
    if (status != SEC_E_OK)
        return status;
    ntlm_set_version(&context->negotiate, context->credential->config.ntlm_version);
    if (context->negotiate.size > leg->max_output)
        return SEC_E_BUFFER_TOO_SMALL;
    return sspi_blob_copy(&leg->output, context->negotiate.data, context->negotiate.size)
               ? SEC_E_OK
               : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS negotiate(struct ntlm_credential *credential, void **slot,
                                 struct sspi_leg *leg)
{
    if (!credential || !credential->outbound ||
        (credential->identity == NTLM_DEFAULT && !(leg->req & ISC_REQ_NULL_SESSION)))
        return SEC_E_NO_CREDENTIALS;
    if (credential->config.ntlm_block_outgoing)
        return SEC_E_UNSUPPORTED_FUNCTION; /* STATUS_NOT_SUPPORTED, trig.ntlm.blocked */
    if (leg->token.size)
        return SEC_E_INVALID_TOKEN; /* an NTLM acceptor never speaks first */
    struct ntlm_context *context = ntlm_context_new(credential, true);
    if (!context)
        return SEC_E_INSUFFICIENT_MEMORY;
    context->req = leg->req;
    context->flags = ntlm_flags_to_offer(leg->req, credential->config.ntlm_lm_level);
    context->is_anonymous = credential->identity != NTLM_USER || (leg->req & ISC_REQ_NULL_SESSION);
    SECURITY_STATUS status =
        keep_target(context, leg) ? build_negotiate(context, leg) : SEC_E_INSUFFICIENT_MEMORY;
    if (status != SEC_E_OK) {
        ntlm_context_free(context);
        return status;
    }
    ntlm_leg_done(context, leg);
    *slot = context;
    return SEC_I_CONTINUE_NEEDED;
}

/* The server's pairs, but for those the client itself answers for: a server that sent its own
 * channel bindings or target name would otherwise speak in the client's name. */
static uint8_t *copy_pairs(uint8_t *at, struct sspi_view body)
{
    for (size_t from = 0; from < body.size;) {
        uint16_t id = ntlm_get16(body.data + from);
        size_t size = NTLM_AV_HEADER + ntlm_get16(body.data + from + 2);
        if (id != NTLM_AV_FLAGS && id != NTLM_AV_SINGLE_HOST && id != NTLM_AV_TARGET_NAME &&
            id != NTLM_AV_BINDINGS) {
            memcpy(at, body.data + from, size);
            at += size;
        }
        from += size;
    }
    return at;
}

static uint32_t av_flags(const struct ntlm_context *context)
{
    return (context->has_mic ? NTLM_AV_FLAG_MIC : 0) |
           (context->req & ISC_REQ_UNVERIFIED_TARGET_NAME ? NTLM_AV_FLAG_UNTRUSTED : 0);
}

/* AvPairs of the response (MS-NLMP 3.1.5.1.2), in Windows' order (fact.ntlm.av-order). */
static uint8_t *put_pairs(uint8_t *at, const struct ntlm_context *context,
                          const struct answer *answer, const struct sspi_leg *leg)
{
    static const uint8_t unbound[16];
    const struct sspi_config *config = &context->credential->config;
    uint8_t host[NTLM_SINGLE_HOST_SIZE], flags[4];

    at = copy_pairs(at, answer->av.body);
    ntlm_put32(flags, av_flags(context));
    if (av_flags(context))
        at = ntlm_av_put(at, NTLM_AV_FLAGS, flags, sizeof flags);
    ntlm_single_host(host);
    if (config->ntlm_has_single_host)
        memcpy(host + sizeof host - SSPI_SINGLE_HOST_DATA, config->ntlm_single_host,
               SSPI_SINGLE_HOST_DATA);
    at = ntlm_av_put(at, NTLM_AV_SINGLE_HOST, host, sizeof host);
    at = ntlm_av_put(at, NTLM_AV_BINDINGS, leg->bindings ? leg->bindings->hash : unbound,
                     sizeof unbound);
    at = ntlm_av_put(at, NTLM_AV_TARGET_NAME, answer->target.data, answer->target.size);
    return ntlm_av_put(at, NTLM_AV_EOL, NULL, 0) + config->ntlm_av_tail;
}

/* Whatever time it is: one of 0 must not cost the MIC. */
static bool has_time(const struct answer *answer)
{
    return answer->av.present[NTLM_AV_TIMESTAMP];
}

/* The NTLMv2 response: NTProofStr and the blob it proves (MS-NLMP 3.3.2). */
static SECURITY_STATUS make_response(const struct ntlm_context *context, struct answer *answer,
                                     const struct sspi_leg *leg)
{
    const uint8_t *ntowf = context->credential->ntowf;
    size_t room = PROOF_SIZE + BLOB_HEADER + answer->av.body.size + answer->target.size +
                  context->credential->config.ntlm_av_tail + 5 * NTLM_AV_HEADER + 4 +
                  NTLM_SINGLE_HOST_SIZE + 16;
    if (room > UINT16_MAX)
        return SEC_E_TARGET_UNKNOWN; /* only a target name can be that long */
    if (!sspi_blob_alloc(&answer->nt, room))
        return SEC_E_INSUFFICIENT_MEMORY;
    uint8_t *blob = answer->nt.data + PROOF_SIZE;
    blob[0] = blob[1] = 1; /* RespType, HiRespType */
    ntlm_put64(blob + BLOB_TIME, has_time(answer) ? answer->av.timestamp : sspi_now());
    memcpy(blob + BLOB_CHALLENGE, answer->client_challenge, sizeof answer->client_challenge);
    uint8_t *end = put_pairs(blob + BLOB_HEADER, context, answer, leg);
    answer->nt.size = (size_t)(end - answer->nt.data);

    struct sspi_view proven = {blob, (size_t)(end - blob)};
    const uint8_t *challenge = answer->challenge.challenge;
    bool good = ntlm_v2_proof(ntowf, challenge, proven, answer->nt.data) &&
                ntlm_v2_session_base_key(ntowf, answer->nt.data, answer->exchange_key) &&
                /* With a timestamp from the server 24 zero bytes, MS-NLMP 3.1.5.1.2. */
                (has_time(answer) ||
                 ntlm_v2_lm_response(ntowf, challenge, answer->client_challenge, answer->lm));
    return good ? SEC_E_OK : SEC_E_INTERNAL_ERROR;
}

static bool sends_v1(const struct ntlm_credential *credential)
{
    int level = credential->config.ntlm_lm_level;
    return level >= 0 && level < 3;
}

/* NTLMv1 (MS-NLMP 3.3.1), with levels 0 and 1 the LM response beside it unless extended session
 * security takes its place. A password without LM hash, and level 2 (NoLMResponseNTLMv1), have the
 * NT response in both fields. */
static SECURITY_STATUS make_response_v1(const struct ntlm_context *context, struct answer *answer)
{
    const struct ntlm_credential *credential = context->credential;
    const uint8_t *server = answer->challenge.challenge;
    bool with_lm = credential->has_lm_hash && credential->config.ntlm_lm_level < 2;
    uint8_t challenge[8];

    if (!sspi_blob_alloc(&answer->nt, NTLM_V1_RESPONSE_SIZE))
        return SEC_E_INSUFFICIENT_MEMORY;
    memcpy(challenge, server, sizeof challenge);
    bool good = true;
    if (context->flags & NTLM_ESS) {
        memcpy(answer->lm, answer->client_challenge, sizeof answer->client_challenge);
        good = ntlm_v1_session_challenge(server, answer->client_challenge, challenge);
    }
    good = good && ntlm_v1_response(credential->nt_hash, challenge, answer->nt.data);
    if (!(context->flags & NTLM_ESS)) {
        memcpy(answer->lm, answer->nt.data, sizeof answer->lm);
        good = good && (!with_lm || ntlm_v1_response(credential->lm_hash, challenge, answer->lm));
    }
    good = good && ntlm_v1_session_base_key(credential->nt_hash, answer->exchange_key) &&
           ntlm_v1_exchange_key(context->flags, answer->exchange_key, credential->lm_hash, server,
                                (struct sspi_view){answer->lm, sizeof answer->lm},
                                answer->exchange_key);
    return good ? SEC_E_OK : SEC_E_INTERNAL_ERROR;
}

/* Whether all that AUTHENTICATE says of us can be said in the server's charset. */
static bool can_spell(const struct ntlm_context *context)
{
    const struct ntlm_credential *credential = context->credential;
    const char *name = credential->config.ntlm_netbios_name;
    return context->flags & NTLM_UNICODE ||
           (ntlm_is_ascii(credential->user, strlen(credential->user)) &&
            ntlm_is_ascii(credential->domain, strlen(credential->domain)) &&
            ntlm_is_ascii(name, strlen(name)));
}

/* What client and server agree on, and whether that is enough. */
static SECURITY_STATUS agree(struct ntlm_context *context, uint32_t challenge)
{
    const struct ntlm_credential *credential = context->credential;
    if (!(challenge & (NTLM_UNICODE | NTLM_OEM)) || (context->flags & NTLM_DATAGRAM & ~challenge))
        return SEC_E_INVALID_TOKEN;
    context->flags = ntlm_flags_to_authenticate(context->flags, challenge);
    if (sends_v1(credential) && !credential->has_lm_hash)
        context->flags &= ~NTLM_LM_KEY;
    if (!(context->flags & NTLM_128) && credential->config.ntlm_require_128)
        return SEC_E_UNSUPPORTED_FUNCTION; /* trig.no-128bit */
    return can_spell(context) ? SEC_E_OK : SEC_E_UNSUPPORTED_FUNCTION;
}

static SECURITY_STATUS read_challenge(struct ntlm_context *context, struct answer *answer,
                                      const struct sspi_leg *leg)
{
    SECURITY_STATUS status = ntlm_read_challenge(leg->token, &answer->challenge);
    if (status != SEC_E_OK)
        return status;
    if (!ntlm_av_read(answer->challenge.target_info, &answer->av))
        return SEC_E_INVALID_TOKEN;
    context->req |= leg->req;
    status = agree(context, answer->challenge.flags);
    if (status != SEC_E_OK)
        return status;
    /* STATUS_LOGON_FAILURE: keys are not made for a server without names (MS-NLMP 3.1.5.1.2). */
    if (!context->is_anonymous && !sends_v1(context->credential) &&
        context->flags & (NTLM_SIGN | NTLM_SEAL) &&
        (!answer->av.present[NTLM_AV_NB_COMPUTER] || !answer->av.present[NTLM_AV_NB_DOMAIN]))
        return SEC_E_LOGON_DENIED;
    if (!keep_target(context, leg) ||
        (context->target && !sspi_utf16_blob(context->target, &answer->target)))
        return SEC_E_INSUFFICIENT_MEMORY;
    /* The domain or server that will vouch, for SECPKG_ATTR_AUTHORITY. */
    return ntlm_text(answer->challenge.target_name, context->flags, &context->authority);
}

/* ExportedSessionKey and how it travels, MS-NLMP 3.1.5.1.2. */
static SECURITY_STATUS make_keys(struct ntlm_context *context, struct answer *answer)
{
    memcpy(context->session_key, answer->exchange_key, sizeof context->session_key);
    if (context->flags & NTLM_KEY_EXCH) {
        struct sspi_rc4 rc4;
        if (!sspi_random(context->session_key, sizeof context->session_key))
            return SEC_E_INTERNAL_ERROR;
        sspi_rc4_init(&rc4, answer->exchange_key, sizeof answer->exchange_key);
        sspi_rc4_update(&rc4, context->session_key, answer->encrypted_key,
                        sizeof answer->encrypted_key);
        sspi_wipe(&rc4, sizeof rc4);
    }
    ntlm_protection_start(&context->protection, context->session_key, context->flags, true);
    return SEC_E_OK;
}

/* A name in the charset of the message. */
static struct sspi_view spell(uint32_t flags, const struct sspi_blob *utf16, const char *text)
{
    return flags & NTLM_UNICODE ? sspi_blob_view(utf16)
                                : (struct sspi_view){(const uint8_t *)text, strlen(text)};
}

static SECURITY_STATUS build(struct ntlm_context *context, const struct answer *answer,
                             struct sspi_leg *leg)
{
    const struct ntlm_credential *credential = context->credential;
    struct ntlm_authenticate message = {
        .flags = context->flags,
        .workstation =
            spell(context->flags, &credential->workstation16, credential->config.ntlm_netbios_name),
    };
    if (context->is_anonymous) {
        message.flags |= NTLM_ANONYMOUS;
        message.lm = (struct sspi_view){(const uint8_t *)"", 1}; /* Z(1), MS-NLMP 3.3.1 */
    } else {
        message.domain = spell(context->flags, &credential->domain16, credential->domain);
        message.user = spell(context->flags, &credential->user16, credential->user);
        message.lm = (struct sspi_view){answer->lm, sizeof answer->lm};
        message.nt = sspi_blob_view(&answer->nt);
    }
    if (context->flags & NTLM_KEY_EXCH)
        message.session_key =
            (struct sspi_view){answer->encrypted_key, sizeof answer->encrypted_key};
    SECURITY_STATUS status = ntlm_build_authenticate(&message, &leg->output);
    if (status != SEC_E_OK)
        return status;
    ntlm_set_version(&leg->output, credential->config.ntlm_version);
    if (leg->output.size > leg->max_output)
        return SEC_E_BUFFER_TOO_SMALL;
    if (context->has_mic &&
        !ntlm_mic(context->session_key, sspi_blob_view(&context->negotiate), leg->token,
                  sspi_blob_view(&leg->output), leg->output.data + NTLM_MIC_OFFSET))
        return SEC_E_INTERNAL_ERROR;
    return SEC_E_OK;
}

static SECURITY_STATUS authenticate(struct ntlm_context *context, struct sspi_leg *leg)
{
    const struct ntlm_credential *credential = context->credential;
    struct answer answer;
    memset(&answer, 0, sizeof answer);
    SECURITY_STATUS status = read_challenge(context, &answer, leg);
    if (status != SEC_E_OK)
        goto out;
    /* A null session has nothing to prove, yet Windows sends it with a MIC, under a zero key. */
    bool v1 = !context->is_anonymous && sends_v1(credential);
    /* So does NTLMv1, which has no AvPairs to announce it in (a recorded LDAP bind of Windows 10).
     */
    context->has_mic = has_time(&answer);
    if (!context->is_anonymous) {
        if (!sspi_random(answer.client_challenge, sizeof answer.client_challenge))
            status = SEC_E_INTERNAL_ERROR;
        else
            status = v1 ? make_response_v1(context, &answer) : make_response(context, &answer, leg);
        if (status != SEC_E_OK)
            goto out;
    }
    status = make_keys(context, &answer);
    if (status == SEC_E_OK)
        status = build(context, &answer, leg);
    if (status != SEC_E_OK)
        goto out;
    context->name = context->is_anonymous ? sspi_strdup("")
                                          : ntlm_full_name(credential->domain, credential->user);
    if (!context->name)
        status = SEC_E_INSUFFICIENT_MEMORY;
out:
    if (status != SEC_E_OK)
        sspi_blob_free(&leg->output);
    sspi_blob_free(&answer.target);
    sspi_blob_free(&answer.nt);
    sspi_wipe(&answer, sizeof answer);
    return status;
}

SECURITY_STATUS ntlm_initiate(void *credential, void **slot, struct sspi_leg *leg)
{
    struct ntlm_context *context = *slot;
    if (!context)
        return negotiate(credential, slot, leg);
    if (context->state != NTLM_WAITING || !context->is_client)
        return SEC_E_OUT_OF_SEQUENCE; /* trig.isc.retry-after-fail */
    SECURITY_STATUS status = authenticate(context, leg);
    context->state = status == SEC_E_OK ? NTLM_DONE : NTLM_FAILED;
    sspi_blob_free(&context->negotiate);
    if (status == SEC_E_OK)
        ntlm_leg_done(context, leg);
    return status;
}
