/* SPDX-License-Identifier: Apache-2.0
 *
 * aes.c, cts.c and hmac.c: the samples of RFC 3962 and RFC 8009, and libkrb5 as the other side for
 * messages of every length, cut at odd places.
 */
#include "kerberos_aes.h"

#include "env.h"
#include "kerberos/cts.h"

static size_t unhex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++)
        sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
    return size;
}

/* ---- published samples ---------------------------------------------------------------------- */

/* RFC 3962 B. */
static void stealing(void)
{
    static const char key[] = "chicken teriyaki",
                      text[] = "I would like the General Gau's Chicken, please, and wonton soup.";
    static const struct {
        size_t size;
        const char *hex;
    } samples[] = {
        {17, "c6353568f2bf8cb4d8a580362da7ff7f97"},
        {31, "fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5"},
        {32, "39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584"},
        {47, "97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e"
             "39312523a78662d5be7fcbcc98ebf5"},
        {48, "97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd8"
             "39312523a78662d5be7fcbcc98ebf5a8"},
        {64, "97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8"
             "4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8"},
    };
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t wanted[64], bytes[64];

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct sspi_krb_pieces pieces = {.count = 0};
        sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, bytes, samples[i].size);
        memcpy(bytes, text, samples[i].size);
        CU_ASSERT_EQUAL_FATAL(unhex(samples[i].hex, wanted), samples[i].size);
        CU_ASSERT_TRUE(sspi_krb_cbc_key(cipher, (const uint8_t *)key, 16, true));
        CU_ASSERT_TRUE(sspi_krb_cts(cipher, &pieces));
        CU_ASSERT_EQUAL(memcmp(bytes, wanted, samples[i].size), 0);
        CU_ASSERT_TRUE(sspi_krb_cbc_key(cipher, (const uint8_t *)key, 16, false));
        CU_ASSERT_TRUE(sspi_krb_cts(cipher, &pieces));
        CU_ASSERT_EQUAL(memcmp(bytes, text, samples[i].size), 0);
    }
    EVP_CIPHER_CTX_free(cipher);
}

static const struct sha2 {
    krb5_enctype enctype;
    const char *key;
    const char *checksum; /* of 21 bytes 00 01 02 ... */
    struct {
        size_t size; /* of the plaintext 00 01 02 ... */
        const char *confounder, *ciphertext;
    } samples[4];
} sha2[] = {
    {ENCTYPE_AES128_CTS_HMAC_SHA256_128,
     "3705d96080c17728a0e800eab6e0d23c",
     "d78367186643d67b411cba9139fc1dee",
     {{0, "7e5895eaf2672435bad817f545a37148",
       "ef85fb890bb8472f4dab20394dca781dad877eda39d50c870c0d5a0a8e48c718"},
      {6, "7bca285e2fd4130fb55b1a5c83bc5b24",
       "84d7f30754ed987bab0bf3506beb09cfb55402cef7e6877ce99e247e52d16ed4421dfdf8976c"},
      {16, "56ab21713ff62c0a1457200f6fa9948f",
       "3517d640f50ddc8ad3628722b3569d2ae07493fa8263254080ea65c1008e8fc295fb4852e7d83e1e7c48c37e"
       "ebe6b0d3"},
      {21, "a7a4e29a4728ce10664fb64e49ad3fac",
       "720f73b18d9859cd6ccb4346115cd336c70f58edc0c4437c5573544c31c813bce1e6d072c186b39a413c2f92"
       "ca9b8334a287ffcbfc"}}},
    {ENCTYPE_AES256_CTS_HMAC_SHA384_192,
     "6d404d37faf79f9df0d33568d320669800eb4836472ea8a026d16b7182460c52",
     "45ee791567eefca37f4ac1e0222de80d43c3bfa06699672a",
     {{0, "f764e9fa15c276478b2c7d0c4e5f58e4",
       "41f53fa5bfe7026d91faf9be959195a058707273a96a40f0a01960621ac612748b9bbfbe7eb4ce3c"},
      {6, "b80d3251c1f6471494256ffe712d0b9a",
       "4ed7b37c2bcac8f74f23c1cf07e62bc7b75fb3f637b9f559c7f664f69eab7b6092237526ea0d1f61cb20d69d"
       "10f2"},
      {16, "53bf8a0d105265d4e276428624ce5e63",
       "bc47ffec7998eb91e8115cf8d19dac4bbbe2e163e87dd37f49beca92027764f68cf51f14d798c2273f35df57"
       "4d1f932e40c4ff255b36a266"},
      {21, "763e65367e864f02f55153c7e3b58af1",
       "40013e2df58e8751957d2878bcd2d6fe101ccfd556cb1eae79db3c3ee86429f2b2a602ac86fef6ecb647d629"
       "5fae077a1feb517508d2c16b4192e01f62"}}}};

/* RFC 8009 A; all of key usage 2. */
static void sha2_sample(const struct sha2 *type)
{
    uint8_t secret[32], wanted[64], bytes[64], checksum[24];
    krb5_keyblock key = {KV5M_KEYBLOCK, type->enctype, (unsigned)unhex(type->key, secret), secret};
    struct sspi_krb_aes *encrypt = keys(&key, 2, SSPI_KRB_AES_ENCRYPT);

    for (size_t i = 0; i < sizeof type->samples / sizeof type->samples[0]; i++) {
        struct sspi_krb_pieces pieces = {.count = 0};
        size_t size = type->samples[i].size, whole = unhex(type->samples[i].ciphertext, wanted);
        sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_HEADER, bytes, 16);
        sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, bytes + 16, size);
        sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_TRAILER, bytes + 16 + size, whole - 16 - size);
        for (uint8_t n = 0; n < size; n++)
            bytes[16 + n] = n;
        unhex(type->samples[i].confounder, checksum);
        CU_ASSERT_TRUE(libsspi_test_random(checksum, 16));
        CU_ASSERT_EQUAL(sspi_krb_aes_encrypt(encrypt, &pieces), 0);
        CU_ASSERT_EQUAL(memcmp(bytes, wanted, whole), 0);
    }
    sspi_krb_aes_free(encrypt);

    struct sspi_krb_pieces pieces = {.count = 0};
    struct sspi_krb_aes *sign = keys(&key, 2, SSPI_KRB_AES_CHECKSUM);
    for (uint8_t n = 0; n < 21; n++)
        bytes[n] = n;
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, bytes, 21);
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_CHECKSUM, checksum, unhex(type->checksum, wanted));
    CU_ASSERT_EQUAL(sspi_krb_aes_checksum(sign, &pieces), 0);
    CU_ASSERT_EQUAL(memcmp(checksum, wanted, strlen(type->checksum) / 2), 0);
    sspi_krb_aes_free(sign);
}

static void sha2_samples(void)
{
    for (size_t i = 0; i < sizeof sha2 / sizeof sha2[0]; i++)
        sha2_sample(&sha2[i]);
}

/* ---- libkrb5 on the other side -------------------------------------------------------------- */

static void one_crosses(struct both *both, size_t size, size_t first, size_t second)
{
    struct message message = compose(size, first, second, both->mac);
    struct sspi_krb_pieces *pieces = &message.pieces;

    CU_ASSERT_EQUAL(sspi_krb_aes_encrypt(both->encrypt, pieces), 0);
    CU_ASSERT_TRUE(size < 16 || !unchanged(&message));
    CU_ASSERT_EQUAL(
        krb5_k_decrypt_iov(both->krb5, both->key, USAGE, NULL, pieces->list, pieces->count), 0);
    CU_ASSERT_TRUE(unchanged(&message));
    CU_ASSERT_EQUAL(
        krb5_k_encrypt_iov(both->krb5, both->key, USAGE, NULL, pieces->list, pieces->count), 0);
    CU_ASSERT_EQUAL(sspi_krb_aes_decrypt(both->decrypt, pieces), 0);
    CU_ASSERT_TRUE(unchanged(&message));
    release(&message);
}

static void one_is_signed(struct both *both, size_t size, size_t first, size_t second)
{
    struct message message = compose(size, first, second, both->mac);
    struct sspi_krb_pieces *pieces = &message.pieces;
    krb5_crypto_iov *last = &pieces->list[pieces->count - 1];
    krb5_boolean valid = 0;

    pieces->list[0].flags = KRB5_CRYPTO_TYPE_DATA;
    last->flags = KRB5_CRYPTO_TYPE_CHECKSUM;
    CU_ASSERT_EQUAL(sspi_krb_aes_checksum(both->checksum, pieces), 0);
    CU_ASSERT_EQUAL(krb5_k_verify_checksum_iov(both->krb5, both->cksumtype, both->key, USAGE,
                                               pieces->list, pieces->count, &valid),
                    0);
    CU_ASSERT_TRUE(valid);
    memset(last->data.data, 0, last->data.length);
    CU_ASSERT_EQUAL(krb5_k_make_checksum_iov(both->krb5, both->cksumtype, both->key, USAGE,
                                             pieces->list, pieces->count),
                    0);
    CU_ASSERT_EQUAL(sspi_krb_aes_verify(both->checksum, pieces), 0);
    CU_ASSERT_TRUE(unchanged(&message));
    release(&message);
}

static void all_lengths(struct both *both)
{
    static const size_t cuts[][2] = {{MOST, 0}, {0, 0}, {1, 1}, {15, 1}, {16, 17}, {7, 3}, {3, 48}};
    for (size_t size = 0; size <= 100; size++) {
        for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
            one_crosses(both, size, cuts[i][0], cuts[i][1]);
            one_is_signed(both, size, cuts[i][0], cuts[i][1]);
        }
    }
    one_crosses(both, MOST, 65521, 13);
    one_is_signed(both, MOST, 65521, 13);
}

static void lengths(void)
{
    with_every_type(all_lengths);
}

/* ---- what must not pass --------------------------------------------------------------------- */

static void every_byte(struct both *both)
{
    for (size_t i = 0; i < 7; i++) {
        for (size_t n = 0; n < 64; n++) {
            struct message message = compose(45, 20, 9, both->mac);
            krb5_data *data = &message.pieces.list[i].data;
            if (n < data->length) {
                CU_ASSERT_EQUAL(sspi_krb_aes_encrypt(both->encrypt, &message.pieces), 0);
                data->data[n] ^= (char)(1 << n % 8);
                CU_ASSERT_EQUAL(sspi_krb_aes_decrypt(both->decrypt, &message.pieces),
                                KRB5KRB_AP_ERR_BAD_INTEGRITY);
                data->data[n] ^= (char)(1 << n % 8);
                message.pieces.list[6].flags = KRB5_CRYPTO_TYPE_CHECKSUM;
                CU_ASSERT_EQUAL(sspi_krb_aes_checksum(both->checksum, &message.pieces), 0);
                data->data[n] ^= (char)(1 << n % 8);
                CU_ASSERT_EQUAL(sspi_krb_aes_verify(both->checksum, &message.pieces),
                                KRB5KRB_AP_ERR_BAD_INTEGRITY);
            }
            release(&message);
        }
    }
}

static void damaged(void)
{
    with_every_type(every_byte);
}

static void sizes_of(struct both *both)
{
    struct message message = compose(3, 1, 1, both->mac);
    krb5_crypto_iov *header = &message.pieces.list[0], *trailer = &message.pieces.list[6];
    struct sspi_krb_aes *aes = NULL;

    header->data.length = 15;
    CU_ASSERT_EQUAL(sspi_krb_aes_encrypt(both->encrypt, &message.pieces), KRB5_BAD_MSIZE);
    CU_ASSERT_EQUAL(sspi_krb_aes_decrypt(both->decrypt, &message.pieces), KRB5_BAD_MSIZE);
    header->data.length = 16;
    trailer->data.length--;
    CU_ASSERT_EQUAL(sspi_krb_aes_encrypt(both->encrypt, &message.pieces), KRB5_BAD_MSIZE);
    CU_ASSERT_EQUAL(sspi_krb_aes_decrypt(both->decrypt, &message.pieces), KRB5_BAD_MSIZE);
    CU_ASSERT_EQUAL(sspi_krb_aes_checksum(both->checksum, &message.pieces), KRB5_BAD_MSIZE);
    trailer->flags = KRB5_CRYPTO_TYPE_CHECKSUM;
    CU_ASSERT_EQUAL(sspi_krb_aes_checksum(both->checksum, &message.pieces), KRB5_BAD_MSIZE);
    CU_ASSERT_EQUAL(sspi_krb_aes_verify(both->checksum, &message.pieces), KRB5_BAD_MSIZE);
    release(&message);
    both->block.length--;
    CU_ASSERT_EQUAL(sspi_krb_aes_new(&both->block, USAGE, SSPI_KRB_AES_ENCRYPT, &aes),
                    KRB5_BAD_KEYSIZE);
    CU_ASSERT_PTR_NULL(aes);
    both->block.length++;
}

static void wrong_sizes(void)
{
    with_every_type(sizes_of);
    CU_ASSERT_FALSE(sspi_krb_is_aes(ENCTYPE_ARCFOUR_HMAC));
    CU_ASSERT_FALSE(sspi_krb_is_aes(ENCTYPE_CAMELLIA256_CTS_CMAC));
}

SSPI_TESTS({"ciphertext stealing", stealing}, {"RFC 8009 samples", sha2_samples},
           {"all lengths with libkrb5", lengths}, {"damaged messages", damaged},
           {"wrong sizes", wrong_sizes})
