/* SPDX-License-Identifier: Apache-2.0
 *
 * Is this build instrumented by a sanitiser that owns malloc and the crash signals?
 */
#ifndef PROBE_SANITIZER_H
#define PROBE_SANITIZER_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PROBE_ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PROBE_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PROBE_ADDRESS_SANITIZER 1
#endif
#if defined(__SANITIZE_THREAD__) || defined(PROBE_ADDRESS_SANITIZER)
#define PROBE_SANITIZER 1
#endif

#ifdef PROBE_SANITIZER
#define PROBE_SANITIZED 1
#else
#define PROBE_SANITIZED 0
#endif

/* The canary behind a buffer is poisoned as well, so that the sanitiser names the line that
 * reads or writes it. */
#ifdef PROBE_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define POISON(start, size) __asan_poison_memory_region(start, size)
#define UNPOISON(start, size) __asan_unpoison_memory_region(start, size)
#else
#define POISON(start, size) ((void)0)
#define UNPOISON(start, size) ((void)0)
#endif

#endif
