/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor: accept.c and refuse.c.
 */
#include "kerberos_fixture.h"

#define FIVE 0x1001e

static struct world world;
static struct pair pair;

static void begin(void)
{
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&pair);
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
}

static void end(void)
{
    pair_free(&pair);
    world_close(&world);
}

static SECURITY_STATUS server_reads(const uint8_t *bytes, size_t size, ULONG req)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, bytes, size);
    struct sspi_leg leg = {
        .req = req, .has_token = true, .token = {copy, size}, .max_output = SIZE_MAX};
    KERBEROS->free_context(pair.server);
    pair.server = NULL;
    SECURITY_STATUS status = KERBEROS->accept(pair.server_credential, &pair.server, &leg);
    sspi_blob_free(&leg.output);
    free(copy);
    return status;
}

static void request_cut(void)
{
    begin();
    for (size_t size = 0; size < pair.out.output.size; size++)
        ASSERT_STATUS(server_reads(pair.out.output.data, size, ASC_REQ_EXTENDED_ERROR),
                      SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(server_reads(pair.out.output.data, pair.out.output.size, 0), SEC_E_OK);
    end();
}

/* Whether this byte lies where RFC 4120 protects nothing: message type (libkrb5 goes by the tag),
 * AP options, realm and name of the service in the ticket. */
static bool in_the_clear(size_t at)
{
    return at == 34 || (at >= 39 && at < 44) || (at >= 65 && at < 110);
}

/* No altered bit gets through elsewhere, none is answered with a status that is not a refusal; and
 * whose service it is tells the key, not the name in the clear. */
static void request_altered(void)
{
    begin();
    setenv("KRB5RCACHENAME", "none:", 1);
    for (size_t bit = 0; bit < 8 * pair.out.output.size; bit++) {
        struct sspi_attribute names = {.attribute = SECPKG_ATTR_NATIVE_NAMES};
        pair.out.output.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        SECURITY_STATUS status = server_reads(pair.out.output.data, pair.out.output.size, 0);
        bool fitting = status == SEC_E_INVALID_TOKEN || status == SEC_E_LOGON_DENIED ||
                       (in_the_clear(bit / 8) && status == SEC_E_OK);
        if (!fitting)
            fprintf(stderr, "  byte %zu bit %zu: %#x\n", bit / 8, bit % 8, (unsigned)status);
        CU_ASSERT_TRUE(fitting);
        if (status == SEC_E_OK && KERBEROS->query(pair.server, &names) == SEC_E_OK) {
            CU_ASSERT_STRING_EQUAL(names.value.names.second, WORLD_SERVICE "@" WORLD_REALM);
            sspi_free(names.value.names.first);
            sspi_free(names.value.names.second);
        }
        pair.out.output.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ASSERT_STATUS(server_reads(pair.out.output.data, pair.out.output.size, 0), SEC_E_OK);
    end();
}

static void replayed(void)
{
    begin();
    ASSERT_STATUS(server_reads(pair.out.output.data, pair.out.output.size, 0), SEC_E_OK);
    ASSERT_STATUS(server_reads(pair.out.output.data, pair.out.output.size, 0), SEC_E_LOGON_DENIED);
    for (int i = 0; i < 2; i++)
        ASSERT_STATUS(
            server_reads(pair.out.output.data, pair.out.output.size, ASC_REQ_ALLOW_CONTEXT_REPLAY),
            SEC_E_OK);
    end();
}

static void skewed(void)
{
    static const struct {
        int seconds;
        SECURITY_STATUS status;
    } rows[] = {{290, SEC_E_OK},
                {310, SEC_I_CONTINUE_NEEDED},
                {-290, SEC_E_OK},
                {-310, SEC_I_CONTINUE_NEEDED},
                {40000, SEC_E_CONTEXT_EXPIRED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        libsspi_test_clock(sspi_unix_to_filetime(time(NULL) + rows[i].seconds));
        /* So that the second request below is judged by its time, not as a replay. */
        ASSERT_STATUS(server_leg(&pair, ASC_REQ_ALLOW_CONTEXT_REPLAY, NULL), rows[i].status);
        if (rows[i].status < 0)
            CU_ASSERT_EQUAL(pair.in.output.size, 0); /* nobody asked for an error token */
        /* Our time goes out once; a second request that does not heed it is refused. */
        if (rows[i].status == SEC_I_CONTINUE_NEEDED) {
            CU_ASSERT_TRUE(pair.in.output.size > 0);
            ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_TIME_SKEW);
            CU_ASSERT_EQUAL(pair.in.output.size, 0);
            ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_INVALID_TOKEN);
        }
        libsspi_test_clock(0);
        end();
    }
}

/* What a Windows client is shown, byte for byte (recorded.krb-error.skew). */
static void skew_token(void)
{
    static const uint8_t data[] = {0xac, 0x09, 0x04, 0x07, 0x30, 0x05,
                                   0xa1, 0x03, 0x02, 0x01, 0x02};
    krb5_error *told = NULL;
    begin();
    libsspi_test_clock(sspi_unix_to_filetime(time(NULL) + 1000));
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_I_CONTINUE_NEEDED);
    libsspi_test_clock(0);
    const struct sspi_blob *token = &pair.in.output;
    CU_ASSERT_TRUE_FATAL(token->size > 20);
    CU_ASSERT_EQUAL(token->data[0], 0x60);
    CU_ASSERT_EQUAL(memcmp(token->data + token->size - sizeof data, data, sizeof data), 0);
    size_t header = token->data[1] < 0x80 ? 15 : 16;
    CU_ASSERT_EQUAL(token->data[header - 2], 0x03); /* token id 03 00 */
    krb5_data message = {KV5M_DATA, (unsigned)(token->size - header), (char *)token->data + header};
    CU_ASSERT_EQUAL_FATAL(krb5_rd_error(world.krb5, &message, &told), 0);
    CU_ASSERT_EQUAL(told->error, 37); /* KRB_AP_ERR_SKEW */
    CU_ASSERT_TRUE(told->stime >= time(NULL) + 990);
    krb5_free_error(world.krb5, told);
    end();
}

static void keys_missing(void)
{
    begin();
    unlink(world_path(&world, "keytab"));
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_NO_CREDENTIALS);
    end();
    begin();
    fclose(fopen(world_path(&world, "keytab"), "w"));
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_NO_CREDENTIALS);
    end();
}

/* The keys are read again when the file has changed. */
static void keys_change(void)
{
    begin();
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    pair_reset(&pair);
    world_new_key(&world);
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_LOGON_DENIED);
    pair_reset(&pair);
    world_tickets(&world);
    CU_ASSERT_TRUE(pair_establish(&pair, FIVE, 0));
    end();
}

static void other_spn(void)
{
    struct sspi_cred_request ask = {.principal = "HTTP/other.world.test",
                                    .use = SECPKG_CRED_INBOUND};
    TimeStamp expiry;
    begin();
    KERBEROS->free_credential(pair.server_credential);
    ASSERT_STATUS(KERBEROS->acquire(&ask, &pair.server_credential, &expiry), SEC_E_OK);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_LOGON_DENIED);
    KERBEROS->free_credential(pair.server_credential);
    ask.principal = WORLD_SERVICE;
    ASSERT_STATUS(KERBEROS->acquire(&ask, &pair.server_credential, &expiry), SEC_E_OK);
    KERBEROS->free_context(pair.server);
    pair.server = NULL;
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    /* The credential of an initiator. */
    void *server = pair.server_credential;
    pair.server_credential = pair.client_credential;
    KERBEROS->free_context(pair.server);
    pair.server = NULL;
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_NO_CREDENTIALS);
    pair.server_credential = server;
    end();
}

/* Every outcome of the channel-bindings table for a client that announces support, as this one
 * does; clients that do not are MIT's (test_kerberos_gssapi.py). */
static void channel_bindings(void)
{
    static const struct sspi_bindings this = {.hash = {1, 2, 3}}, other = {.hash = {1, 2, 4}},
                                      zero = {.empty = true};
    static const struct {
        const struct sspi_bindings *client, *server;
        ULONG req;
        SECURITY_STATUS status;
    } rows[] = {
        {NULL, NULL, 0, SEC_E_OK},
        {NULL, &this, 0, SEC_E_BAD_BINDINGS},
        {NULL, &this, ASC_REQ_ALLOW_MISSING_BINDINGS, SEC_E_BAD_BINDINGS},
        {NULL, NULL, ASC_REQ_PROXY_BINDINGS, SEC_E_BAD_BINDINGS},
        {&zero, NULL, 0, SEC_E_OK},
        {&zero, &this, 0, SEC_E_BAD_BINDINGS},
        {&zero, &this, ASC_REQ_ALLOW_MISSING_BINDINGS, SEC_E_BAD_BINDINGS},
        {&zero, NULL, ASC_REQ_PROXY_BINDINGS, SEC_E_BAD_BINDINGS},
        {&this, NULL, 0, SEC_E_OK},
        {&this, &this, 0, SEC_E_OK},
        {&this, &this, ASC_REQ_ALLOW_MISSING_BINDINGS, SEC_E_OK},
        {&this, NULL, ASC_REQ_PROXY_BINDINGS, SEC_E_OK},
        {&other, NULL, 0, SEC_E_OK},
        {&other, &this, 0, SEC_E_BAD_BINDINGS},
        {&other, &this, ASC_REQ_ALLOW_MISSING_BINDINGS, SEC_E_BAD_BINDINGS},
    };
    begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pair_reset(&pair);
        client_leg(&pair, FIVE, WORLD_SERVICE, rows[i].client);
        ASSERT_STATUS(server_leg(&pair, rows[i].req, rows[i].server), rows[i].status);
    }
    end();
}

/* DCE style: the acceptor's own reply sent back is no proof of the client. */
static void reflected(void)
{
    begin();
    pair_reset(&pair);
    client_leg(&pair, ISC_REQ_USE_DCE_STYLE, WORLD_SERVICE, NULL);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_I_CONTINUE_NEEDED);
    struct sspi_leg leg = {.has_token = true, .token = sspi_blob_view(&pair.in.output)};
    ASSERT_STATUS(KERBEROS->accept(NULL, &pair.server, &leg), SEC_E_MUTUAL_AUTH_FAILED);
    end();
}

/* Wrong kinds of tokens at every state. */
static void wrong_turns(void)
{
    begin();
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_OK);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_INVALID_TOKEN); /* done is done */
    struct sspi_blob reply = pair.in.output;
    pair.in.output = (struct sspi_blob){NULL, 0};
    ASSERT_STATUS(server_reads(reply.data, reply.size, 0), SEC_E_INVALID_TOKEN);
    sspi_blob_free(&reply);
    pair_reset(&pair);
    client_leg(&pair, ISC_REQ_USE_DCE_STYLE, WORLD_SERVICE, NULL);
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(client_leg(&pair, ISC_REQ_USE_DCE_STYLE, WORLD_SERVICE, NULL), SEC_E_OK);
    pair.out.output.data[pair.out.output.size - 1] ^= 1;
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_LOGON_DENIED);
    pair.out.output.data[pair.out.output.size - 1] ^= 1;
    ASSERT_STATUS(server_leg(&pair, 0, NULL), SEC_E_INVALID_TOKEN); /* failed is failed */
    end();
}

/* The named service has a key of that version, but it is another service's that fits. */
static void key_under_another_name(void)
{
    krb5_keytab keytab;
    krb5_keytab_entry other = {.vno = 1};

    begin();
    other.key = world.key;
    memset(&world.key, 0, sizeof world.key);
    MUST(krb5_c_make_random_key(world.krb5, other.key.enctype, &world.key));
    world_keytab(&world);
    ASSERT_STATUS(server_reads(pair.out.output.data, pair.out.output.size, 0), SEC_E_LOGON_DENIED);
    MUST(krb5_kt_default(world.krb5, &keytab));
    MUST(krb5_parse_name(world.krb5, "host/web.world.test@" WORLD_REALM, &other.principal));
    MUST(krb5_kt_add_entry(world.krb5, keytab, &other));
    krb5_kt_close(world.krb5, keytab);
    ASSERT_STATUS(server_reads(pair.out.output.data, pair.out.output.size, 0), SEC_E_OK);
    krb5_free_keytab_entry_contents(world.krb5, &other);
    end();
}

SSPI_TESTS({"request cut everywhere", request_cut}, {"request altered", request_altered},
           {"replayed", replayed}, {"skewed", skewed}, {"skew token", skew_token},
           {"keys missing", keys_missing}, {"keys change", keys_change},
           {"key under another name", key_under_another_name},
           {"ticket for another SPN", other_spn}, {"channel bindings", channel_bindings},
           {"reflected", reflected}, {"wrong turns", wrong_turns})
