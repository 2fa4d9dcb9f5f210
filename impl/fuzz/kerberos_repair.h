/* SPDX-License-Identifier: Apache-2.0
 *
 * Kerberos for fuzz targets: worlds with keys that the target knows, and mutations inside what is
 * encrypted, so that fuzzing gets past it.
 */
#ifndef LIBSSPI_FUZZ_KERBEROS_REPAIR_H
#define LIBSSPI_FUZZ_KERBEROS_REPAIR_H

#include "kerberos_tickets.h"
#include "memory.h"

/* One encryption type: the service, its key, and a client's ticket for it and TGT. */
struct fuzz_realm {
    struct world world;
    krb5_keyblock tgt_key; /* session key of the TGT */
    krb5_keyblock session; /* of the newest AP-REQ that fuzz_kerberos_note saw */
};

/* Opens it; credentials acquired next are of it. Its files have no name any more, so that a crash
 * leaves nothing behind; they stay open for as long as the process lives. */
void fuzz_realm_open(struct fuzz_realm *realm, krb5_enctype enctype);

/* Notes the session key of the ticket in an AP-REQ, bare, framed or inside SPNEGO. */
void fuzz_kerberos_note(struct fuzz_realm *realm, struct sspi_view token);

/* The token with what it holds taken apart, mutated and put together again. recipe: steps of a
 * layer (enum layer in kerberos_repair.c), a length of two bytes and the mutation. A token that
 * is none of Kerberos, or a step that does not fit, stays as it is. [out]: sspi_blob_free it. */
struct sspi_blob fuzz_kerberos_repair(struct fuzz_realm *realm, struct sspi_view token,
                                      struct sspi_view recipe);

#endif
