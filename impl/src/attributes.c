/* SPDX-License-Identifier: Apache-2.0
 *
 * Marshalling of context attributes.
 */
#include "attributes.h"

#include <string.h>

#include "text.h"

/* ---- package information ------------------------------------------------------------------ */

/* Names and comments are ASCII, so a character is a unit in either form. */
static size_t texts_size(const struct sspi_package *const *packages, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += strlen(packages[i]->name) + 1 + strlen(packages[i]->comment) + 1;
    return size;
}

static SEC_WCHAR *put_wide(SEC_WCHAR *at, const char *ascii)
{
    do {
        *at++ = (SEC_WCHAR)*ascii;
    } while (*ascii++);
    return at;
}

SecPkgInfoW *sspi_package_info_w(const struct sspi_package *const *packages, size_t count)
{
    SecPkgInfoW *info =
        sspi_alloc(count * sizeof *info + texts_size(packages, count) * sizeof(SEC_WCHAR));
    if (!info)
        return NULL;
    SEC_WCHAR *text = (SEC_WCHAR *)(info + count);
    for (size_t i = 0; i < count; i++) {
        const struct sspi_package *package = packages[i];
        info[i] = (SecPkgInfoW){package->capabilities,
                                package->version,
                                package->rpc_id,
                                package->max_token,
                                text,
                                NULL};
        info[i].Comment = text = put_wide(text, package->name);
        text = put_wide(text, package->comment);
    }
    return info;
}

SecPkgInfoA *sspi_package_info_a(const struct sspi_package *const *packages, size_t count)
{
    SecPkgInfoA *info = sspi_alloc(count * sizeof *info + texts_size(packages, count));
    if (!info)
        return NULL;
    char *text = (char *)(info + count);
    for (size_t i = 0; i < count; i++) {
        const struct sspi_package *package = packages[i];
        info[i] = (SecPkgInfoA){package->capabilities,
                                package->version,
                                package->rpc_id,
                                package->max_token,
                                text,
                                NULL};
        info[i].Comment = text = stpcpy(text, package->name) + 1;
        text = stpcpy(text, package->comment) + 1;
    }
    return info;
}

/* ---- strings ------------------------------------------------------------------------------ */

bool sspi_caller_text(char *text, bool wide, void **out)
{
    if (!text || !wide) {
        *out = text;
        return true;
    }
    *out = sspi_utf16_from_utf8(text);
    sspi_free(text);
    return *out != NULL;
}

/* Both strings of an attribute, or none of them. */
static bool caller_texts(struct sspi_attribute *attribute, bool wide, void *texts[2])
{
    char *first = attribute->value.names.first, *second = attribute->value.names.second;
    bool got_first = sspi_caller_text(first, wide, &texts[0]);
    bool got_second = sspi_caller_text(second, wide, &texts[1]);
    if (got_first && got_second)
        return true;
    sspi_free(texts[0]);
    sspi_free(texts[1]);
    return false;
}

/* ---- one writer per structure -------------------------------------------------------------- */

/* In the W and A structures of NAMES, NATIVE_NAMES, AUTHORITY, KEY_INFO and the two package
 * structures only the pointed-to type differs, so the W layout serves both. */
_Static_assert(sizeof(SecPkgContext_KeyInfoW) == sizeof(SecPkgContext_KeyInfoA) &&
                   sizeof(SecPkgContext_NativeNamesW) == sizeof(SecPkgContext_NativeNamesA) &&
                   sizeof(SecPkgContext_NegotiationInfoW) == sizeof(SecPkgContext_NegotiationInfoA),
               "the W structures stand for both");

static SECURITY_STATUS write_names(struct sspi_attribute *attribute, bool wide, void *structure)
{
    void *texts[2];
    if (!caller_texts(attribute, wide, texts))
        return SEC_E_INSUFFICIENT_MEMORY;
    switch (attribute->attribute) {
    case SECPKG_ATTR_NATIVE_NAMES:
        *(SecPkgContext_NativeNamesW *)structure = (SecPkgContext_NativeNamesW){texts[0], texts[1]};
        break;
    case SECPKG_ATTR_KEY_INFO:
        *(SecPkgContext_KeyInfoW *)structure =
            (SecPkgContext_KeyInfoW){texts[0], texts[1], attribute->value.names.key_bits,
                                     attribute->value.names.signature_algorithm,
                                     attribute->value.names.encryption_algorithm};
        break;
    default: /* NAMES, AUTHORITY, CLIENT_SPECIFIED_TARGET: one pointer */
        *(void **)structure = texts[0];
        sspi_free(texts[1]);
    }
    return SEC_E_OK;
}

static SECURITY_STATUS write_session_key(struct sspi_attribute *attribute, void *structure)
{
    struct sspi_blob *key = &attribute->value.session_key;
    SecPkgContext_SessionKey *out = structure;
    if (key->size > UINT32_MAX) {
        sspi_blob_free(key);
        return SEC_E_INTERNAL_ERROR;
    }
    *out = (SecPkgContext_SessionKey){(ULONG)key->size, key->data};
    return SEC_E_OK;
}

static SECURITY_STATUS write_package(const struct sspi_attribute *attribute, bool wide,
                                     void *structure)
{
    const struct sspi_package *package = attribute->value.negotiation.package;
    void *info = wide ? (void *)sspi_package_info_w(&package, 1) : sspi_package_info_a(&package, 1);
    if (!info)
        return SEC_E_INSUFFICIENT_MEMORY;
    if (attribute->attribute == SECPKG_ATTR_PACKAGE_INFO)
        *(SecPkgContext_PackageInfoW *)structure = (SecPkgContext_PackageInfoW){info};
    else
        *(SecPkgContext_NegotiationInfoW *)structure =
            (SecPkgContext_NegotiationInfoW){info, attribute->value.negotiation.state};
    return SEC_E_OK;
}

bool sspi_attribute_known(ULONG attribute, bool wide)
{
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
    case SECPKG_ATTR_NAMES:
    case SECPKG_ATTR_NATIVE_NAMES:
    case SECPKG_ATTR_AUTHORITY:
    case SECPKG_ATTR_KEY_INFO:
    case SECPKG_ATTR_LIFESPAN:
    case SECPKG_ATTR_PASSWORD_EXPIRY:
    case SECPKG_ATTR_SESSION_KEY:
    case SECPKG_ATTR_PACKAGE_INFO:
    case SECPKG_ATTR_NEGOTIATION_INFO:
    case SECPKG_ATTR_FLAGS:
    case SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS:
        return true;
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        return wide;
    default:
        return false;
    }
}

SECURITY_STATUS sspi_attribute_write(struct sspi_attribute *attribute, bool wide, void *structure)
{
    switch (attribute->attribute) {
    case SECPKG_ATTR_SIZES:
        *(SecPkgContext_Sizes *)structure = attribute->value.sizes;
        return SEC_E_OK;
    case SECPKG_ATTR_NAMES:
    case SECPKG_ATTR_NATIVE_NAMES:
    case SECPKG_ATTR_AUTHORITY:
    case SECPKG_ATTR_KEY_INFO:
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        return write_names(attribute, wide, structure);
    case SECPKG_ATTR_LIFESPAN:
        *(SecPkgContext_Lifespan *)structure = (SecPkgContext_Lifespan){
            attribute->value.lifespan.start, attribute->value.lifespan.end};
        return SEC_E_OK;
    case SECPKG_ATTR_PASSWORD_EXPIRY:
        *(SecPkgContext_PasswordExpiry *)structure =
            (SecPkgContext_PasswordExpiry){attribute->value.lifespan.end};
        return SEC_E_OK;
    case SECPKG_ATTR_SESSION_KEY:
        return write_session_key(attribute, structure);
    case SECPKG_ATTR_PACKAGE_INFO:
    case SECPKG_ATTR_NEGOTIATION_INFO:
        return write_package(attribute, wide, structure);
    case SECPKG_ATTR_FLAGS:
        *(SecPkgContext_Flags *)structure = (SecPkgContext_Flags){attribute->value.flags};
        return SEC_E_OK;
    case SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS:
        *(SecPkgContext_LastClientTokenStatus *)structure = (SecPkgContext_LastClientTokenStatus){
            (SECPKG_ATTR_LCT_STATUS)attribute->value.last_client_token};
        return SEC_E_OK;
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}
