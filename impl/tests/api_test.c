/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry points, end to end over NTLM: handles, output rules, statuses of misuse, message
 * protection. The rows of windows-behaviour that a test holds are named beside it.
 */
#include "run.h"

#include <libsspi.h>
#include <pthread.h>

#include "exchange.h"
#include "world.h"

static SEC_WINNT_AUTH_IDENTITY_A anna = {
    (unsigned char *)"anna",       4,  (unsigned char *)"WORLD",    5,
    (unsigned char *)"Secret123!", 10, SEC_WINNT_AUTH_IDENTITY_ANSI};

static SECURITY_STATUS acquire(struct side *side, const char *package, ULONG use)
{
    world_begin();
    memset(side, 0, sizeof *side);
    return AcquireCredentialsHandleA(NULL, (char *)(uintptr_t)package, use, NULL,
                                     use & SECPKG_CRED_OUTBOUND ? &anna : NULL, NULL, NULL,
                                     &side->credential, NULL);
}

static struct side client, server;

static void begin(void)
{
    ASSERT_STATUS(acquire(&client, "NTLM", SECPKG_CRED_OUTBOUND), SEC_E_OK);
    ASSERT_STATUS(acquire(&server, "NTLM", SECPKG_CRED_INBOUND), SEC_E_OK);
}

static void end(void)
{
    finish(&client);
    finish(&server);
}

#define FLAGS (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY)

/* path.ntlm.raw-3leg, and a message each way. */
static void exchange(void)
{
    uint8_t data[5] = "hello", token[64];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};

    begin();
    establish(&client, &server, NULL, FLAGS, ASC_FLAGS);
    ASSERT_STATUS(client.status, SEC_E_OK);
    ASSERT_STATUS(server.status, SEC_E_OK);
    CU_ASSERT_EQUAL(client.legs, 2);
    CU_ASSERT_EQUAL(server.legs, 2);
    ASSERT_STATUS(EncryptMessage(&client.context, 0, &message, 0), SEC_E_OK);
    CU_ASSERT(memcmp(data, "hello", 5) != 0);
    ASSERT_STATUS(DecryptMessage(&server.context, &message, 0, NULL), SEC_E_OK);
    CU_ASSERT(memcmp(data, "hello", 5) == 0);
    buffers[0].cbBuffer = sizeof token;
    ASSERT_STATUS(MakeSignature(&server.context, 0, &message, 0), SEC_E_OK);
    data[0] ^= 1;
    ASSERT_STATUS(VerifySignature(&client.context, &message, 0, NULL), SEC_E_MESSAGE_ALTERED);
    /* trig.asc.after-complete */
    ASSERT_STATUS(leg(&server, 0, NULL, 0, client.token, client.size), SEC_E_OUT_OF_SEQUENCE);
    end();
}

static SECURITY_STATUS first(ULONG req, SecBufferDesc *output, CtxtHandle *context)
{
    ULONG attributes;
    return InitializeSecurityContextA(&client.credential, NULL, NULL, req, 0, 0, NULL, 0, context,
                                      output, &attributes, NULL);
}

/* trig.isc.ntlm.null-output-desc, zero-cb, no-token-buffer, null-pv-internal */
static void output_rules(void)
{
    uint8_t room[3000];
    SecBuffer buffer = {0, SECBUFFER_TOKEN, room};
    SecBufferDesc output = {SECBUFFER_VERSION, 1, &buffer};
    CtxtHandle context, untouched;

    begin();
    memset(&context, 0xaa, sizeof context);
    memset(&untouched, 0xaa, sizeof untouched);
    ASSERT_STATUS(first(0, NULL, &context), SEC_E_BUFFER_TOO_SMALL);
    ASSERT_STATUS(first(0, &output, &context), SEC_E_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 0);
    buffer.cbBuffer = 8;
    ASSERT_STATUS(first(0, &output, &context), SEC_E_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 8);
    buffer = (SecBuffer){sizeof room, SECBUFFER_DATA, room};
    ASSERT_STATUS(first(0, &output, &context), SEC_E_BUFFER_TOO_SMALL);
    buffer = (SecBuffer){sizeof room, SECBUFFER_TOKEN, NULL};
    ASSERT_STATUS(first(0, &output, &context), SEC_E_INTERNAL_ERROR);
    CU_ASSERT_EQUAL(buffer.cbBuffer, sizeof room);
    CU_ASSERT(memcmp(&context, &untouched, sizeof context) == 0);

    buffer = (SecBuffer){0, SECBUFFER_TOKEN, NULL};
    ASSERT_STATUS(first(ISC_REQ_ALLOCATE_MEMORY, &output, &context), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT(buffer.cbBuffer > 0);
    CU_ASSERT_PTR_NOT_NULL(buffer.pvBuffer);
    ASSERT_STATUS(FreeContextBuffer(buffer.pvBuffer), SEC_E_OK);
    ASSERT_STATUS(FreeContextBuffer(NULL), SEC_E_OK);
    SecPkgContext_Flags flags;
    ASSERT_STATUS(QueryContextAttributesW(&context, SECPKG_ATTR_FLAGS, &flags), SEC_E_OK);
    CU_ASSERT(flags.Flags & ISC_RET_ALLOCATED_MEMORY);
    ASSERT_STATUS(DeleteSecurityContext(&context), SEC_E_OK); /* trig.unfinished-deleted */
    ASSERT_STATUS(DeleteSecurityContext(&context), SEC_E_INVALID_HANDLE);
    end();
}

/* trig.isc.retry-after-fail; the context stays deletable. */
static void too_small_later(void)
{
    SecBuffer in = {0, SECBUFFER_TOKEN, NULL}, out = {4, SECBUFFER_TOKEN, NULL};
    SecBufferDesc input = {0, 1, &in}, output = {0, 1, &out};
    uint8_t small[4];

    begin();
    leg(&client, 1, NULL, 0, NULL, 0);
    leg(&server, 0, NULL, 0, client.token, client.size);
    in = (SecBuffer){server.size, SECBUFFER_TOKEN, server.token};
    out.pvBuffer = small;
    ASSERT_STATUS(InitializeSecurityContextA(NULL, &client.context, NULL, 0, 0, 0, &input, 0, NULL,
                                             &output, NULL, NULL),
                  SEC_E_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL(out.cbBuffer, 4);
    ASSERT_STATUS(leg(&client, 1, NULL, 0, server.token, server.size), SEC_E_OUT_OF_SEQUENCE);
    ASSERT_STATUS(DeleteSecurityContext(&client.context), SEC_E_OK);
    client.has_context = 0;
    end();
}

static void misuse(void)
{
    CtxtHandle zeroed = {0, 0}, context;
    CredHandle stale;
    ULONG attributes;
    HANDLE token;
    uint8_t room[3000];
    SecBuffer buffer = {sizeof room, SECBUFFER_TOKEN, room};
    SecBufferDesc output = {SECBUFFER_VERSION, 1, &buffer};

    begin();
    /* trig.winpr.zeroed-context */
    ASSERT_STATUS(InitializeSecurityContextA(&client.credential, &zeroed, NULL, 0, 0, 0, NULL, 0,
                                             &context, &output, &attributes, NULL),
                  SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(first(0, &output, NULL), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(InitializeSecurityContextA(NULL, NULL, NULL, 0, 0, 0, NULL, 0, &context, &output,
                                             &attributes, NULL),
                  SEC_E_INVALID_HANDLE);
    /* The wrong direction, the wrong side, another credential. */
    ASSERT_STATUS(InitializeSecurityContextA(&server.credential, NULL, NULL, 0, 0, 0, NULL, 0,
                                             &context, &output, &attributes, NULL),
                  SEC_E_NO_CREDENTIALS);
    CU_ASSERT(strlen(libsspi_last_error()) > 0);
    ASSERT_STATUS(leg(&client, 1, NULL, 0, NULL, 0), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(
        AcceptSecurityContext(NULL, &client.context, NULL, 0, 0, &context, &output, NULL, NULL),
        SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(InitializeSecurityContextA(&server.credential, &client.context, NULL, 0, 0, 0,
                                             NULL, 0, &context, &output, NULL, NULL),
                  SEC_E_WRONG_CREDENTIAL_HANDLE);
    /* No messages before the end; functions that are not provided. */
    ASSERT_STATUS(MakeSignature(&client.context, 0, &output, 0), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(QuerySecurityContextToken(&client.context, &token), SEC_E_UNSUPPORTED_FUNCTION);
    ASSERT_STATUS(ImpersonateSecurityContext(&client.context), SEC_E_UNSUPPORTED_FUNCTION);
    ASSERT_STATUS(RevertSecurityContext(&zeroed), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(CompleteAuthToken(NULL, NULL), SEC_E_INVALID_HANDLE); /* trig.cat.zeroed */
    ASSERT_STATUS(CompleteAuthToken(&client.context, NULL), SEC_E_UNSUPPORTED_FUNCTION);
    stale = client.credential;
    ASSERT_STATUS(FreeCredentialsHandle(&client.credential), SEC_E_OK);
    ASSERT_STATUS(FreeCredentialsHandle(&stale), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(DeleteSecurityContext(&stale), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(FreeCredentialsHandle(NULL), SEC_E_INVALID_HANDLE);
    end();
}

/* fact.inplace-buffers: one memory for both tokens of every leg, and one SecBuffer too. */
static void in_place(void)
{
    static uint8_t room[8192];
    SecBuffer buffer = {sizeof room, SECBUFFER_TOKEN, room};
    SecBufferDesc both = {SECBUFFER_VERSION, 1, &buffer};
    ULONG attributes;

    begin();
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    memcpy(room, server.token, server.size);
    SecBuffer in = {server.size, SECBUFFER_TOKEN, room};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in};
    ASSERT_STATUS(InitializeSecurityContextA(&client.credential, &client.context, NULL, FLAGS, 0, 0,
                                             &input, 0, &client.context, &both, &attributes, NULL),
                  SEC_E_OK);
    in = buffer;
    ASSERT_STATUS(AcceptSecurityContext(&server.credential, &server.context, &input, ASC_FLAGS, 0,
                                        &server.context, &input, &attributes, NULL),
                  SEC_E_OK);
    CU_ASSERT_EQUAL(in.cbBuffer, 0);
    end();
}

static void packages(void)
{
    ULONG count = 0;
    SecPkgInfoW *all = NULL;
    SecPkgInfoA *one = (SecPkgInfoA *)(uintptr_t)0x1234;
    SecPkgInfoW *wide;
    SEC_WCHAR ntlm[] = u"ntlm";

    ASSERT_STATUS(EnumerateSecurityPackagesW(&count, &all), SEC_E_OK);
    CU_ASSERT_EQUAL(count, 3);
    CU_ASSERT(memcmp(all[0].Name, u"Negotiate", sizeof u"Negotiate") == 0);
    CU_ASSERT(memcmp(all[2].Name, u"NTLM", sizeof u"NTLM") == 0);
    CU_ASSERT((uint8_t *)all[0].Name == (uint8_t *)(all + 3)); /* one block */
    FreeContextBuffer(all);
    /* trig.qspi.unknown */
    ASSERT_STATUS(QuerySecurityPackageInfoA((char *)"Nobody", &one), SEC_E_SECPKG_NOT_FOUND);
    CU_ASSERT_PTR_EQUAL(one, (void *)(uintptr_t)0x1234);
    ASSERT_STATUS(QuerySecurityPackageInfoW(ntlm, &wide), SEC_E_OK);
    CU_ASSERT_EQUAL(wide->wRPCID, 10);
    FreeContextBuffer(wide);
    ASSERT_STATUS(QuerySecurityPackageInfoA((char *)"Negotiate", &one), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(one->Name, "Negotiate");
    CU_ASSERT_EQUAL(one->wRPCID, 9);
    FreeContextBuffer(one);
}

static void table(void)
{
    SecurityFunctionTableW *w = InitSecurityInterfaceW();
    SecurityFunctionTableA *a = InitSecurityInterfaceA();
    CU_ASSERT_EQUAL(w->dwVersion, 1);
    CU_ASSERT_PTR_NULL(w->Reserved2);
    CU_ASSERT(w->Reserved3 == EncryptMessage && w->Reserved4 == DecryptMessage);
    CU_ASSERT(a->Reserved3 == EncryptMessage && a->EncryptMessage == EncryptMessage);
    CU_ASSERT(a->InitializeSecurityContextA == InitializeSecurityContextA);
    CU_ASSERT(w->InitializeSecurityContextW == InitializeSecurityContextW);
    CU_ASSERT(w->AcceptSecurityContext == a->AcceptSecurityContext);
    CU_ASSERT_PTR_NULL(w->SetContextAttributesW);
    CU_ASSERT_PTR_NULL(w->ExportSecurityContext);
}

static void acquiring(void)
{
    struct side side;
    SecPkgCredentials_NamesW names;
    TimeStamp expiry = {.QuadPart = 0};
    SEC_WINNT_AUTH_IDENTITY_A bad = anna;

    ASSERT_STATUS(acquire(&side, "Nobody", SECPKG_CRED_OUTBOUND), SEC_E_SECPKG_NOT_FOUND);
    ASSERT_STATUS(acquire(&side, NULL, SECPKG_CRED_OUTBOUND), SEC_E_SECPKG_NOT_FOUND);
    /* trig.ach.policy-only */
    ASSERT_STATUS(acquire(&side, "NTLM", SECPKG_CRED_OUTBOUND | SECPKG_CRED_PROCESS_POLICY_ONLY),
                  SEC_E_NO_CREDENTIALS);
    ASSERT_STATUS(acquire(&side, "NTLM", 0), SEC_E_UNKNOWN_CREDENTIALS);
    bad.Flags = 0;
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, (char *)"NTLM", SECPKG_CRED_OUTBOUND, NULL, &bad,
                                            NULL, NULL, &side.credential, NULL),
                  SEC_E_UNKNOWN_CREDENTIALS);
    /* attrfact.cred.ansi-flag: the W entry with an ANSI identity. */
    ASSERT_STATUS(AcquireCredentialsHandleW(NULL, (SEC_WCHAR *)u"NTLM", SECPKG_CRED_OUTBOUND, NULL,
                                            &anna, NULL, NULL, &side.credential, &expiry),
                  SEC_E_OK);
    CU_ASSERT(expiry.QuadPart > 0);
    ASSERT_STATUS(QueryCredentialsAttributesW(&side.credential, SECPKG_CRED_ATTR_NAMES, &names),
                  SEC_E_OK);
    CU_ASSERT(names.sUserName && names.sUserName[0]);
    FreeContextBuffer(names.sUserName);
    ASSERT_STATUS(QueryCredentialsAttributesW(&side.credential, 77, &names),
                  SEC_E_UNSUPPORTED_FUNCTION);
    FreeCredentialsHandle(&side.credential);
}

/* A broken settings file fails the acquire, with a sentence that names file and line. */
static void broken_config(void)
{
    struct side side;
    world_begin();
    char path[80];
    snprintf(path, sizeof path, "%s/broken", world_folder);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("[ntlm]\n# fine\nacounts = /nowhere\n", file);
    fclose(file);
    setenv("LIBSSPI_CONFIG", path, 1);
    ASSERT_STATUS(acquire(&side, "NTLM", SECPKG_CRED_INBOUND), SEC_E_INTERNAL_ERROR);
    CU_ASSERT_PTR_NOT_NULL(strstr(libsspi_last_error(), "broken, line 3"));
    CU_ASSERT_PTR_NOT_NULL(strstr(libsspi_last_error(), "acounts"));
    setenv("LIBSSPI_CONFIG", world_config, 1);
    unlink(path);
}

/* The credential may be released while its contexts live. */
static void credential_first(void)
{
    begin();
    leg(&client, 1, NULL, FLAGS, NULL, 0);
    ASSERT_STATUS(FreeCredentialsHandle(&client.credential), SEC_E_OK);
    leg(&server, 0, NULL, ASC_FLAGS, client.token, client.size);
    SecBuffer in = {server.size, SECBUFFER_TOKEN, server.token};
    SecBuffer out = {sizeof client.token, SECBUFFER_TOKEN, client.token};
    SecBufferDesc input = {0, 1, &in}, output = {0, 1, &out};
    ASSERT_STATUS(InitializeSecurityContextA(NULL, &client.context, NULL, FLAGS, 0, 0, &input, 0,
                                             NULL, &output, NULL, NULL),
                  SEC_E_OK);
    end();
}

/* One credential, many threads, each with contexts of its own. */
static void *handshakes(void *failed)
{
    struct side *mine = calloc(2, sizeof *mine);
    for (int i = 0; mine && i < 50; i++) {
        mine[0].credential = client.credential;
        mine[1].credential = server.credential;
        mine[0].has_context = mine[1].has_context = 0;
        establish(&mine[0], &mine[1], NULL, FLAGS, ASC_FLAGS);
        if (mine[0].status != SEC_E_OK || mine[1].status != SEC_E_OK ||
            DeleteSecurityContext(&mine[0].context) != SEC_E_OK ||
            DeleteSecurityContext(&mine[1].context) != SEC_E_OK)
            *(int *)failed = 1;
    }
    free(mine);
    return NULL;
}

static void threads(void)
{
    pthread_t thread[8];
    int failed[8] = {0};
    begin();
    for (int i = 0; i < 8; i++)
        pthread_create(&thread[i], NULL, handshakes, &failed[i]);
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], NULL);
        CU_ASSERT_EQUAL(failed[i], 0);
    }
    end();
}

SSPI_TESTS({"exchange", exchange}, {"output_rules", output_rules},
           {"too_small_later", too_small_later}, {"misuse", misuse}, {"in_place", in_place},
           {"packages", packages}, {"table", table}, {"acquiring", acquiring},
           {"broken_config", broken_config}, {"credential_first", credential_first},
           {"threads", threads})
