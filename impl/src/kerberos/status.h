/* SPDX-License-Identifier: Apache-2.0
 *
 * From what libkrb5 or a peer says to what an SSPI caller is told.
 */
#ifndef LIBSSPI_KERBEROS_STATUS_H
#define LIBSSPI_KERBEROS_STATUS_H

#include <krb5.h>
#include <sspi.h>

/* Where the error happened: the same code means another thing at another place. */
enum sspi_krb_step {
    SSPI_KRB_TICKET,  /* initiator: password, ticket cache, KDC */
    SSPI_KRB_REQUEST, /* acceptor: keys, AP-REQ, third leg of DCE style */
    SSPI_KRB_REPLY    /* initiator: AP-REP, or the code inside a KRB-ERROR of the acceptor */
};

/* SEC_E_OK for 0; SEC_E_INTERNAL_ERROR for a code that no row of the table names. */
SECURITY_STATUS sspi_krb_status(krb5_error_code code, enum sspi_krb_step step);
/* The same, and for an error libkrb5's own words go to libsspi_last_error(). */
SECURITY_STATUS sspi_krb_explain(krb5_context krb5, krb5_error_code code, enum sspi_krb_step step);

#endif
