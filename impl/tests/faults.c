/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions of libc that can be made to fail. See faults.h.
 */
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sanitized.h"

static struct {
    enum fault_kind kind;
    long at, count;
    bool armed, lasting;
    const char *struck;
} fault;

void fault_arm(enum fault_kind kind, long at, bool lasting)
{
    fault.kind = kind;
    fault.at = at;
    fault.lasting = lasting;
    fault.count = 0;
    fault.struck = NULL;
    fault.armed = true;
}

long fault_disarm(void)
{
    fault.armed = false;
    return fault.count;
}

const char *fault_struck(void)
{
    return fault.struck;
}

static bool strikes(enum fault_kind kind, const char *name, int error)
{
    if (!fault.armed || fault.kind != kind)
        return false;
    fault.count++;
    if (!fault.at || (fault.lasting ? fault.count < fault.at : fault.count != fault.at))
        return false;
    if (!fault.struck)
        fault.struck = name;
    errno = error;
    return true;
}

/* ---- memory --------------------------------------------------------------------------------- */

#ifndef SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
    return strikes(FAULT_ALLOCATION, "malloc", ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return strikes(FAULT_ALLOCATION, "calloc", ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return strikes(FAULT_ALLOCATION, "realloc", ENOMEM) ? NULL : __libc_realloc(memory, size);
}
#endif

/* ---- files and sockets ---------------------------------------------------------------------- */

/* The function of that name behind this program's. */
static void *behind(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);
    if (!function)
        abort();
    return function;
}

/* Defines `result name parameters`, which fails with `failure` or passes `arguments` on. */
#define STRIKE(kind, result, name, parameters, arguments, error, failure)                          \
    result name parameters                                                                         \
    {                                                                                              \
        static result(*real) parameters;                                                           \
        if (!real)                                                                                 \
            *(void **)&real = behind(#name);                                                       \
        if (strikes(kind, #name, error))                                                           \
            return failure;                                                                        \
        return real arguments;                                                                     \
    }

/* A descriptor may be either. */
static enum fault_kind kind_of(int descriptor)
{
    int type;
    socklen_t size = sizeof type;
    int before = errno;
    bool is = getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
    errno = before;
    return is ? FAULT_SOCKET : FAULT_FILE;
}

/* open and fcntl have an argument more now and then; one that is not there is not looked at. */
#define STRIKE_OPEN(name)                                                                          \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        static int (*real)(const char *, int, ...);                                                \
        va_list more;                                                                              \
        va_start(more, flags);                                                                     \
        int mode = flags & O_CREAT ? va_arg(more, int) : 0;                                        \
        va_end(more);                                                                              \
        if (!real)                                                                                 \
            *(void **)&real = behind(#name);                                                       \
        return strikes(FAULT_FILE, #name, EIO) ? -1 : real(path, flags, mode);                     \
    }

#define STRIKE_FCNTL(name)                                                                         \
    int name(int descriptor, int command, ...)                                                     \
    {                                                                                              \
        static int (*real)(int, int, ...);                                                         \
        va_list more;                                                                              \
        va_start(more, command);                                                                   \
        void *argument = va_arg(more, void *);                                                     \
        va_end(more);                                                                              \
        if (!real)                                                                                 \
            *(void **)&real = behind(#name);                                                       \
        return strikes(kind_of(descriptor), #name, ENOLCK) ? -1                                    \
                                                           : real(descriptor, command, argument);  \
    }

/* What poll is in libraries that were built with _FORTIFY_SOURCE. */
int __poll_chk(struct pollfd *list, nfds_t count, int timeout, size_t size);

STRIKE_OPEN(open)
STRIKE_OPEN(open64)
STRIKE_FCNTL(fcntl)
STRIKE_FCNTL(fcntl64)
STRIKE(FAULT_FILE, FILE *, fopen, (const char *path, const char *mode), (path, mode), EMFILE, NULL)
STRIKE(FAULT_FILE, FILE *, fopen64, (const char *path, const char *mode), (path, mode), EMFILE,
       NULL)
STRIKE(FAULT_FILE, FILE *, fdopen, (int descriptor, const char *mode), (descriptor, mode), ENOMEM,
       NULL)
STRIKE(FAULT_FILE, size_t, fread, (void *to, size_t size, size_t count, FILE *file),
       (to, size, count, file), EIO, 0)
STRIKE(FAULT_FILE, size_t, fwrite, (const void *from, size_t size, size_t count, FILE *file),
       (from, size, count, file), ENOSPC, 0)
STRIKE(FAULT_FILE, char *, fgets, (char *to, int size, FILE *file), (to, size, file), EIO, NULL)
STRIKE(FAULT_FILE, ssize_t, getline, (char **to, size_t *size, FILE *file), (to, size, file), EIO,
       -1)
STRIKE(kind_of(descriptor), ssize_t, read, (int descriptor, void *to, size_t size),
       (descriptor, to, size), EIO, -1)
STRIKE(kind_of(descriptor), ssize_t, write, (int descriptor, const void *from, size_t size),
       (descriptor, from, size), ENOSPC, -1)
STRIKE(FAULT_FILE, off_t, lseek, (int descriptor, off_t to, int whence), (descriptor, to, whence),
       EIO, -1)
STRIKE(FAULT_FILE, int, stat, (const char *path, struct stat *info), (path, info), EACCES, -1)
STRIKE(FAULT_FILE, int, lstat, (const char *path, struct stat *info), (path, info), EACCES, -1)
STRIKE(FAULT_FILE, int, fstat, (int descriptor, struct stat *info), (descriptor, info), EIO, -1)
STRIKE(FAULT_FILE, int, access, (const char *path, int mode), (path, mode), EACCES, -1)
STRIKE(FAULT_FILE, int, fsync, (int descriptor), (descriptor), EIO, -1)
STRIKE(FAULT_FILE, int, flock, (int descriptor, int operation), (descriptor, operation), ENOLCK, -1)
STRIKE(FAULT_SOCKET, int, socket, (int domain, int type, int protocol), (domain, type, protocol),
       EMFILE, -1)
STRIKE(FAULT_SOCKET, int, connect, (int s, const struct sockaddr *to, socklen_t size),
       (s, to, size), ECONNREFUSED, -1)
STRIKE(FAULT_SOCKET, ssize_t, send, (int s, const void *from, size_t size, int flags),
       (s, from, size, flags), ECONNRESET, -1)
STRIKE(FAULT_SOCKET, ssize_t, sendmsg, (int s, const struct msghdr *message, int flags),
       (s, message, flags), ECONNRESET, -1)
STRIKE(FAULT_SOCKET, ssize_t, recv, (int s, void *to, size_t size, int flags), (s, to, size, flags),
       ECONNRESET, -1)
STRIKE(FAULT_SOCKET, int, poll, (struct pollfd * list, nfds_t count, int timeout),
       (list, count, timeout), ENOMEM, -1)
STRIKE(FAULT_SOCKET, int, __poll_chk,
       (struct pollfd * list, nfds_t count, int timeout, size_t size), (list, count, timeout, size),
       ENOMEM, -1)
STRIKE(FAULT_SOCKET, int, getaddrinfo,
       (const char *node, const char *service, const struct addrinfo *hints,
        struct addrinfo **found),
       (node, service, hints, found), ENOMEM, EAI_MEMORY)
