/* SPDX-License-Identifier: Apache-2.0
 *
 * Kerberos for fuzz targets: worlds with keys that the target knows, and mutations inside what is
 * encrypted, so that fuzzing gets past it.
 */
#ifndef LIBSSPI_FUZZ_KERBEROS_REPAIR_H
#define LIBSSPI_FUZZ_KERBEROS_REPAIR_H

#include "kerberos_tickets.h"
#include "memory.h"

/* What of a token is mutated. */
enum fuzz_layer {
    FUZZ_MESSAGE,       /* the message of RFC 4120 in its frame */
    FUZZ_TICKET,        /* AP-REQ: the encrypted part of the ticket */
    FUZZ_AUTHENTICATOR, /* AP-REQ */
    FUZZ_CHECKSUM,      /* contents of the authenticator's checksum, type 0x8003 */
    FUZZ_AUTHDATA,      /* contents of the authenticator's first authorization data */
    FUZZ_DELEGATION,    /* the encrypted part of a KRB-CRED, which the checksum is given */
    FUZZ_OPTIONS,       /* AP-REQ: four bytes XORed to the AP options */
    FUZZ_USER_TO_USER,  /* AP-REQ: ticket encrypted in the session key of the acceptor's TGT; framed
                           so */
    FUZZ_REPLY,         /* AP-REP: the encrypted part */
    FUZZ_LAYERS
};

/* One encryption type: the service, its key, and a client's ticket for it and TGT. */
struct fuzz_realm {
    struct world world;
    krb5_keyblock tgt_key; /* session key of the TGT */
    krb5_keyblock session; /* of the newest AP-REQ that fuzz_kerberos_note saw */
};

/* TGT-REQ of user-to-user for HTTP/web. */
extern const uint8_t fuzz_tgt_request[56];

/* Opens it; credentials acquired next are of it. Its files have no name any more, so that a crash
 * leaves nothing behind; they stay open for as long as the process lives. */
void fuzz_realm_open(struct fuzz_realm *realm, krb5_enctype enctype);

/* Notes the session key of the ticket in an AP-REQ, bare, framed or inside SPNEGO. */
void fuzz_kerberos_note(struct fuzz_realm *realm, struct sspi_view token);

/* The token with what it holds taken apart, mutated and put together again. recipe: steps of a
 * layer (a byte), a length of two bytes and the mutation: a byte that says how, and what. A token
 * that is none of Kerberos, or a step that does not fit, stays as it is. [out]: sspi_blob_free it.
 */
struct sspi_blob fuzz_kerberos_repair(struct fuzz_realm *realm, struct sspi_view token,
                                      struct sspi_view recipe);

#endif
