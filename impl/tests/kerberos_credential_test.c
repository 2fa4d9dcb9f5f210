/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials without a KDC: credential.c, store.c, pool.c; many threads on one credential.
 */
#include <pthread.h>

#include "kerberos/credential.h"
#include "kerberos/pool.h"
#include "kerberos_fixture.h"
#include "leaks.h"

static struct world world;

static SECURITY_STATUS acquire(ULONG use, const char *principal, struct sspi_identity *identity,
                               void **credential)
{
    struct sspi_cred_request ask = {.principal = principal, .use = use, .identity = identity};
    TimeStamp expiry = {.QuadPart = 0};
    SECURITY_STATUS status = KERBEROS->acquire(&ask, credential, &expiry);
    if (status == SEC_E_OK)
        CU_ASSERT_EQUAL(expiry.QuadPart, INT64_MAX);
    return status;
}

static void name_is(void *credential, SECURITY_STATUS status, const char *name)
{
    char *text = NULL;
    ASSERT_STATUS(KERBEROS->credential_name(credential, &text), status);
    if (status == SEC_E_OK)
        CU_ASSERT_STRING_EQUAL(text, name);
    sspi_free(text);
    KERBEROS->free_credential(credential);
}

static void default_identities(void)
{
    void *credential = NULL;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_OK, WORLD_CLIENT);
    ASSERT_STATUS(acquire(SECPKG_CRED_INBOUND, NULL, NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_OK, WORLD_SERVICE "@" WORLD_REALM);
    ASSERT_STATUS(acquire(SECPKG_CRED_INBOUND, "cifs/x.world.test", NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_OK, "cifs/x.world.test@" WORLD_REALM);
    /* A machine without Kerberos: acquiring succeeds, there is only nobody to name. */
    unlink(world_path(&world, "cache"));
    unlink(world_path(&world, "keytab"));
    ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_NO_CREDENTIALS, NULL);
    ASSERT_STATUS(acquire(SECPKG_CRED_INBOUND, NULL, NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_NO_CREDENTIALS, NULL);
    world_close(&world);
}

static void explicit_identities(void)
{
    static struct {
        const char *user, *domain, *password;
        SECURITY_STATUS status;
        const char *name;
    } rows[] = {
        {"bob", "world.test", "secret", SEC_E_OK, "bob@WORLD.TEST"},
        {"bob", "OTHER.TEST", "", SEC_E_OK, "bob@OTHER.TEST"},
        {"bob", NULL, "secret", SEC_E_OK, "bob@WORLD.TEST"},
        {"bob", "", "secret", SEC_E_OK, "bob@WORLD.TEST"},
        {"bob@OTHER.TEST", NULL, "secret", SEC_E_OK, "bob@OTHER.TEST"},
        {NULL, NULL, NULL, SEC_E_OK, WORLD_CLIENT}, /* nothing in it: the default */
        {"", "", "", SEC_E_OK, WORLD_CLIENT},
        {"bob", "world.test", NULL, SEC_E_NO_CREDENTIALS, NULL},
    };
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        void *credential = NULL;
        struct sspi_identity identity = {(char *)(uintptr_t)rows[i].user,
                                         (char *)(uintptr_t)rows[i].domain,
                                         (char *)(uintptr_t)rows[i].password,
                                         NULL,
                                         {NULL, 0}};
        ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, &identity, &credential), rows[i].status);
        if (rows[i].status == SEC_E_OK)
            name_is(credential, SEC_E_OK, rows[i].name);
    }
    world_close(&world);
}

/* The bytes of the world's keytab, which then is no more. */
static struct sspi_blob take_keytab(void)
{
    struct sspi_blob bytes = {malloc(4096), 0};
    FILE *file = fopen(world_path(&world, "keytab"), "r");
    if (!file)
        abort();
    bytes.size = fread(bytes.data, 1, 4096, file);
    fclose(file);
    unlink(world_path(&world, "keytab"));
    return bytes;
}

/* Keys that came with the identity; the same bytes cut anywhere are no success without a key. */
static void keys_in_identity(void)
{
    struct pair pair;
    struct sspi_identity identity = {.user = (char *)(uintptr_t)WORLD_SERVICE};
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    struct sspi_blob bytes = take_keytab();
    for (size_t size = bytes.size; size > 0; size -= size > 4 ? 3 : 1) {
        pair_acquire(&pair);
        KERBEROS->free_credential(pair.server_credential);
        identity.keytab = (struct sspi_blob){bytes.data, size};
        ASSERT_STATUS(acquire(SECPKG_CRED_INBOUND, NULL, &identity, &pair.server_credential),
                      SEC_E_OK);
        leaks_allowed(); /* libkrb5 1.20 forgets the key of half an entry */
        CU_ASSERT_EQUAL(pair_establish(&pair, 0x1001e, 0), size == bytes.size);
        leaks_reported();
        if (size == bytes.size) {
            /* The second context finds the keys where the first left them. */
            pair_reset(&pair);
            CU_ASSERT_TRUE(pair_establish(&pair, 0x1001e, 0));
        }
        pair_free(&pair);
    }
    sspi_blob_free(&bytes);
    world_close(&world);
}

/* No ticket cache: whoever the client keytab is of, and no KDC to ask; a cache goes first. */
static void client_keytab(void)
{
    struct pair pair;
    void *credential = NULL;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    world_name(&world, "KRB5_CLIENT_KTNAME", "keytab");
    ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_OK, WORLD_CLIENT);
    unlink(world_path(&world, "cache"));
    ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, NULL, &credential), SEC_E_OK);
    name_is(credential, SEC_E_OK, WORLD_SERVICE "@" WORLD_REALM);
    pair_acquire(&pair);
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_NO_AUTHENTICATING_AUTHORITY);
    pair_reset(&pair);
    world_tickets(&world);
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_OK);
    pair_reset(&pair);
    unlink(world_path(&world, "cache"));
    world_name(&world, "KRB5_CLIENT_KTNAME", "nothing");
    KERBEROS->free_credential(pair.client_credential);
    ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, NULL, &pair.client_credential), SEC_E_OK);
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_NO_CREDENTIALS);
    pair_free(&pair);
    unsetenv("KRB5_CLIENT_KTNAME");
    world_close(&world);
}

/* An explicit identity must not travel on the ticket that lies around, right or wrong. */
static void no_ambient_ticket(void)
{
    struct pair pair;
    struct sspi_identity identity = {"alice", WORLD_REALM, "wrong", NULL, {NULL, 0}};
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&pair);
    KERBEROS->free_credential(pair.client_credential);
    ASSERT_STATUS(acquire(SECPKG_CRED_OUTBOUND, NULL, &identity, &pair.client_credential),
                  SEC_E_OK);
    /* There is no KDC here; and whether there is a ticket cache does not matter. */
    unlink(world_path(&world, "cache"));
    ASSERT_STATUS(client_leg(&pair, 0, WORLD_SERVICE, NULL), SEC_E_NO_AUTHENTICATING_AUTHORITY);
    pair_free(&pair);
    world_close(&world);
}

static void lent_contexts(void)
{
    struct sspi_krb_lib *first = NULL, *second = NULL, *third = NULL;
    krb5_timestamp now = 0;
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    CU_ASSERT_EQUAL(sspi_krb_borrow(&first), 0);
    CU_ASSERT_EQUAL(sspi_krb_borrow(&second), 0);
    CU_ASSERT_PTR_NOT_EQUAL(first, second);
    sspi_krb_return(first);
    CU_ASSERT_EQUAL(sspi_krb_borrow(&third), 0);
    CU_ASSERT_PTR_EQUAL(third, first); /* nothing was built */
    sspi_krb_return(third);
    sspi_krb_return(second);
    /* The pinned clock, which a lent context must not carry on. */
    libsspi_test_clock(sspi_unix_to_filetime(1000000000));
    CU_ASSERT_EQUAL(sspi_krb_borrow(&first), 0);
    CU_ASSERT_EQUAL(krb5_timeofday(first->krb5, &now), 0);
    CU_ASSERT_TRUE(now >= 1000000000 && now < 1000000005);
    sspi_krb_return(first);
    libsspi_test_clock(0);
    for (int i = 0; i < 3; i++) {
        struct sspi_krb_lib *lib = NULL;
        CU_ASSERT_EQUAL(sspi_krb_borrow(&lib), 0);
        CU_ASSERT_EQUAL(krb5_timeofday(lib->krb5, &now), 0);
        CU_ASSERT_TRUE(now >= time(NULL) - 2 && now <= time(NULL) + 2);
        sspi_krb_return(lib);
    }
    /* Another configuration: none of the old ones. */
    struct world other;
    char *realm = NULL;
    world_open(&other, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    FILE *config = fopen(world_path(&other, "krb5.conf"), "w");
    fputs("[libdefaults]\n default_realm = ELSEWHERE\n", config);
    fclose(config);
    CU_ASSERT_EQUAL(sspi_krb_borrow(&first), 0);
    CU_ASSERT_EQUAL(krb5_get_default_realm(first->krb5, &realm), 0);
    CU_ASSERT_STRING_EQUAL(realm, "ELSEWHERE");
    krb5_free_default_realm(first->krb5, realm);
    sspi_krb_return(first);
    world_close(&other);
    world_close(&world);
}

static struct pair shared;
static int failures[4];

static void *exchanges(void *failed)
{
    for (int i = 0; i < 200; i++) {
        struct pair mine = {.client_credential = shared.client_credential,
                            .server_credential = shared.server_credential};
        if (!pair_establish(&mine, 0x1001e, 0))
            ++*(int *)failed;
        pair_reset(&mine);
        if (failed == &failures[0] && i % 20 == 10)
            world_tickets(&world); /* somebody runs kinit meanwhile: the copy is replaced */
    }
    return NULL;
}

static void many_threads(void)
{
    pthread_t threads[4];
    world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    pair_acquire(&shared);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, exchanges, &failures[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(failures[i], 0);
    }
    pair_free(&shared);
    world_close(&world);
}

SSPI_TESTS({"default identities", default_identities}, {"explicit identities", explicit_identities},
           {"keys in an identity", keys_in_identity}, {"client keytab", client_keytab},
           {"no ambient ticket", no_ambient_ticket}, {"lent contexts", lent_contexts},
           {"many threads", many_threads})
