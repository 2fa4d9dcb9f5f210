/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor of SPNEGO (RFC 4178 4.2, 5; MS-SPNG 3.2.5), and of bare NTLM and Kerberos tokens.
 */
#include <string.h>

#include "context.h"
#include "error.h"

#define AP_REQ_TAG                                                                                 \
    0x6e /* [APPLICATION 14]: a DCE-style AP-REQ has no GSS framing (MS-KILE 3.4.5.1) */

static SECURITY_STATUS malformed(const char *why)
{
    sspi_error_set("AcceptSecurityContext (Negotiate): the initiator's token %s", why);
    return SEC_E_INVALID_TOKEN;
}

/* The supportedMech of the first answer; it is the OID the initiator listed, so MS-KRB5 is
 * answered with MS-KRB5 (fact.spng.server-supportedmech). */
static struct sspi_view supported_mech(struct neg_context *context)
{
    bool first = !context->answered;
    context->answered = true;
    return first ? context->mech->oid : (struct sspi_view){NULL, 0};
}

/* Beside an error: a mechanism's own error token travels in accept-incomplete, as Windows sends
 * KRB-ERROR; a reject is sent only to callers that asked for error tokens. */
static SECURITY_STATUS refuse(struct neg_context *context, struct sspi_leg *leg,
                              const struct sspi_blob *output, SECURITY_STATUS status)
{
    if (output->size)
        (void)neg_send(leg, &(struct neg_resp){.state = NEG_ACCEPT_INCOMPLETE,
                                               .supported_mech = supported_mech(context),
                                               .token = sspi_blob_view(output)});
    else if (leg->req & ASC_REQ_EXTENDED_ERROR)
        (void)neg_send(leg, &(struct neg_resp){.state = NEG_REJECT});
    return status;
}

/* ---- answering ------------------------------------------------------------------------------ */

/* The mechanism is finished. [in] output: its last token, [in] mic: the initiator's. */
static SECURITY_STATUS finish(struct neg_context *context, struct sspi_leg *leg,
                              const struct sspi_blob *output, struct sspi_view mic)
{
    struct neg_resp resp = {.state = NEG_ACCEPT_COMPLETED, .token = sspi_blob_view(output)};
    struct sspi_blob own = {NULL, 0};
    SECURITY_STATUS status = mic.data ? neg_mic_check(context, mic) : SEC_E_OK;

    /* Ours first when the mechanism's last token is ours too: the initiator could not make his
     * before he has that token. */
    bool ask = status == SEC_E_OK && output->size && !mic.data && neg_mic_wanted(context);
    if (status == SEC_E_OK && (ask || context->mic_checked))
        status = neg_mic_make(context, &own);
    ask = ask && own.size;
    if (status == SEC_E_OK && !ask)
        status = neg_mic_missing(context);
    if (status != SEC_E_OK)
        goto out;
    if (ask)
        resp.state = NEG_ACCEPT_INCOMPLETE;
    resp.supported_mech = supported_mech(context);
    resp.mic = sspi_blob_view(&own);
    status = neg_send(leg, &resp);
    context->complete = status == SEC_E_OK && !ask;
    if (status == SEC_E_OK && ask)
        status = SEC_I_CONTINUE_NEEDED;
out:
    neg_token_free(&own);
    return status;
}

static SECURITY_STATUS step(struct neg_context *context, struct sspi_leg *leg,
                            struct sspi_view token, struct sspi_view mic)
{
    struct sspi_blob output = {NULL, 0};
    SECURITY_STATUS status = neg_mech_leg(context, leg, &token, 0, &output);

    if (status == SEC_E_OK)
        status = finish(context, leg, &output, mic);
    else if (status != SEC_I_CONTINUE_NEEDED)
        status = refuse(context, leg, &output, status);
    else if (mic.data && context->mech_legs > 1) /* beside the first token it is early, not wrong */
        status = malformed("has a mechListMIC before the mechanism is finished");
    else if ((status = neg_send(leg, &(struct neg_resp){.state = NEG_ACCEPT_INCOMPLETE,
                                                        .supported_mech = supported_mech(context),
                                                        .token = sspi_blob_view(&output)})) ==
             SEC_E_OK)
        status = SEC_I_CONTINUE_NEEDED;
    neg_token_free(&output);
    return status;
}

/* ---- the first token ------------------------------------------------------------------------ */

/* The first mechanism of the initiator's list, at or behind *from, that can be had here; NEGOEX
 * and the like are passed over. *from becomes its place. NULL: none. */
static const struct neg_mech *select_mech(const struct neg_context *context, size_t *from,
                                          const struct neg_mech *other_than)
{
    struct sspi_view list = neg_mechs(context->mech_types), oid;
    for (size_t place = 0; neg_next_mech(&list, &oid); place++) {
        const struct neg_mech *mech = neg_mech_find(oid);
        if (!mech || !neg_credential_usable(context->credential, mech->package))
            continue;
        if (other_than && mech->package == other_than->package)
            continue;
        *from = place;
        return mech;
    }
    return NULL;
}

/* Another mechanism than the initiator's first: the initiator starts over with it, and the MIC
 * is required (RFC 4178 4.2.2, 5). Windows gives no token of the mechanism yet. */
static SECURITY_STATUS reselect(struct neg_context *context, struct sspi_leg *leg,
                                const struct neg_mech *mech)
{
    neg_mech_choose(context, mech);
    context->mic_required = true;
    SECURITY_STATUS status =
        neg_send(leg, &(struct neg_resp){.state = NEG_REQUEST_MIC,
                                         .supported_mech = supported_mech(context)});
    return status == SEC_E_OK ? SEC_I_CONTINUE_NEEDED : status;
}

static bool is_ntlm(struct sspi_view token)
{
    static const char ntlm[] = "NTLMSSP"; /* with its zero: MS-NLMP 2.2.1 */
    return token.size >= sizeof ntlm && memcmp(token.data, ntlm, sizeof ntlm) == 0;
}

static SECURITY_STATUS take_raw(struct neg_context *context, struct sspi_leg *leg, size_t mech)
{
    if (!neg_credential_usable(context->credential, neg_mechs_known[mech].package))
        return malformed("is of a package that is not available here");
    context->raw = true;
    neg_mech_choose(context, &neg_mechs_known[mech]);
    return neg_raw_leg(context, leg);
}

/* Without a list there is nothing to choose from and nothing for a MIC to cover: Windows goes on
 * with bare NTLM (fact.spnego.no-mechtypes). */
static SECURITY_STATUS take_unlisted(struct neg_context *context, struct sspi_leg *leg,
                                     const struct neg_init *init)
{
    if (!is_ntlm(init->mech_token))
        return malformed("lists no mechanism");
    leg->token = init->mech_token;
    return take_raw(context, leg, NEG_MECH_NTLM);
}

static SECURITY_STATUS take_init(struct neg_context *context, struct sspi_leg *leg,
                                 const struct neg_init *init)
{
    size_t place = 0, other_place = 0;
    if (!init->mech_types.data)
        return take_unlisted(context, leg, init);
    if (!neg_keep_mech_types(context, init->mech_types))
        return SEC_E_INSUFFICIENT_MEMORY;
    const struct neg_mech *mech = select_mech(context, &place, NULL);
    if (!mech) {
        const struct sspi_blob none = {NULL, 0};
        return refuse(context, leg, &none, malformed("offers no mechanism that can be had here"));
    }
    if (place > 0)
        return reselect(context, leg, mech);
    neg_mech_choose(context, mech);
    if (!init->mech_token.data) {
        SECURITY_STATUS status =
            neg_send(leg, &(struct neg_resp){.state = NEG_ACCEPT_INCOMPLETE,
                                             .supported_mech = supported_mech(context)});
        return status == SEC_E_OK ? SEC_I_CONTINUE_NEEDED : status;
    }
    SECURITY_STATUS status = step(context, leg, init->mech_token, init->mic);
    /* A mechanism that turns out to have no keys here, or not to do this kind of token (Kerberos
     * user-to-user, say), is passed over like one that is not there. */
    const struct neg_mech *other = NULL;
    if (status == SEC_E_UNSUPPORTED_FUNCTION || status == SEC_E_NO_CREDENTIALS)
        other = select_mech(context, &other_place, mech);
    if (!other)
        return status;
    neg_token_free(&leg->output);
    context->answered = false;
    return reselect(context, leg, other);
}

/* 1.2.840.113554.1.2.2.3: the user-to-user form of Kerberos adds an arc (MS-KILE 3.2.5.8). */
static const uint8_t user_to_user[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03};

/* A hint of what there is, to a caller that has no token yet (MS-SPNG 3.2.5.2). */
static SECURITY_STATUS send_hint(struct neg_context *context, struct sspi_leg *leg)
{
    struct sspi_view oids[NEG_MECHS + 1];
    struct sspi_blob list = {NULL, 0};
    size_t count = 0;

    if (context->hinted)
        return malformed("is missing");
    for (size_t i = 0; i < NEG_MECHS; i++) {
        if (!neg_credential_usable(context->credential, neg_mechs_known[i].package))
            continue;
        oids[count++] = neg_mechs_known[i].oid;
        if (i == NEG_MECH_KERBEROS)
            oids[count++] = (struct sspi_view){user_to_user, sizeof user_to_user};
    }
    if (!count)
        return SEC_E_NO_CREDENTIALS;
    context->hinted = true;
    bool good =
        neg_mech_types_encode(oids, count, &list) &&
        neg_init_encode(&(struct neg_init){.mech_types = sspi_blob_view(&list), .hint = true},
                        &leg->output);
    neg_token_free(&list);
    return good ? SEC_I_CONTINUE_NEEDED : SEC_E_INSUFFICIENT_MEMORY;
}

/* Kerberos under either OID, or its user-to-user form. */
static bool is_kerberos(struct sspi_view oid)
{
    const struct neg_mech *mech = neg_mech_find(oid);
    if (mech)
        return mech->package == NEG_KERBEROS;
    return oid.size == sizeof user_to_user && memcmp(oid.data, user_to_user, oid.size) == 0;
}

static SECURITY_STATUS first_token(struct neg_context *context, struct sspi_leg *leg)
{
    struct sspi_view token = leg->token, oid;
    struct neg_init init;

    if (!token.size)
        return send_hint(context, leg);
    if (is_ntlm(token))
        return take_raw(context, leg, NEG_MECH_NTLM);
    if (token.data[0] == AP_REQ_TAG)
        return take_raw(context, leg, NEG_MECH_KERBEROS);
    if (neg_unframe(token, &oid, &token)) {
        if (is_kerberos(oid))
            return take_raw(context, leg, NEG_MECH_KERBEROS);
        if (oid.size != neg_oid_spnego.size || memcmp(oid.data, neg_oid_spnego.data, oid.size) != 0)
            return malformed("is framed for an unknown mechanism");
    }
    if (!neg_init_decode(token, NEG_TRAILING_IGNORED, &init))
        return malformed("is neither SPNEGO nor NTLM nor Kerberos");
    return take_init(context, leg, &init);
}

/* ---- later tokens --------------------------------------------------------------------------- */

/* All that was missing is the initiator's MIC. */
static SECURITY_STATUS last_mic(struct neg_context *context, struct sspi_leg *leg,
                                const struct neg_resp *resp)
{
    if (resp->token.size)
        return malformed("goes on with a finished mechanism");
    SECURITY_STATUS status =
        resp->mic.data ? neg_mic_check(context, resp->mic) : neg_mic_missing(context);
    if (status == SEC_E_OK && resp->state != NEG_ACCEPT_COMPLETED)
        status = neg_send(leg, &(struct neg_resp){.state = NEG_ACCEPT_COMPLETED});
    context->complete = status == SEC_E_OK;
    return status;
}

static SECURITY_STATUS later_token(struct neg_context *context, struct sspi_leg *leg)
{
    struct neg_resp resp;
    if (!neg_resp_decode(leg->token, NEG_TRAILING_REFUSED, &resp))
        return malformed("is no NegTokenResp");
    if (resp.state == NEG_REJECT) {
        sspi_error_set("AcceptSecurityContext (Negotiate): the initiator rejected the negotiation");
        return SEC_E_LOGON_DENIED;
    }
    if (resp.state == NEG_REQUEST_MIC) /* RFC 4178 4.2.2: said by acceptors only */
        return malformed("asks for a MIC");
    if (context->mech_done)
        return last_mic(context, leg, &resp);
    if (!resp.token.data)
        return malformed("has nothing for the mechanism");
    return step(context, leg, resp.token, resp.mic);
}

static SECURITY_STATUS accept_whole(struct neg_context *context, struct sspi_leg *leg)
{
    if (context->complete)
        return SEC_E_OUT_OF_SEQUENCE;
    if (context->raw)
        return neg_raw_leg(context, leg);
    SECURITY_STATUS status = context->mech ? later_token(context, leg) : first_token(context, leg);
    if (!context->raw)
        neg_report(context, leg);
    return status;
}

SECURITY_STATUS neg_accept(void *credential, void **opaque, struct sspi_leg *leg)
{
    if (!*opaque)
        *opaque = neg_context_new(credential, false, leg);
    return *opaque ? neg_fragmented(*opaque, leg, accept_whole) : SEC_E_INSUFFICIENT_MEMORY;
}
