/* SPDX-License-Identifier: Apache-2.0
 *
 * What libsspi offers beside SSPI.
 */
#ifndef LIBSSPI_H
#define LIBSSPI_H

#include <sspi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One sentence about the last call of this thread that failed, "" when it said nothing. Valid
 * until this thread's next call into the library; not to be freed. For people: the text may
 * change, programs decide by the status. */
const char *libsspi_last_error(void);

/* The calling thread speaks for a user who has not come, by the word of a service (S4U2Self,
 * MS-SFU 3.2.5.1): what a service of Windows does with LsaLogonUser and ImpersonateLoggedOnUser.
 * Default outbound credentials that this thread acquires are then the user's, good towards the
 * services that the domain allows (S4U2Proxy), as after ImpersonateSecurityContext.
 * phCredential: of the service, Kerberos or Negotiate, with its keys or its password.
 * user: UTF-8, "alice" or "alice@REALM".
 * SEC_E_UNSUPPORTED_FUNCTION: the package cannot. SEC_E_NO_IMPERSONATION: the domain does not let
 * this service speak for that user. */
SECURITY_STATUS libsspi_impersonate_user(PCredHandle phCredential, const char *user);
/* Ends it. RevertSecurityContext does the same for who has a context. */
void libsspi_revert(void);

#ifdef __cplusplus
}
#endif
#endif
