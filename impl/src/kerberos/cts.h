/* SPDX-License-Identifier: Apache-2.0
 *
 * AES in CBC mode with ciphertext stealing (RFC 3962 5: IV zero, the last two blocks change places)
 * over the pieces of a message, in place.
 *
 * The cipher is of an OSSL_LIB_CTX of our own: which providers the caller has loaded, and what its
 * default properties are, does not matter.
 */
#ifndef LIBSSPI_KERBEROS_CTS_H
#define LIBSSPI_KERBEROS_CTS_H

#include <openssl/evp.h>

#include "../memory.h"
#include "pieces.h"

#define SSPI_KRB_BLOCK 16

/* Keys a cipher, which may have had another key. size: 16 or 32. false: libcrypto failed. */
bool sspi_krb_cbc_key(EVP_CIPHER_CTX *cipher, const uint8_t *key, size_t size, bool encrypt);
/* Whole blocks with IV zero, from one buffer into another or in place. */
bool sspi_krb_cbc(EVP_CIPHER_CTX *cipher, const uint8_t *from, uint8_t *to, size_t size);
/* Encrypts or decrypts HEADER and DATA. false: they are less than a block, or libcrypto failed;
 * then they hold neither plaintext nor ciphertext. */
bool sspi_krb_cts(EVP_CIPHER_CTX *cipher, struct sspi_krb_pieces *pieces);

#endif
