/* SPDX-License-Identifier: Apache-2.0
 *
 * What an initiator tells an acceptor inside the authenticator: the checksum of type 0x8003
 * (RFC 4121 4.1.1) and the authorization data of MS-KILE, and how both relate to the request bits.
 */
#ifndef LIBSSPI_KERBEROS_CHECKSUM_H
#define LIBSSPI_KERBEROS_CHECKSUM_H

#include <krb5.h>
#include <sspi.h>

#include "../bindings.h"
#include "../memory.h"

#define SSPI_KRB_CKSUMTYPE 0x8003

/* Flags of the checksum: RFC 4121 4.1.1.1; the last three are of MS-KILE 3.2.5.2. */
enum {
    SSPI_KRB_DELEG = 0x1,
    SSPI_KRB_MUTUAL = 0x2,
    SSPI_KRB_REPLAY = 0x4,
    SSPI_KRB_SEQUENCE = 0x8,
    SSPI_KRB_CONF = 0x10,
    SSPI_KRB_INTEG = 0x20,
    SSPI_KRB_DCE_STYLE = 0x1000,
    SSPI_KRB_IDENTIFY = 0x2000,
    SSPI_KRB_EXTENDED_ERROR = 0x4000
};

struct sspi_krb_checksum {
    uint32_t flags;
    uint8_t bindings[16];        /* Bnd; all zero: none */
    struct sspi_view delegation; /* a KRB-CRED; empty unless DELEG is set */
};

/* [out] bytes: empty before; sspi_blob_free it. false: no memory, or a KRB-CRED over 65535. */
bool sspi_krb_checksum_write(const struct sspi_krb_checksum *checksum, struct sspi_blob *bytes);
/* delegation points into bytes. SEC_E_OK or SEC_E_INVALID_TOKEN. */
SECURITY_STATUS sspi_krb_checksum_read(struct sspi_view bytes, struct sspi_krb_checksum *checksum);

/* The checksum flags for what ISC was asked for; DELEG is left to the one who has a ticket. */
uint32_t sspi_krb_flags_from_request(ULONG isc_req);
/* ISC_RET_* of a context with these flags whose caller asked for isc_req. */
ULONG sspi_krb_isc_ret(uint32_t flags, ULONG isc_req);
/* ASC_RET_* of a context with these flags whose caller asked for asc_req. */
ULONG sspi_krb_asc_ret(uint32_t flags, ULONG asc_req);

/* The authorization data that Windows clients of today put into the authenticator: one
 * AD-IF-RELEVANT with KERB_AP_OPTIONS_CBT and the name of the target, and whether the caller who
 * asked for isc_req vouches for that name (MS-KILE 3.2.5.8).
 * [out] data: a list to put into krb5_creds.authdata, which frees it. 0 or ENOMEM. */
krb5_error_code sspi_krb_authdata_make(krb5_context krb5, krb5_const_principal target,
                                       ULONG isc_req, krb5_authdata ***data);

struct sspi_krb_announced {
    bool bindings; /* KERB_AP_OPTIONS_CBT */
    char *target;  /* AD type 144, UTF-8, or NULL; sspi_free it */
};
/* Reads it back from authorization data of an authenticator, which may be NULL. 0, ENOMEM or an
 * ASN.1 error. */
krb5_error_code sspi_krb_authdata_read(krb5_context krb5, krb5_authdata **data,
                                       struct sspi_krb_announced *announced);

#endif
