/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles: stale, foreign and random ones find nothing; objects live as long as somebody holds
 * them; many threads at once.
 */
#include "run.h"

#include <pthread.h>
#include <stdlib.h>

#include "handle.h"

static atomic_int alive;

static void destroy(struct sspi_object *object)
{
    atomic_fetch_sub(&alive, 1);
    free(object);
}

static struct sspi_object *create(void)
{
    struct sspi_object *object = malloc(sizeof *object);
    sspi_object_init(object, destroy);
    atomic_fetch_add(&alive, 1);
    return object;
}

static void lifetime(void)
{
    SecHandle handle;
    CU_ASSERT(sspi_handle_add(SSPI_HANDLE_CONTEXT, create(), &handle));
    struct sspi_object *object = sspi_handle_get(SSPI_HANDLE_CONTEXT, &handle);
    CU_ASSERT_PTR_NOT_NULL(object);
    sspi_object_release(sspi_handle_remove(SSPI_HANDLE_CONTEXT, &handle));
    CU_ASSERT_EQUAL(alive, 1); /* still held */
    CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CONTEXT, &handle));
    CU_ASSERT_PTR_NULL(sspi_handle_remove(SSPI_HANDLE_CONTEXT, &handle));
    sspi_object_release(object);
    CU_ASSERT_EQUAL(alive, 0);
    sspi_object_release(NULL);
}

static void wrong_ones(void)
{
    SecHandle handle, bad;
    CU_ASSERT(sspi_handle_add(SSPI_HANDLE_CREDENTIAL, create(), &handle));
    CU_ASSERT(SecIsValidHandle(&handle));
    CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CONTEXT, &handle)); /* the other kind */
    CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CREDENTIAL, NULL));
    bad = (SecHandle){0, 0};
    CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CREDENTIAL, &bad));
    SecInvalidateHandle(&bad);
    CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CREDENTIAL, &bad));
    for (int bit = 0; bit < 128; bit++) {
        bad = handle;
        *(bit < 64 ? &bad.dwLower : &bad.dwUpper) ^= (uintptr_t)1 << bit % 64;
        CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CREDENTIAL, &bad));
    }
    sspi_object_release(sspi_handle_remove(SSPI_HANDLE_CREDENTIAL, &handle));
    CU_ASSERT_EQUAL(alive, 0);
}

/* Slots are used again, handles are not. */
static void generations(void)
{
    SecHandle old, fresh;
    CU_ASSERT(sspi_handle_add(SSPI_HANDLE_CONTEXT, create(), &old));
    sspi_object_release(sspi_handle_remove(SSPI_HANDLE_CONTEXT, &old));
    for (int i = 0; i < 5000; i++) {
        CU_ASSERT(sspi_handle_add(SSPI_HANDLE_CONTEXT, create(), &fresh));
        CU_ASSERT(fresh.dwLower != old.dwLower);
        sspi_object_release(sspi_handle_remove(SSPI_HANDLE_CONTEXT, &fresh));
    }
    CU_ASSERT_PTR_NULL(sspi_handle_get(SSPI_HANDLE_CONTEXT, &old));
}

static void many(void)
{
    enum {
        COUNT = 5000
    };
    static SecHandle handles[COUNT];
    static struct sspi_object *objects[COUNT];
    for (int i = 0; i < COUNT; i++) {
        objects[i] = create();
        CU_ASSERT(sspi_handle_add(i % 2 ? SSPI_HANDLE_CONTEXT : SSPI_HANDLE_CREDENTIAL, objects[i],
                                  &handles[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        struct sspi_object *object =
            sspi_handle_remove(i % 2 ? SSPI_HANDLE_CONTEXT : SSPI_HANDLE_CREDENTIAL, &handles[i]);
        CU_ASSERT_PTR_EQUAL(object, objects[i]);
        sspi_object_release(object);
    }
    CU_ASSERT_EQUAL(alive, 0);
}

static SecHandle shared;

/* Looks the shared handle up until it is gone; half of the threads try to remove it. */
static void *user(void *removes)
{
    for (int i = 0; i < 20000; i++) {
        struct sspi_object *object = sspi_handle_get(SSPI_HANDLE_CONTEXT, &shared);
        if (!object)
            break;
        sspi_object_release(object);
        if (removes && i == 100)
            sspi_object_release(sspi_handle_remove(SSPI_HANDLE_CONTEXT, &shared));
    }
    for (int i = 0; i < 2000; i++) {
        SecHandle mine;
        struct sspi_object *object = create();
        if (!sspi_handle_add(SSPI_HANDLE_CREDENTIAL, object, &mine) ||
            sspi_handle_remove(SSPI_HANDLE_CREDENTIAL, &mine) != object)
            return (void *)1;
        sspi_object_release(object);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t thread[8];
    void *failed;
    CU_ASSERT(sspi_handle_add(SSPI_HANDLE_CONTEXT, create(), &shared));
    for (size_t i = 0; i < 8; i++)
        pthread_create(&thread[i], NULL, user, i % 2 ? &shared : NULL);
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], &failed);
        CU_ASSERT_PTR_NULL(failed);
    }
    CU_ASSERT_EQUAL(alive, 0);
}

SSPI_TESTS({"lifetime", lifetime}, {"wrong_ones", wrong_ones}, {"generations", generations},
           {"many", many}, {"threads", threads})
