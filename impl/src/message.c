/* SPDX-License-Identifier: Apache-2.0
 *
 * The buffers of message protection.
 */
#include "message.h"

#define MAX_BUFFERS 64

static ULONG buffer_type(const SecBuffer *buffer)
{
    return buffer->BufferType & ~SECBUFFER_ATTRMASK;
}

SecBuffer *sspi_message_find(SecBufferDesc *message, ULONG type)
{
    if (!message || !message->pBuffers)
        return NULL;
    for (ULONG i = 0; i < message->cBuffers; i++) {
        if (buffer_type(&message->pBuffers[i]) == type)
            return &message->pBuffers[i];
    }
    return NULL;
}

SECURITY_STATUS sspi_message_check(const SecBufferDesc *message)
{
    if (!message || message->cBuffers > MAX_BUFFERS || (message->cBuffers && !message->pBuffers))
        return SEC_E_INVALID_TOKEN;
    for (ULONG i = 0; i < message->cBuffers; i++) {
        if (message->pBuffers[i].cbBuffer && !message->pBuffers[i].pvBuffer)
            return SEC_E_INVALID_TOKEN;
    }
    return SEC_E_OK;
}

int sspi_message_is_secret(const SecBuffer *buffer)
{
    return buffer_type(buffer) == SECBUFFER_DATA &&
           !(buffer->BufferType & (SECBUFFER_READONLY | SECBUFFER_READONLY_WITH_CHECKSUM));
}

int sspi_message_is_signed(const SecBuffer *buffer)
{
    return buffer_type(buffer) == SECBUFFER_DATA && !(buffer->BufferType & SECBUFFER_READONLY);
}
