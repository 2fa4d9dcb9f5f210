/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine's clock and randomness, and the conversions between FILETIME and time_t.
 */
#include "env_system.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#define TICKS_PER_SECOND 10000000
/* Seconds from 1601-01-01 to 1970-01-01 (MS-DTYP 2.3.3). */
#define EPOCH_DIFFERENCE 11644473600LL
/* Beyond this a FILETIME means "never"; time_t and struct tm would still cope. */
#define LAST_FILETIME INT64_MAX

uint64_t sspi_system_now(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return 0;
    return sspi_unix_to_filetime(now.tv_sec) + (uint64_t)now.tv_nsec / 100;
}

bool sspi_system_random(void *bytes, size_t size)
{
    uint8_t *at = bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

int64_t sspi_filetime_to_unix(uint64_t filetime)
{
    return (int64_t)(filetime / TICKS_PER_SECOND) - EPOCH_DIFFERENCE;
}

uint64_t sspi_unix_to_filetime(int64_t seconds)
{
    if (seconds <= -EPOCH_DIFFERENCE)
        return 0;
    if (seconds >= LAST_FILETIME / TICKS_PER_SECOND - EPOCH_DIFFERENCE)
        return LAST_FILETIME;
    return (uint64_t)(seconds + EPOCH_DIFFERENCE) * TICKS_PER_SECOND;
}

uint64_t sspi_filetime_to_local(uint64_t filetime)
{
    time_t seconds = (time_t)sspi_filetime_to_unix(filetime);
    struct tm local;
    if (filetime >= (uint64_t)LAST_FILETIME || !localtime_r(&seconds, &local))
        return filetime;
    int64_t shifted = (int64_t)filetime + (int64_t)local.tm_gmtoff * TICKS_PER_SECOND;
    return shifted < 0 ? filetime : (uint64_t)shifted;
}

/* Longer than a tick of the kernel's file clock, the step of time stamps. */
#define YOUNG_NANOSECONDS 50000000LL
#define NANOSECONDS 1000000000LL

bool sspi_file_is_young(const struct stat *file)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return true;
    /* A file system that counts whole seconds. */
    long long step = file->st_mtim.tv_nsec ? YOUNG_NANOSECONDS : 2 * NANOSECONDS;
    long long age =
        (now.tv_sec - file->st_mtim.tv_sec) * NANOSECONDS + (now.tv_nsec - file->st_mtim.tv_nsec);
    return age < step;
}
