/* SPDX-License-Identifier: Apache-2.0
 *
 * The 16-byte header of the message tokens of RFC 4121 4.2.6.
 */
#ifndef LIBSSPI_KERBEROS_TOKEN_H
#define LIBSSPI_KERBEROS_TOKEN_H

#include "context.h"
#include "pieces.h"

#define SSPI_KRB_HEADER 16

enum {
    SSPI_KRB_BY_ACCEPTOR = 1,
    SSPI_KRB_SEALED = 2,
    SSPI_KRB_ACCEPTOR_SUBKEY = 4
};

enum sspi_krb_kind {
    SSPI_KRB_MIC = 0x0404,
    SSPI_KRB_WRAP = 0x0504
};

struct sspi_krb_header {
    enum sspi_krb_kind kind;
    bool sealed;
    uint16_t extra, rotated; /* EC and RRC, of a wrap token */
    uint64_t sequence;
};

/* Whether messages can be protected at all: the context is done and its key is of a type that
 * has these tokens. SEC_E_OK, SEC_E_INVALID_HANDLE, SEC_E_UNSUPPORTED_FUNCTION. */
SECURITY_STATUS sspi_krb_ready(const struct sspi_krb_context *context);
/* A header as this side sends it. */
void sspi_krb_header_write(const struct sspi_krb_context *context,
                           const struct sspi_krb_header *header, uint8_t bytes[SSPI_KRB_HEADER]);
/* A header as the peer must have sent it; false: it is none. */
bool sspi_krb_header_read(const struct sspi_krb_context *context, enum sspi_krb_kind kind,
                          const uint8_t bytes[SSPI_KRB_HEADER], struct sspi_krb_header *header);
/* Called for an authentic message: it must be the next one. SEC_E_OUT_OF_SEQUENCE leaves the
 * counter where it is. Windows checks this even when nobody asked for it. */
SECURITY_STATUS sspi_krb_in_order(struct sspi_krb_context *context, uint64_t sequence);

#endif
