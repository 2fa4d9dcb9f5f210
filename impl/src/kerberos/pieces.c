/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a message.
 */
#include "pieces.h"

#include "../message.h"

void sspi_krb_piece(struct sspi_krb_pieces *pieces, krb5_cryptotype type, void *data, size_t size)
{
    krb5_crypto_iov *piece = &pieces->list[pieces->count++];
    piece->flags = type;
    piece->data = (krb5_data){KV5M_DATA, (unsigned)size, data};
}

void sspi_krb_collect(struct sspi_krb_pieces *pieces, SecBufferDesc *message, bool sealing)
{
    for (ULONG i = 0; i < message->cBuffers; i++) {
        SecBuffer *buffer = &message->pBuffers[i];
        if (!sspi_message_is_signed(buffer))
            continue;
        bool secret = sealing && sspi_message_is_secret(buffer);
        sspi_krb_piece(pieces,
                       secret || !sealing ? KRB5_CRYPTO_TYPE_DATA : KRB5_CRYPTO_TYPE_SIGN_ONLY,
                       buffer->pvBuffer, buffer->cbBuffer);
    }
}

const krb5_data *sspi_krb_find(const struct sspi_krb_pieces *pieces, krb5_cryptotype type)
{
    for (size_t i = 0; i < pieces->count; i++)
        if (pieces->list[i].flags == type)
            return &pieces->list[i].data;
    return NULL;
}
