/* SPDX-License-Identifier: Apache-2.0
 *
 * GSS framing: exact bytes, and nothing else accepted.
 */
#include "kerberos/framing.h"

#include <stdlib.h>
#include <string.h>

#include "run.h"

static const uint8_t reply[] = {0x6f, 0x03, 0x30, 0x01, 0x05};
static const uint8_t framed[] = {0x60, 0x12, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12,
                                 0x01, 0x02, 0x02, 0x02, 0x00, 0x6f, 0x03, 0x30, 0x01, 0x05};

static SECURITY_STATUS unframe(const uint8_t *bytes, size_t size, enum sspi_krb_token *id,
                               bool *bare, struct sspi_view *message)
{
    /* A copy of exactly that size, so that AddressSanitizer sees a step beyond. */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    SECURITY_STATUS status = sspi_krb_unframe((struct sspi_view){copy, size}, id, bare, message);
    if (status == SEC_E_OK)
        message->data = bytes + (message->data - copy);
    free(copy);
    return status;
}

static void exact_bytes(void)
{
    struct sspi_blob token = {NULL, 0};
    CU_ASSERT_TRUE(
        sspi_krb_frame(SSPI_KRB_AP_REP, false, (struct sspi_view){reply, sizeof reply}, &token));
    CU_ASSERT_EQUAL_FATAL(token.size, sizeof framed);
    CU_ASSERT_EQUAL(memcmp(token.data, framed, sizeof framed), 0);
    sspi_blob_free(&token);
    CU_ASSERT_TRUE(
        sspi_krb_frame(SSPI_KRB_AP_REP, true, (struct sspi_view){reply, sizeof reply}, &token));
    CU_ASSERT_EQUAL_FATAL(token.size, sizeof reply);
    CU_ASSERT_EQUAL(memcmp(token.data, reply, sizeof reply), 0);
    sspi_blob_free(&token);
}

static void taken_apart(void)
{
    enum sspi_krb_token id = SSPI_KRB_ERROR;
    bool bare = true;
    struct sspi_view message;
    ASSERT_STATUS(unframe(framed, sizeof framed, &id, &bare, &message), SEC_E_OK);
    CU_ASSERT_EQUAL(id, SSPI_KRB_AP_REP);
    CU_ASSERT_FALSE(bare);
    CU_ASSERT_PTR_EQUAL(message.data, framed + 15);
    CU_ASSERT_EQUAL(message.size, sizeof reply);
    ASSERT_STATUS(unframe(reply, sizeof reply, &id, &bare, &message), SEC_E_OK);
    CU_ASSERT_TRUE(bare);
    CU_ASSERT_EQUAL(message.size, sizeof reply);
}

static void says_request(void)
{
    uint8_t request[] = {0x6e, 0x0e, 0x30, 0x0c, 0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 14, 0xa2, 0};
    struct sspi_view whole = {request, sizeof request};
    CU_ASSERT_TRUE(sspi_krb_is_request(whole));
    for (size_t cut = 0; cut < sizeof request; cut++)
        CU_ASSERT_FALSE(sspi_krb_is_request((struct sspi_view){request, cut}));
    for (size_t bit = 8; bit < 14 * 8; bit++) { /* the tag is its caller's business */
        if (bit / 8 == 2)
            continue; /* as is that of the sequence, libkrb5's */
        request[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_FALSE(sspi_krb_is_request(whole));
        request[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void says_reply(void)
{
    uint8_t saying[] = {0x6f, 0x0e, 0x30, 0x0c, 0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 15, 0xa2, 0};
    struct sspi_view whole = {saying, sizeof saying};
    CU_ASSERT_TRUE(sspi_krb_is_reply(whole));
    CU_ASSERT_FALSE(sspi_krb_is_request(whole));
    saying[13] = 14;
    CU_ASSERT_FALSE(sspi_krb_is_reply(whole));
}

/* Lengths around every change of the form of the length. */
static void all_lengths(void)
{
    static const size_t sizes[] = {2,   100, 113, 114,   115,   127,   128,   241,   242,  243,
                                   255, 256, 257, 65521, 65522, 65523, 65535, 65536, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sspi_blob inner = {NULL, 0}, token = {NULL, 0};
        enum sspi_krb_token id;
        bool bare;
        struct sspi_view message;
        size_t size = sizes[i], head = size < 130 ? 2 : size < 259 ? 3 : size < 65540 ? 4 : 5;
        CU_ASSERT_TRUE_FATAL(sspi_blob_alloc(&inner, size));
        size_t body = size - head;
        inner.data[0] = 0x6e;
        inner.data[1] = head == 2 ? (uint8_t)body : (uint8_t)(0x80 | (head - 2));
        for (size_t b = 2; b < head; b++)
            inner.data[b] = (uint8_t)(body >> (8 * (head - 1 - b)));
        CU_ASSERT_TRUE(sspi_krb_frame(SSPI_KRB_AP_REQ, false, sspi_blob_view(&inner), &token));
        ASSERT_STATUS(unframe(token.data, token.size, &id, &bare, &message), SEC_E_OK);
        CU_ASSERT_EQUAL(message.size, size);
        sspi_blob_free(&inner);
        sspi_blob_free(&token);
    }
}

static void refused(const uint8_t *bytes, size_t size)
{
    enum sspi_krb_token id;
    bool bare;
    struct sspi_view message;
    ASSERT_STATUS(unframe(bytes, size, &id, &bare, &message), SEC_E_INVALID_TOKEN);
}

static void every_truncation(void)
{
    for (size_t size = 0; size < sizeof framed; size++)
        refused(framed, size);
    for (size_t size = 0; size < sizeof reply; size++)
        refused(reply, size);
}

/* A request for a ticket to share (TGT-REQ), as Windows' DCOM sends it first. */
static void user_to_user(void)
{
    static const uint8_t request[] = {0x60, 0x10, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                      0x12, 0x01, 0x02, 0x02, 0x03, 0x04, 0x00, 0x30, 0x00};
    enum sspi_krb_token id;
    bool bare;
    struct sspi_view message;
    ASSERT_STATUS(unframe(request, sizeof request, &id, &bare, &message),
                  SEC_E_UNSUPPORTED_FUNCTION);
    for (size_t size = 0; size < sizeof request; size++)
        refused(request, size);
}

/* Each byte of the header decides: a change of any bit of it is refused. */
static void every_bit(void)
{
    for (size_t bit = 0; bit < 8 * 17; bit++) {
        uint8_t bytes[sizeof framed];
        memcpy(bytes, framed, sizeof framed);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused(bytes, sizeof bytes);
    }
}

static void odd_forms(void)
{
    static const uint8_t long_form[] = {0x6f, 0x81, 0x03, 0x30, 0x01, 0x05};
    static const uint8_t leading_zero[] = {0x6f, 0x82, 0x00, 0x03, 0x30, 0x01, 0x05};
    static const uint8_t indefinite[] = {0x6f, 0x80, 0x30, 0x01, 0x05, 0x00, 0x00};
    static const uint8_t huge[] = {0x6f, 0x85, 0x01, 0x00, 0x00, 0x00, 0x03, 0x30, 0x01, 0x05};
    static const uint8_t wraps[] = {0x60, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30, 0x01, 0x05};
    static const uint8_t behind[] = {0x6f, 0x03, 0x30, 0x01, 0x05, 0x00};
    static const uint8_t spnego[] = {0xa1, 0x03, 0x30, 0x01, 0x05};
    static const uint8_t empty[] = {0x60, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                    0xf7, 0x12, 0x01, 0x02, 0x02, 0x01, 0x00};
    refused(long_form, sizeof long_form);
    refused(leading_zero, sizeof leading_zero);
    refused(indefinite, sizeof indefinite);
    refused(huge, sizeof huge);
    refused(wraps, sizeof wraps);
    refused(behind, sizeof behind);
    refused(spnego, sizeof spnego);
    refused(empty, sizeof empty);
}

/* pvno, options and a ticket that is one octet string. */
static const uint8_t request[] = {0x6e, 0x0d, 0x30, 0x0b, 0xa0, 0x03, 0x02, 0x01,
                                  0x05, 0xa3, 0x04, 0x04, 0x02, 0x07, 0x08};

static bool has_ticket(const uint8_t *bytes, size_t size, struct sspi_view *ticket)
{
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    struct sspi_view found = {NULL, 0};
    bool good = sspi_krb_ticket_in((struct sspi_view){exact, size}, &found);
    *ticket = (struct sspi_view){bytes + (good ? found.data - exact : 0), found.size};
    free(exact);
    return good;
}

static void ticket_in_request(void)
{
    uint8_t bytes[sizeof request];
    struct sspi_view ticket;

    CU_ASSERT_TRUE(has_ticket(request, sizeof request, &ticket));
    CU_ASSERT_PTR_EQUAL(ticket.data, request + 11);
    CU_ASSERT_EQUAL(ticket.size, 4);
    for (size_t size = 0; size < sizeof request; size++)
        CU_ASSERT_FALSE(has_ticket(request, size, &ticket));
    memcpy(bytes, request, sizeof bytes);
    bytes[2] = 0x31; /* no SEQUENCE */
    CU_ASSERT_FALSE(has_ticket(bytes, sizeof bytes, &ticket));
    memcpy(bytes, request, sizeof bytes);
    bytes[9] = 0xa4; /* no [3] */
    CU_ASSERT_FALSE(has_ticket(bytes, sizeof bytes, &ticket));
    memcpy(bytes, request, sizeof bytes);
    bytes[5] = 0x0b; /* the first field has the rest inside */
    CU_ASSERT_FALSE(has_ticket(bytes, sizeof bytes, &ticket));
}

SSPI_TESTS({"user to user", user_to_user}, {"exact bytes", exact_bytes},
           {"taken apart", taken_apart}, {"all lengths", all_lengths},
           {"every truncation", every_truncation}, {"every bit of the header", every_bit},
           {"odd forms", odd_forms}, {"ticket in a request", ticket_in_request},
           {"says that it is a request", says_request}, {"says that it is a reply", says_reply})
