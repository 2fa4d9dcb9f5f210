/* SPDX-License-Identifier: Apache-2.0
 * The function table, packages, credentials, and what all of them use. */
#include "gssapi.h"

#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct credential *credentials;
static const char kerberos_name[] = "Kerberos", negotiate_name[] = "Negotiate";

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

/* ---- credentials --------------------------------------------------------------------------- */

struct credential *credential_of(const CredHandle *handle)
{
    struct credential *one = credentials;
    while (one && (!handle || (uintptr_t)one != handle->dwLower))
        one = one->next;
    return one;
}

static bool is_package(const SEC_WCHAR *text, const char *name)
{
    size_t i = 0;
    while (name[i] && (text[i] | 0x20) == (name[i] | 0x20))
        i++;
    return !name[i] && !text[i];
}

static void discard(struct credential *one)
{
    OM_uint32 minor;

    gss_release_cred(&minor, &one->initiate);
    gss_release_cred(&minor, &one->accept);
    if (one->password)
        explicit_bzero(one->password, strlen(one->password));
    free(one->user);
    free(one->password);
    free(one);
}

/* A text of an identity, in whichever form its flags say. */
static char *text_of(const void *text, ULONG length, ULONG flags)
{
    if (!text)
        return strdup("");
    return flags & SEC_WINNT_AUTH_IDENTITY_ANSI ? strndup(text, length) : narrow(text, length);
}

/* The names of a SEC_WINNT_AUTH_IDENTITY_W or _EXW, or their ANSI twins; a version where the
 * user's address would be tells the second from the first. */
static SECURITY_STATUS take_identity(struct credential *one, const void *data)
{
    const SEC_WINNT_AUTH_IDENTITY_EXW *ex = data;
    SEC_WINNT_AUTH_IDENTITY_W plain;
    bool versioned = ex->Version == SEC_WINNT_AUTH_IDENTITY_VERSION;
    char *user, *domain;

    if (!versioned && ex->Version && ex->Version < 0x10000)
        return SEC_E_UNKNOWN_CREDENTIALS; /* no address is so low, and no other version is known */
    if (versioned)
        plain = (SEC_WINNT_AUTH_IDENTITY_W){ex->User,         ex->UserLength, ex->Domain,
                                            ex->DomainLength, ex->Password,   ex->PasswordLength,
                                            ex->Flags};
    else
        memcpy(&plain, data, sizeof plain);
    if (versioned && !plain.UserLength && !plain.PasswordLength)
        return SEC_E_OK; /* no identity, but a package list */
    if (!plain.User || !plain.Password)
        return SEC_E_NO_CREDENTIALS;
    user = text_of(plain.User, plain.UserLength, plain.Flags);
    domain = text_of(plain.Domain, plain.DomainLength, plain.Flags);
    one->password = text_of(plain.Password, plain.PasswordLength, plain.Flags);
    one->has_identity = true;
    if (user && domain && asprintf(&one->user, *domain ? "%s@%s" : "%s", user, domain) < 0)
        one->user = NULL;
    free(user);
    free(domain);
    return one->user && one->password ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

SECURITY_STATUS acquire_credentials(SEC_WCHAR *principal, SEC_WCHAR *package, ULONG use,
                                    void *logon_id, void *identity, SEC_GET_KEY_FN get_key,
                                    void *argument, PCredHandle handle, PTimeStamp expiry)
{
    struct credential *one;
    SECURITY_STATUS status;

    (void)principal, (void)logon_id, (void)get_key, (void)argument;
    if (!package || (!is_package(package, kerberos_name) && !is_package(package, negotiate_name)))
        return SEC_E_SECPKG_NOT_FOUND;
    if (!handle || !(use & SECPKG_CRED_BOTH))
        return SEC_E_INVALID_PARAMETER;
    one = calloc(1, sizeof *one);
    if (!one)
        return SEC_E_INSUFFICIENT_MEMORY;
    one->use = use;
    one->negotiate = is_package(package, negotiate_name);
    status = identity ? take_identity(one, identity) : SEC_E_OK;
    if (status != SEC_E_OK) {
        discard(one);
        return status;
    }
    one->next = credentials;
    credentials = one;
    *handle = (CredHandle){(uintptr_t)one, 0};
    if (expiry)
        expiry->QuadPart = INT64_MAX;
    return SEC_E_OK;
}

SECURITY_STATUS free_credentials(PCredHandle handle)
{
    struct credential *one = credential_of(handle), **place = &credentials;

    if (!one)
        return SEC_E_INVALID_HANDLE;
    while (*place != one)
        place = &(*place)->next;
    *place = one->next;
    discard(one);
    return SEC_E_OK;
}

SECURITY_STATUS credential_for(struct credential *one, gss_cred_usage_t usage, gss_cred_id_t *found)
{
    gss_OID_set_desc inner = {1, (gss_OID)gss_mech_krb5};
    gss_OID_set_desc outer = {1, one->negotiate ? spnego : (gss_OID)gss_mech_krb5};
    gss_cred_id_t *place = usage == GSS_C_INITIATE ? &one->initiate : &one->accept;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major = GSS_S_COMPLETE, minor = 0, ignored;

    if (!(one->use & (usage == GSS_C_INITIATE ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND)))
        return SEC_E_NO_CREDENTIALS;
    if (!*place && usage == GSS_C_INITIATE && one->has_identity) {
        gss_buffer_desc user = {strlen(one->user), one->user};
        gss_buffer_desc password = {strlen(one->password), one->password};
        major = gss_import_name(&minor, &user, GSS_C_NT_USER_NAME, &name);
        if (!GSS_ERROR(major))
            major = gss_acquire_cred_with_password(&minor, name, &password, GSS_C_INDEFINITE,
                                                   &outer, usage, place, NULL, NULL);
    } else if (!*place) {
        major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &outer, usage, place,
                                 NULL, NULL);
    }
    if (!GSS_ERROR(major) && one->negotiate)
        major = gss_set_neg_mechs(&minor, *place, &inner);
    gss_release_name(&ignored, &name);
    *found = *place;
    return status_of(major, minor, SEC_E_NO_CREDENTIALS);
}

/* ---- packages ------------------------------------------------------------------------------ */

struct packages {
    SecPkgInfoW info[2];
    SEC_WCHAR text[2][10];
};

static const ULONG capabilities = SECPKG_FLAG_INTEGRITY | SECPKG_FLAG_PRIVACY |
                                  SECPKG_FLAG_CONNECTION | SECPKG_FLAG_EXTENDED_ERROR |
                                  SECPKG_FLAG_IMPERSONATION | SECPKG_FLAG_GSS_COMPATIBLE |
                                  SECPKG_FLAG_MUTUAL_AUTH | SECPKG_FLAG_DELEGATION;

static SECURITY_STATUS enumerate_packages(ULONG *count, PSecPkgInfoW *packages)
{
    struct packages *made = calloc(1, sizeof *made);

    if (!made)
        return SEC_E_INSUFFICIENT_MEMORY;
    for (int i = 0; i < 2; i++) {
        const char *name = i ? negotiate_name : kerberos_name;
        for (int c = 0; name[c]; c++)
            made->text[i][c] = (SEC_WCHAR)name[c];
        made->info[i] =
            (SecPkgInfoW){capabilities, 1, i ? 9 : 16, 48000, made->text[i], made->text[i]};
    }
    *count = 2;
    *packages = made->info;
    return SEC_E_OK;
}

static SECURITY_STATUS query_package(SEC_WCHAR *name, PSecPkgInfoW *package)
{
    ULONG count;
    bool negotiate = name && is_package(name, negotiate_name);
    SECURITY_STATUS status;

    if (!name || (!negotiate && !is_package(name, kerberos_name)))
        return SEC_E_SECPKG_NOT_FOUND;
    status = enumerate_packages(&count, package);
    if (status == SEC_E_OK && negotiate)
        (*package)[0] = (*package)[1];
    return status;
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
