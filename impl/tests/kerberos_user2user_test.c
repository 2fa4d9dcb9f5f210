/* SPDX-License-Identifier: Apache-2.0
 *
 * User-to-user: framing, the question for a TGT and its answer, the whole exchange between a user
 * and himself. A recorded exchange is played in test_kerberos_recorded.py.
 */
#include "kerberos/framing.h"
#include "kerberos/user2user.h"

#include "kerberos_fixture.h"

/* TGT-REQ for HTTP/web. */
static const uint8_t question[] = {
    0x60, 0x36, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03,
    0x04, 0x00, 0x30, 0x26, 0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x10,
    0xa2, 0x1a, 0x30, 0x18, 0xa0, 0x03, 0x02, 0x01, 0x02, 0xa1, 0x11, 0x30, 0x0f, 0x1b,
    0x08, 'H',  'T',  'T',  'P',  'w',  'e',  'b',  '1',  0x1b, 0x03, 'o',  'n',  'e'};

static SECURITY_STATUS unframe(const uint8_t *bytes, size_t size, unsigned *id)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct sspi_view message;
    memcpy(copy, bytes, size);
    SECURITY_STATUS status =
        sspi_krb_unframe_user2user((struct sspi_view){copy, size}, id, &message);
    free(copy);
    return status;
}

static void framing(void)
{
    static const unsigned ids[] = {SSPI_KRB_TGT_REQ, SSPI_KRB_TGT_REP, SSPI_KRB_AP_REQ,
                                   SSPI_KRB_AP_REP};
    static const uint8_t tags[] = {0x30, 0x30, 0x6e, 0x6f};
    unsigned id = 0;

    ASSERT_STATUS(unframe(question, sizeof question, &id), SEC_E_OK);
    CU_ASSERT_EQUAL(id, SSPI_KRB_TGT_REQ);
    for (size_t size = 0; size < sizeof question; size++)
        ASSERT_STATUS(unframe(question, size, &id), SEC_E_INVALID_TOKEN);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        for (size_t length = 0; length < 70000; length = length * 3 + 1) {
            size_t header = length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5;
            uint8_t *message = calloc(1, length + header);
            struct sspi_blob token = {NULL, 0};
            message[0] = tags[i];
            message[1] = (uint8_t)(header == 2 ? length : 0x80 | (header - 2));
            for (size_t at = 2; at < header; at++)
                message[at] = (uint8_t)(length >> (8 * (header - 1 - at)));
            struct sspi_view view = {message, length + header};
            CU_ASSERT_TRUE(sspi_krb_frame_user2user(ids[i], view, &token));
            ASSERT_STATUS(unframe(token.data, token.size, &id), SEC_E_OK);
            CU_ASSERT_EQUAL(id, ids[i]);
            sspi_blob_free(&token);
            /* The id and the tag must tell the same. */
            message[0] ^= 1;
            CU_ASSERT_TRUE(sspi_krb_frame_user2user(ids[i], view, &token));
            if (message[0] != 0x6f && message[0] != 0x6e)
                ASSERT_STATUS(unframe(token.data, token.size, &id), SEC_E_INVALID_TOKEN);
            sspi_blob_free(&token);
            free(message);
        }
}

static SECURITY_STATUS ask(void *credential, void **context, const uint8_t *bytes, size_t size)
{
    struct sspi_leg leg = {.has_token = true, .token = {bytes, size}, .max_output = SIZE_MAX};
    SECURITY_STATUS status = KERBEROS->accept(credential, context, &leg);
    sspi_blob_free(&leg.output);
    return status;
}

/* A cache with service tickets but no TGT: the question is for another mechanism. */
static void nobody_to_lend(void)
{
    struct world world;
    struct pair pair;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&pair);
    ASSERT_STATUS(ask(pair.server_credential, &pair.server, question, sizeof question),
                  SEC_E_UNSUPPORTED_FUNCTION);
    ASSERT_STATUS(ask(pair.server_credential, &pair.server, question, sizeof question),
                  SEC_E_INVALID_TOKEN); /* the context has failed */
    for (size_t bit = 8 * 14; bit < 8 * 28; bit++) {
        uint8_t bytes[sizeof question];
        void *context = NULL;
        memcpy(bytes, question, sizeof bytes);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ASSERT_STATUS(ask(pair.server_credential, &context, bytes, sizeof bytes),
                      SEC_E_INVALID_TOKEN);
        KERBEROS->free_context(context);
    }
    pair_free(&pair);
    world_close(&world);
}

/* The shape of what Windows was recorded to send for a service, and for an account. */
static void questions(void)
{
    static const uint8_t service[] = {
        0x60, 0x38, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03, 0x04,
        0x00, 0x30, 0x28, 0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x10, 0xa2, 0x1c,
        0x30, 0x1a, 0xa0, 0x03, 0x02, 0x01, 0x02, 0xa1, 0x13, 0x30, 0x11, 0x1b, 0x07, 'T',  'E',
        'R',  'M',  'S',  'R',  'V',  0x1b, 0x06, 'w',  'e',  'b',  '.',  'x',  'y'};
    static const uint8_t account[] = {
        0x60, 0x33, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03,
        0x04, 0x00, 0x30, 0x23, 0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x10,
        0xa2, 0x10, 0x30, 0x0e, 0xa0, 0x03, 0x02, 0x01, 0x80, 0xa1, 0x07, 0x30, 0x05, 0x1b,
        0x03, 'b',  'o',  'b',  0xa3, 0x05, 0x1b, 0x03, 'D',  'O',  'M'};
    struct world world;
    struct pair pair;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&pair);
    ASSERT_STATUS(client_leg(&pair, ISC_REQ_USE_SESSION_KEY, "TERMSRV/web.xy", NULL),
                  SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(pair.out.output.size, sizeof service);
    CU_ASSERT_EQUAL(memcmp(pair.out.output.data, service, sizeof service), 0);
    CU_ASSERT_FALSE(pair.out.has_expiry);
    pair_reset(&pair);
    ASSERT_STATUS(client_leg(&pair, 0, "DOM\\bob", NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(pair.out.output.size, sizeof account);
    CU_ASSERT_EQUAL(memcmp(pair.out.output.data, account, sizeof account), 0);
    pair_reset(&pair);
    /* Long names have long lengths. */
    char target[3000] = "DOM\\";
    memset(target + 4, 'a', sizeof target - 5);
    ASSERT_STATUS(client_leg(&pair, 0, target, NULL), SEC_I_CONTINUE_NEEDED);
    unsigned id = 0;
    ASSERT_STATUS(unframe(pair.out.output.data, pair.out.output.size, &id), SEC_E_OK);
    CU_ASSERT_EQUAL(id, SSPI_KRB_TGT_REQ);
    pair_free(&pair);
    world_close(&world);
}

/* Every cut and every bit of a TGT-REP: no answer, or a ticket of the same place. */
static void answers(void)
{
    uint8_t reply[] = {0x30, 0x12, 0xa0, 0x03, 0x02, 0x01, 0x05, 0xa1, 0x03, 0x02,
                       0x01, 0x11, 0xa2, 0x06, 0x61, 0x04, 0x30, 0x02, 0xa0, 0x00};
    struct sspi_view ticket;
    ASSERT_STATUS(sspi_krb_read_tgt((struct sspi_view){reply, sizeof reply}, &ticket), SEC_E_OK);
    CU_ASSERT_PTR_EQUAL(ticket.data, reply + 14);
    CU_ASSERT_EQUAL(ticket.size, 6);
    for (size_t size = 0; size < sizeof reply; size++) {
        uint8_t *exact = malloc(size ? size : 1);
        memcpy(exact, reply, size);
        ASSERT_STATUS(sspi_krb_read_tgt((struct sspi_view){exact, size}, &ticket),
                      SEC_E_INVALID_TOKEN);
        free(exact);
    }
    for (size_t bit = 0; bit < 8 * sizeof reply; bit++) {
        uint8_t *exact = malloc(sizeof reply);
        memcpy(exact, reply, sizeof reply);
        exact[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (sspi_krb_read_tgt((struct sspi_view){exact, sizeof reply}, &ticket) == SEC_E_OK) {
            CU_ASSERT_PTR_EQUAL(ticket.data, exact + 14);
            CU_ASSERT_EQUAL(ticket.size, 6);
            CU_ASSERT_TRUE(bit / 8 >= 16); /* inside the ticket */
        }
        free(exact);
    }
}

/* Alice with alice: the exchange that two users have, without a KDC. */
static void whole_exchange(void)
{
    struct world world;
    struct pair pair;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    world_user_to_user(&world);
    pair_acquire(&pair);
    CU_ASSERT_TRUE(pair_establish_with(&pair, 0x1001e | ISC_REQ_USE_SESSION_KEY, 0, "alice"));
    CU_ASSERT_EQUAL(pair.out.ret & ISC_RET_USE_SESSION_KEY, ISC_RET_USE_SESSION_KEY);
    pair_reset(&pair);
    CU_ASSERT_TRUE(pair_establish_with(&pair, ISC_REQ_USE_SESSION_KEY, 0, "alice"));
    pair_reset(&pair);
    CU_ASSERT_TRUE(pair_establish_with(
        &pair, 0x1001e | ISC_REQ_USE_SESSION_KEY | ISC_REQ_USE_DCE_STYLE, 0, "alice"));
    pair_reset(&pair);
    CU_ASSERT_TRUE(pair_establish(&pair, 0x1001e, 0));
    CU_ASSERT_EQUAL(pair.out.ret & ISC_RET_USE_SESSION_KEY, 0);
    pair_free(&pair);
    world_close(&world);
}

SSPI_TESTS({"questions", questions}, {"answers", answers}, {"whole exchange", whole_exchange},
           {"framing", framing}, {"nobody to lend a TGT", nobody_to_lend})
