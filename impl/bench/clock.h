/* SPDX-License-Identifier: Apache-2.0
 *
 * What both measuring programs share: the clock, the loop and the line they print.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Processor time, not wall time: the loops are one thread that waits for nobody, and so a machine
 * that does other things meanwhile does not count against the library. */
static inline double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Runs step(state) for `seconds` after a tenth of it to warm up, and prints
 * {"count": n, "seconds": s}. Returns the exit status of the program. */
static inline int bench_loop(bool (*step)(void *state), void *state, double seconds)
{
    uint64_t count = 0;
    double start = bench_now();
    while (bench_now() - start < seconds / 10)
        if (!step(state))
            return EXIT_FAILURE;
    start = bench_now();
    double end;
    do {
        for (int n = 0; n < 16; n++)
            if (!step(state))
                return EXIT_FAILURE;
        count += 16;
        end = bench_now();
    } while (end - start < seconds);
    printf("{\"count\": %llu, \"seconds\": %.6f}\n", (unsigned long long)count, end - start);
    return EXIT_SUCCESS;
}

#endif
