/* SPDX-License-Identifier: Apache-2.0
 *
 * The primitives of NTLM and channel bindings, from OpenSSL, in a library context of our own
 * (default and legacy providers, fetched once), so that the caller's OpenSSL is never touched.
 * false: OpenSSL failed (memory, or a provider is missing).
 */
#ifndef LIBSSPI_DIGEST_H
#define LIBSSPI_DIGEST_H

#include <stdbool.h>

#include "memory.h"

bool sspi_md4(struct sspi_view data, uint8_t out[16]);
bool sspi_md5(const struct sspi_view *parts, size_t count, uint8_t out[16]);
bool sspi_hmac_md5(struct sspi_view key, const struct sspi_view *parts, size_t count, uint8_t out[16]);
/* DES in ECB mode of one block with a 7-byte key (NTLMv1, MS-NLMP 6). */
bool sspi_des7(const uint8_t key[7], const uint8_t in[8], uint8_t out[8]);
uint32_t sspi_crc32(const struct sspi_view *parts, size_t count);

/* RC4 with a state that can be copied: SPNEGO saves and restores it around mechListMIC. */
struct sspi_rc4 {
    uint8_t s[256];
    uint8_t i, j;
};
void sspi_rc4_init(struct sspi_rc4 *rc4, const uint8_t *key, size_t size);
void sspi_rc4_update(struct sspi_rc4 *rc4, const uint8_t *in, uint8_t *out, size_t size);

#endif
