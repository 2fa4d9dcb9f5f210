/* SPDX-License-Identifier: Apache-2.0
 *
 * The handle table, in shards with a lock each, so that threads seldom meet.
 *
 * dwLower: generation (high half) and slot (low half; its lowest bits name the shard).
 * dwUpper: a tag of kind and process, so that a handle from elsewhere is refused at once.
 */
#include "handle.h"

#include <pthread.h>
#include <string.h>

#include "env_system.h"
#include "memory.h"

_Static_assert(sizeof(uintptr_t) == 8, "a handle keeps two 32-bit numbers in dwLower");

#define SHARDS 64
#define FIRST_SLOTS 16
#define NO_SLOT UINT32_MAX

struct slot {
    struct sspi_object *object; /* NULL: free */
    uint32_t generation;        /* of the handle in use, or of the next one; never 0 */
    uint32_t next_free;
    enum sspi_handle_kind kind;
};

struct shard {
    _Alignas(64) pthread_mutex_t lock; /* on a cache line of its own */
    struct slot *slots;
    uint32_t count, first_free;
};

static struct shard shards[SHARDS];
static uintptr_t tags[2];
static atomic_uint next_shard;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
    /* Not through env.h: what a test pins is for the packages. Without randomness the tags are
     * merely guessable, and generations still catch stale handles. */
    if (!sspi_system_random(tags, sizeof tags))
        memset(tags, 0x5a, sizeof tags);
    /* Told apart by the lowest bit; neither 0 nor SecInvalidateHandle's all ones. */
    tags[SSPI_HANDLE_CREDENTIAL] = (tags[0] & ~(uintptr_t)3) | 2;
    tags[SSPI_HANDLE_CONTEXT] = ((tags[1] & ~(uintptr_t)3) | 1);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&shards[i].lock, NULL);
        shards[i].first_free = NO_SLOT;
    }
}

void sspi_object_init(struct sspi_object *object, void (*destroy)(struct sspi_object *object))
{
    atomic_init(&object->references, 1);
    object->destroy = destroy;
}

struct sspi_object *sspi_object_keep(struct sspi_object *object)
{
    atomic_fetch_add_explicit(&object->references, 1, memory_order_relaxed);
    return object;
}

void sspi_object_release(struct sspi_object *object)
{
    if (object && atomic_fetch_sub_explicit(&object->references, 1, memory_order_acq_rel) == 1)
        object->destroy(object);
}

/* Doubles the shard's slots. Called with its lock held and no slot free. */
static bool grow(struct shard *shard)
{
    uint32_t count = shard->count ? 2 * shard->count : FIRST_SLOTS;
    if (count > UINT32_MAX / SHARDS)
        return false;
    struct slot *slots = sspi_alloc(count * sizeof *slots);
    if (!slots)
        return false;
    if (shard->count)
        memcpy(slots, shard->slots, shard->count * sizeof *slots);
    for (uint32_t i = shard->count; i < count; i++)
        slots[i] = (struct slot){.generation = 1, .next_free = i + 1 < count ? i + 1 : NO_SLOT};
    shard->first_free = shard->count;
    sspi_free(shard->slots);
    shard->slots = slots;
    shard->count = count;
    return true;
}

bool sspi_handle_add(enum sspi_handle_kind kind, struct sspi_object *object, SecHandle *handle)
{
    pthread_once(&once, set_up);
    uint32_t number = atomic_fetch_add_explicit(&next_shard, 1, memory_order_relaxed) % SHARDS;
    struct shard *shard = &shards[number];
    bool added = false;

    pthread_mutex_lock(&shard->lock);
    if (shard->first_free != NO_SLOT || grow(shard)) {
        uint32_t index = shard->first_free;
        struct slot *slot = &shard->slots[index];
        shard->first_free = slot->next_free;
        slot->object = object;
        slot->kind = kind;
        handle->dwLower = (uintptr_t)slot->generation << 32 | index * SHARDS | number;
        handle->dwUpper = tags[kind];
        added = true;
    }
    pthread_mutex_unlock(&shard->lock);
    return added;
}

static struct sspi_object *find(enum sspi_handle_kind kind, const SecHandle *handle, bool remove)
{
    struct sspi_object *object = NULL;

    pthread_once(&once, set_up);
    if (!handle || handle->dwUpper != tags[kind])
        return NULL;
    uint32_t generation = (uint32_t)(handle->dwLower >> 32);
    uint32_t index = (uint32_t)handle->dwLower / SHARDS;
    struct shard *shard = &shards[(uint32_t)handle->dwLower % SHARDS];

    pthread_mutex_lock(&shard->lock);
    struct slot *slot = index < shard->count ? &shard->slots[index] : NULL;
    if (slot && slot->object && slot->kind == kind && slot->generation == generation) {
        object = slot->object;
        if (remove) {
            slot->object = NULL;
            slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
            slot->next_free = shard->first_free;
            shard->first_free = index;
        } else {
            sspi_object_keep(object);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return object;
}

struct sspi_object *sspi_handle_get(enum sspi_handle_kind kind, const SecHandle *handle)
{
    return find(kind, handle, false);
}

struct sspi_object *sspi_handle_remove(enum sspi_handle_kind kind, const SecHandle *handle)
{
    return find(kind, handle, true);
}
