/* SPDX-License-Identifier: Apache-2.0
 *
 * The Kerberos package.
 */
#include "delegate.h"

const struct sspi_package sspi_kerberos_package = {
    .name = "Kerberos",
    .comment = "Microsoft Kerberos V1.0",
    /* As Windows reports them; a test of Wine that runs on Windows asserts the mask. */
    .capabilities = SECPKG_FLAG_INTEGRITY | SECPKG_FLAG_PRIVACY | SECPKG_FLAG_TOKEN_ONLY |
                    SECPKG_FLAG_DATAGRAM | SECPKG_FLAG_CONNECTION | SECPKG_FLAG_MULTI_REQUIRED |
                    SECPKG_FLAG_EXTENDED_ERROR | SECPKG_FLAG_IMPERSONATION |
                    SECPKG_FLAG_ACCEPT_WIN32_NAME | SECPKG_FLAG_NEGOTIABLE |
                    SECPKG_FLAG_GSS_COMPATIBLE | SECPKG_FLAG_LOGON | SECPKG_FLAG_MUTUAL_AUTH |
                    SECPKG_FLAG_DELEGATION | SECPKG_FLAG_READONLY_WITH_CHECKSUM,
    .version = 1,
    .rpc_id = 16,
    .max_token = SSPI_KRB_MAX_TOKEN,
    .acquire = sspi_krb_acquire,
    .free_credential = sspi_krb_free_credential,
    .credential_name = sspi_krb_credential_name,
    .initiate = sspi_krb_initiate,
    .accept = sspi_krb_accept,
    .free_context = sspi_krb_free_context,
    .query = sspi_krb_query,
    .sign = sspi_krb_sign,
    .verify = sspi_krb_verify,
    .encrypt = sspi_krb_encrypt,
    .decrypt = sspi_krb_decrypt,
    .make_mic = sspi_krb_make_mic,
    .check_mic = sspi_krb_check_mic,
    .impersonate = sspi_krb_impersonate,
    .impersonate_user = sspi_krb_impersonate_user,
    .release_client = sspi_krb_release_client,
};
