/* SPDX-License-Identifier: Apache-2.0
 *
 * The primitives of NTLM and channel bindings, from OpenSSL's low-level functions: no provider,
 * no library context, so that the caller's OpenSSL is never touched. false: OpenSSL failed.
 * Outputs may overlap inputs.
 */
#ifndef LIBSSPI_DIGEST_H
#define LIBSSPI_DIGEST_H

#include <openssl/md5.h>
#include <openssl/rc4.h>
#include <stdbool.h>

#include "memory.h"

bool sspi_md4(struct sspi_view data, uint8_t out[16]);
bool sspi_md5(const struct sspi_view *parts, size_t count, uint8_t out[16]);
bool sspi_hmac_md5(struct sspi_view key, const struct sspi_view *parts, size_t count,
                   uint8_t out[16]);
/* The same for a key that serves several messages: half the work of a short one is done once. It is
 * a secret: sspi_wipe it. size of a key: up to 64 bytes. */
struct sspi_hmac_md5_key {
    MD5_CTX inner, outer;
};
bool sspi_hmac_md5_start(struct sspi_view key, struct sspi_hmac_md5_key *out);
bool sspi_hmac_md5_run(const struct sspi_hmac_md5_key *key, const struct sspi_view *parts,
                       size_t count, uint8_t out[16]);
/* DES in ECB mode of one block with a 7-byte key (NTLMv1, MS-NLMP 6). */
bool sspi_des7(const uint8_t key[7], const uint8_t in[8], uint8_t out[8]);
uint32_t sspi_crc32(const struct sspi_view *parts, size_t count);

/* RC4 with a state that can be copied by assignment: SPNEGO saves and restores it around
 * mechListMIC. It is a secret: sspi_wipe it. size of a key: 1 to 256 bytes. */
struct sspi_rc4 {
    RC4_KEY key;
};
void sspi_rc4_init(struct sspi_rc4 *rc4, const uint8_t *key, size_t size);
void sspi_rc4_update(struct sspi_rc4 *rc4, const uint8_t *in, uint8_t *out, size_t size);

#endif
