/* SPDX-License-Identifier: Apache-2.0
 *
 * No memory that libsspi gives back still holds a secret: password, NT hash, NTOWFv2, session key.
 * Linked with --wrap=free (impl.mk).
 */
#include "run.h"

#include <malloc.h>

#include "exchange.h"
#include "ntlm/keys.h"
#include "world.h"

void __real_free(void *memory);
void __wrap_free(void *memory);

static struct {
    const char *name;
    uint8_t bytes[32];
    size_t size;
} secrets[8];
static size_t known;
static unsigned frees;
static bool watching;

/* The calls of a sanitizer's allocator tell the size that was asked for, glibc's a little more,
 * which is no harm: what is looked for is whole secrets. */
void __wrap_free(void *memory)
{
    for (size_t i = 0; watching && memory && i < known; i++)
        if (memmem(memory, malloc_usable_size(memory), secrets[i].bytes, secrets[i].size)) {
            fprintf(stderr, "  %s is left in %zu bytes\n", secrets[i].name,
                    malloc_usable_size(memory));
            CU_FAIL("a secret in memory that is given back");
        }
    frees += watching;
    __real_free(memory);
}

static void learn(const char *name, const void *bytes, size_t size)
{
    secrets[known].name = name;
    secrets[known].size = size;
    memcpy(secrets[known++].bytes, bytes, size);
}

static void learn_account(void)
{
    static const char password[] = "Secret123!";
    uint8_t wide[20] = {0}, hash[16], ntowf[16];
    for (int i = 0; i < 10; i++)
        wide[2 * i] = (uint8_t)password[i];
    CU_ASSERT(ntlm_nt_hash(password, hash) && ntlm_ntowf_v2(hash, "anna", "WORLD", ntowf));
    known = 0;
    learn("password", password, 10);
    learn("password in UTF-16", wide, sizeof wide);
    learn("NT hash", hash, sizeof hash);
    learn("NTOWFv2", ntowf, sizeof ntowf);
}

static void with(const char *package)
{
    static struct side client, server;
    SecPkgContext_SessionKey key;
    char name[16];
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = (unsigned char *)"anna",
        .UserLength = 4,
        .Domain = (unsigned char *)"WORLD",
        .DomainLength = 5,
        .Password = (unsigned char *)"Secret123!",
        .PasswordLength = 10,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)"!Kerberos",
        .PackageListLength = 9,
    };
    world_begin();
    learn_account();
    strcpy(name, package);
    watching = true;
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_OUTBOUND, NULL, &identity, NULL,
                                            NULL, &client.credential, NULL),
                  SEC_E_OK);
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_INBOUND, NULL, &identity, NULL,
                                            NULL, &server.credential, NULL),
                  SEC_E_OK);
    establish(&client, &server, "host/x", ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY,
              ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY);
    ASSERT_STATUS(server.status, SEC_E_OK);
    ASSERT_STATUS(QueryContextAttributesA(&server.context, SECPKG_ATTR_SESSION_KEY, &key),
                  SEC_E_OK);
    learn("session key", key.SessionKey, key.SessionKeyLength);
    memset(key.SessionKey, 0, key.SessionKeyLength); /* this copy is the caller's */
    FreeContextBuffer(key.SessionKey);
    finish(&client);
    finish(&server);
    watching = false;
    CU_ASSERT(frees > 10);
}

static void ntlm(void)
{
    with("NTLM");
}

static void negotiate(void)
{
    with("Negotiate");
}

SSPI_TESTS({"ntlm", ntlm}, {"negotiate", negotiate})
