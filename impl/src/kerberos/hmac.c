/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC with SHA-1 and SHA-2.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "hmac.h"

#include <string.h>

static bool begin(enum sspi_krb_sha sha, union sspi_krb_sha_state *state)
{
    switch (sha) {
    case SSPI_KRB_SHA1:
        return SHA1_Init(&state->sha1);
    case SSPI_KRB_SHA256:
        return SHA256_Init(&state->sha256);
    case SSPI_KRB_SHA384:
        return SHA384_Init(&state->sha384);
    }
    return false;
}

static bool update(enum sspi_krb_sha sha, union sspi_krb_sha_state *state, const void *data,
                   size_t size)
{
    switch (sha) {
    case SSPI_KRB_SHA1:
        return SHA1_Update(&state->sha1, data, size);
    case SSPI_KRB_SHA256:
        return SHA256_Update(&state->sha256, data, size);
    case SSPI_KRB_SHA384:
        return SHA384_Update(&state->sha384, data, size);
    }
    return false;
}

/* [out] size: bytes of out. */
static bool finish(enum sspi_krb_sha sha, union sspi_krb_sha_state *state, uint8_t *out,
                   size_t *size)
{
    switch (sha) {
    case SSPI_KRB_SHA1:
        *size = SHA_DIGEST_LENGTH;
        return SHA1_Final(out, &state->sha1);
    case SSPI_KRB_SHA256:
        *size = SHA256_DIGEST_LENGTH;
        return SHA256_Final(out, &state->sha256);
    case SSPI_KRB_SHA384:
        *size = SHA384_DIGEST_LENGTH;
        return SHA384_Final(out, &state->sha384);
    }
    return false;
}

bool sspi_krb_hmac_start(enum sspi_krb_sha sha, struct sspi_view key, struct sspi_krb_hmac *hmac)
{
    uint8_t pad[SHA512_CBLOCK] = {0};
    size_t block = sha == SSPI_KRB_SHA384 ? SHA512_CBLOCK : SHA_CBLOCK;

    if (key.size > SHA_CBLOCK)
        return false;
    hmac->sha = sha;
    memcpy(pad, key.data, key.size);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36;
    bool good = begin(sha, &hmac->inner) && update(sha, &hmac->inner, pad, block);
    for (size_t i = 0; i < block; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    good = good && begin(sha, &hmac->outer) && update(sha, &hmac->outer, pad, block);
    sspi_wipe(pad, sizeof pad);
    return good;
}

bool sspi_krb_hmac_run(const struct sspi_krb_hmac *hmac, const struct sspi_view *parts,
                       size_t count, uint8_t out[SSPI_KRB_MAX_SHA])
{
    union sspi_krb_sha_state state = hmac->inner;
    size_t size = 0;
    bool good = true;

    for (size_t i = 0; good && i < count; i++)
        good = parts[i].size == 0 || update(hmac->sha, &state, parts[i].data, parts[i].size);
    good = good && finish(hmac->sha, &state, out, &size);
    state = hmac->outer;
    good = good && update(hmac->sha, &state, out, size) && finish(hmac->sha, &state, out, &size);
    sspi_wipe(&state, sizeof state); /* it was keyed */
    return good;
}
