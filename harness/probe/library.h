/* SPDX-License-Identifier: Apache-2.0
 *
 * The shared library under test: loading it and finding names in it. One implementation per
 * platform (library_posix.c, library_windows.c).
 */
#ifndef PROBE_LIBRARY_H
#define PROBE_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

struct library {
    void *module;
    uintptr_t low; /* the addresses it occupies: [low, high) */
    uintptr_t high;
};

typedef void (*library_function)(void);

/* Load `path`. On failure says on stderr what was not found, where, and what to do next. The
 * library stays loaded until the process ends: implementations do not expect to be unloaded. */
bool library_open(struct library *library, const char *path);

/* The function of that name inside this library (not in one it depends on), or NULL. */
library_function library_find(const struct library *library, const char *name);

#endif
