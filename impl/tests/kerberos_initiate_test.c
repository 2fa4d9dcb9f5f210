/* SPDX-License-Identifier: Apache-2.0
 *
 * The initiator: legs, statuses and attributes of initiate.c, and what the acceptor sends back.
 */
#include "kerberos/context.h"
#include "kerberos_fixture.h"

#define OPTIONS 40   /* the first byte of the AP options in a framed AP-REQ of this file */
#define FIVE 0x1001e /* mutual, replay, sequence, confidentiality, integrity */

static struct world world;
static struct pair pair;

static void begin(void)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&pair);
}

static void end(void)
{
    pair_free(&pair);
    world_close(&world);
}

static void one_leg(void)
{
    begin();
    ASSERT_STATUS(client_leg(&pair, ISC_REQ_INTEGRITY, WORLD_SERVICE, NULL), SEC_E_OK);
    CU_ASSERT_TRUE_FATAL(pair.out.output.size > 100);
    CU_ASSERT_EQUAL(pair.out.output.data[OPTIONS], 0);
    CU_ASSERT_EQUAL(pair.out.ret, ISC_RET_INTEGRITY);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(pair.in.output.size, 0);
    CU_ASSERT_EQUAL(pair.in.ret, ASC_RET_INTEGRITY);
    end();
}

static void two_legs(void)
{
    begin();
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(pair.out.ret, FIVE);
    CU_ASSERT_EQUAL(pair.out.output.data[OPTIONS], 0x20); /* mutual-required */
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    CU_ASSERT_TRUE(pair.in.output.size > 0);
    CU_ASSERT_EQUAL(pair.in.ret, ASC_RET_MUTUAL_AUTH | ASC_RET_REPLAY_DETECT |
                                     ASC_RET_SEQUENCE_DETECT | ASC_RET_CONFIDENTIALITY |
                                     ASC_RET_INTEGRITY);
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(pair.out.output.size, 0);
    CU_ASSERT_EQUAL(pair.out.ret, FIVE);
    end();
}

static void three_legs(void)
{
    begin();
    ASSERT_STATUS(client_leg(&pair, ISC_REQ_USE_DCE_STYLE, WORLD_SERVICE, NULL),
                  SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(pair.out.output.data[0], 0x6e); /* bare AP-REQ */
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(pair.in.output.data[0], 0x6f);
    ASSERT_STATUS(client_leg(&pair, ISC_REQ_USE_DCE_STYLE, WORLD_SERVICE, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(pair.out.output.data[0], 0x6f);
    CU_ASSERT_EQUAL(pair.out.ret, ISC_RET_USED_DCE_STYLE | ISC_RET_MUTUAL_AUTH);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(pair.in.output.size, 0);
    CU_ASSERT_EQUAL(pair.in.ret, ASC_RET_USED_DCE_STYLE | ASC_RET_MUTUAL_AUTH);
    end();
}

/* The AP options in the authenticator: KERB_AP_OPTIONS_CBT always, 0x8000 when it was asked. */
static void unverified_target(void)
{
    static const struct {
        ULONG req;
        uint8_t options[4];
    } rows[] = {{0, {0, 0x40, 0, 0}}, {ISC_REQ_UNVERIFIED_TARGET_NAME, {0, 0xc0, 0, 0}}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        krb5_authdata **found = NULL;
        begin();
        ASSERT_STATUS(client_leg(&pair, ISC_REQ_MUTUAL_AUTH | rows[i].req, WORLD_SERVICE, NULL),
                      SEC_I_CONTINUE_NEEDED);
        struct sspi_krb_context *client = pair.client;
        CU_ASSERT_EQUAL(krb5_find_authdata(world.krb5, NULL, client->ticket->authdata,
                                           KRB5_AUTHDATA_AP_OPTIONS, &found),
                        0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(found);
        CU_ASSERT_EQUAL_FATAL(found[0]->length, 4);
        CU_ASSERT_EQUAL(memcmp(found[0]->contents, rows[i].options, 4), 0);
        krb5_free_authdata(world.krb5, found);
        ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
        end();
    }
}

/* The key of the messages is the acceptor's own, not the one the initiator proposed. */
static void key_of_the_acceptor(void)
{
    krb5_keyblock *proposed = NULL;
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    struct sspi_krb_context *client = pair.client;
    CU_ASSERT_EQUAL_FATAL(krb5_auth_con_getsendsubkey(world.krb5, client->auth, &proposed), 0);
    server_leg(&pair, 0, NULL);
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(client->session_key->length, proposed->length);
    CU_ASSERT_NOT_EQUAL(memcmp(client->session_key->contents, proposed->contents, proposed->length),
                        0);
    CU_ASSERT_TRUE(client->acceptor_subkey);
    CU_ASSERT_NOT_EQUAL(client->send_sequence, client->receive_sequence);
    krb5_free_keyblock(world.krb5, proposed);
    end();
}

/* Each token of every leg cut everywhere, with exact memory for AddressSanitizer. */
static SECURITY_STATUS client_reads(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, bytes, size);
    struct sspi_leg leg = {.req = FIVE,
                           .target = WORLD_SERVICE,
                           .has_token = true,
                           .token = {copy, size},
                           .max_output = SIZE_MAX};
    SECURITY_STATUS status = KERBEROS->initiate(pair.client_credential, &pair.client, &leg);
    sspi_blob_free(&leg.output);
    free(copy);
    return status;
}

static void reply_cut(void)
{
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    server_leg(&pair, 0, NULL);
    struct sspi_blob reply = pair.in.output;
    pair.in.output = (struct sspi_blob){NULL, 0};
    for (size_t size = 0; size < reply.size; size++) {
        KERBEROS->free_context(pair.client);
        pair.client = NULL;
        client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
        ASSERT_STATUS(client_reads(reply.data, size), SEC_E_INVALID_TOKEN);
        /* After an error there is no way back, not even with the right token. */
        ASSERT_STATUS(client_reads(reply.data, reply.size), SEC_E_INVALID_TOKEN);
    }
    sspi_blob_free(&reply);
    end();
}

static void reply_altered(void)
{
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    server_leg(&pair, 0, NULL);
    pair.in.output.data[pair.in.output.size - 1] ^= 1;
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_E_WRONG_PRINCIPAL);
    end();
}

/* A bare reply where framed ones are agreed on, and a framed one in DCE style. */
static void reply_framing(void)
{
    static const ULONG reqs[] = {FIVE, FIVE | ISC_REQ_USE_DCE_STYLE};
    for (int i = 0; i < 2; i++) {
        struct sspi_blob other = {NULL, 0};
        enum sspi_krb_token id;
        struct sspi_view inside;
        bool bare;
        begin();
        client_leg(&pair, reqs[i], WORLD_SERVICE, NULL);
        server_leg(&pair, 0, NULL);
        ASSERT_STATUS(sspi_krb_unframe(sspi_blob_view(&pair.in.output), &id, &bare, &inside),
                      SEC_E_OK);
        CU_ASSERT_EQUAL(bare, i == 1);
        CU_ASSERT_TRUE(sspi_krb_frame(SSPI_KRB_AP_REP, !bare, inside, &other));
        ASSERT_STATUS(client_reads(other.data, other.size), SEC_E_INVALID_TOKEN);
        sspi_blob_free(&other);
        end();
    }
}

/* The reply to another request of the same client proves nothing. */
static void reply_of_another(void)
{
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    server_leg(&pair, 0, NULL);
    KERBEROS->free_context(pair.client);
    pair.client = NULL;
    struct sspi_blob reply = pair.in.output;
    pair.in.output = (struct sspi_blob){NULL, 0};
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    ASSERT_STATUS(client_reads(reply.data, reply.size), SEC_E_MUTUAL_AUTH_FAILED);
    sspi_blob_free(&reply);
    end();
}

static void requests_that_cannot_be(void)
{
    begin();
    ASSERT_STATUS(client_leg(&pair, 0, NULL, NULL), SEC_E_TARGET_UNKNOWN);
    pair_reset(&pair);
    ASSERT_STATUS(client_leg(&pair, 0, "", NULL), SEC_E_TARGET_UNKNOWN);
    pair_reset(&pair);
    ASSERT_STATUS(client_leg(&pair, 0, "a/b@c@d", NULL), SEC_E_TARGET_UNKNOWN);
    pair_reset(&pair);
    ASSERT_STATUS(client_leg(&pair, ISC_REQ_DATAGRAM, WORLD_SERVICE, NULL),
                  SEC_E_UNSUPPORTED_FUNCTION);
    pair_reset(&pair);
    static const uint8_t hint[] = {0x60, 0x02, 0x05, 0x00};
    ASSERT_STATUS(client_reads(hint, sizeof hint), SEC_E_INVALID_TOKEN);
    pair_reset(&pair);
    /* The credential of an acceptor. */
    void *client = pair.client_credential;
    pair.client_credential = pair.server_credential;
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_NO_CREDENTIALS);
    pair.client_credential = client;
    end();
}

static void no_way_to_a_ticket(void)
{
    begin();
    /* The cache has no TGT for anything but the one service. */
    ASSERT_STATUS(client_leg(&pair, 0, "HTTP/other.world.test", NULL), SEC_E_NO_CREDENTIALS);
    pair_reset(&pair);
    unlink(world_path(&world, "cache"));
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_NO_CREDENTIALS);
    end();
}

/* A cache that is written anew is read anew; an expired ticket is as good as none. */
static void cache_changes(void)
{
    begin();
    CU_ASSERT_TRUE(pair_establish(&pair, FIVE, 0));
    pair_reset(&pair);
    world.end = time(NULL) - 400;
    world.start = world.end - 3600;
    world_tickets(&world);
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_NO_CREDENTIALS);
    pair_reset(&pair);
    world.end = time(NULL) + 3600;
    world_tickets(&world);
    CU_ASSERT_TRUE(pair_establish(&pair, FIVE, 0));
    end();
}

/* DELEGATE needs OK-AS-DELEGATE and a TGT to forward; without, the bit is missing, no more. */
static void delegation_not_granted(void)
{
    begin();
    ASSERT_STATUS(client_leg(&pair, FIVE | ISC_REQ_DELEGATE, WORLD_SERVICE, NULL),
                  SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(pair.out.ret, FIVE);
    pair_reset(&pair);
    world.ticket_flags |= TKT_FLG_OK_AS_DELEGATE;
    world_tickets(&world);
    CU_ASSERT_TRUE(pair_establish(&pair, FIVE | ISC_REQ_DELEGATE, 0));
    CU_ASSERT_EQUAL(pair.out.ret, FIVE); /* the cache has no TGT */
    CU_ASSERT_EQUAL(pair.in.ret & ASC_RET_DELEGATE, 0);
    end();
}

static uint64_t shifted(int seconds)
{
    return sspi_unix_to_filetime(time(NULL) + seconds);
}

/* A KRB-ERROR with KERB-ERROR-DATA makes the client try again with the acceptor's time, once. */
static void skew_retried(void)
{
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    libsspi_test_clock(shifted(1000));
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_TRUE(pair.in.output.size > 0);
    libsspi_test_clock(0);
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_I_CONTINUE_NEEDED);
    libsspi_test_clock(shifted(1000));
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    libsspi_test_clock(0);
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_E_OK);
    pair_reset(&pair);

    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    for (int turn = 0; turn < 2; turn++) {
        libsspi_test_clock(shifted(1000 + 1000 * turn));
        KERBEROS->free_context(pair.server);
        pair.server = NULL;
        ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_I_CONTINUE_NEEDED);
        libsspi_test_clock(0);
        ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL),
                      turn ? SEC_E_TIME_SKEW : SEC_I_CONTINUE_NEEDED);
    }
    end();
}

/* A KRB-ERROR without that data, as others send it, ends the matter. */
static void skew_without_data(void)
{
    krb5_error told = {.error = KRB5KRB_AP_ERR_SKEW - ERROR_TABLE_BASE_krb5};
    krb5_data message;
    struct sspi_blob token = {NULL, 0};
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    told.stime = (krb5_timestamp)time(NULL) + 1000;
    MUST(krb5_parse_name(world.krb5, WORLD_SERVICE "@" WORLD_REALM, &told.server));
    MUST(krb5_mk_error(world.krb5, &told, &message));
    struct sspi_view view = {(const uint8_t *)message.data, message.length};
    CU_ASSERT_TRUE(sspi_krb_frame(SSPI_KRB_ERROR, false, view, &token));
    ASSERT_STATUS(client_reads(token.data, token.size), SEC_E_TIME_SKEW);
    sspi_blob_free(&token);
    krb5_free_data_contents(world.krb5, &message);
    krb5_free_principal(world.krb5, told.server);
    end();
}

/* Told that the acceptor has no key for it, the client has spoken to somebody else. */
static void wrong_principal(void)
{
    begin();
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    world_new_key(&world);
    ASSERT_STATUS(server_leg(&pair, ASC_REQ_EXTENDED_ERROR, NULL), SEC_E_LOGON_DENIED);
    CU_ASSERT_TRUE(pair.in.output.size > 0);
    ASSERT_STATUS(client_leg(&pair, FIVE, WORLD_SERVICE, NULL), SEC_E_WRONG_PRINCIPAL);
    end();
}

static void expiry(void)
{
    setenv("TZ", "EST-3", 1);
    tzset();
    begin();
    CU_ASSERT_TRUE(pair_establish(&pair, FIVE, 0));
    /* Local time is three hours ahead; what is reported is that, not UTC. */
    int64_t local = (int64_t)sspi_unix_to_filetime(world.end + 3 * 3600);
    CU_ASSERT_TRUE(pair.out.has_expiry && pair.in.has_expiry);
    CU_ASSERT_EQUAL(pair.out.expiry.QuadPart, local);
    CU_ASSERT_EQUAL(pair.in.expiry.QuadPart, local);
    end();
}

SSPI_TESTS({"one leg", one_leg}, {"two legs", two_legs}, {"three legs", three_legs},
           {"unverified target", unverified_target}, {"key of the acceptor", key_of_the_acceptor},
           {"reply cut everywhere", reply_cut}, {"reply altered", reply_altered},
           {"reply framing", reply_framing}, {"reply of another exchange", reply_of_another},
           {"requests that cannot be", requests_that_cannot_be},
           {"no way to a ticket", no_way_to_a_ticket}, {"cache changes", cache_changes},
           {"delegation not granted", delegation_not_granted}, {"skew retried", skew_retried},
           {"skew without data", skew_without_data}, {"wrong principal", wrong_principal},
           {"expiry", expiry})
