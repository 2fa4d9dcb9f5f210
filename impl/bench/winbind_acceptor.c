/* SPDX-License-Identifier: Apache-2.0
 *
 * What libsspi's acceptor adds to winbindd's own answer: both are asked in turns, about answers
 * that libsspi's initiator makes.
 *
 *   winbind_acceptor LIBRARY TARGET SECONDS
 *
 * Prints {"acceptor": us, "direct": us}: the median time of both AcceptSecurityContext calls and
 * DeleteSecurityContext, and that of wbcCtxAuthenticateUserEx alone. Wall time: winbindd works
 * meanwhile.
 */
#include <unistd.h>

#include "sides.h"

#if __has_include(<wbclient.h>)
#include <wbclient.h>
#else
#include <samba-4.0/wbclient.h> /* where Debian puts it */
#endif

enum {
    MOST_RUNS = 20000
};

static struct {
    struct wbcContext *(*create)(void);
    wbcErr (*authenticate)(struct wbcContext *, const struct wbcAuthUserParams *,
                           struct wbcAuthUserInfo **, struct wbcAuthErrorInfo **);
    void (*release)(void *);
    struct wbcContext *context;
} wbc;

static bool load(void)
{
    void *library = dlopen("libwbclient.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    *(void **)&wbc.create = dlsym(library, "wbcCtxCreate");
    *(void **)&wbc.authenticate = dlsym(library, "wbcCtxAuthenticateUserEx");
    *(void **)&wbc.release = dlsym(library, "wbcFreeMemory");
    wbc.context = wbc.create ? wbc.create() : NULL;
    return wbc.context && wbc.authenticate && wbc.release;
}

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A field of AUTHENTICATE (MS-NLMP 2.2.1.3): its length, and where it begins. */
static const uint8_t *field(const struct side *side, size_t place, uint32_t *size)
{
    const uint8_t *at = side->token + place;
    *size = at[0] | (uint32_t)at[1] << 8;
    uint32_t offset = at[4] | (uint32_t)at[5] << 8 | (uint32_t)at[6] << 16;
    return offset + *size <= side->size ? side->token + offset : side->token;
}

/* ASCII of a field in UTF-16. */
static char *name(const struct side *side, size_t place, char *out)
{
    uint32_t size;
    const uint8_t *at = field(side, place, &size);
    uint32_t n = 0;
    for (; n < size / 2 && n + 1 < MOST_TEXT; n++)
        out[n] = (char)at[2 * n];
    out[n] = 0;
    return out;
}

/* winbindd alone, with what the acceptor was sent. Seconds, or below 0. */
static double direct(const struct side *initiator, const uint8_t challenge[8])
{
    char user[MOST_TEXT], domain[MOST_TEXT], workstation[MOST_TEXT];
    uint32_t lm, nt;
    const uint8_t *lm_data = field(initiator, 12, &lm), *nt_data = field(initiator, 20, &nt);
    struct wbcAuthUserParams params = {
        .account_name = name(initiator, 36, user),
        .domain_name = name(initiator, 28, domain),
        .workstation_name = name(initiator, 44, workstation),
        .level = WBC_AUTH_USER_LEVEL_RESPONSE,
        .password.response = {.nt_length = nt,
                              .nt_data = (uint8_t *)(uintptr_t)nt_data,
                              .lm_length = lm,
                              .lm_data = (uint8_t *)(uintptr_t)lm_data},
    };
    struct wbcAuthUserInfo *info = NULL;
    struct wbcAuthErrorInfo *error = NULL;
    memcpy(params.password.response.challenge, challenge, 8);
    double start = wall();
    wbcErr result = wbc.authenticate(wbc.context, &params, &info, &error);
    double end = wall();
    if (error)
        fprintf(stderr, "winbindd: %s\n", error->nt_string);
    wbc.release(info);
    wbc.release(error);
    return result == WBC_ERR_SUCCESS ? end - start : -1;
}

/* One handshake. [out] challenge: the acceptor's. Seconds of the acceptor, or below 0. */
static double accepted(struct bench *bench, uint8_t challenge[8])
{
    double spent = 0;
    bench->acceptor.size = 0;
    while (!bench->acceptor.done) {
        if (!leg(bench, &bench->initiator, &bench->acceptor, true))
            return -1;
        double start = wall();
        if (!leg(bench, &bench->acceptor, &bench->initiator, false))
            return -1;
        spent += wall() - start;
        if (!bench->acceptor.done)
            memcpy(challenge, bench->acceptor.token + 24, 8); /* MS-NLMP 2.2.1.2 */
    }
    double start = wall();
    bench->sspi->DeleteSecurityContext(&bench->acceptor.context);
    spent += wall() - start;
    bench->sspi->DeleteSecurityContext(&bench->initiator.context);
    bench->initiator.has_context = bench->initiator.done = false;
    bench->acceptor.has_context = bench->acceptor.done = false;
    return spent;
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

int main(int argc, char **argv)
{
    static double ours[MOST_RUNS], theirs[MOST_RUNS];
    uint8_t challenge[8];
    size_t runs = 0;
    if (argc != 4) {
        fprintf(stderr, "usage: %s LIBRARY TARGET SECONDS\n", argv[0]);
        return 3;
    }
    struct bench *bench = calloc(1, sizeof *bench);
    int status = bench ? open_library(bench, argv[1], "NTLM", "NTLM", argv[2]) : EXIT_FAILURE;
    if (status || !load())
        return EXIT_FAILURE;
    double end = wall() + atof(argv[3]);
    for (; wall() < end && runs < MOST_RUNS; runs++) {
        ours[runs] = accepted(bench, challenge);
        theirs[runs] = direct(&bench->initiator, challenge);
        if (ours[runs] < 0 || theirs[runs] < 0)
            return EXIT_FAILURE;
    }
    if (!runs)
        return EXIT_FAILURE;
    qsort(ours, runs, sizeof ours[0], by_size);
    qsort(theirs, runs, sizeof theirs[0], by_size);
    printf("{\"acceptor\": %.2f, \"direct\": %.2f}\n", ours[runs / 2] * 1e6,
           theirs[runs / 2] * 1e6);
    return EXIT_SUCCESS;
}
