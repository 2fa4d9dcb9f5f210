/* SPDX-License-Identifier: Apache-2.0
 *
 * An SSPI library that behaves oddly on purpose. What it does is chosen by the package name
 * (AcquireCredentialsHandle), the target name (InitializeSecurityContext) or the attribute
 * (QueryContextAttributes), so that test_probe.py can look at each rule of the protocol.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sspi.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT void libsspi_test_clock(uint64_t filetime);
EXPORT bool libsspi_test_random(const void *bytes, size_t size);
EXPORT void *InitSecurityInterfaceExA(ULONG flags);
EXPORT void *InitSecurityInterfaceExW(ULONG flags);
EXPORT void *FakeEntryWithoutTable(void);

static uint64_t pinned_clock;
static char described_identity[256];
static uintptr_t live_contexts[64];
static uintptr_t next_context = 0x1000;
static bool ansi;

/* ---- helpers ------------------------------------------------------------------------------ */

/* ASCII from whichever string type is in use. */
static const char *plain(const void *text, char *out, size_t room)
{
    size_t i = 0;
    if (text && ansi)
        for (; i + 1 < room && ((const char *)text)[i]; i++)
            out[i] = ((const char *)text)[i];
    else if (text)
        for (; i + 1 < room && ((const uint16_t *)text)[i]; i++)
            out[i] = (char)((const uint16_t *)text)[i];
    out[i] = 0;
    return text ? out : "";
}

static SEC_WCHAR *wide(const char *text)
{
    size_t length = strlen(text);
    SEC_WCHAR *copy = malloc((length + 1) * sizeof *copy);
    for (size_t i = 0; i <= length; i++)
        copy[i] = (unsigned char)text[i];
    return copy;
}

static uintptr_t *context_place(uintptr_t value)
{
    for (size_t i = 0; i < sizeof live_contexts / sizeof live_contexts[0]; i++)
        if (live_contexts[i] == value)
            return &live_contexts[i];
    return NULL;
}

static bool context_is_live(const CtxtHandle *context)
{
    return context && context->dwLower && context_place(context->dwLower);
}

static void new_context(CtxtHandle *context)
{
    if (!context)
        return;
    context->dwLower = next_context += 0x10;
    context->dwUpper = 7;
    uintptr_t *place = context_place(0);
    if (place)
        *place = context->dwLower;
}

static void write_token(SecBufferDesc *output, const char *text)
{
    SecBuffer *buffer = &output->pBuffers[0];
    buffer->cbBuffer = (ULONG)strlen(text);
    memcpy(buffer->pvBuffer, text, buffer->cbBuffer);
}

/* ---- credentials --------------------------------------------------------------------------- */

static void describe(const char *name, const void *text, ULONG length, bool is_ansi)
{
    size_t used = strlen(described_identity);
    char *out = described_identity + used;
    size_t room = sizeof described_identity - used;

    if (!text)
        snprintf(out, room, "%s=null/%u ", name, length);
    else if (is_ansi)
        snprintf(out, room, "%s=%s/%u ", name, (const char *)text, length);
    else
        snprintf(out, room, "%s=%04x../%u ", name, *(const uint16_t *)text, length);
}

/* The whole of it, in hex. */
static void describe_piece(const SEC_WINNT_AUTH_IDENTITY_EX2 *identity)
{
    const unsigned char *bytes = (const unsigned char *)identity;
    for (size_t i = 0; i < identity->cbStructureLength && 2 * i + 2 < sizeof described_identity;
         i++)
        snprintf(described_identity + 2 * i, 3, "%02x", bytes[i]);
}

static void describe_identity(const void *identity)
{
    SEC_WINNT_AUTH_IDENTITY_EXW copy = {0};
    ULONG version;

    described_identity[0] = 0;
    if (!identity)
        return;
    memcpy(&version, identity, sizeof version);
    if (version == SEC_WINNT_AUTH_IDENTITY_VERSION_2) {
        describe_piece(identity);
        return;
    }
    if (version == SEC_WINNT_AUTH_IDENTITY_VERSION)
        memcpy(&copy, identity, sizeof copy);
    else
        memcpy(&copy.User, identity, sizeof(SEC_WINNT_AUTH_IDENTITY_W));
    bool is_ansi;
    if (version == SEC_WINNT_AUTH_IDENTITY_VERSION) {
        is_ansi = copy.Flags & SEC_WINNT_AUTH_IDENTITY_ANSI;
        snprintf(described_identity, sizeof described_identity, "EX/%u ", copy.Length);
    } else {
        const SEC_WINNT_AUTH_IDENTITY_W *short_one = identity;
        is_ansi = short_one->Flags & SEC_WINNT_AUTH_IDENTITY_ANSI;
    }
    describe("User", copy.User, copy.UserLength, is_ansi);
    describe("Domain", copy.Domain, copy.DomainLength, is_ansi);
    describe("Password", copy.Password, copy.PasswordLength, is_ansi);
    if (version == SEC_WINNT_AUTH_IDENTITY_VERSION)
        describe("PackageList", copy.PackageList, copy.PackageListLength, is_ansi);
}

static SECURITY_STATUS acquire(void *principal, void *package, ULONG use, void *logon,
                               void *identity, SEC_GET_KEY_FN key, void *argument,
                               CredHandle *credential, TimeStamp *expiry)
{
    char room[64];
    const char *name = plain(package, room, sizeof room);

    (void)principal, (void)key, (void)argument;
    describe_identity(identity);
    if (logon)
        snprintf(described_identity, sizeof described_identity, "logon %llx",
                 *(unsigned long long *)logon);
    if (strcmp(name, "Unwritten") == 0)
        return SEC_E_OK;
    if (strcmp(name, "Missing") == 0)
        return SEC_E_SECPKG_NOT_FOUND;
    if (strcmp(name, "Crash") == 0)
        raise(SIGSEGV);
    if (credential)
        credential->dwLower = use, credential->dwUpper = 99;
    if (expiry && pinned_clock)
        expiry->QuadPart = (int64_t)pinned_clock;
    return SEC_E_OK;
}

static SECURITY_STATUS free_credentials(CredHandle *credential)
{
    return credential && credential->dwUpper == 99 ? SEC_E_OK : SEC_E_INVALID_HANDLE;
}

static SECURITY_STATUS query_credentials(CredHandle *credential, ULONG attribute, void *buffer)
{
    if (!credential || credential->dwUpper != 99)
        return SEC_E_INVALID_HANDLE;
    if (attribute != SECPKG_CRED_ATTR_NAMES)
        return SEC_E_UNSUPPORTED_FUNCTION;
    ((SecPkgCredentials_NamesW *)buffer)->sUserName = wide(described_identity);
    return SEC_E_OK;
}

/* ---- legs ---------------------------------------------------------------------------------- */

static SECURITY_STATUS allocate_thrice(void)
{
    /* volatile: a compiler may leave out an allocation that nobody uses */
    void *volatile first = malloc(10);
    void *volatile second = calloc(2, 10);
    void *volatile third = realloc(NULL, 30);
    bool all = first && second && third;
    free(first);
    free(second);
    free(third);
    return all ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS use_stdio(SecBufferDesc *output)
{
    char byte;
    puts("library chatter on stdout");
    fflush(stdout);
    write_token(output, read(0, &byte, 1) == 0 ? "stdin is empty" : "stdin has bytes");
    return SEC_E_OK;
}

static void overflow_stack(volatile char *below)
{
    volatile char more[4096];
    more[0] = below[0];
    if (more[0] == 0) /* always, but the compiler cannot know */
        overflow_stack(more);
    more[1] = 0; /* no tail call */
}

/* What a target name makes the first leg do; true when it was one of these. */
static bool misbehave(const char *target, ULONG flags, SecBufferDesc *output,
                      SECURITY_STATUS *status)
{
    SecBuffer *buffer = output && output->cBuffers ? &output->pBuffers[0] : NULL;
    char start = 0;

    *status = SEC_E_OK;
    if (strcmp(target, "crash") == 0) {
        raise(SIGSEGV);
    } else if (strcmp(target, "abort") == 0) {
        abort();
    } else if (strcmp(target, "stack") == 0) {
        overflow_stack(&start);
    } else if (strcmp(target, "exit") == 0) {
        _exit(7);
    } else if (strcmp(target, "hang") == 0) {
        for (;;)
            pause();
    } else if (strcmp(target, "stdio") == 0) {
        *status = use_stdio(output);
    } else if (strcmp(target, "mallocs") == 0) {
        *status = allocate_thrice();
    } else if (strcmp(target, "refuse") == 0) {
        *status = SEC_E_LOGON_DENIED;
    } else if (strcmp(target, "overrun") == 0) {
        ((char *)buffer->pvBuffer)[buffer->cbBuffer] ^= 1;
    } else if (strcmp(target, "claim") == 0) {
        buffer->cbBuffer += 100;
    } else if (strcmp(target, "type") == 0) {
        buffer->BufferType = SECBUFFER_DATA;
    } else if (strcmp(target, "nullify") == 0) {
        buffer->pvBuffer = NULL;
    } else if (strcmp(target, "allocate") == 0 && flags & ISC_REQ_ALLOCATE_MEMORY) {
        buffer->pvBuffer = strdup("allocated");
        buffer->cbBuffer = 9;
    } else {
        return false;
    }
    return true;
}

static SECURITY_STATUS initialize(CredHandle *credential, CtxtHandle *context, void *target,
                                  ULONG flags, ULONG reserved1, ULONG representation,
                                  SecBufferDesc *input, ULONG reserved2, CtxtHandle *result,
                                  SecBufferDesc *output, ULONG *attributes, TimeStamp *expiry)
{
    char room[64];
    SECURITY_STATUS status;

    (void)credential, (void)representation;
    if (context && !context_is_live(context))
        return SEC_E_INVALID_HANDLE;
    if (misbehave(plain(target, room, sizeof room), flags, output, &status))
        return status;
    if (strcmp(room, "descriptors") == 0) {
        if (attributes)
            *attributes = (input ? input->cBuffers : 100) << 8 | (output ? output->cBuffers : 100);
        return SEC_E_OK;
    }
    if (strcmp(room, "descriptor") == 0)
        return *attributes = output->ulVersion << 16 | output->cBuffers << 8 | !!output->pBuffers,
               SEC_E_OK;
    if (strcmp(room, "thread") == 0)
        return *attributes = gettid() != getpid(), SEC_E_OK;
    if (context) /* the second leg: another handle from now on */
        *context_place(context->dwLower) = 0;
    new_context(result);
    if (strcmp(room, "unwritten") != 0 && attributes)
        *attributes = flags;
    if (strcmp(room, "unwritten") != 0 && expiry)
        expiry->QuadPart = (int64_t)((uint64_t)reserved1 << 32 | reserved2);
    if (output && output->cBuffers)
        write_token(output, context ? "second" : "first");
    return context ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
}

static SECURITY_STATUS accept(CredHandle *credential, CtxtHandle *context, SecBufferDesc *input,
                              ULONG flags, ULONG representation, CtxtHandle *result,
                              SecBufferDesc *output, ULONG *attributes, TimeStamp *expiry)
{
    (void)credential, (void)flags, (void)representation, (void)output, (void)expiry;
    if (context && !context_is_live(context))
        return SEC_E_INVALID_HANDLE;
    if (!context)
        new_context(result);
    if (attributes && input && input->cBuffers)
        *attributes = input->pBuffers[0].BufferType;
    return SEC_I_COMPLETE_NEEDED;
}

static SECURITY_STATUS delete_context(CtxtHandle *context)
{
    if (!context_is_live(context))
        return SEC_E_INVALID_HANDLE;
    *context_place(context->dwLower) = 0;
    return SEC_E_OK;
}

/* Exported by name only: its slot in the table is empty. */
EXPORT SECURITY_STATUS CompleteAuthToken(CtxtHandle *context, SecBufferDesc *token)
{
    return context_is_live(context) && token ? SEC_E_OK : SEC_E_INVALID_HANDLE;
}

/* ---- messages ------------------------------------------------------------------------------ */

static SECURITY_STATUS encrypt(CtxtHandle *context, ULONG quality, SecBufferDesc *message,
                               ULONG sequence)
{
    (void)quality, (void)sequence;
    if (!context_is_live(context))
        return SEC_E_INVALID_HANDLE;
    if (!message)
        return SEC_E_INVALID_PARAMETER;
    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *buffer = &message->pBuffers[i];
        if (buffer->BufferType == SECBUFFER_TOKEN)
            memset(buffer->pvBuffer, 0x11, buffer->cbBuffer = 16);
        for (ULONG at = 0; buffer->BufferType == SECBUFFER_DATA && at < buffer->cbBuffer; at++)
            ((unsigned char *)buffer->pvBuffer)[at] ^= 0xFF;
    }
    return SEC_E_OK;
}

/* STREAM and DATA: the plaintext stays where it was, behind a header of 4 bytes. */
static SECURITY_STATUS decrypt(CtxtHandle *context, SecBufferDesc *message, ULONG sequence,
                               ULONG *quality)
{
    if (!context_is_live(context))
        return SEC_E_INVALID_HANDLE;
    if (message && message->cBuffers == 2 && message->pBuffers[0].BufferType == SECBUFFER_STREAM) {
        message->pBuffers[1].pvBuffer = (char *)message->pBuffers[0].pvBuffer + 4;
        message->pBuffers[1].cbBuffer = message->pBuffers[0].cbBuffer - 4;
    }
    if (quality && sequence != 1)
        *quality = sequence;
    return SEC_E_OK;
}

/* ---- queries ------------------------------------------------------------------------------- */

static SecPkgInfoW *one_package(void)
{
    SecPkgInfoW *package = calloc(1, sizeof *package);
    package->fCapabilities = 0x12345;
    package->wVersion = 1;
    package->wRPCID = 65535;
    package->cbMaxToken = 77;
    package->Name = ansi ? (SEC_WCHAR *)"Fake" : (SEC_WCHAR *)u"F\u00e4ke \U0001F511";
    return package;
}

static SECURITY_STATUS query(CtxtHandle *context, ULONG attribute, void *buffer)
{
    static unsigned char text[] = "key!";

    if (!context_is_live(context))
        return SEC_E_INVALID_HANDLE;
    if (!buffer)
        return SEC_E_INVALID_PARAMETER;
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
        *(SecPkgContext_Sizes *)buffer = (SecPkgContext_Sizes){1, 2, 3, 4};
        return SEC_E_OK;
    case SECPKG_ATTR_NAMES:
        ((SecPkgContext_NamesW *)buffer)->sUserName = wide("DOM\\user");
        return SEC_E_OK;
    case SECPKG_ATTR_LIFESPAN:
        ((SecPkgContext_Lifespan *)buffer)->tsExpiry.QuadPart = INT64_MAX;
        return SEC_E_OK;
    case SECPKG_ATTR_KEY_INFO: /* the strings are left unwritten */
        ((SecPkgContext_KeyInfoW *)buffer)->KeySize = 128;
        return SEC_E_OK;
    case SECPKG_ATTR_AUTHORITY:
        ((SecPkgContext_AuthorityW *)buffer)->sAuthorityName = NULL;
        return SEC_E_OK;
    case SECPKG_ATTR_SESSION_KEY:
        ((SecPkgContext_SessionKey *)buffer)->SessionKeyLength = 4;
        ((SecPkgContext_SessionKey *)buffer)->SessionKey = memcpy(malloc(4), text, 4);
        return SEC_E_OK;
    case SECPKG_ATTR_NEGOTIATION_INFO:
        ((SecPkgContext_NegotiationInfoW *)buffer)->PackageInfo = one_package();
        ((SecPkgContext_NegotiationInfoW *)buffer)->NegotiationState = 2;
        return SEC_E_OK;
    case SECPKG_ATTR_NATIVE_NAMES: /* a failure with rubbish behind it */
        ((SecPkgContext_NativeNamesW *)buffer)->sClientName = (SEC_WCHAR *)1;
        return SEC_E_INTERNAL_ERROR;
    case SECPKG_ATTR_FLAGS: /* success, and nothing written */
        return SEC_E_OK;
    case 4711:
        memset(buffer, 0x42, 64);
        return SEC_E_OK;
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}

static SECURITY_STATUS enumerate(ULONG *count, PSecPkgInfoW *packages)
{
    *count = 1;
    *packages = one_package();
    return SEC_E_OK;
}

static SECURITY_STATUS query_package(SEC_WCHAR *name, PSecPkgInfoW *package)
{
    char room[64];
    if (strcmp(plain(name, room, sizeof room), "Fake") != 0)
        return SEC_E_SECPKG_NOT_FOUND;
    *package = one_package();
    return SEC_E_OK;
}

static SECURITY_STATUS query_token(CtxtHandle *context, HANDLE *token)
{
    (void)context;
    *token = (HANDLE)4;
    return SEC_E_OK;
}

static SECURITY_STATUS free_buffer(void *memory)
{
    free(memory);
    return SEC_E_OK;
}

/* ---- entry --------------------------------------------------------------------------------- */

EXPORT void libsspi_test_clock(uint64_t filetime)
{
    pinned_clock = filetime;
}

EXPORT bool libsspi_test_random(const void *bytes, size_t size)
{
    (void)bytes;
    return size <= 4;
}

/* Slot 27 says SetContextAttributes where no caller may look: dwVersion is 1. */
static SecurityFunctionTableW table = {
    .dwVersion = 1,
    .EnumerateSecurityPackagesW = enumerate,
    .QueryCredentialsAttributesW = query_credentials,
    .AcquireCredentialsHandleW = (void *)acquire,
    .FreeCredentialsHandle = free_credentials,
    .InitializeSecurityContextW = (void *)initialize,
    .AcceptSecurityContext = accept,
    .DeleteSecurityContext = delete_context,
    .QueryContextAttributesW = query,
    .FreeContextBuffer = free_buffer,
    .QuerySecurityPackageInfoW = query_package,
    .QuerySecurityContextToken = query_token,
    .EncryptMessage = encrypt,
    .DecryptMessage = decrypt,
    .SetContextAttributesW = (void *)abort,
};

EXPORT PSecurityFunctionTableW InitSecurityInterfaceW(void)
{
    return &table;
}

/* There is no InitSecurityInterfaceA: the probe has to fall back. */
EXPORT void *InitSecurityInterfaceExA(ULONG flags)
{
    ansi = true;
    table.dwVersion = 3 + flags;
    table.SetContextAttributesW = NULL;
    return &table;
}

EXPORT void *InitSecurityInterfaceExW(ULONG flags)
{
    table.dwVersion = 5 + flags;
    table.SetContextAttributesW = NULL;
    return &table;
}

EXPORT void *FakeEntryWithoutTable(void)
{
    return NULL;
}
