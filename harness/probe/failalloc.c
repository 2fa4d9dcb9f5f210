/* SPDX-License-Identifier: Apache-2.0
 *
 * The executable defines the malloc family; being first in the symbol search order (-rdynamic),
 * its definitions serve every library loaded later. They forward to glibc's own functions under
 * their reserved names, so glibc's free takes what they return.
 */
#include "failalloc.h"

#include "sanitizer.h"

#if defined(__linux__) && !defined(PROBE_SANITIZER)
#include <features.h>
#endif

#if defined(__GLIBC__) && !defined(PROBE_SANITIZER)

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);

static uintptr_t covered_low, covered_high;
static atomic_bool armed;
static atomic_uint_fast64_t counted;
static uint64_t failing;

/* Shall the allocation that `caller` asks for fail? */
static bool refused(const void *caller)
{
    uintptr_t address = (uintptr_t)caller;

    if (address < covered_low || address >= covered_high)
        return false;
    if (atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed) + 1 != failing)
        return false;
    errno = ENOMEM;
    return true;
}

#define REFUSED()                                                                                  \
    (__builtin_expect(atomic_load_explicit(&armed, memory_order_relaxed), 0) &&                    \
     refused(__builtin_return_address(0)))

void *malloc(size_t size)
{
    return REFUSED() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return REFUSED() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return REFUSED() ? NULL : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t total;

    if (REFUSED())
        return NULL;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(memory, total);
}

void *memalign(size_t alignment, size_t size)
{
    return REFUSED() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return REFUSED() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0)
        return EINVAL;
    if (REFUSED())
        return ENOMEM;
    int before = errno; /* this one reports by its result only */
    void *start = __libc_memalign(alignment, size);
    errno = before;
    if (!start)
        return ENOMEM;
    *memory = start;
    return 0;
}

void *valloc(size_t size)
{
    return REFUSED() ? NULL : __libc_valloc(size);
}

void *pvalloc(size_t size)
{
    return REFUSED() ? NULL : __libc_pvalloc(size);
}

const char *failalloc_unsupported(void)
{
    return covered_high > covered_low ? NULL : "the library's address range is not known";
}

void failalloc_cover(uintptr_t low, uintptr_t high)
{
    covered_low = low;
    covered_high = high;
}

void failalloc_arm(uint64_t n)
{
    failing = n;
    atomic_store(&counted, 0);
    atomic_store(&armed, true);
}

uint64_t failalloc_disarm(void)
{
    atomic_store(&armed, false);
    return atomic_load(&counted);
}

#else

const char *failalloc_unsupported(void)
{
#ifdef PROBE_SANITIZER
    return "a sanitiser build owns malloc";
#else
    return "only with the GNU C library";
#endif
}

void failalloc_cover(uintptr_t low, uintptr_t high)
{
    (void)low;
    (void)high;
}

void failalloc_arm(uint64_t n)
{
    (void)n;
}

uint64_t failalloc_disarm(void)
{
    return 0;
}

#endif
