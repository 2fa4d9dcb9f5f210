/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice between the authorities.
 */
#include "authority/authority.h"

uint32_t sspi_authority_verify(const struct sspi_config *config, struct sspi_logon *logon)
{
    return config->ntlm_authority == SSPI_AUTHORITY_WINBIND ? sspi_authority_winbind(config, logon)
                                                            : sspi_authority_file(config, logon);
}
