/* SPDX-License-Identifier: Apache-2.0
 *
 * Counted stores of tickets and keys.
 */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../env.h"
#include "../memory.h"
#include "framing.h"

struct sspi_krb_store *sspi_krb_store_new(void)
{
    struct sspi_krb_store *store = sspi_alloc(sizeof *store);
    if (store)
        atomic_init(&store->references, 1);
    return store;
}

struct sspi_krb_store *sspi_krb_store_share(struct sspi_krb_store *store)
{
    atomic_fetch_add(&store->references, 1);
    return store;
}

void sspi_krb_store_release(krb5_context krb5, struct sspi_krb_store *store)
{
    if (!store || atomic_fetch_sub(&store->references, 1) != 1)
        return;
    if (store->tickets)
        krb5_cc_destroy(krb5, store->tickets);
    if (store->keys)
        krb5_kt_close(krb5, store->keys); /* a MEMORY keytab goes with its last handle */
    sspi_free(store);
}

const char *sspi_krb_file_of(const char *name)
{
    if (strncmp(name, "FILE:", 5) == 0)
        return name + 5;
    return strchr(name, ':') ? NULL : name;
}

bool sspi_krb_stamp(const char *path, struct sspi_krb_stamp *stamp)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return false;
    *stamp = (struct sspi_krb_stamp){info.st_dev,  info.st_ino,  info.st_size,
                                     info.st_mtim, info.st_ctim, sspi_file_is_young(&info)};
    return true;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool sspi_krb_stamp_equal(const struct sspi_krb_stamp *now, const struct sspi_krb_stamp *kept)
{
    return !kept->young && now->device == kept->device && now->inode == kept->inode &&
           now->size == kept->size && same_time(&now->modified, &kept->modified) &&
           same_time(&now->changed, &kept->changed);
}

krb5_error_code sspi_krb_store_tickets(krb5_context krb5, krb5_ccache from,
                                       struct sspi_krb_store *store)
{
    krb5_principal client = NULL;
    krb5_error_code error = krb5_cc_get_principal(krb5, from, &client);
    if (!error)
        error = krb5_cc_new_unique(krb5, "MEMORY", NULL, &store->tickets);
    if (!error)
        error = krb5_cc_initialize(krb5, store->tickets, client);
    if (!error)
        error = krb5_cc_copy_creds(krb5, from, store->tickets);
    krb5_free_principal(krb5, client);
    return error;
}

krb5_error_code sspi_krb_store_keys(krb5_context krb5, krb5_keytab from,
                                    struct sspi_krb_store *store)
{
    static atomic_ulong serial;
    char name[64];
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    unsigned long count = 0;

    snprintf(name, sizeof name, "MEMORY:libsspi-%lu", atomic_fetch_add(&serial, 1));
    krb5_error_code error = krb5_kt_resolve(krb5, name, &store->keys);
    if (error)
        return error;
    error = krb5_kt_start_seq_get(krb5, from, &cursor);
    if (error)
        return error;
    while ((error = krb5_kt_next_entry(krb5, from, &entry, &cursor)) == 0) {
        error = krb5_kt_add_entry(krb5, store->keys, &entry);
        krb5_free_keytab_entry_contents(krb5, &entry);
        if (error)
            break;
        count++;
    }
    krb5_kt_end_seq_get(krb5, from, &cursor);
    if (error == KRB5_KT_END)
        error = count ? 0 : ENOENT;
    return error;
}

/* libkrb5 reads keytabs from files only; this one never has a name that others could open. */
krb5_error_code sspi_krb_store_keytab(krb5_context krb5, const void *bytes, size_t size,
                                      struct sspi_krb_store *store)
{
    char name[64];
    krb5_keytab keytab = NULL;
    krb5_error_code error = 0;

    int file = memfd_create("keytab", MFD_CLOEXEC);
    if (file < 0)
        return errno;
    if (write(file, bytes, size) != (ssize_t)size) {
        error = KRB5_KT_IOERR;
        goto out;
    }
    snprintf(name, sizeof name, "FILE:/proc/self/fd/%d", file);
    error = krb5_kt_resolve(krb5, name, &keytab);
    if (!error)
        error = sspi_krb_store_keys(krb5, keytab, store);
    if (keytab)
        krb5_kt_close(krb5, keytab);
out:
    close(file);
    return error;
}

krb5_error_code sspi_krb_named_service(krb5_context krb5, krb5_keytab keys,
                                       const krb5_data *request, krb5_principal *service)
{
    struct sspi_view ticket;
    krb5_ticket *decoded = NULL;
    krb5_keytab_entry entry;

    *service = NULL;
    if (!sspi_krb_ticket_in((struct sspi_view){(const uint8_t *)request->data, request->length},
                            &ticket))
        return 0;
    krb5_data bytes = {KV5M_DATA, (unsigned)ticket.size, (char *)(uintptr_t)ticket.data};
    krb5_error_code error = krb5_decode_ticket(&bytes, &decoded);
    if (!error)
        error = krb5_kt_get_entry(krb5, keys, decoded->server, decoded->enc_part.kvno,
                                  decoded->enc_part.enctype, &entry);
    if (!error) {
        krb5_free_keytab_entry_contents(krb5, &entry);
        *service = decoded->server;
        decoded->server = NULL;
    }
    krb5_free_ticket(krb5, decoded);
    return error == ENOMEM ? ENOMEM : 0;
}
