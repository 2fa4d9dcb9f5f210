/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose crash it is: the first frame that is not one of libc's belongs to libsspi, which is linked
 * into the program, or to a library below it.
 */
#ifndef LIBSSPI_TESTS_CRASHES_H
#define LIBSSPI_TESTS_CRASHES_H

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { /* how a child with these handlers ends */
    CRASH_OURS = 101,
    CRASH_OF_LIBRARY = 102
};

struct crash {
    char library[64];  /* its file name */
    char function[64]; /* what libsspi called in it */
    char trace[2048];
};

static struct crash *crash_told; /* memory that parent and child share */

static const char *file_of(const void *address, Dl_info *info)
{
    if (!dladdr(address, info) || !info->dli_fname)
        return "?";
    const char *slash = strrchr(info->dli_fname, '/');
    return slash ? slash + 1 : info->dli_fname;
}

static void crash_handler(int number, siginfo_t *signal_info, void *context)
{
    void *frames[48], *at = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    int count = backtrace(frames, 48), first = 0, ours = -1, theirs = -1;
    size_t used = 0;
    Dl_info info, self;
    (void)signal_info;
    dladdr((void *)crash_handler, &self);
    while (first < count && frames[first] != at)
        first++;
    for (int i = first < count ? first : 0; i < count && ours < 0; i++) {
        const char *file = file_of(frames[i], &info);
        bool mine = info.dli_fbase == self.dli_fbase, libc = strncmp(file, "libc.so", 7) == 0;
        used += (size_t)snprintf(crash_told->trace + used, sizeof crash_told->trace - used,
                                 "    %s %s+%#tx\n", file, info.dli_sname ? info.dli_sname : "?",
                                 (char *)frames[i] -
                                     (char *)(info.dli_saddr ? info.dli_saddr : info.dli_fbase));
        if (used >= sizeof crash_told->trace)
            used = sizeof crash_told->trace - 1;
        if (mine)
            ours = i;
        else if (!libc)
            theirs = i; /* the last one before ours: what was called */
        if (!mine && !libc) {
            if (!*crash_told->library)
                snprintf(crash_told->library, sizeof crash_told->library, "%s", file);
            snprintf(crash_told->function, sizeof crash_told->function, "%s",
                     info.dli_sname ? info.dli_sname : "?");
        }
    }
    (void)number;
    _exit(theirs < 0 ? CRASH_OURS : CRASH_OF_LIBRARY);
}

/* In the child. told: shared memory, zeroed. */
static inline void crash_watch(struct crash *told)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESETHAND};
    void *frames[2];
    action.sa_sigaction = crash_handler;
    crash_told = told;
    backtrace(frames, 2); /* loads what it needs, which is too late in a handler */
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

#endif
