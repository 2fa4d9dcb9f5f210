/* SPDX-License-Identifier: Apache-2.0
 *
 * The initiator of SPNEGO (RFC 4178 4.2, 5; MS-SPNG 3.1.5, 3.3.5).
 */
#include "context.h"
#include "error.h"

static bool succeeded(SECURITY_STATUS status)
{
    return status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED;
}

/* The MIC that goes with NTLM needs its signing keys, so SPNEGO asks for integrity on behalf of a
 * caller that did not, unless he said no. */
static ULONG extra_req(const struct neg_mech *mech, const struct sspi_leg *leg)
{
    return mech->package == NEG_NTLM && !(leg->req & ISC_REQ_NO_INTEGRITY) ? ISC_REQ_INTEGRITY : 0;
}

static SECURITY_STATUS run(struct neg_context *context, const struct sspi_leg *leg,
                           const struct sspi_view *token, struct sspi_blob *output)
{
    return neg_mech_leg(context, leg, token, extra_req(context->mech, leg), output);
}

/* ---- the first leg -------------------------------------------------------------------------- */

/* Why there is no mechanism: what acquiring the last one said, or that none was wanted
 * (trig.isc.negotiate.no-mech). */
static SECURITY_STATUS no_mechanism(const struct neg_credential *credential)
{
    SECURITY_STATUS status = SEC_E_NO_CREDENTIALS;
    for (int p = 0; p < NEG_PACKAGES; p++) {
        if (credential->mech[p].package)
            status = credential->mech[p].status;
    }
    return status;
}

/* Kerberos when there is somebody to ask a ticket for and it can be had, else NTLM. */
static SECURITY_STATUS start_mechanism(struct neg_context *context, const struct sspi_leg *leg,
                                       struct sspi_blob *token)
{
    bool kerberos = neg_credential_usable(context->credential, NEG_KERBEROS);
    bool ntlm = neg_credential_usable(context->credential, NEG_NTLM);
    bool target = leg->target && *leg->target;

    if (kerberos && (target || !ntlm)) {
        neg_mech_choose(context, &neg_mechs_known[NEG_MECH_MS_KERBEROS]);
        SECURITY_STATUS status = run(context, leg, NULL, token);
        if (succeeded(status) || status == SEC_E_INSUFFICIENT_MEMORY || !ntlm)
            return status;
        neg_token_free(token);
    }
    if (!ntlm)
        return no_mechanism(context->credential);
    neg_mech_choose(context, &neg_mechs_known[NEG_MECH_NTLM]);
    return run(context, leg, NULL, token);
}

static bool offers(const struct neg_context *context, const struct neg_mech *mech)
{
    return mech->package == context->mech->package ||
           (mech->package == NEG_NTLM && neg_credential_usable(context->credential, NEG_NTLM));
}

static SECURITY_STATUS send_init(struct neg_context *context, struct sspi_leg *leg,
                                 const struct sspi_blob *token)
{
    struct sspi_view oids[NEG_MECHS];
    size_t count = 0;
    for (size_t i = 0; i < NEG_MECHS; i++) {
        if (offers(context, &neg_mechs_known[i]))
            oids[count++] = neg_mechs_known[i].oid;
    }
    if (!neg_mech_types_encode(oids, count, &context->long_list))
        return SEC_E_INSUFFICIENT_MEMORY;
    context->mech_types = sspi_blob_view(&context->long_list);
    struct neg_init init = {.mech_types = context->mech_types, .mech_token = sspi_blob_view(token)};
    return neg_init_encode(&init, &leg->output) ? SEC_I_CONTINUE_NEEDED : SEC_E_INSUFFICIENT_MEMORY;
}

/* An acceptor that offers nothing at all is spoken to in bare NTLM (fact.spnego.no-mechtypes), but
 * only where NTLM was chosen anyway: nothing vouches for the hint, so it must not cost Kerberos. */
static bool is_empty_hint(const struct sspi_leg *leg)
{
    struct sspi_view oid, inner = leg->token;
    struct neg_init init;
    (void)neg_unframe(leg->token, &oid, &inner);
    return leg->token.size && neg_init_decode(inner, NEG_TRAILING_IGNORED, &init) &&
           !init.mech_types.data;
}

/* Of pInput nothing else is looked at: it may be the acceptor's hint, whose order Windows ignores
 * (fact.init2-ignored), or whatever the caller left there (path.negotiate.empty-first-input). */
static SECURITY_STATUS first_leg(struct neg_context *context, struct sspi_leg *leg)
{
    struct sspi_blob token = {NULL, 0};
    SECURITY_STATUS status;

    if (context->credential->raw_ntlm) {
        if (!neg_credential_usable(context->credential, NEG_NTLM))
            return no_mechanism(context->credential);
        context->raw = true;
        neg_mech_choose(context, &neg_mechs_known[NEG_MECH_NTLM]);
        status = neg_mech_leg(context, leg, NULL, 0, &leg->output);
    } else {
        status = start_mechanism(context, leg, &token);
        if (succeeded(status) && context->mech->package == NEG_NTLM && is_empty_hint(leg)) {
            context->raw = true;
            leg->output = token;
            token = (struct sspi_blob){NULL, 0};
        } else if (succeeded(status)) {
            status = send_init(context, leg, &token);
        }
        neg_token_free(&token);
    }
    neg_report(context, leg);
    return status;
}

/* ---- later legs ----------------------------------------------------------------------------- */

static SECURITY_STATUS malformed(const char *why)
{
    sspi_error_set("InitializeSecurityContext (Negotiate): the acceptor's token %s", why);
    return SEC_E_INVALID_TOKEN;
}

/* What the first answer says about the mechanism. [out] restart: another one than the optimistic
 * one, which starts now. MS-KRB5 and KRB5 are the same one. */
static SECURITY_STATUS read_choice(struct neg_context *context, const struct neg_resp *resp,
                                   bool *restart)
{
    *restart = false;
    context->answered = true;
    if (resp->state == NEG_REQUEST_MIC)
        context->mic_required = true;
    if (!resp->supported_mech.data)
        return SEC_E_OK;
    const struct neg_mech *mech = neg_mech_find(resp->supported_mech);
    if (!mech || !offers(context, mech))
        return malformed("selects a mechanism that was not offered");
    if (mech->package == context->mech->package)
        return SEC_E_OK;
    if (resp->token.size)
        return malformed("selects another mechanism and answers to it already");
    /* RFC 4178 5: with another than the preferred mechanism the MIC is not optional. Windows
     * clients let it be when an acceptor moves them to NTLM with accept-incomplete, as Windows 2003
     * and its imitators do (fact.recorded.reselect-without-mic); NTLM may demand one for itself. */
    if (mech->package != NEG_NTLM)
        context->mic_required = true;
    neg_mech_choose(context, mech);
    *restart = true;
    return SEC_E_OK;
}

/* A mechanism's error token says more than the word reject. */
static SECURITY_STATUS rejected(struct neg_context *context, const struct sspi_leg *leg,
                                const struct neg_resp *resp)
{
    struct sspi_blob output = {NULL, 0};
    SECURITY_STATUS status = SEC_E_LOGON_DENIED;
    if (resp->token.size && !context->mech_done) {
        status = run(context, leg, &resp->token, &output);
        neg_token_free(&output);
    }
    if (!succeeded(status))
        return status;
    sspi_error_set("InitializeSecurityContext (Negotiate): the acceptor rejected the negotiation");
    return SEC_E_LOGON_DENIED;
}

static SECURITY_STATUS feed_mechanism(struct neg_context *context, const struct sspi_leg *leg,
                                      const struct neg_resp *resp, bool restart,
                                      struct sspi_blob *output)
{
    if (restart)
        return run(context, leg, NULL, output);
    if (context->mech_done)
        return resp->token.size ? malformed("goes on with a finished mechanism") : SEC_E_OK;
    if (!resp->token.data)
        return malformed("does not answer the mechanism");
    return run(context, leg, &resp->token, output);
}

/* A MIC counts only when the mechanism is finished. Windows 2000 repeats its response token
 * there (fact.w2000-mic). */
static SECURITY_STATUS read_mic(struct neg_context *context, const struct neg_resp *resp)
{
    if (!resp->mic.data)
        return SEC_E_OK;
    if (resp->mic.size == resp->token.size && resp->mic.size &&
        sspi_equal(resp->mic.data, resp->token.data, resp->mic.size))
        return SEC_E_OK;
    if (!context->mech_done)
        return malformed("has a mechListMIC before the mechanism is finished");
    return neg_mic_check(context, resp->mic);
}

/* A MIC of our own, with the mechanism's last token or alone. */
static SECURITY_STATUS send_resp(struct neg_context *context, struct sspi_leg *leg,
                                 enum neg_state state, const struct sspi_blob *token, bool with_mic)
{
    struct sspi_blob mic = {NULL, 0};
    SECURITY_STATUS status = with_mic ? neg_mic_make(context, &mic) : SEC_E_OK;
    if (status == SEC_E_OK && !token->size && !mic.size)
        status = malformed("waits for more although nothing is left to send");
    /* The last token has a negState only beside a MIC (recorded.spnego.no-state-without-mic). */
    if (context->mech_done && !mic.size)
        state = NEG_NO_STATE;
    if (status == SEC_E_OK)
        status = neg_send(leg, &(struct neg_resp){.state = state,
                                                  .token = sspi_blob_view(token),
                                                  .mic = sspi_blob_view(&mic)});
    neg_token_free(&mic);
    return status;
}

/* The mechanism has nothing more to say: all that is left is MICs. */
static SECURITY_STATUS wind_up(struct neg_context *context, struct sspi_leg *leg,
                               enum neg_state peer)
{
    const struct sspi_blob none = {NULL, 0};
    SECURITY_STATUS status;

    if (peer == NEG_ACCEPT_COMPLETED || (context->mic_sent && context->mic_checked)) {
        status = neg_mic_missing(context);
    } else if (context->mic_sent) {
        status = malformed("owes a mechListMIC");
    } else {
        /* The acceptor waits for ours. After his this is the end, before it he still answers. */
        enum neg_state state = context->mic_checked ? NEG_ACCEPT_COMPLETED : NEG_ACCEPT_INCOMPLETE;
        status = send_resp(context, leg, state, &none, true);
        if (status == SEC_E_OK && !context->mic_checked)
            return SEC_I_CONTINUE_NEEDED;
    }
    context->complete = status == SEC_E_OK;
    return status;
}

static SECURITY_STATUS later_leg(struct neg_context *context, struct sspi_leg *leg)
{
    struct neg_resp resp;
    struct sspi_blob output = {NULL, 0};
    bool restart = false;
    SECURITY_STATUS status = SEC_E_OK;

    if (!neg_resp_decode(leg->token, NEG_TRAILING_REFUSED, &resp))
        return malformed("is no NegTokenResp");
    if (resp.state == NEG_REJECT)
        return rejected(context, leg, &resp);
    if (!context->answered)
        status = read_choice(context, &resp, &restart);
    else if (resp.state == NEG_REQUEST_MIC) /* RFC 4178 4.2.2: in the first answer only */
        status = malformed("asks for a MIC too late");
    if (status == SEC_E_OK)
        status = feed_mechanism(context, leg, &resp, restart, &output);
    if (succeeded(status))
        status = read_mic(context, &resp);
    if (status != SEC_E_OK)
        goto out;

    if (context->mech_done && !output.size)
        status = wind_up(context, leg, resp.state);
    else if (resp.state == NEG_ACCEPT_COMPLETED)
        status = malformed("says the end before the mechanism does");
    else
        status = send_resp(context, leg, NEG_ACCEPT_INCOMPLETE, &output,
                           context->mech_done && neg_mic_wanted(context));
    if (status == SEC_E_OK && !context->complete)
        status = SEC_I_CONTINUE_NEEDED;
out:
    neg_token_free(&output);
    neg_report(context, leg);
    return status;
}

static SECURITY_STATUS initiate_whole(struct neg_context *context, struct sspi_leg *leg)
{
    if (context->complete)
        return SEC_E_OUT_OF_SEQUENCE;
    if (!context->mech)
        return first_leg(context, leg);
    return context->raw ? neg_raw_leg(context, leg) : later_leg(context, leg);
}

SECURITY_STATUS neg_initiate(void *credential, void **opaque, struct sspi_leg *leg)
{
    if (!*opaque)
        *opaque = neg_context_new(credential, true, leg);
    return *opaque ? neg_fragmented(*opaque, leg, initiate_whole) : SEC_E_INSUFFICIENT_MEMORY;
}
