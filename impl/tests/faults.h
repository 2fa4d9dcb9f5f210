/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls to the system that fail, in the whole process: those of libsspi and of every library below
 * it. faults.c defines the functions of libc; being in the program it goes before libc
 * (-rdynamic, impl.mk).
 */
#ifndef LIBSSPI_TESTS_FAULTS_H
#define LIBSSPI_TESTS_FAULTS_H

#include <stdbool.h>

enum fault_kind {
    FAULT_ALLOCATION, /* malloc and its family; not under a sanitizer, which has them */
    FAULT_FILE,       /* opening, reading, writing, locking, looking at files */
    FAULT_SOCKET,     /* opening, connecting, sending, receiving, waiting */
    FAULT_KINDS
};

/* The call number `at` of that kind from now on fails, from 1; lasting: and all after it.
 * 0: none fails, they are counted. */
void fault_arm(enum fault_kind kind, long at, bool lasting);
/* The calls of that kind since then. Nothing fails any more. */
long fault_disarm(void);
/* The function that failed first, or NULL. */
const char *fault_struck(void);

#endif
