/* SPDX-License-Identifier: Apache-2.0
 *
 * The table behind sspi_upper, sorted by first.
 */
#ifndef LIBSSPI_TEXT_UPPER_H
#define LIBSSPI_TEXT_UPPER_H

#include <stddef.h>
#include <stdint.h>

/* first, first + step, ... last each have their capital at + delta. */
struct sspi_upper_range {
    uint16_t first, last, step;
    int32_t delta;
};

extern const struct sspi_upper_range sspi_upper_ranges[];
extern const size_t sspi_upper_range_count;

#endif
