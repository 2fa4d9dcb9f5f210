/* SPDX-License-Identifier: Apache-2.0
 *
 * Counting and failing the allocations that the library under test itself makes during one call:
 * those whose caller lies inside the library's address range. Allocations by libraries it calls
 * (libc's strdup, OpenSSL) have another caller and are left alone.
 */
#ifndef PROBE_FAILALLOC_H
#define PROBE_FAILALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* NULL when it can be done here, else why not (a sanitiser build, another C library). */
const char *failalloc_unsupported(void);

/* The address range [low, high) of the library under test. */
void failalloc_cover(uintptr_t low, uintptr_t high);

/* From now on count; the n-th allocation (from 1) returns NULL, n = 0: none does. */
void failalloc_arm(uint64_t n);

/* Stop, and return how many there were. */
uint64_t failalloc_disarm(void);

#endif
