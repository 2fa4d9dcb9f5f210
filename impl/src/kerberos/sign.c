/* SPDX-License-Identifier: Apache-2.0
 *
 * MIC tokens (RFC 4121 4.2.6.1): MakeSignature, VerifySignature, mechListMIC.
 */
#include <string.h>

#include "../message.h"
#include "crypto.h"
#include "rc4.h"

static size_t mic_size(const struct sspi_krb_context *context)
{
    return sspi_krb_is_rc4(context) ? SSPI_KRB_RC4_MIC
                                    : SSPI_KRB_HEADER + context->enctype->cksum_size;
}

/* The checksum of the pieces that are there, then of the token's header (RFC 4121 4.2.4), into the
 * bytes behind the header. */
static SECURITY_STATUS write_mic(struct sspi_krb_context *context, struct sspi_krb_pieces *pieces,
                                 uint8_t *token)
{
    struct sspi_krb_header header = {.kind = SSPI_KRB_MIC, .sequence = context->send_sequence};

    if (sspi_krb_is_rc4(context))
        return sspi_krb_rc4_sign(context, pieces, token);
    sspi_krb_header_write(context, &header, token);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_DATA, token, SSPI_KRB_HEADER);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_CHECKSUM, token + SSPI_KRB_HEADER,
                   context->enctype->cksum_size);
    SECURITY_STATUS status = sspi_krb_checksum_pieces(context, SSPI_KRB_MIC, pieces);
    if (status == SEC_E_OK)
        context->send_sequence++;
    return status;
}

static SECURITY_STATUS read_mic(struct sspi_krb_context *context, struct sspi_krb_pieces *pieces,
                                struct sspi_view token)
{
    struct sspi_krb_header header;
    uint8_t copy[SSPI_KRB_HEADER + SSPI_KRB_MAX_CKSUM];

    if (sspi_krb_is_rc4(context))
        return sspi_krb_rc4_verify(context, pieces, token);
    if (token.size < SSPI_KRB_HEADER)
        return SEC_E_INVALID_TOKEN;
    if (token.size != SSPI_KRB_HEADER + context->enctype->cksum_size ||
        !sspi_krb_header_read(context, SSPI_KRB_MIC, token.data, &header))
        return SEC_E_MESSAGE_ALTERED;
    memcpy(copy, token.data, token.size);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_DATA, copy, SSPI_KRB_HEADER);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_CHECKSUM, copy + SSPI_KRB_HEADER,
                   context->enctype->cksum_size);
    SECURITY_STATUS status = sspi_krb_verify_pieces(context, SSPI_KRB_MIC, pieces);
    return status == SEC_E_OK ? sspi_krb_in_order(context, header.sequence) : status;
}

SECURITY_STATUS sspi_krb_sign(void *handle, ULONG qop, SecBufferDesc *message)
{
    struct sspi_krb_context *context = handle;
    struct sspi_krb_pieces pieces = {.count = 0};

    (void)qop; /* Windows accepts any */
    SECURITY_STATUS status = sspi_krb_ready(context);
    if (status == SEC_E_OK)
        status = sspi_message_check(message);
    if (status != SEC_E_OK)
        return status;
    SecBuffer *token = sspi_message_room(message, SECBUFFER_TOKEN);
    if (!token || !sspi_message_find(message, SECBUFFER_DATA))
        return SEC_E_INVALID_TOKEN;
    size_t size = mic_size(context);
    if (token->cbBuffer < size)
        return SEC_E_BUFFER_TOO_SMALL;
    sspi_krb_collect(&pieces, message, false);
    status = write_mic(context, &pieces, token->pvBuffer);
    if (status == SEC_E_OK)
        token->cbBuffer = (ULONG)size;
    return status;
}

SECURITY_STATUS sspi_krb_verify(void *handle, SecBufferDesc *message, ULONG *qop)
{
    struct sspi_krb_context *context = handle;
    struct sspi_krb_pieces pieces = {.count = 0};

    SECURITY_STATUS status = sspi_krb_ready(context);
    if (status == SEC_E_OK)
        status = sspi_message_check(message);
    if (status != SEC_E_OK)
        return status;
    SecBuffer *token = sspi_message_find(message, SECBUFFER_TOKEN);
    if (!token || !sspi_message_find(message, SECBUFFER_DATA))
        return SEC_E_INVALID_TOKEN;
    sspi_krb_collect(&pieces, message, false);
    status = read_mic(context, &pieces, (struct sspi_view){token->pvBuffer, token->cbBuffer});
    if (status == SEC_E_OK && qop)
        *qop = 0;
    return status;
}

SECURITY_STATUS sspi_krb_make_mic(void *handle, struct sspi_view data, struct sspi_blob *mic)
{
    struct sspi_krb_context *context = handle;
    struct sspi_krb_pieces pieces = {.count = 0};

    SECURITY_STATUS status = sspi_krb_ready(context);
    if (status != SEC_E_OK)
        return status;
    if (!sspi_blob_alloc(mic, mic_size(context)))
        return SEC_E_INSUFFICIENT_MEMORY;
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, (void *)(uintptr_t)data.data, data.size);
    status = write_mic(context, &pieces, mic->data);
    if (status != SEC_E_OK)
        sspi_blob_free(mic);
    return status;
}

SECURITY_STATUS sspi_krb_check_mic(void *handle, struct sspi_view data, struct sspi_view mic)
{
    struct sspi_krb_context *context = handle;
    struct sspi_krb_pieces pieces = {.count = 0};

    SECURITY_STATUS status = sspi_krb_ready(context);
    if (status != SEC_E_OK)
        return status;
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, (void *)(uintptr_t)data.data, data.size);
    return read_mic(context, &pieces, mic);
}
