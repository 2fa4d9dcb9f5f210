/* SPDX-License-Identifier: Apache-2.0
 *
 * The AES encryption types of RFC 3962 and RFC 8009 on libcrypto: what krb5_k_encrypt_iov,
 * krb5_k_decrypt_iov, krb5_k_make_checksum_iov and krb5_k_verify_checksum_iov do, with keys that
 * are derived once and ciphers that are keyed once. libkrb5's own have no SHA instructions and go
 * through every message block by block.
 */
#ifndef LIBSSPI_KERBEROS_AES_H
#define LIBSSPI_KERBEROS_AES_H

#include "../memory.h"
#include "pieces.h"

enum sspi_krb_aes_use {
    SSPI_KRB_AES_ENCRYPT,
    SSPI_KRB_AES_DECRYPT,
    SSPI_KRB_AES_CHECKSUM /* made and verified */
};

/* The derived keys of one use; for one thread at a time. */
struct sspi_krb_aes;

bool sspi_krb_is_aes(krb5_enctype enctype);
/* [out] aes: sspi_krb_aes_free it. 0, ENOMEM, KRB5_BAD_KEYSIZE, KRB5_CRYPTO_INTERNAL. */
krb5_error_code sspi_krb_aes_new(const krb5_keyblock *key, krb5_keyusage usage,
                                 enum sspi_krb_aes_use use, struct sspi_krb_aes **aes);
void sspi_krb_aes_free(struct sspi_krb_aes *aes); /* wipes; NULL is harmless */

/* The pieces are those of libkrb5's functions: HEADER and TRAILER where there is a ciphertext, a
 * CHECKSUM where there is none. 0, KRB5_BAD_MSIZE when one of those is missing or of another size,
 * KRB5KRB_AP_ERR_BAD_INTEGRITY, KRB5_CRYPTO_INTERNAL. After an error of the first two, DATA holds
 * nothing that means anything. */
krb5_error_code sspi_krb_aes_encrypt(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces);
krb5_error_code sspi_krb_aes_decrypt(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces);
krb5_error_code sspi_krb_aes_checksum(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces);
krb5_error_code sspi_krb_aes_verify(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces);

#endif
