/* SPDX-License-Identifier: Apache-2.0
 *
 * Encryption and checksums of messages with the key of a finished context: AES by aes.c, what is
 * left by libkrb5. RC4 is rc4.c's. Keys are derived when the first message needs them, since many
 * contexts never protect one.
 */
#ifndef LIBSSPI_KERBEROS_CRYPTO_H
#define LIBSSPI_KERBEROS_CRYPTO_H

#include "token.h"

/* As the next message of this side, and as one of the peer's. The pieces are those of aes.h.
 * SEC_E_OK, SEC_E_MESSAGE_ALTERED, SEC_E_INSUFFICIENT_MEMORY, SEC_E_INTERNAL_ERROR. */
SECURITY_STATUS sspi_krb_encrypt_pieces(struct sspi_krb_context *context,
                                        struct sspi_krb_pieces *pieces);
SECURITY_STATUS sspi_krb_decrypt_pieces(struct sspi_krb_context *context,
                                        struct sspi_krb_pieces *pieces);
SECURITY_STATUS sspi_krb_checksum_pieces(struct sspi_krb_context *context, enum sspi_krb_kind kind,
                                         struct sspi_krb_pieces *pieces);
SECURITY_STATUS sspi_krb_verify_pieces(struct sspi_krb_context *context, enum sspi_krb_kind kind,
                                       struct sspi_krb_pieces *pieces);

#endif
