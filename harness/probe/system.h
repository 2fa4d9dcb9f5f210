/* SPDX-License-Identifier: Apache-2.0
 *
 * On what the probe runs, as a recording has to say it.
 */
#ifndef PROBE_SYSTEM_H
#define PROBE_SYSTEM_H

#include "writer.h"

/* Members of an object that is open: name and version, on Windows also build, edition and the
 * policies that change what authentication does; `wine` where the Windows is none. Names of the
 * machine and its users are left out. */
void system_describe(struct writer *out);

#endif
