/* SPDX-License-Identifier: Apache-2.0
 *
 * EncryptMessage: wrap tokens (RFC 4121 4.2.6.2) in the shape Windows gives them.
 *
 * On the wire stands header | rest, the rest rotated right so that everything which does not take
 * the place of plaintext comes first and fits the TOKEN buffer in front of DATA:
 *   sealed   header 16 | filler EC | E(header) 16 | HMAC | confounder 16 || ciphertext of DATA
 *   signed   header 16 | checksum || DATA
 * The rotation of a sealed token is RRC, in DCE style RRC + EC (MS-KILE 3.4.5.4.1).
 */
#include <string.h>

#include "../message.h"
#include "crypto.h"
#include "rc4.h"

/* In DCE style EC is one cipher block, elsewhere 0. */
#define DCE_FILLER 16

static SECURITY_STATUS seal(struct sspi_krb_context *context, SecBufferDesc *message,
                            SecBuffer *token)
{
    struct sspi_krb_pieces pieces = {.count = 0};
    struct sspi_krb_header header = {SSPI_KRB_WRAP, true, 0, 0, context->send_sequence};
    size_t cksum = context->enctype->cksum_size;
    size_t filler = context->flags & SSPI_KRB_DCE_STYLE ? DCE_FILLER : 0;
    size_t inside = filler + SSPI_KRB_HEADER, size = SSPI_KRB_HEADER + inside + cksum;
    uint8_t *bytes = token->pvBuffer, *rest = bytes + SSPI_KRB_HEADER;

    if (token->cbBuffer < size + SSPI_KRB_CONFOUNDER)
        return SEC_E_BUFFER_TOO_SMALL;
    memset(rest, 0, filler);
    header.extra = (uint16_t)filler;
    sspi_krb_header_write(context, &header, rest + filler); /* the one inside has RRC 0 */
    header.rotated = (uint16_t)(SSPI_KRB_HEADER + cksum);
    sspi_krb_header_write(context, &header, bytes);

    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_HEADER, bytes + size, SSPI_KRB_CONFOUNDER);
    sspi_krb_collect(&pieces, message, true);
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, rest, inside);
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_TRAILER, rest + inside, cksum);
    SECURITY_STATUS status = sspi_krb_encrypt_pieces(context, &pieces);
    if (status != SEC_E_OK)
        return status;
    token->cbBuffer = (ULONG)(size + SSPI_KRB_CONFOUNDER);
    context->send_sequence++;
    return SEC_E_OK;
}

static SECURITY_STATUS sign(struct sspi_krb_context *context, SecBufferDesc *message,
                            SecBuffer *token)
{
    struct sspi_krb_pieces pieces = {.count = 0};
    struct sspi_krb_header header = {SSPI_KRB_WRAP, false, 0, 0, context->send_sequence};
    size_t cksum = context->enctype->cksum_size;
    uint8_t *bytes = token->pvBuffer;

    if (token->cbBuffer < SSPI_KRB_HEADER + cksum)
        return SEC_E_BUFFER_TOO_SMALL;
    /* RFC 4121 4.2.4: the checksum is over data and a header with EC and RRC zero. */
    sspi_krb_header_write(context, &header, bytes);
    sspi_krb_collect(&pieces, message, false);
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, bytes, SSPI_KRB_HEADER);
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_CHECKSUM, bytes + SSPI_KRB_HEADER, cksum);
    SECURITY_STATUS status = sspi_krb_checksum_pieces(context, SSPI_KRB_WRAP, &pieces);
    if (status != SEC_E_OK)
        return status;
    header.extra = header.rotated = (uint16_t)cksum;
    sspi_krb_header_write(context, &header, bytes);
    token->cbBuffer = (ULONG)(SSPI_KRB_HEADER + cksum);
    context->send_sequence++;
    return SEC_E_OK;
}

SECURITY_STATUS sspi_krb_encrypt(void *handle, ULONG qop, SecBufferDesc *message)
{
    struct sspi_krb_context *context = handle;
    bool only_sign = qop == SECQOP_WRAP_NO_ENCRYPT; /* other values are ignored, as on Windows */

    SECURITY_STATUS status = sspi_krb_ready(context);
    if (status != SEC_E_OK)
        return status;
    if (!only_sign && !(context->flags & SSPI_KRB_CONF))
        return SEC_E_UNSUPPORTED_FUNCTION;
    status = sspi_message_check(message);
    if (status != SEC_E_OK)
        return status;
    SecBuffer *token = sspi_message_room(message, SECBUFFER_TOKEN);
    if (!token || !sspi_message_find(message, SECBUFFER_DATA))
        return SEC_E_INVALID_TOKEN;
    if (sspi_krb_is_rc4(context))
        return sspi_krb_rc4_wrap(context, !only_sign, message, token);
    status = only_sign ? sign(context, message, token) : seal(context, message, token);
    if (status != SEC_E_OK)
        return status;
    /* Nothing needs padding; who offered room for it reads that here. */
    for (ULONG i = 0; i < message->cBuffers; i++)
        if ((message->pBuffers[i].BufferType & ~SECBUFFER_ATTRMASK) == SECBUFFER_PADDING)
            message->pBuffers[i].cbBuffer = 0;
    return SEC_E_OK;
}
