/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine's own clock and randomness, for env_real.c and env_test.c only.
 */
#ifndef LIBSSPI_ENV_SYSTEM_H
#define LIBSSPI_ENV_SYSTEM_H

#include "env.h"

uint64_t sspi_system_now(void);
bool sspi_system_random(void *bytes, size_t size);

#endif
