/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles by the names the caller chose. A name that was freed keeps its last value, so that a
 * request marked raw can hand a stale handle to the implementation.
 */
#ifndef PROBE_HANDLES_H
#define PROBE_HANDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sspi_header.h"

/* How many freed names are remembered at least. */
#define HANDLES_REMEMBERED 4096

struct handle_entry {
    char *name; /* owned by the table; NULL: an empty place */
    size_t length;
    SecHandle value;
    bool live;
    uint64_t freed; /* when: the table's count of frees */
};

/* Zero-initialised is empty and usable; handles_release frees it. */
struct handles {
    struct handle_entry *entries;
    size_t room; /* a power of two */
    size_t used; /* live and remembered */
    uint64_t frees;
};

/* The entry of that name, live or remembered; NULL when never seen (or long forgotten). Valid
 * until the next handles_store. */
struct handle_entry *handles_find(const struct handles *handles, const char *name, size_t length);

/* Give the name this value and make it live. */
void handles_store(struct handles *handles, const char *name, size_t length, SecHandle value);

/* Mark as freed; the value is remembered for a while. */
void handles_forget(struct handles *handles, struct handle_entry *entry);

void handles_release(struct handles *handles);

#endif
