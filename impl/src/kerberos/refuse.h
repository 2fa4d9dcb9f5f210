/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor's refusal as a message (ASC_REQ_EXTENDED_ERROR).
 */
#ifndef LIBSSPI_KERBEROS_REFUSE_H
#define LIBSSPI_KERBEROS_REFUSE_H

#include "context.h"

/* Puts a KRB-ERROR into leg->output, if the error is one that RFC 4120 numbers and nothing else
 * goes wrong; the leg fails in any case, so there is no status. */
void sspi_krb_refuse(const struct sspi_krb_context *context,
                     const struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                     krb5_keytab keys, krb5_error_code why, struct sspi_leg *leg);

#endif
