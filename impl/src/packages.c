/* SPDX-License-Identifier: Apache-2.0
 *
 * The packages of this library.
 */
#include "package.h"
#include "text.h"

const struct sspi_package *const sspi_packages[] = {
    &sspi_negotiate_package,
    &sspi_kerberos_package,
    &sspi_ntlm_package,
    NULL,
};

const struct sspi_package *sspi_package_find(const char *name)
{
    if (!name)
        return NULL;
    for (size_t i = 0; sspi_packages[i]; i++) {
        if (sspi_equal_nocase(sspi_packages[i]->name, name))
            return sspi_packages[i];
    }
    return NULL;
}
