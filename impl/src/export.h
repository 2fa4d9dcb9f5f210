/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything is compiled with hidden visibility; what callers may see is marked at its
 * definition, and listed in libsspi.map.
 */
#ifndef LIBSSPI_EXPORT_H
#define LIBSSPI_EXPORT_H

#define SSPI_EXPORT __attribute__((visibility("default")))

#endif
