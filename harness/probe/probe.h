/* SPDX-License-Identifier: Apache-2.0
 *
 * The probe's state, and one request on its way from JSON to an answer.
 *
 * A call's handler takes what it needs from the request with the request_* readers, asks
 * request_ready (which refuses keys nobody took), calls the implementation between call_begin
 * and call_end, and writes what it saw. The first error of a reader wins; nothing is called then.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "arena.h"
#include "functions.h"
#include "handles.h"
#include "json.h"
#include "library.h"
#include "writer.h"

#define PROBE_PROTOCOL 1
#ifndef PROBE_VERSION
#define PROBE_VERSION "0.1.0"
#endif

struct probe {
    const char *path; /* of the library, as given */
    struct library library;
    struct functions functions;
    bool can_pin; /* the library has the test seam */
    struct handles credentials;
    struct handles contexts;
    struct arena arena;
    struct writer out;
};

struct request {
    struct probe *probe;
    const struct functions *functions;
    struct arena *arena;
    struct writer *out;
    struct json *object;
    const struct json *id; /* a number or a string */
    const char *call;
    const char *error; /* in the arena or static; NULL: none */
    bool raw;          /* stale handles are passed on */
    bool elsewhere;    /* the call is made from another thread */
    bool counting;     /* failalloc was asked for */
    uint64_t failing;  /* which allocation, 0: none */
    uint64_t allocations;
    uint64_t started;
    uint64_t ns;
    SECURITY_STATUS status;
    bool freed; /* FreeContextBuffer was called on something the implementation returned */
    SECURITY_STATUS free_status; /* the first failure of it, else 0 */
};

/* ---- calls.c ------------------------------------------------------------------------------ */

/* Answer one line: `text` is decoded in place. The answer is in probe->out, to be written and
 * emptied by the caller. */
void probe_answer(struct probe *probe, char *text, size_t length);

/* Mark the moments around the implementation's function; nothing else goes between them. */
void call_begin(struct request *r);
void call_end(struct request *r, SECURITY_STATUS status);

/* Write status, ns and what failalloc counted. */
void answer_status(struct request *r);
/* Write an answer that is no status, with the reason. */
void answer_unsupported(struct request *r, const char *why);

/* FreeContextBuffer on what the implementation allocated; remembers its status. */
SECURITY_STATUS release_buffer(struct request *r, void *memory);

/* ---- the handlers, one file per group ------------------------------------------------------ */

typedef void (*call_handler)(struct request *r);

void call_hello(struct request *r); /* harness_calls.c */
void call_pin(struct request *r);
void call_heap(struct request *r);
void call_system(struct request *r);
void call_enumerate_packages(struct request *r); /* credential_calls.c */
void call_query_package(struct request *r);
void call_free_nothing(struct request *r);
void call_acquire_credentials(struct request *r);
void call_free_credentials(struct request *r);
void call_initialize_context(struct request *r); /* context_calls.c */
void call_accept_context(struct request *r);
void call_control_token(struct request *r);
void call_context_only(struct request *r);
void call_delete_context(struct request *r);
void call_protect(struct request *r); /* message_calls.c */
void call_unprotect(struct request *r);
void call_query_attributes(struct request *r); /* query_calls.c */
void call_set_attributes(struct request *r);
void call_query_token(struct request *r);

#endif
