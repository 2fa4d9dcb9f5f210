/* SPDX-License-Identifier: Apache-2.0
 *
 * Encryption types.
 */
#include "enctypes.h"

/* No public source shows the KEY_INFO names of Windows' Kerberos; these follow the RFCs.
 * RC4 has the messages of RFC 4757 (rc4.c); DES3, which Windows never had, has none here. */
static const struct sspi_krb_enctype known[] = {
    {ENCTYPE_AES256_CTS_HMAC_SHA1_96, CKSUMTYPE_HMAC_SHA1_96_AES256, 12, 256,
     "AES256-CTS-HMAC-SHA1-96", "HMAC-SHA1-96-AES256"},
    {ENCTYPE_AES128_CTS_HMAC_SHA1_96, CKSUMTYPE_HMAC_SHA1_96_AES128, 12, 128,
     "AES128-CTS-HMAC-SHA1-96", "HMAC-SHA1-96-AES128"},
    {ENCTYPE_AES256_CTS_HMAC_SHA384_192, CKSUMTYPE_HMAC_SHA384_192_AES256, 24, 256,
     "AES256-CTS-HMAC-SHA384-192", "HMAC-SHA384-192-AES256"},
    {ENCTYPE_AES128_CTS_HMAC_SHA256_128, CKSUMTYPE_HMAC_SHA256_128_AES128, 16, 128,
     "AES128-CTS-HMAC-SHA256-128", "HMAC-SHA256-128-AES128"},
    {ENCTYPE_CAMELLIA256_CTS_CMAC, CKSUMTYPE_CMAC_CAMELLIA256, 16, 256, "CAMELLIA256-CTS-CMAC",
     "CMAC-CAMELLIA256"},
    {ENCTYPE_CAMELLIA128_CTS_CMAC, CKSUMTYPE_CMAC_CAMELLIA128, 16, 128, "CAMELLIA128-CTS-CMAC",
     "CMAC-CAMELLIA128"},
    {ENCTYPE_ARCFOUR_HMAC, CKSUMTYPE_HMAC_MD5_ARCFOUR, 0, 128, "RC4-HMAC", "HMAC-MD5"},
};

const struct sspi_krb_enctype *sspi_krb_enctype(krb5_enctype enctype)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].enctype == enctype)
            return &known[i];
    return NULL;
}
