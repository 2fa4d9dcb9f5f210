/* SPDX-License-Identifier: Apache-2.0
 *
 * User-to-user (draft-swift-win2k-krb-user2user 6; recorded under CredSSP and in DCOM):
 * a service that has a TGT instead of a keytab hands it out, and the ticket that the client then
 * brings is encrypted in the session key of that TGT.
 *
 *   TGT-REQ  SEQUENCE { pvno [0] 5, msg-type [1] 16, server-name [2], realm [3] } (both optional)
 *   TGT-REP  SEQUENCE { pvno [0] 5, msg-type [1] 17, ticket [2] }
 */
#ifndef LIBSSPI_KERBEROS_USER2USER_H
#define LIBSSPI_KERBEROS_USER2USER_H

#include "context.h"

/* DOMAIN\user: an account, which has no key of a service. */
bool sspi_krb_names_account(const char *target);
/* The TGT-REQ for context->target into leg->output. tickets: whose client is the caller. */
SECURITY_STATUS sspi_krb_ask_tgt(const struct sspi_krb_context *context, krb5_context krb5,
                                 krb5_ccache tickets, struct sspi_leg *leg);
/* The ticket in a TGT-REP; it points into message. SEC_E_OK or SEC_E_INVALID_TOKEN. */
SECURITY_STATUS sspi_krb_read_tgt(struct sspi_view message, struct sspi_view *ticket);

/* The answer to the TGT-REQ in message, into leg->output; the context keeps the session key.
 * SEC_E_UNSUPPORTED_FUNCTION when the credential has no TGT: Negotiate then takes another
 * mechanism, as recorded acceptors do. */
SECURITY_STATUS sspi_krb_give_tgt(struct sspi_krb_context *context,
                                  struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                  struct sspi_view message, struct sspi_leg *leg);

#endif
