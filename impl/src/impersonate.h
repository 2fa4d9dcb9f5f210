/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom the calling thread speaks for.
 *
 * There are no Windows tokens here: impersonation changes what default credentials mean for
 * outbound credentials that this thread acquires, and nothing else.
 */
#ifndef LIBSSPI_IMPERSONATE_H
#define LIBSSPI_IMPERSONATE_H

#include "package.h"

/* Whom this thread impersonates, or NULL. Borrowed, good until the thread reverts. */
const struct sspi_client *sspi_impersonated(void);

#endif
