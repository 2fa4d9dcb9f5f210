/* SPDX-License-Identifier: Apache-2.0
 *
 * One allocation of libsspi that fails. Programs with this are linked with --wrap=calloc
 * (impl.mk), so that only libsspi's own allocations count, not those of the libraries below it.
 */
#ifndef LIBSSPI_TESTS_FAILING_CALLOC_H
#define LIBSSPI_TESTS_FAILING_CALLOC_H

#include <sspi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "run.h"

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static long fail_at; /* the allocation that fails, from 1; 0: none */
static bool failed;

void *__wrap_calloc(size_t count, size_t size)
{
    if (fail_at > 0 && --fail_at == 0) {
        failed = true;
        return NULL;
    }
    return __real_calloc(count, size);
}

/* Plays a scene once for each allocation in it, which fails then: what the scene returns (the first
 * status that is not SEC_E_OK) is SEC_E_INSUFFICIENT_MEMORY. release() follows every scene. */
static inline void fail_each(const char *name, SECURITY_STATUS (*scene)(void),
                             void (*release)(void))
{
    long n = 0;
    ASSERT_STATUS(scene(), SEC_E_OK); /* what is set up once is set up now */
    release();
    do {
        failed = false;
        fail_at = ++n;
        SECURITY_STATUS status = scene();
        fail_at = 0;
        if (status != (failed ? SEC_E_INSUFFICIENT_MEMORY : SEC_E_OK))
            fprintf(stderr, "  %s: allocation %ld\n", name, n);
        ASSERT_STATUS(status, failed ? SEC_E_INSUFFICIENT_MEMORY : SEC_E_OK);
        release();
    } while (failed && n < 10000);
    CU_ASSERT(n > 1);
}

#endif
