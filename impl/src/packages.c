/* SPDX-License-Identifier: Apache-2.0
 *
 * The packages of this library.
 */
#include "package.h"
#include "text.h"

const struct sspi_package *const sspi_packages[] = {
#ifdef HAVE_negotiate
    &sspi_negotiate_package,
#endif
#ifdef HAVE_kerberos
    &sspi_kerberos_package,
#endif
#ifdef HAVE_ntlm
    &sspi_ntlm_package,
#endif
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
