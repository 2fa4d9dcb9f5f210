/* SPDX-License-Identifier: Apache-2.0
 *
 * The local authority: accounts in a file, checked by our own code.
 */
#include <string.h>

#include "authority/accounts.h"
#include "authority/authority.h"
#include "authority/status.h"
#include "env.h"
#include "error.h"
#include "ntlm/keys.h"
#include "ntlm/keys_v1.h"
#include "text.h"

/* Our own domain, our own machine, or nothing said (an UPN, or a user who did not care). */
static bool is_ours(const struct sspi_config *config, const char *domain)
{
    return !*domain || sspi_equal_nocase(domain, config->ntlm_netbios_domain) ||
           sspi_equal_nocase(domain, config->ntlm_netbios_name) ||
           sspi_equal_nocase(domain, config->ntlm_dns_domain);
}

/* "alice@example.org" is alice when example.org is ours; NULL when it is not, or no memory. */
static char *account_of(const struct sspi_config *config, const char *user)
{
    const char *at = strrchr(user, '@');
    char *name = sspi_strdup(user);
    if (name && at && at > user && is_ours(config, at + 1))
        name[at - user] = 0;
    return name;
}

/* NTLMv2. Some clients compute their key as if the user had no domain, and servers should put up
 * with it (MS-NLMP 3.2.5.1.2). false: no memory. */
static bool prove_v2(const uint8_t hash[16], struct sspi_logon *logon, bool *proven)
{
    const char *domains[2] = {logon->domain, ""};
    uint8_t ntowf[16];
    bool good = true;
    *proven = false;
    for (int i = 0; good && !*proven && i < (*logon->domain ? 2 : 1); i++) {
        good = ntlm_ntowf_v2(hash, logon->user, domains[i], ntowf);
        *proven =
            good && ntlm_v2_verify(ntowf, logon->challenge, logon->nt, logon->session_base_key);
    }
    sspi_wipe(ntowf, sizeof ntowf);
    return good;
}

/* NTLMv1, or LM from a client that sent nothing else. */
static bool prove_v1(const struct sspi_account *account, const uint8_t hash[16],
                     struct sspi_logon *logon, bool *proven)
{
    *proven = logon->nt.size ? ntlm_v1_verify(hash, logon->challenge, logon->nt)
                             : account->has_lm_hash &&
                                   ntlm_v1_verify(account->lm_hash, logon->challenge, logon->lm);
    return ntlm_v1_session_base_key(hash, logon->session_base_key);
}

/* The order is Samba's and, as far as its statuses show, Windows': locked accounts are not asked
 * for their password; whether an account is disabled is told only to who knows the password. */
static uint32_t judge(const struct sspi_account *account, struct sspi_logon *logon)
{
    uint8_t hash[16];
    uint32_t nt = SSPI_NT_WRONG_PASSWORD;
    int64_t now = sspi_filetime_to_unix(sspi_now());
    bool proven;

    memcpy(hash, account->nt_hash, sizeof hash);
    bool has_hash = account->has_hash || account->no_password;
    bool good = !account->no_password || ntlm_nt_hash("", hash);
    if (good)
        good = logon->nt.size > NTLM_V1_RESPONSE_SIZE ? prove_v2(hash, logon, &proven)
                                                      : prove_v1(account, hash, logon, &proven);
    if (!good) {
        nt = SSPI_NT_NO_MEMORY;
        goto out;
    }
    if (account->locked)
        nt = SSPI_NT_ACCOUNT_LOCKED_OUT;
    else if (!proven || !has_hash)
        nt = SSPI_NT_WRONG_PASSWORD;
    else if (account->no_password)
        nt = SSPI_NT_ACCOUNT_RESTRICTION; /* Windows: no blank passwords from the network */
    else if (account->restricted)
        nt = SSPI_NT_ACCOUNT_RESTRICTION;
    else if (account->disabled)
        nt = SSPI_NT_ACCOUNT_DISABLED;
    else if (account->kickoff && account->kickoff <= now)
        nt = SSPI_NT_ACCOUNT_EXPIRED;
    else if (account->changed == 0 && !account->keeps_password)
        nt = SSPI_NT_PASSWORD_MUST_CHANGE;
    else
        nt = SSPI_NT_OK;
out:
    sspi_wipe(hash, sizeof hash);
    return nt;
}

uint32_t sspi_authority_file(const struct sspi_config *config, struct sspi_logon *logon)
{
    struct sspi_account account = {0};
    if (!config->ntlm_accounts) {
        sspi_error_set("no accounts to check against: set 'accounts' in libsspi.conf");
        return SSPI_NT_NO_LOGON_SERVERS;
    }
    char *name = account_of(config, logon->user);
    if (!name)
        return SSPI_NT_NO_MEMORY;
    uint32_t nt = sspi_accounts_find(config->ntlm_accounts, name, &account);
    sspi_free(name);
    if (nt == SSPI_NT_OK && !config->ntlm_unknown_domains && !is_ours(config, logon->domain))
        nt = SSPI_NT_NO_SUCH_USER;
    /* An unknown user costs the same work as a known one, so that time does not tell names. */
    if (nt == SSPI_NT_OK)
        nt = judge(&account, logon);
    else if (nt == SSPI_NT_NO_SUCH_USER)
        judge(&(struct sspi_account){.locked = true}, logon);
    if (nt == SSPI_NT_OK) {
        logon->account = account.name;
        account.name = NULL;
        logon->account_domain = sspi_strdup(config->ntlm_netbios_domain);
        if (!logon->account_domain) {
            sspi_free(logon->account);
            logon->account = NULL;
            nt = SSPI_NT_NO_MEMORY;
        }
    }
    if (nt != SSPI_NT_OK)
        sspi_wipe(logon->session_base_key, sizeof logon->session_base_key);
    sspi_account_clear(&account);
    return nt;
}
