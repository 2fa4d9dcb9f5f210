/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor: AP-REQ in, AP-REP out, in DCE style a third leg (RFC 4121 4.1, MS-KILE 3.4.5).
 */
#include <errno.h>
#include <string.h>

#include "context.h"
#include "forwarded.h"
#include "pac.h"
#include "refuse.h"
#include "user2user.h"

/* The authenticator as far as it concerns SSPI. */
struct opened {
    krb5_authenticator *authenticator;
    krb5_ticket *ticket;
    krb5_flags options;                /* of the AP-REQ */
    struct sspi_krb_checksum checksum; /* points into authenticator */
    struct sspi_krb_announced announced;
};

static void close_request(krb5_context krb5, struct opened *opened)
{
    krb5_free_authenticator(krb5, opened->authenticator);
    krb5_free_ticket(krb5, opened->ticket);
    sspi_free(opened->announced.target);
}

/* krb5_rd_req for any service of the keytab: first with the key of the one that the ticket names,
 * because trying all keys on it costs a decryption each, then with all. */
static krb5_error_code read_for_any(krb5_context krb5, krb5_auth_context *auth, krb5_keytab keys,
                                    const krb5_data *message, struct opened *opened)
{
    krb5_principal named = NULL;
    krb5_error_code error = sspi_krb_named_service(krb5, keys, message, &named);
    if (!error)
        error = krb5_rd_req(krb5, auth, message, named, keys, &opened->options, &opened->ticket);
    if (named && error == KRB5KRB_AP_ERR_BAD_INTEGRITY)
        error = krb5_rd_req(krb5, auth, message, NULL, keys, &opened->options, &opened->ticket);
    krb5_free_principal(krb5, named);
    return error;
}

/* Decrypts ticket and authenticator. */
static krb5_error_code open_request(struct sspi_krb_context *context,
                                    const struct sspi_krb_credential *credential, krb5_context krb5,
                                    krb5_keytab keys, const krb5_data *message,
                                    struct opened *opened)
{
    krb5_principal server = NULL;

    krb5_error_code error = krb5_auth_con_init(krb5, &context->auth);
    /* DO_TIME has the replay cache asked (libkrb5 chooses it by KRB5RCACHENAME). */
    bool remember = !(context->req & ASC_REQ_ALLOW_CONTEXT_REPLAY);
    if (!error)
        error =
            krb5_auth_con_setflags(krb5, context->auth, remember ? KRB5_AUTH_CONTEXT_DO_TIME : 0);
    if (!error && context->tgt_key)
        error = krb5_auth_con_setuseruserkey(krb5, context->auth, context->tgt_key);
    else if (!error && credential->principal)
        error = krb5_parse_name(krb5, credential->principal, &server);
    if (!error && !context->tgt_key && !server)
        error = read_for_any(krb5, &context->auth, keys, message, opened);
    else if (!error)
        error = krb5_rd_req(krb5, &context->auth, message, server, keys, &opened->options,
                            &opened->ticket);
    /* That is user-to-user (RFC 4120 3.7), for which nobody here gave a TGT; libkrb5 passes it
     * over. */
    if (!error && (opened->options & AP_OPTS_USE_SESSION_KEY) && !context->tgt_key)
        error = KRB5KRB_AP_ERR_NOKEY;
    if (!error)
        error = sspi_krb_check_pac(krb5, keys, context->tgt_key, opened->ticket);
    if (!error)
        error = krb5_auth_con_getauthenticator(krb5, context->auth, &opened->authenticator);
    if (!error)
        error = sspi_krb_authdata_read(krb5, opened->authenticator->authorization_data,
                                       &opened->announced);
    krb5_free_principal(krb5, server);
    return error;
}

/* RFC 4121 4.1.1 wants 0x8003. Windows also takes an authenticator without checksum, and one with
 * an ordinary checksum of RFC 4120 5.5.1 (over nothing, since GSS has no application data). */
static SECURITY_STATUS read_checksum(struct sspi_krb_context *context, krb5_context krb5,
                                     struct opened *opened)
{
    const krb5_checksum *checksum = opened->authenticator->checksum;
    krb5_keyblock *key = NULL;
    krb5_data nothing = {KV5M_DATA, 0, (char *)""};
    krb5_boolean valid = 0;

    if (!checksum)
        return SEC_E_OK;
    if (checksum->checksum_type == SSPI_KRB_CKSUMTYPE) {
        struct sspi_view view = {checksum->contents, checksum->length};
        return sspi_krb_checksum_read(view, &opened->checksum);
    }
    krb5_error_code error = krb5_auth_con_getkey(krb5, context->auth, &key);
    if (!error)
        error = krb5_c_verify_checksum(krb5, key, KRB5_KEYUSAGE_AP_REQ_AUTH_CKSUM, &nothing,
                                       checksum, &valid);
    krb5_free_keyblock(krb5, key);
    if (error == ENOMEM)
        return SEC_E_INSUFFICIENT_MEMORY;
    return !error && valid ? SEC_E_OK : SEC_E_MESSAGE_ALTERED;
}

static SECURITY_STATUS check_bindings(const struct opened *opened, const struct sspi_leg *leg)
{
    static const uint8_t zero[16];
    enum sspi_bindings_client client = SSPI_CLIENT_BOUND;
    const uint8_t *hash = opened->checksum.bindings;

    const krb5_checksum *checksum = opened->authenticator->checksum;

    if (sspi_equal(hash, zero, sizeof zero)) {
        /* Zero from one who knows of bindings is a statement; from others it says nothing, nor does
         * an authenticator without the field (MS-KILE 3.4.5). */
        bool said = checksum && checksum->checksum_type == SSPI_KRB_CKSUMTYPE;
        client = said && opened->announced.bindings ? SSPI_CLIENT_EMPTY : SSPI_CLIENT_SILENT;
        hash = NULL;
    }
    return sspi_bindings_check(client, hash, leg->bindings, leg->req);
}

/* A KRB-CRED that its sender did not encrypt (encryption type 0, which Heimdal sends) is read
 * without keys: the authenticator around it is encrypted. [out] tickets: krb5_free_tgt_creds. */
static krb5_error_code read_delegation(krb5_context krb5, krb5_auth_context auth,
                                       krb5_data *message, krb5_creds ***tickets)
{
    krb5_auth_context keyless = NULL;

    krb5_error_code error = krb5_auth_con_setflags(krb5, auth, 0);
    if (!error)
        error = krb5_rd_cred(krb5, auth, message, tickets, NULL);
    if (error != KRB5_BAD_ENCTYPE)
        return error;
    error = krb5_auth_con_init(krb5, &keyless);
    if (!error)
        error = krb5_auth_con_setflags(krb5, keyless, 0);
    if (!error)
        error = krb5_rd_cred(krb5, keyless, message, tickets, NULL);
    krb5_auth_con_free(krb5, keyless);
    return error;
}

/* Keeps the forwarded TGT in a ticket cache of the context's own. */
static krb5_error_code take_delegation(struct sspi_krb_context *context, krb5_context krb5,
                                       const struct opened *opened)
{
    const struct sspi_view *view = &opened->checksum.delegation;
    krb5_data message = {KV5M_DATA, (unsigned)view->size, (char *)(uintptr_t)view->data};
    krb5_creds **tickets = NULL;

    krb5_error_code error = sspi_krb_check_forwarded(krb5, context->auth, *view);
    if (!error)
        error = read_delegation(krb5, context->auth, &message, &tickets);
    if (error)
        return error;
    if (!tickets[0])
        error = KRB5_BADMSGTYPE; /* a KRB-CRED with nothing in it delegates nothing */
    if (!error)
        error = krb5_cc_new_unique(krb5, "MEMORY", NULL, &context->delegated);
    if (!error)
        error = krb5_cc_initialize(krb5, context->delegated, tickets[0]->client);
    for (size_t i = 0; !error && tickets[i]; i++)
        error = krb5_cc_store_cred(krb5, context->delegated, tickets[i]);
    krb5_free_tgt_creds(krb5, tickets);
    return error;
}

/* Notes who came and what both agreed on. */
static krb5_error_code take_over(struct sspi_krb_context *context, krb5_context krb5,
                                 struct opened *opened)
{
    const krb5_enc_tkt_part *part = opened->ticket->enc_part2;

    context->flags = opened->checksum.flags;
    /* Some clients in DCE style leave MUTUAL out; and the AP-REQ has a bit of its own. */
    if ((context->flags & SSPI_KRB_DCE_STYLE) || (opened->options & AP_OPTS_MUTUAL_REQUIRED))
        context->flags |= SSPI_KRB_MUTUAL;
    context->start = part->times.starttime ? part->times.starttime : part->times.authtime;
    context->end = part->times.endtime;
    context->target = opened->announced.target;
    opened->announced.target = NULL;
    krb5_error_code error =
        sspi_krb_keep_names(context, krb5, part->client, opened->ticket->server);
    if (!error && (context->flags & SSPI_KRB_DELEG))
        error = take_delegation(context, krb5, opened);
    /* One in a TGT's key proves nothing to a KDC (user-to-user). */
    if (!error && (context->req & ASC_REQ_DELEGATE) && (part->flags & TKT_FLG_FORWARDABLE) &&
        !context->tgt_key) {
        context->evidence = opened->ticket;
        opened->ticket = NULL;
    }
    return error;
}

/* Windows acceptors bring a subkey of their own, except when it would be an RC4 key: then their
 * AP-REP repeats that of the initiator (recorded of Windows 2003), and who follows RFC 4757 to the
 * letter knows no other. [out] message: krb5_free_data_contents. */
static krb5_error_code make_reply(krb5_context krb5, krb5_auth_context auth,
                                  krb5_keyblock *initiator_subkey, krb5_data *message)
{
    krb5_keyblock *made = NULL;
    krb5_error_code error = krb5_auth_con_setflags(
        krb5, auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE | KRB5_AUTH_CONTEXT_USE_SUBKEY);
    if (!error)
        error = krb5_mk_rep(krb5, auth, message);
    if (!error)
        error = krb5_auth_con_getsendsubkey(krb5, auth, &made);
    bool again = !error && initiator_subkey && made && made->enctype == ENCTYPE_ARCFOUR_HMAC;
    krb5_free_keyblock(krb5, made);
    if (!again)
        return error;
    krb5_free_data_contents(krb5, message);
    error = krb5_auth_con_setflags(krb5, auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE);
    if (!error)
        error = krb5_auth_con_setsendsubkey(krb5, auth, initiator_subkey);
    if (!error)
        error = krb5_auth_con_setrecvsubkey(krb5, auth, initiator_subkey);
    return error ? error : krb5_mk_rep(krb5, auth, message);
}

static SECURITY_STATUS send_reply(struct sspi_krb_context *context, krb5_context krb5,
                                  const struct opened *opened, struct sspi_leg *leg)
{
    krb5_data message = {0};
    SECURITY_STATUS status;
    krb5_error_code error =
        make_reply(krb5, context->auth, opened->authenticator->subkey, &message);
    if (error)
        return sspi_krb_explain(krb5, error, SSPI_KRB_REQUEST);
    context->acceptor_subkey = true;
    status = sspi_krb_send(context, SSPI_KRB_AP_REP, &message, leg);
    krb5_free_data_contents(krb5, &message);
    return status;
}

static SECURITY_STATUS answer(struct sspi_krb_context *context, krb5_context krb5,
                              const struct opened *opened, struct sspi_leg *leg)
{
    if (!(context->flags & SSPI_KRB_MUTUAL))
        return sspi_krb_finish(context, krb5, false);
    SECURITY_STATUS status = send_reply(context, krb5, opened, leg);
    if (status == SEC_E_OK && (context->flags & SSPI_KRB_DCE_STYLE)) {
        context->state = SSPI_KRB_WAIT_THIRD;
        return SEC_I_CONTINUE_NEEDED;
    }
    return status == SEC_E_OK ? sspi_krb_finish(context, krb5, true) : status;
}

/* What the initiator is told of an error. Once, a wrong time is no refusal: with ours it can make
 * another AP-REQ, whatever flags were asked (MS-KILE 3.4.5, recorded.krb-error.skew).
 * SEC_I_CONTINUE_NEEDED: such a token is on its way. */
static SECURITY_STATUS refuse(struct sspi_krb_context *context,
                              struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                              krb5_keytab keys, krb5_error_code error, struct sspi_leg *leg)
{
    SECURITY_STATUS status = sspi_krb_explain(lib->krb5, error, SSPI_KRB_REQUEST);
    bool again = error == KRB5KRB_AP_ERR_SKEW && !context->retried;

    if (!again && (!(context->req & ASC_REQ_EXTENDED_ERROR) || status == SEC_E_INVALID_TOKEN))
        return status;
    sspi_krb_refuse(context, credential, lib, keys, error, leg);
    if (!again || !leg->output.size)
        return status;
    krb5_auth_con_free(lib->krb5, context->auth);
    context->auth = NULL;
    context->retried = true;
    context->state = SSPI_KRB_WAIT_AGAIN;
    return SEC_I_CONTINUE_NEEDED;
}

/* An AP-REQ. In user-to-user no keytab is asked. */
static SECURITY_STATUS read_request(struct sspi_krb_context *context,
                                    struct sspi_krb_credential *credential,
                                    struct sspi_krb_lib *lib, struct sspi_view inside,
                                    struct sspi_leg *leg)
{
    struct sspi_krb_store *keys = NULL;
    struct opened opened = {0};
    SECURITY_STATUS status = SEC_E_OK;

    if (!sspi_krb_is_request(inside))
        return SEC_E_INVALID_TOKEN;
    if (!context->tgt_key)
        status = sspi_krb_keys(credential, lib, &keys);
    if (status != SEC_E_OK)
        return status;

    krb5_data message = {KV5M_DATA, (unsigned)inside.size, (char *)(uintptr_t)inside.data};
    krb5_error_code error =
        open_request(context, credential, lib->krb5, keys ? keys->keys : NULL, &message, &opened);
    if (error && keys)
        status = refuse(context, credential, lib, keys->keys, error, leg);
    else
        status = sspi_krb_explain(lib->krb5, error, SSPI_KRB_REQUEST);
    if (status == SEC_E_OK)
        status = read_checksum(context, lib->krb5, &opened);
    if (status == SEC_E_OK)
        status = check_bindings(&opened, leg);
    if (status == SEC_E_OK)
        status =
            sspi_krb_explain(lib->krb5, take_over(context, lib->krb5, &opened), SSPI_KRB_REQUEST);
    if (status == SEC_E_OK)
        status = answer(context, lib->krb5, &opened, leg);
    close_request(lib->krb5, &opened);
    sspi_krb_store_release(lib->krb5, keys);
    return status;
}

/* User-to-user: the question for a TGT, then the AP-REQ. */
static SECURITY_STATUS user2user_leg(struct sspi_krb_context *context,
                                     struct sspi_krb_credential *credential,
                                     struct sspi_krb_lib *lib, struct sspi_leg *leg)
{
    unsigned id;
    struct sspi_view inside;

    SECURITY_STATUS status = sspi_krb_unframe_user2user(leg->token, &id, &inside);
    if (status != SEC_E_OK)
        return status;
    if (context->state == SSPI_KRB_WAIT_REQUEST)
        return id == SSPI_KRB_AP_REQ ? read_request(context, credential, lib, inside, leg)
                                     : SEC_E_INVALID_TOKEN;
    if (id != SSPI_KRB_TGT_REQ)
        return SEC_E_INVALID_TOKEN;
    status = sspi_krb_give_tgt(context, credential, lib, inside, leg);
    if (status != SEC_E_OK)
        return status;
    context->state = SSPI_KRB_WAIT_REQUEST;
    return SEC_I_CONTINUE_NEEDED;
}

static SECURITY_STATUS first_leg(struct sspi_krb_context *context,
                                 struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                 struct sspi_leg *leg)
{
    enum sspi_krb_token id;
    struct sspi_view inside;

    if (!(credential->use & SECPKG_CRED_INBOUND))
        return SEC_E_NO_CREDENTIALS;
    SECURITY_STATUS status = sspi_krb_unframe(leg->token, &id, &context->bare, &inside);
    if (status == SEC_E_UNSUPPORTED_FUNCTION && context->state == SSPI_KRB_START)
        return user2user_leg(context, credential, lib, leg);
    if (status != SEC_E_OK || id != SSPI_KRB_AP_REQ)
        return SEC_E_INVALID_TOKEN;
    return read_request(context, credential, lib, inside, leg);
}

/* DCE style: the client's AP-REP repeats our sequence number and has no subkey, so that our own
 * reply sent back is none; libkrb5 looks at both. */
static SECURITY_STATUS third_leg(struct sspi_krb_context *context, krb5_context krb5,
                                 struct sspi_leg *leg)
{
    unsigned id;
    struct sspi_view inside;
    bool bare;
    krb5_ui_4 nonce;

    SECURITY_STATUS status = sspi_krb_receive(context, leg->token, &id, &bare, &inside);
    if (status != SEC_E_OK || id != SSPI_KRB_AP_REP || bare != context->bare ||
        !sspi_krb_is_reply(inside))
        return SEC_E_INVALID_TOKEN;
    krb5_data message = {KV5M_DATA, (unsigned)inside.size, (char *)(uintptr_t)inside.data};
    krb5_error_code error = krb5_rd_rep_dce(krb5, context->auth, &message, &nonce);
    if (error)
        return sspi_krb_explain(krb5, error, SSPI_KRB_REQUEST);
    return sspi_krb_finish(context, krb5, true);
}

SECURITY_STATUS sspi_krb_accept(void *credential, void **handle, struct sspi_leg *leg)
{
    struct sspi_krb_context *context = *handle;
    struct sspi_krb_lib *lib = NULL;
    SECURITY_STATUS status;

    krb5_error_code error = sspi_krb_borrow(&lib);
    if (error)
        return sspi_krb_status(error, SSPI_KRB_REQUEST);
    if (context && context->state == SSPI_KRB_WAIT_THIRD) {
        status = third_leg(context, lib->krb5, leg);
    } else if (context && context->state == SSPI_KRB_WAIT_REQUEST && credential) {
        status = user2user_leg(context, credential, lib, leg);
    } else if (context && context->state == SSPI_KRB_WAIT_AGAIN && credential) {
        status = first_leg(context, credential, lib, leg);
    } else if (context) {
        status = SEC_E_INVALID_TOKEN;
    } else if (!credential) {
        status = SEC_E_INVALID_HANDLE;
    } else {
        *handle = context = sspi_alloc(sizeof *context);
        if (!context) {
            status = SEC_E_INSUFFICIENT_MEMORY;
            goto out;
        }
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
