/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer: any line is parsed or refused, and what was parsed, written out again, parses to
 * the same text once more.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Objects become lists of keys and values: keys with any character in them are strings then. */
static void write_value(struct writer *w, const struct json *value)
{
    switch (value->type) {
    case JSON_NULL:
        write_null(w);
        break;
    case JSON_BOOL:
        write_bool(w, value->boolean);
        break;
    case JSON_NUMBER:
        write_raw(w, value->text, value->length);
        break;
    case JSON_STRING:
        write_string(w, value->text, value->length);
        break;
    default:
        write_open(w, '[');
        for (const struct json *item = value->first; item; item = item->next) {
            if (item->key)
                write_string(w, item->key, item->key_length);
            write_value(w, item);
        }
        write_close(w, ']');
    }
}

/* Parse a copy of exactly that size and write it out; false: refused. */
static bool rewrite(const void *text, size_t size, struct writer *w)
{
    static struct arena arena; /* kept: runs are cheap then */
    struct json_error error = {0};
    char *copy = malloc(size ? size : 1);

    memcpy(copy, text, size);
    struct json *value = json_parse(&arena, copy, size, &error);
    if (value)
        write_value(w, value);
    else if (!error.what || error.offset > size)
        abort();
    arena_reset(&arena);
    free(copy);
    return value != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct writer first = {0}, second = {0};
    unsigned char bytes[64];

    json_decode_hex((const char *)data, size < 128 ? size : 128, bytes);
    if (rewrite(data, size, &first)) {
        if (!rewrite(first.data, first.used, &second) || first.used != second.used ||
            memcmp(first.data, second.data, first.used) != 0)
            abort();
    }
    writer_release(&first);
    writer_release(&second);
    return 0;
}
