/* SPDX-License-Identifier: Apache-2.0
 *
 * Both sides of an SSPI library that is loaded at run time, for the measuring programs.
 *
 * The account comes from BENCH_USER, BENCH_DOMAIN and BENCH_PASSWORD; without them the initiator
 * uses its own credentials. BENCH_INBOUND=1 hands the account to the inbound credential too, for
 * libraries whose acceptor knows no accounts itself.
 */
#ifndef BENCH_SIDES_H
#define BENCH_SIDES_H

#include <dlfcn.h>
#include <sspi.h>
#include <string.h>

#include "clock.h"

enum {
    ROOM = 65536,
    MOST_LEGS = 10,
    MOST_TEXT = 256
};

struct side {
    CredHandle credential;
    CtxtHandle context;
    bool has_context;
    bool done;
    uint8_t token[ROOM];
    ULONG size; /* of the last token */
};

struct bench {
    SecurityFunctionTableW *sspi;
    SEC_WCHAR *target;
    struct side initiator;
    struct side acceptor;
    uint8_t *plain; /* one message, its sealed copy, and the trailer */
    uint8_t *sealed;
    ULONG size;
    uint8_t trailer[1024];
    ULONG trailer_room;
    ULONG sequence;
};

static inline bool failed(const char *what, SECURITY_STATUS status)
{
    fprintf(stderr, "%s: 0x%08x\n", what, (unsigned)status);
    return false;
}

static inline SEC_WCHAR *wide(const char *text)
{
    SEC_WCHAR *copy = calloc(MOST_TEXT, sizeof *copy);
    for (size_t n = 0; copy && text[n] && n + 1 < MOST_TEXT; n++)
        copy[n] = (unsigned char)text[n];
    return copy;
}

static inline ULONG length(const SEC_WCHAR *text)
{
    ULONG n = 0;
    while (text[n])
        n++;
    return n;
}

static inline SEC_WINNT_AUTH_IDENTITY_W *identity(void)
{
    const char *user = getenv("BENCH_USER"), *domain = getenv("BENCH_DOMAIN");
    const char *password = getenv("BENCH_PASSWORD");
    if (!user || !domain || !password)
        return NULL;
    SEC_WINNT_AUTH_IDENTITY_W *found = calloc(1, sizeof *found);
    if (!found)
        return NULL;
    found->User = wide(user);
    found->UserLength = length(found->User);
    found->Domain = wide(domain);
    found->DomainLength = length(found->Domain);
    found->Password = wide(password);
    found->PasswordLength = length(found->Password);
    found->Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    return found;
}

/* The same limited to one mechanism of Negotiate; the plain one for other packages. */
static inline void *limited(SEC_WINNT_AUTH_IDENTITY_W *plain, const char *package,
                            const char *mechanism)
{
    if (strcmp(package, "Negotiate") != 0)
        return plain;
    SEC_WINNT_AUTH_IDENTITY_EXW *found = calloc(1, sizeof *found);
    if (!found)
        return NULL;
    found->Version = SEC_WINNT_AUTH_IDENTITY_VERSION;
    found->Length = sizeof *found;
    if (plain) {
        found->User = plain->User;
        found->UserLength = plain->UserLength;
        found->Domain = plain->Domain;
        found->DomainLength = plain->DomainLength;
        found->Password = plain->Password;
        found->PasswordLength = plain->PasswordLength;
    }
    found->Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    found->PackageList = wide(strcmp(mechanism, "NTLM") == 0 ? "!Kerberos" : "!NTLM");
    found->PackageListLength = length(found->PackageList);
    return found;
}

static inline bool leg(struct bench *bench, struct side *side, const struct side *other,
                       bool initiates)
{
    SecBuffer in = {other->size, SECBUFFER_TOKEN, (void *)other->token};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in};
    SecBuffer out = {ROOM, SECBUFFER_TOKEN, side->token};
    SecBufferDesc output = {SECBUFFER_VERSION, 1, &out};
    ULONG attributes;
    TimeStamp expiry;
    SECURITY_STATUS status;
    if (initiates)
        status = bench->sspi->InitializeSecurityContextW(
            &side->credential, side->has_context ? &side->context : NULL, bench->target,
            ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY | ISC_REQ_INTEGRITY |
                ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT,
            0, SECURITY_NATIVE_DREP, side->has_context ? &input : NULL, 0, &side->context, &output,
            &attributes, &expiry);
    else
        status = bench->sspi->AcceptSecurityContext(
            &side->credential, side->has_context ? &side->context : NULL, &input,
            ASC_REQ_CONFIDENTIALITY | ASC_REQ_INTEGRITY | ASC_REQ_REPLAY_DETECT |
                ASC_REQ_SEQUENCE_DETECT,
            SECURITY_NATIVE_DREP, &side->context, &output, &attributes, &expiry);
    if (status < 0)
        return failed(initiates ? "InitializeSecurityContext" : "AcceptSecurityContext", status);
    side->has_context = true;
    side->size = out.cbBuffer;
    if (status == SEC_I_COMPLETE_NEEDED || status == SEC_I_COMPLETE_AND_CONTINUE) {
        SECURITY_STATUS completed = bench->sspi->CompleteAuthToken(&side->context, &output);
        if (completed != SEC_E_OK)
            return failed("CompleteAuthToken", completed);
    }
    side->done = status == SEC_E_OK || status == SEC_I_COMPLETE_NEEDED;
    return true;
}

static inline bool connect_sides(struct bench *bench)
{
    struct side *side = &bench->initiator, *other = &bench->acceptor;
    other->size = 0;
    for (int n = 0; n < MOST_LEGS && !(bench->initiator.done && bench->acceptor.done); n++) {
        if (!side->done && !leg(bench, side, other, side == &bench->initiator))
            return false;
        struct side *next = other;
        other = side;
        side = next;
    }
    return bench->initiator.done && bench->acceptor.done;
}

static inline bool disconnect(struct bench *bench)
{
    for (struct side *side = &bench->initiator; side;
         side = side == &bench->initiator ? &bench->acceptor : NULL) {
        if (side->has_context)
            bench->sspi->DeleteSecurityContext(&side->context);
        side->has_context = side->done = false;
    }
    return true;
}

/* Loads the library and acquires both credentials. 0, or the exit status of the program. */
static inline int open_library(struct bench *bench, const char *library, const char *package,
                               const char *mechanism, const char *target)
{
    void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!loaded) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    SecurityFunctionTableW *(*entry)(void) =
        (SecurityFunctionTableW * (*)(void)) dlsym(loaded, "InitSecurityInterfaceW");
    if (!entry) {
        fputs("no InitSecurityInterfaceW\n", stderr);
        return 3;
    }
    bench->sspi = entry();
    bench->target = wide(target);
    SEC_WCHAR *name = wide(package);
    SEC_WINNT_AUTH_IDENTITY_W *plain = identity();
    TimeStamp expiry;
    SECURITY_STATUS status = bench->sspi->AcquireCredentialsHandleW(
        NULL, name, SECPKG_CRED_OUTBOUND, NULL, limited(plain, package, mechanism), NULL, NULL,
        &bench->initiator.credential, &expiry);
    if (status != SEC_E_OK)
        return failed("AcquireCredentialsHandle outbound", status), EXIT_FAILURE;
    status = bench->sspi->AcquireCredentialsHandleW(NULL, name, SECPKG_CRED_INBOUND, NULL,
                                                    getenv("BENCH_INBOUND") ? plain : NULL, NULL,
                                                    NULL, &bench->acceptor.credential, &expiry);
    if (status != SEC_E_OK)
        return failed("AcquireCredentialsHandle inbound", status), EXIT_FAILURE;
    return 0;
}

#endif
