/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of libsspi: the file named by LIBSSPI_CONFIG (ignored in set-user-id programs),
 * else /etc/libsspi.conf. impl/README.md describes the file.
 */
#ifndef LIBSSPI_CONFIG_H
#define LIBSSPI_CONFIG_H

#include <sspi.h>
#include <stdbool.h>

/* Single_Host_Data behind its size and padding: CustomData and MachineID (MS-NLMP 2.2.2.2). */
#define SSPI_SINGLE_HOST_DATA 40

enum sspi_config_authority {
    SSPI_AUTHORITY_FILE,
    SSPI_AUTHORITY_WINBIND
};

/* Clients as at level 3, servers as at level 5: NTLMv2 and nothing else, as Windows does by now
 * (Windows 11 24H2 and Server 2025 have no NTLMv1). */
#define SSPI_LM_LEVEL_DEFAULT (-1)

/* Strings are UTF-8 and owned; never NULL after a successful sspi_config_read, but accounts. */
struct sspi_config {
    enum sspi_config_authority ntlm_authority;
    char *ntlm_accounts;     /* path of the accounts file, NULL when none is set */
    char *ntlm_netbios_name; /* default: host name up to the first dot, upper case, 15 characters */
    char *ntlm_netbios_domain; /* default: the NetBIOS name, as on a machine outside a domain */
    char *ntlm_dns_name;       /* default: the host name */
    char *ntlm_dns_domain;     /* default: the host name behind its first dot, or the host name */
    char *ntlm_dns_tree;       /* default: the DNS domain */
    uint8_t ntlm_version[8];   /* VERSION as messages carry it (MS-NLMP 2.2.2.10) */
    bool ntlm_has_single_host;
    uint8_t ntlm_single_host[SSPI_SINGLE_HOST_DATA]; /* default: of this machine, ntlm/host.c */
    uint8_t ntlm_av_tail;      /* zeros behind the last AvPair of AUTHENTICATE */
    bool ntlm_av_timestamp;    /* the CHALLENGE tells the time */
    bool ntlm_unknown_domains; /* the accounts answer for domains nobody here knows */
    int ntlm_lm_level;         /* LmCompatibilityLevel 0 to 5, or SSPI_LM_LEVEL_DEFAULT */
    bool ntlm_require_128;     /* Client- and ServerRequire128bitEncryption (MS-NLMP 3.1.1.1) */
    bool ntlm_block_outgoing, ntlm_block_incoming; /* ClientBlocked, ServerBlock */
};

/* Read once when credentials are acquired. [out] config: release with sspi_config_free, also
 * after an error. A missing file gives the defaults. SEC_E_INTERNAL_ERROR with a sentence that
 * names file and line when it cannot be read or understood; SEC_E_INSUFFICIENT_MEMORY. */
SECURITY_STATUS sspi_config_read(struct sspi_config *config);
void sspi_config_free(struct sspi_config *config);

#endif
