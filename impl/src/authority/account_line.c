/* SPDX-License-Identifier: Apache-2.0
 *
 * One line of the accounts file.
 */
#include <string.h>

#include "authority/accounts.h"
#include "memory.h"
#include "text.h"

#define HASH_DIGITS 32

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 32 hexadecimal digits, all of them or false. */
static bool read_digits(const char *text, uint8_t hash[16])
{
    for (size_t i = 0; i < HASH_DIGITS / 2; i++) {
        int high = text[2 * i] ? digit(text[2 * i]) : -1;
        int low = high < 0 ? -1 : digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* A hash, or something that is none: "NO PASSWORD" and rows of X or * stand for "no hash". */
static bool read_hash(const char *text, struct sspi_account *account)
{
    if (strlen(text) != HASH_DIGITS)
        return false;
    if (strspn(text, "X") == HASH_DIGITS || strspn(text, "*") == HASH_DIGITS ||
        strncmp(text, "NO PASSWORD", 11) == 0)
        return true;
    account->has_hash = read_digits(text, account->nt_hash);
    return account->has_hash;
}

/* Whatever else stands in the place of the LM hash means that there is none. */
static void read_lm_hash(const char *text, struct sspi_account *account)
{
    account->has_lm_hash = strlen(text) == HASH_DIGITS && read_digits(text, account->lm_hash);
}

static bool read_flags(const char *text, struct sspi_account *account)
{
    size_t size = strlen(text);
    if (size < 2 || text[0] != '[' || text[size - 1] != ']')
        return false;
    for (const char *at = text + 1; *at != ']'; at++) {
        account->disabled |= *at == 'D';
        account->locked |= *at == 'L';
        account->no_password |= *at == 'N';
        account->restricted |= *at == 'R';
        account->keeps_password |= *at == 'X';
    }
    return true;
}

/* "LCT-6000ABCD": prefix and up to 15 hexadecimal digits. */
static bool read_seconds(const char *text, const char *prefix, int64_t *seconds)
{
    size_t skip = strlen(prefix), digits = strlen(text);
    if (digits <= skip || digits > skip + 15 || strncmp(text, prefix, skip) != 0)
        return false;
    *seconds = 0;
    for (const char *at = text + skip; *at; at++) {
        if (digit(*at) < 0)
            return false;
        *seconds = *seconds * 16 + digit(*at);
    }
    return true;
}

static bool read_fields(char *line, struct sspi_account *account)
{
    char *fields[7] = {NULL};
    for (size_t i = 0; i < 7 && line; i++)
        fields[i] = strsep(&line, ":");
    /* name, uid (no meaning here), LM hash, NT hash, flags, LCT, KICK */
    account->name = fields[0];
    if (fields[2])
        read_lm_hash(fields[2], account);
    return fields[5] && *fields[0] && sspi_utf8_valid(fields[0]) && read_hash(fields[3], account) &&
           read_flags(fields[4], account) && read_seconds(fields[5], "LCT-", &account->changed) &&
           (!fields[6] || strncmp(fields[6], "KICK-", 5) != 0 ||
            read_seconds(fields[6], "KICK-", &account->kickoff));
}

enum sspi_account_line sspi_account_read(char *line, struct sspi_account *account)
{
    memset(account, 0, sizeof *account);
    if (*line == '#' || line[strspn(line, " \t\r")] == 0)
        return SSPI_ACCOUNT_COMMENT;
    bool good = read_fields(line, account);
    char *name = account->name; /* inside `line` */
    account->name = NULL;
    if (!good) {
        sspi_account_clear(account);
        return SSPI_ACCOUNT_BROKEN;
    }
    account->name = sspi_strdup(name);
    account->key = sspi_upper(name);
    if (account->name && account->key)
        return SSPI_ACCOUNT_READ;
    sspi_account_clear(account);
    return SSPI_ACCOUNT_NO_MEMORY;
}

void sspi_account_clear(struct sspi_account *account)
{
    sspi_free(account->name);
    sspi_free(account->key);
    sspi_wipe(account, sizeof *account);
}
