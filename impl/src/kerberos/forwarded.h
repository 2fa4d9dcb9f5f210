/* SPDX-License-Identifier: Apache-2.0
 *
 * A look at a KRB-CRED before libkrb5 unpacks it.
 */
#ifndef LIBSSPI_KERBEROS_FORWARDED_H
#define LIBSSPI_KERBEROS_FORWARDED_H

#include <krb5.h>

#include "../memory.h"

/* krb5_rd_cred (1.20) takes for granted that there is a KrbCredInfo for each ticket and that it
 * names client and server; RFC 4120 5.8.1 has all of that optional, and what is missing crashes.
 * 0 when it may have the message (which it may refuse still), KRB5_BADMSGTYPE or ENOMEM. */
krb5_error_code sspi_krb_check_forwarded(krb5_context krb5, krb5_auth_context auth,
                                         struct sspi_view message);

#endif
