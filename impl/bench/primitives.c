/* SPDX-License-Identifier: Apache-2.0
 *
 * What sealing and opening a Kerberos message of aes256-cts-hmac-sha1-96 (RFC 3962) cannot do
 * without: AES-256-CBC one way and back and HMAC-SHA1 twice, over one buffer with keys that are
 * ready. No random confounder, no token, no sequence, no locks.
 *
 *   primitives SIZE SECONDS
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

#include "clock.h"

/* Confounder and header are encrypted with every message (RFC 4121 4.2.4). */
#define MORE 32

struct bench {
    EVP_CIPHER_CTX *encrypt, *decrypt;
    SHA_CTX inner, outer; /* of an HMAC key */
    uint8_t *plain, *sealed;
    size_t size;
};

static bool crypt(EVP_CIPHER_CTX *cipher, uint8_t *bytes, size_t size)
{
    static const uint8_t iv[16];
    int done;
    return EVP_CipherInit_ex2(cipher, NULL, NULL, iv, -1, NULL) &&
           EVP_CipherUpdate(cipher, bytes, &done, bytes, (int)size);
}

static void hmac(const struct bench *bench, const uint8_t *bytes, size_t size,
                 uint8_t out[SHA_DIGEST_LENGTH])
{
    SHA_CTX sha = bench->inner;
    SHA1_Update(&sha, bytes, size);
    SHA1_Final(out, &sha);
    sha = bench->outer;
    SHA1_Update(&sha, out, SHA_DIGEST_LENGTH);
    SHA1_Final(out, &sha);
}

static bool message(void *state)
{
    struct bench *bench = state;
    uint8_t made[SHA_DIGEST_LENGTH], found[SHA_DIGEST_LENGTH];
    size_t whole = bench->size / 16 * 16 + MORE;

    memcpy(bench->sealed, bench->plain, bench->size); /* as the others do */
    hmac(bench, bench->sealed, bench->size + MORE, made);
    if (!crypt(bench->encrypt, bench->sealed, whole) ||
        !crypt(bench->decrypt, bench->sealed, whole))
        return false;
    hmac(bench, bench->sealed, bench->size + MORE, found);
    return memcmp(made, found, sizeof made) == 0;
}

static EVP_CIPHER_CTX *keyed(int encrypt)
{
    static const uint8_t key[32] = "any key is as fast as any other";
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher || !EVP_CipherInit_ex2(cipher, EVP_aes_256_cbc(), key, NULL, encrypt, NULL) ||
        !EVP_CIPHER_CTX_set_padding(cipher, 0))
        return NULL;
    return cipher;
}

int main(int argc, char **argv)
{
    static const uint8_t pad[SHA_CBLOCK];
    struct bench bench = {0};

    if (argc != 3) {
        fprintf(stderr, "usage: %s SIZE SECONDS\n", argv[0]);
        return 3;
    }
    bench.size = strtoul(argv[1], NULL, 10);
    bench.plain = calloc(1, bench.size + MORE);
    bench.sealed = calloc(1, bench.size + MORE);
    bench.encrypt = keyed(1);
    bench.decrypt = keyed(0);
    if (!bench.plain || !bench.sealed || !bench.encrypt || !bench.decrypt)
        return EXIT_FAILURE;
    SHA1_Init(&bench.inner);
    SHA1_Update(&bench.inner, pad, sizeof pad);
    bench.outer = bench.inner;
    return bench_loop(message, &bench, atof(argv[2]));
}
