/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the keys of a request. Each reader marks its key as taken; the first thing wrong is
 * kept in r->error and later readers go on with harmless values.
 */
#ifndef PROBE_REQUEST_H
#define PROBE_REQUEST_H

#include "probe.h"

#if defined(__GNUC__) && !defined(_WIN32)
#define LIKE_PRINTF __attribute__((format(printf, 2, 3)))
#else
#define LIKE_PRINTF
#endif

void request_error(struct request *r, const char *format, ...) LIKE_PRINTF;

/* True when nothing is wrong and every key of the request was taken. */
bool request_ready(struct request *r);
/* The same for an object inside the request; `where` names it. */
void request_all_taken(struct request *r, const struct json *object, const char *where);

/* The member, marked as taken; NULL when absent or null. */
struct json *request_take(struct json *object, const char *key);

/* A number or a "0x..." string of at most 32 (64) bits. A missing key is `missing`. */
uint32_t request_u32(struct request *r, struct json *object, const char *key, uint32_t missing);
uint64_t request_u64(struct request *r, struct json *object, const char *key, uint64_t missing);
/* The key must be there. */
uint32_t request_needed_u32(struct request *r, struct json *object, const char *key);
/* The value of a number, or of a "0x..." string; an error when it is neither. */
uint64_t request_number(struct request *r, const struct json *value, const char *key);

/* A string; NULL when absent (an error when `needed`). */
struct json *request_string(struct request *r, struct json *object, const char *key, bool needed);

/* A string as the implementation takes it: UTF-16 or UTF-8, zero-terminated, in the arena or the
 * line; NULL when absent. */
void *request_sspi_string(struct request *r, const char *key, bool needed);

/* Hex bytes in the arena; NULL when absent. */
unsigned char *request_hex(struct request *r, struct json *object, const char *key, size_t *size);

bool request_bool(struct request *r, struct json *object, const char *key);

/* Is the override `key` there, with the value "null"? Anything else is an error. */
bool request_says_null(struct request *r, const char *key);

/* ---- handles ------------------------------------------------------------------------------ */

/* A handle to pass in: `pointer` is NULL or points to `value`, a copy. */
struct handle_argument {
    SecHandle value;
    SecHandle *pointer;
    struct handle_entry *entry; /* whom it was looked up under; NULL with an override */
};

/* The handle that `cred` names, or what phCredential says instead. */
void request_credential(struct request *r, struct handle_argument *argument);
/* The handle that `ctx` names, or what phContext says instead. */
void request_context(struct request *r, struct handle_argument *argument);
/* The same for a leg: a name not known yet is a NULL pointer. Stores the name. */
void request_leg_context(struct request *r, struct handle_argument *argument, struct json **name);

#endif
