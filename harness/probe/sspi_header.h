/* SPDX-License-Identifier: Apache-2.0
 *
 * SSPI's own types: the platform's header on Windows, libsspi's with the same layout elsewhere.
 */
#ifndef PROBE_SSPI_HEADER_H
#define PROBE_SSPI_HEADER_H

#ifdef _WIN32
#ifndef SECURITY_WIN32
#define SECURITY_WIN32
#endif
#include <windows.h>

#include <sspi.h>
#else
#include "sspi.h"
#endif

#include <stdint.h>

_Static_assert(sizeof(SEC_WCHAR) == 2 && sizeof(ULONG) == 4 && sizeof(SECURITY_STATUS) == 4,
               "the probe moves SSPI's scalars through fixed-width types");

#endif
