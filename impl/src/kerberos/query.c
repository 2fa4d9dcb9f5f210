/* SPDX-License-Identifier: Apache-2.0
 *
 * QueryContextAttributes of the Kerberos package.
 */
#include <string.h>

#include "../message.h"
#include "rc4.h"

/* A copy that the surface releases. */
static SECURITY_STATUS copy(const char *from, char **to)
{
    *to = sspi_strdup(from ? from : "");
    return *to ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS sizes(const struct sspi_krb_context *context, SecPkgContext_Sizes *sizes)
{
    *sizes = (SecPkgContext_Sizes){.cbMaxToken = SSPI_KRB_MAX_TOKEN, .cbBlockSize = 1};
    if (!context->enctype)
        return SEC_E_OK;
    if (sspi_krb_is_rc4(context)) {
        sizes->cbMaxSignature = SSPI_KRB_RC4_MIC;
        sizes->cbSecurityTrailer = SSPI_KRB_RC4_WRAP_MAX;
        return SEC_E_OK;
    }
    ULONG cksum = (ULONG)context->enctype->cksum_size;
    sizes->cbMaxSignature = SSPI_KRB_HEADER + cksum;
    /* Windows reports 76 for AES, with or without DCE style: room for the filler that only a
     * sealed DCE token has; others use 60. */
    sizes->cbSecurityTrailer = SSPI_KRB_HEADER + 16 + SSPI_KRB_HEADER + cksum + SSPI_KRB_CONFOUNDER;
    return SEC_E_OK;
}

static SECURITY_STATUS key_info(const struct sspi_krb_context *context,
                                struct sspi_attribute *attribute)
{
    if (!context->enctype)
        return SEC_E_UNSUPPORTED_FUNCTION;
    SECURITY_STATUS status = copy(context->enctype->signature, &attribute->value.names.first);
    if (status == SEC_E_OK)
        status = copy(context->enctype->encryption, &attribute->value.names.second);
    if (status != SEC_E_OK) {
        sspi_free(attribute->value.names.first);
        attribute->value.names.first = NULL;
        return status;
    }
    attribute->value.names.key_bits = context->enctype->key_bits;
    attribute->value.names.encryption_algorithm = (ULONG)context->enctype->enctype;
    attribute->value.names.signature_algorithm = (ULONG)context->enctype->cksumtype;
    return SEC_E_OK;
}

static SECURITY_STATUS native_names(const struct sspi_krb_context *context,
                                    struct sspi_attribute *attribute)
{
    SECURITY_STATUS status = copy(context->client, &attribute->value.names.first);
    if (status == SEC_E_OK)
        status = copy(context->server, &attribute->value.names.second);
    if (status != SEC_E_OK) {
        sspi_free(attribute->value.names.first);
        attribute->value.names.first = NULL;
    }
    return status;
}

/* Whom an acceptor speaks to, as Windows writes it for a ticket without a PAC: REALM\user
 * (ident.kerberos.client-name). An initiator is told its principal. */
static SECURITY_STATUS user_name(const struct sspi_krb_context *context,
                                 struct sspi_attribute *attribute)
{
    const char *at = strrchr(context->client, '@');
    if (context->initiator || !at)
        return copy(context->client, &attribute->value.names.first);
    size_t realm = strlen(at + 1), user = (size_t)(at - context->client);
    char *name = sspi_alloc(realm + 1 + user + 1);
    if (!name)
        return SEC_E_INSUFFICIENT_MEMORY;
    memcpy(name, at + 1, realm);
    name[realm] = '\\';
    memcpy(name + realm + 1, context->client, user);
    attribute->value.names.first = name;
    return SEC_E_OK;
}

/* What is known before the exchange has ended: which package it is. */
static SECURITY_STATUS package(const struct sspi_krb_context *context,
                               struct sspi_attribute *attribute)
{
    attribute->value.negotiation.package = &sspi_kerberos_package;
    attribute->value.negotiation.state = context->state == SSPI_KRB_DONE
                                             ? SECPKG_NEGOTIATION_COMPLETE
                                             : SECPKG_NEGOTIATION_IN_PROGRESS;
    return SEC_E_OK;
}

SECURITY_STATUS sspi_krb_query(void *handle, struct sspi_attribute *attribute)
{
    const struct sspi_krb_context *context = handle;

    if (attribute->attribute == SECPKG_ATTR_PACKAGE_INFO ||
        attribute->attribute == SECPKG_ATTR_NEGOTIATION_INFO)
        return package(context, attribute);
    if (context->state != SSPI_KRB_DONE)
        return SEC_E_INVALID_HANDLE;
    switch (attribute->attribute) {
    case SECPKG_ATTR_SIZES:
        return sizes(context, &attribute->value.sizes);
    case SECPKG_ATTR_NAMES:
        return user_name(context, attribute);
    case SECPKG_ATTR_NATIVE_NAMES:
        return native_names(context, attribute);
    case SECPKG_ATTR_AUTHORITY:
        return copy(context->realm, &attribute->value.names.first);
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        /* On the acceptor a claim of the initiator, which may have made none. */
        if (!context->target)
            return SEC_E_UNSUPPORTED_FUNCTION;
        return copy(context->target, &attribute->value.names.first);
    case SECPKG_ATTR_KEY_INFO:
        return key_info(context, attribute);
    case SECPKG_ATTR_LIFESPAN:
        attribute->value.lifespan.start = sspi_krb_local_time(context->start);
        attribute->value.lifespan.end = sspi_krb_local_time(context->end);
        return SEC_E_OK;
    case SECPKG_ATTR_PASSWORD_EXPIRY:
        /* A ticket does not say when; that is in LOGON_INFO, which not every PAC has. */
        attribute->value.lifespan.end.QuadPart = INT64_MAX;
        return SEC_E_OK;
    case SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS:
        attribute->value.last_client_token = SecPkgAttrLastClientTokenYes;
        return SEC_E_OK;
    case SECPKG_ATTR_SESSION_KEY:
        return sspi_blob_copy(&attribute->value.session_key, context->session_key->contents,
                              context->session_key->length)
                   ? SEC_E_OK
                   : SEC_E_INSUFFICIENT_MEMORY;
    case SECPKG_ATTR_FLAGS:
        attribute->value.flags = context->initiator
                                     ? sspi_krb_isc_ret(context->flags, context->req)
                                     : sspi_krb_asc_ret(context->flags, context->req);
        return SEC_E_OK;
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}
