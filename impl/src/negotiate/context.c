/* SPDX-License-Identifier: Apache-2.0
 *
 * What the initiator and the acceptor of Negotiate do alike: driving the mechanism and the MIC
 * over the list of mechanisms (RFC 4178 5).
 */
#include "context.h"

#include <string.h>

bool neg_credential_usable(const struct neg_credential *credential, enum neg_package package)
{
    return credential->mech[package].package && credential->mech[package].status == SEC_E_OK;
}

struct neg_context *neg_context_new(const struct neg_credential *credential, bool initiator,
                                    const struct sspi_leg *leg)
{
    struct neg_context *context = sspi_alloc(sizeof *context);
    if (!context)
        return NULL;
    context->credential = credential;
    context->initiator = initiator;
    context->target = sspi_strdup(leg->target);
    if (leg->target && !context->target) {
        sspi_free(context);
        return NULL;
    }
    return context;
}

static void drop_mech(struct neg_context *context)
{
    if (context->package)
        context->package->free_context(context->mech_context);
    context->mech_context = NULL;
    context->mech_legs = 0;
    context->mech_done = false;
}

void neg_context_free(void *opaque)
{
    struct neg_context *context = opaque;
    if (!context)
        return;
    drop_mech(context);
    neg_token_free(&context->long_list);
    neg_token_free(&context->fragments.in);
    neg_token_free(&context->fragments.out);
    sspi_free(context->target);
    sspi_free(context);
}

void neg_mech_choose(struct neg_context *context, const struct neg_mech *mech)
{
    drop_mech(context);
    context->mech = mech;
    context->package = context->credential->mech[mech->package].package;
}

SECURITY_STATUS neg_mech_leg(struct neg_context *context, const struct sspi_leg *leg,
                             const struct sspi_view *token, ULONG extra_req,
                             struct sspi_blob *output)
{
    void *credential = context->credential->mech[context->mech->package].state;
    /* SPNEGO has no connectionless form: its first token is the initiator's. */
    ULONG req = leg->req & ~(ULONG)ISC_REQ_DATAGRAM;
    /* NO_INTEGRITY is a flag of the Negotiate page, not of every mechanism's. */
    if (context->initiator && req & ISC_REQ_NO_INTEGRITY)
        req &= ~(ULONG)ISC_REQ_INTEGRITY;
    struct sspi_leg inner = {
        .req = req | extra_req,
        .data_rep = leg->data_rep,
        .target = leg->target ? leg->target : context->target,
        .has_token = token != NULL,
        .token = token ? *token : (struct sspi_view){NULL, 0},
        .max_output = SIZE_MAX,
    };
    if (leg->bindings) {
        context->bindings = *leg->bindings;
        context->has_bindings = true;
    }
    inner.bindings = context->has_bindings ? &context->bindings : NULL;

    SECURITY_STATUS status =
        context->initiator ? context->package->initiate(credential, &context->mech_context, &inner)
                           : context->package->accept(credential, &context->mech_context, &inner);
    *output = inner.output;
    if (status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED)
        return status;
    context->mech_legs++;
    context->mech_done = status == SEC_E_OK;
    context->ret = inner.ret;
    if (inner.has_expiry) {
        context->has_expiry = true;
        context->expiry = inner.expiry;
    }
    return status;
}

void neg_report(const struct neg_context *context, struct sspi_leg *leg)
{
    leg->ret = context->ret;
    leg->has_expiry = context->has_expiry;
    leg->expiry = context->expiry;
}

SECURITY_STATUS neg_raw_leg(struct neg_context *context, struct sspi_leg *leg)
{
    SECURITY_STATUS status =
        neg_mech_leg(context, leg, leg->has_token ? &leg->token : NULL, 0, &leg->output);
    neg_report(context, leg);
    context->complete = status == SEC_E_OK;
    return status;
}

/* ---- mechListMIC ---------------------------------------------------------------------------- */

/* NTLM with a MIC of its own must have one (fact.mechlist-mic.ntlm-internal-mic). */
static bool mech_demands_mic(const struct neg_context *context)
{
    return context->package->wants_mechlist_mic &&
           context->package->wants_mechlist_mic(context->mech_context);
}

/* Required, or a mechanism other than NTLM that took longer than the one round trip in which the
 * optimistic token settles everything: so do Windows' DCE-style and user-to-user exchanges. */
bool neg_mic_wanted(const struct neg_context *context)
{
    if (context->mic_sent)
        return false;
    return context->mic_required || mech_demands_mic(context) ||
           (!context->package->wants_mechlist_mic && context->mech_legs > 1);
}

SECURITY_STATUS neg_mic_make(struct neg_context *context, struct sspi_blob *mic)
{
    SECURITY_STATUS status =
        context->package->make_mic(context->mech_context, context->mech_types, mic);
    if (status == SEC_E_UNSUPPORTED_FUNCTION)
        return SEC_E_OK;
    context->mic_sent = status == SEC_E_OK;
    return status;
}

SECURITY_STATUS neg_mic_check(struct neg_context *context, struct sspi_view mic)
{
    SECURITY_STATUS status =
        context->package->check_mic(context->mech_context, context->mech_types, mic);
    /* There is no key to check it with: a Windows server that let a guest in ignored his MIC
     * (fact.recorded.guest-mic-ignored). It proves nothing then, and none is owed for it. */
    if (status == SEC_E_UNSUPPORTED_FUNCTION)
        return SEC_E_OK;
    context->mic_checked = status == SEC_E_OK;
    return status;
}

/* A mechanism without integrity cannot protect the negotiation, and RFC 4178 5 lets it pass.
 * Whether it has some is found out by asking it for a MIC: if it makes one, the exchange fails. */
SECURITY_STATUS neg_mic_missing(struct neg_context *context)
{
    struct sspi_blob mic = {NULL, 0};
    if (context->mic_checked)
        return SEC_E_OK;
    if (!context->mic_required && !context->mic_sent && !mech_demands_mic(context))
        return SEC_E_OK;
    SECURITY_STATUS status =
        context->package->make_mic(context->mech_context, context->mech_types, &mic);
    neg_token_free(&mic);
    if (status == SEC_E_UNSUPPORTED_FUNCTION)
        return SEC_E_OK;
    return status == SEC_E_INSUFFICIENT_MEMORY ? status : SEC_E_INVALID_TOKEN;
}

bool neg_keep_mech_types(struct neg_context *context, struct sspi_view mech_types)
{
    if (mech_types.size <= sizeof context->short_list) {
        memcpy(context->short_list, mech_types.data, mech_types.size);
        context->mech_types = (struct sspi_view){context->short_list, mech_types.size};
        return true;
    }
    bool good = sspi_blob_copy(&context->long_list, mech_types.data, mech_types.size);
    context->mech_types = sspi_blob_view(&context->long_list);
    return good;
}

SECURITY_STATUS neg_send(struct sspi_leg *leg, const struct neg_resp *resp)
{
    return neg_resp_encode(resp, &leg->output) ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}
