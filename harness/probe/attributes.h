/* SPDX-License-Identifier: Apache-2.0
 *
 * The structures behind QueryContextAttributes and QueryCredentialsAttributes, and their members
 * as JSON. Also package information, which two calls return on their own.
 */
#ifndef PROBE_ATTRIBUTES_H
#define PROBE_ATTRIBUTES_H

#include "request.h"

#define ATTRIBUTE_ROOM 256 /* bytes for the structure of any attribute */

struct attribute_layout;

/* What `ulAttribute` of the request means: a name or a number. *layout is NULL for a number whose
 * structure the probe does not know. */
uint32_t attribute_read(struct request *r, bool of_credential,
                        const struct attribute_layout **layout);

/* Write `value` from the ATTRIBUTE_ROOM bytes the implementation had. Strings, keys and package
 * information are copied and released. */
void attribute_answer(struct request *r, const struct attribute_layout *layout,
                      const unsigned char *structure);

/* Write one SecPkgInfo as an object. */
void package_answer(struct request *r, const void *info);

#endif
