/* SPDX-License-Identifier: Apache-2.0
 *
 * Speaking for a client.
 */
#include "delegate.h"

#include <errno.h>
#include <string.h>

#include "../error.h"

/* libkrb5 exports both, under its ordinary symbol version, and declares them in no installed
 * header. [in] cert: NULL. [out] out: krb5_free_creds. */
krb5_error_code krb5_get_credentials_for_user(krb5_context krb5, krb5_flags options,
                                              krb5_ccache cache, krb5_creds *in, krb5_data *cert,
                                              krb5_creds **out);
krb5_error_code krb5_get_credentials_for_proxy(krb5_context krb5, krb5_flags options,
                                               krb5_ccache cache, krb5_creds *in,
                                               krb5_ticket *evidence, krb5_creds **out);

void sspi_krb_release_client(void *opaque)
{
    struct sspi_krb_client *client = opaque;
    struct sspi_krb_lib *lib = NULL;
    if (!client || atomic_fetch_sub(&client->references, 1) != 1)
        return;
    if (sspi_krb_borrow(&lib) == 0) {
        sspi_krb_store_release(lib->krb5, client->tickets);
        krb5_free_ticket(lib->krb5, client->evidence); /* wipes its key */
        sspi_krb_return(lib);
    }
    sspi_free(client->name);
    sspi_free(client);
}

struct sspi_krb_client *sspi_krb_share_client(struct sspi_krb_client *client)
{
    atomic_fetch_add(&client->references, 1);
    return client;
}

static struct sspi_krb_client *new_client(void)
{
    struct sspi_krb_client *client = sspi_alloc(sizeof *client);
    if (!client)
        return NULL;
    atomic_init(&client->references, 1);
    client->tickets = sspi_krb_store_new();
    if (!client->tickets) {
        sspi_free(client);
        return NULL;
    }
    return client;
}

/* ---- the server's own TGT -------------------------------------------------------------------- */

/* The TGT is kept in the credential, since every client is spoken for with the same one.
 * [out] tickets: release it with sspi_krb_store_release. */
static SECURITY_STATUS own_tickets(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                   krb5_principal server, struct sspi_krb_store **tickets)
{
    struct sspi_krb_store *keys = NULL, *fresh = NULL;
    krb5_error_code error = 0;

    if (credential->explicit_identity)
        return sspi_krb_tickets(credential, lib, tickets);
    SECURITY_STATUS status = sspi_krb_keys(credential, lib, &keys);
    if (status != SEC_E_OK)
        return status;
    pthread_mutex_lock(&credential->lock);
    if (!sspi_krb_tgt_good(credential->own)) {
        fresh = sspi_krb_store_new();
        error = fresh ? sspi_krb_log_on(lib, server, NULL, keys->keys, fresh) : ENOMEM;
        if (!error) {
            struct sspi_krb_store *old = credential->own;
            credential->own = fresh;
            fresh = old;
        }
        sspi_krb_store_release(lib->krb5, fresh);
    }
    if (!error)
        *tickets = sspi_krb_store_share(credential->own);
    pthread_mutex_unlock(&credential->lock);
    sspi_krb_store_release(lib->krb5, keys);
    return sspi_krb_explain(lib->krb5, error, SSPI_KRB_TICKET);
}

/* ---- clients --------------------------------------------------------------------------------- */

/* A copy of the server's tickets, so that those for the client do not gather in the server's. */
static SECURITY_STATUS with_evidence(struct sspi_krb_credential *credential,
                                     struct sspi_krb_lib *lib, struct sspi_krb_client *client)
{
    struct sspi_krb_store *own = NULL;
    SECURITY_STATUS status = own_tickets(credential, lib, client->evidence->server, &own);
    if (status != SEC_E_OK)
        return status;
    krb5_error_code error = sspi_krb_store_tickets(lib->krb5, own->tickets, client->tickets);
    client->tickets->shift_seconds = own->shift_seconds;
    client->tickets->shift_microseconds = own->shift_microseconds;
    sspi_krb_store_release(lib->krb5, own);
    return sspi_krb_explain(lib->krb5, error, SSPI_KRB_TICKET);
}

/* Whether the client lets itself be spoken for is not known here: the KDC decides. A client that
 * delegated nothing is impersonated all the same, and has no credentials: reported.double-hop. */
static SECURITY_STATUS take_client(struct sspi_krb_credential *credential,
                                   const struct sspi_krb_context *context, struct sspi_krb_lib *lib,
                                   struct sspi_krb_client *client)
{
    krb5_error_code error = 0;
    SECURITY_STATUS status = SEC_E_OK;

    client->end = context->end;
    client->name = sspi_strdup(context->client);
    if (!client->name)
        return SEC_E_INSUFFICIENT_MEMORY;
    if (context->flags & SSPI_KRB_IDENTIFY)
        client->nothing = "it lets itself be identified, no more";
    else if (context->delegated)
        error = sspi_krb_store_tickets(lib->krb5, context->delegated, client->tickets);
    else if (context->evidence)
        error = krb5_copy_ticket(lib->krb5, context->evidence, &client->evidence);
    else
        client->nothing = "it forwarded no ticket, and the one it sent is not forwardable";
    if (!error && client->evidence)
        status = with_evidence(credential, lib, client);
    if (status != SEC_E_OK && status != SEC_E_INSUFFICIENT_MEMORY) {
        client->nothing = "this service got no ticket of its own to ask with";
        status = SEC_E_OK;
    }
    return error ? sspi_krb_explain(lib->krb5, error, SSPI_KRB_REQUEST) : status;
}

/* There is no access token here to take on, so a server must have said that it is delegation it
 * wants; another would take SEC_E_OK for the client's rights on this machine. */
static bool wants_delegation(const struct sspi_krb_context *context)
{
    if (context->req & ASC_REQ_DELEGATE)
        return true;
    sspi_error_set("ImpersonateSecurityContext gives no rights on this machine, only the "
                   "credentials that were delegated: AcceptSecurityContext needs ASC_REQ_DELEGATE");
    return false;
}

SECURITY_STATUS sspi_krb_impersonate(void *credential, void *context, struct sspi_client *client)
{
    struct sspi_krb_lib *lib = NULL;
    if (!wants_delegation(context))
        return SEC_E_NO_IMPERSONATION;
    struct sspi_krb_client *made = new_client();
    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    SECURITY_STATUS status = sspi_krb_status(sspi_krb_borrow(&lib), SSPI_KRB_REQUEST);
    if (status == SEC_E_OK)
        status = take_client(credential, context, lib, made);
    sspi_krb_return(lib);
    if (status != SEC_E_OK) {
        sspi_krb_release_client(made);
        return status;
    }
    *client = (struct sspi_client){&sspi_kerberos_package, made};
    return SEC_E_OK;
}

/* ---- S4U2Self -------------------------------------------------------------------------------- */

static krb5_error_code parse_user(krb5_context krb5, const char *user, const krb5_data *realm,
                                  krb5_principal *principal)
{
    krb5_error_code error =
        krb5_parse_name_flags(krb5, user, KRB5_PRINCIPAL_PARSE_NO_DEF_REALM, principal);
    if (error || krb5_princ_realm(krb5, *principal)->length)
        return error;
    char *copy = sspi_alloc((size_t)realm->length + 1);
    if (!copy)
        return ENOMEM;
    memcpy(copy, realm->data, realm->length);
    error = krb5_set_principal_realm(krb5, *principal, copy);
    sspi_free(copy);
    return error;
}

/* What krb5_get_credentials_for_proxy looks at of a ticket's inside, which the KDC told beside the
 * ticket too: the server need not open it. */
static krb5_error_code make_evidence(krb5_context krb5, const krb5_creds *creds,
                                     krb5_ticket **evidence)
{
    krb5_ticket *ticket = NULL;
    krb5_error_code error = krb5_decode_ticket(&creds->ticket, &ticket);
    if (error)
        return error;
    krb5_enc_tkt_part inside = {.magic = KV5M_ENC_TKT_PART,
                                .flags = creds->ticket_flags,
                                .session = (krb5_keyblock *)(uintptr_t)&creds->keyblock,
                                .client = creds->client,
                                .times = creds->times};
    ticket->enc_part2 = &inside;
    error = krb5_copy_ticket(krb5, ticket, evidence);
    ticket->enc_part2 = NULL;
    krb5_free_ticket(krb5, ticket);
    return error;
}

/* A ticket of the user to the server itself. */
static krb5_error_code ask_for_user(krb5_context krb5, struct sspi_krb_store *own, const char *user,
                                    struct sspi_krb_client *client)
{
    krb5_creds wanted = {0}, *ticket = NULL;
    char *name = NULL;

    krb5_error_code error = krb5_cc_get_principal(krb5, own->tickets, &wanted.server);
    if (!error)
        error = parse_user(krb5, user, &wanted.server->realm, &wanted.client);
    if (!error)
        error = krb5_get_credentials_for_user(krb5, KRB5_GC_FORWARDABLE, own->tickets, &wanted,
                                              NULL, &ticket);
    if (!error)
        error = krb5_unparse_name(krb5, ticket->client, &name);
    if (!error) {
        client->name = sspi_strdup(name);
        client->end = ticket->times.endtime;
        error = client->name ? make_evidence(krb5, ticket, &client->evidence) : ENOMEM;
    }
    krb5_free_unparsed_name(krb5, name);
    krb5_free_creds(krb5, ticket);
    krb5_free_cred_contents(krb5, &wanted);
    return error;
}

static SECURITY_STATUS take_user(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                 const char *user, struct sspi_krb_client *client)
{
    krb5_principal server = NULL;
    struct sspi_krb_store *own = NULL;
    SECURITY_STATUS status = SEC_E_OK;

    if (!credential->explicit_identity)
        status = sspi_krb_explain(
            lib->krb5, sspi_krb_service_principal(lib->krb5, credential, &server), SSPI_KRB_TICKET);
    if (status == SEC_E_OK)
        status = own_tickets(credential, lib, server, &own);
    if (status == SEC_E_OK)
        status = sspi_krb_explain(lib->krb5, ask_for_user(lib->krb5, own, user, client),
                                  SSPI_KRB_TICKET);
    krb5_free_principal(lib->krb5, server);
    if (own)
        sspi_krb_store_release(lib->krb5, own);
    if (status != SEC_E_OK)
        return status;
    if (!(client->evidence->enc_part2->flags & TKT_FLG_FORWARDABLE)) {
        sspi_error_set("the domain does not let this service speak for %s", client->name);
        return SEC_E_NO_IMPERSONATION;
    }
    return with_evidence(credential, lib, client);
}

SECURITY_STATUS sspi_krb_impersonate_user(void *opaque, const char *user,
                                          struct sspi_client *client)
{
    struct sspi_krb_credential *credential = opaque;
    struct sspi_krb_lib *lib = NULL;
    struct sspi_krb_client *made = new_client();
    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    SECURITY_STATUS status = sspi_krb_status(sspi_krb_borrow(&lib), SSPI_KRB_TICKET);
    if (status == SEC_E_OK)
        status = take_user(credential, lib, user, made);
    sspi_krb_return(lib);
    if (status != SEC_E_OK) {
        sspi_krb_release_client(made);
        return status;
    }
    *client = (struct sspi_client){&sspi_kerberos_package, made};
    return SEC_E_OK;
}

/* ---- S4U2Proxy ------------------------------------------------------------------------------- */

SECURITY_STATUS sspi_krb_client_tickets(const struct sspi_krb_client *client,
                                        struct sspi_krb_store **tickets)
{
    if (client->nothing) {
        sspi_error_set("nothing can be done in the name of %s: %s", client->name, client->nothing);
        return SEC_E_NO_CREDENTIALS;
    }
    *tickets = sspi_krb_store_share(client->tickets);
    return SEC_E_OK;
}

krb5_error_code sspi_krb_proxy(const struct sspi_krb_client *client, krb5_context krb5,
                               krb5_principal service, krb5_creds **ticket)
{
    krb5_creds wanted = {.client = client->evidence->enc_part2->client, .server = service};
    krb5_error_code error = krb5_get_credentials_for_proxy(krb5, 0, client->tickets->tickets,
                                                           &wanted, client->evidence, ticket);
    /* "You may not" in the KDC's words: what Windows' callers are told is reported.double-hop. */
    return error == KRB5KDC_ERR_BADOPTION || error == KRB5KDC_ERR_POLICY ? KRB5_NO_TKT_SUPPLIED
                                                                         : error;
}
