/* SPDX-License-Identifier: Apache-2.0
 *
 * NTLM contexts: birth, death, and what both sides do at the end of a leg.
 */
#include "ntlm/context.h"

#include <stdio.h>
#include <string.h>

#include "env.h"
#include "ntlm/wire.h"
#include "text.h"

/* Windows reports between one hour and ten days (attrfact.lifespan). 36 hours is the longest
 * challenge lifetime known (MS-NLMP 3.1.1.1, MaxLifetime). Nothing is enforced after it. */
#define LIFETIME (36ULL * 3600 * 10000000)

struct ntlm_context *ntlm_context_new(struct ntlm_credential *credential, bool is_client)
{
    struct ntlm_context *context = sspi_alloc(sizeof *context);
    if (!context)
        return NULL;
    atomic_fetch_add(&credential->references, 1);
    context->credential = credential;
    context->is_client = is_client;
    context->start = sspi_now();
    context->end = context->start + LIFETIME;
    return context;
}

void ntlm_context_free(void *opaque)
{
    struct ntlm_context *context = opaque;
    if (!context)
        return;
    ntlm_release(context->credential);
    sspi_blob_free(&context->negotiate);
    sspi_blob_free(&context->challenge);
    sspi_free(context->target);
    sspi_free(context->name);
    sspi_free(context->authority);
    sspi_free_secret(context, sizeof *context);
}

void ntlm_leg_done(struct ntlm_context *context, struct sspi_leg *leg)
{
    context->ret = context->is_client
                       ? ntlm_isc_ret(context->req, context->flags, context->is_anonymous)
                       : ntlm_asc_ret(context->req, context->flags, context->is_anonymous);
    leg->ret = context->ret;
    leg->has_expiry = true;
    leg->expiry.QuadPart = (int64_t)sspi_filetime_to_local(context->end);
}

char *ntlm_full_name(const char *domain, const char *user)
{
    if (!*domain)
        return sspi_strdup(user);
    size_t size = strlen(domain) + strlen(user) + 2;
    char *name = sspi_alloc(size);
    if (name)
        snprintf(name, size, "%s\\%s", domain, user);
    return name;
}

bool ntlm_is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] >= 0x80 || !text[i])
            return false;
    }
    return true;
}

SECURITY_STATUS ntlm_text(struct sspi_view bytes, uint32_t flags, char **text)
{
    if (!(flags & NTLM_UNICODE)) {
        if (!ntlm_is_ascii((const char *)bytes.data, bytes.size))
            return SEC_E_INVALID_TOKEN;
        *text = sspi_alloc(bytes.size + 1);
        if (*text && bytes.size)
            memcpy(*text, bytes.data, bytes.size);
    } else {
        if (bytes.size % 2 ||
            !sspi_utf16_valid((const SEC_WCHAR *)(const void *)bytes.data, bytes.size / 2))
            return SEC_E_INVALID_TOKEN;
        *text = bytes.size ? sspi_utf8_from_bytes(bytes) : sspi_strdup("");
    }
    return *text ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}
