/* SPDX-License-Identifier: Apache-2.0
 * Credentials: identities and package lists to the GSS credentials of one direction each. */
#include "gssapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct credential *credentials;
static gss_OID_desc ntlmssp_oid = {10, "\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"};
static gss_OID_desc spnego_oid = {6, "\x2b\x06\x01\x05\x05\x02"};

gss_OID mechanism_of(enum package package)
{
    return package == KERBEROS ? (gss_OID)gss_mech_krb5
           : package == NTLM   ? &ntlmssp_oid
                               : &spnego_oid;
}

/* What is a plugin of MIT's is there when GSS_MECH_CONFIG names it. */
bool has_package(enum package package)
{
    gss_OID_set found = GSS_C_NO_OID_SET;
    OM_uint32 minor;
    int present = 0;

    if (package != NTLM)
        return true;
    if (!GSS_ERROR(gss_indicate_mechs(&minor, &found)))
        gss_test_oid_set_member(&minor, mechanism_of(NTLM), found, &present);
    gss_release_oid_set(&minor, &found);
    return present;
}

struct credential *credential_of(const CredHandle *handle)
{
    struct credential *one = credentials;
    while (one && (!handle || (uintptr_t)one != handle->dwLower))
        one = one->next;
    return one;
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

/* One name for both mechanisms is user@domain; NTLM alone can keep a user@domain that a caller
 * wrote as the user's name, without a domain, when the @ is escaped. */
static char *user_name(unsigned mechanisms, const char *user, const char *domain)
{
    const char *at = mechanisms == 1u << NTLM && !*domain ? strchr(user, '@') : NULL;
    char *made = NULL;
    int length;

    if (at)
        length = asprintf(&made, "%.*s\\%s", (int)(at - user), user, at);
    else
        length = asprintf(&made, *domain ? "%s@%s" : "%s", user, domain);
    return length < 0 ? NULL : made;
}

/* "NTLM,Kerberos" allows what it names, "!NTLM" all but that (SEC_WINNT_AUTH_IDENTITY_EXW). */
static unsigned allowed_by(const char *list, unsigned mechanisms)
{
    unsigned named = 0, refused = 0;

    for (const char *word = list; *word;) {
        size_t length = strcspn(word, ",");
        bool not = *word == '!';
        for (int one = KERBEROS; one <= NTLM; one++)
            if (length - not == strlen(package_names[one]) &&
                !strncasecmp(word + not, package_names[one], length - not ))
                *(not ? &refused : &named) |= 1u << one;
        word += length + (word[length] == ',');
    }
    return mechanisms & (named ? named : ~0u) & ~refused;
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
    if (versioned) {
        char *list = text_of(ex->PackageList, ex->PackageListLength, ex->Flags);
        one->mechanisms = allowed_by(list ? list : "", one->mechanisms);
        free(list);
        plain = (SEC_WINNT_AUTH_IDENTITY_W){ex->User,         ex->UserLength, ex->Domain,
                                            ex->DomainLength, ex->Password,   ex->PasswordLength,
                                            ex->Flags};
    } else {
        memcpy(&plain, data, sizeof plain);
    }
    if (versioned && !plain.UserLength && !plain.PasswordLength)
        return SEC_E_OK; /* no identity, but a package list */
    if ((!plain.User || !plain.Password) && one->package == KERBEROS)
        return SEC_E_NO_CREDENTIALS;
    user = text_of(plain.User, plain.UserLength, plain.Flags);
    domain = text_of(plain.Domain, plain.DomainLength, plain.Flags);
    one->password = text_of(plain.Password, plain.PasswordLength, plain.Flags);
    one->has_identity = true;
    if (user && domain)
        one->user = user_name(one->mechanisms, user, domain);
    free(user);
    free(domain);
    return one->user && one->password ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

SECURITY_STATUS acquire_credentials(SEC_WCHAR *principal, SEC_WCHAR *name, ULONG use,
                                    void *logon_id, void *identity, SEC_GET_KEY_FN get_key,
                                    void *argument, PCredHandle handle, PTimeStamp expiry)
{
    enum package package = package_called(name);
    struct credential *one;
    SECURITY_STATUS status;

    (void)principal, (void)logon_id, (void)get_key, (void)argument;
    if (package == NO_PACKAGE)
        return SEC_E_SECPKG_NOT_FOUND;
    if (!handle || !(use & SECPKG_CRED_BOTH))
        return SEC_E_INVALID_PARAMETER;
    one = calloc(1, sizeof *one);
    if (!one)
        return SEC_E_INSUFFICIENT_MEMORY;
    one->use = use;
    one->package = package;
    one->mechanisms =
        package != NEGOTIATE ? 1u << package : 1u << KERBEROS | (unsigned)has_package(NTLM) << NTLM;
    status = identity ? take_identity(one, identity) : SEC_E_OK;
    if (status == SEC_E_OK && !one->mechanisms)
        status = SEC_E_NO_CREDENTIALS;
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

static OM_uint32 acquire(struct credential *one, gss_cred_usage_t usage, OM_uint32 *minor,
                         gss_cred_id_t *place)
{
    gss_OID_set_desc mechanism = {1, mechanism_of(one->package)};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, ignored;

    if (usage == GSS_C_INITIATE && one->has_identity) {
        gss_buffer_desc user = {strlen(one->user), one->user};
        gss_buffer_desc password = {strlen(one->password), one->password};
        major = gss_import_name(minor, &user, GSS_C_NT_USER_NAME, &name);
        if (!GSS_ERROR(major))
            major = gss_acquire_cred_with_password(minor, name, &password, GSS_C_INDEFINITE,
                                                   &mechanism, usage, place, NULL, NULL);
    } else {
        major = gss_acquire_cred(minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &mechanism, usage, place,
                                 NULL, NULL);
    }
    gss_release_name(&ignored, &name);
    return major;
}

SECURITY_STATUS credential_for(struct credential *one, gss_cred_usage_t usage, gss_cred_id_t *found)
{
    gss_cred_id_t *place = usage == GSS_C_INITIATE ? &one->initiate : &one->accept;
    OM_uint32 major = GSS_S_COMPLETE, minor = 0;
    gss_OID_desc members[2];
    gss_OID_set_desc inner = {0, members};

    if (!(one->use & (usage == GSS_C_INITIATE ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND)))
        return SEC_E_NO_CREDENTIALS;
    if (!*place)
        major = acquire(one, usage, &minor, place);
    for (int mechanism = KERBEROS; mechanism <= NTLM; mechanism++)
        if (one->mechanisms & 1u << mechanism)
            members[inner.count++] = *mechanism_of((enum package)mechanism);
    if (!GSS_ERROR(major) && one->package == NEGOTIATE)
        major = gss_set_neg_mechs(&minor, *place, &inner);
    *found = *place;
    return status_of(major, minor, SEC_E_NO_CREDENTIALS);
}
