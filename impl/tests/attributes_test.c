/* SPDX-License-Identifier: Apache-2.0
 *
 * From struct sspi_attribute to the caller's W and A structures, and who frees what.
 */
#include "run.h"

#include "attributes.h"

static const struct sspi_package toy = {.name = "Toy",
                                        .comment = "A toy",
                                        .capabilities = 5,
                                        .version = 1,
                                        .rpc_id = 99,
                                        .max_token = 1234};

static struct sspi_attribute names(ULONG attribute)
{
    struct sspi_attribute result = {.attribute = attribute};
    result.value.names.first = sspi_strdup("käthe");
    result.value.names.second = sspi_strdup("two");
    return result;
}

static void one_name(void)
{
    struct sspi_attribute answer = names(SECPKG_ATTR_NAMES);
    SecPkgContext_NamesW w;
    SecPkgContext_NamesA a;
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &w), SEC_E_OK);
    CU_ASSERT(memcmp(w.sUserName, u"käthe", sizeof u"käthe") == 0);
    sspi_free(w.sUserName);
    answer = names(SECPKG_ATTR_AUTHORITY);
    ASSERT_STATUS(sspi_attribute_write(&answer, false, &a), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(a.sUserName, "käthe");
    sspi_free(a.sUserName);
}

static void two_names(void)
{
    struct sspi_attribute answer = names(SECPKG_ATTR_NATIVE_NAMES);
    SecPkgContext_NativeNamesW w;
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &w), SEC_E_OK);
    CU_ASSERT(memcmp(w.sClientName, u"käthe", sizeof u"käthe") == 0);
    CU_ASSERT(memcmp(w.sServerName, u"two", sizeof u"two") == 0);
    sspi_free(w.sClientName);
    sspi_free(w.sServerName);
    answer = names(SECPKG_ATTR_KEY_INFO);
    answer.value.names.key_bits = 128;
    answer.value.names.signature_algorithm = 0xffffff76;
    answer.value.names.encryption_algorithm = 0x6801;
    SecPkgContext_KeyInfoA a;
    ASSERT_STATUS(sspi_attribute_write(&answer, false, &a), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(a.sSignatureAlgorithmName, "käthe");
    CU_ASSERT_STRING_EQUAL(a.sEncryptAlgorithmName, "two");
    CU_ASSERT_EQUAL(a.KeySize, 128);
    CU_ASSERT_EQUAL(a.SignatureAlgorithm, 0xffffff76);
    CU_ASSERT_EQUAL(a.EncryptAlgorithm, 0x6801);
    sspi_free(a.sSignatureAlgorithmName);
    sspi_free(a.sEncryptAlgorithmName);
}

/* A name that does not convert: no half-filled structure, nothing lost. */
static void bad_name(void)
{
    struct sspi_attribute answer = names(SECPKG_ATTR_NATIVE_NAMES);
    SecPkgContext_NativeNamesW w = {(SEC_WCHAR *)1, (SEC_WCHAR *)2};
    answer.value.names.second[0] = (char)0xff;
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &w), SEC_E_INSUFFICIENT_MEMORY);
    CU_ASSERT_PTR_EQUAL(w.sClientName, (void *)1);
}

static void key(void)
{
    struct sspi_attribute answer = {.attribute = SECPKG_ATTR_SESSION_KEY};
    SecPkgContext_SessionKey out;
    CU_ASSERT(sspi_blob_copy(&answer.value.session_key, "0123456789abcdef", 16));
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &out), SEC_E_OK);
    CU_ASSERT_EQUAL(out.SessionKeyLength, 16);
    CU_ASSERT(memcmp(out.SessionKey, "0123456789abcdef", 16) == 0);
    sspi_free(out.SessionKey);
}

/* attrfact.nego-info.free: structure, name and comment in one block. */
static void package_info(void)
{
    struct sspi_attribute answer = {.attribute = SECPKG_ATTR_NEGOTIATION_INFO};
    SecPkgContext_NegotiationInfoA a;
    SecPkgContext_PackageInfoW w;
    answer.value.negotiation.package = &toy;
    answer.value.negotiation.state = SECPKG_NEGOTIATION_IN_PROGRESS;
    ASSERT_STATUS(sspi_attribute_write(&answer, false, &a), SEC_E_OK);
    CU_ASSERT_EQUAL(a.NegotiationState, SECPKG_NEGOTIATION_IN_PROGRESS);
    CU_ASSERT_PTR_EQUAL(a.PackageInfo->Name, (char *)(a.PackageInfo + 1));
    CU_ASSERT_STRING_EQUAL(a.PackageInfo->Name, "Toy");
    CU_ASSERT_PTR_EQUAL(a.PackageInfo->Comment, a.PackageInfo->Name + 4);
    CU_ASSERT_STRING_EQUAL(a.PackageInfo->Comment, "A toy");
    CU_ASSERT_EQUAL(a.PackageInfo->fCapabilities, 5);
    CU_ASSERT_EQUAL(a.PackageInfo->wRPCID, 99);
    CU_ASSERT_EQUAL(a.PackageInfo->cbMaxToken, 1234);
    sspi_free(a.PackageInfo);
    answer.attribute = SECPKG_ATTR_PACKAGE_INFO;
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &w), SEC_E_OK);
    CU_ASSERT(memcmp(w.PackageInfo->Comment, u"A toy", sizeof u"A toy") == 0);
    sspi_free(w.PackageInfo);
}

static void numbers(void)
{
    struct sspi_attribute answer = {.attribute = SECPKG_ATTR_SIZES};
    SecPkgContext_Sizes sizes;
    answer.value.sizes = (SecPkgContext_Sizes){1, 2, 3, 4};
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &sizes), SEC_E_OK);
    CU_ASSERT_EQUAL(sizes.cbSecurityTrailer, 4);
    answer = (struct sspi_attribute){.attribute = SECPKG_ATTR_LIFESPAN};
    answer.value.lifespan.start.QuadPart = 10;
    answer.value.lifespan.end.QuadPart = 20;
    SecPkgContext_Lifespan lifespan;
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &lifespan), SEC_E_OK);
    CU_ASSERT_EQUAL(lifespan.tsStart.QuadPart, 10);
    CU_ASSERT_EQUAL(lifespan.tsExpiry.QuadPart, 20);
    answer.attribute = SECPKG_ATTR_PASSWORD_EXPIRY;
    SecPkgContext_PasswordExpiry expiry;
    ASSERT_STATUS(sspi_attribute_write(&answer, true, &expiry), SEC_E_OK);
    CU_ASSERT_EQUAL(expiry.tsPasswordExpires.QuadPart, 20);
}

/* What is known can be written, what is not cannot: for every number there could be. */
static void known(void)
{
    for (ULONG attribute = 0; attribute < 256; attribute++) {
        for (int wide = 0; wide < 2; wide++) {
            struct sspi_attribute answer = {.attribute = attribute};
            uint64_t structure[8] = {0};
            if (attribute == SECPKG_ATTR_PACKAGE_INFO || attribute == SECPKG_ATTR_NEGOTIATION_INFO)
                continue;
            SECURITY_STATUS status = sspi_attribute_write(&answer, wide, structure);
            if (sspi_attribute_known(attribute, wide))
                ASSERT_STATUS(status, SEC_E_OK);
            else if (attribute != SECPKG_ATTR_CLIENT_SPECIFIED_TARGET)
                ASSERT_STATUS(status, SEC_E_UNSUPPORTED_FUNCTION);
        }
    }
    CU_ASSERT(sspi_attribute_known(SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, true));
    CU_ASSERT_FALSE(sspi_attribute_known(SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, false));
    CU_ASSERT_FALSE(sspi_attribute_known(SECPKG_ATTR_STREAM_SIZES, true));
}

SSPI_TESTS({"one_name", one_name}, {"two_names", two_names}, {"bad_name", bad_name}, {"key", key},
           {"package_info", package_info}, {"numbers", numbers}, {"known", known})
