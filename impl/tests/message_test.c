/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding one's way in message buffers.
 */
#include "run.h"

#include "message.h"

static void finding(void)
{
    SecBuffer buffers[] = {{0, SECBUFFER_DATA | SECBUFFER_READONLY, NULL},
                           {0, SECBUFFER_TOKEN, NULL},
                           {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc message = {SECBUFFER_VERSION, 3, buffers};
    CU_ASSERT_PTR_EQUAL(sspi_message_find(&message, SECBUFFER_DATA), &buffers[0]);
    CU_ASSERT_PTR_EQUAL(sspi_message_find(&message, SECBUFFER_TOKEN), &buffers[1]);
    CU_ASSERT_PTR_NULL(sspi_message_find(&message, SECBUFFER_PADDING));
    CU_ASSERT_PTR_NULL(sspi_message_find(NULL, SECBUFFER_TOKEN));
    message.pBuffers = NULL;
    CU_ASSERT_PTR_NULL(sspi_message_find(&message, SECBUFFER_TOKEN));
}

static void checking(void)
{
    SecBuffer many[65] = {{0, 0, NULL}};
    uint8_t byte;
    SecBufferDesc message = {SECBUFFER_VERSION, 64, many};
    ASSERT_STATUS(sspi_message_check(&message), SEC_E_OK);
    message.cBuffers = 65;
    ASSERT_STATUS(sspi_message_check(&message), SEC_E_INVALID_TOKEN);
    message.cBuffers = 1;
    many[0].cbBuffer = 1;
    ASSERT_STATUS(sspi_message_check(&message), SEC_E_INVALID_TOKEN);
    many[0].pvBuffer = &byte;
    ASSERT_STATUS(sspi_message_check(&message), SEC_E_OK);
    message.pBuffers = NULL;
    ASSERT_STATUS(sspi_message_check(&message), SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(sspi_message_check(NULL), SEC_E_INVALID_TOKEN);
}

static void kinds(void)
{
    static const struct {
        ULONG type;
        int secret, is_signed;
    } rows[] = {{SECBUFFER_DATA, 1, 1},
                {SECBUFFER_DATA | SECBUFFER_READONLY, 0, 0},
                {SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, 0, 1},
                {SECBUFFER_TOKEN, 0, 0},
                {SECBUFFER_PADDING, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        SecBuffer buffer = {0, rows[i].type, NULL};
        CU_ASSERT_EQUAL(sspi_message_is_secret(&buffer), rows[i].secret);
        CU_ASSERT_EQUAL(sspi_message_is_signed(&buffer), rows[i].is_signed);
    }
}

SSPI_TESTS({"finding", finding}, {"checking", checking}, {"kinds", kinds})
