/* SPDX-License-Identifier: Apache-2.0
 *
 * Acquiring, naming and releasing Kerberos credentials; the keys of an acceptor.
 */
#include "delegate.h"

#include <errno.h>
#include <string.h>

#include "../error.h"
#include "../text.h"
#include "status.h"

static bool given(const char *text)
{
    return text && *text;
}

/* The names that the environment gives now, for a library context that may be older. */
static krb5_error_code read_environment(struct sspi_krb_lib *lib,
                                        struct sspi_krb_credential *credential)
{
    char keytab[1024];
    krb5_keytab client = NULL;
    krb5_error_code error = krb5_cc_set_default_name(lib->krb5, NULL);
    if (error)
        return error;
    const char *cache = krb5_cc_default_name(lib->krb5);
    credential->cache_name = sspi_strdup(cache ? cache : "");
    error = krb5_kt_default_name(lib->krb5, keytab, sizeof keytab);
    if (error)
        return error;
    credential->keytab_name = sspi_strdup(keytab);
    error = krb5_kt_client_default(lib->krb5, &client);
    if (!error)
        error = krb5_kt_get_name(lib->krb5, client, keytab, sizeof keytab);
    if (client)
        krb5_kt_close(lib->krb5, client);
    if (error)
        return error;
    credential->client_keytab_name = sspi_strdup(keytab);
    return credential->cache_name && credential->keytab_name && credential->client_keytab_name
               ? 0
               : ENOMEM;
}

static SECURITY_STATUS copy_request(const struct sspi_cred_request *request,
                                    struct sspi_krb_credential *credential)
{
    const struct sspi_identity *identity = request->identity;

    credential->use = request->use & SECPKG_CRED_BOTH;
    /* A structure with nothing in it asks for the default credentials. */
    if (identity && (given(identity->user) || given(identity->domain) ||
                     given(identity->password) || identity->keytab.size)) {
        /* Windows refuses a user without a password here. */
        if ((credential->use & SECPKG_CRED_OUTBOUND) && !identity->password &&
            !identity->keytab.size)
            return SEC_E_NO_CREDENTIALS;
        credential->explicit_identity = true;
        SECURITY_STATUS status = sspi_identity_copy(identity, &credential->identity);
        if (status != SEC_E_OK)
            return status;
    } else if (request->client) {
        if (request->client->package != &sspi_kerberos_package)
            return SEC_E_NO_CREDENTIALS;
        credential->client = sspi_krb_share_client(request->client->state);
    }
    if (given(request->principal)) {
        credential->principal = sspi_strdup(request->principal);
        if (!credential->principal)
            return SEC_E_INSUFFICIENT_MEMORY;
    }
    return SEC_E_OK;
}

SECURITY_STATUS sspi_krb_acquire(const struct sspi_cred_request *request, void **credential,
                                 TimeStamp *expiry)
{
    struct sspi_krb_lib *lib = NULL;
    struct sspi_krb_credential *made = sspi_alloc(sizeof *made);
    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    pthread_mutex_init(&made->lock, NULL);
    SECURITY_STATUS status = copy_request(request, made);
    if (status == SEC_E_OK)
        status = sspi_krb_status(sspi_krb_borrow(&lib), SSPI_KRB_TICKET);
    if (status == SEC_E_OK)
        status = sspi_krb_status(read_environment(lib, made), SSPI_KRB_TICKET);
    sspi_krb_return(lib);
    if (status != SEC_E_OK) {
        sspi_krb_free_credential(made);
        return status;
    }
    /* The credential itself does not run out: its tickets are renewed or fetched again. */
    if (made->client)
        *expiry = sspi_krb_local_time(made->client->end);
    else
        expiry->QuadPart = INT64_MAX;
    *credential = made;
    return SEC_E_OK;
}

void sspi_krb_free_credential(void *handle)
{
    struct sspi_krb_credential *credential = handle;
    struct sspi_krb_lib *lib = NULL;
    if (!credential)
        return;
    if ((credential->tickets || credential->keys || credential->own) &&
        sspi_krb_borrow(&lib) == 0) {
        sspi_krb_store_release(lib->krb5, credential->tickets);
        sspi_krb_store_release(lib->krb5, credential->keys);
        sspi_krb_store_release(lib->krb5, credential->own);
        sspi_krb_return(lib);
    }
    sspi_krb_release_client(credential->client);
    sspi_identity_free(&credential->identity);
    sspi_free(credential->principal);
    sspi_free(credential->cache_name);
    sspi_free(credential->keytab_name);
    sspi_free(credential->client_keytab_name);
    pthread_mutex_destroy(&credential->lock);
    sspi_free(credential);
}

krb5_error_code sspi_krb_identity_principal(krb5_context krb5, const struct sspi_identity *identity,
                                            krb5_principal *principal)
{
    const char *user = identity->user ? identity->user : "";
    char *realm = NULL;
    krb5_error_code error;

    if (!given(identity->domain) && strchr(user, '@')) {
        error = krb5_parse_name(krb5, user, principal);
    } else if (!given(identity->domain)) {
        error = krb5_parse_name_flags(krb5, user, 0, principal);
    } else {
        /* Windows names realms in upper case, whatever case the caller wrote the domain in. */
        realm = sspi_upper(identity->domain);
        if (!realm)
            return ENOMEM;
        /* No account name has a slash; the owner of a keytab may be a service. */
        if (strchr(user, '/'))
            error = krb5_parse_name_flags(krb5, user, KRB5_PRINCIPAL_PARSE_NO_REALM, principal);
        else
            error = krb5_build_principal(krb5, principal, (unsigned)strlen(realm), realm, user,
                                         (char *)NULL);
        if (!error && strchr(user, '/'))
            error = krb5_set_principal_realm(krb5, *principal, realm);
    }
    sspi_free(realm);
    return error;
}

krb5_error_code sspi_krb_first_key(krb5_context krb5, krb5_keytab keytab, krb5_principal *principal)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;

    krb5_error_code error = krb5_kt_start_seq_get(krb5, keytab, &cursor);
    if (error)
        return error;
    error = krb5_kt_next_entry(krb5, keytab, &entry, &cursor);
    if (!error) {
        error = krb5_copy_principal(krb5, entry.principal, principal);
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, keytab, &cursor);
    return error == KRB5_KT_END ? ENOENT : error;
}

static krb5_error_code first_name(krb5_context krb5, const char *keytab_name,
                                  krb5_principal *principal)
{
    krb5_keytab keytab = NULL;
    krb5_error_code error = krb5_kt_resolve(krb5, keytab_name, &keytab);
    if (error)
        return error;
    error = sspi_krb_first_key(krb5, keytab, principal);
    krb5_kt_close(krb5, keytab);
    return error;
}

/* Whose ticket cache it is; without one, whose client keytab (tickets.c). */
static krb5_error_code default_principal(struct sspi_krb_lib *lib,
                                         const struct sspi_krb_credential *credential,
                                         krb5_principal *principal)
{
    krb5_ccache cache = NULL;
    krb5_error_code error = krb5_cc_resolve(lib->krb5, credential->cache_name, &cache);
    if (!error)
        error = krb5_cc_get_principal(lib->krb5, cache, principal);
    if (cache)
        krb5_cc_close(lib->krb5, cache);
    if (error == KRB5_FCC_NOFILE &&
        first_name(lib->krb5, credential->client_keytab_name, principal) == 0)
        error = 0;
    return error;
}

krb5_error_code sspi_krb_service_principal(krb5_context krb5,
                                           const struct sspi_krb_credential *credential,
                                           krb5_principal *principal)
{
    if (credential->principal)
        return krb5_parse_name(krb5, credential->principal, principal);
    return first_name(krb5, credential->keytab_name, principal);
}

SECURITY_STATUS sspi_krb_credential_name(void *handle, char **name)
{
    struct sspi_krb_credential *credential = handle;
    struct sspi_krb_lib *lib = NULL;
    krb5_principal principal = NULL;
    char *text = NULL;

    if (credential->client) {
        *name = sspi_strdup(credential->client->name);
        return *name ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
    }
    krb5_error_code error = sspi_krb_borrow(&lib);
    if (error)
        return sspi_krb_status(error, SSPI_KRB_TICKET);
    if (credential->explicit_identity)
        error = sspi_krb_identity_principal(lib->krb5, &credential->identity, &principal);
    else if (credential->use & SECPKG_CRED_OUTBOUND)
        error = default_principal(lib, credential, &principal);
    else
        error = sspi_krb_service_principal(lib->krb5, credential, &principal);
    if (!error)
        error = krb5_unparse_name(lib->krb5, principal, &text);
    if (!error) {
        *name = sspi_strdup(text);
        error = *name ? 0 : ENOMEM;
    }
    krb5_free_unparsed_name(lib->krb5, text);
    krb5_free_principal(lib->krb5, principal);
    sspi_krb_return(lib);
    return sspi_krb_status(error, SSPI_KRB_TICKET);
}

/* Opens or copies the keytab; the stamp is taken first, so that a change meanwhile is seen next
 * time. */
static krb5_error_code load_keys(struct sspi_krb_lib *lib,
                                 const struct sspi_krb_credential *credential,
                                 const struct sspi_krb_stamp *stamp, struct sspi_krb_store *store)
{
    const struct sspi_blob *given_keys = &credential->identity.keytab;
    krb5_keytab keytab = NULL;
    if (given_keys->size)
        return sspi_krb_store_keytab(lib->krb5, given_keys->data, given_keys->size, store);
    krb5_error_code error = krb5_kt_resolve(lib->krb5, credential->keytab_name, &keytab);
    if (error)
        return error;
    if (stamp) {
        store->stamp = *stamp;
        error = sspi_krb_store_keys(lib->krb5, keytab, store);
        krb5_kt_close(lib->krb5, keytab);
    } else {
        store->keys = keytab;
    }
    return error;
}

SECURITY_STATUS sspi_krb_keys(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                              struct sspi_krb_store **keys)
{
    const char *path =
        credential->identity.keytab.size ? NULL : sspi_krb_file_of(credential->keytab_name);
    struct sspi_krb_stamp stamp;
    struct sspi_krb_store *fresh = NULL;
    krb5_error_code error = 0;

    if (path && !sspi_krb_stamp(path, &stamp)) {
        sspi_error_set("no keytab at %s: KRB5_KTNAME names the file with the keys of the service",
                       path);
        return SEC_E_NO_CREDENTIALS;
    }
    pthread_mutex_lock(&credential->lock);
    if (!credential->keys || (path && !sspi_krb_stamp_equal(&stamp, &credential->keys->stamp))) {
        fresh = sspi_krb_store_new();
        error = fresh ? load_keys(lib, credential, path ? &stamp : NULL, fresh) : ENOMEM;
        struct sspi_krb_store *old = fresh;
        if (!error) {
            old = credential->keys;
            credential->keys = fresh;
        }
        sspi_krb_store_release(lib->krb5, old);
    }
    if (!error)
        *keys = sspi_krb_store_share(credential->keys);
    pthread_mutex_unlock(&credential->lock);
    return sspi_krb_explain(lib->krb5, error, SSPI_KRB_REQUEST);
}
