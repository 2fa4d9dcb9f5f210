/* SPDX-License-Identifier: Apache-2.0
 *
 * Policy of the NTLM package: LmCompatibilityLevel on both sides, LM alone, required 128 bit,
 * blocked NTLM, OEM text, and responses that were made for another server.
 */
#include "ntlm/av.h"
#include "ntlm/keys_v1.h"

#include "ntlm_world.h"
#include "text.h"

#define LM_HASH "E52CAC67419A9A224A3B108F3FA6CB6D" /* of "Password", MS-NLMP 4.2.2.1.1 */
#define ACCOUNTS                                                                                   \
    WORLD_LINE("alice", "U          ", "60000000")                                                 \
    "lanny:1:" LM_HASH ":" WORLD_HASH ":[U          ]:LCT-60000000:\n"

/* A world whose two sides have settings of their own. */
static void meet(struct world *world, const char *client, const char *server)
{
    char settings[128];
    struct sspi_identity identity = {(char *)(uintptr_t)world->user,
                                     (char *)(uintptr_t)world->domain,
                                     (char *)(uintptr_t)world->password,
                                     NULL,
                                     {NULL, 0}};
    snprintf(settings, sizeof settings, "EXAMPLE\n%s", client);
    world_start(ACCOUNTS, settings);
    world->client_cred = world_acquire(SECPKG_CRED_OUTBOUND, &identity);
    snprintf(settings, sizeof settings, "EXAMPLE\n%s", server);
    world_start(ACCOUNTS, settings);
    world->server_cred = world_acquire(SECPKG_CRED_INBOUND, NULL);
    world_run(world);
}

static void exchange(struct world *world, uint8_t *data, size_t size)
{
    for (int i = 0; i < 2; i++) {
        uint8_t token[16], before[8];
        SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                               {(ULONG)size, SECBUFFER_DATA, data}};
        SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
        ULONG qop;
        memcpy(before, data, size);
        ASSERT_STATUS(NTLM->encrypt(i ? world->server : world->client, 0, &desc), SEC_E_OK);
        CU_ASSERT_NOT_EQUAL(memcmp(before, data, size), 0);
        ASSERT_STATUS(NTLM->decrypt(i ? world->client : world->server, &desc, &qop), SEC_E_OK);
        CU_ASSERT_EQUAL(memcmp(before, data, size), 0);
    }
}

static const char *level_text(int level)
{
    static char text[2][16];
    static unsigned next;
    char *out = text[next++ % 2];
    snprintf(out, sizeof text[0], level < 0 ? "" : "lm-level = %d", level);
    return out;
}

static void levels(void)
{
    for (int client = -1; client <= 5; client++) {
        for (int server = -1; server <= 5; server++) {
            struct world world = {WORLD_ALICE, SIGN_AND_SEAL};
            bool v1 = client >= 0 && client < 3;
            bool taken = !v1 || (server >= 0 && server < 5);
            struct ntlm_authenticate message;
            meet(&world, level_text(client), level_text(server));
            ASSERT_STATUS(world.isc2, SEC_E_OK);
            ASSERT_STATUS(world.asc2, taken ? SEC_E_OK : SEC_E_LOGON_DENIED);
            ntlm_read_authenticate(world.legs[3].token, &message);
            CU_ASSERT_EQUAL(message.nt.size == 24, v1);
            CU_ASSERT_EQUAL(!(message.flags & NTLM_ESS), client == 0);
            if (taken) {
                const struct ntlm_context *one = world.client, *other = world.server;
                CU_ASSERT_EQUAL(memcmp(one->session_key, other->session_key, 16), 0);
                exchange(&world, (uint8_t[8]){"message"}, 8);
            }
            world_part(&world);
        }
    }
}

static void wrong_password(void)
{
    for (int level = 0; level < 3; level++) {
        struct world world = {.user = "alice", .domain = "EXAMPLE", .password = "password"};
        meet(&world, level_text(level), "lm-level = 0");
        ASSERT_STATUS(world.isc2, SEC_E_OK);
        ASSERT_STATUS(world.asc2, SEC_E_LOGON_DENIED);
        world_part(&world);
    }
}

static bool no_ess;

static void take_flags(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == NTLM_MESSAGE_NEGOTIATE && no_ess)
        ntlm_put32(token->data + 12, ntlm_get32(token->data + 12) & ~NTLM_ESS);
}

/* Levels 0 and 1 send the LM response, level 2 (NoLMResponseNTLMv1) and passwords without one the
 * NT response twice. */
static void what_stands_beside_it(void)
{
    static const struct {
        const char *password;
        int level;
        bool twice;
    } rows[] = {{"Password", 0, false},
                {"Password", 1, false},
                {"Password", 2, true},
                {"longer than LM can", 0, true}};
    no_ess = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world world = {.user = "alice", .domain = "EXAMPLE", .password = rows[i].password};
        struct ntlm_authenticate message;
        world.tamper = take_flags;
        meet(&world, level_text(rows[i].level), "lm-level = 0");
        ASSERT_STATUS(ntlm_read_authenticate(world.legs[3].token, &message), SEC_E_OK);
        CU_ASSERT_EQUAL_FATAL(message.lm.size, 24);
        CU_ASSERT_EQUAL(memcmp(message.lm.data, message.nt.data, 24) == 0, rows[i].twice);
        world_part(&world);
    }
    no_ess = false;
}

/* An AUTHENTICATE with nothing but an LM response. */
static SECURITY_STATUS lm_alone(const char *user, const char *hash, int level)
{
    char settings[64];
    struct sspi_leg first = {.max_output = SIZE_MAX}, second = {.max_output = SIZE_MAX};
    struct sspi_blob negotiate, name, answer;
    struct ntlm_challenge challenge;
    uint8_t lm[24];
    void *context = NULL;

    snprintf(settings, sizeof settings, "EXAMPLE\n%s", level_text(level));
    world_start(ACCOUNTS, settings);
    void *credential = world_acquire(SECPKG_CRED_INBOUND, NULL);
    ntlm_build_negotiate(NTLM_UNICODE | NTLM_NTLM | NTLM_REQUEST_TARGET, &negotiate);
    first.token = sspi_blob_view(&negotiate);
    ASSERT_STATUS(NTLM->accept(credential, &context, &first), SEC_I_CONTINUE_NEEDED);
    ntlm_read_challenge(sspi_blob_view(&first.output), &challenge);
    ntlm_v1_response(hex(hash).data, challenge.challenge, lm);
    sspi_utf16_blob(user, &name);
    struct ntlm_authenticate message = {
        .flags = NTLM_UNICODE | NTLM_NTLM, .user = sspi_blob_view(&name), .lm = {lm, 24}};
    ntlm_build_authenticate(&message, &answer);
    second.token = sspi_blob_view(&answer);
    SECURITY_STATUS status = NTLM->accept(credential, &context, &second);
    NTLM->free_context(context);
    NTLM->free_credential(credential);
    sspi_blob_free(&negotiate);
    sspi_blob_free(&name);
    sspi_blob_free(&answer);
    sspi_blob_free(&first.output);
    return status;
}

static void lm_without_ntlm(void)
{
    ASSERT_STATUS(lm_alone("lanny", LM_HASH, 0), SEC_E_OK);
    ASSERT_STATUS(lm_alone("lanny", LM_HASH, 3), SEC_E_OK);
    ASSERT_STATUS(lm_alone("lanny", LM_HASH, 4), SEC_E_LOGON_DENIED);
    ASSERT_STATUS(lm_alone("lanny", LM_HASH, -1), SEC_E_LOGON_DENIED);
    ASSERT_STATUS(lm_alone("lanny", WORLD_HASH, 0), SEC_E_LOGON_DENIED);
    /* an account whose LM hash is not known */
    ASSERT_STATUS(lm_alone("alice", LM_HASH, 0), SEC_E_LOGON_DENIED);
    ASSERT_STATUS(lm_alone("alice", "00000000000000000000000000000000", 0), SEC_E_LOGON_DENIED);
}

/* ---- strength and blocking ------------------------------------------------------------------ */

static void weaken(struct sspi_blob *token, enum ntlm_message which)
{
    size_t at = which == NTLM_MESSAGE_NEGOTIATE ? 12 : 20;
    if (which != NTLM_MESSAGE_AUTHENTICATE)
        ntlm_put32(token->data + at, ntlm_get32(token->data + at) & ~NTLM_128);
}

static void strength(void)
{
    struct world strong = {WORLD_ALICE, SIGN_AND_SEAL};
    meet(&strong, "require-128 = yes", "require-128 = yes");
    ASSERT_STATUS(strong.asc2, SEC_E_OK);
    world_part(&strong);
    struct world weak = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = weaken};
    meet(&weak, "", "require-128 = yes");
    ASSERT_STATUS(weak.asc1, SEC_E_UNSUPPORTED_FUNCTION);
    CU_ASSERT_PTR_NULL(weak.server);
    world_part(&weak);
    struct world choosy = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = weaken};
    meet(&choosy, "require-128 = yes", "");
    ASSERT_STATUS(choosy.isc2, SEC_E_UNSUPPORTED_FUNCTION);
    CU_ASSERT_EQUAL(choosy.legs[2].output.size, 0);
    world_part(&choosy);
}

static void blocked(void)
{
    struct world out = {WORLD_ALICE}, in = {WORLD_ALICE}, none = {WORLD_ALICE};
    meet(&out, "block-outgoing = yes", "");
    ASSERT_STATUS(out.isc1, SEC_E_UNSUPPORTED_FUNCTION);
    CU_ASSERT_PTR_NULL(out.client);
    world_part(&out);
    meet(&in, "", "block-incoming = yes");
    ASSERT_STATUS(in.asc1, SEC_E_UNSUPPORTED_FUNCTION);
    CU_ASSERT_PTR_NULL(in.server);
    world_part(&in);
    meet(&none, "block-incoming = yes", "block-outgoing = yes"); /* the other direction each */
    ASSERT_STATUS(none.asc2, SEC_E_OK);
    world_part(&none);
}

/* ---- charset -------------------------------------------------------------------------------- */

static uint32_t charset;

static void set_charset(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == NTLM_MESSAGE_NEGOTIATE) {
        uint32_t flags = ntlm_get32(token->data + 12) & ~(NTLM_UNICODE | NTLM_OEM);
        ntlm_put32(token->data + 12, flags | charset);
    }
}

/* Without a timestamp there is no MIC, so that the messages may be changed on the way. */
#define NO_MIC "av-timestamp = no"

static void oem(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = set_charset};
    struct ntlm_authenticate message;
    struct ntlm_challenge challenge;
    charset = NTLM_OEM;
    meet(&world, "", NO_MIC);
    ASSERT_STATUS(world.asc2, SEC_E_OK);
    ASSERT_STATUS(ntlm_read_challenge(world.legs[2].token, &challenge), SEC_E_OK);
    CU_ASSERT_EQUAL(challenge.flags & (NTLM_OEM | NTLM_UNICODE), NTLM_OEM);
    CU_ASSERT_EQUAL_FATAL(challenge.target_name.size, 7);
    CU_ASSERT_EQUAL(memcmp(challenge.target_name.data, "EXAMPLE", 7), 0);
    ASSERT_STATUS(ntlm_read_authenticate(world.legs[3].token, &message), SEC_E_OK);
    CU_ASSERT_EQUAL_FATAL(message.user.size, 5);
    CU_ASSERT_EQUAL(memcmp(message.user.data, "alice", 5), 0);
    CU_ASSERT_EQUAL_FATAL(message.workstation.size, 6);
    const struct ntlm_context *server = world.server;
    CU_ASSERT_STRING_EQUAL(server->name, "EXAMPLE\\alice");
    exchange(&world, (uint8_t[8]){"message"}, 8);
    world_part(&world);
}

static void oem_cannot_say_everything(void)
{
    struct world world = {
        .user = "\xc3\xa4nne", .domain = "EXAMPLE", .password = "Password", .tamper = set_charset};
    charset = NTLM_OEM;
    meet(&world, "", NO_MIC);
    ASSERT_STATUS(world.isc2, SEC_E_UNSUPPORTED_FUNCTION);
    world_part(&world);
    struct world none = {WORLD_ALICE, .tamper = set_charset};
    charset = 0;
    meet(&none, "", "");
    ASSERT_STATUS(none.asc1, SEC_E_INVALID_TOKEN);
    world_part(&none);
}

/* ---- for another server --------------------------------------------------------------------- */

static const char *renamed;

/* Another computer's name in the CHALLENGE, as from a server that passes it on. */
static void rename_computer(struct sspi_blob *token, enum ntlm_message which)
{
    const uint8_t name[] = {'S', 0, 'E', 0, 'R', 0, 'V', 0, 'E', 0, 'R', 0};
    if (which != NTLM_MESSAGE_CHALLENGE)
        return;
    uint8_t *at = memmem(token->data, token->size, name, sizeof name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    for (size_t i = 0; i < 6; i++)
        at[2 * i] = (uint8_t)renamed[i];
}

static void for_another_server(void)
{
    struct world other = {WORLD_ALICE, .tamper = rename_computer};
    renamed = "SERVAS";
    meet(&other, "", NO_MIC);
    ASSERT_STATUS(other.isc2, SEC_E_OK);
    ASSERT_STATUS(other.asc2, SEC_E_LOGON_DENIED);
    world_part(&other);
    struct world same = {WORLD_ALICE, .tamper = rename_computer};
    renamed = "SERVER";
    meet(&same, "", NO_MIC);
    ASSERT_STATUS(same.asc2, SEC_E_OK);
    world_part(&same);
}

static bool nameless;

/* MsvAvNbComputerName becomes a pair that nobody knows. */
static void hide_name(struct sspi_blob *token, enum ntlm_message which)
{
    const uint8_t head[] = {NTLM_AV_NB_COMPUTER, 0, 12, 0, 'S', 0};
    if (which != NTLM_MESSAGE_CHALLENGE || !nameless)
        return;
    uint8_t *at = memmem(token->data, token->size, head, sizeof head);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    at[0] = 0x55;
}

static void without_names(void)
{
    for (int i = 0; i < 4; i++) {
        struct world world = {WORLD_ALICE, .tamper = hide_name};
        nameless = i & 1;
        world.isc = i & 2 ? ISC_REQ_INTEGRITY : 0;
        meet(&world, "", NO_MIC);
        ASSERT_STATUS(world.isc2, i == 3 ? SEC_E_LOGON_DENIED : SEC_E_OK);
        CU_ASSERT_EQUAL(world.legs[2].output.size == 0, i == 3);
        world_part(&world);
    }
}

/* ---- hostile tokens ------------------------------------------------------------------------- */

static size_t cut_at;
static enum ntlm_message cut_in;

/* In a block of its own, so that a sanitizer sees what is read behind it. */
static void cut(struct sspi_blob *token, enum ntlm_message which)
{
    if (which != cut_in || cut_at >= token->size)
        return;
    uint8_t *bytes = sspi_alloc(cut_at ? cut_at : 1);
    memcpy(bytes, token->data, cut_at);
    sspi_blob_free(token);
    *token = (struct sspi_blob){bytes, cut_at};
}

static void truncated(void)
{
    static const char *const levels[] = {"lm-level = 0", "lm-level = 1"};
    for (int l = 0; l < 2; l++) {
        for (cut_in = NTLM_MESSAGE_CHALLENGE; cut_in <= NTLM_MESSAGE_AUTHENTICATE; cut_in++) {
            size_t size = 1;
            for (cut_at = 0; cut_at < size; cut_at++) {
                struct world world = {WORLD_ALICE, SIGN_AND_SEAL, .tamper = cut};
                if (cut_at == 0) { /* to learn the size */
                    struct world whole = {WORLD_ALICE, SIGN_AND_SEAL};
                    meet(&whole, levels[l], levels[l]);
                    size = whole.legs[cut_in - 1].output.size;
                    ASSERT_STATUS(whole.asc2, SEC_E_OK);
                    world_part(&whole);
                }
                meet(&world, levels[l], levels[l]);
                CU_ASSERT_NOT_EQUAL(world.asc2, SEC_E_OK);
                world_part(&world);
            }
        }
    }
}

SSPI_TESTS({"levels", levels}, {"wrong password", wrong_password},
           {"beside the NT response", what_stands_beside_it}, {"LM alone", lm_without_ntlm},
           {"strength", strength}, {"blocked", blocked}, {"OEM", oem},
           {"OEM cannot say everything", oem_cannot_say_everything},
           {"for another server", for_another_server}, {"without names", without_names},
           {"truncated", truncated})
