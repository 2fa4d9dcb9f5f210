/* SPDX-License-Identifier: Apache-2.0
 *
 * The outside of Kerberos context tokens: the header of RFC 2743 3.1 with the Kerberos OID and the
 * two bytes of token id of RFC 4121 4.1, or nothing at all in DCE style (MS-KILE).
 */
#ifndef LIBSSPI_KERBEROS_FRAMING_H
#define LIBSSPI_KERBEROS_FRAMING_H

#include <sspi.h>

#include "../memory.h"

enum sspi_krb_token {
    SSPI_KRB_AP_REQ = 0x0100,
    SSPI_KRB_AP_REP = 0x0200,
    SSPI_KRB_ERROR = 0x0300
};

/* Puts the header before message. [out] token: empty before; sspi_blob_free it. false: no memory.
 * bare: without a header. */
bool sspi_krb_frame(enum sspi_krb_token id, bool bare, struct sspi_view message,
                    struct sspi_blob *token);

/* Takes a token apart; message points into it. Every length must be exact and in its shortest
 * form. A message without a header is known by its ASN.1 tag and reported as bare.
 * SEC_E_OK, SEC_E_INVALID_TOKEN, or SEC_E_UNSUPPORTED_FUNCTION for user-to-user. */
SECURITY_STATUS sspi_krb_unframe(struct sspi_view token, enum sspi_krb_token *id, bool *bare,
                                 struct sspi_view *message);

/* User-to-user tokens have an OID of their own, 1.2.840.113554.1.2.2.3, and two more ids, whose
 * messages are plain SEQUENCEs (draft-swift-win2k-krb-user2user 6). As above. */
#define SSPI_KRB_TGT_REQ 0x0400
#define SSPI_KRB_TGT_REP 0x0401
bool sspi_krb_frame_user2user(unsigned id, struct sspi_view message, struct sspi_blob *token);
SECURITY_STATUS sspi_krb_unframe_user2user(struct sspi_view token, unsigned *id,
                                           struct sspi_view *message);

/* Takes the DER element at the start of data off it. [out] inside: its content. false: it does not
 * fit, or its length is not in the shortest form. */
bool sspi_krb_take_element(struct sspi_view *data, uint8_t *tag, struct sspi_view *inside);
/* The ticket in an AP-REQ; [out] ticket points into it. false: there is none to be found. */
bool sspi_krb_ticket_in(struct sspi_view request, struct sspi_view *ticket);

/* Whether an AP-REQ or AP-REP calls itself one: libkrb5 does not look at its msg-type (RFC
 * 4120 3.2.3). */
bool sspi_krb_is_request(struct sspi_view message);
bool sspi_krb_is_reply(struct sspi_view message);

#endif
