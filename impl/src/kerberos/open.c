/* SPDX-License-Identifier: Apache-2.0
 *
 * DecryptMessage: wrap tokens of any rotation (RFC 4121 4.2.5), in one STREAM buffer or split into
 * TOKEN and DATA. See seal.c for the layout, rc4.h for that of RC4 contexts.
 */
#include <string.h>

#include "../message.h"
#include "crypto.h"
#include "rc4.h"

/* Where the parts of a wrap token lie. */
struct parts {
    struct sspi_krb_header header;
    uint8_t *bytes;      /* the 16 of the header */
    uint8_t *confounder; /* sealed only */
    uint8_t *behind;     /* sealed: filler, header, HMAC; signed: the checksum */
};

static size_t behind_size(const struct sspi_krb_context *context,
                          const struct sspi_krb_header *header)
{
    return header->sealed ? header->extra + SSPI_KRB_HEADER + context->enctype->cksum_size
                          : header->extra;
}

static size_t rotation(const struct sspi_krb_context *context, const struct sspi_krb_header *header)
{
    bool windows = header->sealed && (context->flags & SSPI_KRB_DCE_STYLE);
    return (size_t)header->rotated + (windows ? header->extra : 0);
}

/* Decrypts the pieces between confounder and what is behind. */
static SECURITY_STATUS unseal(struct sspi_krb_context *context, const struct parts *parts,
                              struct sspi_krb_pieces *pieces)
{
    size_t extra = parts->header.extra;
    uint8_t expected[SSPI_KRB_HEADER];

    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_DATA, parts->behind, extra + SSPI_KRB_HEADER);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_TRAILER, parts->behind + extra + SSPI_KRB_HEADER,
                   context->enctype->cksum_size);
    SECURITY_STATUS status = sspi_krb_decrypt_pieces(context, pieces);
    if (status != SEC_E_OK)
        return status;
    memcpy(expected, parts->bytes, sizeof expected);
    expected[6] = expected[7] = 0;
    return sspi_equal(expected, parts->behind + extra, sizeof expected) ? SEC_E_OK
                                                                        : SEC_E_MESSAGE_ALTERED;
}

static SECURITY_STATUS verify(struct sspi_krb_context *context, const struct parts *parts,
                              struct sspi_krb_pieces *pieces)
{
    uint8_t header[SSPI_KRB_HEADER];

    if (parts->header.extra != context->enctype->cksum_size)
        return SEC_E_MESSAGE_ALTERED;
    memcpy(header, parts->bytes, sizeof header);
    memset(header + 4, 0, 4);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_DATA, header, sizeof header);
    sspi_krb_piece(pieces, KRB5_CRYPTO_TYPE_CHECKSUM, parts->behind, parts->header.extra);
    return sspi_krb_verify_pieces(context, SSPI_KRB_WRAP, pieces);
}

static void reverse(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        uint8_t swap = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = swap;
    }
}

/* A whole token of RFC 4121 4.2.6.2. */
static SECURITY_STATUS open_rotated(struct sspi_krb_context *context, uint8_t *bytes, size_t size,
                                    struct parts *parts, SecBuffer *plain)
{
    struct sspi_krb_pieces pieces = {.count = 0};

    if (size < SSPI_KRB_HEADER)
        return SEC_E_INVALID_TOKEN;
    if (!sspi_krb_header_read(context, SSPI_KRB_WRAP, bytes, &parts->header))
        return SEC_E_MESSAGE_ALTERED;
    uint8_t *rest = bytes + SSPI_KRB_HEADER, *data;
    size_t left = size - SSPI_KRB_HEADER, behind = behind_size(context, &parts->header);
    size_t before = parts->header.sealed ? SSPI_KRB_CONFOUNDER : 0;
    if (left < before + behind)
        return SEC_E_MESSAGE_ALTERED;
    size_t length = left - before - behind;
    size_t rotated = left ? rotation(context, &parts->header) % left : 0;

    parts->bytes = bytes;
    if (rotated == behind) {
        parts->behind = rest;
        parts->confounder = rest + behind;
        data = parts->confounder + before;
    } else {
        /* Rotate left, by three reversals. */
        reverse(rest, rotated);
        reverse(rest + rotated, left - rotated);
        reverse(rest, left);
        parts->confounder = rest;
        data = rest + before;
        parts->behind = data + length;
    }
    *plain = (SecBuffer){(ULONG)length, SECBUFFER_DATA, data};
    if (before)
        sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_HEADER, parts->confounder, before);
    sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_DATA, data, length);
    return before ? unseal(context, parts, &pieces) : verify(context, parts, &pieces);
}

static void note_rc4(const struct sspi_krb_rc4_opened *opened, struct parts *parts)
{
    parts->header.sealed = opened->sealed;
    parts->header.sequence = opened->sequence;
}

/* Opens a whole token in place. [out] plain points into it. */
static SECURITY_STATUS open_stream(struct sspi_krb_context *context, uint8_t *bytes, size_t size,
                                   struct parts *parts, SecBuffer *plain)
{
    struct sspi_krb_rc4_opened opened = {0};

    if (!sspi_krb_is_rc4(context))
        return open_rotated(context, bytes, size, parts, plain);
    SECURITY_STATUS status = sspi_krb_rc4_open_stream(context, bytes, size, &opened, plain);
    note_rc4(&opened, parts);
    return status;
}

/* A token split where this library and Windows split: everything is where it belongs. */
static bool split_as_sent(const struct sspi_krb_context *context, SecBufferDesc *message,
                          const SecBuffer *token, struct parts *parts)
{
    const SecBuffer *padding = sspi_message_find(message, SECBUFFER_PADDING);
    size_t behind = behind_size(context, &parts->header);
    size_t before = parts->header.sealed ? SSPI_KRB_CONFOUNDER : 0;

    if (token->cbBuffer != SSPI_KRB_HEADER + behind + before ||
        rotation(context, &parts->header) != behind || (padding && padding->cbBuffer))
        return false;
    parts->bytes = token->pvBuffer;
    parts->behind = parts->bytes + SSPI_KRB_HEADER;
    parts->confounder = parts->behind + behind;
    return true;
}

static SECURITY_STATUS open_in_place(struct sspi_krb_context *context, SecBufferDesc *message,
                                     struct parts *parts)
{
    struct sspi_krb_pieces pieces = {.count = 0};
    if (parts->header.sealed)
        sspi_krb_piece(&pieces, KRB5_CRYPTO_TYPE_HEADER, parts->confounder, SSPI_KRB_CONFOUNDER);
    sspi_krb_collect(&pieces, message, parts->header.sealed);
    return parts->header.sealed ? unseal(context, parts, &pieces) : verify(context, parts, &pieces);
}

/* Whether the bytes of this buffer are part of the token on the wire. */
static bool on_the_wire(const SecBuffer *buffer)
{
    return sspi_message_is_secret(buffer) ||
           (buffer->BufferType & ~SECBUFFER_ATTRMASK) == SECBUFFER_PADDING;
}

/* Writes plaintext over the DATA buffers that brought it. */
static SECURITY_STATUS scatter(SecBufferDesc *message, const SecBuffer *plain)
{
    const uint8_t *from = plain->pvBuffer;
    size_t left = plain->cbBuffer;

    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *buffer = &message->pBuffers[i];
        if (!sspi_message_is_secret(buffer))
            continue;
        size_t size = left < buffer->cbBuffer ? left : buffer->cbBuffer;
        if (size)
            memcpy(buffer->pvBuffer, from, size);
        buffer->cbBuffer = (ULONG)size;
        from += size;
        left -= size;
    }
    return left ? SEC_E_BUFFER_TOO_SMALL : SEC_E_OK;
}

/* A token that was cut elsewhere: put together in a copy, opened, and written back. */
static SECURITY_STATUS open_copy(struct sspi_krb_context *context, SecBufferDesc *message,
                                 const SecBuffer *token, struct parts *parts)
{
    struct sspi_blob copy = {NULL, 0};
    SecBuffer plain = {0, SECBUFFER_DATA, NULL};
    size_t size = token->cbBuffer, at = token->cbBuffer;

    for (ULONG i = 0; i < message->cBuffers; i++)
        if (on_the_wire(&message->pBuffers[i]))
            size += message->pBuffers[i].cbBuffer;
    if (!sspi_blob_alloc(&copy, size))
        return SEC_E_INSUFFICIENT_MEMORY;
    memcpy(copy.data, token->pvBuffer, token->cbBuffer);
    for (ULONG i = 0; i < message->cBuffers; i++) {
        const SecBuffer *buffer = &message->pBuffers[i];
        if (!on_the_wire(buffer) || !buffer->cbBuffer)
            continue;
        memcpy(copy.data + at, buffer->pvBuffer, buffer->cbBuffer);
        at += buffer->cbBuffer;
    }
    SECURITY_STATUS status = open_stream(context, copy.data, copy.size, parts, &plain);
    if (status == SEC_E_OK)
        status = scatter(message, &plain);
    sspi_blob_free(&copy);
    return status;
}

static SECURITY_STATUS open_split_rc4(struct sspi_krb_context *context, SecBufferDesc *message,
                                      const SecBuffer *token, struct parts *parts)
{
    struct sspi_krb_rc4_opened opened = {0};

    if (!sspi_krb_rc4_is_split((struct sspi_view){token->pvBuffer, token->cbBuffer}))
        return open_copy(context, message, token, parts);
    SECURITY_STATUS status = sspi_krb_rc4_open_split(context, message, token, &opened);
    note_rc4(&opened, parts);
    return status;
}

static SECURITY_STATUS open_split(struct sspi_krb_context *context, SecBufferDesc *message,
                                  const SecBuffer *token, struct parts *parts)
{
    if (token->cbBuffer < SSPI_KRB_HEADER)
        return SEC_E_INVALID_TOKEN;
    if (sspi_krb_is_rc4(context))
        return open_split_rc4(context, message, token, parts);
    if (!sspi_krb_header_read(context, SSPI_KRB_WRAP, token->pvBuffer, &parts->header))
        return SEC_E_MESSAGE_ALTERED;
    return split_as_sent(context, message, token, parts)
               ? open_in_place(context, message, parts)
               : open_copy(context, message, token, parts);
}

SECURITY_STATUS sspi_krb_decrypt(void *handle, SecBufferDesc *message, ULONG *qop)
{
    struct sspi_krb_context *context = handle;
    struct parts parts = {.bytes = NULL};
    SecBuffer plain = {0, SECBUFFER_DATA, NULL};

    SECURITY_STATUS status = sspi_krb_ready(context);
    if (status == SEC_E_OK)
        status = sspi_message_check(message);
    if (status != SEC_E_OK)
        return status;
    SecBuffer *stream = sspi_message_find(message, SECBUFFER_STREAM);
    SecBuffer *token = sspi_message_find(message, SECBUFFER_TOKEN);
    SecBuffer *data = sspi_message_find(message, SECBUFFER_DATA);
    if ((!stream && !token) || !data)
        return SEC_E_INVALID_TOKEN;
    status = stream ? open_stream(context, stream->pvBuffer, stream->cbBuffer, &parts, &plain)
                    : open_split(context, message, token, &parts);
    if (status == SEC_E_OK)
        status = sspi_krb_in_order(context, parts.header.sequence);
    if (status != SEC_E_OK)
        return status;
    if (stream) {
        data->pvBuffer = plain.pvBuffer;
        data->cbBuffer = plain.cbBuffer;
    }
    if (qop)
        *qop = parts.header.sealed ? 0 : SECQOP_WRAP_NO_ENCRYPT;
    return SEC_E_OK;
}
