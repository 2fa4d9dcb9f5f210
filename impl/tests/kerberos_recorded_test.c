/* SPDX-License-Identifier: Apache-2.0
 *
 * Message tokens that Windows made. The recordings are not part of this tree: without
 * LIBSSPI_KERBEROS_VECTORS, a file of lines
 *
 *     wrap|mic  c2s|s2c  key  sequence  data  token      (hex, blanks between)
 *
 * of AES256 contexts with an acceptor subkey, the program says that it was skipped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kerberos/context.h"
#include "run.h"

static size_t unhex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned value = 0;
        if (sscanf(hex + 2 * i, "%2x", &value) != 1)
            return 0;
        bytes[i] = (uint8_t)value;
    }
    return size;
}

/* A side of the recorded exchange, with the recorded key and number. */
static struct sspi_krb_context *side(bool initiator, bool sends, const char *key, uint64_t number)
{
    struct sspi_krb_context *context = sspi_alloc(sizeof *context);
    uint8_t bytes[64];
    krb5_keyblock block = {KV5M_KEYBLOCK, ENCTYPE_AES256_CTS_HMAC_SHA1_96, 32, bytes};
    CU_ASSERT_EQUAL(unhex(key, bytes), 32);
    context->initiator = initiator;
    context->state = SSPI_KRB_DONE;
    context->flags = SSPI_KRB_CONF | SSPI_KRB_INTEG;
    context->acceptor_subkey = true;
    context->enctype = sspi_krb_enctype(block.enctype);
    *(sends ? &context->send_sequence : &context->receive_sequence) = number;
    CU_ASSERT_EQUAL(krb5_copy_keyblock(NULL, &block, &context->session_key), 0);
    return context;
}

static uint8_t data[65536], token[65536];
static char kind[8], direction[8], key[80], data_hex[131072], token_hex[131072];
static uint64_t number;

static void opens_wrap(size_t data_size, size_t token_size)
{
    bool from_client = strcmp(direction, "c2s") == 0, sealed = token[2] & 2;
    struct sspi_krb_context *receiver = side(!from_client, false, key, number);
    SecBuffer buffers[] = {{(ULONG)token_size, SECBUFFER_STREAM, token}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    uint8_t copy[sizeof token];
    ULONG qop = 1;

    memcpy(copy, token, token_size);
    ASSERT_STATUS(sspi_krb_decrypt(receiver, &desc, &qop), SEC_E_OK);
    CU_ASSERT_EQUAL(qop, sealed ? 0 : SECQOP_WRAP_NO_ENCRYPT);
    CU_ASSERT_EQUAL_FATAL(buffers[1].cbBuffer, data_size);
    CU_ASSERT_EQUAL(memcmp(buffers[1].pvBuffer, data, data_size), 0);
    sspi_krb_free_context(receiver);

    /* Made here: a signed one to the byte, a sealed one (with a confounder of its own) in shape. */
    struct sspi_krb_context *sender = side(from_client, true, key, number);
    uint8_t room[128];
    SecBuffer mine[] = {{sizeof room, SECBUFFER_TOKEN, room},
                        {(ULONG)data_size, SECBUFFER_DATA, data}};
    desc = (SecBufferDesc){SECBUFFER_VERSION, 2, mine};
    ASSERT_STATUS(sspi_krb_encrypt(sender, qop, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL_FATAL(mine[0].cbBuffer + data_size, token_size);
    CU_ASSERT_EQUAL(memcmp(room, copy, sealed ? 16 : mine[0].cbBuffer), 0);
    sspi_krb_free_context(sender);
}

static void checks_mic(size_t data_size, size_t token_size)
{
    bool from_client = strcmp(direction, "c2s") == 0;
    struct sspi_krb_context *receiver = side(!from_client, false, key, number);
    struct sspi_krb_context *sender = side(from_client, true, key, number);
    struct sspi_blob mic = {NULL, 0};
    struct sspi_view list = {data, data_size};

    ASSERT_STATUS(sspi_krb_check_mic(receiver, list, (struct sspi_view){token, token_size}),
                  SEC_E_OK);
    ASSERT_STATUS(sspi_krb_make_mic(sender, list, &mic), SEC_E_OK);
    CU_ASSERT_EQUAL_FATAL(mic.size, token_size);
    CU_ASSERT_EQUAL(memcmp(mic.data, token, token_size), 0);
    sspi_blob_free(&mic);
    sspi_krb_free_context(receiver);
    sspi_krb_free_context(sender);
}

static void vectors(void)
{
    const char *path = getenv("LIBSSPI_KERBEROS_VECTORS");
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file) {
        CU_PASS("skipped");
        printf("kerberos_recorded_test: skipped, LIBSSPI_KERBEROS_VECTORS names no file\n");
        return;
    }
    while (fscanf(file, "%7s %7s %79s %" SCNu64 " %131071s %131071s", kind, direction, key, &number,
                  data_hex, token_hex) == 6) {
        size_t data_size = unhex(data_hex, data), token_size = unhex(token_hex, token);
        if (strcmp(kind, "mic") == 0)
            checks_mic(data_size, token_size);
        else
            opens_wrap(data_size, token_size);
    }
    fclose(file);
}

SSPI_TESTS({"vectors", vectors})
