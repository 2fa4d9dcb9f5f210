/* SPDX-License-Identifier: Apache-2.0
 *
 * How many handshakes, or sealed and opened messages, an SSPI library does in one thread.
 *
 *   handshake LIBRARY PACKAGE MECHANISM TARGET [SIZE] SECONDS
 *
 * MECHANISM is NTLM or Kerberos (what Negotiate is limited to). With SIZE, messages of that many
 * bytes are sealed by the initiator and opened by the acceptor; without it, contexts are made and
 * deleted over credentials acquired once. The account comes from BENCH_USER, BENCH_DOMAIN and
 * BENCH_PASSWORD; without them the initiator uses its own credentials. BENCH_INBOUND=1 hands the
 * account to the inbound credential too, for libraries whose acceptor knows no accounts itself.
 */
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

static bool failed(const char *what, SECURITY_STATUS status)
{
    fprintf(stderr, "%s: 0x%08x\n", what, (unsigned)status);
    return false;
}

static SEC_WCHAR *wide(const char *text)
{
    SEC_WCHAR *copy = calloc(MOST_TEXT, sizeof *copy);
    for (size_t n = 0; copy && text[n] && n + 1 < MOST_TEXT; n++)
        copy[n] = (unsigned char)text[n];
    return copy;
}

static ULONG length(const SEC_WCHAR *text)
{
    ULONG n = 0;
    while (text[n])
        n++;
    return n;
}

static SEC_WINNT_AUTH_IDENTITY_W *identity(void)
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
static void *limited(SEC_WINNT_AUTH_IDENTITY_W *plain, const char *package, const char *mechanism)
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

static bool leg(struct bench *bench, struct side *side, const struct side *other, bool initiates)
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

static bool connect_sides(struct bench *bench)
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

static bool disconnect(struct bench *bench)
{
    for (struct side *side = &bench->initiator; side;
         side = side == &bench->initiator ? &bench->acceptor : NULL) {
        if (side->has_context)
            bench->sspi->DeleteSecurityContext(&side->context);
        side->has_context = side->done = false;
    }
    return true;
}

static bool handshake(void *state)
{
    return connect_sides(state) && disconnect(state);
}

static bool message(void *state)
{
    struct bench *bench = state;
    memcpy(bench->sealed, bench->plain, bench->size);
    SecBuffer buffers[2] = {{bench->trailer_room, SECBUFFER_TOKEN, bench->trailer},
                            {bench->size, SECBUFFER_DATA, bench->sealed}};
    SecBufferDesc descriptor = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status =
        bench->sspi->EncryptMessage(&bench->initiator.context, 0, &descriptor, bench->sequence);
    if (status != SEC_E_OK)
        return failed("EncryptMessage", status);
    ULONG qop;
    status =
        bench->sspi->DecryptMessage(&bench->acceptor.context, &descriptor, bench->sequence++, &qop);
    if (status != SEC_E_OK)
        return failed("DecryptMessage", status);
    if (bench->sealed[0] != bench->plain[0] ||
        bench->sealed[bench->size - 1] != bench->plain[bench->size - 1]) {
        fputs("DecryptMessage gave other bytes\n", stderr);
        return false;
    }
    return true;
}

/* Connects and gets ready for messages of `size` bytes. */
static bool open_line(struct bench *bench, ULONG size)
{
    SecPkgContext_Sizes sizes;
    if (!connect_sides(bench))
        return false;
    SECURITY_STATUS status =
        bench->sspi->QueryContextAttributesW(&bench->initiator.context, SECPKG_ATTR_SIZES, &sizes);
    if (status != SEC_E_OK || sizes.cbSecurityTrailer > sizeof bench->trailer)
        return failed("QueryContextAttributes SIZES", status);
    bench->trailer_room = sizes.cbSecurityTrailer;
    bench->size = size;
    bench->sequence = 0;
    bench->plain = malloc(size);
    bench->sealed = malloc(size);
    if (!bench->plain || !bench->sealed)
        return false;
    memset(bench->plain, 'x', size);
    return true;
}

/* Whether a context is what it is said to be: a message crosses, and Negotiate chose `mechanism`.
 * A fast handshake of something else would be no result. */
static bool proven(struct bench *bench, const char *package, const char *mechanism)
{
    if (!open_line(bench, MOST_TEXT) || !message(bench))
        return false;
    if (strcmp(package, "Negotiate") == 0) {
        SecPkgContext_PackageInfoW info;
        SECURITY_STATUS status = bench->sspi->QueryContextAttributesW(
            &bench->acceptor.context, SECPKG_ATTR_PACKAGE_INFO, &info);
        if (status != SEC_E_OK)
            return failed("QueryContextAttributes PACKAGE_INFO", status);
        SEC_WCHAR *wanted = wide(mechanism);
        bool same = length(info.PackageInfo->Name) == length(wanted) &&
                    memcmp(info.PackageInfo->Name, wanted, length(wanted) * sizeof *wanted) == 0;
        free(wanted);
        bench->sspi->FreeContextBuffer(info.PackageInfo);
        if (!same) {
            fprintf(stderr, "Negotiate did not choose %s\n", mechanism);
            return false;
        }
    }
    free(bench->plain);
    free(bench->sealed);
    return disconnect(bench);
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "usage: %s LIBRARY PACKAGE MECHANISM TARGET [SIZE] SECONDS\n", argv[0]);
        return 3;
    }
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return 3;
    }
    SecurityFunctionTableW *(*entry)(void) =
        (SecurityFunctionTableW * (*)(void)) dlsym(library, "InitSecurityInterfaceW");
    struct bench *bench = calloc(1, sizeof *bench);
    if (!entry || !bench) {
        fputs("no InitSecurityInterfaceW\n", stderr);
        return 3;
    }
    bench->sspi = entry();
    bench->target = wide(argv[4]);
    SEC_WCHAR *package = wide(argv[2]);
    SEC_WINNT_AUTH_IDENTITY_W *plain = identity();
    TimeStamp expiry;
    SECURITY_STATUS status = bench->sspi->AcquireCredentialsHandleW(
        NULL, package, SECPKG_CRED_OUTBOUND, NULL, limited(plain, argv[2], argv[3]), NULL, NULL,
        &bench->initiator.credential, &expiry);
    if (status != SEC_E_OK)
        return failed("AcquireCredentialsHandle outbound", status), EXIT_FAILURE;
    status = bench->sspi->AcquireCredentialsHandleW(NULL, package, SECPKG_CRED_INBOUND, NULL,
                                                    getenv("BENCH_INBOUND") ? plain : NULL, NULL,
                                                    NULL, &bench->acceptor.credential, &expiry);
    if (status != SEC_E_OK)
        return failed("AcquireCredentialsHandle inbound", status), EXIT_FAILURE;
    double seconds = atof(argv[argc - 1]);
    if (!proven(bench, argv[2], argv[3]))
        return EXIT_FAILURE;
    if (argc > 6)
        return open_line(bench, (ULONG)strtoul(argv[5], NULL, 10))
                   ? bench_loop(message, bench, seconds)
                   : EXIT_FAILURE;
    return bench_loop(handshake, bench, seconds);
}
