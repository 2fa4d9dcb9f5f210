/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a message in the order in which they are encrypted and signed: buffers of the caller
 * and fields of the token between them. Nothing here owns memory.
 */
#ifndef LIBSSPI_KERBEROS_PIECES_H
#define LIBSSPI_KERBEROS_PIECES_H

#include <krb5.h>
#include <sspi.h>
#include <stdbool.h>

#define SSPI_KRB_MAX_BUFFERS 64

/* In libkrb5's terms: HEADER is the confounder, DATA is encrypted, SIGN_ONLY is not, TRAILER is the
 * HMAC of a ciphertext. Where only a checksum is made, DATA is what it covers. */
struct sspi_krb_pieces {
    krb5_crypto_iov list[SSPI_KRB_MAX_BUFFERS + 4];
    size_t count;
};

void sspi_krb_piece(struct sspi_krb_pieces *pieces, krb5_cryptotype type, void *data, size_t size);
/* Appends the caller's buffers in their order: DATA, and under a READONLY_WITH_CHECKSUM bit as
 * covered by the checksum only. sealing: false has all of them signed only. */
void sspi_krb_collect(struct sspi_krb_pieces *pieces, SecBufferDesc *message, bool sealing);
/* The first of that type, or NULL. */
const krb5_data *sspi_krb_find(const struct sspi_krb_pieces *pieces, krb5_cryptotype type);

#endif
