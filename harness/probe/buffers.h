/* SPDX-License-Identifier: Apache-2.0
 *
 * SecBufferDesc from a request's list, and what became of it.
 */
#ifndef PROBE_BUFFERS_H
#define PROBE_BUFFERS_H

#include "request.h"

#define CANARY_SIZE 32
#define MAX_BUFFERS 256
#define MAX_BUFFER_SIZE (64u * 1024 * 1024)

/* The caller's side of one buffer; `start` is NULL when pvBuffer is NULL. */
struct buffer_room {
    unsigned char *start;
    uint32_t size;
};

struct buffer_list {
    SecBufferDesc descriptor;
    SecBufferDesc *pointer; /* NULL: the request has no such list */
    SecBuffer *entries;
    struct buffer_room *rooms;
    uint32_t count;
};

/* Take the list `key` of the request, and what `wrong` says about its descriptor. Everything lives
 * in the arena. */
void buffers_read(struct request *r, const char *key, const char *wrong, struct buffer_list *list);

enum buffers_report {
    BUFFERS_WITHOUT_BYTES, /* the list was input: what the caller knows is not repeated */
    BUFFERS_WITH_BYTES,
    BUFFERS_ALLOCATED, /* and foreign memory is the implementation's to release */
};

/* Write the list under `key`; nothing for a list the request does not have. Lifts the guard
 * behind the buffers, so it is called once per list and after the call. */
void buffers_answer(struct request *r, const char *key, struct buffer_list *list,
                    enum buffers_report report);

#endif
