/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding one's way in the buffers of MakeSignature, VerifySignature, EncryptMessage and
 * DecryptMessage. Nothing here owns memory: all buffers are the caller's.
 */
#ifndef LIBSSPI_MESSAGE_H
#define LIBSSPI_MESSAGE_H

#include <sspi.h>

/* The first buffer of that type (attribute bits masked), or NULL. */
SecBuffer *sspi_message_find(SecBufferDesc *message, ULONG type);

/* The same, of the buffers that may be written: without a READONLY bit. */
SecBuffer *sspi_message_room(SecBufferDesc *message, ULONG type);

/* SEC_E_INVALID_TOKEN: no descriptor, a buffer with bytes but no memory, more than 64 buffers. */
SECURITY_STATUS sspi_message_check(const SecBufferDesc *message);

/* Whether EncryptMessage is to encrypt this buffer: DATA, and neither READONLY bit set. */
int sspi_message_is_secret(const SecBuffer *buffer);
/* Whether the integrity check covers it: DATA that is not plain READONLY. */
int sspi_message_is_signed(const SecBuffer *buffer);

#endif
