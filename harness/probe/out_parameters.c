/* SPDX-License-Identifier: Apache-2.0 */
#include "out_parameters.h"

#include <string.h>

static bool has_pattern(const void *start, size_t size)
{
    const unsigned char *byte = start;
    for (size_t i = 0; i < size; i++)
        if (byte[i] != PATTERN_BYTE)
            return false;
    return true;
}

static void *prepare(struct request *r, void *value, size_t size, const char *override)
{
    memset(value, PATTERN_BYTE, size);
    return request_says_null(r, override) ? NULL : value;
}

/* Open the answer's member; true when there is a value to write. */
static bool open_answer(struct request *r, const char *key, const void *pointer, const void *value,
                        size_t size)
{
    bool written = pointer && !has_pattern(value, size);

    write_key(r->out, key);
    write_open(r->out, '{');
    write_key(r->out, pointer ? "written" : "absent");
    write_bool(r->out, pointer ? written : true);
    return written;
}

void handle_result_prepare(struct request *r, struct handle_result *result, const char *override)
{
    result->pointer = prepare(r, &result->value, sizeof result->value, override);
}

bool handle_result_written(const struct handle_result *result)
{
    return result->pointer && !has_pattern(&result->value, sizeof result->value);
}

void handle_result_answer(struct request *r, const struct handle_result *result, const char *key)
{
    open_answer(r, key, result->pointer, &result->value, sizeof result->value);
    write_close(r->out, '}');
}

void mask_result_prepare(struct request *r, struct mask_result *result, const char *override)
{
    result->pointer = prepare(r, &result->value, sizeof result->value, override);
}

void mask_result_answer(struct request *r, const struct mask_result *result, const char *key)
{
    if (open_answer(r, key, result->pointer, &result->value, sizeof result->value)) {
        write_key(r->out, "value");
        write_mask(r->out, (uint32_t)result->value);
    }
    write_close(r->out, '}');
}

void time_result_prepare(struct request *r, struct time_result *result, const char *override)
{
    result->pointer = prepare(r, &result->value, sizeof result->value, override);
}

void time_result_answer(struct request *r, const struct time_result *result, const char *key)
{
    if (open_answer(r, key, result->pointer, &result->value, sizeof result->value)) {
        uint64_t value;
        memcpy(&value, &result->value, sizeof value);
        write_key(r->out, "value");
        write_mask64(r->out, value);
    }
    write_close(r->out, '}');
}
