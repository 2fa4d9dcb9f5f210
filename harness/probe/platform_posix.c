/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "platform.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "sanitizer.h"

/* Above the descriptors a library may expect to be its own. */
#define FIRST_PRIVATE_DESCRIPTOR 10

bool platform_take_streams(struct streams *streams)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (null >= 0 && null <= 2) /* 0, 1 or 2 was closed: keep it filled */
        null = dup(null);
    streams->in = fcntl(0, F_DUPFD_CLOEXEC, FIRST_PRIVATE_DESCRIPTOR);
    streams->out = fcntl(1, F_DUPFD_CLOEXEC, FIRST_PRIVATE_DESCRIPTOR);
    if (null < 0 || streams->in < 0 || streams->out < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0) {
        perror("sspi-probe: cannot take stdin and stdout");
        return false;
    }
    close(null);
    return true;
}

long platform_read(int in, void *bytes, size_t size)
{
    ssize_t got;
    do
        got = read(in, bytes, size);
    while (got < 0 && errno == EINTR);
    return (long)got;
}

bool platform_write(int out, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t put = write(out, from, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        size -= (size_t)put;
    }
    return true;
}

void platform_die_with_parent(void)
{
#ifdef __linux__
    pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it died before the request took effect */
        _exit(0);
#endif
}

void platform_default_environment(const char *name, const char *value)
{
    setenv(name, value, 0);
}

uint64_t platform_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void platform_wipe(void *bytes, size_t size)
{
    explicit_bzero(bytes, size);
}

/* ---- crashes ------------------------------------------------------------------------------ */

static const char *volatile running_call;
static const char *volatile running_id;
static volatile size_t running_id_length;

void platform_running(const char *call, const char *id, size_t id_length)
{
    running_id = id;
    running_id_length = id_length;
    running_call = call;
}

void platform_running_also(const char *call)
{
    running_call = call;
}

struct errand {
    void (*run)(void *argument);
    void *argument;
};

static void *run_errand(void *argument)
{
    const struct errand *errand = argument;
    errand->run(errand->argument);
    return NULL;
}

bool platform_on_a_thread(void (*run)(void *argument), void *argument)
{
    struct errand errand = {run, argument};
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_errand, &errand) != 0)
        return false;
    pthread_join(thread, NULL);
    return true;
}

static const struct {
    int number;
    const char *name;
} crash_signals[] = {
    {SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
    {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},
};

struct short_line {
    char text[256];
    size_t used;
};

static void add(struct short_line *line, const char *text, size_t length)
{
    for (size_t i = 0; i < length && line->used < sizeof line->text - 1; i++)
        line->text[line->used++] = text[i] >= 0x20 && text[i] < 0x7F ? text[i] : '?';
}

/* Only async-signal-safe calls; the heap may be ruined. */
static void report_crash(int number)
{
    struct short_line line = {.used = 0};
    const char *call = running_call, *name = "a signal";
    size_t id_length = running_id_length;

    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        if (crash_signals[i].number == number)
            name = crash_signals[i].name;
    add(&line, "sspi-probe: ", 12);
    add(&line, name, strlen(name));
    if (call) {
        add(&line, " in ", 4);
        add(&line, call, strlen(call));
        add(&line, " (id ", 5);
        add(&line, running_id, id_length < 64 ? id_length : 64);
        add(&line, ")", 1);
    } else {
        add(&line, " outside any call", 17);
    }
    line.text[line.used++] = '\n';
    platform_write(2, line.text, line.used);
    raise(number); /* the default action again, since SA_RESETHAND */
}

void platform_report_crashes(void)
{
    static char stack[64 * 1024]; /* a stack overflow is a crash too */
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = report_crash,
                               .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)};

    if (PROBE_SANITIZED)
        return;
    sigaltstack(&alternative, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crash_signals / sizeof crash_signals[0]; i++)
        sigaction(crash_signals[i].number, &action, NULL);
}
