/* SPDX-License-Identifier: Apache-2.0
 *
 * SEC_WINNT_AUTH_IDENTITY in its four shapes; the Flags decide the character set.
 */
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
    struct {
        ULONG version;
        USHORT header_length, rest[40];
    } ex2 = {SEC_WINNT_AUTH_IDENTITY_VERSION_2, 56, {0}};

    ASSERT_STATUS(sspi_identity_read(NULL, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    ASSERT_STATUS(sspi_identity_read(&w, &identity), SEC_E_UNKNOWN_CREDENTIALS);
    ASSERT_STATUS(sspi_identity_read(&ex2, &identity), SEC_E_UNKNOWN_CREDENTIALS);
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

static void copying(void)
{
    struct sspi_identity from = {(char *)"anna", NULL, (char *)"secret", NULL}, to;
    ASSERT_STATUS(sspi_identity_copy(&from, &to), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(to.user, "anna");
    CU_ASSERT_PTR_NOT_EQUAL(to.user, from.user);
    CU_ASSERT_PTR_NULL(to.domain);
    CU_ASSERT_STRING_EQUAL(to.password, "secret");
    sspi_identity_free(&to);
}

SSPI_TESTS({"shapes", shapes}, {"empty_fields", empty_fields}, {"refused", refused},
           {"copying", copying})
