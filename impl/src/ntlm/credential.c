/* SPDX-License-Identifier: Apache-2.0
 *
 * NTLM credentials. What does not change from handshake to handshake is made here, once.
 */
#include <string.h>

#include "error.h"
#include "ntlm/av.h"
#include "ntlm/context.h"
#include "ntlm/keys.h"
#include "ntlm/keys_v1.h"
#include "ntlm/messages.h"
#include "ntlm/wire.h"
#include "text.h"

#define NEVER INT64_MAX

static bool is_empty(const char *text)
{
    return !text || !*text;
}

/* Only "no structure" and "a structure full of NULLs" mean the logon session; empty strings mean a
 * null session (path.ntlm.anonymous). */
static enum ntlm_identity kind_of(const struct sspi_identity *identity)
{
    if (!identity || (!identity->user && !identity->domain && !identity->password))
        return NTLM_DEFAULT;
    if (is_empty(identity->user) && is_empty(identity->password))
        return NTLM_NULL_SESSION;
    return NTLM_USER;
}

static bool sends_v1(const struct sspi_config *config)
{
    return config->ntlm_lm_level >= 0 && config->ntlm_lm_level < 3;
}

static SECURITY_STATUS prepare_user(struct ntlm_credential *credential,
                                    const struct sspi_identity *identity)
{
    uint8_t hash[16];
    credential->user = sspi_strdup(identity->user ? identity->user : "");
    credential->domain = sspi_strdup(identity->domain ? identity->domain : "");
    bool good = credential->user && credential->domain &&
                sspi_utf16_blob(credential->user, &credential->user16) &&
                sspi_utf16_blob(credential->domain, &credential->domain16) &&
                ntlm_nt_hash(identity->password, hash) &&
                ntlm_ntowf_v2(hash, credential->user, credential->domain, credential->ntowf);
    if (good && sends_v1(&credential->config)) {
        memcpy(credential->nt_hash, hash, sizeof hash);
        credential->has_lm_hash = ntlm_lm_hash(identity->password, credential->lm_hash);
    }
    sspi_wipe(hash, sizeof hash);
    if (!good)
        return SEC_E_INSUFFICIENT_MEMORY; /* the surface hands out valid UTF-8 only */
    if (credential->user16.size > UINT16_MAX || credential->domain16.size > UINT16_MAX)
        return SEC_E_UNKNOWN_CREDENTIALS; /* does not fit into AUTHENTICATE */
    return SEC_E_OK;
}

static SECURITY_STATUS prepare_outbound(struct ntlm_credential *credential,
                                        const struct sspi_identity *identity, bool impersonating)
{
    if (identity && identity->keytab.size)
        return SEC_E_NO_CREDENTIALS; /* keys of Kerberos, nothing for NTLM */
    credential->identity = kind_of(identity);
    /* Who is impersonated has left no password here. */
    if (impersonating && credential->identity == NTLM_DEFAULT)
        return SEC_E_NO_CREDENTIALS;
    if (!sspi_utf16_blob(credential->config.ntlm_netbios_name, &credential->workstation16))
        return SEC_E_INSUFFICIENT_MEMORY;
    if (credential->identity == NTLM_USER)
        return prepare_user(credential, identity);
    credential->user = sspi_strdup("");
    credential->domain = sspi_strdup("");
    return credential->user && credential->domain ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

/* A machine in a domain answers for the domain, another one for itself (MS-NLMP 3.2.5.1.1). */
static bool is_member(const struct sspi_config *config)
{
    return !sspi_equal_nocase(config->ntlm_netbios_domain, config->ntlm_netbios_name);
}

#define NAME_COUNT 5

static SECURITY_STATUS build_challenge(struct ntlm_credential *credential,
                                       const struct sspi_blob names[NAME_COUNT])
{
    /* The order of recorded CHALLENGEs. */
    static const enum ntlm_av_id order[NAME_COUNT] = {NTLM_AV_NB_DOMAIN, NTLM_AV_NB_COMPUTER,
                                                      NTLM_AV_DNS_DOMAIN, NTLM_AV_DNS_COMPUTER,
                                                      NTLM_AV_DNS_TREE};
    static const uint8_t unset[8];
    size_t count = is_member(&credential->config) ? NAME_COUNT : NAME_COUNT - 1;
    uint8_t info[NTLM_MAX_TOKEN], *at = info;

    for (size_t i = 0; i < count; i++) {
        if (names[i].size + 256 > sizeof info - (size_t)(at - info)) {
            sspi_error_set("the names in libsspi.conf are too long for an NTLM message");
            return SEC_E_INTERNAL_ERROR;
        }
        at = ntlm_av_put(at, order[i], names[i].data, names[i].size);
    }
    if (credential->config.ntlm_av_timestamp)
        at = ntlm_av_put(at, NTLM_AV_TIMESTAMP, unset, sizeof unset);
    at = ntlm_av_put(at, NTLM_AV_EOL, NULL, 0);
    struct ntlm_challenge challenge = {
        .flags = NTLM_TARGET_INFO | (is_member(&credential->config) ? NTLM_TARGET_TYPE_DOMAIN
                                                                    : NTLM_TARGET_TYPE_SERVER),
        .challenge = unset,
        .target_name = sspi_blob_view(&names[0]),
        .target_info = {info, (size_t)(at - info)},
    };
    SECURITY_STATUS status = ntlm_build_challenge(&challenge, &credential->challenge);
    if (status == SEC_E_OK)
        ntlm_set_version(&credential->challenge, credential->config.ntlm_version);
    return status;
}

static SECURITY_STATUS prepare_inbound(struct ntlm_credential *credential)
{
    const struct sspi_config *config = &credential->config;
    const char *texts[NAME_COUNT] = {config->ntlm_netbios_domain, config->ntlm_netbios_name,
                                     config->ntlm_dns_domain, config->ntlm_dns_name,
                                     config->ntlm_dns_tree};
    struct sspi_blob names[NAME_COUNT] = {{NULL, 0}};
    SECURITY_STATUS status = SEC_E_OK;

    for (size_t i = 0; i < NAME_COUNT && status == SEC_E_OK; i++)
        status = sspi_utf16_blob(texts[i], &names[i]) ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
    if (status == SEC_E_OK)
        status = build_challenge(credential, names);
    for (size_t i = 0; i < NAME_COUNT; i++)
        sspi_blob_free(&names[i]);
    return status;
}

SECURITY_STATUS ntlm_acquire(const struct sspi_cred_request *request, void **credential,
                             TimeStamp *expiry)
{
    struct ntlm_credential *made = sspi_alloc(sizeof *made);
    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    atomic_init(&made->references, 1);
    made->inbound = request->use & SECPKG_CRED_INBOUND;
    made->outbound = request->use & SECPKG_CRED_OUTBOUND;
    SECURITY_STATUS status = sspi_config_read(&made->config);
    if (status == SEC_E_OK && made->outbound)
        status = prepare_outbound(made, request->identity, request->client);
    if (status == SEC_E_OK && made->inbound)
        status = prepare_inbound(made);
    if (status != SEC_E_OK) {
        ntlm_release(made);
        return status;
    }
    *credential = made;
    expiry->QuadPart = NEVER; /* a password does not run out by itself */
    return SEC_E_OK;
}

void ntlm_release(void *opaque)
{
    struct ntlm_credential *credential = opaque;
    if (!credential || atomic_fetch_sub(&credential->references, 1) != 1)
        return;
    sspi_config_free(&credential->config);
    sspi_free(credential->user);
    sspi_free(credential->domain);
    sspi_blob_free(&credential->user16);
    sspi_blob_free(&credential->domain16);
    sspi_blob_free(&credential->workstation16);
    sspi_blob_free(&credential->challenge);
    sspi_free_secret(credential, sizeof *credential);
}

SECURITY_STATUS ntlm_credential_name(void *opaque, char **name)
{
    const struct ntlm_credential *credential = opaque;
    if (!credential->outbound || credential->identity != NTLM_USER)
        return SEC_E_NO_CREDENTIALS;
    *name = ntlm_full_name(credential->domain, credential->user);
    return *name ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}
