/* SPDX-License-Identifier: Apache-2.0
 *
 * The PAC in a ticket (MS-PAC 2, MS-KILE 3.4.5.3).
 */
#ifndef LIBSSPI_KERBEROS_PAC_H
#define LIBSSPI_KERBEROS_PAC_H

#include <krb5.h>

/* Whether the PAC of a decrypted ticket, if it has one, was made for this service and this client.
 * tgt_key: the ticket's key in user-to-user; NULL: the key is in keys.
 * 0, also without a PAC; ENOMEM; KRB5KRB_AP_ERR_MODIFIED. */
krb5_error_code sspi_krb_check_pac(krb5_context krb5, krb5_keytab keys,
                                   const krb5_keyblock *tgt_key, const krb5_ticket *ticket);

#endif
