/* SPDX-License-Identifier: Apache-2.0
 *
 * AES-CBC with ciphertext stealing over scattered bytes.
 */
#include "cts.h"

#include <pthread.h>
#include <string.h>

/* EVP counts in int. */
#define MOST_AT_ONCE ((size_t)1 << 30)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static OSSL_LIB_CTX *library;
static EVP_CIPHER *aes128, *aes256; /* NULL until the first key; then until the library goes */

/* lock is held. */
static void forget_ciphers(void)
{
    EVP_CIPHER_free(aes128);
    EVP_CIPHER_free(aes256);
    OSSL_LIB_CTX_free(library);
    library = NULL;
    aes128 = aes256 = NULL;
}

/* lock is held. */
static bool fetch_ciphers(void)
{
    library = OSSL_LIB_CTX_new();
    aes128 = library ? EVP_CIPHER_fetch(library, "AES-128-CBC", NULL) : NULL;
    aes256 = library ? EVP_CIPHER_fetch(library, "AES-256-CBC", NULL) : NULL;
    if (aes128 && aes256)
        return true;
    forget_ciphers();
    return false;
}

bool sspi_krb_cbc_key(EVP_CIPHER_CTX *cipher, const uint8_t *key, size_t size, bool encrypt)
{
    pthread_mutex_lock(&lock);
    bool good = aes128 || fetch_ciphers();
    const EVP_CIPHER *algorithm = size == 16 ? aes128 : aes256;
    pthread_mutex_unlock(&lock);
    return good && EVP_CipherInit_ex2(cipher, algorithm, key, NULL, encrypt, NULL) &&
           EVP_CIPHER_CTX_set_padding(cipher, 0);
}

static bool zero_iv(EVP_CIPHER_CTX *cipher)
{
    static const uint8_t zero[SSPI_KRB_BLOCK];
    return EVP_CipherInit_ex2(cipher, NULL, NULL, zero, -1, NULL);
}

/* Whole blocks, chained to what went before. */
static bool blocks(EVP_CIPHER_CTX *cipher, const uint8_t *from, uint8_t *to, size_t size)
{
    int done = 0;
    return EVP_CipherUpdate(cipher, to, &done, from, (int)size) && (size_t)done == size;
}

bool sspi_krb_cbc(EVP_CIPHER_CTX *cipher, const uint8_t *from, uint8_t *to, size_t size)
{
    return zero_iv(cipher) && blocks(cipher, from, to, size);
}

/* ---- bytes that lie in several pieces ------------------------------------------------------- */

/* A place among the bytes of HEADER and DATA. */
struct place {
    krb5_crypto_iov *piece, *end;
    size_t offset; /* in piece */
};

static bool is_secret(const krb5_crypto_iov *piece)
{
    return piece->flags == KRB5_CRYPTO_TYPE_HEADER || piece->flags == KRB5_CRYPTO_TYPE_DATA;
}

static struct place start(struct sspi_krb_pieces *pieces)
{
    return (struct place){pieces->list, pieces->list + pieces->count, 0};
}

/* The bytes from here to the end of their piece. [out] size: 0 behind the last. */
static uint8_t *here(struct place *place, size_t *size)
{
    while (place->piece < place->end &&
           (!is_secret(place->piece) || place->offset == place->piece->data.length)) {
        place->piece++;
        place->offset = 0;
    }
    if (place->piece == place->end) {
        *size = 0;
        return NULL;
    }
    *size = place->piece->data.length - place->offset;
    return (uint8_t *)place->piece->data.data + place->offset;
}

static size_t total(const struct sspi_krb_pieces *pieces)
{
    size_t size = 0;
    for (size_t i = 0; i < pieces->count; i++)
        if (is_secret(&pieces->list[i]))
            size += pieces->list[i].data.length;
    return size;
}

enum direction {
    SKIP,
    GATHER,
    SCATTER
};

/* Steps over size bytes, which must be there, and copies them to or from `bytes` on the way. */
static void step(struct place *place, enum direction direction, uint8_t *bytes, size_t size)
{
    while (size) {
        size_t left;
        uint8_t *at = here(place, &left);
        size_t part = left < size ? left : size;
        if (direction == GATHER)
            memcpy(bytes, at, part);
        else if (direction == SCATTER)
            memcpy(at, bytes, part);
        if (bytes)
            bytes += part;
        place->offset += part;
        size -= part;
    }
}

/* ---- CBC over them, and the end ------------------------------------------------------------- */

/* All blocks but the last two; those that lie in two pieces go through a copy. */
static bool chain(EVP_CIPHER_CTX *cipher, struct place *place, size_t size)
{
    while (size) {
        uint8_t block[SSPI_KRB_BLOCK];
        size_t left;
        uint8_t *at = here(place, &left);
        if (left >= sizeof block) {
            size_t whole = left < size ? left / sizeof block * sizeof block : size;
            if (whole > MOST_AT_ONCE)
                whole = MOST_AT_ONCE;
            if (!blocks(cipher, at, at, whole))
                return false;
            step(place, SKIP, NULL, whole);
            size -= whole;
        } else {
            struct place before = *place;
            step(place, GATHER, block, sizeof block);
            bool good = blocks(cipher, block, block, sizeof block);
            if (good)
                step(&before, SCATTER, block, sizeof block);
            sspi_wipe(block, sizeof block);
            if (!good)
                return false;
            size -= sizeof block;
        }
    }
    return true;
}

/* The last block and the 1 to 16 bytes behind it, in `end`: a block, the rest, zeros. */
static bool steal(EVP_CIPHER_CTX *cipher, uint8_t end[2 * SSPI_KRB_BLOCK])
{
    uint8_t last[SSPI_KRB_BLOCK];

    if (!blocks(cipher, end, end, 2 * SSPI_KRB_BLOCK))
        return false;
    memcpy(last, end + SSPI_KRB_BLOCK, SSPI_KRB_BLOCK);
    memcpy(end + SSPI_KRB_BLOCK, end, SSPI_KRB_BLOCK);
    memcpy(end, last, SSPI_KRB_BLOCK);
    return true;
}

/* The reverse of steal for `rest` bytes; previous: the block of ciphertext before, which the cipher
 * is going to add. */
static bool give_back(EVP_CIPHER_CTX *cipher, const uint8_t previous[SSPI_KRB_BLOCK],
                      uint8_t end[2 * SSPI_KRB_BLOCK], size_t rest)
{
    uint8_t stolen[SSPI_KRB_BLOCK], first[SSPI_KRB_BLOCK];

    /* D(C[n]) has plaintext xor C[n-1] in front and, since zeros were encrypted there, the stolen
     * end of C[n-1] behind. */
    bool good = blocks(cipher, end, stolen, sizeof stolen);
    for (size_t i = 0; i < sizeof stolen; i++)
        stolen[i] ^= previous[i];
    for (size_t i = 0; i < rest; i++) {
        uint8_t cipher_byte = end[SSPI_KRB_BLOCK + i];
        end[SSPI_KRB_BLOCK + i] = stolen[i] ^ cipher_byte;
        stolen[i] = cipher_byte;
    }
    /* The cipher adds C[n] to this one, in whose place `previous` belongs. */
    good = good && blocks(cipher, stolen, first, sizeof first);
    for (size_t i = 0; i < sizeof first; i++)
        end[i] ^= first[i] ^ previous[i];
    sspi_wipe(stolen, sizeof stolen);
    sspi_wipe(first, sizeof first);
    return good;
}

bool sspi_krb_cts(EVP_CIPHER_CTX *cipher, struct sspi_krb_pieces *pieces)
{
    uint8_t end[2 * SSPI_KRB_BLOCK] = {0}, previous[SSPI_KRB_BLOCK] = {0};
    struct place place = start(pieces), before = place;
    size_t size = total(pieces);

    if (size < SSPI_KRB_BLOCK || !zero_iv(cipher))
        return false;
    if (size == SSPI_KRB_BLOCK)
        return chain(cipher, &place, size);
    size_t rest = (size - 1) % SSPI_KRB_BLOCK + 1, whole = size - SSPI_KRB_BLOCK - rest;
    if (whole) {
        step(&before, SKIP, NULL, whole - sizeof previous);
        step(&before, GATHER, previous, sizeof previous);
    }
    if (!chain(cipher, &place, whole))
        return false;
    before = place;
    step(&place, GATHER, end, SSPI_KRB_BLOCK + rest);
    bool good = EVP_CIPHER_CTX_is_encrypting(cipher) ? steal(cipher, end)
                                                     : give_back(cipher, previous, end, rest);
    if (good)
        step(&before, SCATTER, end, SSPI_KRB_BLOCK + rest);
    sspi_wipe(end, sizeof end);
    return good;
}

/* dlclose leaves nothing behind. */
__attribute__((destructor)) static void drain(void)
{
    pthread_mutex_lock(&lock);
    forget_ciphers();
    pthread_mutex_unlock(&lock);
}
