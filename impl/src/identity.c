/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading SEC_WINNT_AUTH_IDENTITY in its four shapes with pointers; identity_ex2.c has the fifth.
 */
#include "identity.h"

#include <string.h>

#include "memory.h"
#include "text.h"

/* The fields of a shape with pointers; the pointers lead to bytes or 16-bit units, as flags says.
 */
struct fields {
    const void *user, *domain, *password, *package_list;
    ULONG user_length, domain_length, password_length, package_list_length;
    ULONG flags;
};

/* The W and A structures differ only in the pointed-to type. A structure that starts with the
 * version and its own length is an EX one: read as a plain one, the two words would make a user
 * name at an address no process has. */
static void read_fields(const void *structure, struct fields *fields)
{
    ULONG head[2];
    memcpy(head, structure, sizeof head);
    if (head[0] == SEC_WINNT_AUTH_IDENTITY_VERSION &&
        head[1] == sizeof(SEC_WINNT_AUTH_IDENTITY_EXW)) {
        SEC_WINNT_AUTH_IDENTITY_EXW ex;
        memcpy(&ex, structure, sizeof ex);
        *fields = (struct fields){
            ex.User,         ex.Domain,         ex.Password,          ex.PackageList, ex.UserLength,
            ex.DomainLength, ex.PasswordLength, ex.PackageListLength, ex.Flags};
        return;
    }
    SEC_WINNT_AUTH_IDENTITY_W plain;
    memcpy(&plain, structure, sizeof plain);
    *fields = (struct fields){plain.User,       plain.Domain,       plain.Password,       NULL,
                              plain.UserLength, plain.DomainLength, plain.PasswordLength, 0,
                              plain.Flags};
}

static SECURITY_STATUS copy_ansi(const char *text, ULONG length, char **out)
{
    char *copy = sspi_alloc((size_t)length + 1);
    if (!copy)
        return SEC_E_INSUFFICIENT_MEMORY;
    memcpy(copy, text, length);
    if (strlen(copy) != length || !sspi_utf8_valid(copy)) {
        sspi_free_secret(copy, length);
        return SEC_E_UNKNOWN_CREDENTIALS;
    }
    *out = copy;
    return SEC_E_OK;
}

static SECURITY_STATUS copy_field(const void *text, ULONG length, bool unicode, char **out)
{
    if (!text)
        return SEC_E_OK;
    if (!unicode)
        return copy_ansi(text, length, out);
    if (!sspi_utf16_valid(text, length))
        return SEC_E_UNKNOWN_CREDENTIALS;
    *out = sspi_utf8_from_utf16(text, length);
    return *out ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

SECURITY_STATUS sspi_identity_read(const void *structure, struct sspi_identity *identity)
{
    struct fields fields;
    ULONG version;
    memset(identity, 0, sizeof *identity);
    if (!structure)
        return SEC_E_UNKNOWN_CREDENTIALS;
    /* SEC_WINNT_AUTH_IDENTITY_INFO: the first word tells. */
    memcpy(&version, structure, sizeof version);
    if (version == SEC_WINNT_AUTH_IDENTITY_VERSION_2)
        return sspi_identity_read_ex2(structure, identity);
    read_fields(structure, &fields);
    if (!(fields.flags & (SEC_WINNT_AUTH_IDENTITY_ANSI | SEC_WINNT_AUTH_IDENTITY_UNICODE)))
        return SEC_E_UNKNOWN_CREDENTIALS;

    bool unicode = fields.flags & SEC_WINNT_AUTH_IDENTITY_UNICODE;
    SECURITY_STATUS status = copy_field(fields.user, fields.user_length, unicode, &identity->user);
    if (status == SEC_E_OK)
        status = copy_field(fields.domain, fields.domain_length, unicode, &identity->domain);
    if (status == SEC_E_OK)
        status = copy_field(fields.password, fields.password_length, unicode, &identity->password);
    if (status == SEC_E_OK)
        status = copy_field(fields.package_list, fields.package_list_length, unicode,
                            &identity->package_list);
    return status;
}

void sspi_identity_free(struct sspi_identity *identity)
{
    sspi_free(identity->user);
    sspi_free(identity->domain);
    if (identity->password)
        sspi_free_secret(identity->password, strlen(identity->password));
    sspi_free(identity->package_list);
    sspi_blob_free(&identity->keytab);
    memset(identity, 0, sizeof *identity);
}

SECURITY_STATUS sspi_identity_copy(const struct sspi_identity *from, struct sspi_identity *to)
{
    *to = (struct sspi_identity){
        .user = sspi_strdup(from->user),
        .domain = sspi_strdup(from->domain),
        .password = sspi_strdup(from->password),
        .package_list = sspi_strdup(from->package_list),
    };
    bool keys = sspi_blob_copy(&to->keytab, from->keytab.data, from->keytab.size);
    if (!keys || (from->user && !to->user) || (from->domain && !to->domain) ||
        (from->password && !to->password) || (from->package_list && !to->package_list)) {
        sspi_identity_free(to);
        return SEC_E_INSUFFICIENT_MEMORY;
    }
    return SEC_E_OK;
}
