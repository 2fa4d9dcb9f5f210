/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of aes.c share: a key that libkrb5 has, too, and a message in pieces.
 */
#ifndef LIBSSPI_TESTS_KERBEROS_AES_H
#define LIBSSPI_TESTS_KERBEROS_AES_H

#include "kerberos/aes.h"

#include <stdlib.h>

#include "run.h"

#define USAGE 24
#define MOST 70000

static inline struct sspi_krb_aes *keys(krb5_keyblock *key, krb5_keyusage usage,
                                        enum sspi_krb_aes_use use)
{
    struct sspi_krb_aes *aes = NULL;
    CU_ASSERT_EQUAL_FATAL(sspi_krb_aes_new(key, usage, use, &aes), 0);
    return aes;
}

/* Confounder, data in up to three pieces with others between that are signed only, the HMAC; each
 * where valgrind and ASan see a step beyond. */
struct message {
    struct sspi_krb_pieces pieces;
    size_t size;
};

static inline void add(struct message *message, krb5_cryptotype type, size_t size, uint8_t first)
{
    uint8_t *bytes = malloc(size ? size : 1);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(first + i * 7);
    sspi_krb_piece(&message->pieces, type, bytes, size);
}

static inline struct message compose(size_t size, size_t first, size_t second, size_t mac)
{
    struct message message = {.size = size};
    first = first < size ? first : size;
    second = second < size - first ? second : size - first;
    add(&message, KRB5_CRYPTO_TYPE_HEADER, 16, 0);
    add(&message, KRB5_CRYPTO_TYPE_DATA, first, 1);
    add(&message, KRB5_CRYPTO_TYPE_SIGN_ONLY, 5, 2);
    add(&message, KRB5_CRYPTO_TYPE_DATA, second, 3);
    add(&message, KRB5_CRYPTO_TYPE_SIGN_ONLY, 0, 4);
    add(&message, KRB5_CRYPTO_TYPE_DATA, size - first - second, 5);
    add(&message, KRB5_CRYPTO_TYPE_TRAILER, mac, 6);
    return message;
}

static inline void release(struct message *message)
{
    for (size_t i = 0; i < message->pieces.count; i++)
        free(message->pieces.list[i].data.data);
}

/* DATA and SIGN_ONLY as they were composed. */
static inline bool unchanged(const struct message *message)
{
    bool same = true;
    for (size_t i = 1; i + 1 < message->pieces.count; i++) {
        const krb5_data *data = &message->pieces.list[i].data;
        for (size_t n = 0; n < data->length; n++)
            same &= (uint8_t)data->data[n] == (uint8_t)(i + n * 7);
    }
    return same;
}

static const struct {
    krb5_enctype enctype;
    krb5_cksumtype cksumtype;
    size_t mac;
} types[] = {{ENCTYPE_AES256_CTS_HMAC_SHA1_96, CKSUMTYPE_HMAC_SHA1_96_AES256, 12},
             {ENCTYPE_AES128_CTS_HMAC_SHA1_96, CKSUMTYPE_HMAC_SHA1_96_AES128, 12},
             {ENCTYPE_AES256_CTS_HMAC_SHA384_192, CKSUMTYPE_HMAC_SHA384_192_AES256, 24},
             {ENCTYPE_AES128_CTS_HMAC_SHA256_128, CKSUMTYPE_HMAC_SHA256_128_AES128, 16}};

/* Both libraries with one random key. */
struct both {
    krb5_context krb5;
    krb5_keyblock block;
    krb5_key key;
    krb5_cksumtype cksumtype;
    size_t mac;
    struct sspi_krb_aes *encrypt, *decrypt, *checksum;
};

static inline void with_every_type(void (*run)(struct both *))
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct both both = {.cksumtype = types[i].cksumtype, .mac = types[i].mac};
        CU_ASSERT_EQUAL_FATAL(krb5_init_context(&both.krb5), 0);
        CU_ASSERT_EQUAL_FATAL(krb5_c_make_random_key(both.krb5, types[i].enctype, &both.block), 0);
        CU_ASSERT_EQUAL_FATAL(krb5_k_create_key(both.krb5, &both.block, &both.key), 0);
        both.encrypt = keys(&both.block, USAGE, SSPI_KRB_AES_ENCRYPT);
        both.decrypt = keys(&both.block, USAGE, SSPI_KRB_AES_DECRYPT);
        both.checksum = keys(&both.block, USAGE, SSPI_KRB_AES_CHECKSUM);
        run(&both);
        sspi_krb_aes_free(both.encrypt);
        sspi_krb_aes_free(both.decrypt);
        sspi_krb_aes_free(both.checksum);
        krb5_k_free_key(both.krb5, both.key);
        krb5_free_keyblock_contents(both.krb5, &both.block);
        krb5_free_context(both.krb5);
    }
}

#endif
