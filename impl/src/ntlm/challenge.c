/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor's first leg: CHALLENGE, in answer to NEGOTIATE (MS-NLMP 3.2.5.1.1) or, without a
 * connection, as the first message of all (3.2.5.2.1).
 */
#include <string.h>

#include "env.h"
#include "ntlm/av.h"
#include "ntlm/context.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"

/* Places in the CHALLENGE that ntlm_acquire prepared. */
#define CHALLENGE_NAME 12
#define CHALLENGE_FLAGS 20
#define TIMESTAMP_FROM_END 12 /* eight bytes and the EOL behind them */

/* What the client offers, and whether that is enough. Nothing is read of a connectionless client:
 * it has said nothing yet. */
static SECURITY_STATUS agree(const struct ntlm_credential *credential, const struct sspi_leg *leg,
                             uint32_t *flags)
{
    uint32_t offered;
    if (leg->req & ASC_REQ_DATAGRAM && !leg->token.size) {
        *flags = ntlm_flags_of_datagram();
        return SEC_E_OK;
    }
    SECURITY_STATUS status = ntlm_read_negotiate(leg->token, &offered);
    if (status != SEC_E_OK)
        return status;
    if (!(offered & (NTLM_UNICODE | NTLM_OEM)))
        return SEC_E_INVALID_TOKEN; /* MS-NLMP 2.2.2.5 */
    if (!(offered & NTLM_128) && credential->config.ntlm_require_128)
        return SEC_E_UNSUPPORTED_FUNCTION; /* trig.no-128bit */
    *flags = ntlm_flags_to_challenge(offered);
    return SEC_E_OK;
}

/* The prepared message, for a client without Unicode with the target name in ASCII: a name that is
 * not ASCII is left out, since nobody knows the client's code page. AV pairs are Unicode always. */
static SECURITY_STATUS copy_prepared(const struct ntlm_credential *credential, uint32_t flags,
                                     struct sspi_blob *message)
{
    const struct sspi_blob *prepared = &credential->challenge;
    if (flags & NTLM_UNICODE)
        return sspi_blob_copy(message, prepared->data, prepared->size) ? SEC_E_OK
                                                                       : SEC_E_INSUFFICIENT_MEMORY;
    const char *name = credential->config.ntlm_netbios_domain;
    struct ntlm_challenge parts;
    SECURITY_STATUS status = ntlm_read_challenge(sspi_blob_view(prepared), &parts);
    if (status != SEC_E_OK)
        return status;
    parts.target_name = (struct sspi_view){(const uint8_t *)name, strlen(name)};
    if (!ntlm_is_ascii(name, parts.target_name.size))
        parts.target_name.size = 0;
    status = ntlm_build_challenge(&parts, message);
    if (status == SEC_E_OK)
        ntlm_set_version(message, credential->config.ntlm_version);
    return status;
}

/* Flags, time and chance. */
static SECURITY_STATUS fill_in(struct ntlm_context *context)
{
    uint8_t *at = context->challenge.data;
    uint32_t type =
        ntlm_get32(at + CHALLENGE_FLAGS) & (NTLM_TARGET_TYPE_DOMAIN | NTLM_TARGET_TYPE_SERVER);
    if (!(context->flags & NTLM_REQUEST_TARGET)) {
        type = 0;
        memset(at + CHALLENGE_NAME, 0, 4);
    }
    ntlm_put32(at + CHALLENGE_FLAGS, context->flags | type);
    if (context->credential->config.ntlm_av_timestamp)
        ntlm_put64(at + context->challenge.size - TIMESTAMP_FROM_END, sspi_now());
    return sspi_random(at + NTLM_CHALLENGE_BYTES, 8) ? SEC_E_OK : SEC_E_INTERNAL_ERROR;
}

SECURITY_STATUS ntlm_challenge(struct ntlm_credential *credential, void **slot,
                               struct sspi_leg *leg)
{
    uint32_t flags;
    if (!credential || !credential->inbound)
        return SEC_E_NO_CREDENTIALS;
    if (credential->config.ntlm_block_incoming)
        return SEC_E_UNSUPPORTED_FUNCTION; /* STATUS_NOT_SUPPORTED, trig.ntlm.blocked */
    SECURITY_STATUS status = agree(credential, leg, &flags);
    if (status != SEC_E_OK)
        return status;
    struct ntlm_context *context = ntlm_context_new(credential, false);
    if (!context)
        return SEC_E_INSUFFICIENT_MEMORY;
    context->req = leg->req;
    context->flags = flags;
    status = copy_prepared(credential, flags, &context->challenge);
    if (status == SEC_E_OK && context->challenge.size > leg->max_output)
        status = SEC_E_BUFFER_TOO_SMALL;
    if (status == SEC_E_OK && leg->token.size &&
        !sspi_blob_copy(&context->negotiate, leg->token.data, leg->token.size))
        status = SEC_E_INSUFFICIENT_MEMORY;
    if (status == SEC_E_OK)
        status = fill_in(context);
    if (status == SEC_E_OK &&
        !sspi_blob_copy(&leg->output, context->challenge.data, context->challenge.size))
        status = SEC_E_INSUFFICIENT_MEMORY;
    if (status != SEC_E_OK) {
        ntlm_context_free(context);
        return status;
    }
    ntlm_leg_done(context, leg);
    *slot = context;
    return SEC_I_CONTINUE_NEEDED;
}
