/* SPDX-License-Identifier: Apache-2.0
 *
 * QueryContextAttributes on both sides: query.c, enctypes.c, and the package's own data.
 */
#include "kerberos_fixture.h"

#define FIVE 0x1001e

static struct world world;
static struct pair pair;

static void begin(krb5_enctype enctype, ULONG req)
{
    world_open(&world, enctype);
    pair_acquire(&pair);
    CU_ASSERT_TRUE_FATAL(pair_establish(&pair, req, ASC_REQ_CONNECTION));
}

static void end(void)
{
    pair_free(&pair);
    world_close(&world);
}

static struct sspi_attribute ask(void *context, ULONG attribute, SECURITY_STATUS status)
{
    struct sspi_attribute asked = {.attribute = attribute};
    ASSERT_STATUS(KERBEROS->query(context, &asked), status);
    return asked;
}

static void text_is(void *context, ULONG attribute, const char *first, const char *second)
{
    struct sspi_attribute asked = ask(context, attribute, SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(asked.value.names.first, first);
    if (second)
        CU_ASSERT_STRING_EQUAL(asked.value.names.second, second);
    sspi_free(asked.value.names.first);
    sspi_free(asked.value.names.second);
}

static void texts(void)
{
    begin(ENCTYPE_AES256_CTS_HMAC_SHA1_96, FIVE);
    void *sides[] = {pair.client, pair.server};
    for (int i = 0; i < 2; i++) {
        text_is(sides[i], SECPKG_ATTR_NAMES, i ? WORLD_REALM "\\alice" : WORLD_CLIENT, NULL);
        text_is(sides[i], SECPKG_ATTR_NATIVE_NAMES, WORLD_CLIENT, WORLD_SERVICE "@" WORLD_REALM);
        text_is(sides[i], SECPKG_ATTR_AUTHORITY, WORLD_REALM, NULL);
        text_is(sides[i], SECPKG_ATTR_KEY_INFO, "HMAC-SHA1-96-AES256", "AES256-CTS-HMAC-SHA1-96");
    }
    text_is(pair.client, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, WORLD_SERVICE, NULL);
    text_is(pair.server, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, WORLD_SERVICE "@" WORLD_REALM, NULL);
    end();
}

static void numbers(void)
{
    static const struct {
        krb5_enctype enctype;
        ULONG signature, trailer, bits, key;
        krb5_cksumtype cksumtype;
    } rows[] = {
        {ENCTYPE_AES256_CTS_HMAC_SHA1_96, 28, 76, 256, 32, CKSUMTYPE_HMAC_SHA1_96_AES256},
        {ENCTYPE_AES128_CTS_HMAC_SHA1_96, 28, 76, 128, 16, CKSUMTYPE_HMAC_SHA1_96_AES128},
        {ENCTYPE_AES256_CTS_HMAC_SHA384_192, 40, 88, 256, 32, CKSUMTYPE_HMAC_SHA384_192_AES256},
        {ENCTYPE_AES128_CTS_HMAC_SHA256_128, 32, 80, 128, 16, CKSUMTYPE_HMAC_SHA256_128_AES128},
        {ENCTYPE_ARCFOUR_HMAC, 37, 49, 128, 16, CKSUMTYPE_HMAC_MD5_ARCFOUR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(rows[i].enctype, FIVE);
        struct sspi_attribute sizes = ask(pair.server, SECPKG_ATTR_SIZES, SEC_E_OK);
        CU_ASSERT_EQUAL(sizes.value.sizes.cbMaxToken, 48000);
        CU_ASSERT_EQUAL(sizes.value.sizes.cbMaxSignature, rows[i].signature);
        CU_ASSERT_EQUAL(sizes.value.sizes.cbSecurityTrailer, rows[i].trailer);
        CU_ASSERT_EQUAL(sizes.value.sizes.cbBlockSize, 1);
        struct sspi_attribute info = ask(pair.client, SECPKG_ATTR_KEY_INFO, SEC_E_OK);
        CU_ASSERT_EQUAL(info.value.names.key_bits, rows[i].bits);
        CU_ASSERT_EQUAL((krb5_enctype)info.value.names.encryption_algorithm, rows[i].enctype);
        CU_ASSERT_EQUAL((krb5_cksumtype)info.value.names.signature_algorithm, rows[i].cksumtype);
        sspi_free(info.value.names.first);
        sspi_free(info.value.names.second);
        struct sspi_attribute mine = ask(pair.client, SECPKG_ATTR_SESSION_KEY, SEC_E_OK);
        struct sspi_attribute theirs = ask(pair.server, SECPKG_ATTR_SESSION_KEY, SEC_E_OK);
        CU_ASSERT_EQUAL_FATAL(mine.value.session_key.size, rows[i].key);
        CU_ASSERT_EQUAL_FATAL(theirs.value.session_key.size, rows[i].key);
        CU_ASSERT_EQUAL(
            memcmp(mine.value.session_key.data, theirs.value.session_key.data, rows[i].key), 0);
        sspi_blob_free(&mine.value.session_key);
        sspi_blob_free(&theirs.value.session_key);
        end();
    }
}

static void lifespan_and_flags(void)
{
    begin(ENCTYPE_AES256_CTS_HMAC_SHA1_96, FIVE | ISC_REQ_EXTENDED_ERROR);
    void *sides[] = {pair.client, pair.server};
    for (int i = 0; i < 2; i++) {
        struct sspi_attribute span = ask(sides[i], SECPKG_ATTR_LIFESPAN, SEC_E_OK);
        CU_ASSERT_EQUAL((uint64_t)span.value.lifespan.start.QuadPart,
                        sspi_filetime_to_local(sspi_unix_to_filetime(world.start)));
        CU_ASSERT_EQUAL((uint64_t)span.value.lifespan.end.QuadPart,
                        sspi_filetime_to_local(sspi_unix_to_filetime(world.end)));
    }
    struct sspi_attribute flags = ask(pair.client, SECPKG_ATTR_FLAGS, SEC_E_OK);
    CU_ASSERT_EQUAL(flags.value.flags, FIVE | ISC_RET_EXTENDED_ERROR);
    flags = ask(pair.server, SECPKG_ATTR_FLAGS, SEC_E_OK);
    CU_ASSERT_EQUAL(flags.value.flags,
                    0x1e | ASC_RET_INTEGRITY | ASC_RET_EXTENDED_ERROR | ASC_RET_CONNECTION);
    for (int i = 0; i < 2; i++) {
        struct sspi_attribute told = ask(sides[i], SECPKG_ATTR_PASSWORD_EXPIRY, SEC_E_OK);
        CU_ASSERT_EQUAL(told.value.lifespan.end.QuadPart, INT64_MAX);
        told = ask(sides[i], SECPKG_ATTR_LAST_CLIENT_TOKEN_STATUS, SEC_E_OK);
        CU_ASSERT_EQUAL(told.value.last_client_token, SecPkgAttrLastClientTokenYes);
    }
    end();
}

static void package_data(void)
{
    begin(ENCTYPE_AES256_CTS_HMAC_SHA1_96, 0);
    struct sspi_attribute info = ask(pair.client, SECPKG_ATTR_PACKAGE_INFO, SEC_E_OK);
    CU_ASSERT_PTR_EQUAL(info.value.negotiation.package, KERBEROS);
    info = ask(pair.server, SECPKG_ATTR_NEGOTIATION_INFO, SEC_E_OK);
    CU_ASSERT_PTR_EQUAL(info.value.negotiation.package, KERBEROS);
    CU_ASSERT_EQUAL(info.value.negotiation.state, SECPKG_NEGOTIATION_COMPLETE);
    end();
    CU_ASSERT_STRING_EQUAL(KERBEROS->name, "Kerberos");
    CU_ASSERT_STRING_EQUAL(KERBEROS->comment, "Microsoft Kerberos V1.0");
    CU_ASSERT_EQUAL(KERBEROS->capabilities, 0x00073bbf);
    CU_ASSERT_EQUAL(KERBEROS->version, 1);
    CU_ASSERT_EQUAL(KERBEROS->rpc_id, 16);
    CU_ASSERT_TRUE(KERBEROS->max_token >= 12000);
}

static void what_is_not_there(void)
{
    static const ULONG not_there[] = {SECPKG_ATTR_DCE_INFO,
                                      SECPKG_ATTR_STREAM_SIZES,
                                      SECPKG_ATTR_PROTO_INFO,
                                      SECPKG_ATTR_TARGET_INFORMATION,
                                      SECPKG_ATTR_ACCESS_TOKEN,
                                      SECPKG_ATTR_UNIQUE_BINDINGS,
                                      0x80000086u,
                                      999};
    begin(ENCTYPE_AES256_CTS_HMAC_SHA1_96, FIVE);
    for (size_t i = 0; i < sizeof not_there / sizeof not_there[0]; i++)
        (void)ask(pair.client, not_there[i], SEC_E_UNSUPPORTED_FUNCTION);
    pair_reset(&pair);
    client_leg(&pair, FIVE, WORLD_SERVICE, NULL);
    (void)ask(pair.client, SECPKG_ATTR_SIZES, SEC_E_INVALID_HANDLE);
    (void)ask(pair.client, SECPKG_ATTR_SESSION_KEY, SEC_E_INVALID_HANDLE);
    struct sspi_attribute info = ask(pair.client, SECPKG_ATTR_NEGOTIATION_INFO, SEC_E_OK);
    CU_ASSERT_EQUAL(info.value.negotiation.state, SECPKG_NEGOTIATION_IN_PROGRESS);
    end();
}

SSPI_TESTS({"texts", texts}, {"numbers", numbers}, {"lifespan and flags", lifespan_and_flags},
           {"package data", package_data}, {"what is not there", what_is_not_there})
