/* SPDX-License-Identifier: Apache-2.0
 *
 * The last error's sentence, per thread.
 */
#include "error.h"

#include <libsspi.h>
#include <stdarg.h>
#include <stdio.h>

#include "export.h"

static __thread char sentence[512];

void sspi_error_set(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
}

void sspi_error_clear(void)
{
    sentence[0] = 0;
}

SSPI_EXPORT const char *libsspi_last_error(void)
{
    return sentence;
}
