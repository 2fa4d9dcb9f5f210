/* SPDX-License-Identifier: Apache-2.0
 *
 * SANITIZED: the program has a sanitizer's allocator, so that tests cannot put their own in its
 * place.
 */
#ifndef LIBSSPI_TESTS_SANITIZED_H
#define LIBSSPI_TESTS_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#endif
