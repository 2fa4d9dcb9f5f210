/* SPDX-License-Identifier: Apache-2.0
 *
 * The buffers of message protection.
 */
#include "message.h"

#include <stdbool.h>

#define MAX_BUFFERS 64

static ULONG buffer_type(const SecBuffer *buffer)
{
    return buffer->BufferType & ~SECBUFFER_ATTRMASK;
}

static bool is_readonly(const SecBuffer *buffer)
{
    return buffer->BufferType & (SECBUFFER_READONLY | SECBUFFER_READONLY_WITH_CHECKSUM);
}

static SecBuffer *find(SecBufferDesc *message, ULONG type, bool to_write)
{
    if (!message || !message->pBuffers)
        return NULL;
    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *buffer = &message->pBuffers[i];
        if (buffer_type(buffer) == type && !(to_write && is_readonly(buffer)))
            return buffer;
    }
    return NULL;
}

SecBuffer *sspi_message_find(SecBufferDesc *message, ULONG type)
{
    return find(message, type, false);
}

SecBuffer *sspi_message_room(SecBufferDesc *message, ULONG type)
{
    return find(message, type, true);
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
    return buffer_type(buffer) == SECBUFFER_DATA && !is_readonly(buffer);
}

int sspi_message_is_signed(const SecBuffer *buffer)
{
    return buffer_type(buffer) == SECBUFFER_DATA && !(buffer->BufferType & SECBUFFER_READONLY);
}
