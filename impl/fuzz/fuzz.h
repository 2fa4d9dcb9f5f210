/* SPDX-License-Identifier: Apache-2.0
 *
 * What the fuzz targets share: reading an input piece by piece, and what must hold.
 *
 * libFuzzer hands an input over on a heap buffer of exactly its size, so that AddressSanitizer
 * sees a read behind it; what is cut out of one goes to the library the same way.
 */
#ifndef LIBSSPI_FUZZ_H
#define LIBSSPI_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What does not hold ends the program, so that libFuzzer keeps the input. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The next bytes of an input, at most as many as there are. */
static inline struct sspi_view fuzz_take(struct sspi_view *input, size_t size)
{
    struct sspi_view taken = {input->data, size < input->size ? size : input->size};
    input->data += taken.size;
    input->size -= taken.size;
    return taken;
}

/* A little-endian number of up to four bytes; what is missing counts as zero. */
static inline uint32_t fuzz_number(struct sspi_view *input, size_t size)
{
    struct sspi_view bytes = fuzz_take(input, size);
    uint32_t number = 0;
    for (size_t i = 0; i < bytes.size; i++)
        number |= (uint32_t)bytes.data[i] << 8 * i;
    return number;
}

/* A copy on the heap, of exactly that size; not NULL. */
static inline uint8_t *fuzz_copy(struct sspi_view view)
{
    uint8_t *copy = malloc(view.size ? view.size : 1);
    MUST(copy);
    if (view.size)
        memcpy(copy, view.data, view.size);
    return copy;
}

/* A view that a parser found: all of it must be there to be read, and inside what was parsed. */
static inline void fuzz_inside(struct sspi_view found, struct sspi_view parsed)
{
    if (!found.size)
        return;
    MUST(found.data >= parsed.data && found.size <= parsed.size &&
         (size_t)(found.data - parsed.data) <= parsed.size - found.size);
}

static inline int fuzz_same(struct sspi_view a, struct sspi_view b)
{
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

#endif
