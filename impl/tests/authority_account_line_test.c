/* SPDX-License-Identifier: Apache-2.0
 *
 * One line of the accounts file.
 */
#include "ntlm_world.h"

#include "authority/accounts.h"

#define NO_HASH "XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"

static enum sspi_account_line read_text(const char *text, struct sspi_account *account)
{
    char line[256];
    snprintf(line, sizeof line, "%s", text);
    return sspi_account_read(line, account);
}

static void whole_line(void)
{
    struct sspi_account account;
    CU_ASSERT_EQUAL(read_text("alice:10001:" NO_HASH ":a4F49c406510BDCAB6824EE7C30FD852:"
                              "[DNLX       ]:LCT-6000abCD:KICK-00000001:",
                              &account),
                    SSPI_ACCOUNT_READ);
    CU_ASSERT_STRING_EQUAL(account.name, "alice");
    CU_ASSERT_STRING_EQUAL(account.key, "ALICE");
    CU_ASSERT_TRUE(account.has_hash);
    ASSERT_BYTES(account.nt_hash, "a4f49c406510bdcab6824ee7c30fd852");
    CU_ASSERT_TRUE(account.disabled && account.locked && account.no_password &&
                   account.keeps_password);
    CU_ASSERT_EQUAL(account.changed, 0x6000abcd);
    CU_ASSERT_EQUAL(account.kickoff, 1);
    sspi_account_clear(&account);
    CU_ASSERT_PTR_NULL(account.name);
}

static void lines_samba_writes(void)
{
    struct sspi_account account;
    CU_ASSERT_EQUAL(
        read_text("bob:1:" NO_HASH ":" WORLD_HASH ":[U          ]:LCT-60000000:\r", &account),
        SSPI_ACCOUNT_READ);
    CU_ASSERT_FALSE(account.disabled || account.locked || account.no_password);
    sspi_account_clear(&account);
    CU_ASSERT_EQUAL(
        read_text("bob:1:" NO_HASH ":" NO_HASH ":[DU         ]:LCT-00000000:", &account),
        SSPI_ACCOUNT_READ);
    CU_ASSERT_FALSE(account.has_hash);
    sspi_account_clear(&account);
    CU_ASSERT_EQUAL(
        read_text("m$:1:" NO_HASH ":" WORLD_HASH ":[W          ]:LCT-60000000", &account),
        SSPI_ACCOUNT_READ);
    sspi_account_clear(&account);
}

static void comments(void)
{
    struct sspi_account account;
    CU_ASSERT_EQUAL(read_text("# a comment", &account), SSPI_ACCOUNT_COMMENT);
    CU_ASSERT_EQUAL(read_text("", &account), SSPI_ACCOUNT_COMMENT);
    CU_ASSERT_EQUAL(read_text(" \t\r", &account), SSPI_ACCOUNT_COMMENT);
}

static void broken_lines(void)
{
    static const char *const lines[] = {
        "alice",
        "alice:1:" NO_HASH,
        "alice:1:" NO_HASH ":" WORLD_HASH,
        "alice:1:" NO_HASH ":" WORLD_HASH ":[U]",
        ":1:" NO_HASH ":" WORLD_HASH ":[U]:LCT-60000000:",
        "\xff:1:" NO_HASH ":" WORLD_HASH ":[U]:LCT-60000000:",
        "alice:1:" NO_HASH ":A4F4:[U]:LCT-60000000:",
        "alice:1:" NO_HASH ":Z4F49C406510BDCAB6824EE7C30FD852:[U]:LCT-60000000:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":U:LCT-60000000:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":[:LCT-60000000:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":[U]:60000000:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":[U]:LCT-:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":[U]:LCT-6000000g:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":[U]:LCT-00000000000000001:",
        "alice:1:" NO_HASH ":" WORLD_HASH ":[U]:LCT-60000000:KICK-:",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct sspi_account account;
        CU_ASSERT_EQUAL(read_text(lines[i], &account), SSPI_ACCOUNT_BROKEN);
        CU_ASSERT_PTR_NULL(account.name);
    }
}

SSPI_TESTS({"whole line", whole_line}, {"lines Samba writes", lines_samba_writes},
           {"comments", comments}, {"broken lines", broken_lines})
