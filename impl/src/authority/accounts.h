/* SPDX-License-Identifier: Apache-2.0
 *
 * The accounts file: Samba's smbpasswd format.
 *
 *     name:uid:LM hash:NT hash:[flags]:LCT-hex seconds:
 *
 * Flags that mean something here: D disabled, L locked out, N no password, R restricted (a letter
 * of our own: whatever policy it is, STATUS_ACCOUNT_RESTRICTION), X the password never expires. LCT
 * is the time of the last password change; 0 means that it must be changed. One field of our own
 * may follow: KICK-hex seconds, the end of the account (Samba skips it). Lines that begin with #
 * and empty lines are comments.
 */
#ifndef LIBSSPI_AUTHORITY_ACCOUNTS_H
#define LIBSSPI_AUTHORITY_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sspi_account {
    char *name; /* UTF-8, as the file spells it */
    char *key;  /* in upper case, for looking up */
    bool disabled, locked, restricted, no_password, keeps_password;
    bool has_hash, has_lm_hash;
    uint8_t nt_hash[16], lm_hash[16]; /* secrets; the LM hash counts at lm-level 0 to 3 only */
    int64_t changed;                  /* seconds since 1970 */
    int64_t kickoff;                  /* seconds since 1970; 0 is never */
};

enum sspi_account_line {
    SSPI_ACCOUNT_READ,
    SSPI_ACCOUNT_COMMENT,
    SSPI_ACCOUNT_BROKEN,
    SSPI_ACCOUNT_NO_MEMORY
};

/* Reads one line without its newline; changes it. [out] account: release with
 * sspi_account_clear after SSPI_ACCOUNT_READ. */
enum sspi_account_line sspi_account_read(char *line, struct sspi_account *account);
void sspi_account_clear(struct sspi_account *account); /* wipes */

/* Looks a name up, whatever its case, in the file at `path`. The file is kept in memory and read
 * again when it changes. Thread-safe. Returns an NTSTATUS: SSPI_NT_OK, [out] account: release with
 * sspi_account_clear; SSPI_NT_NO_SUCH_USER; SSPI_NT_NO_LOGON_SERVERS: no such file;
 * SSPI_NT_INTERNAL_DB_CORRUPTION: a line is broken; SSPI_NT_NO_MEMORY. */
uint32_t sspi_accounts_find(const char *path, const char *name, struct sspi_account *account);

#endif
