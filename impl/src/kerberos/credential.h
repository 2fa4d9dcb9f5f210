/* SPDX-License-Identifier: Apache-2.0
 *
 * A Kerberos credential: whom an initiator speaks for, and the keys of an acceptor.
 *
 * Nothing is asked of a KDC and no file is opened before the first leg: acquiring default
 * credentials succeeds on a machine without Kerberos, as on Windows outside a domain. Names of
 * ticket cache and keytab are those of the environment at the time of acquiring.
 */
#ifndef LIBSSPI_KERBEROS_CREDENTIAL_H
#define LIBSSPI_KERBEROS_CREDENTIAL_H

#include <krb5.h>
#include <pthread.h>

#include "../package.h"
#include "pool.h"
#include "store.h"

struct sspi_krb_credential {
    ULONG use;              /* SECPKG_CRED_INBOUND, SECPKG_CRED_OUTBOUND */
    bool explicit_identity; /* user and secret were given: no ambient ticket is ever used */
    struct sspi_identity identity;
    char *principal;                /* pszPrincipal, or NULL */
    char *cache_name, *keytab_name; /* of the environment */
    char *client_keytab_name;       /* likewise: who an initiator without ticket cache is */
    pthread_mutex_t lock;           /* guards the two stores and asking for a TGT */
    struct sspi_krb_store *tickets; /* NULL until the first leg of an initiator */
    struct sspi_krb_store *keys;    /* NULL until the first leg of an acceptor */
    struct sspi_krb_store *own;     /* an acceptor's TGT by its key; NULL until it speaks for one */
    struct sspi_krb_client *client; /* who is spoken for; NULL: nobody but oneself */
};

/* The functions of struct sspi_package. */
SECURITY_STATUS sspi_krb_acquire(const struct sspi_cred_request *request, void **credential,
                                 TimeStamp *expiry);
void sspi_krb_free_credential(void *credential);
SECURITY_STATUS sspi_krb_credential_name(void *credential, char **name);

/* The tickets of an initiator, with a TGT that is still good. [out] tickets: release it with
 * sspi_krb_store_release. */
SECURITY_STATUS sspi_krb_tickets(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                 struct sspi_krb_store **tickets);
/* A TGT into a fresh store. keys: to be used instead of the password; or NULL. */
krb5_error_code sspi_krb_log_on(struct sspi_krb_lib *lib, krb5_principal client,
                                const char *password, krb5_keytab keys,
                                struct sspi_krb_store *store);
/* Whether that TGT is good for a while. NULL: no. */
bool sspi_krb_tgt_good(const struct sspi_krb_store *store);
/* A ticket for the service, from tickets or from the KDC. tgt: a ticket of the service, whose key
 * it shall be in (user-to-user, RFC 4120 3.3.3); or NULL. [out] ticket: krb5_free_creds.
 * SEC_E_NO_TGT_REPLY: the KDC gives none without such a ticket. */
SECURITY_STATUS sspi_krb_ticket(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                struct sspi_krb_store *tickets, const char *target,
                                const krb5_data *tgt, krb5_creds **ticket);
/* The service that a target names. client: whose realm an account name without one is of.
 * 0 or an error of libkrb5; [out] service: krb5_free_principal. */
krb5_error_code sspi_krb_parse_target(krb5_context krb5, const char *target,
                                      krb5_const_principal client, krb5_principal *service);
/* The keys of an acceptor, and of an identity that came with a keytab. [out] keys: release it with
 * sspi_krb_store_release. */
SECURITY_STATUS sspi_krb_keys(struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                              struct sspi_krb_store **keys);

/* The principal of an explicit identity. 0 or an error of libkrb5. */
krb5_error_code sspi_krb_identity_principal(krb5_context krb5, const struct sspi_identity *identity,
                                            krb5_principal *principal);
/* The principal of the first key in a keytab. 0, ENOENT or an error of libkrb5. */
krb5_error_code sspi_krb_first_key(krb5_context krb5, krb5_keytab keytab,
                                   krb5_principal *principal);

/* The principal of an acceptor: pszPrincipal, else that of its first key. */
krb5_error_code sspi_krb_service_principal(krb5_context krb5,
                                           const struct sspi_krb_credential *credential,
                                           krb5_principal *principal);

#endif
