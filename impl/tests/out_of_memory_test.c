/* SPDX-License-Identifier: Apache-2.0
 *
 * Every allocation of a whole exchange fails once: for each the answer is exactly
 * SEC_E_INSUFFICIENT_MEMORY, nothing leaks (run it under a leak checker), nothing is left
 * undeletable. calloc is wrapped when this program is linked; only libsspi's own allocations
 * count, not those of the libraries below it.
 */
#include "run.h"

#include "exchange.h"
#include "world.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long fail_at; /* the allocation that fails, from 1; 0: none */
static bool failed;

void *__wrap_calloc(size_t count, size_t size)
{
    if (fail_at > 0 && --fail_at == 0) {
        failed = true;
        return NULL;
    }
    return __real_calloc(count, size);
}

static struct side client, server;

static SECURITY_STATUS acquire(const char *package)
{
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
    char *name = (char *)(uintptr_t)package;
    SECURITY_STATUS status = AcquireCredentialsHandleA(
        NULL, name, SECPKG_CRED_OUTBOUND, NULL, &identity, NULL, NULL, &client.credential, NULL);
    if (status == SEC_E_OK)
        status = AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_INBOUND, NULL, &identity, NULL,
                                           NULL, &server.credential, NULL);
    return status;
}

static SECURITY_STATUS ask(struct side *side)
{
    SecPkgContext_NamesW names;
    SecPkgContext_NegotiationInfoW info;
    SecPkgContext_SessionKey key;
    SECURITY_STATUS status = QueryContextAttributesW(&side->context, SECPKG_ATTR_NAMES, &names);
    if (status != SEC_E_OK)
        return status;
    FreeContextBuffer(names.sUserName);
    status = QueryContextAttributesW(&side->context, SECPKG_ATTR_NEGOTIATION_INFO, &info);
    if (status != SEC_E_OK)
        return status;
    FreeContextBuffer(info.PackageInfo);
    status = QueryContextAttributesW(&side->context, SECPKG_ATTR_SESSION_KEY, &key);
    if (status == SEC_E_OK)
        FreeContextBuffer(key.SessionKey);
    return status;
}

static SECURITY_STATUS message(void)
{
    uint8_t data[5] = "hello", token[64];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = EncryptMessage(&client.context, 0, &both, 0);
    return status == SEC_E_OK ? DecryptMessage(&server.context, &both, 0, NULL) : status;
}

static SECURITY_STATUS everything(const char *package)
{
    memset(&client, 0, sizeof client);
    memset(&server, 0, sizeof server);
    SECURITY_STATUS status = acquire(package);
    if (status != SEC_E_OK)
        return status;
    establish(&client, &server, "host/x", ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY,
              ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY);
    if (client.status < 0)
        return client.status;
    if (server.status < 0)
        return server.status;
    status = ask(&server);
    return status == SEC_E_OK ? message() : status;
}

static void release(void)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        if (sides[i]->has_context)
            ASSERT_STATUS(DeleteSecurityContext(&sides[i]->context), SEC_E_OK);
        if (sides[i]->credential.dwUpper)
            ASSERT_STATUS(FreeCredentialsHandle(&sides[i]->credential), SEC_E_OK);
    }
}

static void each(const char *package)
{
    long n = 0;
    world_begin();
    ASSERT_STATUS(everything(package), SEC_E_OK); /* what is set up once is set up now */
    release();
    do {
        failed = false;
        fail_at = ++n;
        SECURITY_STATUS status = everything(package);
        fail_at = 0;
        if (failed && status != SEC_E_INSUFFICIENT_MEMORY)
            fprintf(stderr, "  %s: allocation %ld\n", package, n);
        ASSERT_STATUS(status, failed ? SEC_E_INSUFFICIENT_MEMORY : SEC_E_OK);
        release();
    } while (failed && n < 10000);
    CU_ASSERT(n > 20);
}

static void ntlm(void)
{
    each("NTLM");
}

static void negotiate(void)
{
    each("Negotiate");
}

SSPI_TESTS({"ntlm", ntlm}, {"negotiate", negotiate})
