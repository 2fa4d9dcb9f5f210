/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON reader for request lines. Strict (RFC 8259), with what a request never needs refused:
 * fractions and exponents, duplicate keys, deep nesting, unpaired surrogates.
 */
#ifndef PROBE_JSON_H
#define PROBE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"

#define JSON_MAX_DEPTH 16
#define JSON_MAX_MEMBERS 64 /* of one object; keeps the search for duplicates cheap */

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_type type;
    bool boolean;
    bool negative; /* JSON_NUMBER: `number` holds the two's complement of a negative value */
    bool taken;    /* for the reader's user: this member was looked at */
    uint64_t number;
    char *text; /* JSON_STRING: decoded, zero-terminated; JSON_NUMBER: the digits, not terminated */
    size_t length;
    struct json *first; /* JSON_ARRAY, JSON_OBJECT */
    size_t count;
    struct json *next; /* sibling */
    char *key;         /* of a member: decoded, zero-terminated */
    size_t key_length;
};

struct json_error {
    const char *what; /* static text */
    size_t offset;    /* in bytes from the start of the line */
};

/* Read the `length` bytes at `text`. Strings are decoded in place and the rest of their room is
 * zeroed, so that wiping a value's text (or the line) leaves no copy of a secret. The answer
 * lives in `arena` and points into `text`. NULL: *error says why. */
struct json *json_parse(struct arena *arena, char *text, size_t length, struct json_error *error);

/* The member of an object, NULL when there is none. */
struct json *json_member(const struct json *object, const char *key);

/* Decode hex digits of either case into `out`, which has room for length / 2 bytes. */
bool json_decode_hex(const char *text, size_t length, unsigned char *out);

#endif
