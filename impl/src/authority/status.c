/* SPDX-License-Identifier: Apache-2.0
 *
 * From the authority's NTSTATUS to the SECURITY_STATUS of AcceptSecurityContext.
 *
 * Evidence: an unknown user gives SEC_E_LOGON_DENIED on Windows (test of its authors,
 * trig.asc.bad-password). For the other rows there is only the AcceptSecurityContext (NTLM) page,
 * which has two codes for a failed logon: SEC_E_LOGON_DENIED "the logon failed", and
 * SEC_E_NO_AUTHENTICATING_AUTHORITY, whose text names three cases: the domain name of the party is
 * wrong, the domain is unreachable, the trust relationship failed. So the question a row answers
 * is: did an authority say no, or was there none to say anything.
 */
#include "authority/status.h"

#include <stddef.h>

static const struct {
    uint32_t nt_status;
    SECURITY_STATUS status;
} rows[] = {
    {SSPI_NT_OK, SEC_E_OK},

    /* An authority compared and said no. */
    {SSPI_NT_NO_SUCH_USER, SEC_E_LOGON_DENIED},   /* asserted: trig.asc.bad-password */
    {SSPI_NT_WRONG_PASSWORD, SEC_E_LOGON_DENIED}, /* MS-NLMP 3.2.5.1.2: deny access */
    {SSPI_NT_LOGON_FAILURE, SEC_E_LOGON_DENIED},  /* a DC's word for either of the two */

    /* The proof was good, the account may not log on. ASC has no finer code, and telling more
     * would help somebody who guesses passwords. */
    {SSPI_NT_ACCOUNT_DISABLED, SEC_E_LOGON_DENIED},
    {SSPI_NT_ACCOUNT_EXPIRED, SEC_E_LOGON_DENIED},
    {SSPI_NT_ACCOUNT_LOCKED_OUT, SEC_E_LOGON_DENIED},
    {SSPI_NT_PASSWORD_EXPIRED, SEC_E_LOGON_DENIED},     /* a network logon cannot change it */
    {SSPI_NT_PASSWORD_MUST_CHANGE, SEC_E_LOGON_DENIED}, /* the same, set by an administrator */
    {SSPI_NT_ACCOUNT_RESTRICTION, SEC_E_LOGON_DENIED},  /* e.g. a blank password from the network */
    {SSPI_NT_INVALID_LOGON_HOURS, SEC_E_LOGON_DENIED},
    {SSPI_NT_INVALID_WORKSTATION, SEC_E_LOGON_DENIED},
    {SSPI_NT_LOGON_TYPE_NOT_GRANTED, SEC_E_LOGON_DENIED}, /* no right to log on by network */
    {SSPI_NT_AUTHENTICATION_FIREWALL_FAILED, SEC_E_LOGON_DENIED}, /* selective trust said no */

    /* "The domain could be unreachable." */
    {SSPI_NT_NO_LOGON_SERVERS, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    {SSPI_NT_DOMAIN_CONTROLLER_NOT_FOUND, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    /* "The domain name of the authenticating party could be wrong." */
    {SSPI_NT_NO_SUCH_DOMAIN, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    /* "There might have been a trust relationship failure." */
    /* MS-NRPC 3.5.4.4.2: a member whose secret is wrong. */
    {SSPI_NT_ACCESS_DENIED, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    {SSPI_NT_NO_TRUST_LSA_SECRET, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    {SSPI_NT_NO_TRUST_SAM_ACCOUNT, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    {SSPI_NT_TRUSTED_DOMAIN_FAILURE, SEC_E_NO_AUTHENTICATING_AUTHORITY},
    {SSPI_NT_TRUSTED_RELATIONSHIP_FAILURE, SEC_E_NO_AUTHENTICATING_AUTHORITY},

    /* The page: not enough memory to complete the request. */
    {SSPI_NT_NO_MEMORY, SEC_E_INSUFFICIENT_MEMORY},
    {SSPI_NT_INSUFFICIENT_RESOURCES, SEC_E_INSUFFICIENT_MEMORY},
};

SECURITY_STATUS sspi_authority_status(uint32_t nt_status)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].nt_status == nt_status)
            return rows[i].status;
    }
    return SEC_E_INTERNAL_ERROR; /* the page: an error that did not map to an SSPI code */
}
