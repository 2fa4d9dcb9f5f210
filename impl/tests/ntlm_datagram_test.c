/* SPDX-License-Identifier: Apache-2.0
 *
 * NTLM without a connection (MS-NLMP 3.1.5.2, 3.2.5.2): the server speaks first, and every message
 * has a key of its own.
 */
#include "ntlm_world.h"

#define FLAGS (NTLM_DATAGRAM | NTLM_128 | NTLM_56 | NTLM_KEY_EXCH | NTLM_SIGN | NTLM_SEAL)
#define KEY "55555555555555555555555555555555"
#define TEXT "50006c00610069006e007400650078007400"
#define SIZE 18

struct letter {
    uint8_t token[16], data[SIZE];
    SecBuffer buffers[2];
    SecBufferDesc desc;
};

static SecBufferDesc *letter(struct letter *letter)
{
    memcpy(letter->data, hex(TEXT).data, SIZE);
    letter->buffers[0] = (SecBuffer){sizeof letter->token, SECBUFFER_TOKEN, letter->token};
    letter->buffers[1] = (SecBuffer){SIZE, SECBUFFER_DATA, letter->data};
    letter->desc = (SecBufferDesc){SECBUFFER_VERSION, 2, letter->buffers};
    return &letter->desc;
}

struct pair {
    struct ntlm_protection client, server;
};

static void start(struct pair *pair, uint32_t flags)
{
    ntlm_protection_start(&pair->client, hex(KEY).data, flags, true);
    ntlm_protection_start(&pair->server, hex(KEY).data, flags, false);
}

/* The cipher text of number n is RC4 under MD5(sealing key, n), computed here once more. */
static void a_key_for_each(void)
{
    struct pair pair;
    struct letter sent;
    uint8_t seal_key[16], key[16], expected[SIZE];
    size_t size;

    start(&pair, FLAGS | NTLM_ESS);
    CU_ASSERT_TRUE(ntlm_seal_key(hex(KEY).data, FLAGS | NTLM_ESS, true, seal_key, &size));
    for (uint32_t n = 0; n < 3; n++) {
        struct sspi_rc4 rc4;
        uint8_t number[4] = {(uint8_t)n, 0, 0, 0};
        struct sspi_view parts[2] = {{seal_key, size}, {number, 4}};
        sspi_md5(parts, 2, key);
        sspi_rc4_init(&rc4, key, 16);
        sspi_rc4_update(&rc4, hex(TEXT).data, expected, SIZE);
        ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, letter(&sent)), SEC_E_OK);
        CU_ASSERT_EQUAL(memcmp(sent.data, expected, SIZE), 0);
        CU_ASSERT_EQUAL(ntlm_get32(sent.token + 12), n);
    }
}

static void any_order(uint32_t flags, bool numbered)
{
    struct pair pair;
    struct letter sent[4];
    start(&pair, flags);
    for (unsigned i = 0; i < 4; i++) {
        pair.client.number = numbered ? 7 + i : 0;
        ASSERT_STATUS(ntlm_encrypt(&pair.client, 0, letter(&sent[i])), SEC_E_OK);
    }
    /* backwards, one of them lost, then an answer */
    for (int i = 3; i >= 0; i--) {
        pair.server.number = numbered ? 7 + (uint32_t)i : 0;
        if (i == 2)
            continue;
        sent[i].data[0] ^= 1;
        ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent[i].desc), SEC_E_MESSAGE_ALTERED);
        sent[i].data[0] ^= 1;
        ASSERT_STATUS(ntlm_decrypt(&pair.server, &sent[i].desc), SEC_E_OK);
        ASSERT_BYTES(sent[i].data, TEXT);
    }
    pair.server.number = pair.client.number = numbered ? 99 : 0;
    ASSERT_STATUS(ntlm_encrypt(&pair.server, 0, letter(&sent[0])), SEC_E_OK);
    ASSERT_STATUS(ntlm_decrypt(&pair.client, &sent[0].desc), SEC_E_OK);
    ASSERT_BYTES(sent[0].data, TEXT);
}

static void in_any_order(void)
{
    any_order(FLAGS | NTLM_ESS, false);
    any_order(FLAGS | NTLM_ESS, true);
    any_order(FLAGS, true); /* the number is sealed: only the application can tell it */
    any_order((FLAGS & ~NTLM_128) | NTLM_ESS, true);
}

/* Numbers tell messages apart that say the same; a caller without numbers must not get one key
 * stream twice. */
static void never_the_same_key_twice(void)
{
    struct pair pair;
    struct letter one, two;
    start(&pair, FLAGS | NTLM_ESS);
    ntlm_encrypt(&pair.client, 0, letter(&one));
    ntlm_encrypt(&pair.client, 0, letter(&two));
    CU_ASSERT_NOT_EQUAL(memcmp(one.data, two.data, SIZE), 0);
}

/* Without extended session security the key has 56 or 40 bits, whatever the session key. */
static void weak_keys(void)
{
    uint8_t key[16];
    size_t size;
    CU_ASSERT_TRUE(ntlm_seal_key(hex(KEY).data, FLAGS, true, key, &size));
    CU_ASSERT_EQUAL(size, 8);
    ASSERT_BYTES(key, "55555555555555a0");
    CU_ASSERT_TRUE(ntlm_seal_key(hex(KEY).data, FLAGS & ~NTLM_56, true, key, &size));
    ASSERT_BYTES(key, "5555555555e538b0");
}

/* ---- the handshake ------------------------------------------------------------------------- */

static void handshake(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL};
    struct letter sent;
    world.isc |= ISC_REQ_DATAGRAM;
    world.asc |= ASC_REQ_DATAGRAM;
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(world.isc1, SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(world.legs[0].output.size, 0);
    ASSERT_STATUS(world.asc1, SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(ntlm_message_type(sspi_blob_view(&world.legs[1].output)),
                    NTLM_MESSAGE_CHALLENGE);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    CU_ASSERT(world.legs[2].ret & ISC_RET_DATAGRAM);
    CU_ASSERT(world.legs[3].ret & ASC_RET_DATAGRAM);
    struct ntlm_context *client = world.client, *server = world.server;
    CU_ASSERT_EQUAL(client->flags & NTLM_KEY_EXCH, NTLM_KEY_EXCH);
    CU_ASSERT_EQUAL(memcmp(client->session_key, server->session_key, 16), 0);
    NTLM->sequence(client, 41);
    ASSERT_STATUS(NTLM->encrypt(client, 0, letter(&sent)), SEC_E_OK);
    CU_ASSERT_EQUAL(ntlm_get32(sent.token + 12), 41);
    ULONG qop;
    ASSERT_STATUS(NTLM->decrypt(server, &sent.desc, &qop), SEC_E_OK);
    world_part(&world);
}

/* The server makes one up only when both it was asked to and nothing came. */
static void only_when_asked(void)
{
    struct sspi_leg leg = {.has_token = true, .max_output = SIZE_MAX};
    void *context = NULL, *credential;
    world_start(WORLD_ACCOUNTS, NULL);
    credential = world_acquire(SECPKG_CRED_INBOUND, NULL);
    ASSERT_STATUS(NTLM->accept(credential, &context, &leg), SEC_E_INVALID_TOKEN);
    CU_ASSERT_PTR_NULL(context);
    NTLM->free_credential(credential);

    struct world world = {WORLD_ALICE, SIGN_AND_SEAL}; /* the server alone: as any connection */
    world.asc |= ASC_REQ_DATAGRAM;
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    CU_ASSERT_FALSE(world.legs[3].ret & ASC_RET_DATAGRAM);
    world_part(&world);
}

static uint32_t cleared;

static void clear_flags(struct sspi_blob *token, enum ntlm_message which)
{
    size_t at = which == NTLM_MESSAGE_CHALLENGE ? 20 : 60;
    if ((size_t)which == 3 || (cleared & NTLM_DATAGRAM && which == 2))
        if (token->size > at)
            ntlm_put32(token->data + at, ntlm_get32(token->data + at) & ~cleared);
}

static SECURITY_STATUS meet_without(uint32_t flags, struct world *world)
{
    cleared = flags;
    world->tamper = clear_flags;
    world->isc |= ISC_REQ_DATAGRAM;
    world->asc |= ASC_REQ_DATAGRAM;
    world_meet(world);
    world_part(world);
    return world->isc2 == SEC_E_OK ? world->asc2 : world->isc2;
}

static void what_belongs_together(void)
{
    world_start(WORLD_ACCOUNTS, NULL);
    struct world one = {WORLD_ALICE, SIGN_AND_SEAL}, two = one;
    ASSERT_STATUS(meet_without(NTLM_DATAGRAM, &one), SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(meet_without(NTLM_KEY_EXCH, &two), SEC_E_INVALID_TOKEN);
}

SSPI_TESTS({"a key for each", a_key_for_each}, {"in any order", in_any_order},
           {"never the same key twice", never_the_same_key_twice}, {"weak keys", weak_keys},
           {"handshake", handshake}, {"only when asked", only_when_asked},
           {"what belongs together", what_belongs_together})
