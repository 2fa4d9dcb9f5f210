/* SPDX-License-Identifier: Apache-2.0
 *
 * The NTLM package.
 */
#include "ntlm/context.h"
#include "ntlm/wire.h"

static bool is_done(const struct ntlm_context *context)
{
    return context->state == NTLM_DONE;
}

/* QOP values change nothing but SECQOP_WRAP_NO_ENCRYPT, and no answer is written to *qop
 * (mp.qop.out.ntlm-untouched). */
static SECURITY_STATUS sign(void *opaque, ULONG qop, SecBufferDesc *message)
{
    struct ntlm_context *context = opaque;
    (void)qop;
    return is_done(context) ? ntlm_sign(&context->protection, message) : SEC_E_INVALID_HANDLE;
}

static SECURITY_STATUS verify(void *opaque, SecBufferDesc *message, ULONG *qop)
{
    struct ntlm_context *context = opaque;
    (void)qop;
    return is_done(context) ? ntlm_verify(&context->protection, message) : SEC_E_INVALID_HANDLE;
}

static SECURITY_STATUS encrypt(void *opaque, ULONG qop, SecBufferDesc *message)
{
    struct ntlm_context *context = opaque;
    return is_done(context) ? ntlm_encrypt(&context->protection, qop, message)
                            : SEC_E_INVALID_HANDLE;
}

static SECURITY_STATUS decrypt(void *opaque, SecBufferDesc *message, ULONG *qop)
{
    struct ntlm_context *context = opaque;
    (void)qop;
    return is_done(context) ? ntlm_decrypt(&context->protection, message) : SEC_E_INVALID_HANDLE;
}

static void sequence(void *opaque, ULONG number)
{
    struct ntlm_context *context = opaque;
    context->protection.number = number;
}

/* Without integrity there is only the dummy signature, which is no MIC: Windows 10 as a server took
 * an exchange without SIGN and without a mechListMIC (fact.recorded.mic-needs-sign). */
static bool has_integrity(const struct ntlm_context *context)
{
    return context->protection.flags & (NTLM_SIGN | NTLM_SEAL);
}

static SECURITY_STATUS make_mic(void *opaque, struct sspi_view data, struct sspi_blob *mic)
{
    struct ntlm_context *context = opaque;
    if (!is_done(context))
        return SEC_E_INVALID_HANDLE;
    return has_integrity(context) ? ntlm_make_mic(&context->protection, data, mic)
                                  : SEC_E_UNSUPPORTED_FUNCTION;
}

static SECURITY_STATUS check_mic(void *opaque, struct sspi_view data, struct sspi_view mic)
{
    struct ntlm_context *context = opaque;
    if (!is_done(context))
        return SEC_E_INVALID_HANDLE;
    return has_integrity(context) ? ntlm_check_mic(&context->protection, data, mic)
                                  : SEC_E_UNSUPPORTED_FUNCTION;
}

static bool wants_mechlist_mic(void *opaque)
{
    const struct ntlm_context *context = opaque;
    return context->has_mic && has_integrity(context);
}

const struct sspi_package sspi_ntlm_package = {
    .name = "NTLM",
    .comment = "NTLM Security Package",
    /* attrfact.package.ntlm.caps, with the one optional bit that is true here */
    .capabilities = SECPKG_FLAG_INTEGRITY | SECPKG_FLAG_PRIVACY | SECPKG_FLAG_TOKEN_ONLY |
                    SECPKG_FLAG_CONNECTION | SECPKG_FLAG_MULTI_REQUIRED |
                    SECPKG_FLAG_IMPERSONATION | SECPKG_FLAG_ACCEPT_WIN32_NAME |
                    SECPKG_FLAG_NEGOTIABLE | SECPKG_FLAG_LOGON | SECPKG_FLAG_READONLY_WITH_CHECKSUM,
    .version = 1,
    .rpc_id = 10,
    .max_token = NTLM_MAX_TOKEN,
    .acquire = ntlm_acquire,
    .free_credential = ntlm_release,
    .credential_name = ntlm_credential_name,
    .initiate = ntlm_initiate,
    .accept = ntlm_accept,
    .free_context = ntlm_context_free,
    .query = ntlm_query,
    .sign = sign,
    .verify = verify,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .sequence = sequence,
    .make_mic = make_mic,
    .check_mic = check_mic,
    .wants_mechlist_mic = wants_mechlist_mic,
};
