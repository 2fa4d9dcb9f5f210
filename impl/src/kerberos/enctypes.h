/* SPDX-License-Identifier: Apache-2.0
 *
 * What message protection needs to know of an encryption type (RFC 3961 profiles).
 */
#ifndef LIBSSPI_KERBEROS_ENCTYPES_H
#define LIBSSPI_KERBEROS_ENCTYPES_H

#include <krb5.h>
#include <sspi.h>
#include <stddef.h>

struct sspi_krb_enctype {
    krb5_enctype enctype;
    krb5_cksumtype cksumtype; /* the mandatory checksum */
    size_t cksum_size;        /* also the HMAC at the end of a ciphertext; 0: RC4, RFC 4757 */
    ULONG key_bits;
    const char *encryption, *signature; /* KEY_INFO */
};

/* The confounder and the block of every type with cksum_size: AES and Camellia. */
#define SSPI_KRB_CONFOUNDER 16
#define SSPI_KRB_MAX_CKSUM 24

/* NULL: not known here. */
const struct sspi_krb_enctype *sspi_krb_enctype(krb5_enctype enctype);

#endif
