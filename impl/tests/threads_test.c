/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight threads on one inbound and one outbound credential: handshakes and messages, contexts
 * deleted under the feet of others, handles of long ago. Under ThreadSanitizer (make check-threads)
 * it finds races; without, that nothing mixes up contexts. libkrb5 is not instrumented, so of it
 * only what it does through libc is seen.
 */
#include "run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "exchange.h"
#include "kerberos_tickets.h"
#include "world.h"

#define FLAGS (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY)

enum {
    THREADS = 8,
    ROUNDS = 40
};

struct mechanism {
    const char *package, *list, *target, *client; /* list: PackageList; client: as NAMES has it */
    ULONG flags;
    bool tickets; /* of kerberos_tickets.h; else anna's password */
};

static const struct mechanism mechanisms[] = {
    {"NTLM", "!Kerberos", "host/x", "WORLD\\anna", FLAGS, false},
    {"Negotiate", "!Kerberos", "host/x", "WORLD\\anna", FLAGS, false},
    {"Kerberos", "", WORLD_SERVICE, WORLD_REALM "\\alice", FLAGS | ISC_REQ_MUTUAL_AUTH, true},
    {"Negotiate", "!NTLM", WORLD_SERVICE, WORLD_REALM "\\alice", FLAGS | ISC_REQ_MUTUAL_AUTH, true},
};

static const struct mechanism *mechanism; /* of this test */
static CredHandle outbound, inbound;
static atomic_bool over;
static atomic_uint wrong; /* CUnit counts for one thread only */
/* A context that its thread is about to delete, for the others to use or to delete first. */
static CtxtHandle common;
static pthread_mutex_t common_lock = PTHREAD_MUTEX_INITIALIZER;

static void must(bool right, const char *what, SECURITY_STATUS status)
{
    if (!right && atomic_fetch_add(&wrong, 1) < 5)
        fprintf(stderr, "  %s: 0x%08x\n", what, (unsigned)status);
}

static void acquire(const struct mechanism *with)
{
    bool tickets = with->tickets;
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = tickets ? NULL : (unsigned char *)"anna",
        .UserLength = tickets ? 0 : 4,
        .Domain = tickets ? NULL : (unsigned char *)"WORLD",
        .DomainLength = tickets ? 0 : 5,
        .Password = tickets ? NULL : (unsigned char *)"Secret123!",
        .PasswordLength = tickets ? 0 : 10,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)(uintptr_t)with->list,
        .PackageListLength = (ULONG)strlen(with->list),
    };
    char *name = (char *)(uintptr_t)with->package;
    void *given = *with->list ? &identity : NULL;
    mechanism = with;
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_OUTBOUND, NULL, given, NULL,
                                            NULL, &outbound, NULL),
                  SEC_E_OK);
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_INBOUND, NULL, given, NULL,
                                            NULL, &inbound, NULL),
                  SEC_E_OK);
}

static void message(struct side *from, struct side *to, unsigned number)
{
    uint8_t data[32], token[128];
    memset(data, (int)number, sizeof data);
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = EncryptMessage(&from->context, 0, &both, 0);
    must(status == SEC_E_OK, "EncryptMessage", status);
    status = DecryptMessage(&to->context, &both, 0, NULL);
    must(status == SEC_E_OK && data[0] == (uint8_t)number && data[31] == (uint8_t)number,
         "DecryptMessage", status);
    buffers[0].cbBuffer = sizeof token;
    status = MakeSignature(&from->context, 0, &both, 0);
    must(status == SEC_E_OK, "MakeSignature", status);
    status = VerifySignature(&to->context, &both, 0, NULL);
    must(status == SEC_E_OK, "VerifySignature", status);
}

/* Uses the handle that another thread put up; it may be gone at any time. */
static void meddle(unsigned number)
{
    uint8_t data[8] = {0}, token[128];
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
        must(strcmp(names.sUserName, mechanism->client) == 0, "another name", status);
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
        establish(client, server, mechanism->target, mechanism->flags, ASC_FLAGS);
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

/* Keytab and ticket cache are replaced meanwhile, by others that serve as well. */
static void *replace_files(void *argument)
{
    struct world *world = argument;
    char bytes[1024];
    while (!atomic_load(&over)) {
        FILE *from = fopen(world_path(world, "keytab"), "rb");
        FILE *to = fopen(world_path(world, "keytab.new"), "wb");
        size_t size = from && to ? fread(bytes, 1, sizeof bytes, from) : 0;
        must(size && fwrite(bytes, 1, size, to) == size, "keytab", (SECURITY_STATUS)size);
        fclose(from);
        fclose(to);
        rename(world_path(world, "keytab.new"), world_path(world, "keytab"));
        world_tickets(world);
    }
    return NULL;
}

static void together(const struct mechanism *with)
{
    pthread_t threads[THREADS], replacer;
    struct world world;
    world_begin();
    if (with->tickets)
        world_open(&world, ENCTYPE_AES256_CTS_HMAC_SHA1_96);
    acquire(with);
    atomic_store(&over, false);
    if (with->tickets)
        CU_ASSERT_EQUAL(pthread_create(&replacer, NULL, replace_files, &world), 0);
    for (size_t i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL(pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)i), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&over, true);
    if (with->tickets)
        pthread_join(replacer, NULL);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    ASSERT_STATUS(FreeCredentialsHandle(&outbound), SEC_E_OK);
    ASSERT_STATUS(FreeCredentialsHandle(&inbound), SEC_E_OK);
    if (with->tickets)
        world_close(&world);
}

static void ntlm(void)
{
    together(&mechanisms[0]);
}

static void negotiate(void)
{
    together(&mechanisms[1]);
}

static void kerberos(void)
{
    together(&mechanisms[2]);
}

static void negotiate_kerberos(void)
{
    together(&mechanisms[3]);
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
    acquire(&mechanisms[0]);
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

SSPI_TESTS({"ntlm", ntlm}, {"negotiate", negotiate}, {"kerberos", kerberos},
           {"negotiate with kerberos", negotiate_kerberos}, {"one context", one_context})
