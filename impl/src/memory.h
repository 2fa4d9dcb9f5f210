/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that libsspi owns: allocation, byte ranges, secrets.
 *
 * A view is somebody else's memory; a blob owns its bytes. Everything libsspi allocates by itself
 * goes through sspi_alloc, so that a failing allocation can be provoked and is always answered
 * with SEC_E_INSUFFICIENT_MEMORY.
 */
#ifndef LIBSSPI_MEMORY_H
#define LIBSSPI_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sspi_view {
    const uint8_t *data; /* NULL when size is 0 is allowed */
    size_t size;         /* bytes */
};

struct sspi_blob {
    uint8_t *data; /* owned, sspi_alloc */
    size_t size;
};

/* Zeroed memory, or NULL. Free with sspi_free (NULL is harmless). */
void *sspi_alloc(size_t size);
void sspi_free(void *memory);
/* Overwrite in a way the compiler keeps. */
void sspi_wipe(void *memory, size_t size);
/* Wipe, then free. */
void sspi_free_secret(void *memory, size_t size);
/* Equal in constant time. */
bool sspi_equal(const void *a, const void *b, size_t size);

char *sspi_strdup(const char *text); /* NULL for NULL or when memory is out */
/* true on success; blob must be empty before. A size of 0 gives an empty blob. */
bool sspi_blob_copy(struct sspi_blob *blob, const void *data, size_t size);
bool sspi_blob_alloc(struct sspi_blob *blob, size_t size);
void sspi_blob_free(struct sspi_blob *blob); /* wipes; leaves it empty */

static inline struct sspi_view sspi_blob_view(const struct sspi_blob *blob)
{
    return (struct sspi_view){blob->data, blob->size};
}

#endif
