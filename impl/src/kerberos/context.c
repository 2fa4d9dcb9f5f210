/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a Kerberos security context.
 */
#include "context.h"

#include <errno.h>
#include <string.h>

#include "../env.h"

static void free_message_keys(struct sspi_krb_context *context)
{
    sspi_krb_aes_free(context->aes.encrypt);
    sspi_krb_aes_free(context->aes.decrypt);
    for (int wrap = 0; wrap < 2; wrap++) {
        sspi_krb_aes_free(context->aes.sign[wrap]);
        sspi_krb_aes_free(context->aes.verify[wrap]);
    }
    krb5_k_free_key(NULL, context->key);
}

void sspi_krb_free_context(void *handle)
{
    struct sspi_krb_context *context = handle;
    struct sspi_krb_lib *lib = NULL;
    if (!context)
        return;
    if ((context->auth || context->ticket || context->delegated || context->evidence) &&
        sspi_krb_borrow(&lib) == 0) {
        krb5_auth_con_free(lib->krb5, context->auth);
        krb5_free_ticket(lib->krb5, context->evidence);
        krb5_free_creds(lib->krb5, context->ticket);
        if (context->delegated)
            krb5_cc_destroy(lib->krb5, context->delegated);
        sspi_krb_return(lib);
    }
    free_message_keys(context);
    krb5_free_keyblock(NULL, context->session_key); /* wipes; needs no context */
    krb5_free_keyblock(NULL, context->tgt_key);
    sspi_free(context->target);
    sspi_free(context->client);
    sspi_free(context->server);
    sspi_free(context->realm);
    sspi_free_secret(context, sizeof *context);
}

static krb5_error_code unparse(krb5_context krb5, krb5_const_principal principal, char **text)
{
    char *name = NULL;
    krb5_error_code error = krb5_unparse_name(krb5, principal, &name);
    if (error)
        return error;
    sspi_free(*text);
    *text = sspi_strdup(name);
    krb5_free_unparsed_name(krb5, name);
    return *text ? 0 : ENOMEM;
}

krb5_error_code sspi_krb_keep_names(struct sspi_krb_context *context, krb5_context krb5,
                                    krb5_const_principal client, krb5_const_principal server)
{
    krb5_error_code error = unparse(krb5, client, &context->client);
    if (!error)
        error = unparse(krb5, server, &context->server);
    if (error)
        return error;
    sspi_free(context->realm);
    context->realm = sspi_alloc((size_t)client->realm.length + 1);
    if (!context->realm)
        return ENOMEM;
    memcpy(context->realm, client->realm.data, client->realm.length);
    return 0;
}

/* A subkey is the peer's word: libkrb5 keeps one of any length, and fails only when it is used. */
static krb5_error_code check_key(krb5_context krb5, const krb5_keyblock *key)
{
    size_t random, length;
    krb5_error_code error = krb5_c_keylengths(krb5, key->enctype, &random, &length);
    return error ? error : key->length == length ? 0 : KRB5_BAD_KEYSIZE;
}

/* RFC 4121 2: the acceptor's subkey, else the initiator's, else the session key. libkrb5 notes the
 * subkey of the initiator for both directions, and replaces both by that of an AP-REP. */
static krb5_error_code take_key(struct sspi_krb_context *context, krb5_context krb5)
{
    krb5_error_code error = krb5_auth_con_getsendsubkey(krb5, context->auth, &context->session_key);
    if (!error && !context->session_key)
        error = krb5_auth_con_getkey(krb5, context->auth, &context->session_key);
    if (!error && !context->session_key)
        error = KRB5_NO_TKT_SUPPLIED;
    if (!error)
        error = check_key(krb5, context->session_key);
    if (!error)
        context->enctype = sspi_krb_enctype(context->session_key->enctype);
    return error;
}

SECURITY_STATUS sspi_krb_finish(struct sspi_krb_context *context, krb5_context krb5, bool answered)
{
    krb5_int32 local = 0, remote = 0;
    krb5_error_code error = take_key(context, krb5);
    if (!error)
        error = krb5_auth_con_getlocalseqnumber(krb5, context->auth, &local);
    if (!error)
        error = krb5_auth_con_getremoteseqnumber(krb5, context->auth, &remote);
    if (error)
        return sspi_krb_status(error, context->initiator ? SSPI_KRB_REPLY : SSPI_KRB_REQUEST);
    /* Without an AP-REP the acceptor has told no number of its own; it counts from the
     * initiator's, as MIT and Heimdal do (krb5_rd_req sees to it on that side). */
    if (!answered && context->initiator)
        remote = local;
    context->send_sequence = (uint32_t)local;
    context->receive_sequence = (uint32_t)remote;
    krb5_auth_con_free(krb5, context->auth);
    context->auth = NULL;
    krb5_free_creds(krb5, context->ticket);
    context->ticket = NULL;
    context->state = SSPI_KRB_DONE;
    return SEC_E_OK;
}

TimeStamp sspi_krb_local_time(krb5_timestamp time)
{
    TimeStamp stamp;
    /* Ticket times are unsigned 32 bit in libkrb5, good until 2106. */
    stamp.QuadPart =
        (int64_t)sspi_filetime_to_local(sspi_unix_to_filetime((int64_t)(uint32_t)time));
    return stamp;
}

void sspi_krb_report(const struct sspi_krb_context *context, struct sspi_leg *leg)
{
    leg->ret = context->initiator ? sspi_krb_isc_ret(context->flags, context->req)
                                  : sspi_krb_asc_ret(context->flags, context->req);
    if (context->user2user) /* the bit is ISC_RET_USE_SESSION_KEY and ASC_RET_USE_SESSION_KEY */
        leg->ret |= ISC_RET_USE_SESSION_KEY;
    leg->has_expiry = context->end != 0; /* before there is a ticket nobody knows */
    leg->expiry = sspi_krb_local_time(context->end);
}

SECURITY_STATUS sspi_krb_send(const struct sspi_krb_context *context, enum sspi_krb_token id,
                              const krb5_data *message, struct sspi_leg *leg)
{
    struct sspi_view view = {(const uint8_t *)message->data, message->length};
    sspi_blob_free(&leg->output);
    if (context->user2user)
        return sspi_krb_frame_user2user(id, view, &leg->output) ? SEC_E_OK
                                                                : SEC_E_INSUFFICIENT_MEMORY;
    return sspi_krb_frame(id, context->bare, view, &leg->output) ? SEC_E_OK
                                                                 : SEC_E_INSUFFICIENT_MEMORY;
}

SECURITY_STATUS sspi_krb_receive(const struct sspi_krb_context *context, struct sspi_view token,
                                 unsigned *id, bool *bare, struct sspi_view *message)
{
    enum sspi_krb_token known;
    *bare = false;
    if (context->user2user)
        return sspi_krb_unframe_user2user(token, id, message);
    SECURITY_STATUS status = sspi_krb_unframe(token, &known, bare, message);
    if (status == SEC_E_OK)
        *id = known;
    return status == SEC_E_OK ? SEC_E_OK : SEC_E_INVALID_TOKEN;
}
