/* SPDX-License-Identifier: Apache-2.0
 *
 * The message tokens of RC4 contexts (RFC 4757 7): MIC and wrap, in the older framing of RFC 1964.
 *
 *   MIC   60 len OID | 01 01 11 00 ff ff ff ff | SND_SEQ 8 | SGN_CKSUM 8
 *   wrap  60 len OID | 02 01 11 00 10 00 ff ff | SND_SEQ 8 | SGN_CKSUM 8 | confounder 8 || data
 * [pad]
 *
 * len counts the message, too, except in DCE style, where it counts the token alone (MS-KILE 4.5).
 */
#ifndef LIBSSPI_KERBEROS_RC4_H
#define LIBSSPI_KERBEROS_RC4_H

#include "token.h"

#define SSPI_KRB_RC4_MIC 37  /* bytes of a MIC token */
#define SSPI_KRB_RC4_WRAP 45 /* of a wrap token whose len counts the token alone */
/* ... and with the longest len, for what is counted with it. */
#define SSPI_KRB_RC4_WRAP_MAX 49

/* What a wrap token that was opened says. */
struct sspi_krb_rc4_opened {
    bool sealed;
    uint32_t sequence;
};

static inline bool sspi_krb_is_rc4(const struct sspi_krb_context *context)
{
    return context->enctype->cksum_size == 0;
}

/* The MIC over the pieces, as the next message of this side. token: SSPI_KRB_RC4_MIC bytes. */
SECURITY_STATUS sspi_krb_rc4_sign(struct sspi_krb_context *context,
                                  const struct sspi_krb_pieces *pieces, uint8_t *token);
SECURITY_STATUS sspi_krb_rc4_verify(struct sspi_krb_context *context,
                                    const struct sspi_krb_pieces *pieces, struct sspi_view token);

/* EncryptMessage: the next message of this side. A PADDING buffer gets the byte of padding that
 * GSS_Wrap has; without such a buffer there is none. */
SECURITY_STATUS sspi_krb_rc4_wrap(struct sspi_krb_context *context, bool seal,
                                  SecBufferDesc *message, SecBuffer *token);

/* DecryptMessage, without the check of the order. Whole tokens: [out] plain points into bytes. */
SECURITY_STATUS sspi_krb_rc4_open_stream(struct sspi_krb_context *context, uint8_t *bytes,
                                         size_t size, struct sspi_krb_rc4_opened *opened,
                                         SecBuffer *plain);
/* Whether a TOKEN buffer holds all that precedes the data, and nothing of it. */
bool sspi_krb_rc4_is_split(struct sspi_view token);
SECURITY_STATUS sspi_krb_rc4_open_split(struct sspi_krb_context *context, SecBufferDesc *message,
                                        const SecBuffer *token, struct sspi_krb_rc4_opened *opened);

#endif
