/* SPDX-License-Identifier: Apache-2.0
 *
 * Which library protects messages, and with which key.
 */
#include "crypto.h"

#include <errno.h>

/* Key usages of RFC 4121 2. */
enum {
    ACCEPTOR_SEAL = 22,
    ACCEPTOR_SIGN = 23,
    INITIATOR_SEAL = 24,
    INITIATOR_SIGN = 25
};

/* A wrap token has the usage of sealing, even when it is signed only. */
static krb5_keyusage usage_of(const struct sspi_krb_context *context, bool sending,
                              enum sspi_krb_kind kind)
{
    if (context->initiator == sending)
        return kind == SSPI_KRB_WRAP ? INITIATOR_SEAL : INITIATOR_SIGN;
    return kind == SSPI_KRB_WRAP ? ACCEPTOR_SEAL : ACCEPTOR_SIGN;
}

static SECURITY_STATUS status_of(krb5_error_code error, bool sending)
{
    switch (error) {
    case 0:
        return SEC_E_OK;
    case ENOMEM:
        return SEC_E_INSUFFICIENT_MEMORY;
    case KRB5_CRYPTO_INTERNAL:
        return SEC_E_INTERNAL_ERROR;
    default:
        return sending ? SEC_E_INTERNAL_ERROR : SEC_E_MESSAGE_ALTERED;
    }
}

/* The keys of aes.c in `slot`, made when they are not there. */
static krb5_error_code aes_keys(const struct sspi_krb_context *context, krb5_keyusage usage,
                                enum sspi_krb_aes_use use, struct sspi_krb_aes **slot)
{
    return *slot ? 0 : sspi_krb_aes_new(context->session_key, usage, use, slot);
}

/* The same for libkrb5. */
static krb5_error_code krb5_keys(struct sspi_krb_context *context)
{
    return context->key ? 0 : krb5_k_create_key(NULL, context->session_key, &context->key);
}

SECURITY_STATUS sspi_krb_encrypt_pieces(struct sspi_krb_context *context,
                                        struct sspi_krb_pieces *pieces)
{
    krb5_keyusage usage = usage_of(context, true, SSPI_KRB_WRAP);
    krb5_error_code error;

    if (sspi_krb_is_aes(context->session_key->enctype)) {
        struct sspi_krb_aes **keys = &context->aes.encrypt;
        error = aes_keys(context, usage, SSPI_KRB_AES_ENCRYPT, keys);
        if (!error)
            error = sspi_krb_aes_encrypt(*keys, pieces);
    } else {
        error = krb5_keys(context);
        if (!error)
            error =
                krb5_k_encrypt_iov(NULL, context->key, usage, NULL, pieces->list, pieces->count);
    }
    return status_of(error, true);
}

SECURITY_STATUS sspi_krb_decrypt_pieces(struct sspi_krb_context *context,
                                        struct sspi_krb_pieces *pieces)
{
    krb5_keyusage usage = usage_of(context, false, SSPI_KRB_WRAP);
    krb5_error_code error;

    if (sspi_krb_is_aes(context->session_key->enctype)) {
        struct sspi_krb_aes **keys = &context->aes.decrypt;
        error = aes_keys(context, usage, SSPI_KRB_AES_DECRYPT, keys);
        if (!error)
            error = sspi_krb_aes_decrypt(*keys, pieces);
    } else {
        error = krb5_keys(context);
        if (!error)
            error =
                krb5_k_decrypt_iov(NULL, context->key, usage, NULL, pieces->list, pieces->count);
    }
    return status_of(error, false);
}

SECURITY_STATUS sspi_krb_checksum_pieces(struct sspi_krb_context *context, enum sspi_krb_kind kind,
                                         struct sspi_krb_pieces *pieces)
{
    krb5_keyusage usage = usage_of(context, true, kind);
    krb5_error_code error;

    if (sspi_krb_is_aes(context->session_key->enctype)) {
        struct sspi_krb_aes **keys = &context->aes.sign[kind == SSPI_KRB_WRAP];
        error = aes_keys(context, usage, SSPI_KRB_AES_CHECKSUM, keys);
        if (!error)
            error = sspi_krb_aes_checksum(*keys, pieces);
    } else {
        error = krb5_keys(context);
        if (!error)
            error = krb5_k_make_checksum_iov(NULL, context->enctype->cksumtype, context->key, usage,
                                             pieces->list, pieces->count);
    }
    return status_of(error, true);
}

SECURITY_STATUS sspi_krb_verify_pieces(struct sspi_krb_context *context, enum sspi_krb_kind kind,
                                       struct sspi_krb_pieces *pieces)
{
    krb5_keyusage usage = usage_of(context, false, kind);
    krb5_boolean valid = 0;
    krb5_error_code error;

    if (sspi_krb_is_aes(context->session_key->enctype)) {
        struct sspi_krb_aes **keys = &context->aes.verify[kind == SSPI_KRB_WRAP];
        error = aes_keys(context, usage, SSPI_KRB_AES_CHECKSUM, keys);
        if (!error)
            error = sspi_krb_aes_verify(*keys, pieces);
    } else {
        error = krb5_keys(context);
        if (!error)
            error = krb5_k_verify_checksum_iov(NULL, context->enctype->cksumtype, context->key,
                                               usage, pieces->list, pieces->count, &valid);
        if (!error && !valid)
            error = KRB5KRB_AP_ERR_BAD_INTEGRITY;
    }
    return status_of(error, false);
}
