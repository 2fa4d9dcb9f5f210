/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: zeroed, empty blobs, harmless frees.
 */
#include "run.h"

#include "memory.h"

static void allocation(void)
{
    uint8_t *bytes = sspi_alloc(100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(bytes[i], 0);
    sspi_free_secret(bytes, 100);
    void *nothing = sspi_alloc(0);
    CU_ASSERT_PTR_NOT_NULL(nothing); /* so that NULL always means: memory is out */
    sspi_free(nothing);
    sspi_free(NULL);
    sspi_free_secret(NULL, 5);
    sspi_wipe(NULL, 0);
    CU_ASSERT_PTR_NULL(sspi_alloc(SIZE_MAX / 2));
}

static void blobs(void)
{
    struct sspi_blob blob = {(uint8_t *)1, 1};
    CU_ASSERT(sspi_blob_copy(&blob, NULL, 0));
    CU_ASSERT_PTR_NULL(blob.data);
    CU_ASSERT(sspi_blob_copy(&blob, "abc", 3));
    CU_ASSERT_EQUAL(blob.size, 3);
    CU_ASSERT(memcmp(blob.data, "abc", 3) == 0);
    CU_ASSERT_PTR_EQUAL(sspi_blob_view(&blob).data, blob.data);
    sspi_blob_free(&blob);
    CU_ASSERT_PTR_NULL(blob.data);
    CU_ASSERT_EQUAL(blob.size, 0);
    sspi_blob_free(&blob);
    CU_ASSERT_FALSE(sspi_blob_alloc(&blob, SIZE_MAX / 2));
    CU_ASSERT_EQUAL(blob.size, 0);
}

static void comparing(void)
{
    CU_ASSERT(sspi_equal("abc", "abd", 2));
    CU_ASSERT_FALSE(sspi_equal("abc", "abd", 3));
    CU_ASSERT(sspi_equal(NULL, NULL, 0));
}

static void wiping(void)
{
    char secret[] = "secret";
    sspi_wipe(secret, sizeof secret);
    for (size_t i = 0; i < sizeof secret; i++)
        CU_ASSERT_EQUAL(secret[i], 0);
}

static void strings(void)
{
    char *copy = sspi_strdup("text");
    CU_ASSERT_STRING_EQUAL(copy, "text");
    sspi_free(copy);
    CU_ASSERT_PTR_NULL(sspi_strdup(NULL));
}

SSPI_TESTS({"allocation", allocation}, {"blobs", blobs}, {"comparing", comparing},
           {"wiping", wiping}, {"strings", strings})
