/* SPDX-License-Identifier: Apache-2.0
 *
 * The identity a caller passes to AcquireCredentialsHandle, as UTF-8, whatever structure it came
 * in (SEC_WINNT_AUTH_IDENTITY_A, _W, _EXA, _EXW, _EX2; the Flags of the first four decide the
 * character set, not the entry point; _EX2 is always UTF-16).
 */
#ifndef LIBSSPI_IDENTITY_H
#define LIBSSPI_IDENTITY_H

#include <sspi.h>

#include "memory.h"

struct sspi_identity {
    char *user; /* NULL when the structure's pointer was NULL; "" when its length was 0 */
    char *domain;
    char *password;          /* a secret: wiped on free */
    char *package_list;      /* comma-separated, NULL without */
    struct sspi_blob keytab; /* instead of a password; a secret, too */
};

/* Copies *structure. [out] identity: release with sspi_identity_free, also after an error.
 * SEC_E_UNKNOWN_CREDENTIALS: neither ANSI nor UNICODE is flagged, or not valid UTF-16; an EX2
 * structure whose parts do not fit into it, that is encrypted, or whose credentials are neither a
 * password nor a keytab. SEC_E_INSUFFICIENT_MEMORY. */
SECURITY_STATUS sspi_identity_read(const void *structure, struct sspi_identity *identity);
/* The same for an EX2 structure (identity_ex2.c). */
SECURITY_STATUS sspi_identity_read_ex2(const void *structure, struct sspi_identity *identity);
void sspi_identity_free(struct sspi_identity *identity);
/* Deep copy for a credential that keeps it. SEC_E_INSUFFICIENT_MEMORY. */
SECURITY_STATUS sspi_identity_copy(const struct sspi_identity *from, struct sspi_identity *to);

#endif
