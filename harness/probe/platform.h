/* SPDX-License-Identifier: Apache-2.0
 *
 * What differs between operating systems, apart from loading libraries.
 */
#ifndef PROBE_PLATFORM_H
#define PROBE_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The private descriptors of requests and answers. */
struct streams {
    int in;
    int out;
};

/* Keep stdin and stdout for the protocol: from then on descriptor 0 is empty and descriptor 1 is
 * stderr, so that whatever the library prints or reads cannot disturb a line. */
bool platform_take_streams(struct streams *streams);

/* Bytes read, 0 at the end of file, -1 on an error. */
long platform_read(int in, void *bytes, size_t size);
bool platform_write(int out, const void *bytes, size_t size);

/* From now on the probe dies with its parent, even when the library hangs. */
void platform_die_with_parent(void);

/* Set an environment variable that is not set. */
void platform_default_environment(const char *name, const char *value);

/* Run something to its end on another thread; false when no thread could be started. */
bool platform_on_a_thread(void (*run)(void *argument), void *argument);

/* A steady clock. */
uint64_t platform_nanoseconds(void);

/* Overwrite a secret; never optimised away. */
void platform_wipe(void *bytes, size_t size);

/* ---- one line on stderr when a call kills the process ------------------------------------ */

/* Install the handlers; nothing where a sanitiser has its own. */
void platform_report_crashes(void);

/* What is running now, for that line. Both are pointers kept, not copies: they stay valid until
 * the next call of this function. NULL name: nothing of the library is running. */
void platform_running(const char *call, const char *id, size_t id_length);
/* A function that is called besides, within the same request. */
void platform_running_also(const char *call);

#endif
