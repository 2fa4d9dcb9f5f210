/* SPDX-License-Identifier: Apache-2.0
 *
 * Clock and randomness of libsspi.so.
 */
#include "env_system.h"

uint64_t sspi_now(void)
{
    return sspi_system_now();
}

bool sspi_random(void *bytes, size_t size)
{
    return sspi_system_random(bytes, size);
}
