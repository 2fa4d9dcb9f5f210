/* SPDX-License-Identifier: Apache-2.0
 * The function table, packages, and what all parts use. */
#include "gssapi.h"

#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const package_names[] = {"Kerberos", "NTLM", "Negotiate"};

SecBuffer *buffer_of(const SecBufferDesc *list, ULONG type)
{
    for (ULONG i = 0; list && list->pBuffers && i < list->cBuffers; i++)
        if ((list->pBuffers[i].BufferType & ~SECBUFFER_ATTRMASK) == type)
            return &list->pBuffers[i];
    return NULL;
}

size_t wide_length(const SEC_WCHAR *text)
{
    size_t length = 0;
    while (text && text[length])
        length++;
    return length;
}

/* Names of the realm are in the basic plane, so no surrogate is joined. */
char *narrow(const SEC_WCHAR *text, size_t length)
{
    char *made = malloc(3 * length + 1), *end = made;

    for (size_t i = 0; made && i < length; i++) {
        unsigned c = text[i];
        if (c < 0x80) {
            *end++ = (char)c;
        } else if (c < 0x800) {
            *end++ = (char)(0xC0 | c >> 6);
            *end++ = (char)(0x80 | (c & 0x3F));
        } else {
            *end++ = (char)(0xE0 | c >> 12);
            *end++ = (char)(0x80 | (c >> 6 & 0x3F));
            *end++ = (char)(0x80 | (c & 0x3F));
        }
    }
    if (made)
        *end = 0;
    return made;
}

SEC_WCHAR *widen(const char *text, size_t length)
{
    const unsigned char *in = (const unsigned char *)text, *end = in + length;
    SEC_WCHAR *made = calloc(length + 1, sizeof *made), *out = made;

    while (made && in < end) {
        unsigned c = *in++;
        unsigned more = c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
        c &= more == 2 ? 0x0F : more == 1 ? 0x1F : 0x7F;
        for (; more && in < end; more--)
            c = c << 6 | (*in++ & 0x3F);
        *out++ = (SEC_WCHAR)c;
    }
    return made;
}

/* MIT's minor codes say what went wrong at the KDC; what they leave open, the major code says. */
static SECURITY_STATUS minor_status(OM_uint32 minor)
{
    switch ((int32_t)minor) {
    case KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN:
    case KRB5KDC_ERR_CLIENT_REVOKED:
    case KRB5KDC_ERR_NAME_EXP:
    case KRB5KDC_ERR_KEY_EXP:
    case KRB5KDC_ERR_PREAUTH_FAILED:
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
        return SEC_E_LOGON_DENIED;
    case KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN:
        return SEC_E_TARGET_UNKNOWN;
    case KRB5KRB_AP_ERR_SKEW:
        return SEC_E_TIME_SKEW;
    case KRB5_KDC_UNREACH:
    case KRB5_REALM_UNKNOWN:
        return SEC_E_NO_AUTHENTICATING_AUTHORITY;
    case KRB5KRB_AP_WRONG_PRINC:
        return SEC_E_WRONG_PRINCIPAL;
    default:
        return SEC_E_OK;
    }
}

SECURITY_STATUS status_of(OM_uint32 major, OM_uint32 minor, SECURITY_STATUS otherwise)
{
    SECURITY_STATUS status = minor_status(minor);

    if (GSS_CALLING_ERROR(major))
        return otherwise;
    switch (GSS_ROUTINE_ERROR(major)) {
    case GSS_S_BAD_BINDINGS:
        return SEC_E_BAD_BINDINGS;
    case GSS_S_BAD_MIC:
        return SEC_E_MESSAGE_ALTERED;
    case GSS_S_CONTEXT_EXPIRED:
        return SEC_E_CONTEXT_EXPIRED;
    case GSS_S_DEFECTIVE_TOKEN:
        return SEC_E_INVALID_TOKEN;
    case GSS_S_UNAVAILABLE:
        return SEC_E_UNSUPPORTED_FUNCTION;
    case GSS_S_NO_CRED:
        return status != SEC_E_OK ? status : SEC_E_NO_CREDENTIALS;
    case 0:
        return GSS_SUPPLEMENTARY_INFO(major) & (GSS_S_DUPLICATE_TOKEN | GSS_S_OLD_TOKEN |
                                                GSS_S_UNSEQ_TOKEN | GSS_S_GAP_TOKEN)
                   ? SEC_E_OUT_OF_SEQUENCE
                   : SEC_E_OK;
    default:
        return status != SEC_E_OK ? status : otherwise;
    }
}

/* ---- packages ------------------------------------------------------------------------------ */

static bool is_package(const SEC_WCHAR *text, const char *name)
{
    size_t i = 0;
    while (name[i] && (text[i] | 0x20) == (name[i] | 0x20))
        i++;
    return !name[i] && !text[i];
}

enum package package_called(const SEC_WCHAR *name)
{
    for (int package = KERBEROS; name && package < NO_PACKAGE; package++)
        if (is_package(name, package_names[package]) && has_package((enum package)package))
            return (enum package)package;
    return NO_PACKAGE;
}

struct packages {
    SecPkgInfoW info[NO_PACKAGE];
    SEC_WCHAR text[NO_PACKAGE][10];
};

static void describe(SecPkgInfoW *info, SEC_WCHAR *text, enum package package)
{
    static const struct {
        ULONG capabilities;
        uint16_t rpc;
        ULONG largest;
    } known[] = {{SECPKG_FLAG_MUTUAL_AUTH | SECPKG_FLAG_DELEGATION, 16, 48000},
                 {SECPKG_FLAG_DATAGRAM, 10, 2888},
                 {SECPKG_FLAG_MUTUAL_AUTH | SECPKG_FLAG_DELEGATION, 9, 48000}};
    const char *name = package_names[package];

    for (int c = 0; name[c]; c++)
        text[c] = (SEC_WCHAR)name[c];
    *info =
        (SecPkgInfoW){known[package].capabilities | SECPKG_FLAG_INTEGRITY | SECPKG_FLAG_PRIVACY |
                          SECPKG_FLAG_CONNECTION | SECPKG_FLAG_EXTENDED_ERROR |
                          SECPKG_FLAG_IMPERSONATION | SECPKG_FLAG_GSS_COMPATIBLE,
                      1,
                      known[package].rpc,
                      known[package].largest,
                      text,
                      text};
}

static SECURITY_STATUS enumerate_packages(ULONG *count, PSecPkgInfoW *packages)
{
    struct packages *made = count && packages ? calloc(1, sizeof *made) : NULL;

    if (!count || !packages)
        return SEC_E_INVALID_PARAMETER;
    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    *count = 0;
    for (int package = KERBEROS; package < NO_PACKAGE; package++)
        if (has_package((enum package)package)) {
            describe(&made->info[*count], made->text[*count], (enum package)package);
            ++*count;
        }
    *packages = made->info;
    return SEC_E_OK;
}

static SECURITY_STATUS query_package(SEC_WCHAR *name, PSecPkgInfoW *found)
{
    enum package package = package_called(name);
    struct packages *made = package != NO_PACKAGE && found ? calloc(1, sizeof *made) : NULL;

    if (package == NO_PACKAGE || !found)
        return found ? SEC_E_SECPKG_NOT_FOUND : SEC_E_INVALID_PARAMETER;
    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    describe(made->info, made->text[0], package);
    *found = made->info;
    return SEC_E_OK;
}

static SECURITY_STATUS free_buffer(void *buffer)
{
    free(buffer);
    return SEC_E_OK;
}

/* What GSSAPI has no word for stays NULL. */
static SecurityFunctionTableW table = {
    .dwVersion = 1,
    .EnumerateSecurityPackagesW = enumerate_packages,
    .AcquireCredentialsHandleW = acquire_credentials,
    .FreeCredentialsHandle = free_credentials,
    .InitializeSecurityContextW = initialize_context,
    .AcceptSecurityContext = accept_context,
    .DeleteSecurityContext = delete_context,
    .QueryContextAttributesW = query_context,
    .MakeSignature = make_signature,
    .VerifySignature = verify_signature,
    .FreeContextBuffer = free_buffer,
    .QuerySecurityPackageInfoW = query_package,
    .EncryptMessage = encrypt_message,
    .DecryptMessage = decrypt_message,
};

__attribute__((visibility("default"))) PSecurityFunctionTableW InitSecurityInterfaceW(void)
{
    return &table;
}
