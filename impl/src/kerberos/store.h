/* SPDX-License-Identifier: Apache-2.0
 *
 * Tickets and keys in memory, shared by everybody who uses one credential at the same time.
 *
 * A ticket cache or keytab in a file is copied once and again when the file has changed; while
 * somebody still works with the copy before, that one lives on.
 */
#ifndef LIBSSPI_KERBEROS_STORE_H
#define LIBSSPI_KERBEROS_STORE_H

#include <krb5.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* Whether a file is the one that was read. */
struct sspi_krb_stamp {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified, changed;
    bool young; /* it may change once more without any of this telling */
};

struct sspi_krb_store {
    atomic_uint references;
    krb5_ccache tickets; /* MEMORY, ours to destroy; or NULL */
    krb5_keytab keys;    /* ours to close; or NULL */
    struct sspi_krb_stamp stamp;
    krb5_timestamp expiry; /* of the TGT in tickets, when it was got here: by password or keytab;
                              0: a copy of a ticket cache */
    int32_t shift_seconds, shift_microseconds; /* the KDC's clock minus ours */
};

/* With one reference, nothing in it. NULL: no memory. */
struct sspi_krb_store *sspi_krb_store_new(void);
struct sspi_krb_store *sspi_krb_store_share(struct sspi_krb_store *store);
/* The last one destroys it. NULL is harmless. */
void sspi_krb_store_release(krb5_context krb5, struct sspi_krb_store *store);

/* The path in the name of a ticket cache or keytab, or NULL when it is of another type. */
const char *sspi_krb_file_of(const char *name);
/* false: there is no such file, or it cannot be looked at. */
bool sspi_krb_stamp(const char *path, struct sspi_krb_stamp *stamp);
/* kept: of what was read. One that was young then is equal to none. */
bool sspi_krb_stamp_equal(const struct sspi_krb_stamp *now, const struct sspi_krb_stamp *kept);

/* Copies all tickets of `from` into store->tickets (empty before). */
krb5_error_code sspi_krb_store_tickets(krb5_context krb5, krb5_ccache from,
                                       struct sspi_krb_store *store);
/* Reads all keys of a keytab file that is in memory into store->keys (empty before). As below. */
krb5_error_code sspi_krb_store_keytab(krb5_context krb5, const void *bytes, size_t size,
                                      struct sspi_krb_store *store);
/* Copies all keys of `from` into store->keys (empty before). ENOENT: there is not one. */
krb5_error_code sspi_krb_store_keys(krb5_context krb5, krb5_keytab from,
                                    struct sspi_krb_store *store);

/* The service that the ticket of an AP-REQ is for, if its key is in keys. libkrb5 by itself tries
 * every key on the ticket. [out] service: krb5_free_principal it; NULL: not there. 0 or ENOMEM. */
krb5_error_code sspi_krb_named_service(krb5_context krb5, krb5_keytab keys,
                                       const krb5_data *request, krb5_principal *service);

#endif
