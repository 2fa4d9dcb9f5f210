/* SPDX-License-Identifier: Apache-2.0
 *
 * How many handshakes, or sealed and opened messages, an SSPI library does in one thread.
 *
 *   handshake LIBRARY PACKAGE MECHANISM TARGET [used|[sign]SIZE] SECONDS
 *
 * MECHANISM is NTLM or Kerberos (what Negotiate is limited to). With SIZE, messages of that many
 * bytes are sealed by the initiator and opened by the acceptor (signSIZE: signed and verified);
 * without it, contexts are made and deleted over credentials acquired once. With the word "used"
 * every context also signs and verifies one message each way before it is deleted: NTLM derives
 * message keys when the first message comes, and SPNEGO needs them for its MICs, so only this
 * compares the two.
 */
#include "sides.h"

static bool handshake(void *state)
{
    return connect_sides(state) && disconnect(state);
}

static bool sign_one(struct bench *bench, struct side *from, struct side *to)
{
    uint8_t data[16] = "sixteen letters", trailer[64];
    SecBuffer buffers[2] = {{sizeof trailer, SECBUFFER_TOKEN, trailer},
                            {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc descriptor = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = bench->sspi->MakeSignature(&from->context, 0, &descriptor, 0);
    if (status != SEC_E_OK)
        return failed("MakeSignature", status);
    ULONG qop;
    status = bench->sspi->VerifySignature(&to->context, &descriptor, 0, &qop);
    return status == SEC_E_OK ? true : failed("VerifySignature", status);
}

static bool used_handshake(void *state)
{
    struct bench *bench = state;
    return connect_sides(bench) && sign_one(bench, &bench->initiator, &bench->acceptor) &&
           sign_one(bench, &bench->acceptor, &bench->initiator) && disconnect(bench);
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

static bool signature(void *state)
{
    struct bench *bench = state;
    SecBuffer buffers[2] = {{bench->trailer_room, SECBUFFER_TOKEN, bench->trailer},
                            {bench->size, SECBUFFER_DATA, bench->plain}};
    SecBufferDesc descriptor = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status =
        bench->sspi->MakeSignature(&bench->initiator.context, 0, &descriptor, bench->sequence);
    if (status != SEC_E_OK)
        return failed("MakeSignature", status);
    ULONG qop;
    status = bench->sspi->VerifySignature(&bench->acceptor.context, &descriptor, bench->sequence++,
                                          &qop);
    return status == SEC_E_OK || failed("VerifySignature", status);
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
        fprintf(stderr, "usage: %s LIBRARY PACKAGE MECHANISM TARGET [used|[sign]SIZE] SECONDS\n",
                argv[0]);
        return 3;
    }
    struct bench *bench = calloc(1, sizeof *bench);
    int status = bench ? open_library(bench, argv[1], argv[2], argv[3], argv[4]) : EXIT_FAILURE;
    if (status)
        return status;
    double seconds = atof(argv[argc - 1]);
    if (!proven(bench, argv[2], argv[3]))
        return EXIT_FAILURE;
    if (argc == 6)
        return bench_loop(handshake, bench, seconds);
    if (strcmp(argv[5], "used") == 0)
        return bench_loop(used_handshake, bench, seconds);
    bool signs = strncmp(argv[5], "sign", 4) == 0;
    ULONG size = (ULONG)strtoul(argv[5] + (signs ? 4 : 0), NULL, 10);
    if (!open_line(bench, size))
        return EXIT_FAILURE;
    return bench_loop(signs ? signature : message, bench, seconds);
}
