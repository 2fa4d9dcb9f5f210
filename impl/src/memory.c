/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that libsspi owns.
 */
#include "memory.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void *sspi_alloc(size_t size)
{
    /* calloc(1, 0) may answer NULL, which would look like a failure. */
    return calloc(1, size ? size : 1);
}

void sspi_free(void *memory)
{
    free(memory);
}

void sspi_wipe(void *memory, size_t size)
{
    if (memory && size)
        explicit_bzero(memory, size); /* as fast as memset, which OPENSSL_cleanse is not */
}

void sspi_free_secret(void *memory, size_t size)
{
    sspi_wipe(memory, size);
    sspi_free(memory);
}

bool sspi_equal(const void *a, const void *b, size_t size)
{
    return size == 0 || CRYPTO_memcmp(a, b, size) == 0;
}

char *sspi_strdup(const char *text)
{
    if (!text)
        return NULL;
    size_t size = strlen(text) + 1;
    char *copy = sspi_alloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

bool sspi_blob_alloc(struct sspi_blob *blob, size_t size)
{
    *blob = (struct sspi_blob){NULL, 0};
    if (size == 0)
        return true;
    blob->data = sspi_alloc(size);
    if (!blob->data)
        return false;
    blob->size = size;
    return true;
}

bool sspi_blob_copy(struct sspi_blob *blob, const void *data, size_t size)
{
    if (!sspi_blob_alloc(blob, size))
        return false;
    if (size)
        memcpy(blob->data, data, size);
    return true;
}

void sspi_blob_free(struct sspi_blob *blob)
{
    sspi_free_secret(blob->data, blob->size);
    *blob = (struct sspi_blob){NULL, 0};
}
