/* SPDX-License-Identifier: Apache-2.0
 *
 * The sentence behind a status: what libsspi_last_error() gives a person. One per thread, the
 * newest wins. No secrets in it. A status without a sentence is a status that speaks for itself.
 */
#ifndef LIBSSPI_ERROR_H
#define LIBSSPI_ERROR_H

/* Say which call, which input and what to do about it; at most 511 bytes are kept. */
__attribute__((format(printf, 1, 2))) void sspi_error_set(const char *format, ...);
/* Forget it; the surface does so at the start of every call that can fail in words. */
void sspi_error_clear(void);

#endif
