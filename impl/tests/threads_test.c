/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight threads on one inbound and one outbound credential: handshakes and messages, contexts
 * deleted under the feet of others, handles of long ago. Under ThreadSanitizer (make check-threads)
 * it finds races; without, that nothing mixes up contexts.
 */
#include "run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "exchange.h"
#include "world.h"

#define FLAGS (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY)

enum {
    THREADS = 8,
    ROUNDS = 40
};

static CredHandle outbound, inbound;
static atomic_uint wrong; /* CUnit counts for one thread only */
/* A context that its thread is about to delete, for the others to use or to delete first. */
static CtxtHandle common;
static pthread_mutex_t common_lock = PTHREAD_MUTEX_INITIALIZER;

static void must(bool right, const char *what, SECURITY_STATUS status)
{
    if (!right && atomic_fetch_add(&wrong, 1) < 5)
        fprintf(stderr, "  %s: 0x%08x\n", what, (unsigned)status);
}

static void acquire(const char *package)
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
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_OUTBOUND, NULL, &identity, NULL,
                                            NULL, &outbound, NULL),
                  SEC_E_OK);
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_INBOUND, NULL, &identity, NULL,
                                            NULL, &inbound, NULL),
                  SEC_E_OK);
}

static void message(struct side *from, struct side *to, unsigned number)
{
    uint8_t data[32], token[16];
    memset(data, (int)number, sizeof data);
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = EncryptMessage(&from->context, 0, &both, 0);
    must(status == SEC_E_OK, "EncryptMessage", status);
    status = DecryptMessage(&to->context, &both, 0, NULL);
    must(status == SEC_E_OK && data[0] == (uint8_t)number && data[31] == (uint8_t)number,
         "DecryptMessage", status);
    status = MakeSignature(&from->context, 0, &both, 0);
    must(status == SEC_E_OK, "MakeSignature", status);
    status = VerifySignature(&to->context, &both, 0, NULL);
    must(status == SEC_E_OK, "VerifySignature", status);
}

/* Uses the handle that another thread put up; it may be gone at any time. */
static void meddle(unsigned number)
{
    uint8_t data[8] = {0}, token[16];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SecPkgContext_NamesA names;
    pthread_mutex_lock(&common_lock);
    CtxtHandle handle = common;
    pthread_mutex_unlock(&common_lock);
    SECURITY_STATUS status = MakeSignature(&handle, 0, &both, 0);
    must(status == SEC_E_OK || status == SEC_E_INVALID_HANDLE, "MakeSignature elsewhere", status);
    status = QueryContextAttributesA(&handle, SECPKG_ATTR_NAMES, &names);
    must(status == SEC_E_OK || status == SEC_E_INVALID_HANDLE, "NAMES elsewhere", status);
    if (status == SEC_E_OK) {
        must(strcmp(names.sUserName, "WORLD\\anna") == 0, "another name", status);
        FreeContextBuffer(names.sUserName);
    }
    if (number % 3 == 0)
        DeleteSecurityContext(&handle);
}

/* Puts the context up, and deletes it together with whoever else does. */
static void abandon(struct side *side)
{
    pthread_mutex_lock(&common_lock);
    common = side->context;
    pthread_mutex_unlock(&common_lock);
    sched_yield();
    SECURITY_STATUS status = DeleteSecurityContext(&side->context);
    must(status == SEC_E_OK || status == SEC_E_INVALID_HANDLE, "DeleteSecurityContext", status);
    status = DeleteSecurityContext(&side->context);
    must(status == SEC_E_INVALID_HANDLE, "deleted twice", status);
}

static void *run(void *argument)
{
    unsigned thread = (unsigned)(uintptr_t)argument;
    struct side *sides = calloc(2, sizeof *sides);
    struct side *client = &sides[0], *server = &sides[1];
    for (unsigned round = 0; round < ROUNDS; round++) {
        memset(sides, 0, 2 * sizeof *sides);
        client->credential = outbound;
        server->credential = inbound;
        establish(client, server, "host/x", FLAGS, ASC_FLAGS);
        must(client->status == SEC_E_OK, "initiator", client->status);
        must(server->status == SEC_E_OK, "acceptor", server->status);
        for (unsigned n = 0; n < 4; n++) {
            message(client, server, thread * ROUNDS + round + n);
            message(server, client, round);
            meddle(thread + round + n);
        }
        SECURITY_STATUS status = DeleteSecurityContext(&client->context);
        must(status == SEC_E_OK, "DeleteSecurityContext", status);
        abandon(server);
    }
    free(sides);
    return NULL;
}

static void together(const char *package)
{
    pthread_t threads[THREADS];
    world_begin();
    acquire(package);
    for (size_t i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    ASSERT_STATUS(FreeCredentialsHandle(&outbound), SEC_E_OK);
    ASSERT_STATUS(FreeCredentialsHandle(&inbound), SEC_E_OK);
}

static void ntlm(void)
{
    together("NTLM");
}

static void negotiate(void)
{
    together("Negotiate");
}

/* One context, all threads: calls on it take turns, so that every message has a number of its own.
 */
static void *sign(void *argument)
{
    struct side *side = argument;
    for (int n = 0; n < ROUNDS; n++) {
        uint8_t data[8] = {0}, token[16];
        SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                               {sizeof data, SECBUFFER_DATA, data}};
        SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
        SECURITY_STATUS status = MakeSignature(&side->context, 0, &both, 0);
        must(status == SEC_E_OK, "MakeSignature", status);
    }
    return NULL;
}

static void one_context(void)
{
    static struct side client, server;
    pthread_t threads[THREADS];
    uint8_t data[8] = {0}, token[16];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    world_begin();
    acquire("NTLM");
    client.credential = outbound;
    server.credential = inbound;
    establish(&client, &server, "host/x", FLAGS, ASC_FLAGS);
    for (size_t i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, sign, &client), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    ASSERT_STATUS(MakeSignature(&client.context, 0, &both, 0), SEC_E_OK);
    CU_ASSERT_EQUAL(token[12] | token[13] << 8, THREADS * ROUNDS); /* SeqNum, MS-NLMP 2.2.2.9.2 */
    finish(&client);
    finish(&server);
}

SSPI_TESTS({"ntlm", ntlm}, {"negotiate", negotiate}, {"one context", one_context})
