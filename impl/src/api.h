/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the entry points that their W and A forms share. Strings are UTF-8.
 */
#ifndef LIBSSPI_API_H
#define LIBSSPI_API_H

#include "object.h"

/* [out] info: the array, W or A. */
SECURITY_STATUS sspi_api_enumerate(bool wide, ULONG *count, void **info);
SECURITY_STATUS sspi_api_package_info(bool wide, const char *name, void **info);
SECURITY_STATUS sspi_api_query_context(bool wide, const CtxtHandle *handle, ULONG attribute,
                                       void *structure);
SECURITY_STATUS sspi_api_query_credential(bool wide, const CredHandle *handle, ULONG attribute,
                                          void *structure);

#endif
