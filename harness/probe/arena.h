/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of one request: taken piecemeal, given back all at once. A probe answers thousands of
 * lines a second; after the first few no line costs a malloc.
 */
#ifndef PROBE_ARENA_H
#define PROBE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zero-initialised is empty and usable. */
struct arena {
    struct arena_block *first; /* owned, kept by arena_reset */
    struct arena_block *current;
};

/* `size` bytes aligned at 16, not cleared, valid until arena_reset. Never NULL: a probe without
 * memory can answer nothing, so it says so and exits with 2. */
void *arena_alloc(struct arena *arena, size_t size);

/* Give everything back; blocks are kept for the next line, oversized ones are released. */
void arena_reset(struct arena *arena);

/* Release the blocks themselves. */
void arena_release(struct arena *arena);

#endif
