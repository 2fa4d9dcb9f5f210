/* SPDX-License-Identifier: Apache-2.0 */
#include "system.h"

#include <sys/utsname.h>

void system_describe(struct writer *out)
{
    struct utsname found;

    if (uname(&found) != 0)
        return;
    write_key(out, "name");
    write_text(out, found.sysname);
    write_key(out, "version");
    write_text(out, found.release);
}
