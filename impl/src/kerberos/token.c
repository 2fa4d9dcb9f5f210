/* SPDX-License-Identifier: Apache-2.0
 *
 * Message token headers and sequence.
 */
#include "token.h"

#include <string.h>

#include "rc4.h"

SECURITY_STATUS sspi_krb_ready(const struct sspi_krb_context *context)
{
    if (context->state != SSPI_KRB_DONE)
        return SEC_E_INVALID_HANDLE;
    return context->enctype ? SEC_E_OK : SEC_E_UNSUPPORTED_FUNCTION;
}

static uint8_t flag_byte(const struct sspi_krb_context *context, bool by_acceptor, bool sealed)
{
    return (uint8_t)((by_acceptor ? SSPI_KRB_BY_ACCEPTOR : 0) | (sealed ? SSPI_KRB_SEALED : 0) |
                     (context->acceptor_subkey ? SSPI_KRB_ACCEPTOR_SUBKEY : 0));
}

static void write_header(const struct sspi_krb_header *header, uint8_t flags, uint8_t *bytes)
{
    bytes[0] = (uint8_t)(header->kind >> 8);
    bytes[1] = (uint8_t)header->kind;
    bytes[2] = flags;
    memset(bytes + 3, 0xff, 5);
    if (header->kind == SSPI_KRB_WRAP) {
        bytes[4] = (uint8_t)(header->extra >> 8);
        bytes[5] = (uint8_t)header->extra;
        bytes[6] = (uint8_t)(header->rotated >> 8);
        bytes[7] = (uint8_t)header->rotated;
    }
    for (int i = 0; i < 8; i++)
        bytes[8 + i] = (uint8_t)(header->sequence >> (56 - 8 * i));
}

void sspi_krb_header_write(const struct sspi_krb_context *context,
                           const struct sspi_krb_header *header, uint8_t bytes[SSPI_KRB_HEADER])
{
    write_header(header, flag_byte(context, !context->initiator, header->sealed), bytes);
}

bool sspi_krb_header_read(const struct sspi_krb_context *context, enum sspi_krb_kind kind,
                          const uint8_t bytes[SSPI_KRB_HEADER], struct sspi_krb_header *header)
{
    uint8_t same[SSPI_KRB_HEADER];

    *header = (struct sspi_krb_header){.kind = kind};
    header->sealed = kind == SSPI_KRB_WRAP && (bytes[2] & SSPI_KRB_SEALED);
    if (kind == SSPI_KRB_WRAP) {
        header->extra = (uint16_t)(bytes[4] << 8 | bytes[5]);
        header->rotated = (uint16_t)(bytes[6] << 8 | bytes[7]);
    }
    for (int i = 0; i < 8; i++)
        header->sequence = header->sequence << 8 | bytes[8 + i];
    /* Token id, direction, key and filler leave no choice: what we would write must be there. */
    write_header(header, flag_byte(context, context->initiator, header->sealed), same);
    return memcmp(same, bytes, sizeof same) == 0;
}

SECURITY_STATUS sspi_krb_in_order(struct sspi_krb_context *context, uint64_t sequence)
{
    uint64_t expected = context->receive_sequence;
    if (sspi_krb_is_rc4(context)) /* whose numbers have 32 bits */
        expected = (uint32_t)expected;
    if (sequence != expected)
        return SEC_E_OUT_OF_SEQUENCE;
    context->receive_sequence++;
    return SEC_E_OK;
}
