/* SPDX-License-Identifier: Apache-2.0
 *
 * For the few calls in which a library below libsspi leaks: what is allocated between the two is
 * not reported by LeakSanitizer. Without it both do nothing.
 */
#ifndef LIBSSPI_TESTS_LEAKS_H
#define LIBSSPI_TESTS_LEAKS_H

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#define leaks_allowed() __lsan_disable()
#define leaks_reported() __lsan_enable()
#else
#define leaks_allowed() (void)0
#define leaks_reported() (void)0
#endif

#endif
