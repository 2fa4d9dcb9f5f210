/* SPDX-License-Identifier: Apache-2.0
 *
 * Who this machine is, for MsvAvSingleHost.
 */
#ifndef LIBSSPI_NTLM_HOST_H
#define LIBSSPI_NTLM_HOST_H

#include <stdint.h>

#define NTLM_SINGLE_HOST_SIZE 48

/* Single_Host_Data (MS-NLMP 2.2.2.2). Its machine identifier is the same in every process until the
 * machine starts again, and all zero when the kernel does not tell when that was. */
void ntlm_single_host(uint8_t out[NTLM_SINGLE_HOST_SIZE]);

#endif
