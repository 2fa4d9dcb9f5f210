/* SPDX-License-Identifier: Apache-2.0
 *
 * Channel bindings: the structure as a hostile caller could pass it, the hash, and the verdicts
 * of all sixteen cells of four initiators and four acceptors (cb.out.*).
 */
#include "run.h"

#include <stdlib.h>

#include "bindings.h"
#include "digest.h"

static const char application[] = "tls-server-end-point:0123456789abcdef0123456789abcdef";

static struct sspi_bindings bindings_of(const char *data)
{
    uint8_t bytes[256] = {0};
    struct sspi_bindings bindings;
    SEC_CHANNEL_BINDINGS header = {.cbApplicationDataLength = (ULONG)strlen(data),
                                   .dwApplicationDataOffset = sizeof header};
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + sizeof header, data, strlen(data));
    ASSERT_STATUS(
        sspi_bindings_read((struct sspi_view){bytes, sizeof header + strlen(data)}, &bindings),
        SEC_E_OK);
    return bindings;
}

/* MD5 over five zero words' worth of header and the data behind its length: RFC 4121 4.1.1.2. */
static void hash(void)
{
    uint8_t zeros[16] = {0}, length[4] = {sizeof application - 1}, expected[16];
    struct sspi_view parts[] = {
        {zeros, 16}, {length, 4}, {(const uint8_t *)application, sizeof application - 1}};
    struct sspi_bindings bindings = bindings_of(application);
    CU_ASSERT(sspi_md5(parts, 3, expected));
    CU_ASSERT(memcmp(bindings.hash, expected, 16) == 0);
    CU_ASSERT_FALSE(bindings.empty);
}

/* Addresses come before the data, each behind its length. */
static void addresses(void)
{
    uint8_t bytes[64] = {0}, expected[16];
    static const uint8_t wire[] = {2, 0, 0, 0, 4,  0, 0, 0, 10, 0, 0, 1, 2,   0,   0,  0,
                                   4, 0, 0, 0, 10, 0, 0, 2, 3,  0, 0, 0, 'a', 'p', 'p'};
    SEC_CHANNEL_BINDINGS header = {2, 4, 35, 2, 4, 39, 3, 32};
    struct sspi_view all = {wire, sizeof wire};
    struct sspi_bindings bindings;
    memcpy(bytes, &header, sizeof header);
    memcpy(bytes + 32, "app\x0a\0\0\x01\x0a\0\0\x02", 11);
    ASSERT_STATUS(sspi_bindings_read((struct sspi_view){bytes, 43}, &bindings), SEC_E_OK);
    CU_ASSERT(sspi_md5(&all, 1, expected));
    CU_ASSERT(memcmp(bindings.hash, expected, 16) == 0);
}

static void empty(void)
{
    uint8_t bytes[32] = {0};
    struct sspi_bindings bindings;
    ASSERT_STATUS(sspi_bindings_read((struct sspi_view){bytes, 32}, &bindings), SEC_E_OK);
    CU_ASSERT(bindings.empty);
    for (int i = 0; i < 16; i++)
        CU_ASSERT_EQUAL(bindings.hash[i], 0);
}

/* Each offset and length outside, one at a time, in a block of exactly the announced size. */
static void outside(void)
{
    static const SEC_CHANNEL_BINDINGS bad[] = {
        {.cbInitiatorLength = 1, .dwInitiatorOffset = 40},
        {.cbInitiatorLength = 41},
        {.cbAcceptorLength = 1, .dwAcceptorOffset = UINT32_MAX},
        {.cbAcceptorLength = UINT32_MAX, .dwAcceptorOffset = 32},
        {.cbApplicationDataLength = 9, .dwApplicationDataOffset = 32},
        {.cbApplicationDataLength = 1, .dwApplicationDataOffset = 41},
        {.cbApplicationDataLength = UINT32_MAX - 31, .dwApplicationDataOffset = 32},
    };
    struct sspi_bindings bindings;
    uint8_t *bytes = calloc(1, 40);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memcpy(bytes, &bad[i], sizeof bad[i]);
        ASSERT_STATUS(sspi_bindings_read((struct sspi_view){bytes, 40}, &bindings),
                      SEC_E_INVALID_TOKEN);
    }
    for (size_t size = 0; size < 32; size++)
        ASSERT_STATUS(sspi_bindings_read((struct sspi_view){bytes, size}, &bindings),
                      SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(sspi_bindings_read((struct sspi_view){NULL, 32}, &bindings), SEC_E_INVALID_TOKEN);
    /* An offset without a length means nothing. */
    SEC_CHANNEL_BINDINGS far = {.dwInitiatorOffset = UINT32_MAX,
                                .cbApplicationDataLength = 8,
                                .dwApplicationDataOffset = 32};
    memcpy(bytes, &far, sizeof far);
    ASSERT_STATUS(sspi_bindings_read((struct sspi_view){bytes, 40}, &bindings), SEC_E_OK);
    free(bytes);
}

static void outcomes(void)
{
    struct sspi_bindings server = bindings_of(application), other = bindings_of("other");
    const struct {
        enum sspi_bindings_client client;
        const uint8_t *hash;
        SECURITY_STATUS none, require, allow, proxy;
    } rows[] = {
        {SSPI_CLIENT_SILENT, NULL, SEC_E_OK, SEC_E_BAD_BINDINGS, SEC_E_OK, SEC_E_BAD_BINDINGS},
        {SSPI_CLIENT_EMPTY, NULL, SEC_E_OK, SEC_E_BAD_BINDINGS, SEC_E_BAD_BINDINGS,
         SEC_E_BAD_BINDINGS},
        {SSPI_CLIENT_BOUND, server.hash, SEC_E_OK, SEC_E_OK, SEC_E_OK, SEC_E_OK},
        {SSPI_CLIENT_BOUND, other.hash, SEC_E_OK, SEC_E_BAD_BINDINGS, SEC_E_BAD_BINDINGS, SEC_E_OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum sspi_bindings_client client = rows[i].client;
        ASSERT_STATUS(sspi_bindings_check(client, rows[i].hash, NULL, 0), rows[i].none);
        ASSERT_STATUS(sspi_bindings_check(client, rows[i].hash, &server, 0), rows[i].require);
        ASSERT_STATUS(
            sspi_bindings_check(client, rows[i].hash, &server, ASC_REQ_ALLOW_MISSING_BINDINGS),
            rows[i].allow);
        ASSERT_STATUS(sspi_bindings_check(client, rows[i].hash, NULL, ASC_REQ_PROXY_BINDINGS),
                      rows[i].proxy);
    }
}

SSPI_TESTS({"hash", hash}, {"addresses", addresses}, {"empty", empty}, {"outside", outside},
           {"outcomes", outcomes})
