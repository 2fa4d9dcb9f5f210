/* SPDX-License-Identifier: Apache-2.0
 *
 * Context attributes on both sides.
 */
#include "ntlm_world.h"

static SECURITY_STATUS ask(void *context, ULONG attribute, struct sspi_attribute *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->attribute = attribute;
    return NTLM->query(context, answer);
}

static void assert_text(void *context, ULONG attribute, const char *first, const char *second)
{
    struct sspi_attribute answer;
    ASSERT_STATUS(ask(context, attribute, &answer), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(answer.value.names.first, first);
    if (second)
        CU_ASSERT_STRING_EQUAL(answer.value.names.second, second);
    sspi_free(answer.value.names.first);
    if (second)
        sspi_free(answer.value.names.second);
}

static void meet(struct world *world)
{
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(world);
    ASSERT_STATUS(world->asc2, SEC_E_OK);
}

static void sizes(void)
{
    struct world world = {WORLD_ALICE}; /* asked for nothing: the sizes are there all the same */
    struct sspi_attribute answer;
    meet(&world);
    for (unsigned i = 0; i < 2; i++) {
        ASSERT_STATUS(ask(i ? world.server : world.client, SECPKG_ATTR_SIZES, &answer), SEC_E_OK);
        CU_ASSERT_EQUAL(answer.value.sizes.cbMaxToken, 2888);
        CU_ASSERT_EQUAL(answer.value.sizes.cbMaxSignature, 16);
        CU_ASSERT_EQUAL(answer.value.sizes.cbBlockSize, 0);
        CU_ASSERT_EQUAL(answer.value.sizes.cbSecurityTrailer, 16);
    }
    world_part(&world);
}

static void names(void)
{
    struct world world = {WORLD_ALICE, .target = "HTTP/server"};
    struct sspi_attribute answer;
    meet(&world);
    assert_text(world.client, SECPKG_ATTR_NAMES, "EXAMPLE\\alice", NULL);
    assert_text(world.server, SECPKG_ATTR_NAMES, "EXAMPLE\\alice", NULL);
    assert_text(world.client, SECPKG_ATTR_NATIVE_NAMES, "EXAMPLE\\alice", "HTTP/server");
    assert_text(world.server, SECPKG_ATTR_NATIVE_NAMES, "EXAMPLE\\alice", "HTTP/server");
    assert_text(world.client, SECPKG_ATTR_AUTHORITY, "EXAMPLE", NULL);
    assert_text(world.server, SECPKG_ATTR_AUTHORITY, "EXAMPLE", NULL);
    assert_text(world.server, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, "HTTP/server", NULL);
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, &answer),
                  SEC_E_UNSUPPORTED_FUNCTION);
    world_part(&world);
    world = (struct world){WORLD_ALICE};
    meet(&world);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, &answer),
                  SEC_E_TARGET_UNKNOWN);
    world_part(&world);
}

static void session_keys(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL};
    struct sspi_attribute one, two;
    meet(&world);
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_SESSION_KEY, &one), SEC_E_OK);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_SESSION_KEY, &two), SEC_E_OK);
    CU_ASSERT_EQUAL(one.value.session_key.size, 16);
    CU_ASSERT_EQUAL(two.value.session_key.size, 16);
    CU_ASSERT_EQUAL(memcmp(one.value.session_key.data, two.value.session_key.data, 16), 0);
    sspi_blob_free(&one.value.session_key);
    sspi_blob_free(&two.value.session_key);
    world_part(&world);
}

static void drop_ess(struct sspi_blob *token, enum ntlm_message which)
{
    if (which == NTLM_MESSAGE_NEGOTIATE)
        ntlm_put32(token->data + 12, ntlm_get32(token->data + 12) & ~NTLM_ESS);
}

static void key_info(void)
{
    struct world world = {WORLD_ALICE};
    struct sspi_attribute answer;
    meet(&world);
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_KEY_INFO, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.names.key_bits, 128);
    CU_ASSERT_EQUAL(answer.value.names.signature_algorithm, 0xffffff76);
    CU_ASSERT_EQUAL(answer.value.names.encryption_algorithm, 0x6801);
    sspi_free(answer.value.names.first);
    sspi_free(answer.value.names.second);
    assert_text(world.client, SECPKG_ATTR_KEY_INFO, "HMAC-MD5", "RSADSI RC4");
    world_part(&world);
    world = (struct world){WORLD_ALICE, .tamper = drop_ess};
    world_meet(&world); /* the server refuses (the MIC), the client has its answer */
    assert_text(world.client, SECPKG_ATTR_KEY_INFO, "RSADSI RC4-CRC32", "RSADSI RC4");
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_KEY_INFO, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.names.signature_algorithm, 0xffffff7c);
    sspi_free(answer.value.names.first);
    sspi_free(answer.value.names.second);
    world_part(&world);
}

static void package(void)
{
    struct world world = {WORLD_ALICE};
    struct sspi_attribute answer;
    meet(&world);
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_NEGOTIATION_INFO, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.negotiation.package, NTLM);
    CU_ASSERT_EQUAL(answer.value.negotiation.state, SECPKG_NEGOTIATION_COMPLETE);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_PACKAGE_INFO, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.negotiation.package, NTLM);
    world_part(&world);
}

static void times_and_flags(void)
{
    struct world world = {WORLD_ALICE, SIGN_AND_SEAL};
    struct sspi_attribute answer;
    meet(&world);
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_LIFESPAN, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.lifespan.end.QuadPart, world.legs[2].expiry.QuadPart);
    CU_ASSERT_TRUE(answer.value.lifespan.start.QuadPart < answer.value.lifespan.end.QuadPart);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_PASSWORD_EXPIRY, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.lifespan.end.QuadPart, INT64_MAX);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_FLAGS, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.flags, world.legs[3].ret);
    ASSERT_STATUS(ask(world.client, SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.last_client_token, SecPkgAttrLastClientTokenYes);
    world_part(&world);
}

static void unsupported(void)
{
    static const ULONG attributes[] = {SECPKG_ATTR_STREAM_SIZES,       SECPKG_ATTR_DCE_INFO,
                                       SECPKG_ATTR_UNIQUE_BINDINGS,    SECPKG_ATTR_ACCESS_TOKEN,
                                       SECPKG_ATTR_TARGET_INFORMATION, 12345};
    struct world world = {WORLD_ALICE};
    struct sspi_attribute answer;
    meet(&world);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        ASSERT_STATUS(ask(world.client, attributes[i], &answer), SEC_E_UNSUPPORTED_FUNCTION);
    world_part(&world);
}

static void half_open(void)
{
    struct world world = {.user = "alice", .domain = "EXAMPLE", .password = "wrong"};
    struct sspi_attribute answer;
    world_start(WORLD_ACCOUNTS, NULL);
    world_meet(&world); /* the server is left with a context that failed */
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_SESSION_KEY, &answer), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_NAMES, &answer), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_SIZES, &answer), SEC_E_OK);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_NEGOTIATION_INFO, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.negotiation.state, SECPKG_NEGOTIATION_IN_PROGRESS);
    ASSERT_STATUS(ask(world.server, SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS, &answer), SEC_E_OK);
    CU_ASSERT_EQUAL(answer.value.last_client_token, SecPkgAttrLastClientTokenNo);
    world_part(&world);
}

SSPI_TESTS({"sizes", sizes}, {"names", names}, {"session keys", session_keys},
           {"key info", key_info}, {"package", package}, {"times and flags", times_and_flags},
           {"unsupported", unsupported}, {"half open", half_open})
