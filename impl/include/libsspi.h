/* SPDX-License-Identifier: Apache-2.0
 *
 * What libsspi offers beside SSPI.
 */
#ifndef LIBSSPI_H
#define LIBSSPI_H

#ifdef __cplusplus
extern "C" {
#endif

/* One sentence about the last call of this thread that failed, "" when it said nothing. Valid
 * until this thread's next call into the library; not to be freed. For people: the text may
 * change, programs decide by the status. */
const char *libsspi_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
