/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens that come up only now and then, cut at each octet and handed over in memory of exactly
 * that size: KRB-ERROR, the TGT-REQ of user-to-user and the AP-REQ that follows it.
 * truncation_test.c has all others.
 */
#include "run.h"

#include "env.h"
#include "exchange.h"
#include "kerberos_sides.h"

#define FLAGS (ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY)

/* A leg with so much of the token. */
static SECURITY_STATUS cut_leg(struct side *side, const uint8_t *token, ULONG size)
{
    bool initiates = side == &client;
    uint8_t *part = malloc(size ? size : 1);
    memcpy(part, token, size);
    leg(side, initiates, WORLD_SERVICE, initiates ? FLAGS : 0, part, size);
    free(part);
    return side->status;
}

/* The acceptor's clock is ahead: KRB-ERROR with KERB-ERROR-DATA. Whole it has the initiator try
 * again; less of it than whole is none. */
static void refusal(void)
{
    uint8_t error[512];
    acquire();
    leg(&client, 1, WORLD_SERVICE, FLAGS, NULL, 0);
    libsspi_test_clock(sspi_unix_to_filetime(time(NULL) + 1000));
    leg(&server, 0, NULL, ASC_REQ_EXTENDED_ERROR, client.token, client.size);
    libsspi_test_clock(0);
    ASSERT_STATUS(server.status, SEC_I_CONTINUE_NEEDED);
    ULONG size = server.size;
    CU_ASSERT_FATAL(size > 50 && size < sizeof error);
    memcpy(error, server.token, size);
    for (ULONG cut = 0; cut <= size; cut++) {
        drop(&client);
        leg(&client, 1, WORLD_SERVICE, FLAGS, NULL, 0);
        ASSERT_STATUS(cut_leg(&client, error, cut),
                      cut < size ? SEC_E_INVALID_TOKEN : SEC_I_CONTINUE_NEEDED);
    }
    release();
}

static void user_to_user(void)
{
    static const uint8_t lend[] = {FUZZ_USER_TO_USER, 0, 0};
    acquire();
    for (ULONG cut = 0; cut < sizeof fuzz_tgt_request; cut++) {
        drop(&server);
        ASSERT_STATUS(cut_leg(&server, fuzz_tgt_request, cut), SEC_E_INVALID_TOKEN);
    }
    leg(&client, 1, WORLD_SERVICE, FLAGS, NULL, 0);
    struct sspi_blob request =
        fuzz_kerberos_repair(&realm, (struct sspi_view){client.token, client.size},
                             (struct sspi_view){lend, sizeof lend});
    for (ULONG cut = 0; cut <= request.size; cut++) {
        drop(&server);
        ASSERT_STATUS(cut_leg(&server, fuzz_tgt_request, sizeof fuzz_tgt_request),
                      SEC_I_CONTINUE_NEEDED);
        CU_ASSERT(server.size > 100); /* TGT-REP */
        ASSERT_STATUS(cut_leg(&server, request.data, cut),
                      cut < request.size ? SEC_E_INVALID_TOKEN : SEC_E_OK);
    }
    sspi_blob_free(&request);
    release();
}

/* TGT-REP: less of it than whole is none; a bit of it changed is the peer's fault, if a fault. */
static void lent_tgt(void)
{
    uint8_t reply[2048];
    acquire();
    cut_leg(&server, fuzz_tgt_request, sizeof fuzz_tgt_request);
    ASSERT_STATUS(server.status, SEC_I_CONTINUE_NEEDED);
    ULONG size = server.size;
    CU_ASSERT_FATAL(size > 100 && size < sizeof reply);
    memcpy(reply, server.token, size);
    for (ULONG n = 0; n < size + 8 * size; n++) {
        ULONG bit = n < size ? 0 : n - size;
        drop(&client);
        leg(&client, 1, WORLD_SERVICE, FLAGS | ISC_REQ_USE_SESSION_KEY, NULL, 0);
        ASSERT_STATUS(client.status, SEC_I_CONTINUE_NEEDED);
        if (n < size) {
            ASSERT_STATUS(cut_leg(&client, reply, n), SEC_E_INVALID_TOKEN);
            continue;
        }
        reply[bit / 8] ^= (uint8_t)(1 << bit % 8);
        SECURITY_STATUS status = cut_leg(&client, reply, size);
        reply[bit / 8] ^= (uint8_t)(1 << bit % 8);
        /* Without a KDC no ticket is to be had under it. */
        CU_ASSERT(status < 0 && status != SEC_E_INTERNAL_ERROR);
    }
    release();
}

SSPI_TESTS({"refusal", refusal}, {"user to user", user_to_user}, {"lent TGT", lent_tgt})
