/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC (RFC 2104) with SHA-1 and SHA-2 for a key that serves many messages: what depends on the key
 * alone is hashed once, and copied by assignment for each message. From libcrypto's low-level
 * functions for the reasons in ../digest.c.
 */
#ifndef LIBSSPI_KERBEROS_HMAC_H
#define LIBSSPI_KERBEROS_HMAC_H

#include <openssl/sha.h>

#include "../memory.h"

enum sspi_krb_sha {
    SSPI_KRB_SHA1,
    SSPI_KRB_SHA256,
    SSPI_KRB_SHA384
};

#define SSPI_KRB_MAX_SHA SHA384_DIGEST_LENGTH

union sspi_krb_sha_state {
    SHA_CTX sha1;
    SHA256_CTX sha256;
    SHA512_CTX sha384;
};

/* A secret: sspi_wipe it. */
struct sspi_krb_hmac {
    enum sspi_krb_sha sha;
    union sspi_krb_sha_state inner, outer;
};

/* size of a key: at most 64 bytes. false: longer, or libcrypto failed. */
bool sspi_krb_hmac_start(enum sspi_krb_sha sha, struct sspi_view key, struct sspi_krb_hmac *hmac);
/* false: libcrypto failed, and out says nothing. */
bool sspi_krb_hmac_run(const struct sspi_krb_hmac *hmac, const struct sspi_view *parts,
                       size_t count, uint8_t out[SSPI_KRB_MAX_SHA]);

#endif
