/* SPDX-License-Identifier: Apache-2.0
 *
 * The tickets of an initiator: TGT by password or from the ticket cache, service tickets.
 */
#include <errno.h>
#include <string.h>

#include "../env.h"
#include "../error.h"
#include "../text.h"
#include "delegate.h"
#include "status.h"

/* Seconds before its end when a TGT is fetched again. */
#define TGT_MARGIN 60

/* keys: instead of a password; or NULL. */
static krb5_error_code ask(struct sspi_krb_lib *lib, const char *password, krb5_keytab keys,
                           krb5_principal client, krb5_creds *tgt)
{
    krb5_get_init_creds_opt *options = NULL;
    krb5_error_code error = krb5_get_init_creds_opt_alloc(lib->krb5, &options);
    if (error)
        return error;
    /* As Windows asks: whether the ticket is forwarded is decided per target. */
    krb5_get_init_creds_opt_set_forwardable(options, 1);
    if (keys)
        error = krb5_get_init_creds_keytab(lib->krb5, tgt, client, keys, 0, NULL, options);
    else
        error = krb5_get_init_creds_password(lib->krb5, tgt, client, password ? password : "", NULL,
                                             NULL, 0, NULL, options);
    krb5_get_init_creds_opt_free(lib->krb5, options);
    if (error) /* for want of memory 1.20 leaves pointers to what it has freed */
        memset(tgt, 0, sizeof *tgt);
    return error;
}

krb5_error_code sspi_krb_log_on(struct sspi_krb_lib *lib, krb5_principal client,
                                const char *password, krb5_keytab keys,
                                struct sspi_krb_store *store)
{
    krb5_creds tgt = {0};
    krb5_timestamp seconds = 0;
    int32_t fraction = 0;

    krb5_error_code error = ask(lib, password, keys, client, &tgt);
    if (!error)
        error = krb5_cc_new_unique(lib->krb5, "MEMORY", NULL, &store->tickets);
    if (!error)
        error = krb5_cc_initialize(lib->krb5, store->tickets, tgt.client);
    if (!error)
        error = krb5_cc_store_cred(lib->krb5, store->tickets, &tgt);
    if (!error) {
        store->expiry = tgt.times.endtime;
        /* kdc_timesync: what the KDC's clock showed. */
        krb5_get_time_offsets(lib->krb5, &seconds, &fraction);
        store->shift_seconds = lib->shifted ? 0 : (int32_t)seconds;
        store->shift_microseconds = lib->shifted ? 0 : fraction;
    }
    krb5_free_cred_contents(lib->krb5, &tgt);
    return error;
}

/* A store with a TGT that the secret of the identity opened; without an identity, the first key
 * of the client keytab, as MIT's GSSAPI does when there is no ticket cache.
 * keys: of an identity with a keytab, or NULL. */
static krb5_error_code log_on(struct sspi_krb_lib *lib,
                              const struct sspi_krb_credential *credential, krb5_keytab keys,
                              struct sspi_krb_store *store)
{
    const struct sspi_identity *identity = &credential->identity;
    krb5_keytab client_keys = NULL;
    krb5_principal client = NULL;
    krb5_error_code error = 0;

    if (credential->explicit_identity) {
        error = sspi_krb_identity_principal(lib->krb5, identity, &client);
    } else {
        error = krb5_kt_resolve(lib->krb5, credential->client_keytab_name, &client_keys);
        if (!error)
            error = sspi_krb_first_key(lib->krb5, client_keys, &client);
        keys = client_keys;
    }
    if (!error)
        error = sspi_krb_log_on(lib, client, identity->password, keys, store);
    krb5_free_principal(lib->krb5, client);
    if (client_keys)
        krb5_kt_close(lib->krb5, client_keys);
    return error;
}

/* A copy of the ticket cache in a file, or the cache itself when it lives elsewhere. */
static krb5_error_code load_tickets(struct sspi_krb_lib *lib, const char *name,
                                    const struct sspi_krb_stamp *stamp,
                                    struct sspi_krb_store *store)
{
    krb5_ccache cache = NULL;
    krb5_error_code error = krb5_cc_resolve(lib->krb5, name, &cache);
    if (error)
        return error;
    if (stamp)
        store->stamp = *stamp;
    /* Reading a cache with a KDC offset moves the clock of this library context; others that
     * use the copy must get the same. */
    error = sspi_krb_store_tickets(lib->krb5, cache, store);
    if (!error && !lib->shifted) {
        krb5_timestamp seconds = 0;
        int32_t fraction = 0;
        krb5_get_time_offsets(lib->krb5, &seconds, &fraction);
        store->shift_seconds = (int32_t)seconds;
        store->shift_microseconds = fraction;
    }
    krb5_cc_close(lib->krb5, cache);
    return error;
}

bool sspi_krb_tgt_good(const struct sspi_krb_store *store)
{
    int64_t now = sspi_filetime_to_unix(sspi_now());
    return store && now + store->shift_seconds + TGT_MARGIN < (int64_t)(uint32_t)store->expiry;
}

/* own: the TGT is to be one that was got here. */
static bool still_good(const struct sspi_krb_store *store, bool own,
                       const struct sspi_krb_stamp *stamp)
{
    if (own)
        return sspi_krb_tgt_good(store);
    return store && stamp && sspi_krb_stamp_equal(stamp, &store->stamp);
}

/* The ticket cache of the environment, else the client keytab.
 * [out] known: stamp, when the cache is a file; own: it is to be the keytab. */
static SECURITY_STATUS find_ambient(const struct sspi_krb_credential *credential,
                                    struct sspi_krb_stamp *stamp, struct sspi_krb_stamp **known,
                                    bool *own)
{
    const char *cache = sspi_krb_file_of(credential->cache_name);
    const char *keytab = sspi_krb_file_of(credential->client_keytab_name);
    struct sspi_krb_stamp unused;

    if (cache && sspi_krb_stamp(cache, stamp))
        *known = stamp;
    else if (cache)
        *own = keytab && sspi_krb_stamp(keytab, &unused);
    if (!cache || *known || *own)
        return SEC_E_OK;
    sspi_error_set("no Kerberos ticket cache at %s: run kinit, or give an identity", cache);
    return SEC_E_NO_CREDENTIALS;
}

SECURITY_STATUS sspi_krb_tickets(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                 struct sspi_krb_store **tickets)
{
    struct sspi_krb_stamp stamp, *known = NULL;
    struct sspi_krb_store *keys = NULL;
    bool own = credential->explicit_identity;
    krb5_error_code error = 0;

    if (credential->client)
        return sspi_krb_client_tickets(credential->client, tickets);
    if (!own) {
        SECURITY_STATUS status = find_ambient(credential, &stamp, &known, &own);
        if (status != SEC_E_OK)
            return status;
    } else if (credential->identity.keytab.size) {
        SECURITY_STATUS status = sspi_krb_keys(credential, lib, &keys);
        if (status != SEC_E_OK)
            return status;
    }
    pthread_mutex_lock(&credential->lock);
    if (!still_good(credential->tickets, own, known)) {
        struct sspi_krb_store *fresh = sspi_krb_store_new(), *old = fresh;
        if (!fresh)
            error = ENOMEM;
        else if (own)
            error = log_on(lib, credential, keys ? keys->keys : NULL, fresh);
        else
            error = load_tickets(lib, credential->cache_name, known, fresh);
        if (!error) {
            old = credential->tickets;
            credential->tickets = fresh;
        }
        sspi_krb_store_release(lib->krb5, old);
    }
    if (!error)
        *tickets = sspi_krb_store_share(credential->tickets);
    pthread_mutex_unlock(&credential->lock);
    sspi_krb_store_release(lib->krb5, keys);
    return sspi_krb_explain(lib->krb5, error, SSPI_KRB_TICKET);
}

/* The realm of a target that names none: what krb5.conf says of the host, else the empty realm,
 * with which libkrb5 asks the client's KDC for a referral. */
static krb5_error_code find_realm(krb5_context krb5, krb5_principal target)
{
    char **realms = NULL, *host = NULL;
    krb5_error_code error = 0;

    if (krb5_princ_size(krb5, target) < 2)
        return 0;
    const krb5_data *part = krb5_princ_component(krb5, target, 1);
    host = sspi_alloc((size_t)part->length + 1);
    if (!host)
        return ENOMEM;
    memcpy(host, part->data, part->length);
    host[strcspn(host, ":")] = '\0'; /* MSSQLSvc/host:1433 */
    error = krb5_get_host_realm(krb5, host, &realms);
    if (!error && realms[0] && realms[0][0])
        error = krb5_set_principal_realm(krb5, target, realms[0]);
    if (!error)
        krb5_free_host_realm(krb5, realms);
    sspi_free(host);
    return error;
}

/* DOMAIN\user. A domain with a dot is a realm; a NetBIOS name is taken for the client's own. */
static krb5_error_code parse_account(krb5_context krb5, const char *text, const char *user,
                                     krb5_const_principal client, krb5_principal *target)
{
    size_t size = (size_t)(user - 1 - text);
    char *domain = sspi_alloc(size + 1), *realm = NULL;
    krb5_error_code error = ENOMEM;

    if (domain) {
        memcpy(domain, text, size);
        realm = sspi_upper(domain);
    }
    if (realm && strchr(realm, '.'))
        error = krb5_build_principal(krb5, target, (unsigned)size, realm, user, (char *)NULL);
    else if (realm)
        error = krb5_build_principal(krb5, target, client->realm.length, client->realm.data, user,
                                     (char *)NULL);
    sspi_free(realm);
    sspi_free(domain);
    return error;
}

krb5_error_code sspi_krb_parse_target(krb5_context krb5, const char *text,
                                      krb5_const_principal client, krb5_principal *target)
{
    const char *backslash = strchr(text, '\\');
    if (backslash)
        return parse_account(krb5, text, backslash + 1, client, target);
    krb5_error_code error =
        krb5_parse_name_flags(krb5, text, KRB5_PRINCIPAL_PARSE_NO_DEF_REALM, target);
    if (error || krb5_princ_realm(krb5, *target)->length)
        return error;
    (*target)->type = KRB5_NT_SRV_INST;
    if (krb5_princ_size(krb5, *target) > 1)
        return find_realm(krb5, *target);
    /* An account name: it can only be one of the client's realm. */
    char *realm = sspi_alloc((size_t)client->realm.length + 1);
    if (!realm)
        return ENOMEM;
    memcpy(realm, client->realm.data, client->realm.length);
    error = krb5_set_principal_realm(krb5, *target, realm);
    sspi_free(realm);
    return error;
}

/* Asks the KDC through the caller's own cache, so that others find the ticket there, too, and
 * notes it in our copy. */
static krb5_error_code fetch(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                             struct sspi_krb_store *tickets, krb5_creds *wanted,
                             krb5_creds **ticket)
{
    krb5_flags options = wanted->second_ticket.length ? KRB5_GC_USER_USER : 0;
    krb5_ccache cache = NULL;
    if (credential->client && credential->client->evidence)
        return options ? KRB5KDC_ERR_BADOPTION
                       : sspi_krb_proxy(credential->client, lib->krb5, wanted->server, ticket);
    if (tickets->expiry || credential->client)
        return krb5_get_credentials(lib->krb5, options, tickets->tickets, wanted, ticket);
    krb5_error_code error = krb5_cc_resolve(lib->krb5, credential->cache_name, &cache);
    if (!error)
        error = krb5_get_credentials(lib->krb5, options, cache, wanted, ticket);
    if (cache)
        krb5_cc_close(lib->krb5, cache);
    if (error)
        return error;
    error = krb5_cc_store_cred(lib->krb5, tickets->tickets, *ticket);
    if (error) {
        krb5_free_creds(lib->krb5, *ticket);
        *ticket = NULL;
    }
    return error;
}

/* After a referral libkrb5 leaves the server without a realm; the ticket has its name. */
static krb5_error_code name_server(krb5_context krb5, krb5_creds *ticket)
{
    krb5_ticket *decoded = NULL;

    if (krb5_princ_realm(krb5, ticket->server)->length)
        return 0;
    krb5_error_code error = krb5_decode_ticket(&ticket->ticket, &decoded);
    if (error)
        return error;
    krb5_principal unnamed = ticket->server;
    ticket->server = decoded->server;
    decoded->server = unnamed;
    krb5_free_ticket(krb5, decoded);
    return 0;
}

SECURITY_STATUS sspi_krb_ticket(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                struct sspi_krb_store *tickets, const char *target,
                                const krb5_data *tgt, krb5_creds **ticket)
{
    krb5_creds wanted = {0};
    krb5_flags options = KRB5_GC_CACHED | (tgt ? KRB5_GC_USER_USER : 0);
    krb5_error_code error = 0;

    if ((tickets->shift_seconds || tickets->shift_microseconds) && !lib->shifted)
        error = sspi_krb_shift(lib, tickets->shift_seconds, tickets->shift_microseconds);
    if (!error)
        error = krb5_cc_get_principal(lib->krb5, tickets->tickets, &wanted.client);
    if (!error)
        error = sspi_krb_parse_target(lib->krb5, target, wanted.client, &wanted.server);
    if (!error) {
        if (tgt)
            wanted.second_ticket = *tgt;
        error = krb5_get_credentials(lib->krb5, options, tickets->tickets, &wanted, ticket);
        if (error && error != ENOMEM)
            error = fetch(credential, lib, tickets, &wanted, ticket);
        wanted.second_ticket = (krb5_data){0}; /* the caller's */
    }
    if (!error && (error = name_server(lib->krb5, *ticket)) != 0) {
        krb5_free_creds(lib->krb5, *ticket);
        *ticket = NULL;
    }
    krb5_free_cred_contents(lib->krb5, &wanted);
    return sspi_krb_explain(lib->krb5, error, SSPI_KRB_TICKET);
}
