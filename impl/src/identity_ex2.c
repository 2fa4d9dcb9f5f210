/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading SEC_WINNT_AUTH_IDENTITY_EX2: one piece of memory with offsets, and packed credentials
 * with offsets of their own in it. Nothing outside the lengths it names is looked at, but that the
 * lengths are true is the caller's word, as with every structure.
 */
#define _SEC_WINNT_AUTH_TYPES
#include "identity.h"

#include <string.h>

#include "error.h"
#include "text.h"

/* SEC_WINNT_AUTH_IDENTITY_FLAGS_PROCESS_ENCRYPTED, _SYSTEM_PROTECTED and _USER_PROTECTED: nobody
 * here has the key. _ID_PROVIDER: an account of an online identity provider. */
#define ENCRYPTED 0x70
#define ONLINE 0x80000

static SECURITY_STATUS refused(const char *why)
{
    sspi_error_set("SEC_WINNT_AUTH_IDENTITY_EX2: %s", why);
    return SEC_E_UNKNOWN_CREDENTIALS;
}

/* The part of whole at offset; it may not reach into the header. false: it does not fit. */
static bool part_of(struct sspi_view whole, size_t header, size_t offset, size_t length,
                    struct sspi_view *part)
{
    *part = (struct sspi_view){NULL, 0};
    if (offset == 0)
        return length == 0;
    if (offset < header || offset > whole.size || length > whole.size - offset)
        return false;
    *part = (struct sspi_view){whole.data + offset, length};
    return true;
}

/* UTF-16 at any address. NULL stays NULL. */
static SECURITY_STATUS copy_text(struct sspi_view part, char **out)
{
    SECURITY_STATUS status = SEC_E_OK;
    if (!part.data)
        return SEC_E_OK;
    if (part.size % 2)
        return refused("a string ends in the middle of a character");
    SEC_WCHAR *aligned = sspi_alloc(part.size + 2);
    if (!aligned)
        return SEC_E_INSUFFICIENT_MEMORY;
    memcpy(aligned, part.data, part.size);
    if (!sspi_utf16_valid(aligned, part.size / 2)) {
        status = refused("a string is not UTF-16");
    } else {
        *out = sspi_utf8_from_utf16(aligned, part.size / 2);
        status = *out ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
    }
    sspi_free_secret(aligned, part.size);
    return status;
}

static bool is_type(const GUID *type, const GUID *wanted)
{
    return memcmp(type, wanted, sizeof *type) == 0;
}

static SECURITY_STATUS unpack(struct sspi_view packed, struct sspi_identity *identity)
{
    SEC_WINNT_AUTH_PACKED_CREDENTIALS head;
    struct sspi_view data;

    if (!packed.data)
        return SEC_E_OK;
    if (packed.size < sizeof head)
        return refused("the packed credentials are too short");
    memcpy(&head, packed.data, sizeof head);
    const SEC_WINNT_AUTH_BYTE_VECTOR *where = &head.AuthData.CredData;
    if (head.cbHeaderLength < sizeof head || head.cbStructureLength > packed.size)
        return refused("the packed credentials name wrong lengths");
    packed.size = head.cbStructureLength;
    if (!part_of(packed, head.cbHeaderLength, where->ByteArrayOffset, where->ByteArrayLength,
                 &data))
        return refused("the data is outside the packed credentials");
    if (is_type(&head.AuthData.CredType, &SEC_WINNT_AUTH_DATA_TYPE_PASSWORD)) {
        if (!data.data)
            data.data = packed.data; /* a password of length 0 is one */
        return copy_text(data, &identity->password);
    }
    if (!is_type(&head.AuthData.CredType, &SEC_WINNT_AUTH_DATA_TYPE_KEYTAB))
        return refused("the credentials are neither a password nor a keytab");
    if (!data.size)
        return refused("the keytab is empty");
    return sspi_blob_copy(&identity->keytab, data.data, data.size) ? SEC_E_OK
                                                                   : SEC_E_INSUFFICIENT_MEMORY;
}

SECURITY_STATUS sspi_identity_read_ex2(const void *structure, struct sspi_identity *identity)
{
    SEC_WINNT_AUTH_IDENTITY_EX2 head;
    struct sspi_view whole, user, domain, packed, list;

    memcpy(&head, structure, sizeof head);
    whole = (struct sspi_view){structure, head.cbStructureLength};
    size_t header = head.cbHeaderLength;
    if (header < sizeof head || header > whole.size)
        return refused("cbHeaderLength or cbStructureLength is wrong");
    if (head.Flags & ENCRYPTED)
        return refused("it is encrypted");
    if (head.Flags & ONLINE)
        return refused("there are no online identities here");
    if (!part_of(whole, header, head.UserOffset, head.UserLength, &user) ||
        !part_of(whole, header, head.DomainOffset, head.DomainLength, &domain) ||
        !part_of(whole, header, head.PackageListOffset, head.PackageListLength, &list) ||
        !part_of(whole, header, head.PackedCredentialsOffset, head.PackedCredentialsLength,
                 &packed))
        return refused("a part lies outside the structure");
    SECURITY_STATUS status = copy_text(user, &identity->user);
    if (status == SEC_E_OK)
        status = copy_text(domain, &identity->domain);
    if (status == SEC_E_OK)
        status = copy_text(list, &identity->package_list);
    if (status == SEC_E_OK)
        status = unpack(packed, identity);
    return status;
}
