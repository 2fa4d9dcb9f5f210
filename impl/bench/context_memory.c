/* SPDX-License-Identifier: Apache-2.0
 *
 * What an established context costs: bytes that the allocator has given out, over a thousand pairs
 * of contexts on one pair of credentials.
 *
 *   context_memory LIBRARY PACKAGE MECHANISM TARGET
 *
 * Prints {"count": bytes, "seconds": 1} for one context: the mean of initiator and acceptor at the
 * moment when most was given out, in the middle of the last handshake or after it.
 */
#include <malloc.h>

#include "sides.h"

enum {
    PAIRS = 1000
};

static size_t given_out(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* One handshake; the contexts are left where they are. [in/out] most: what was given out. */
static bool one_pair(struct bench *bench, size_t *most)
{
    struct side *side = &bench->initiator, *other = &bench->acceptor;
    bench->initiator.has_context = bench->initiator.done = false;
    bench->acceptor.has_context = bench->acceptor.done = false;
    other->size = 0;
    for (int n = 0; n < MOST_LEGS && !(bench->initiator.done && bench->acceptor.done); n++) {
        if (!side->done && !leg(bench, side, other, side == &bench->initiator))
            return false;
        size_t now = given_out();
        *most = now > *most ? now : *most;
        struct side *next = other;
        other = side;
        side = next;
    }
    return bench->initiator.done && bench->acceptor.done;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s LIBRARY PACKAGE MECHANISM TARGET\n", argv[0]);
        return 3;
    }
    struct bench *bench = calloc(1, sizeof *bench);
    int status = bench ? open_library(bench, argv[1], argv[2], argv[3], argv[4]) : EXIT_FAILURE;
    size_t most = 0;
    /* What the library sets up once is there after a first pair; that pair stays. */
    if (status || !one_pair(bench, &most))
        return EXIT_FAILURE;
    size_t before = given_out();
    most = 0;
    for (int n = 0; n < PAIRS; n++)
        if (!one_pair(bench, &most))
            return EXIT_FAILURE;
    printf("{\"count\": %zu, \"seconds\": 1}\n", (most - before) / (2 * PAIRS));
    return EXIT_SUCCESS;
}
