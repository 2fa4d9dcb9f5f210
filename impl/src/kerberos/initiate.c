/* SPDX-License-Identifier: Apache-2.0
 *
 * The initiator: AP-REQ out, AP-REP in (RFC 4121 4.1, MS-KILE 3.2.5).
 */
#include <errno.h>
#include <string.h>

#include "../error.h"
#include "context.h"
#include "user2user.h"

/* What the callback of krb5_mk_req_extended needs. */
struct request {
    struct sspi_krb_context *context;
    krb5_ccache tickets;
    struct sspi_blob checksum;
    krb5_data view; /* of checksum, for libkrb5 */
};

/* A KRB-CRED with the client's TGT, forwarded. It may not be had: then delegation is not granted,
 * which is no error of the context. */
static krb5_error_code forward(krb5_context krb5, krb5_auth_context auth,
                               const struct request *request, krb5_data *cred)
{
    const krb5_creds *ticket = request->context->ticket;
    krb5_keyblock *subkey = NULL;
    krb5_int32 flags = 0;

    *cred = (krb5_data){0};
    krb5_auth_con_getflags(krb5, auth, &flags);
    krb5_error_code error = krb5_auth_con_getsendsubkey(krb5, auth, &subkey);
    if (error)
        return error;
    /* RFC 4121 4.1.1: encrypted in the session key, so the subkey is put aside; and it is part of
     * the authenticator, so it needs no time stamps of its own. */
    krb5_auth_con_setflags(krb5, auth, flags & ~KRB5_AUTH_CONTEXT_DO_TIME);
    error = krb5_auth_con_setsendsubkey(krb5, auth, NULL);
    if (!error)
        error = krb5_fwd_tgt_creds(krb5, auth, NULL, ticket->client, ticket->server,
                                   request->tickets, 1, cred);
    krb5_auth_con_setflags(krb5, auth, flags);
    krb5_error_code back = subkey ? krb5_auth_con_setsendsubkey(krb5, auth, subkey) : 0;
    krb5_free_keyblock(krb5, subkey);
    if (back)
        return back;
    return error == ENOMEM ? error : 0;
}

/* Called when session key and subkey are known: writes the checksum. */
static krb5_error_code make_checksum(krb5_context krb5, krb5_auth_context auth, void *data,
                                     krb5_data **out)
{
    struct request *request = data;
    struct sspi_krb_context *context = request->context;
    struct sspi_krb_checksum checksum = {.flags = context->flags};
    krb5_data cred = {0};
    krb5_error_code error = 0;

    memcpy(checksum.bindings, context->bindings.hash, sizeof checksum.bindings);
    if (checksum.flags & SSPI_KRB_DELEG) {
        error = forward(krb5, auth, request, &cred);
        if (error)
            return error;
        checksum.delegation = (struct sspi_view){(const uint8_t *)cred.data, cred.length};
        if (cred.length == 0 || cred.length > 0xffff) {
            checksum.flags &= ~(uint32_t)SSPI_KRB_DELEG;
            checksum.delegation = (struct sspi_view){NULL, 0};
        }
    }
    if (sspi_krb_checksum_write(&checksum, &request->checksum)) {
        context->flags = checksum.flags;
        request->view = (krb5_data){KV5M_DATA, (unsigned)request->checksum.size,
                                    (char *)request->checksum.data};
        *out = &request->view;
    } else {
        error = ENOMEM;
    }
    krb5_free_data_contents(krb5, &cred);
    return error;
}

/* Builds the AP-REQ of context->ticket into leg->output. */
static SECURITY_STATUS send_request(struct sspi_krb_context *context, krb5_context krb5,
                                    krb5_ccache tickets, struct sspi_leg *leg)
{
    struct request request = {.context = context, .tickets = tickets};
    krb5_flags options = AP_OPTS_USE_SUBKEY;
    krb5_data message = {0};
    SECURITY_STATUS status = SEC_E_OK;

    if (context->flags & SSPI_KRB_MUTUAL)
        options |= AP_OPTS_MUTUAL_REQUIRED;
    if (context->user2user)
        options |= AP_OPTS_USE_SESSION_KEY;
    /* RFC 4537: the acceptor may bring a subkey of a better type than the ticket's. Windows 10 was
     * recorded to offer that with an RC4 ticket, and not to with AES256. */
    if ((context->flags & SSPI_KRB_MUTUAL) &&
        context->ticket->keyblock.enctype == ENCTYPE_ARCFOUR_HMAC)
        options |= AP_OPTS_ETYPE_NEGOTIATION;
    krb5_error_code error = krb5_auth_con_init(krb5, &context->auth);
    if (!error)
        error = krb5_auth_con_setflags(krb5, context->auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE);
    if (!error)
        error = krb5_auth_con_set_req_cksumtype(krb5, context->auth, SSPI_KRB_CKSUMTYPE);
    if (!error)
        error = krb5_auth_con_set_checksum_func(krb5, context->auth, make_checksum, &request);
    if (!error)
        error =
            krb5_mk_req_extended(krb5, &context->auth, options, NULL, context->ticket, &message);
    if (error)
        status = sspi_krb_explain(krb5, error, SSPI_KRB_TICKET);
    else
        status = sspi_krb_send(context, SSPI_KRB_AP_REQ, &message, leg);
    krb5_free_data_contents(krb5, &message);
    sspi_blob_free(&request.checksum);
    return status;
}

/* Fetches the ticket and readies it for the AP-REQ. tgt: of the acceptor, in user-to-user. */
static SECURITY_STATUS prepare(struct sspi_krb_context *context,
                               struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                               struct sspi_krb_store *tickets, const krb5_data *tgt)
{
    SECURITY_STATUS status =
        sspi_krb_ticket(credential, lib, tickets, context->target, tgt, &context->ticket);
    if (status != SEC_E_OK)
        return status;
    krb5_creds *ticket = context->ticket;
    context->start = ticket->times.starttime ? ticket->times.starttime : ticket->times.authtime;
    context->end = ticket->times.endtime;
    /* Only with MUTUAL_AUTH, and only to a service that the KDC marks as trusted for it. */
    if ((context->req & ISC_REQ_DELEGATE) && (context->flags & SSPI_KRB_MUTUAL) &&
        (ticket->ticket_flags & TKT_FLG_OK_AS_DELEGATE))
        context->flags |= SSPI_KRB_DELEG;
    krb5_error_code error = sspi_krb_keep_names(context, lib->krb5, ticket->client, ticket->server);
    if (!error) {
        krb5_free_authdata(lib->krb5, ticket->authdata);
        ticket->authdata = NULL;
        error = sspi_krb_authdata_make(lib->krb5, ticket->server, context->req, &ticket->authdata);
    }
    return sspi_krb_explain(lib->krb5, error, SSPI_KRB_TICKET);
}

static SECURITY_STATUS request(struct sspi_krb_context *context,
                               struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                               struct sspi_krb_store *tickets, const krb5_data *tgt,
                               struct sspi_leg *leg)
{
    SECURITY_STATUS status = prepare(context, credential, lib, tickets, tgt);
    if (status == SEC_E_OK)
        status = send_request(context, lib->krb5, tickets->tickets, leg);
    if (status != SEC_E_OK)
        return status;
    if (context->flags & SSPI_KRB_MUTUAL) {
        context->state = SSPI_KRB_WAIT_REPLY;
        return SEC_I_CONTINUE_NEEDED;
    }
    return sspi_krb_finish(context, lib->krb5, false);
}

/* User-to-user: what the acceptor's TGT is encrypted in is what the ticket shall be in. */
static SECURITY_STATUS ask(struct sspi_krb_context *context, struct sspi_krb_lib *lib,
                           struct sspi_krb_store *tickets, struct sspi_leg *leg)
{
    SECURITY_STATUS status = sspi_krb_ask_tgt(context, lib->krb5, tickets->tickets, leg);
    if (status != SEC_E_OK)
        return status;
    context->user2user = true;
    context->bare = false;
    context->state = SSPI_KRB_WAIT_TGT;
    return SEC_I_CONTINUE_NEEDED;
}

static SECURITY_STATUS take_tgt(struct sspi_krb_context *context,
                                struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                struct sspi_view message, struct sspi_leg *leg)
{
    struct sspi_krb_store *tickets = NULL;
    struct sspi_view view = {NULL, 0};
    krb5_ticket *ticket = NULL;

    SECURITY_STATUS status = sspi_krb_read_tgt(message, &view);
    krb5_data tgt = {KV5M_DATA, (unsigned)view.size, (char *)(uintptr_t)view.data};
    if (status == SEC_E_OK) /* libkrb5 would find it out later, as if it were our mistake */
        status = sspi_krb_explain(lib->krb5, krb5_decode_ticket(&tgt, &ticket), SSPI_KRB_REPLY);
    krb5_free_ticket(lib->krb5, ticket);
    if (status == SEC_E_OK)
        status = sspi_krb_tickets(credential, lib, &tickets);
    if (status == SEC_E_OK)
        status = request(context, credential, lib, tickets, &tgt, leg);
    sspi_krb_store_release(lib->krb5, tickets);
    return status;
}

static SECURITY_STATUS first_leg(struct sspi_krb_context *context,
                                 struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                 struct sspi_leg *leg)
{
    struct sspi_krb_store *tickets = NULL;

    if (!(credential->use & SECPKG_CRED_OUTBOUND))
        return SEC_E_NO_CREDENTIALS;
    if (context->req & ISC_REQ_DATAGRAM)
        return SEC_E_UNSUPPORTED_FUNCTION;
    if (!leg->target || !*leg->target) {
        sspi_error_set("Kerberos needs a target: pszTargetName is a service principal name such as "
                       "HTTP/host.example");
        return SEC_E_TARGET_UNKNOWN;
    }
    if (leg->token.size)
        return SEC_E_INVALID_TOKEN; /* a hint of SPNEGO is not for this package */
    context->target = sspi_strdup(leg->target);
    if (!context->target)
        return SEC_E_INSUFFICIENT_MEMORY;
    if (leg->bindings)
        context->bindings = *leg->bindings;
    context->flags = sspi_krb_flags_from_request(context->req);
    context->bare = context->flags & SSPI_KRB_DCE_STYLE;

    bool account = (context->req & ISC_REQ_USE_SESSION_KEY) || sspi_krb_names_account(leg->target);
    SECURITY_STATUS status = sspi_krb_tickets(credential, lib, &tickets);
    if (status == SEC_E_OK && !account)
        status = request(context, credential, lib, tickets, NULL, leg);
    /* The KDC may say so as well (RFC 4120 3.3.3, KDC_ERR_MUST_USE_USER2USER). */
    if ((status == SEC_E_OK && account) || status == SEC_E_NO_TGT_REPLY)
        status = ask(context, lib, tickets, leg);
    sspi_krb_store_release(lib->krb5, tickets);
    return status;
}

/* The acceptor's clock is elsewhere: once, an authenticator with its time (MS-KILE 3.2.5.8).
 * Nobody vouches for a KRB-ERROR; all it can reach is a request with another time in it. */
static SECURITY_STATUS retry(struct sspi_krb_context *context, struct sspi_krb_lib *lib,
                             const krb5_error *told, struct sspi_leg *leg)
{
    krb5_timestamp now;
    krb5_error_code error = krb5_timeofday(lib->krb5, &now);
    if (error)
        return sspi_krb_explain(lib->krb5, error, SSPI_KRB_REPLY);
    error = sspi_krb_shift(lib, (int32_t)((uint32_t)told->stime - (uint32_t)now), 0);
    if (error)
        return sspi_krb_explain(lib->krb5, error, SSPI_KRB_REPLY);
    context->retried = true;
    context->flags &= ~(uint32_t)SSPI_KRB_DELEG; /* the tickets of the first leg are gone */
    krb5_auth_con_free(lib->krb5, context->auth);
    context->auth = NULL;
    SECURITY_STATUS status = send_request(context, lib->krb5, NULL, leg);
    return status == SEC_E_OK ? SEC_I_CONTINUE_NEEDED : status;
}

static SECURITY_STATUS read_error(struct sspi_krb_context *context, struct sspi_krb_lib *lib,
                                  const krb5_data *message, struct sspi_leg *leg)
{
    krb5_error *told = NULL;
    SECURITY_STATUS status;

    krb5_error_code error = krb5_rd_error(lib->krb5, message, &told);
    if (error)
        return sspi_krb_explain(lib->krb5, error, SSPI_KRB_REPLY);
    krb5_error_code code = (krb5_error_code)told->error + ERROR_TABLE_BASE_krb5;
    if (code == KRB5KRB_AP_ERR_SKEW && told->e_data.length && context->ticket && !context->retried)
        status = retry(context, lib, told, leg);
    else
        status = sspi_krb_explain(lib->krb5, code, SSPI_KRB_REPLY);
    krb5_free_error(lib->krb5, told);
    /* With a code that no KRB-ERROR has, the sum may be 0: a refusal all the same. */
    return status == SEC_E_OK ? SEC_E_INVALID_TOKEN : status;
}

static SECURITY_STATUS read_reply(struct sspi_krb_context *context, struct sspi_krb_lib *lib,
                                  const krb5_data *message, struct sspi_leg *leg)
{
    krb5_ap_rep_enc_part *part = NULL;
    krb5_data third = {0};
    SECURITY_STATUS status = SEC_E_OK;

    krb5_error_code error = krb5_rd_rep(lib->krb5, context->auth, message, &part);
    if (!error) {
        context->acceptor_subkey = part->subkey != NULL;
        krb5_free_ap_rep_enc_part(lib->krb5, part);
        if (context->flags & SSPI_KRB_DCE_STYLE)
            error = krb5_mk_rep_dce(lib->krb5, context->auth, &third);
    }
    if (error)
        return sspi_krb_explain(lib->krb5, error, SSPI_KRB_REPLY);
    if (context->flags & SSPI_KRB_DCE_STYLE)
        status = sspi_krb_send(context, SSPI_KRB_AP_REP, &third, leg);
    krb5_free_data_contents(lib->krb5, &third);
    return status == SEC_E_OK ? sspi_krb_finish(context, lib->krb5, true) : status;
}

static SECURITY_STATUS later_leg(struct sspi_krb_context *context,
                                 struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                 struct sspi_leg *leg)
{
    unsigned id;
    struct sspi_view inside;
    bool bare;

    if (context->state != SSPI_KRB_WAIT_REPLY && context->state != SSPI_KRB_WAIT_TGT)
        return SEC_E_INVALID_TOKEN;
    SECURITY_STATUS status = sspi_krb_receive(context, leg->token, &id, &bare, &inside);
    if (status != SEC_E_OK)
        return status;
    krb5_data message = {KV5M_DATA, (unsigned)inside.size, (char *)(uintptr_t)inside.data};
    if (id == SSPI_KRB_ERROR)
        return read_error(context, lib, &message, leg);
    if (context->state == SSPI_KRB_WAIT_TGT)
        return id == SSPI_KRB_TGT_REP && credential
                   ? take_tgt(context, credential, lib, inside, leg)
                   : SEC_E_INVALID_TOKEN;
    if (id != SSPI_KRB_AP_REP || bare != context->bare || !sspi_krb_is_reply(inside))
        return SEC_E_INVALID_TOKEN;
    return read_reply(context, lib, &message, leg);
}

SECURITY_STATUS sspi_krb_initiate(void *credential, void **handle, struct sspi_leg *leg)
{
    struct sspi_krb_context *context = *handle;
    struct sspi_krb_lib *lib = NULL;
    SECURITY_STATUS status;

    krb5_error_code error = sspi_krb_borrow(&lib);
    if (error)
        return sspi_krb_status(error, SSPI_KRB_TICKET);
    if (context) {
        status = later_leg(context, credential, lib, leg);
    } else if (!credential) {
        status = SEC_E_INVALID_HANDLE;
    } else {
        *handle = context = sspi_alloc(sizeof *context);
        if (!context) {
            status = SEC_E_INSUFFICIENT_MEMORY;
            goto out;
        }
        context->initiator = true;
        context->req = leg->req;
        status = first_leg(context, credential, lib, leg);
    }
    if (status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED)
        sspi_krb_report(context, leg);
    else if (context && context->state != SSPI_KRB_DONE)
        context->state = SSPI_KRB_FAILED;
out:
    sspi_krb_return(lib);
    return status;
}
