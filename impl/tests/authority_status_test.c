/* SPDX-License-Identifier: Apache-2.0
 *
 * The table from NTSTATUS to SECURITY_STATUS, row by row, by number (MS-ERREF 2.3.1).
 */
#include "run.h"

#include "authority/status.h"

static void rows(void)
{
    static const struct {
        uint32_t nt;
        SECURITY_STATUS status;
    } table[] = {
        {0x00000000, SEC_E_OK},
        {0xc0000064, SEC_E_LOGON_DENIED},                /* NO_SUCH_USER */
        {0xc000006a, SEC_E_LOGON_DENIED},                /* WRONG_PASSWORD */
        {0xc000006d, SEC_E_LOGON_DENIED},                /* LOGON_FAILURE */
        {0xc000006e, SEC_E_LOGON_DENIED},                /* ACCOUNT_RESTRICTION */
        {0xc000006f, SEC_E_LOGON_DENIED},                /* INVALID_LOGON_HOURS */
        {0xc0000070, SEC_E_LOGON_DENIED},                /* INVALID_WORKSTATION */
        {0xc0000071, SEC_E_LOGON_DENIED},                /* PASSWORD_EXPIRED */
        {0xc0000072, SEC_E_LOGON_DENIED},                /* ACCOUNT_DISABLED */
        {0xc000015b, SEC_E_LOGON_DENIED},                /* LOGON_TYPE_NOT_GRANTED */
        {0xc0000193, SEC_E_LOGON_DENIED},                /* ACCOUNT_EXPIRED */
        {0xc0000224, SEC_E_LOGON_DENIED},                /* PASSWORD_MUST_CHANGE */
        {0xc0000234, SEC_E_LOGON_DENIED},                /* ACCOUNT_LOCKED_OUT */
        {0xc0000413, SEC_E_LOGON_DENIED},                /* AUTHENTICATION_FIREWALL_FAILED */
        {0xc0000022, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* ACCESS_DENIED */
        {0xc000005e, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* NO_LOGON_SERVERS */
        {0xc00000df, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* NO_SUCH_DOMAIN */
        {0xc000018a, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* NO_TRUST_LSA_SECRET */
        {0xc000018b, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* NO_TRUST_SAM_ACCOUNT */
        {0xc000018c, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* TRUSTED_DOMAIN_FAILURE */
        {0xc000018d, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* TRUSTED_RELATIONSHIP_FAILURE */
        {0xc0000233, SEC_E_NO_AUTHENTICATING_AUTHORITY}, /* DOMAIN_CONTROLLER_NOT_FOUND */
        {0xc0000017, SEC_E_INSUFFICIENT_MEMORY},         /* NO_MEMORY */
        {0xc000009a, SEC_E_INSUFFICIENT_MEMORY},         /* INSUFFICIENT_RESOURCES */
        {0xc00000e4, SEC_E_INTERNAL_ERROR},
        {0xc00000e5, SEC_E_INTERNAL_ERROR},
        {0x00000103, SEC_E_INTERNAL_ERROR}, /* not even an error */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        ASSERT_STATUS(sspi_authority_status(table[i].nt), table[i].status);
}

SSPI_TESTS({"rows", rows})
