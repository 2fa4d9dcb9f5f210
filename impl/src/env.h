/* SPDX-License-Identifier: Apache-2.0
 *
 * The one seam to the outside: clock and randomness. libsspi.so links env_real.c;
 * libsspi-test.so is the same objects with env_test.c, where a test pins both.
 */
#ifndef LIBSSPI_ENV_H
#define LIBSSPI_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* UTC now, in 100 ns since 1601-01-01 (FILETIME). */
uint64_t sspi_now(void);
/* false when no randomness is to be had. */
bool sspi_random(void *bytes, size_t size);

/* FILETIME to seconds since 1970 and back. */
int64_t sspi_filetime_to_unix(uint64_t filetime);
uint64_t sspi_unix_to_filetime(int64_t seconds);
/* A UTC FILETIME in local time, as SSPI reports expiry. */
uint64_t sspi_filetime_to_local(uint64_t filetime);

/* Whether a file may change once more without its times or size telling: it was written within one
 * step of the file system's clock. */
bool sspi_file_is_young(const struct stat *file);

#ifdef LIBSSPI_TEST_SEAM
/* Exported by libsspi-test.so only. libsspi_test_clock(0) lets the clock run again.
 * libsspi_test_random: the bytes that sspi_random hands out next, in order; when they are used
 * up sspi_random is real again. At most 4096 bytes; false when too many.
 * libsspi_test_nt_hash: the NT hash of every password, for recordings of which only the hash is
 * known, and SSPI takes passwords; NULL ends it. No effect in programs linked with the archive.
 * libsspi_test_draw, libsspi_test_now: sspi_random and sspi_now, for krb5-pins.so. */
void libsspi_test_clock(uint64_t filetime);
bool libsspi_test_random(const void *bytes, size_t size);
void libsspi_test_nt_hash(const uint8_t *hash);
bool libsspi_test_draw(void *bytes, size_t size);
uint64_t libsspi_test_now(void);
#endif

#endif
