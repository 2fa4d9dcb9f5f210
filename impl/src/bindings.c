/* SPDX-License-Identifier: Apache-2.0
 *
 * Channel bindings: reading SEC_CHANNEL_BINDINGS, hashing them, and the acceptor's verdict.
 */
#include "bindings.h"

#include <string.h>

#include "digest.h"

static bool inside(struct sspi_view structure, ULONG offset, ULONG length)
{
    return length == 0 || (offset <= structure.size && length <= structure.size - offset);
}

static void put_le32(uint8_t *at, ULONG value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* MD5 over gss_channel_bindings_struct (RFC 2744 3.11) as RFC 4121 4.1.1.2 lays it out: types
 * and lengths as little-endian 32-bit words, each field behind its length. */
static bool hash_bindings(struct sspi_view structure, const SEC_CHANNEL_BINDINGS *header,
                          uint8_t hash[16])
{
    uint8_t initiator[8], acceptor[8], application[4];
    const struct sspi_view parts[] = {
        {initiator, sizeof initiator},
        {structure.data + header->dwInitiatorOffset, header->cbInitiatorLength},
        {acceptor, sizeof acceptor},
        {structure.data + header->dwAcceptorOffset, header->cbAcceptorLength},
        {application, sizeof application},
        {structure.data + header->dwApplicationDataOffset, header->cbApplicationDataLength},
    };

    put_le32(initiator, header->dwInitiatorAddrType);
    put_le32(initiator + 4, header->cbInitiatorLength);
    put_le32(acceptor, header->dwAcceptorAddrType);
    put_le32(acceptor + 4, header->cbAcceptorLength);
    put_le32(application, header->cbApplicationDataLength);
    return sspi_md5(parts, sizeof parts / sizeof parts[0], hash);
}

SECURITY_STATUS sspi_bindings_read(struct sspi_view structure, struct sspi_bindings *bindings)
{
    SEC_CHANNEL_BINDINGS header;

    memset(bindings, 0, sizeof *bindings);
    if (!structure.data || structure.size < sizeof header)
        return SEC_E_INVALID_TOKEN;
    memcpy(&header, structure.data, sizeof header); /* the caller's memory may be unaligned */
    if (!inside(structure, header.dwInitiatorOffset, header.cbInitiatorLength) ||
        !inside(structure, header.dwAcceptorOffset, header.cbAcceptorLength) ||
        !inside(structure, header.dwApplicationDataOffset, header.cbApplicationDataLength))
        return SEC_E_INVALID_TOKEN;
    /* A length of 0 makes the offset meaningless; keep the pointer arithmetic inside. */
    if (!header.cbInitiatorLength)
        header.dwInitiatorOffset = 0;
    if (!header.cbAcceptorLength)
        header.dwAcceptorOffset = 0;
    if (!header.cbApplicationDataLength)
        header.dwApplicationDataOffset = 0;

    bindings->empty = !header.dwInitiatorAddrType && !header.cbInitiatorLength &&
                      !header.dwAcceptorAddrType && !header.cbAcceptorLength &&
                      !header.cbApplicationDataLength;
    if (bindings->empty)
        return SEC_E_OK;
    return hash_bindings(structure, &header, bindings->hash) ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

/* The four policies of Extended Protection: None (no bindings, no flag), Proxy (the flag; the
 * initiator must send a value, which is not compared), Allow (bindings and ALLOW_MISSING) and
 * Require (bindings alone). */
SECURITY_STATUS sspi_bindings_check(enum sspi_bindings_client client, const uint8_t *hash,
                                    const struct sspi_bindings *server, ULONG req)
{
    if (!server || server->empty) {
        if (req & ASC_REQ_PROXY_BINDINGS)
            return client == SSPI_CLIENT_BOUND ? SEC_E_OK : SEC_E_BAD_BINDINGS;
        return SEC_E_OK;
    }
    switch (client) {
    case SSPI_CLIENT_BOUND:
        return hash && sspi_equal(hash, server->hash, sizeof server->hash) ? SEC_E_OK
                                                                           : SEC_E_BAD_BINDINGS;
    case SSPI_CLIENT_SILENT:
        /* Only an initiator that knows nothing of bindings is excused. */
        return req & ASC_REQ_ALLOW_MISSING_BINDINGS ? SEC_E_OK : SEC_E_BAD_BINDINGS;
    case SSPI_CLIENT_EMPTY:
        break;
    }
    return SEC_E_BAD_BINDINGS;
}
