/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority: who knows the accounts and decides whether an NTLM response is good. On Windows
 * this is the SAM or a domain controller behind Netlogon (MS-APDS 3.1.5.1).
 */
#ifndef LIBSSPI_AUTHORITY_H
#define LIBSSPI_AUTHORITY_H

#include <sspi.h>

#include "config.h"
#include "memory.h"

struct sspi_logon {
    /* in; borrowed for the call */
    const char *user, *domain, *workstation; /* as the client sent them, UTF-8, never NULL */
    const uint8_t *challenge;                /* the 8 bytes that the responses answer */
    struct sspi_view lm, nt; /* NTLMv2: nt of more than 24 bytes. NTLMv1: nt of 24. LM: nt empty, lm
                                of 24. Whether those are welcome is decided before. */
    /* out, when the answer is SSPI_NT_OK; zero before the call */
    uint8_t session_base_key[16]; /* a secret */
    char *account;                /* user and domain as the authority spells them; sspi_free both */
    char *account_domain;
    uint64_t password_expires; /* FILETIME; 0: never, or the authority does not say */
};

/* Asks the authority that the configuration names. Thread-safe. Returns an NTSTATUS; on anything
 * but SSPI_NT_OK nothing in *logon needs to be freed. */
uint32_t sspi_authority_verify(const struct sspi_config *config, struct sspi_logon *logon);

/* The authorities. The same contract. */
uint32_t sspi_authority_file(const struct sspi_config *config, struct sspi_logon *logon);
uint32_t sspi_authority_winbind(const struct sspi_config *config, struct sspi_logon *logon);

#endif
