/* SPDX-License-Identifier: Apache-2.0
 *
 * SEC_WINNT_AUTH_IDENTITY in its five shapes; the Flags decide the character set of four.
 */
#define _SEC_WINNT_AUTH_TYPES
#include <stdlib.h>

#include "run.h"

#include "identity.h"

static void is_anna(struct sspi_identity *identity, const char *list)
{
    CU_ASSERT_STRING_EQUAL(identity->user, "anna");
    CU_ASSERT_STRING_EQUAL(identity->domain, "DOM");
    CU_ASSERT_STRING_EQUAL(identity->password, "pässword");
    if (list)
        CU_ASSERT_STRING_EQUAL(identity->package_list, list);
    if (!list)
        CU_ASSERT_PTR_NULL(identity->package_list);
    sspi_identity_free(identity);
    CU_ASSERT_PTR_NULL(identity->user);
}

#define U8(text) (unsigned char *)(uintptr_t)(text)
#define U16(text) (USHORT *)(uintptr_t)(text)

static void shapes(void)
{
    struct sspi_identity identity;
    SEC_WINNT_AUTH_IDENTITY_A a = {
        U8("anna!"), 4, U8("DOM"), 3, U8("pässword"), 9, SEC_WINNT_AUTH_IDENTITY_ANSI};
    SEC_WINNT_AUTH_IDENTITY_W w = {
        U16(u"anna!"), 4, U16(u"DOM"), 3, U16(u"pässword"), 8, SEC_WINNT_AUTH_IDENTITY_UNICODE};
    SEC_WINNT_AUTH_IDENTITY_EXA exa = {SEC_WINNT_AUTH_IDENTITY_VERSION,
                                       sizeof exa,
                                       U8("anna"),
                                       4,
                                       U8("DOM"),
                                       3,
                                       U8("pässword"),
                                       9,
                                       SEC_WINNT_AUTH_IDENTITY_ANSI,
                                       U8("!Kerberos"),
                                       9};
    SEC_WINNT_AUTH_IDENTITY_EXW exw = {SEC_WINNT_AUTH_IDENTITY_VERSION,
                                       sizeof exw,
                                       U16(u"anna"),
                                       4,
                                       U16(u"DOM"),
                                       3,
                                       U16(u"pässword"),
                                       8,
                                       SEC_WINNT_AUTH_IDENTITY_UNICODE,
                                       U16(u"NTLM"),
                                       4};
    ASSERT_STATUS(sspi_identity_read(&a, &identity), SEC_E_OK);
    is_anna(&identity, NULL);
    ASSERT_STATUS(sspi_identity_read(&w, &identity), SEC_E_OK);
    is_anna(&identity, NULL);
    ASSERT_STATUS(sspi_identity_read(&exa, &identity), SEC_E_OK);
    is_anna(&identity, "!Kerberos");
    ASSERT_STATUS(sspi_identity_read(&exw, &identity), SEC_E_OK);
    is_anna(&identity, "NTLM");
}

/* trig.ach.ntlm.empty-fields: NULL and empty are told apart. */
static void empty_fields(void)
{
    struct sspi_identity identity;
    SEC_WINNT_AUTH_IDENTITY_W w = {.User = U16(u""), .Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE};
    ASSERT_STATUS(sspi_identity_read(&w, &identity), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(identity.user, "");
    CU_ASSERT_PTR_NULL(identity.domain);
    CU_ASSERT_PTR_NULL(identity.password);
    sspi_identity_free(&identity);
}

static void refused(void)
{
    struct sspi_identity identity;
    static USHORT lone[] = {0xd800};
    SEC_WINNT_AUTH_IDENTITY_W w = {.User = U16(u"anna"), .UserLength = 4};
    ASSERT_STATUS(sspi_identity_read(NULL, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    ASSERT_STATUS(sspi_identity_read(&w, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    w.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    w.Password = lone;
    w.PasswordLength = 1;
    ASSERT_STATUS(sspi_identity_read(&w, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    sspi_identity_free(&identity); /* the user was copied before the password was looked at */
    SEC_WINNT_AUTH_IDENTITY_A a = {
        .User = U8("a\0b"), .UserLength = 3, .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI};
    ASSERT_STATUS(sspi_identity_read(&a, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    sspi_identity_free(&identity);
    a.User = U8("\xff");
    a.UserLength = 1;
    ASSERT_STATUS(sspi_identity_read(&a, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    sspi_identity_free(&identity);
}

/* An EX2 structure in memory of its own, so that a sanitizer sees what is read outside it. */
struct whole {
    SEC_WINNT_AUTH_IDENTITY_EX2 head;
    uint8_t rest[200];
};

static ULONG add(struct whole *whole, const void *bytes, size_t size)
{
    ULONG at = whole->head.cbStructureLength;
    memcpy((uint8_t *)whole + at, bytes, size);
    whole->head.cbStructureLength += (ULONG)size;
    return at;
}

/* anna of DOM; an odd byte in front of the strings, which may lie anywhere. */
static void build(struct whole *whole, const GUID *type, const void *secret, USHORT size)
{
    SEC_WINNT_AUTH_PACKED_CREDENTIALS packed = {
        sizeof packed, (USHORT)(sizeof packed + size), {*type, {sizeof packed, size}}};
    memset(whole, 0, sizeof *whole);
    whole->head.Version = SEC_WINNT_AUTH_IDENTITY_VERSION_2;
    whole->head.cbHeaderLength = sizeof whole->head;
    whole->head.cbStructureLength = sizeof whole->head;
    whole->head.Flags = SEC_WINNT_AUTH_IDENTITY_MARSHALLED;
    add(whole, "!", 1);
    whole->head.UserLength = 8;
    whole->head.UserOffset = add(whole, u"anna", 8);
    whole->head.DomainLength = 6;
    whole->head.DomainOffset = add(whole, u"DOM", 6);
    whole->head.PackedCredentialsLength = (USHORT)(sizeof packed + size);
    whole->head.PackedCredentialsOffset = add(whole, &packed, sizeof packed);
    add(whole, secret, size);
    whole->head.PackageListLength = 8;
    whole->head.PackageListOffset = add(whole, u"NTLM", 8);
}

static SECURITY_STATUS read_whole(const struct whole *whole, size_t size,
                                  struct sspi_identity *identity)
{
    void *exact = malloc(size);
    memcpy(exact, whole, size);
    SECURITY_STATUS status = sspi_identity_read(exact, identity);
    free(exact);
    return status;
}

static void in_one_piece(void)
{
    struct sspi_identity identity;
    struct whole whole;
    build(&whole, &SEC_WINNT_AUTH_DATA_TYPE_PASSWORD, u"pässword", 16);
    size_t size = whole.head.cbStructureLength;
    ASSERT_STATUS(read_whole(&whole, size, &identity), SEC_E_OK);
    CU_ASSERT_EQUAL(identity.keytab.size, 0);
    is_anna(&identity, "NTLM");

    build(&whole, &SEC_WINNT_AUTH_DATA_TYPE_PASSWORD, "", 0);
    ASSERT_STATUS(read_whole(&whole, whole.head.cbStructureLength, &identity), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(identity.password, "");
    sspi_identity_free(&identity);

    build(&whole, &SEC_WINNT_AUTH_DATA_TYPE_KEYTAB, "\5\2keys", 6);
    ASSERT_STATUS(read_whole(&whole, whole.head.cbStructureLength, &identity), SEC_E_OK);
    CU_ASSERT_PTR_NULL(identity.password);
    CU_ASSERT_EQUAL(identity.keytab.size, 6);
    CU_ASSERT_EQUAL(memcmp(identity.keytab.data, "\5\2keys", 6), 0);
    sspi_identity_free(&identity);

    /* Nothing but a header: no user, no domain, no secret. */
    memset(&whole.head.cbStructureLength, 0,
           sizeof whole.head - offsetof(SEC_WINNT_AUTH_IDENTITY_EX2, cbStructureLength));
    whole.head.cbStructureLength = sizeof whole.head;
    ASSERT_STATUS(read_whole(&whole, sizeof whole.head, &identity), SEC_E_OK);
    CU_ASSERT_PTR_NULL(identity.user);
    CU_ASSERT_PTR_NULL(identity.domain);
    CU_ASSERT_PTR_NULL(identity.password);
    sspi_identity_free(&identity);
}

/* Every byte of both headers gets every value; whatever comes of it stays inside. */
static void hostile_headers(void)
{
    struct whole whole;
    build(&whole, &SEC_WINNT_AUTH_DATA_TYPE_PASSWORD, u"pässword", 16);
    size_t size = whole.head.cbStructureLength, packed = whole.head.PackedCredentialsOffset;
    size_t refusals = 0;
    for (size_t at = 4; at < packed + sizeof(SEC_WINNT_AUTH_PACKED_CREDENTIALS); at++) {
        if (at >= 8 && at < 12)
            continue; /* how much memory there is, nobody but the caller knows */
        for (unsigned value = 0; value < 256; value++) {
            struct sspi_identity identity;
            struct whole changed = whole;
            ((uint8_t *)&changed)[at] = (uint8_t)value;
            SECURITY_STATUS status = read_whole(&changed, size, &identity);
            CU_ASSERT_TRUE(status == SEC_E_OK || status == SEC_E_UNKNOWN_CREDENTIALS);
            refusals += status != SEC_E_OK;
            sspi_identity_free(&identity);
        }
    }
    CU_ASSERT_TRUE(refusals > 5000);
    for (whole.head.cbStructureLength = 0; whole.head.cbStructureLength < size;
         whole.head.cbStructureLength++) {
        struct sspi_identity identity;
        size_t room = whole.head.cbStructureLength > sizeof whole.head
                          ? whole.head.cbStructureLength
                          : sizeof whole.head;
        ASSERT_STATUS(read_whole(&whole, room, &identity), SEC_E_UNKNOWN_CREDENTIALS);
        sspi_identity_free(&identity);
    }
}

static void other_secrets(void)
{
    static const GUID certificate = {
        0x235f69ad, 0x73fb, 0x4dbc, {0x82, 0x03, 0x06, 0x29, 0xe7, 0x39, 0x33, 0x9b}};
    static const ULONG flags[] = {0x10, 0x20, 0x40, 0x80000};
    struct sspi_identity identity;
    struct whole whole;
    build(&whole, &certificate, u"pässword", 16);
    ASSERT_STATUS(read_whole(&whole, whole.head.cbStructureLength, &identity),
                  SEC_E_UNKNOWN_CREDENTIALS);
    sspi_identity_free(&identity);
    build(&whole, &SEC_WINNT_AUTH_DATA_TYPE_KEYTAB, "", 0);
    ASSERT_STATUS(read_whole(&whole, whole.head.cbStructureLength, &identity),
                  SEC_E_UNKNOWN_CREDENTIALS);
    sspi_identity_free(&identity);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        build(&whole, &SEC_WINNT_AUTH_DATA_TYPE_PASSWORD, u"pässword", 16);
        whole.head.Flags |= flags[i];
        ASSERT_STATUS(read_whole(&whole, whole.head.cbStructureLength, &identity),
                      SEC_E_UNKNOWN_CREDENTIALS);
        sspi_identity_free(&identity);
    }
}

static void copying(void)
{
    uint8_t keys[] = {5, 2, 7};
    struct sspi_identity from = {(char *)"anna", NULL, (char *)"secret", NULL, {keys, 3}}, to;
    ASSERT_STATUS(sspi_identity_copy(&from, &to), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(to.user, "anna");
    CU_ASSERT_PTR_NOT_EQUAL(to.user, from.user);
    CU_ASSERT_PTR_NULL(to.domain);
    CU_ASSERT_STRING_EQUAL(to.password, "secret");
    CU_ASSERT_EQUAL(to.keytab.size, 3);
    CU_ASSERT_PTR_NOT_EQUAL(to.keytab.data, keys);
    sspi_identity_free(&to);
}

SSPI_TESTS({"shapes", shapes}, {"empty_fields", empty_fields}, {"refused", refused},
           {"in one piece", in_one_piece}, {"hostile headers", hostile_headers},
           {"other secrets", other_secrets}, {"copying", copying})
