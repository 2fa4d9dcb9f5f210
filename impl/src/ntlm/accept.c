/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor: CHALLENGE, then the verdict on AUTHENTICATE (MS-NLMP 3.2.5.1).
 */
#include <string.h>

#include "authority/status.h"
#include "env.h"
#include "ntlm/av.h"
#include "ntlm/context.h"
#include "ntlm/keys.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"

/* Places in the CHALLENGE that ntlm_acquire prepared. */
#define CHALLENGE_NAME 12
#define CHALLENGE_FLAGS 20
#define CHALLENGE_BYTES 24
#define TIMESTAMP_FROM_END 12 /* eight bytes and the EOL behind them */

#define PROOF_SIZE 16
#define BLOB_HEADER 28
#define V1_RESPONSE_SIZE 24
#define V2_RESPONSE_MIN (PROOF_SIZE + BLOB_HEADER + NTLM_AV_HEADER)

/* What one AUTHENTICATE says, read. */
struct claim {
    struct ntlm_authenticate message;
    struct ntlm_av av; /* of the NTLMv2 response: proven together with it */
    char *user, *domain, *workstation;
};

static SECURITY_STATUS challenge(struct ntlm_credential *credential, void **slot,
                                 struct sspi_leg *leg)
{
    uint32_t offered;
    if (!credential || !credential->inbound)
        return SEC_E_NO_CREDENTIALS;
    SECURITY_STATUS status = ntlm_read_negotiate(leg->token, &offered);
    if (status != SEC_E_OK)
        return status;
    if (!(offered & NTLM_UNICODE))
        return SEC_E_INVALID_TOKEN; /* the code pages of OEM clients are not for us to guess */
    if (credential->challenge.size > leg->max_output)
        return SEC_E_BUFFER_TOO_SMALL;
    struct ntlm_context *context = ntlm_context_new(credential, false);
    if (!context)
        return SEC_E_INSUFFICIENT_MEMORY;
    if (!sspi_blob_copy(&context->negotiate, leg->token.data, leg->token.size) ||
        !sspi_blob_copy(&context->challenge, credential->challenge.data,
                        credential->challenge.size)) {
        status = SEC_E_INSUFFICIENT_MEMORY;
        goto out;
    }
    uint8_t *at = context->challenge.data;
    context->req = leg->req;
    context->flags = ntlm_flags_to_challenge(offered);
    uint32_t type = ntlm_get32(at + CHALLENGE_FLAGS);
    if (!(offered & NTLM_REQUEST_TARGET)) {
        type = 0;
        memset(at + CHALLENGE_NAME, 0, 4);
    }
    ntlm_put32(at + CHALLENGE_FLAGS, context->flags | type);
    if (credential->config.ntlm_av_timestamp)
        ntlm_put64(at + context->challenge.size - TIMESTAMP_FROM_END, sspi_now());
    if (!sspi_random(at + CHALLENGE_BYTES, 8))
        status = SEC_E_INTERNAL_ERROR;
    else if (!sspi_blob_copy(&leg->output, at, context->challenge.size))
        status = SEC_E_INSUFFICIENT_MEMORY;
out:
    if (status != SEC_E_OK) {
        ntlm_context_free(context);
        return status;
    }
    ntlm_leg_done(context, leg);
    *slot = context;
    return SEC_I_CONTINUE_NEEDED;
}

/* MS-NLMP 3.2.5.1.2; the ANONYMOUS flag itself decides nothing. */
static bool is_null_session(const struct ntlm_authenticate *message)
{
    return !message->user.size && !message->nt.size &&
           (!message->lm.size || (message->lm.size == 1 && !message->lm.data[0]));
}

/* Structure only; nothing here trusts what it reads. */
static SECURITY_STATUS read_claim(struct ntlm_context *context, struct claim *claim,
                                  struct sspi_view token)
{
    const struct ntlm_authenticate *message = &claim->message;
    SECURITY_STATUS status = ntlm_read_authenticate(token, &claim->message);
    if (status != SEC_E_OK)
        return status;
    /* The client picks from the CHALLENGE; what it adds on its own counts for nothing. */
    context->flags &= message->flags | NTLM_TARGET_INFO | NTLM_VERSION;
    if (!(context->flags & NTLM_UNICODE) ||
        (context->flags & NTLM_KEY_EXCH && message->session_key.size != NTLM_KEY_SIZE))
        return SEC_E_INVALID_TOKEN;
    context->is_anonymous = is_null_session(message);
    if (context->is_anonymous)
        return SEC_E_OK;
    if (message->nt.size == 0 || message->nt.size == V1_RESPONSE_SIZE)
        return SEC_E_LOGON_DENIED; /* LM and NTLMv1 are refused, as by LmCompatibilityLevel 5 */
    if (message->nt.size < V2_RESPONSE_MIN)
        return SEC_E_INVALID_TOKEN;
    struct sspi_view pairs = {message->nt.data + PROOF_SIZE + BLOB_HEADER,
                              message->nt.size - PROOF_SIZE - BLOB_HEADER};
    if (!ntlm_av_read(pairs, &claim->av))
        return SEC_E_INVALID_TOKEN;
    status = ntlm_text(message->user, &claim->user);
    if (status == SEC_E_OK)
        status = ntlm_text(message->domain, &claim->domain);
    if (status == SEC_E_OK)
        status = ntlm_text(message->workstation, &claim->workstation);
    return status;
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
        .challenge = context->challenge.data + CHALLENGE_BYTES,
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
    return ntlm_text(claim->av.value[NTLM_AV_TARGET_NAME], &context->target);
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
        return challenge(credential, slot, leg);
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
