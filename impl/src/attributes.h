/* SPDX-License-Identifier: Apache-2.0
 *
 * From what packages answer (struct sspi_attribute, UTF-8) to what callers get: the W and A
 * structures. Strings, keys and package information are one block each, for FreeContextBuffer.
 */
#ifndef LIBSSPI_ATTRIBUTES_H
#define LIBSSPI_ATTRIBUTES_H

#include "package.h"

/* Fills in the structure that belongs to attribute->attribute, and takes over everything the
 * attribute owns. [in] wide: the W structure, else the A one. An error leaves *structure as it
 * was: SEC_E_UNSUPPORTED_FUNCTION for an attribute without a structure here,
 * SEC_E_INSUFFICIENT_MEMORY. */
SECURITY_STATUS sspi_attribute_write(struct sspi_attribute *attribute, bool wide, void *structure);
/* Whether sspi_attribute_write knows it (CLIENT_SPECIFIED_TARGET has only a W structure). */
bool sspi_attribute_known(ULONG attribute, bool wide);

/* count packages as an array with all names and comments, in one block. NULL: memory is out. */
SecPkgInfoW *sspi_package_info_w(const struct sspi_package *const *packages, size_t count);
SecPkgInfoA *sspi_package_info_a(const struct sspi_package *const *packages, size_t count);

/* A string as the caller gets it: UTF-16LE or UTF-8. Takes over text (NULL gives NULL and is no
 * error). false: memory is out. */
bool sspi_caller_text(char *text, bool wide, void **out);

#endif
