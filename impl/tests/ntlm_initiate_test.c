/* SPDX-License-Identifier: Apache-2.0
 *
 * The initiator: what it sends for what it gets, with pinned clock and randomness.
 */
#include "ntlm_world.h"

#include "ntlm/av.h"
#include "ntlm/host.h"

#define SERVER_PAIRS "02000c0044006f006d00610069006e0001000c00530065007200760065007200"
#define TIMESTAMP_PAIR "07000800efcdab8967452301"

struct client {
    void *credential, *context;
    struct sspi_leg first, second;
};

static void first_leg(struct client *client, const char *user, const char *domain, ULONG req)
{
    static char password[] = "Password", nothing[] = "";
    struct sspi_identity identity = {(char *)(uintptr_t)user,
                                     (char *)(uintptr_t)domain,
                                     *user ? password : nothing,
                                     NULL,
                                     {NULL, 0}};
    memset(client, 0, sizeof *client);
    world_start(WORLD_ACCOUNTS, NULL);
    client->credential = world_acquire(SECPKG_CRED_OUTBOUND, &identity);
    client->first = (struct sspi_leg){.req = req, .max_output = SIZE_MAX};
    ASSERT_STATUS(NTLM->initiate(client->credential, &client->context, &client->first),
                  SEC_I_CONTINUE_NEEDED);
}

static SECURITY_STATUS second_leg(struct client *client, uint32_t flags, const char *pairs,
                                  const char *target, const struct sspi_bindings *bindings)
{
    struct sspi_blob token;
    struct ntlm_challenge challenge = {flags, hex("0123456789abcdef").data, hex("53005200"),
                                       hex(pairs)};
    ntlm_build_challenge(&challenge, &token);
    client->second = (struct sspi_leg){.req = client->first.req,
                                       .max_output = SIZE_MAX,
                                       .has_token = true,
                                       .token = sspi_blob_view(&token),
                                       .target = target,
                                       .bindings = bindings};
    libsspi_test_random(hex("aaaaaaaaaaaaaaaa55555555555555555555555555555555").data, 24);
    SECURITY_STATUS status = NTLM->initiate(NULL, &client->context, &client->second);
    libsspi_test_random("", 0);
    sspi_blob_free(&token);
    return status;
}

static void finish(struct client *client)
{
    NTLM->free_context(client->context);
    NTLM->free_credential(client->credential);
    sspi_blob_free(&client->first.output);
    sspi_blob_free(&client->second.output);
}

static struct ntlm_authenticate sent(const struct client *client, struct ntlm_av *av)
{
    struct ntlm_authenticate message;
    ASSERT_STATUS(ntlm_read_authenticate(sspi_blob_view(&client->second.output), &message),
                  SEC_E_OK);
    if (message.nt.size > 44)
        CU_ASSERT_TRUE(
            ntlm_av_read((struct sspi_view){message.nt.data + 44, message.nt.size - 44}, av));
    return message;
}

static void negotiate(void)
{
    struct client client;
    first_leg(&client, "alice", "EXAMPLE", ISC_REQ_CONFIDENTIALITY);
    CU_ASSERT_EQUAL(client.first.output.size, 40);
    CU_ASSERT_EQUAL(ntlm_get32(client.first.output.data + 12), 0xe20882b7u);
    CU_ASSERT_TRUE(client.first.has_expiry);
    finish(&client);
}

/* The whole AUTHENTICATE as Windows lays it out (fact.ntlm.av-order). */
static void authenticate(void)
{
    struct client client;
    struct ntlm_av av;
    uint8_t host[NTLM_SINGLE_HOST_SIZE];
    first_leg(&client, "alice", "EXAMPLE", ISC_REQ_CONFIDENTIALITY);
    ASSERT_STATUS(
        second_leg(&client, 0xe2898235, SERVER_PAIRS TIMESTAMP_PAIR "00000000", "h/x", NULL),
        SEC_E_OK);
    struct ntlm_authenticate message = sent(&client, &av);
    CU_ASSERT_EQUAL(message.flags, 0xe2888235u);
    ASSERT_BYTES(message.domain.data, "4500580041004d0050004c004500");
    ASSERT_BYTES(message.user.data, "61006c00690063006500");
    ASSERT_BYTES(message.workstation.data, "530045005200560045005200");
    CU_ASSERT_EQUAL(message.lm.size, 24);
    ASSERT_BYTES(message.lm.data, "000000000000000000000000000000000000000000000000");
    const uint8_t *blob = message.nt.data + 16;
    ASSERT_BYTES(blob, "0101000000000000"
                       "efcdab8967452301"
                       "aaaaaaaaaaaaaaaa"
                       "00000000" SERVER_PAIRS TIMESTAMP_PAIR "0600040002000000"
                       "08003000");
    const uint8_t *at = blob + 28 + 44 + 8 + 4;
    ntlm_single_host(host);
    CU_ASSERT_EQUAL(memcmp(at, host, sizeof host), 0);
    ASSERT_BYTES(at + 48, "0a00100000000000000000000000000000000000"
                          "0900060068002f007800"
                          "00000000"
                          "00000000");
    CU_ASSERT_EQUAL(at + 48 + 38, message.nt.data + message.nt.size);
    finish(&client);
}

/* What differs from one Windows to the next is a setting. */
static void settings(void)
{
    struct client client;
    struct ntlm_av av;
    struct sspi_identity identity = {"alice", "EXAMPLE", "Password", NULL, {NULL, 0}};
    memset(&client, 0, sizeof client);
    world_start(WORLD_ACCOUNTS, "EXAMPLE\nav-tail = 8\n"
                                "single-host = 01000000002000001111111111111111111111111111"
                                "111111111111111111111111111111111111");
    client.credential = world_acquire(SECPKG_CRED_OUTBOUND, &identity);
    client.first = (struct sspi_leg){.req = ISC_REQ_CONFIDENTIALITY, .max_output = SIZE_MAX};
    ASSERT_STATUS(NTLM->initiate(client.credential, &client.context, &client.first),
                  SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(
        second_leg(&client, 0xe2898235, SERVER_PAIRS TIMESTAMP_PAIR "00000000", "h/x", NULL),
        SEC_E_OK);
    struct ntlm_authenticate message = sent(&client, &av);
    ASSERT_BYTES(av.value[NTLM_AV_SINGLE_HOST].data, "3000000000000000"
                                                     "01000000002000001111111111111111111111111111"
                                                     "111111111111111111111111111111111111");
    CU_ASSERT_EQUAL(av.value[NTLM_AV_TARGET_NAME].data + 6 + 4 + 8,
                    message.nt.data + message.nt.size);
    finish(&client);
}

/* Worked out here again, from the token alone: proof, exported key, MIC. */
static void cryptography(void)
{
    struct client client;
    struct ntlm_av av;
    uint8_t hash[16], ntowf[16], base[16], key[16], mic[16];
    struct sspi_rc4 rc4;
    first_leg(&client, "alice", "EXAMPLE", ISC_REQ_CONFIDENTIALITY);
    second_leg(&client, 0xe2898235, SERVER_PAIRS TIMESTAMP_PAIR "00000000", "h/x", NULL);
    struct ntlm_authenticate message = sent(&client, &av);
    ntlm_nt_hash("Password", hash);
    ntlm_ntowf_v2(hash, "alice", "EXAMPLE", ntowf);
    CU_ASSERT_TRUE(ntlm_v2_verify(ntowf, hex("0123456789abcdef").data, message.nt, base));
    sspi_rc4_init(&rc4, base, 16);
    sspi_rc4_update(&rc4, message.session_key.data, key, 16);
    ASSERT_BYTES(key, "55555555555555555555555555555555");
    struct sspi_blob challenge;
    struct ntlm_challenge same = {0xe2898235, hex("0123456789abcdef").data, hex("53005200"),
                                  hex(SERVER_PAIRS TIMESTAMP_PAIR "00000000")};
    ntlm_build_challenge(&same, &challenge);
    ntlm_mic(key, sspi_blob_view(&client.first.output), sspi_blob_view(&challenge),
             sspi_blob_view(&client.second.output), mic);
    CU_ASSERT_EQUAL(memcmp(client.second.output.data + 72, mic, 16), 0);
    CU_ASSERT_TRUE(NTLM->wants_mechlist_mic(client.context));
    sspi_blob_free(&challenge);
    finish(&client);
}

/* No timestamp: an LMv2 response, no MIC, our own clock (MS-NLMP 3.1.5.1.2). */
static void old_server(void)
{
    struct client client;
    struct ntlm_av av;
    libsspi_test_clock(0x1d0000000000000);
    first_leg(&client, "User", "Domain", ISC_REQ_CONFIDENTIALITY);
    ASSERT_STATUS(second_leg(&client, 0xe2898235, SERVER_PAIRS "00000000", NULL, NULL), SEC_E_OK);
    libsspi_test_clock(0);
    struct ntlm_authenticate message = sent(&client, &av);
    ASSERT_BYTES(message.lm.data,
                 "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"); /* 4.2.4.2.1 */
    CU_ASSERT_FALSE(av.present[NTLM_AV_FLAGS]);
    ASSERT_BYTES(client.second.output.data + 72, "00000000000000000000000000000000");
    CU_ASSERT_EQUAL(ntlm_get64(message.nt.data + 24), 0x1d0000000000000ULL);
    CU_ASSERT_TRUE(av.present[NTLM_AV_TARGET_NAME]); /* there, and empty */
    CU_ASSERT_EQUAL(av.value[NTLM_AV_TARGET_NAME].size, 0);
    CU_ASSERT_FALSE(NTLM->wants_mechlist_mic(client.context));
    finish(&client);
    first_leg(&client, "User", "Domain", 0);
    ASSERT_STATUS(second_leg(&client, 0xa2088205, "", NULL, NULL), SEC_E_OK); /* no info at all */
    finish(&client);
}

static void bindings_and_target(void)
{
    struct client client;
    struct ntlm_av av;
    struct sspi_bindings bindings = {.empty = false};
    memset(bindings.hash, 0xcb, 16);
    first_leg(&client, "alice", "EXAMPLE", ISC_REQ_UNVERIFIED_TARGET_NAME);
    ASSERT_STATUS(second_leg(&client, 0xa2898205, SERVER_PAIRS TIMESTAMP_PAIR "00000000",
                             "SERV\\fake", &bindings),
                  SEC_E_OK);
    sent(&client, &av);
    ASSERT_BYTES(av.value[NTLM_AV_BINDINGS].data, "cbcbcbcbcbcbcbcbcbcbcbcbcbcbcbcb");
    CU_ASSERT_EQUAL(av.value[NTLM_AV_TARGET_NAME].size, 18); /* fact.ntlm.spn-verbatim */
    CU_ASSERT_EQUAL(av.flags, NTLM_AV_FLAG_MIC | NTLM_AV_FLAG_UNTRUSTED);
    finish(&client);
}

/* A server cannot put words into the client's mouth. */
static void pairs_of_a_lying_server(void)
{
    struct client client;
    struct ntlm_av av;
    first_leg(&client, "alice", "EXAMPLE", 0);
    ASSERT_STATUS(second_leg(&client, 0xa2898205,
                             "0a001000ffffffffffffffffffffffffffffffff"
                             "0900020041ff"
                             "0600040001000000"
                             "080004004141414100"
                             "00" TIMESTAMP_PAIR "00000000",
                             "t", NULL),
                  SEC_E_INVALID_TOKEN); /* (a list that is broken is refused) */
    finish(&client);
    first_leg(&client, "alice", "EXAMPLE", 0);
    ASSERT_STATUS(second_leg(&client, 0xa2898205,
                             "0a001000ffffffffffffffffffffffffffffffff"
                             "0900020041ff"
                             "0600040001000000"
                             "0800040041414141" TIMESTAMP_PAIR "00000000",
                             "t", NULL),
                  SEC_E_OK);
    sent(&client, &av);
    ASSERT_BYTES(av.value[NTLM_AV_BINDINGS].data, "00000000000000000000000000000000");
    ASSERT_BYTES(av.value[NTLM_AV_TARGET_NAME].data, "7400");
    CU_ASSERT_EQUAL(av.value[NTLM_AV_SINGLE_HOST].size, 48);
    CU_ASSERT_EQUAL(av.flags, NTLM_AV_FLAG_MIC);
    finish(&client);
}

static void no_key_exchange_without_signing(void)
{
    struct client client;
    struct ntlm_av av;
    first_leg(&client, "alice", "EXAMPLE", 0);
    CU_ASSERT_EQUAL(ntlm_get32(client.first.output.data + 12), 0xa2088207u);
    second_leg(&client, 0xa2898205, SERVER_PAIRS TIMESTAMP_PAIR "00000000", NULL, NULL);
    CU_ASSERT_EQUAL(sent(&client, &av).session_key.size, 0);
    CU_ASSERT_EQUAL(client.second.ret, 0);
    finish(&client);
}

static void upn(void)
{
    struct client client;
    struct ntlm_av av;
    first_leg(&client, "alice@example.org", NULL, 0);
    second_leg(&client, 0xa2898205, SERVER_PAIRS TIMESTAMP_PAIR "00000000", NULL, NULL);
    struct ntlm_authenticate message = sent(&client, &av);
    CU_ASSERT_EQUAL(message.domain.size, 0); /* fact.ntlm.upn */
    CU_ASSERT_EQUAL(message.user.size, 34);
    finish(&client);
}

/* path.ntlm.anonymous; flags and MIC as recorded. */
static void null_session(void)
{
    struct client client;
    struct ntlm_av av;
    first_leg(&client, "", "", ISC_REQ_INTEGRITY);
    ASSERT_STATUS(
        second_leg(&client, 0xe2898215, SERVER_PAIRS TIMESTAMP_PAIR "00000000", NULL, NULL),
        SEC_E_OK);
    struct ntlm_authenticate message = sent(&client, &av);
    CU_ASSERT_EQUAL(message.flags, 0xe2888a15u);
    CU_ASSERT_EQUAL(message.user.size, 0);
    CU_ASSERT_EQUAL(message.domain.size, 0);
    CU_ASSERT_EQUAL(message.nt.size, 0);
    CU_ASSERT_EQUAL(message.lm.size, 1);
    CU_ASSERT_EQUAL(message.lm.data[0], 0);
    CU_ASSERT_NOT_EQUAL(ntlm_get64(client.second.output.data + 72), 0);
    CU_ASSERT_TRUE(client.second.ret & ISC_RET_NULL_SESSION);
    finish(&client);
}

static void without_credentials(void)
{
    struct sspi_leg leg = {.max_output = SIZE_MAX};
    void *context = NULL;
    world_start(WORLD_ACCOUNTS, NULL);
    void *credential = world_acquire(SECPKG_CRED_OUTBOUND, NULL);
    ASSERT_STATUS(NTLM->initiate(credential, &context, &leg), SEC_E_NO_CREDENTIALS);
    ASSERT_STATUS(NTLM->initiate(NULL, &context, &leg), SEC_E_NO_CREDENTIALS);
    CU_ASSERT_PTR_NULL(context);
    leg.req = ISC_REQ_NULL_SESSION; /* needs none */
    ASSERT_STATUS(NTLM->initiate(credential, &context, &leg), SEC_I_CONTINUE_NEEDED);
    NTLM->free_context(context);
    sspi_blob_free(&leg.output);
    NTLM->free_credential(credential);
    credential = world_acquire(SECPKG_CRED_INBOUND, NULL);
    context = NULL;
    ASSERT_STATUS(NTLM->initiate(credential, &context, &leg), SEC_E_NO_CREDENTIALS);
    NTLM->free_credential(credential);
}

static void small_buffers(void)
{
    struct client client;
    void *context = NULL;
    first_leg(&client, "alice", "EXAMPLE", 0);
    struct sspi_leg leg = {.max_output = 39};
    ASSERT_STATUS(NTLM->initiate(client.credential, &context, &leg), SEC_E_BUFFER_TOO_SMALL);
    CU_ASSERT_PTR_NULL(context);
    CU_ASSERT_EQUAL(leg.output.size, 0);
    leg.max_output = 40;
    ASSERT_STATUS(NTLM->initiate(client.credential, &context, &leg), SEC_I_CONTINUE_NEEDED);
    NTLM->free_context(context);
    sspi_blob_free(&leg.output);
    finish(&client);
}

static void after_a_failure(void)
{
    struct client client;
    first_leg(&client, "alice", "EXAMPLE", 0);
    struct sspi_leg leg = {.max_output = SIZE_MAX, .has_token = true, .token = hex("00")};
    ASSERT_STATUS(NTLM->initiate(NULL, &client.context, &leg), SEC_E_INVALID_TOKEN);
    CU_ASSERT_EQUAL(leg.output.size, 0);
    ASSERT_STATUS(second_leg(&client, 0xa2898205, "00000000", NULL, NULL), SEC_E_OUT_OF_SEQUENCE);
    finish(&client);
}

static void wrong_tokens(void)
{
    struct client client;
    first_leg(&client, "alice", "EXAMPLE", 0);
    /* an OEM server; our own NEGOTIATE reflected; a first leg with a token */
    ASSERT_STATUS(second_leg(&client, 0xa2898206, "00000000", NULL, NULL), SEC_E_INVALID_TOKEN);
    finish(&client);
    first_leg(&client, "alice", "EXAMPLE", 0);
    struct sspi_leg leg = {
        .max_output = SIZE_MAX, .has_token = true, .token = sspi_blob_view(&client.first.output)};
    ASSERT_STATUS(NTLM->initiate(NULL, &client.context, &leg), SEC_E_INVALID_TOKEN);
    void *context = NULL;
    ASSERT_STATUS(NTLM->initiate(client.credential, &context, &leg), SEC_E_INVALID_TOKEN);
    CU_ASSERT_PTR_NULL(context);
    finish(&client);
}

static void endless_target(void)
{
    struct client client;
    static char target[40000];
    memset(target, 'x', sizeof target - 1);
    first_leg(&client, "alice", "EXAMPLE", 0);
    ASSERT_STATUS(
        second_leg(&client, 0xa2898205, SERVER_PAIRS TIMESTAMP_PAIR "00000000", target, NULL),
        SEC_E_TARGET_UNKNOWN);
    finish(&client);
}

SSPI_TESTS({"NEGOTIATE", negotiate}, {"AUTHENTICATE", authenticate}, {"settings", settings},
           {"cryptography", cryptography}, {"old server", old_server},
           {"bindings and target", bindings_and_target}, {"lying server", pairs_of_a_lying_server},
           {"no key exchange", no_key_exchange_without_signing}, {"UPN", upn},
           {"null session", null_session}, {"without credentials", without_credentials},
           {"small buffers", small_buffers}, {"after a failure", after_a_failure},
           {"wrong tokens", wrong_tokens}, {"endless target", endless_target})
