/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: a line of the accounts file.
 */
#include "authority/accounts.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sspi_account account;
    char *line = malloc(size + 1);
    MUST(line);
    if (size)
        memcpy(line, data, size);
    line[size] = 0;
    memset(&account, 0, sizeof account);
    enum sspi_account_line found = sspi_account_read(line, &account);
    MUST(found != SSPI_ACCOUNT_NO_MEMORY);
    if (found == SSPI_ACCOUNT_READ) {
        MUST(account.name && account.key && *account.name);
        MUST(!strchr(account.name, ':'));
        sspi_account_clear(&account);
    }
    free(line);
    return 0;
}
