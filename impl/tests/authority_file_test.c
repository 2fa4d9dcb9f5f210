/* SPDX-License-Identifier: Apache-2.0
 *
 * The local authority's NTSTATUS for each state of an account.
 */
#include "ntlm_world.h"

#include "authority/status.h"

static struct sspi_config config;

/* Asks with a response made from a password; the session key must be the prover's own. */
static uint32_t ask(const char *user, const char *domain, const char *password)
{
    static const uint8_t challenge[8] = {1, 2, 3};
    uint8_t response[48 + 16] = {0}, hash[16], ntowf[16], key[16];
    struct sspi_view blob = {response + 16, sizeof response - 16};
    response[16] = response[17] = 1;
    ntlm_nt_hash(password, hash);
    ntlm_ntowf_v2(hash, user, domain, ntowf);
    ntlm_v2_proof(ntowf, challenge, blob, response);
    ntlm_v2_session_base_key(ntowf, response, key);
    struct sspi_logon logon = {.user = user,
                               .domain = domain,
                               .workstation = "",
                               .challenge = challenge,
                               .nt = {response, sizeof response}};
    uint32_t nt = sspi_authority_verify(&config, &logon);
    CU_ASSERT_EQUAL(memcmp(logon.session_base_key, key, 16) == 0, nt == SSPI_NT_OK);
    CU_ASSERT_EQUAL(logon.account != NULL, nt == SSPI_NT_OK);
    if (nt == SSPI_NT_OK)
        CU_ASSERT_STRING_EQUAL(logon.account_domain, "EXAMPLE");
    sspi_free(logon.account);
    sspi_free(logon.account_domain);
    return nt;
}

static void start(void)
{
    world_start(WORLD_ACCOUNTS, NULL);
    sspi_config_free(&config);
    CU_ASSERT_EQUAL(sspi_config_read(&config), SEC_E_OK);
}

static void states(void)
{
    static const struct {
        const char *user, *domain, *password;
        uint32_t nt;
    } rows[] = {
        {"alice", "EXAMPLE", "Password", SSPI_NT_OK},
        {"alice", "server", "Password", SSPI_NT_OK},
        {"alice", "example.org", "Password", SSPI_NT_OK},
        {"alice", "", "Password", SSPI_NT_OK},
        {"alice@example.org", "", "Password", SSPI_NT_OK},
        {"alice@example", "", "Password", SSPI_NT_OK},
        {"alice@elsewhere.org", "", "Password", SSPI_NT_NO_SUCH_USER},
        {"@example.org", "", "Password", SSPI_NT_NO_SUCH_USER},
        {"alice", "ELSEWHERE", "Password", SSPI_NT_NO_SUCH_USER},
        {"nobody", "EXAMPLE", "Password", SSPI_NT_NO_SUCH_USER},
        {"alice", "EXAMPLE", "wrong", SSPI_NT_WRONG_PASSWORD},
        {"alice", "EXAMPLE", "", SSPI_NT_WRONG_PASSWORD},
        {"dora", "EXAMPLE", "Password", SSPI_NT_ACCOUNT_DISABLED},
        {"dora", "EXAMPLE", "wrong", SSPI_NT_WRONG_PASSWORD},
        {"luke", "EXAMPLE", "Password", SSPI_NT_ACCOUNT_LOCKED_OUT},
        {"luke", "EXAMPLE", "wrong", SSPI_NT_ACCOUNT_LOCKED_OUT},
        {"pete", "EXAMPLE", "Password", SSPI_NT_PASSWORD_MUST_CHANGE},
        {"paul", "EXAMPLE", "Password", SSPI_NT_OK},
        {"eve", "EXAMPLE", "Password", SSPI_NT_ACCOUNT_EXPIRED},
        {"nina", "EXAMPLE", "", SSPI_NT_ACCOUNT_RESTRICTION},
        {"nina", "EXAMPLE", "Password", SSPI_NT_WRONG_PASSWORD},
    };
    start();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CU_ASSERT_EQUAL(ask(rows[i].user, rows[i].domain, rows[i].password), rows[i].nt);
}

/* Proof good, account not allowed: whatever policy an administrator thinks of. */
static void an_account_is_restricted(void)
{
    world_start(WORLD_LINE("rita", "UR         ", "60000000"), NULL);
    CU_ASSERT_EQUAL(ask("rita", "", "Password"), SSPI_NT_ACCOUNT_RESTRICTION);
    CU_ASSERT_EQUAL(ask("rita", "", "wrong"), SSPI_NT_WRONG_PASSWORD);
}

static void unknown_domains(void)
{
    start();
    config.ntlm_unknown_domains = true;
    CU_ASSERT_EQUAL(ask("alice", "ELSEWHERE", "Password"), SSPI_NT_OK);
    CU_ASSERT_EQUAL(ask("alice", "ELSEWHERE", "wrong"), SSPI_NT_WRONG_PASSWORD);
    CU_ASSERT_EQUAL(ask("nobody", "ELSEWHERE", "Password"), SSPI_NT_NO_SUCH_USER);
}

static void an_account_expires(void)
{
    world_start(WORLD_LINE("eve", "U          ", "60000000:KICK-60000000"), NULL);
    libsspi_test_clock(sspi_unix_to_filetime(0x5fffffff));
    CU_ASSERT_EQUAL(ask("eve", "", "Password"), SSPI_NT_OK);
    libsspi_test_clock(sspi_unix_to_filetime(0x60000000));
    CU_ASSERT_EQUAL(ask("eve", "", "Password"), SSPI_NT_ACCOUNT_EXPIRED);
    libsspi_test_clock(0);
}

static void an_account_without_hash(void)
{
    /* not the hash of sixteen zero bytes either */
    world_start("zoe:1:X:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:[U          ]:LCT-60000000:\n", NULL);
    CU_ASSERT_EQUAL(ask("zoe", "", ""), SSPI_NT_WRONG_PASSWORD);
    uint8_t response[64] = {0}, ntowf[16];
    static const uint8_t zero[16], challenge[8];
    ntlm_ntowf_v2(zero, "zoe", "", ntowf);
    ntlm_v2_proof(ntowf, challenge, (struct sspi_view){response + 16, 48}, response);
    struct sspi_logon logon = {.user = "zoe",
                               .domain = "",
                               .workstation = "",
                               .challenge = challenge,
                               .nt = {response, sizeof response}};
    CU_ASSERT_EQUAL(sspi_authority_file(&config, &logon), SSPI_NT_WRONG_PASSWORD);
    CU_ASSERT_EQUAL(memcmp(logon.session_base_key, zero, 16), 0);
}

static void nowhere_to_look(void)
{
    start();
    unlink(world_accounts);
    CU_ASSERT_EQUAL(ask("alice", "", "Password"), SSPI_NT_NO_LOGON_SERVERS);
    sspi_free(config.ntlm_accounts);
    config.ntlm_accounts = NULL;
    CU_ASSERT_EQUAL(ask("alice", "", "Password"), SSPI_NT_NO_LOGON_SERVERS);
    sspi_config_free(&config);
}

SSPI_TESTS({"states", states}, {"restricted", an_account_is_restricted},
           {"unknown domains", unknown_domains}, {"an account expires", an_account_expires},
           {"no hash", an_account_without_hash}, {"nowhere to look", nowhere_to_look})
