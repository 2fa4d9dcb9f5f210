/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "sanitizer.h"

#define BLOCK_SIZE ((size_t)256 * 1024)
#define ALIGNMENT ((size_t)16)

struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes at data */
    size_t used;
    size_t unused; /* keeps data aligned at 16 */
    unsigned char data[];
};

static struct arena_block *new_block(size_t at_least)
{
    size_t size = at_least > BLOCK_SIZE ? at_least : BLOCK_SIZE;
    struct arena_block *block = size < SIZE_MAX / 2 ? malloc(sizeof *block + size) : NULL;
    if (!block) {
        fputs("sspi-probe: out of memory; send shorter lines\n", stderr);
        exit(2);
    }
    block->next = NULL;
    block->size = size;
    block->used = 0;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4)
        size = SIZE_MAX / 2; /* refused by new_block */
    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    if (!arena->current)
        arena->current = arena->first = new_block(size);
    while (arena->current->size - arena->current->used < size) {
        struct arena_block *next = arena->current->next;
        if (!next || next->size < size) {
            struct arena_block *block = new_block(size);
            block->next = next;
            arena->current->next = block;
            next = block;
        }
        arena->current = next;
    }
    void *start = arena->current->data + arena->current->used;
    arena->current->used += size;
    UNPOISON(start, size); /* the guard of a buffer that was never answered */
    return start;
}

void arena_reset(struct arena *arena)
{
    struct arena_block **link = &arena->first;
    while (*link) {
        struct arena_block *block = *link;
        if (block->size > BLOCK_SIZE) {
            *link = block->next;
            free(block);
        } else {
            block->used = 0;
            link = &block->next;
        }
    }
    arena->current = arena->first;
}

void arena_release(struct arena *arena)
{
    while (arena->first) {
        struct arena_block *block = arena->first;
        arena->first = block->next;
        free(block);
    }
    arena->current = NULL;
}
