/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials: which identity means what, names, and the CHALLENGE they prepare.
 */
#include "ntlm_world.h"

#include "ntlm/av.h"

static void identities(void)
{
    static const struct {
        const char *user, *domain, *password;
        enum ntlm_identity kind;
    } rows[] = {
        {NULL, NULL, NULL, NTLM_DEFAULT},
        {"", "", "", NTLM_NULL_SESSION},
        {"", NULL, NULL, NTLM_NULL_SESSION},
        /* trig.ach.ntlm.empty-fields: all accepted */
        {"alice", "EXAMPLE", "x", NTLM_USER},
        {"alice", NULL, "x", NTLM_USER},
        {"alice", "", "", NTLM_USER},
        {"alice", "EXAMPLE", NULL, NTLM_USER},
        {NULL, "EXAMPLE", "x", NTLM_USER},
    };
    world_start(WORLD_ACCOUNTS, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sspi_identity identity = {(char *)(uintptr_t)rows[i].user,
                                         (char *)(uintptr_t)rows[i].domain,
                                         (char *)(uintptr_t)rows[i].password,
                                         NULL,
                                         {NULL, 0}};
        struct ntlm_credential *credential = world_acquire(SECPKG_CRED_OUTBOUND, &identity);
        CU_ASSERT_EQUAL(credential->identity, rows[i].kind);
        NTLM->free_credential(credential);
    }
    NTLM->free_credential(NULL);
}

static void names(void)
{
    struct sspi_identity alice = {
        (char[]){"alice"}, (char[]){"EXAMPLE"}, (char[]){"x"}, NULL, {NULL, 0}};
    struct sspi_identity upn = {
        (char[]){"alice@example.org"}, NULL, (char[]){"x"}, NULL, {NULL, 0}};
    char *name = NULL;
    world_start(WORLD_ACCOUNTS, NULL);
    void *credential = world_acquire(SECPKG_CRED_OUTBOUND, &alice);
    ASSERT_STATUS(NTLM->credential_name(credential, &name), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(name, "EXAMPLE\\alice");
    sspi_free(name);
    NTLM->free_credential(credential);
    credential = world_acquire(SECPKG_CRED_OUTBOUND, &upn);
    ASSERT_STATUS(NTLM->credential_name(credential, &name), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(name, "alice@example.org");
    sspi_free(name);
    NTLM->free_credential(credential);
    credential = world_acquire(SECPKG_CRED_INBOUND, NULL);
    ASSERT_STATUS(NTLM->credential_name(credential, &name), SEC_E_NO_CREDENTIALS);
    NTLM->free_credential(credential);
}

static void never_expires(void)
{
    struct sspi_cred_request request = {.use = SECPKG_CRED_BOTH};
    void *credential = NULL;
    TimeStamp expiry = {.QuadPart = 0};
    world_start(WORLD_ACCOUNTS, NULL);
    ASSERT_STATUS(NTLM->acquire(&request, &credential, &expiry), SEC_E_OK);
    CU_ASSERT_EQUAL(expiry.QuadPart, INT64_MAX);
    NTLM->free_credential(credential);
}

static void prepared_challenge(const char *netbios_domain, uint32_t type, bool tree)
{
    struct ntlm_challenge challenge;
    struct ntlm_av av;
    world_start(WORLD_ACCOUNTS, netbios_domain);
    struct ntlm_credential *credential = world_acquire(SECPKG_CRED_INBOUND, NULL);
    ASSERT_STATUS(ntlm_read_challenge(sspi_blob_view(&credential->challenge), &challenge),
                  SEC_E_OK);
    CU_ASSERT_EQUAL(challenge.flags, NTLM_TARGET_INFO | type);
    /* The flags are not set yet, so the target information has to be found by hand. */
    const uint8_t *token = credential->challenge.data;
    struct sspi_view info = {token + ntlm_get32(token + 44), ntlm_get16(token + 40)};
    CU_ASSERT_TRUE(ntlm_av_read(info, &av));
    /* recorded order: 2 1 4 3 [5] 7 */
    CU_ASSERT_EQUAL(ntlm_get16(info.data), NTLM_AV_NB_DOMAIN);
    CU_ASSERT_TRUE(av.value[NTLM_AV_NB_COMPUTER].data < av.value[NTLM_AV_DNS_DOMAIN].data);
    CU_ASSERT_TRUE(av.value[NTLM_AV_DNS_DOMAIN].data < av.value[NTLM_AV_DNS_COMPUTER].data);
    CU_ASSERT_EQUAL(av.present[NTLM_AV_DNS_TREE], tree);
    CU_ASSERT_TRUE(av.present[NTLM_AV_TIMESTAMP]);
    CU_ASSERT_FALSE(av.present[NTLM_AV_FLAGS]); /* fact.ntlm.challenge-empty-avflags */
    CU_ASSERT_EQUAL(challenge.target_name.size, 2 * strlen(netbios_domain));
    NTLM->free_credential(credential);
}

static void challenge_of_a_member(void)
{
    prepared_challenge("EXAMPLE", NTLM_TARGET_TYPE_DOMAIN, true);
}

static void challenge_of_a_standalone_machine(void)
{
    prepared_challenge("SERVER", NTLM_TARGET_TYPE_SERVER, false);
}

static void broken_configuration(void)
{
    struct sspi_cred_request request = {.use = SECPKG_CRED_INBOUND};
    void *credential = NULL;
    TimeStamp expiry;
    world_start(WORLD_ACCOUNTS, NULL);
    world_write(world_config, "[ntlm]\nnonsense\n");
    ASSERT_STATUS(NTLM->acquire(&request, &credential, &expiry), SEC_E_INTERNAL_ERROR);
    CU_ASSERT_PTR_NULL(credential);
    char *text = malloc(4096);
    snprintf(text, 4096, "[ntlm]\ndns-name = %0*d\n", 1500, 1);
    world_write(world_config, text);
    ASSERT_STATUS(NTLM->acquire(&request, &credential, &expiry), SEC_E_INTERNAL_ERROR);
    CU_ASSERT_PTR_NULL(credential);
    free(text);
}

SSPI_TESTS({"identities", identities}, {"names", names}, {"never expires", never_expires},
           {"member", challenge_of_a_member}, {"standalone", challenge_of_a_standalone_machine},
           {"broken configuration", broken_configuration})
