/* SPDX-License-Identifier: Apache-2.0
 * Sealed messages of gss-ntlmssp, which has gss_wrap but no gss_wrap_iov: a signature of 16 bytes,
 * then the data (MS-NLMP 3.4.4). */
#include "gssapi.h"

#include <stdlib.h>
#include <string.h>

enum {
    SIGNATURE = 16
};

void number_message(struct context *context, ULONG number)
{
    static gss_OID_desc sequence = {11, "\x2b\x06\x01\x04\x01\xb7\x7d\x85\x0f\x01\x01"};
    gss_buffer_desc value = {sizeof number, &number};
    OM_uint32 minor;

    if (context->attributes & ISC_RET_DATAGRAM) /* connections count for themselves */
        gss_set_sec_context_option(&minor, &context->gss, &sequence, &value);
}

/* The DATA buffers of a message from what they are in one piece; false when that has another size.
 */
static bool spread(SecBufferDesc *message, const char *from, size_t length)
{
    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *one = &message->pBuffers[i];
        if ((one->BufferType & ~SECBUFFER_ATTRMASK) != SECBUFFER_DATA)
            continue;
        if (one->cbBuffer > length)
            return false;
        if (one->cbBuffer)
            memcpy(one->pvBuffer, from, one->cbBuffer);
        from += one->cbBuffer;
        length -= one->cbBuffer;
    }
    return !length;
}

SECURITY_STATUS encrypt_ntlm(struct context *context, SecBufferDesc *message)
{
    SecBuffer *place = buffer_of(message, SECBUFFER_TOKEN);
    gss_buffer_desc data, wrapped = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored;
    int sealed;
    SECURITY_STATUS status = joined_data(message, &data);

    if (status != SEC_E_OK)
        return status;
    major = gss_wrap(&minor, context->gss, 1, GSS_C_QOP_DEFAULT, &data, &sealed, &wrapped);
    status = status_of(major, minor, SEC_E_INVALID_TOKEN);
    if (status == SEC_E_OK && place->cbBuffer < SIGNATURE)
        status = SEC_E_BUFFER_TOO_SMALL;
    if (status == SEC_E_OK &&
        (wrapped.length < SIGNATURE ||
         !spread(message, (char *)wrapped.value + SIGNATURE, wrapped.length - SIGNATURE)))
        status = SEC_E_INTERNAL_ERROR;
    if (status == SEC_E_OK) {
        memcpy(place->pvBuffer, wrapped.value, SIGNATURE);
        place->cbBuffer = SIGNATURE;
    }
    gss_release_buffer(&ignored, &wrapped);
    free(data.value);
    return status;
}

static SECURITY_STATUS unwrapped(struct context *context, gss_buffer_desc *wrapped,
                                 gss_buffer_desc *plain)
{
    OM_uint32 minor;
    OM_uint32 major = gss_unwrap(&minor, context->gss, wrapped, plain, NULL, NULL);

    return status_of(major, minor, SEC_E_INVALID_TOKEN);
}

/* The plaintext takes the place of the ciphertext in the stream. */
static SECURITY_STATUS decrypt_stream(struct context *context, SecBuffer *stream, SecBuffer *data)
{
    gss_buffer_desc wrapped = {stream->cbBuffer, stream->pvBuffer}, plain = GSS_C_EMPTY_BUFFER;
    SECURITY_STATUS status = unwrapped(context, &wrapped, &plain);
    OM_uint32 ignored;

    if (status == SEC_E_OK && plain.length + SIGNATURE > stream->cbBuffer)
        status = SEC_E_INTERNAL_ERROR;
    if (status == SEC_E_OK) {
        data->pvBuffer = (char *)stream->pvBuffer + SIGNATURE;
        data->cbBuffer = (ULONG)plain.length;
        memcpy(data->pvBuffer, plain.value, plain.length);
    }
    gss_release_buffer(&ignored, &plain);
    return status;
}

SECURITY_STATUS decrypt_ntlm(struct context *context, SecBufferDesc *message)
{
    SecBuffer *token = buffer_of(message, SECBUFFER_TOKEN),
              *stream = buffer_of(message, SECBUFFER_STREAM),
              *data = buffer_of(message, SECBUFFER_DATA);
    gss_buffer_desc sealed, wrapped, plain = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored;
    SECURITY_STATUS status;

    if (stream && data)
        return decrypt_stream(context, stream, data);
    if (!token || !data || is_nowhere(token))
        return SEC_E_INVALID_TOKEN;
    status = joined_data(message, &sealed);
    if (status != SEC_E_OK)
        return status;
    wrapped = (gss_buffer_desc){token->cbBuffer + sealed.length,
                                malloc(token->cbBuffer + sealed.length + 1)};
    if (!wrapped.value) {
        status = SEC_E_INSUFFICIENT_MEMORY;
    } else {
        if (token->cbBuffer)
            memcpy(wrapped.value, token->pvBuffer, token->cbBuffer);
        memcpy((char *)wrapped.value + token->cbBuffer, sealed.value, sealed.length);
        status = unwrapped(context, &wrapped, &plain);
    }
    if (status == SEC_E_OK && !spread(message, plain.value, plain.length))
        status = SEC_E_INTERNAL_ERROR;
    gss_release_buffer(&ignored, &plain);
    free(wrapped.value);
    free(sealed.value);
    return status;
}
