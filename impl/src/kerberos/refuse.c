/* SPDX-License-Identifier: Apache-2.0
 *
 * KRB-ERROR (RFC 4120 5.9.1, MS-KILE 2.2.2).
 */
#include "refuse.h"

/* KERB-ERROR-DATA of type 2 (clock skew): tells a Windows client to try again with our time
 * (MS-KILE 2.2.2). A Server 2016 was recorded to write the same. */
static char skew_data[] = {0x30, 0x05, (char)0xa1, 0x03, 0x02, 0x01, 0x02};

/* The number on the wire, or 0. An acceptor without a fitting key says MODIFIED, whatever exactly
 * it is missing: which keys it has is nobody's business. */
static krb5_ui_4 wire_code(krb5_error_code why)
{
    switch (why) {
    case KRB5KRB_AP_ERR_BAD_INTEGRITY:
    case KRB5KRB_AP_ERR_NOT_US:
    case KRB5KRB_AP_WRONG_PRINC:
    case KRB5KRB_AP_ERR_NOKEY:
    case KRB5KRB_AP_ERR_BADKEYVER:
    case KRB5_KT_NOTFOUND:
    case KRB5_KT_KVNONOTFOUND:
        return KRB5KRB_AP_ERR_MODIFIED - ERROR_TABLE_BASE_krb5;
    case KRB5KRB_AP_ERR_SKEW:
    case KRB5KRB_AP_ERR_TKT_EXPIRED:
    case KRB5KRB_AP_ERR_TKT_NYV:
    case KRB5KRB_AP_ERR_REPEAT:
    case KRB5KRB_AP_ERR_MODIFIED:
    case KRB5KRB_AP_ERR_BADMATCH:
        return (krb5_ui_4)(why - ERROR_TABLE_BASE_krb5);
    default:
        return 0;
    }
}

/* Whom a KRB-ERROR comes from: the name of the credential, or of the first key. */
static krb5_error_code own_name(const struct sspi_krb_credential *credential, krb5_context krb5,
                                krb5_keytab keys, krb5_principal *name)
{
    if (credential->principal)
        return krb5_parse_name(krb5, credential->principal, name);
    return sspi_krb_first_key(krb5, keys, name);
}

void sspi_krb_refuse(const struct sspi_krb_context *context,
                     const struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                     krb5_keytab keys, krb5_error_code why, struct sspi_leg *leg)
{
    krb5_principal name = NULL;
    krb5_data message = {0};
    krb5_error refusal = {.magic = KV5M_ERROR, .error = wire_code(why)};

    if (refusal.error == 0)
        return;
    if (why == KRB5KRB_AP_ERR_SKEW)
        refusal.e_data = (krb5_data){KV5M_DATA, sizeof skew_data, skew_data};
    krb5_error_code error = krb5_us_timeofday(lib->krb5, &refusal.stime, &refusal.susec);
    if (!error)
        error = own_name(credential, lib->krb5, keys, &name);
    refusal.server = name;
    if (!error)
        error = krb5_mk_error(lib->krb5, &refusal, &message);
    if (!error)
        (void)sspi_krb_send(context, SSPI_KRB_ERROR, &message, leg);
    krb5_free_data_contents(lib->krb5, &message);
    krb5_free_principal(lib->krb5, name);
}
