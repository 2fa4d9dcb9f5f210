/* SPDX-License-Identifier: Apache-2.0
 *
 * The client of an accepted context, as far as the server may speak for it: with the TGT that the
 * client forwarded, or with the client's ticket to the server as evidence (S4U2Proxy, MS-SFU
 * 3.2.5.2). A user who has not come is spoken for with a ticket by S4U2Self (MS-SFU 3.2.5.1).
 */
#ifndef LIBSSPI_KERBEROS_DELEGATE_H
#define LIBSSPI_KERBEROS_DELEGATE_H

#include "context.h"

/* Shared by the thread that impersonates and the credentials it acquires; never changed. */
struct sspi_krb_client {
    atomic_uint references;
    char *name;                     /* the principal */
    krb5_timestamp end;             /* of the ticket that all of it rests on */
    struct sspi_krb_store *tickets; /* the forwarded TGT; with evidence, the server's own */
    krb5_ticket *evidence;          /* NULL: a TGT was forwarded, or nothing */
    const char *nothing;            /* why nothing can be done in its name, or NULL */
};

/* Three of the functions of struct sspi_package. */
SECURITY_STATUS sspi_krb_impersonate(void *credential, void *context, struct sspi_client *client);
SECURITY_STATUS sspi_krb_impersonate_user(void *credential, const char *user,
                                          struct sspi_client *client);
void sspi_krb_release_client(void *client); /* NULL is harmless */

struct sspi_krb_client *sspi_krb_share_client(struct sspi_krb_client *client);
/* What to ask the KDC with. SEC_E_NO_CREDENTIALS: nothing was delegated. [out] tickets: release it
 * with sspi_krb_store_release. */
SECURITY_STATUS sspi_krb_client_tickets(const struct sspi_krb_client *client,
                                        struct sspi_krb_store **tickets);
/* A ticket for the client to another service, got with the evidence. 0 or an error of libkrb5.
 * [out] ticket: krb5_free_creds. */
krb5_error_code sspi_krb_proxy(const struct sspi_krb_client *client, krb5_context krb5,
                               krb5_principal service, krb5_creds **ticket);

#endif
