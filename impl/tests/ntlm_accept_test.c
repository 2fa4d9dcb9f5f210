/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor: whole handshakes against the file authority, and everything it must refuse.
 */
#include "ntlm_world.h"

#include "ntlm/av.h"

static void handshake(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .target = "HTTP/server.example.org"};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(world.isc1, SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(world.asc1, SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(world.isc2, SEC_E_OK);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    CU_ASSERT_EQUAL(world.legs[3].output.size, 0);
    CU_ASSERT_EQUAL(ntlm_get32(world.legs[1].output.data + 20), 0xe2898235u);
    const struct ntlm_context *client = world.client, *server = world.server;
    CU_ASSERT_EQUAL(memcmp(client->session_key, server->session_key, 16), 0);
    CU_ASSERT_STRING_EQUAL(server->name, "EXAMPLE\\alice");
    CU_ASSERT_STRING_EQUAL(server->target, "HTTP/server.example.org");
    CU_ASSERT_TRUE(NTLM->wants_mechlist_mic(world.server));
    CU_ASSERT_EQUAL(world.legs[3].ret, ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY |
                                           ASC_RET_REPLAY_DETECT | ASC_RET_SEQUENCE_DETECT);
    CU_ASSERT_EQUAL(world.legs[2].ret, ISC_RET_INTEGRITY | ISC_RET_CONFIDENTIALITY |
                                           ISC_RET_REPLAY_DETECT | ISC_RET_SEQUENCE_DETECT);
    /* a finished context takes no more legs */
    ASSERT_STATUS(NTLM->accept(NULL, &world.server, &world.legs[3]), SEC_E_OUT_OF_SEQUENCE);
    ASSERT_STATUS(NTLM->initiate(NULL, &world.client, &world.legs[2]), SEC_E_OUT_OF_SEQUENCE);
    world_part(&world);
}

static void challenge_is_fresh(void)
{
    struct world one = {WORLD_ALICE}, two = {WORLD_ALICE};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&one);
    world_meet(&two);
    CU_ASSERT_NOT_EQUAL(memcmp(one.legs[1].output.data + 24, two.legs[1].output.data + 24, 8), 0);
    world_part(&one);
    world_part(&two);
}

static void challenge_is_pinned(void)
{
    struct world world = {WORLD_ALICE};
    struct sspi_leg negotiate = {.max_output = SIZE_MAX}, leg = {.max_output = SIZE_MAX};
    struct ntlm_challenge challenge;
    struct ntlm_av av;
    world_start(WORLD_ACCOUNTS, NULL);
    world.server_cred = world_acquire(SECPKG_CRED_INBOUND, NULL);
    ntlm_build_negotiate(0xa2088207, &negotiate.output);
    leg.token = sspi_blob_view(&negotiate.output);
    libsspi_test_random(hex("0123456789abcdef").data, 8);
    libsspi_test_clock(0x01d0000000000000);
    ASSERT_STATUS(NTLM->accept(world.server_cred, &world.server, &leg), SEC_I_CONTINUE_NEEDED);
    libsspi_test_clock(0);
    ASSERT_STATUS(ntlm_read_challenge(sspi_blob_view(&leg.output), &challenge), SEC_E_OK);
    ASSERT_BYTES(challenge.challenge, "0123456789abcdef");
    CU_ASSERT_TRUE(ntlm_av_read(challenge.target_info, &av));
    CU_ASSERT_EQUAL(av.timestamp, 0x01d0000000000000ULL);
    sspi_blob_free(&leg.output);
    /* a client that does not want the name of the target does not get it */
    NTLM->free_context(world.server);
    world.server = NULL;
    negotiate.output.data[12] &= (uint8_t)~NTLM_REQUEST_TARGET;
    ASSERT_STATUS(NTLM->accept(world.server_cred, &world.server, &leg), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(ntlm_read_challenge(sspi_blob_view(&leg.output), &challenge), SEC_E_OK);
    CU_ASSERT_EQUAL(challenge.target_name.size, 0);
    CU_ASSERT_EQUAL(challenge.flags & (NTLM_TARGET_TYPE_DOMAIN | NTLM_TARGET_TYPE_SERVER), 0);
    sspi_blob_free(&leg.output);
    sspi_blob_free(&negotiate.output);
    world_part(&world);
}

/* As servers before Vista: no time in the CHALLENGE, so no MIC from the client (MS-NLMP 3.1.5.1.2).
 */
static void challenge_without_time(void)
{
    struct world world = {WORLD_ALICE, .target = "h/x"};
    struct ntlm_challenge challenge;
    struct ntlm_av av;
    world_start(WORLD_ACCOUNTS, "EXAMPLE\nav-timestamp = no");
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    ASSERT_STATUS(ntlm_read_challenge(sspi_blob_view(&world.legs[1].output), &challenge), SEC_E_OK);
    CU_ASSERT_TRUE(ntlm_av_read(challenge.target_info, &av));
    CU_ASSERT_FALSE(av.present[NTLM_AV_TIMESTAMP]);
    CU_ASSERT_TRUE(av.present[NTLM_AV_DNS_TREE]);
    CU_ASSERT_FALSE(((const struct ntlm_context *)world.server)->has_mic);
    world_part(&world);
}

static void accounts(void)
{
    static const struct {
        const char *user, *domain, *password;
        SECURITY_STATUS status;
    } rows[] = {
        {"alice", "EXAMPLE", "Password", SEC_E_OK},
        {"ALICE", "example", "Password", SEC_E_OK},
        {"alice", "", "Password", SEC_E_OK},
        {"alice", "SERVER", "Password", SEC_E_OK},
        {"alice@example.org", NULL, "Password", SEC_E_OK},
        {"\xc3\x84NNE", "EXAMPLE", "Password", SEC_E_OK},
        {"paul", "EXAMPLE", "Password", SEC_E_OK},
        {"alice", "EXAMPLE", "password", SEC_E_LOGON_DENIED},
        {"alice", "ELSEWHERE", "Password", SEC_E_LOGON_DENIED},
        {"nobody", "EXAMPLE", "Password", SEC_E_LOGON_DENIED},
        {"dora", "EXAMPLE", "Password", SEC_E_LOGON_DENIED},
        {"luke", "EXAMPLE", "Password", SEC_E_LOGON_DENIED},
        {"pete", "EXAMPLE", "Password", SEC_E_LOGON_DENIED},
        {"eve", "EXAMPLE", "Password", SEC_E_LOGON_DENIED},
        {"nina", "EXAMPLE", "", SEC_E_LOGON_DENIED},
    };
    world_start(WORLD_ACCOUNTS, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world = {.user = rows[i].user,
                              .domain = rows[i].domain,
                              .password = rows[i].password,
                              SIGN_AND_SEAL};
        world_meet(&world);
        ASSERT_STATUS(world.isc2, SEC_E_OK); /* trig.isc.bad-password-ok */
        ASSERT_STATUS(world.asc2, rows[i].status);
        if (rows[i].status != SEC_E_OK) {
            CU_ASSERT_FALSE(world.legs[3].has_expiry);
            ASSERT_STATUS(NTLM->accept(NULL, &world.server, &world.legs[3]), SEC_E_OUT_OF_SEQUENCE);
        }
        world_part(&world);
    }
}

static void no_authority(void)
{
    struct world world = {WORLD_ALICE};
    world_start(WORLD_ACCOUNTS, NULL);
    unlink(world_accounts);
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_NO_AUTHENTICATING_AUTHORITY);
    world_part(&world);
}

/* ---- tampering ----------------------------------------------------------------------------- */

static size_t flip_at;
static enum ntlm_message flip_in;

static void flip(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == flip_in && flip_at < token->size)
        token->data[flip_at] ^= 1;
}

static void tampered_authenticate(void)
{
    world_start(WORLD_ACCOUNTS, NULL);
    size_t size = 200;
    for (flip_at = 0, flip_in = NTLM_MESSAGE_AUTHENTICATE; flip_at < size; flip_at++) {
        struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = flip};
        world_meet(&world);
        size = world.legs[2].output.size;
        CU_ASSERT_NOT_EQUAL(world.asc2, SEC_E_OK);
        CU_ASSERT_TRUE(world.asc2 == SEC_E_LOGON_DENIED || world.asc2 == SEC_E_INVALID_TOKEN);
        world_part(&world);
    }
    CU_ASSERT_TRUE(size > 300);
}

/* The MIC alone, and each field of NEGOTIATE and CHALLENGE that only the MIC protects. */
static void mic_mismatch(void)
{
    static const struct {
        enum ntlm_message in;
        size_t at;
    } rows[] = {
        {NTLM_MESSAGE_AUTHENTICATE, 72},                                  /* the MIC */
        {NTLM_MESSAGE_AUTHENTICATE, 87}, {NTLM_MESSAGE_AUTHENTICATE, 71}, /* VERSION */
        {NTLM_MESSAGE_NEGOTIATE, 36},    {NTLM_MESSAGE_CHALLENGE, 50},
        {NTLM_MESSAGE_CHALLENGE, 56}, /* target name */
        {NTLM_MESSAGE_CHALLENGE, 24}, /* the challenge: the proof fails before the MIC */
    };
    world_start(WORLD_ACCOUNTS, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = flip};
        flip_in = rows[i].in;
        flip_at = rows[i].at;
        world_meet(&world);
        ASSERT_STATUS(world.asc2, SEC_E_LOGON_DENIED);
        world_part(&world);
    }
}

/* A relay that takes signing out of NEGOTIATE to make a session it can use. */
static void downgrade(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == NTLM_MESSAGE_NEGOTIATE)
        token->data[12] &= (uint8_t) ~(NTLM_SIGN | NTLM_SEAL);
}

static void downgraded(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = downgrade};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_LOGON_DENIED);
    world_part(&world);
}

static void cut_at(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == flip_in && flip_at < token->size)
        token->size = flip_at;
}

/* Every prefix of every message of a real handshake, in its own block. */
static void truncated(void)
{
    world_start(WORLD_ACCOUNTS, NULL);
    for (flip_in = NTLM_MESSAGE_NEGOTIATE; flip_in <= NTLM_MESSAGE_AUTHENTICATE; flip_in++) {
        size_t size = 1;
        for (flip_at = 0; flip_at < size; flip_at++) {
            struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .target = "t", .tamper = cut_at};
            world_meet(&world);
            struct sspi_leg *leg = &world.legs[flip_in];
            if (flip_at == 0) { /* a second time, whole, to learn the size */
                struct world whole = {WORLD_ALICE, SIGN_AND_SEAL, .target = "t"};
                world_meet(&whole);
                size = whole.legs[flip_in - 1].output.size;
                ASSERT_STATUS(whole.asc2, SEC_E_OK);
                world_part(&whole);
            }
            CU_ASSERT_NOT_EQUAL(world.asc2, SEC_E_OK);
            CU_ASSERT_EQUAL(leg->output.size != 0,
                            flip_in == NTLM_MESSAGE_NEGOTIATE && flip_at >= 16);
            world_part(&world);
        }
    }
}

static void wrong_types(void)
{
    struct world world = {WORLD_ALICE};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    for (unsigned i = 1; i < 3; i++) { /* CHALLENGE and AUTHENTICATE come first */
        struct sspi_leg leg = {.max_output = SIZE_MAX,
                               .token = sspi_blob_view(&world.legs[i].output)};
        void *context = NULL;
        ASSERT_STATUS(NTLM->accept(world.server_cred, &context, &leg), SEC_E_INVALID_TOKEN);
        CU_ASSERT_PTR_NULL(context);
    }
    for (unsigned i = 0; i < 2; i++) { /* NEGOTIATE and CHALLENGE come second */
        struct sspi_leg first = {.max_output = SIZE_MAX,
                                 .token = sspi_blob_view(&world.legs[0].output)};
        void *context = NULL;
        ASSERT_STATUS(NTLM->accept(world.server_cred, &context, &first), SEC_I_CONTINUE_NEEDED);
        struct sspi_leg leg = {.max_output = SIZE_MAX,
                               .token = sspi_blob_view(&world.legs[i].output)};
        ASSERT_STATUS(NTLM->accept(NULL, &context, &leg), SEC_E_INVALID_TOKEN);
        sspi_blob_free(&first.output);
        NTLM->free_context(context);
    }
    struct sspi_leg empty = {.max_output = SIZE_MAX};
    void *context = NULL;
    ASSERT_STATUS(NTLM->accept(world.server_cred, &context, &empty), SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(NTLM->accept(world.client_cred, &context, &empty), SEC_E_NO_CREDENTIALS);
    world_part(&world);
}

static void small_buffer(void)
{
    struct world world = {WORLD_ALICE};
    struct sspi_leg leg = {.max_output = 100};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    leg.token = sspi_blob_view(&world.legs[0].output);
    void *context = NULL;
    ASSERT_STATUS(NTLM->accept(world.server_cred, &context, &leg), SEC_E_BUFFER_TOO_SMALL);
    CU_ASSERT_PTR_NULL(context);
    world_part(&world);
}

/* ---- LM and NTLMv1 ------------------------------------------------------------------------- */

static size_t nt_size;

static void shrink_nt(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == NTLM_MESSAGE_AUTHENTICATE)
        ntlm_put16(token->data + 20, (uint16_t)nt_size);
}

static void old_responses(void)
{
    static const struct {
        size_t size;
        SECURITY_STATUS status;
    } rows[] = {{0, SEC_E_LOGON_DENIED},
                {24, SEC_E_LOGON_DENIED},
                {23, SEC_E_INVALID_TOKEN},
                {47, SEC_E_INVALID_TOKEN}};
    world_start(WORLD_ACCOUNTS, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world = {WORLD_ALICE, .tamper = shrink_nt};
        nt_size = rows[i].size;
        world_meet(&world);
        ASSERT_STATUS(world.asc2, rows[i].status);
        world_part(&world);
    }
}

/* ---- null sessions ------------------------------------------------------------------------- */

static void null_sessions(void)
{
    struct world world = {.user = "", .domain = "", .password = "", SIGN_AND_SEAL};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(world.isc2, SEC_E_OK);
    ASSERT_STATUS(world.asc2, SEC_E_LOGON_DENIED);
    world_part(&world);
    world = (struct world){.user = "", .domain = "", .password = "", SIGN_AND_SEAL};
    world.asc |= ASC_REQ_ALLOW_NULL_SESSION;
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    CU_ASSERT_TRUE(world.legs[3].ret & ASC_RET_NULL_SESSION);
    const struct ntlm_context *client = world.client, *server = world.server;
    CU_ASSERT_EQUAL(memcmp(client->session_key, server->session_key, 16), 0);
    CU_ASSERT_STRING_EQUAL(server->name, "NT AUTHORITY\\ANONYMOUS LOGON");
    world_part(&world);
    /* the flag does not open the door to a user with a wrong password */
    world = (struct world){.user = "alice", .domain = "EXAMPLE", .password = "wrong"};
    world.asc = ASC_REQ_ALLOW_NULL_SESSION;
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_LOGON_DENIED);
    world_part(&world);
}

/* ---- channel bindings ---------------------------------------------------------------------- */

static bool silent;

/* Only a client can leave the pair out, since the proof covers it: built again here from scratch.
 */
static void leave_bindings_out(struct sspi_blob *token, enum ntlm_message which)
{
    struct ntlm_authenticate message;
    struct ntlm_av av;
    uint8_t hash[16], ntowf[16];
    static uint8_t challenge[8];
    if (which == NTLM_MESSAGE_CHALLENGE)
        memcpy(challenge, token->data + 24, 8);
    if (which != NTLM_MESSAGE_AUTHENTICATE || !silent)
        return;
    ntlm_read_authenticate(sspi_blob_view(token), &message);
    uint8_t *blob = token->data + (message.nt.data - token->data) + 16;
    ntlm_av_read((struct sspi_view){blob + 28, message.nt.size - 44}, &av);
    /* unknown pairs instead of bindings and flags: an old client has neither */
    ntlm_put16((uint8_t *)(uintptr_t)av.value[NTLM_AV_BINDINGS].data - 4, 0x7f);
    ntlm_put16((uint8_t *)(uintptr_t)av.value[NTLM_AV_FLAGS].data - 4, 0x7f);
    ntlm_nt_hash("Password", hash);
    ntlm_ntowf_v2(hash, "alice", "EXAMPLE", ntowf);
    ntlm_v2_proof(ntowf, challenge, (struct sspi_view){blob, message.nt.size - 16}, blob - 16);
}

/* The outcome cells cb.out.ntlm.*: rows are what the client sends. */
static void bindings(void)
{
    static const struct sspi_bindings ours = {.hash = {1, 2, 3}}, other = {.hash = {3, 2, 1}},
                                      empty = {.empty = true};
    static const SECURITY_STATUS good = SEC_E_OK, bad = SEC_E_BAD_BINDINGS;
    static const struct {
        const struct sspi_bindings *client;
        bool silent;
    } clients[] = {{NULL, true}, {NULL, false}, {&empty, false}, {&ours, false}, {&other, false}};
    static const struct {
        const struct sspi_bindings *server;
        ULONG req;
    } servers[] = {{NULL, 0},
                   {&ours, 0},
                   {&ours, ASC_REQ_ALLOW_MISSING_BINDINGS},
                   {NULL, ASC_REQ_PROXY_BINDINGS}};
    const SECURITY_STATUS expected[5][4] = {{good, bad, good, bad},
                                            {good, bad, bad, bad},
                                            {good, bad, bad, bad},
                                            {good, good, good, good},
                                            {good, bad, bad, good}};
    world_start(WORLD_ACCOUNTS, NULL);
    for (unsigned c = 0; c < 5; c++) {
        for (unsigned s = 0; s < 4; s++) {
            struct world world = {
                WORLD_ALICE, .asc = servers[s].req, .client_bindings = clients[c].client,
                .server_bindings = servers[s].server, .tamper = leave_bindings_out};
            silent = clients[c].silent;
            world_meet(&world);
            ASSERT_STATUS(world.asc2, expected[c][s]);
            world_part(&world);
        }
    }
}

/* A wrong password is denied before anybody looks at the bindings. */
static void verdict_before_bindings(void)
{
    static const struct sspi_bindings ours = {.hash = {1}};
    struct world world = {
        .user = "alice", .domain = "EXAMPLE", .password = "wrong", .server_bindings = &ours};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_LOGON_DENIED);
    world_part(&world);
}

static void untrusted_target(void)
{
    struct world world = {WORLD_ALICE, .target = "cifs/x", .isc = ISC_REQ_UNVERIFIED_TARGET_NAME};
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    CU_ASSERT_PTR_NULL(((struct ntlm_context *)world.server)->target);
    world_part(&world);
}

SSPI_TESTS({"handshake", handshake}, {"fresh challenge", challenge_is_fresh},
           {"pinned challenge", challenge_is_pinned}, {"without time", challenge_without_time},
           {"accounts", accounts}, {"no authority", no_authority},
           {"tampered", tampered_authenticate}, {"MIC mismatch", mic_mismatch},
           {"downgraded", downgraded}, {"truncated", truncated}, {"wrong types", wrong_types},
           {"small buffer", small_buffer}, {"LM and NTLMv1", old_responses},
           {"null sessions", null_sessions}, {"channel bindings", bindings},
           {"verdict before bindings", verdict_before_bindings},
           {"untrusted target", untrusted_target})
