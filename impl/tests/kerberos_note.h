/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of message protection share: a finished exchange per encryption type, a message
 * of two buffers.
 */
#ifndef LIBSSPI_TESTS_KERBEROS_NOTE_H
#define LIBSSPI_TESTS_KERBEROS_NOTE_H

#include "kerberos_fixture.h"

#define SEALS (ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY)
#define TEXT "attack at dawn, or rather at noon"

/* Those with the tokens of RFC 4121; RC4 is kerberos_rc4_test.c's. */
static const struct {
    krb5_enctype enctype;
    size_t cksum;
} enctypes[] = {{ENCTYPE_AES256_CTS_HMAC_SHA1_96, 12},
                {ENCTYPE_AES128_CTS_HMAC_SHA1_96, 12},
                {ENCTYPE_AES256_CTS_HMAC_SHA384_192, 24},
                {ENCTYPE_AES128_CTS_HMAC_SHA256_128, 16}};

/* A message of TOKEN and DATA in memory of its exact size, so that a step beyond is seen. */
struct note {
    SecBuffer buffers[2];
    SecBufferDesc desc;
};

static inline void note_write(struct note *note, size_t token, const void *data, size_t size)
{
    *note = (struct note){.buffers = {{(ULONG)token, SECBUFFER_TOKEN, calloc(1, token ? token : 1)},
                                      {(ULONG)size, SECBUFFER_DATA, malloc(size ? size : 1)}}};
    note->desc = (SecBufferDesc){SECBUFFER_VERSION, 2, note->buffers};
    memcpy(note->buffers[1].pvBuffer, data, size);
}

static inline void note_free(struct note *note)
{
    free(note->buffers[0].pvBuffer);
    free(note->buffers[1].pvBuffer);
}

static inline bool note_says(const struct note *note, const void *data, size_t size)
{
    return note->buffers[1].cbBuffer == size && memcmp(note->buffers[1].pvBuffer, data, size) == 0;
}

static inline void with_pair(krb5_enctype enctype, ULONG req, void (*run)(struct pair *, size_t),
                             size_t cksum)
{
    struct world world;
    struct pair pair;
    world_open(&world, enctype);
    pair_acquire(&pair);
    CU_ASSERT_TRUE(pair_establish(&pair, req, 0));
    if (pair.client && pair.server)
        run(&pair, cksum);
    pair_free(&pair);
    world_close(&world);
}

static inline void with_every_enctype(ULONG req, void (*run)(struct pair *, size_t))
{
    for (size_t i = 0; i < sizeof enctypes / sizeof enctypes[0]; i++)
        with_pair(enctypes[i].enctype, req, run, enctypes[i].cksum);
}

#endif
