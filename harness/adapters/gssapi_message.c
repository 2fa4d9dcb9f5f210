/* SPDX-License-Identifier: Apache-2.0
 * Messages and attributes of an established context. */
#include "gssapi.h"

#include <stdlib.h>
#include <string.h>

enum {
    MOST = 16 /* buffers of a message */
};

static SECURITY_STATUS established(const CtxtHandle *handle, struct context **found)
{
    *found = context_of(handle);
    return *found && (*found)->complete ? SEC_E_OK : SEC_E_INVALID_HANDLE;
}

bool is_nowhere(const SecBuffer *buffer)
{
    return !buffer->pvBuffer && buffer->cbBuffer;
}

SECURITY_STATUS joined_data(const SecBufferDesc *message, gss_buffer_desc *data)
{
    size_t size = 0;

    if (!message || !message->pBuffers)
        return SEC_E_INVALID_TOKEN;
    for (ULONG i = 0; i < message->cBuffers; i++) {
        const SecBuffer *one = &message->pBuffers[i];
        if ((one->BufferType & ~SECBUFFER_ATTRMASK) != SECBUFFER_DATA)
            continue;
        if (is_nowhere(one))
            return SEC_E_INVALID_TOKEN;
        size += one->cbBuffer;
    }
    *data = (gss_buffer_desc){0, malloc(size + 1)};
    for (ULONG i = 0; data->value && i < message->cBuffers; i++) {
        const SecBuffer *one = &message->pBuffers[i];
        if ((one->BufferType & ~SECBUFFER_ATTRMASK) == SECBUFFER_DATA && one->cbBuffer) {
            memcpy((char *)data->value + data->length, one->pvBuffer, one->cbBuffer);
            data->length += one->cbBuffer;
        }
    }
    return data->value ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

SECURITY_STATUS make_signature(PCtxtHandle handle, ULONG qop, PSecBufferDesc message, ULONG number)
{
    SecBuffer *place = buffer_of(message, SECBUFFER_TOKEN);
    gss_buffer_desc data = GSS_C_EMPTY_BUFFER, mic = GSS_C_EMPTY_BUFFER;
    struct context *context;
    OM_uint32 major, minor, ignored;
    SECURITY_STATUS status = established(handle, &context);

    (void)qop;
    if (status == SEC_E_OK)
        status = place && !is_nowhere(place) ? joined_data(message, &data) : SEC_E_INVALID_TOKEN;
    if (status != SEC_E_OK)
        return status;
    number_message(context, number);
    major = gss_get_mic(&minor, context->gss, GSS_C_QOP_DEFAULT, &data, &mic);
    status = status_of(major, minor, SEC_E_INVALID_TOKEN);
    if (status == SEC_E_OK && mic.length > place->cbBuffer)
        status = SEC_E_BUFFER_TOO_SMALL;
    if (status == SEC_E_OK) {
        memcpy(place->pvBuffer, mic.value, mic.length);
        place->cbBuffer = (ULONG)mic.length;
    }
    gss_release_buffer(&ignored, &mic);
    free(data.value);
    return status;
}

SECURITY_STATUS verify_signature(PCtxtHandle handle, PSecBufferDesc message, ULONG number,
                                 ULONG *qop)
{
    const SecBuffer *token = buffer_of(message, SECBUFFER_TOKEN);
    gss_buffer_desc data = GSS_C_EMPTY_BUFFER, mic;
    struct context *context;
    OM_uint32 major, minor;
    SECURITY_STATUS status = established(handle, &context);

    if (status == SEC_E_OK)
        status = token && !is_nowhere(token) ? joined_data(message, &data) : SEC_E_INVALID_TOKEN;
    if (status != SEC_E_OK)
        return status;
    mic = (gss_buffer_desc){token->cbBuffer, token->pvBuffer};
    number_message(context, number);
    major = gss_verify_mic(&minor, context->gss, &data, &mic, NULL);
    status = status_of(major, minor, SEC_E_INVALID_TOKEN);
    if (status == SEC_E_OK && qop && !context->ntlm)
        *qop = 0;
    free(data.value);
    return status;
}

/* The buffers of a message as gss_wrap_iov wants them, in their order; 0: too many, or one that
 * lies nowhere. */
static int vector_of(const SecBufferDesc *message, gss_iov_buffer_desc *vector)
{
    int count = 0;

    for (ULONG i = 0; message && message->pBuffers && i < message->cBuffers; i++) {
        const SecBuffer *one = &message->pBuffers[i];
        ULONG type = one->BufferType & ~SECBUFFER_ATTRMASK;
        if (type != SECBUFFER_TOKEN && type != SECBUFFER_DATA && type != SECBUFFER_PADDING)
            continue;
        if (count == MOST || is_nowhere(one))
            return 0;
        vector[count].type = type == SECBUFFER_TOKEN                ? GSS_IOV_BUFFER_TYPE_HEADER
                             : type == SECBUFFER_PADDING            ? GSS_IOV_BUFFER_TYPE_PADDING
                             : one->BufferType & SECBUFFER_ATTRMASK ? GSS_IOV_BUFFER_TYPE_SIGN_ONLY
                                                                    : GSS_IOV_BUFFER_TYPE_DATA;
        vector[count++].buffer = (gss_buffer_desc){one->cbBuffer, one->pvBuffer};
    }
    return count;
}

/* Sizes from the vector to the message; false when one does not fit (or, with `write`, set them).
 */
static bool sizes_fit(SecBufferDesc *message, const gss_iov_buffer_desc *vector, bool write)
{
    int at = 0;

    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *one = &message->pBuffers[i];
        ULONG type = one->BufferType & ~SECBUFFER_ATTRMASK;
        if (type != SECBUFFER_TOKEN && type != SECBUFFER_DATA && type != SECBUFFER_PADDING)
            continue;
        if (vector[at].buffer.length > one->cbBuffer)
            return false;
        if (write && type != SECBUFFER_DATA)
            one->cbBuffer = (ULONG)vector[at].buffer.length;
        at++;
    }
    return true;
}

static SECURITY_STATUS encrypt_vector(struct context *context, SecBufferDesc *message, int sealed)
{
    gss_iov_buffer_desc vector[MOST];
    OM_uint32 major, minor;
    int done, count = vector_of(message, vector);
    SECURITY_STATUS status;

    if (!count)
        return SEC_E_INVALID_TOKEN;
    major =
        gss_wrap_iov_length(&minor, context->gss, sealed, GSS_C_QOP_DEFAULT, &done, vector, count);
    if (GSS_ERROR(major))
        return status_of(major, minor, SEC_E_INVALID_TOKEN);
    if (!sizes_fit(message, vector, false))
        return SEC_E_BUFFER_TOO_SMALL;
    vector_of(message, vector); /* measuring takes the addresses out */
    major = gss_wrap_iov(&minor, context->gss, sealed, GSS_C_QOP_DEFAULT, &done, vector, count);
    status = status_of(major, minor, SEC_E_INVALID_TOKEN);
    if (status == SEC_E_OK)
        sizes_fit(message, vector, true);
    return status;
}

SECURITY_STATUS encrypt_message(PCtxtHandle handle, ULONG qop, PSecBufferDesc message, ULONG number)
{
    const SecBuffer *token;
    struct context *context;
    bool sealed = qop != SECQOP_WRAP_NO_ENCRYPT;
    SECURITY_STATUS status = established(handle, &context);

    if (status != SEC_E_OK)
        return status;
    token = buffer_of(message, SECBUFFER_TOKEN);
    if (!token || is_nowhere(token) || !buffer_of(message, SECBUFFER_DATA))
        return SEC_E_INVALID_TOKEN;
    if (sealed && !(context->attributes & ISC_RET_CONFIDENTIALITY))
        return SEC_E_UNSUPPORTED_FUNCTION;
    number_message(context, number);
    return context->ntlm ? encrypt_ntlm(context, message)
                         : encrypt_vector(context, message, sealed);
}

static SECURITY_STATUS decrypt_stream(struct context *context, SecBuffer *stream, SecBuffer *data,
                                      int *sealed)
{
    gss_iov_buffer_desc vector[2] = {
        {GSS_IOV_BUFFER_TYPE_STREAM, {stream->cbBuffer, stream->pvBuffer}},
        {GSS_IOV_BUFFER_TYPE_DATA, GSS_C_EMPTY_BUFFER}};
    OM_uint32 minor, major = gss_unwrap_iov(&minor, context->gss, sealed, NULL, vector, 2);
    SECURITY_STATUS status = status_of(major, minor, SEC_E_INVALID_TOKEN);

    if (status == SEC_E_OK) {
        data->pvBuffer = vector[1].buffer.value;
        data->cbBuffer = (ULONG)vector[1].buffer.length;
    }
    return status;
}

SECURITY_STATUS decrypt_message(PCtxtHandle handle, PSecBufferDesc message, ULONG number,
                                ULONG *qop)
{
    gss_iov_buffer_desc vector[MOST];
    SecBuffer *stream = buffer_of(message, SECBUFFER_STREAM),
              *data = buffer_of(message, SECBUFFER_DATA);
    struct context *context;
    OM_uint32 major, minor;
    int count, sealed = 1;
    SECURITY_STATUS status = established(handle, &context);

    if (status != SEC_E_OK)
        return status;
    if (stream && is_nowhere(stream))
        return SEC_E_INVALID_TOKEN;
    number_message(context, number);
    if (context->ntlm) {
        status = decrypt_ntlm(context, message);
    } else if (stream && data) {
        status = decrypt_stream(context, stream, data, &sealed);
    } else {
        count = vector_of(message, vector);
        if (!count || !data || !buffer_of(message, SECBUFFER_TOKEN))
            return SEC_E_INVALID_TOKEN;
        major = gss_unwrap_iov(&minor, context->gss, &sealed, NULL, vector, count);
        status = status_of(major, minor, SEC_E_INVALID_TOKEN);
    }
    if (status == SEC_E_OK && qop && !context->ntlm)
        *qop = sealed ? 0 : SECQOP_WRAP_NO_ENCRYPT;
    return status;
}

/* ---- attributes ---------------------------------------------------------------------------- */

static SECURITY_STATUS query_name(struct context *context, SecPkgContext_NamesW *names)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_name_t client = GSS_C_NO_NAME;
    OM_uint32 minor, ignored;
    OM_uint32 major =
        gss_inquire_context(&minor, context->gss, &client, NULL, NULL, NULL, NULL, NULL, NULL);

    if (!GSS_ERROR(major))
        major = gss_display_name(&minor, client, &text, NULL);
    /* gss-ntlmssp counts the zero behind the name, too. */
    names->sUserName =
        GSS_ERROR(major) ? NULL : widen(text.value, strnlen(text.value, text.length));
    gss_release_buffer(&ignored, &text);
    gss_release_name(&ignored, &client);
    return GSS_ERROR(major)   ? SEC_E_INTERNAL_ERROR
           : names->sUserName ? SEC_E_OK
                              : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS query_key(struct context *context, SecPkgContext_SessionKey *key)
{
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor, ignored;
    OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, context->gss,
                                                     (gss_OID)GSS_C_INQ_SSPI_SESSION_KEY, &set);
    SECURITY_STATUS status = GSS_ERROR(major) || !set->count ? SEC_E_NO_CREDENTIALS : SEC_E_OK;

    if (status == SEC_E_OK) {
        key->SessionKeyLength = (ULONG)set->elements[0].length;
        key->SessionKey = malloc(key->SessionKeyLength);
        if (key->SessionKey)
            memcpy(key->SessionKey, set->elements[0].value, key->SessionKeyLength);
        else
            status = SEC_E_INSUFFICIENT_MEMORY;
    }
    gss_release_buffer_set(&ignored, &set);
    return status;
}

/* What gss_wrap_iov_length says of a kilobyte, which is what it says of every size; where it is
 * missing, how much shorter than a kilobyte a message must be to fit into one when it is sealed. */
static SECURITY_STATUS query_sizes(struct context *context, SecPkgContext_Sizes *sizes)
{
    gss_iov_buffer_desc vector[2] = {{GSS_IOV_BUFFER_TYPE_HEADER, GSS_C_EMPTY_BUFFER},
                                     {GSS_IOV_BUFFER_TYPE_DATA, {1024, NULL}}};
    OM_uint32 minor, major, room = 0;
    int done;

    if (context->ntlm) {
        major = gss_wrap_size_limit(&minor, context->gss, 1, GSS_C_QOP_DEFAULT, 1024, &room);
        *sizes = (SecPkgContext_Sizes){2888, 16, 0, 1024 - room};
    } else {
        major = gss_wrap_iov_length(&minor, context->gss, 1, GSS_C_QOP_DEFAULT, &done, vector, 2);
        *sizes = (SecPkgContext_Sizes){48000, 64, 1, (ULONG)vector[0].buffer.length};
    }
    return status_of(major, minor, SEC_E_INTERNAL_ERROR);
}

SECURITY_STATUS query_context(PCtxtHandle handle, ULONG attribute, void *buffer)
{
    struct context *context;
    SECURITY_STATUS status = established(handle, &context);

    if (status != SEC_E_OK)
        return status;
    if (!buffer)
        return SEC_E_INVALID_TOKEN;
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
        return query_sizes(context, buffer);
    case SECPKG_ATTR_NAMES:
        return query_name(context, buffer);
    case SECPKG_ATTR_SESSION_KEY:
        return query_key(context, buffer);
    case SECPKG_ATTR_FLAGS:
        ((SecPkgContext_Flags *)buffer)->Flags = context->attributes;
        return SEC_E_OK;
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}
