/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls that are the harness's own: hello, pin, heap, system.
 */
#include <string.h>
#ifdef __linux__
#include <malloc.h>
#endif

#include "failalloc.h"
#include "platform.h"
#include "request.h"
#include "sanitizer.h"
#include "system.h"

typedef void (*test_clock_fn)(uint64_t filetime);
typedef bool (*test_random_fn)(const void *bytes, size_t size);
typedef void (*test_nt_hash_fn)(const unsigned char *hash);

#define NT_HASH_SIZE 16

static library_function test_clock(const struct request *r)
{
    return library_find(&r->probe->library, "libsspi_test_clock");
}

static library_function test_random(const struct request *r)
{
    return library_find(&r->probe->library, "libsspi_test_random");
}

void call_hello(struct request *r)
{
    const struct functions *functions = r->functions;

    if (!request_ready(r))
        return;
    write_key(r->out, "protocol");
    write_unsigned(r->out, PROBE_PROTOCOL);
    write_key(r->out, "implementation");
    write_text(r->out, r->probe->path);
    write_key(r->out, "entry");
    write_text(r->out, functions->entry);
    write_key(r->out, "table_version");
    write_unsigned(r->out, functions->table_version);
    write_key(r->out, "functions");
    write_open(r->out, '[');
    for (size_t i = 0; i < function_slot_count; i++)
        if (functions_have(functions, function_slots[i].member))
            write_text(r->out, function_slots[i].name);
    write_close(r->out, ']');
    write_key(r->out, "features");
    write_open(r->out, '[');
    if (!failalloc_unsupported())
        write_text(r->out, "failalloc");
    if (r->probe->can_pin)
        write_text(r->out, "pin");
    write_close(r->out, ']');
    write_key(r->out, "ns");
    write_unsigned(r->out, 0);
}

void call_pin(struct request *r)
{
    const struct json *clock = json_member(r->object, "clock");
    uint64_t filetime = request_u64(r, r->object, "clock", 0);
    size_t size;
    const unsigned char *random = request_hex(r, r->object, "random", &size);
    size_t hash_size;
    const unsigned char *hash = request_hex(r, r->object, "nt-hash", &hash_size);
    test_nt_hash_fn set_hash =
        (test_nt_hash_fn)library_find(&r->probe->library, "libsspi_test_nt_hash");
    test_clock_fn set_clock = (test_clock_fn)test_clock(r);
    test_random_fn set_random = (test_random_fn)test_random(r);

    if (!request_ready(r))
        return;
    if (!set_clock || !set_random) {
        answer_unsupported(r, "the library has no test seam (libsspi_test_clock, "
                              "libsspi_test_random); libsspi-test.so has");
        return;
    }
    if (hash && hash_size && hash_size != NT_HASH_SIZE) {
        request_error(r, "nt-hash has 16 bytes, or none to end it");
        return;
    }
    if (hash && !set_hash) {
        answer_unsupported(r, "the library has no libsspi_test_nt_hash");
        return;
    }
    if (random && !set_random(random, size)) {
        request_error(r, "the library takes no more random bytes");
        return;
    }
    if (clock && clock->type != JSON_NULL)
        set_clock(filetime);
    if (hash)
        set_hash(hash_size ? hash : NULL);
    write_key(r->out, "pinned");
    write_bool(r->out, true);
    write_key(r->out, "ns");
    write_unsigned(r->out, 0);
}

/* Bytes of the process's heap that somebody holds, the probe's own among them. A sanitiser has its
 * own means against leaks. */
void call_heap(struct request *r)
{
    if (!request_ready(r))
        return;
#if defined(__GLIBC__) && !PROBE_SANITIZED
    struct mallinfo2 heap = mallinfo2();
    write_key(r->out, "bytes");
    write_unsigned(r->out, heap.uordblks + heap.hblkhd);
    write_key(r->out, "ns");
    write_unsigned(r->out, 0);
#else
    answer_unsupported(r, "nobody tells here how much of the heap is in use");
#endif
}

/* What stands in the provenance of a recording. */
void call_system(struct request *r)
{
    if (!request_ready(r))
        return;
    write_key(r->out, "probe");
    write_text(r->out, PROBE_VERSION);
    write_key(r->out, "system");
    write_open(r->out, '{');
    system_describe(r->out);
    write_close(r->out, '}');
    write_key(r->out, "ns");
    write_unsigned(r->out, 0);
}
