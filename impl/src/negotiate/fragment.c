/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens in pieces (MS-SPNG 3.1.5.6, 3.1.5.9, 3.3.5; path.spnego.fragment). A sender that was
 * asked to (ISC_REQ_FRAGMENT_TO_FIT, ASC_REQ_FRAGMENT_TO_FIT) cuts a token that is larger than the
 * caller's buffer; the receiver answers every piece with an empty token until the length in the
 * DER header is reached.
 */
#include <string.h>

#include "context.h"
#include "error.h"

/* Of a gathered token. The buffer is as large as the header says, so a peer that sends nothing but
 * headers must not get much: the largest Kerberos token Windows allows, framed, and some. */
#define MOST_GATHERED 0x20000
/* The first piece holds the whole DER header (MS-SPNG 3.1.5.6: "at least 5 bytes"). */
#define LEAST_PIECE 5

_Static_assert(ISC_REQ_FRAGMENT_TO_FIT == ISC_RET_FRAGMENT_ONLY &&
                   ASC_REQ_FRAGMENT_TO_FIT == ASC_RET_FRAGMENT_ONLY,
               "one bit for the wish and for its answer");

static ULONG fragment_bit(const struct neg_context *context)
{
    return context->initiator ? ISC_REQ_FRAGMENT_TO_FIT : ASC_REQ_FRAGMENT_TO_FIT;
}

static SECURITY_STATUS malformed(const struct neg_context *context, const char *why)
{
    sspi_error_set("%s (Negotiate): the token in fragments %s",
                   context->initiator ? "InitializeSecurityContext" : "AcceptSecurityContext", why);
    return SEC_E_INVALID_TOKEN;
}

/* ---- in ------------------------------------------------------------------------------------- */

/* How long a SPNEGO token says it is, header included; 0 when it is none or its header is not
 * whole. Lengths of four octets at most, which is more than is ever gathered. */
static size_t declared_size(struct sspi_view token)
{
    if (token.size < 2 || (token.data[0] != 0x60 && token.data[0] != 0xa0 && token.data[0] != 0xa1))
        return 0;
    size_t octets = token.data[1] & 0x7f, size = 0;
    if (token.data[1] < 0x80)
        return 2 + octets;
    if (octets < 1 || octets > 4 || token.size < 2 + octets)
        return 0;
    for (size_t i = 0; i < octets; i++)
        size = size << 8 | token.data[2 + i];
    return 2 + octets + size;
}

static SECURITY_STATUS gather(struct neg_context *context, struct sspi_leg *leg, bool *whole)
{
    struct neg_fragments *fragments = &context->fragments;

    *whole = false;
    if (!fragments->in.size) {
        size_t size = declared_size(leg->token);
        if (size <= leg->token.size) { /* nothing is missing, or it is no case for us */
            *whole = true;
            return SEC_E_OK;
        }
        if (size > MOST_GATHERED)
            return malformed(context, "says it is larger than any");
        if (!sspi_blob_alloc(&fragments->in, size))
            return SEC_E_INSUFFICIENT_MEMORY;
    }
    /* An empty piece would let both sides wait for ever. */
    if (!leg->token.size)
        return malformed(context, "breaks off");
    if (leg->token.size > fragments->in.size - fragments->received)
        return malformed(context, "is longer than it said");
    memcpy(fragments->in.data + fragments->received, leg->token.data, leg->token.size);
    fragments->received += leg->token.size;
    *whole = fragments->received == fragments->in.size;
    neg_report(context, leg);
    return *whole ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
}

/* ---- out ------------------------------------------------------------------------------------ */

/* With the last piece comes the status of the leg that made the token. */
static SECURITY_STATUS send_piece(struct neg_context *context, struct sspi_leg *leg)
{
    struct neg_fragments *fragments = &context->fragments;
    size_t left = fragments->out.size - fragments->sent;
    size_t size = left < leg->max_output ? left : leg->max_output;

    if (!size)
        return SEC_E_BUFFER_TOO_SMALL;
    if (!sspi_blob_copy(&leg->output, fragments->out.data + fragments->sent, size))
        return SEC_E_INSUFFICIENT_MEMORY;
    fragments->sent += size;
    neg_report(context, leg);
    if (size < left) {
        leg->ret |= fragment_bit(context);
        return SEC_I_CONTINUE_NEEDED;
    }
    neg_token_free(&fragments->out);
    return fragments->status;
}

static bool must_cut(const struct neg_context *context, const struct sspi_leg *leg)
{
    return leg->req & fragment_bit(context) && !context->raw &&
           leg->output.size > leg->max_output && leg->max_output >= LEAST_PIECE;
}

SECURITY_STATUS neg_fragmented(struct neg_context *context, struct sspi_leg *leg, neg_step *step)
{
    struct neg_fragments *fragments = &context->fragments;
    bool whole = true;
    SECURITY_STATUS status = SEC_E_OK;

    if (fragments->out.size)
        return leg->token.size ? malformed(context, "is answered before it is complete")
                               : send_piece(context, leg);
    /* What a caller hands over before the initiator has sent anything may be no token at all
     * (path.negotiate.empty-first-input), and the mechanisms know no fragments. */
    if (!context->raw && !context->complete && (!context->initiator || context->mech))
        status = gather(context, leg, &whole);
    if (!whole)
        return status;
    if (fragments->in.size)
        leg->token = sspi_blob_view(&fragments->in);
    status = step(context, leg);
    neg_token_free(&fragments->in);
    fragments->received = 0;
    if ((status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED) || !must_cut(context, leg))
        return status;
    fragments->out = leg->output;
    fragments->sent = 0;
    fragments->status = status;
    leg->output = (struct sspi_blob){NULL, 0};
    return send_piece(context, leg);
}
