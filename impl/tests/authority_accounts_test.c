/* SPDX-License-Identifier: Apache-2.0
 *
 * The accounts file as a whole: looking up, and noticing that it changed.
 */
#include "ntlm_world.h"

#include "authority/accounts.h"
#include "authority/status.h"

static uint32_t find(const char *name)
{
    struct sspi_account account;
    uint32_t nt = sspi_accounts_find(world_accounts, name, &account);
    if (nt == SSPI_NT_OK)
        sspi_account_clear(&account);
    return nt;
}

static void finds_whatever_the_case(void)
{
    static const char *const names[] = {"alice",       "ALICE",       "dora", "DORA",
                                        "\xc3\xa4nne", "\xc3\x84NNE", "nina"};
    world_start(WORLD_ACCOUNTS, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CU_ASSERT_EQUAL(find(names[i]), SSPI_NT_OK);
    CU_ASSERT_EQUAL(find("nobody"), SSPI_NT_NO_SUCH_USER);
    CU_ASSERT_EQUAL(find("alic"), SSPI_NT_NO_SUCH_USER);
    CU_ASSERT_EQUAL(find(""), SSPI_NT_NO_SUCH_USER);
}

/* Changes right behind each other, of the same size, within one tick of the clock. */
static void notices_changes(void)
{
    struct sspi_account account;
    for (unsigned i = 0; i < 20; i++) {
        world_start(i % 2 ? WORLD_LINE("alice", "U          ", "60000000")
                          : WORLD_LINE("alice", "DU         ", "60000000"),
                    NULL);
        CU_ASSERT_EQUAL(sspi_accounts_find(world_accounts, "alice", &account), SSPI_NT_OK);
        CU_ASSERT_EQUAL(account.disabled, i % 2 == 0);
        sspi_account_clear(&account);
    }
}

static void many_accounts(void)
{
    char name[32];
    world_start("", NULL);
    CU_ASSERT_EQUAL(find("user1"), SSPI_NT_NO_SUCH_USER);
    FILE *file = fopen(world_accounts, "w");
    for (unsigned i = 0; i < 1000; i++)
        fprintf(file, "user%u:1:X:" WORLD_HASH ":[U          ]:LCT-60000000:\n", i);
    fclose(file);
    for (unsigned i = 0; i < 1000; i += 37) {
        snprintf(name, sizeof name, "USER%u", i);
        CU_ASSERT_EQUAL(find(name), SSPI_NT_OK);
    }
}

static void file_that_is_missing(void)
{
    world_start(WORLD_ACCOUNTS, NULL);
    CU_ASSERT_EQUAL(find("alice"), SSPI_NT_OK);
    unlink(world_accounts);
    CU_ASSERT_EQUAL(find("alice"), SSPI_NT_NO_LOGON_SERVERS);
    world_start(WORLD_ACCOUNTS, NULL);
    CU_ASSERT_EQUAL(find("alice"), SSPI_NT_OK);
}

static void broken_line_spoils_the_file(void)
{
    world_start(WORLD_LINE("alice", "U          ", "60000000") "bob:nonsense\n", NULL);
    CU_ASSERT_EQUAL(find("alice"), SSPI_NT_INTERNAL_DB_CORRUPTION);
}

SSPI_TESTS({"whatever the case", finds_whatever_the_case}, {"changes", notices_changes},
           {"many", many_accounts}, {"missing file", file_that_is_missing},
           {"broken line", broken_line_spoils_the_file})
