/* SPDX-License-Identifier: Apache-2.0
 *
 * Context attributes of NTLM.
 */
#include "env.h"
#include "ntlm/context.h"
#include "ntlm/wire.h"

#define CALG_RC4 0x6801
/* RFC 4757's numbers as Windows reports them (mp.ntlm.keyinfo). */
#define CHECKSUM_HMAC_MD5 0xffffff76u
#define CHECKSUM_RC4_CRC32 0xffffff7cu
#define NEVER INT64_MAX

static SECURITY_STATUS text(const char *from, char **to)
{
    if (!from)
        return SEC_E_UNSUPPORTED_FUNCTION;
    *to = sspi_strdup(from);
    return *to ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS two_texts(const char *one, const char *two, struct sspi_attribute *attribute)
{
    SECURITY_STATUS status = text(one, &attribute->value.names.first);
    if (status == SEC_E_OK)
        status = text(two, &attribute->value.names.second);
    if (status != SEC_E_OK) {
        sspi_free(attribute->value.names.first);
        attribute->value.names.first = NULL;
    }
    return status;
}

static SECURITY_STATUS key_info(const struct ntlm_context *context,
                                struct sspi_attribute *attribute)
{
    bool ess = context->flags & NTLM_ESS;
    attribute->value.names.key_bits = 128; /* whatever was negotiated (mp.ntlm.keyinfo) */
    attribute->value.names.signature_algorithm = ess ? CHECKSUM_HMAC_MD5 : CHECKSUM_RC4_CRC32;
    attribute->value.names.encryption_algorithm = CALG_RC4;
    return two_texts(ess ? "HMAC-MD5" : "RSADSI RC4-CRC32", "RSADSI RC4", attribute);
}

/* The server's name is the target that the client asked for: NTLM knows no other. */
static SECURITY_STATUS native_names(const struct ntlm_context *context,
                                    struct sspi_attribute *attribute)
{
    return two_texts(context->name, context->target ? context->target : "", attribute);
}

static void lifespan(const struct ntlm_context *context, struct sspi_attribute *attribute)
{
    attribute->value.lifespan.start.QuadPart = (int64_t)sspi_filetime_to_local(context->start);
    attribute->value.lifespan.end.QuadPart = (int64_t)sspi_filetime_to_local(context->end);
}

static void password_expiry(const struct ntlm_context *context, struct sspi_attribute *attribute)
{
    attribute->value.lifespan.end.QuadPart =
        context->password_expires ? (int64_t)sspi_filetime_to_local(context->password_expires)
                                  : NEVER;
}

/* What can be told of any context, finished or not. */
static bool query_any(const struct ntlm_context *context, struct sspi_attribute *attribute)
{
    bool done = context->state == NTLM_DONE;
    switch (attribute->attribute) {
    case SECPKG_ATTR_SIZES:
        /* The same whatever was asked for (mp.sizes.ntlm, against inter.sizes-without-request). */
        attribute->value.sizes =
            (SecPkgContext_Sizes){NTLM_MAX_TOKEN, NTLM_SIGNATURE_SIZE, 0, NTLM_SIGNATURE_SIZE};
        return true;
    case SECPKG_ATTR_PACKAGE_INFO:
    case SECPKG_ATTR_NEGOTIATION_INFO:
        attribute->value.negotiation.package = &sspi_ntlm_package;
        attribute->value.negotiation.state =
            done ? SECPKG_NEGOTIATION_COMPLETE : SECPKG_NEGOTIATION_IN_PROGRESS;
        return true;
    case SECPKG_ATTR_FLAGS:
        attribute->value.flags = context->ret;
        return true;
    case SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS:
        attribute->value.last_client_token =
            done ? SecPkgAttrLastClientTokenYes : SecPkgAttrLastClientTokenNo;
        return true;
    default:
        return false;
    }
}

static SECURITY_STATUS query_done(const struct ntlm_context *context,
                                  struct sspi_attribute *attribute)
{
    switch (attribute->attribute) {
    case SECPKG_ATTR_NAMES:
        return text(context->name, &attribute->value.names.first);
    case SECPKG_ATTR_LIFESPAN:
        lifespan(context, attribute);
        return SEC_E_OK;
    case SECPKG_ATTR_KEY_INFO:
        return key_info(context, attribute);
    case SECPKG_ATTR_AUTHORITY:
        return text(context->authority, &attribute->value.names.first);
    case SECPKG_ATTR_PASSWORD_EXPIRY:
        password_expiry(context, attribute);
        return SEC_E_OK;
    case SECPKG_ATTR_SESSION_KEY:
        return sspi_blob_copy(&attribute->value.session_key, context->session_key,
                              sizeof context->session_key)
                   ? SEC_E_OK
                   : SEC_E_INSUFFICIENT_MEMORY;
    case SECPKG_ATTR_NATIVE_NAMES:
        return native_names(context, attribute);
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        if (context->is_client)
            return SEC_E_UNSUPPORTED_FUNCTION;
        /* A client that named no target: the code that .NET takes for "none". */
        return context->target ? text(context->target, &attribute->value.names.first)
                               : SEC_E_TARGET_UNKNOWN;
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}

SECURITY_STATUS ntlm_query(void *opaque, struct sspi_attribute *attribute)
{
    const struct ntlm_context *context = opaque;
    if (query_any(context, attribute))
        return SEC_E_OK;
    if (context->state != NTLM_DONE)
        return SEC_E_INVALID_HANDLE; /* Windows makes the half that answers only at the end */
    return query_done(context, attribute);
}
