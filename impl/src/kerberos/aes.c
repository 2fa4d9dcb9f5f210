/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 3962 (the simplified profile of RFC 3961 5.3) and RFC 8009.
 */
#include "aes.h"

#include <errno.h>
#include <string.h>

#include "../env.h"
#include "cts.h"
#include "hmac.h"

#define MAX_KEY 32

static const struct profile {
    krb5_enctype enctype;
    enum sspi_krb_sha sha;
    size_t key_size, mac_key_size, mac_size;
    /* RFC 8009: the HMAC is over the ciphertext, and keys come from an HMAC, too. */
    bool sha2;
} profiles[] = {
    {ENCTYPE_AES256_CTS_HMAC_SHA1_96, SSPI_KRB_SHA1, 32, 32, 12, false},
    {ENCTYPE_AES128_CTS_HMAC_SHA1_96, SSPI_KRB_SHA1, 16, 16, 12, false},
    {ENCTYPE_AES256_CTS_HMAC_SHA384_192, SSPI_KRB_SHA384, 32, 24, 24, true},
    {ENCTYPE_AES128_CTS_HMAC_SHA256_128, SSPI_KRB_SHA256, 16, 16, 16, true},
};

struct sspi_krb_aes {
    const struct profile *profile;
    EVP_CIPHER_CTX *cipher;   /* keyed with Ke; NULL: for checksums */
    struct sspi_krb_hmac mac; /* keyed with Ki or Kc */
};

static const struct profile *profile_of(krb5_enctype enctype)
{
    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++)
        if (profiles[i].enctype == enctype)
            return &profiles[i];
    return NULL;
}

bool sspi_krb_is_aes(krb5_enctype enctype)
{
    return profile_of(enctype) != NULL;
}

/* ---- keys ----------------------------------------------------------------------------------- */

/* The last octet of the constants of RFC 3961 5.3 and RFC 8009 5. */
enum key_kind {
    KC = 0x99,
    KE = 0xaa,
    KI = 0x55
};

struct constant {
    uint8_t bytes[5]; /* usage and kind */
};

/* RFC 3961 5.1, for 40 bits into 128: 16 copies, each turned right by 13 bits more than the one
 * before, are added as 5 numbers of 128 bits with end-around carry. */
static void n_fold(const struct constant *from, uint8_t to[SSPI_KRB_BLOCK])
{
    uint8_t copies[16 * sizeof from->bytes];
    uint64_t turned = 0;
    unsigned carry = 0;

    for (size_t i = 0; i < sizeof from->bytes; i++)
        turned = turned << 8 | from->bytes[i];
    for (size_t i = 0; i < sizeof copies; i += sizeof from->bytes) {
        for (size_t j = 0; j < sizeof from->bytes; j++)
            copies[i + j] = (uint8_t)(turned >> (32 - 8 * j));
        turned = (turned >> 13 | turned << 27) & 0xffffffffff;
    }
    memset(to, 0, SSPI_KRB_BLOCK);
    for (size_t i = 0; i < sizeof copies || carry; i += SSPI_KRB_BLOCK) {
        for (size_t j = SSPI_KRB_BLOCK; j > 0; j--) {
            carry += to[j - 1] + (i < sizeof copies ? copies[i + j - 1] : 0u);
            to[j - 1] = (uint8_t)carry;
            carry >>= 8;
        }
    }
}

/* DK of RFC 3961 5.1: E(constant), then E of that; which is CBC over the constant and zeros. */
static bool derive_by_cipher(EVP_CIPHER_CTX *cipher, const krb5_keyblock *key,
                             const struct constant *constant, uint8_t *derived)
{
    uint8_t block[MAX_KEY] = {0};
    n_fold(constant, block);
    return sspi_krb_cbc_key(cipher, key->contents, key->length, true) &&
           sspi_krb_cbc(cipher, block, derived, key->length);
}

/* KDF-HMAC-SHA2 of RFC 8009 3: one block is enough for every key. */
static bool derive_by_hmac(const struct profile *profile, const krb5_keyblock *key,
                           const struct constant *constant, uint8_t *derived, size_t size)
{
    static const uint8_t counter[] = {0, 0, 0, 1};
    uint8_t bits[] = {0, 0, 0, (uint8_t)(size * 8 >> 8), (uint8_t)(size * 8)},
            out[SSPI_KRB_MAX_SHA] = {0};
    struct sspi_view parts[] = {
        {counter, sizeof counter}, {constant->bytes, sizeof constant->bytes}, {bits, sizeof bits}};
    struct sspi_krb_hmac hmac;
    bool good =
        sspi_krb_hmac_start(profile->sha, (struct sspi_view){key->contents, key->length}, &hmac) &&
        sspi_krb_hmac_run(&hmac, parts, sizeof parts / sizeof parts[0], out);
    memcpy(derived, out, size);
    sspi_wipe(&hmac, sizeof hmac);
    sspi_wipe(out, sizeof out);
    return good;
}

/* [out] derived: size bytes. cipher loses the key it had. */
static bool derive(const struct sspi_krb_aes *aes, const krb5_keyblock *key, krb5_keyusage usage,
                   enum key_kind kind, uint8_t derived[MAX_KEY])
{
    uint32_t number = (uint32_t)usage;
    const struct constant constant = {{(uint8_t)(number >> 24), (uint8_t)(number >> 16),
                                       (uint8_t)(number >> 8), (uint8_t)number, (uint8_t)kind}};
    size_t size = kind == KE ? aes->profile->key_size : aes->profile->mac_key_size;
    return aes->profile->sha2 ? derive_by_hmac(aes->profile, key, &constant, derived, size)
                              : derive_by_cipher(aes->cipher, key, &constant, derived);
}

krb5_error_code sspi_krb_aes_new(const krb5_keyblock *key, krb5_keyusage usage,
                                 enum sspi_krb_aes_use use, struct sspi_krb_aes **aes)
{
    const struct profile *profile = profile_of(key->enctype);
    uint8_t derived[MAX_KEY];

    *aes = NULL;
    if (!profile || key->length != profile->key_size)
        return KRB5_BAD_KEYSIZE;
    struct sspi_krb_aes *made = sspi_alloc(sizeof *made);
    if (!made)
        return ENOMEM;
    made->profile = profile;
    made->cipher = EVP_CIPHER_CTX_new();
    if (!made->cipher) {
        sspi_krb_aes_free(made);
        return ENOMEM;
    }
    bool checksum = use == SSPI_KRB_AES_CHECKSUM;
    bool good = derive(made, key, usage, checksum ? KC : KI, derived) &&
                sspi_krb_hmac_start(profile->sha,
                                    (struct sspi_view){derived, profile->mac_key_size}, &made->mac);
    if (good && !checksum)
        good =
            derive(made, key, usage, KE, derived) &&
            sspi_krb_cbc_key(made->cipher, derived, profile->key_size, use == SSPI_KRB_AES_ENCRYPT);
    sspi_wipe(derived, sizeof derived);
    if (!good) {
        sspi_krb_aes_free(made);
        return KRB5_CRYPTO_INTERNAL;
    }
    if (checksum) {
        EVP_CIPHER_CTX_free(made->cipher);
        made->cipher = NULL;
    }
    *aes = made;
    return 0;
}

void sspi_krb_aes_free(struct sspi_krb_aes *aes)
{
    if (!aes)
        return;
    EVP_CIPHER_CTX_free(aes->cipher); /* wipes */
    sspi_free_secret(aes, sizeof *aes);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* Over everything but the field for the HMAC itself. RFC 8009 5: in front of a ciphertext stands
 * the IV. */
static bool mac(const struct sspi_krb_aes *aes, const struct sspi_krb_pieces *pieces,
                uint8_t out[SSPI_KRB_MAX_SHA])
{
    static const uint8_t iv[SSPI_KRB_BLOCK];
    struct sspi_view parts[1 + sizeof pieces->list / sizeof pieces->list[0]];
    size_t count = 0;

    if (aes->profile->sha2 && aes->cipher)
        parts[count++] = (struct sspi_view){iv, sizeof iv};
    for (size_t i = 0; i < pieces->count; i++) {
        const krb5_crypto_iov *piece = &pieces->list[i];
        if (piece->flags != KRB5_CRYPTO_TYPE_TRAILER && piece->flags != KRB5_CRYPTO_TYPE_CHECKSUM)
            parts[count++] =
                (struct sspi_view){(const uint8_t *)piece->data.data, piece->data.length};
    }
    return sspi_krb_hmac_run(&aes->mac, parts, count, out);
}

/* The piece of that type, if it is there and has that size. */
static uint8_t *field(const struct sspi_krb_pieces *pieces, krb5_cryptotype type, size_t size)
{
    const krb5_data *found = sspi_krb_find(pieces, type);
    return found && found->length == size ? (uint8_t *)found->data : NULL;
}

static krb5_error_code make_mac(const struct sspi_krb_aes *aes,
                                const struct sspi_krb_pieces *pieces, uint8_t *to)
{
    uint8_t made[SSPI_KRB_MAX_SHA];
    if (!mac(aes, pieces, made))
        return KRB5_CRYPTO_INTERNAL;
    memcpy(to, made, aes->profile->mac_size);
    return 0;
}

static krb5_error_code check_mac(const struct sspi_krb_aes *aes,
                                 const struct sspi_krb_pieces *pieces, const uint8_t *told)
{
    uint8_t made[SSPI_KRB_MAX_SHA];
    if (!mac(aes, pieces, made))
        return KRB5_CRYPTO_INTERNAL;
    return sspi_equal(made, told, aes->profile->mac_size) ? 0 : KRB5KRB_AP_ERR_BAD_INTEGRITY;
}

krb5_error_code sspi_krb_aes_encrypt(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces)
{
    uint8_t *confounder = field(pieces, KRB5_CRYPTO_TYPE_HEADER, SSPI_KRB_BLOCK);
    uint8_t *trailer = field(pieces, KRB5_CRYPTO_TYPE_TRAILER, aes->profile->mac_size);
    krb5_error_code error = 0;

    if (!confounder || !trailer)
        return KRB5_BAD_MSIZE;
    if (!sspi_random(confounder, SSPI_KRB_BLOCK))
        return KRB5_CRYPTO_INTERNAL;
    if (!aes->profile->sha2)
        error = make_mac(aes, pieces, trailer);
    if (!error && !sspi_krb_cts(aes->cipher, pieces))
        error = KRB5_CRYPTO_INTERNAL;
    if (!error && aes->profile->sha2)
        error = make_mac(aes, pieces, trailer);
    return error;
}

krb5_error_code sspi_krb_aes_decrypt(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces)
{
    const uint8_t *confounder = field(pieces, KRB5_CRYPTO_TYPE_HEADER, SSPI_KRB_BLOCK);
    const uint8_t *trailer = field(pieces, KRB5_CRYPTO_TYPE_TRAILER, aes->profile->mac_size);
    krb5_error_code error = 0;

    if (!confounder || !trailer)
        return KRB5_BAD_MSIZE;
    if (aes->profile->sha2)
        error = check_mac(aes, pieces, trailer);
    if (!error && !sspi_krb_cts(aes->cipher, pieces))
        error = KRB5_CRYPTO_INTERNAL;
    if (!error && !aes->profile->sha2)
        error = check_mac(aes, pieces, trailer);
    return error;
}

krb5_error_code sspi_krb_aes_checksum(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces)
{
    uint8_t *checksum = field(pieces, KRB5_CRYPTO_TYPE_CHECKSUM, aes->profile->mac_size);
    return checksum ? make_mac(aes, pieces, checksum) : KRB5_BAD_MSIZE;
}

krb5_error_code sspi_krb_aes_verify(struct sspi_krb_aes *aes, struct sspi_krb_pieces *pieces)
{
    const uint8_t *checksum = field(pieces, KRB5_CRYPTO_TYPE_CHECKSUM, aes->profile->mac_size);
    return checksum ? check_mac(aes, pieces, checksum) : KRB5_BAD_MSIZE;
}
