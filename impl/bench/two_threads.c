/* SPDX-License-Identifier: Apache-2.0
 *
 * How much more two threads do than one, with one shared pair of credentials: handshakes.
 *
 *   two_threads LIBRARY PACKAGE MECHANISM TARGET SECONDS
 *
 * Prints {"count": ratio, "seconds": 1}, the rate of two threads to that of one, both together: 2
 * when they do not stand in each other's way. One and two take turns in short slices, so that a
 * busy machine slows both down.
 */
#include <pthread.h>

#include "sides.h"

enum {
    SLICES = 20
};

struct worker {
    struct bench *bench;
    double seconds;
    uint64_t count;
    bool good;
};

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    double end = wall() + worker->seconds;
    worker->good = true;
    for (worker->count = 0; wall() < end && worker->good; worker->count++)
        worker->good = connect_sides(worker->bench) && disconnect(worker->bench);
    return NULL;
}

/* Handshakes a second of so many threads, or below 0. */
static double rate(struct bench *benches[2], int threads, double seconds)
{
    struct worker workers[2];
    pthread_t other;
    for (int n = 0; n < threads; n++)
        workers[n] = (struct worker){benches[n], seconds, 0, false};
    if (threads == 2 && pthread_create(&other, NULL, work, &workers[1]) != 0)
        return -1;
    work(&workers[0]);
    if (threads == 2)
        pthread_join(other, NULL);
    uint64_t count = 0;
    for (int n = 0; n < threads; n++) {
        if (!workers[n].good)
            return -1;
        count += workers[n].count;
    }
    return (double)count / seconds;
}

static int by_size(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: %s LIBRARY PACKAGE MECHANISM TARGET SECONDS\n", argv[0]);
        return 3;
    }
    struct bench *benches[2] = {calloc(1, sizeof *benches[0]), calloc(1, sizeof *benches[1])};
    double ratios[SLICES], seconds = atof(argv[5]) / (2 * SLICES);
    if (!benches[0] || !benches[1])
        return EXIT_FAILURE;
    int status = open_library(benches[0], argv[1], argv[2], argv[3], argv[4]);
    if (status)
        return status;
    *benches[1] = *benches[0]; /* the same credentials */
    if (rate(benches, 2, seconds) < 0)
        return EXIT_FAILURE;
    for (int n = 0; n < SLICES; n++) {
        double one = rate(benches, 1, seconds), two = rate(benches, 2, seconds);
        if (one <= 0 || two < 0)
            return EXIT_FAILURE;
        ratios[n] = two / one;
    }
    qsort(ratios, SLICES, sizeof ratios[0], by_size);
    printf("{\"count\": %.4f, \"seconds\": 1}\n", ratios[SLICES / 2]);
    return EXIT_SUCCESS;
}
