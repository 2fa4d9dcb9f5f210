/* SPDX-License-Identifier: Apache-2.0
 *
 * Channel bindings: the SEC_CHANNEL_BINDINGS structure a caller passes in, and its MD5 as NTLM
 * (MS-NLMP 3.1.5.1.2, MsvAvChannelBindings) and Kerberos (RFC 4121 4.1.1.2, Bnd) carry it.
 */
#ifndef LIBSSPI_BINDINGS_H
#define LIBSSPI_BINDINGS_H

#include <sspi.h>
#include <stdbool.h>

#include "memory.h"

struct sspi_bindings {
    uint8_t hash[16]; /* MD5 of gss_channel_bindings_struct (RFC 2744 3.11), little-endian counts */
    bool empty;       /* nothing in it: an all-zero structure; hash is then all zero as well */
};

/* Reads SEC_CHANNEL_BINDINGS; every offset and length is checked against `size` first.
 * SEC_E_OK; SEC_E_INVALID_TOKEN when the structure is shorter than 32 bytes or points outside;
 * SEC_E_INSUFFICIENT_MEMORY. */
SECURITY_STATUS sspi_bindings_read(struct sspi_view structure, struct sspi_bindings *bindings);

/* What an acceptor decides; windows-behaviour names: Extended Protection None, Allow, Require,
 * Proxy. */
enum sspi_bindings_client {
    SSPI_CLIENT_SILENT, /* sent nothing and does not announce channel-binding support */
    SSPI_CLIENT_EMPTY,  /* announces support, the value is zero */
    SSPI_CLIENT_BOUND   /* sent a value */
};

/* The verdict over the initiator's bindings.
 * [in] client, hash: what the initiator sent (hash 16 bytes, only for SSPI_CLIENT_BOUND).
 * [in] server: the acceptor's own bindings or NULL. [in] req: ASC_REQ_ALLOW_MISSING_BINDINGS,
 * ASC_REQ_PROXY_BINDINGS. SEC_E_OK or SEC_E_BAD_BINDINGS. The comparison takes constant time. */
SECURITY_STATUS sspi_bindings_check(enum sspi_bindings_client client, const uint8_t *hash,
                                    const struct sspi_bindings *server, ULONG req);

#endif
