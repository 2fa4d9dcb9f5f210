/* SPDX-License-Identifier: Apache-2.0
 *
 * The Negotiate package: credentials for every mechanism, the legs of SPNEGO, and everything else
 * handed on to the mechanism that was chosen.
 */
#include "package.h"

#include "context.h"

/* ---- credentials ---------------------------------------------------------------------------- */

static void free_credential(void *opaque)
{
    struct neg_credential *credential = opaque;
    for (int p = 0; credential && p < NEG_PACKAGES; p++) {
        if (credential->mech[p].package)
            credential->mech[p].package->free_credential(credential->mech[p].state);
    }
    sspi_free(credential);
}

/* A mechanism that has no credentials is left out; a fault in the set-up or want of memory is not
 * to be taken for that. */
static bool is_fatal(SECURITY_STATUS status)
{
    return status == SEC_E_INSUFFICIENT_MEMORY || status == SEC_E_INTERNAL_ERROR ||
           status == SEC_E_UNKNOWN_CREDENTIALS;
}

/* [in/out] status: stays SEC_E_OK when a mechanism works or none is wanted. */
static SECURITY_STATUS acquire_mechs(const struct sspi_cred_request *request,
                                     struct neg_credential *credential,
                                     const struct neg_choice *choice, TimeStamp *expiry)
{
    SECURITY_STATUS last = SEC_E_OK;
    bool any = false;

    for (enum neg_package p = 0; p < NEG_PACKAGES; p++) {
        TimeStamp until = {.QuadPart = INT64_MAX};
        const struct sspi_package *package = choice->allowed[p] ? neg_package_get(p) : NULL;
        if (!package)
            continue;
        credential->mech[p].package = package;
        last = package->acquire(request, &credential->mech[p].state, &until);
        credential->mech[p].status = last;
        if (is_fatal(last))
            return last;
        if (last == SEC_E_OK && (!any || until.QuadPart < expiry->QuadPart))
            *expiry = until;
        any = any || last == SEC_E_OK;
    }
    return any ? SEC_E_OK : last;
}

static SECURITY_STATUS acquire(const struct sspi_cred_request *request, void **out,
                               TimeStamp *expiry)
{
    struct neg_choice choice =
        neg_package_list(request->identity ? request->identity->package_list : NULL);
    struct neg_credential *credential = sspi_alloc(sizeof *credential);
    if (!credential)
        return SEC_E_INSUFFICIENT_MEMORY;
    credential->raw_ntlm = choice.raw_ntlm;
    SECURITY_STATUS status = acquire_mechs(request, credential, &choice, expiry);
    if (status == SEC_E_OK)
        *out = credential;
    else
        free_credential(credential);
    return status;
}

/* The first mechanism that knows a name. */
static SECURITY_STATUS credential_name(void *opaque, char **name)
{
    const struct neg_credential *credential = opaque;
    SECURITY_STATUS status = SEC_E_NO_CREDENTIALS;
    for (enum neg_package p = 0; p < NEG_PACKAGES; p++) {
        if (!neg_credential_usable(credential, p))
            continue;
        status = credential->mech[p].package->credential_name(credential->mech[p].state, name);
        if (status == SEC_E_OK || status == SEC_E_INSUFFICIENT_MEMORY)
            break;
    }
    return status;
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* Optimistic: the first choice has been offered and nobody has agreed to it yet. */
static ULONG negotiation_state(const struct neg_context *context)
{
    if (context->complete && !context->fragments.out.size)
        return SECPKG_NEGOTIATION_COMPLETE;
    return context->initiator && !context->answered && !context->raw
               ? SECPKG_NEGOTIATION_OPTIMISTIC
               : SECPKG_NEGOTIATION_IN_PROGRESS;
}

static SECURITY_STATUS query(void *opaque, struct sspi_attribute *attribute)
{
    const struct neg_context *context = opaque;
    if (attribute->attribute == SECPKG_ATTR_PACKAGE_INFO ||
        attribute->attribute == SECPKG_ATTR_NEGOTIATION_INFO) {
        attribute->value.negotiation.package =
            context->package ? context->package : &sspi_negotiate_package;
        attribute->value.negotiation.state = negotiation_state(context);
        return SEC_E_OK;
    }
    /* An acceptor that has sent its hint, or chosen a mechanism without a token, has no
     * mechanism context to ask. */
    if (!context->mech_context)
        return SEC_E_UNSUPPORTED_FUNCTION;
    return context->package->query(context->mech_context, attribute);
}

/* ---- messages ------------------------------------------------------------------------------- */

/* The surface lets messages through only after SEC_E_OK, when there is a mechanism context. */

static SECURITY_STATUS sign(void *opaque, ULONG qop, SecBufferDesc *message)
{
    const struct neg_context *context = opaque;
    return context->package->sign(context->mech_context, qop, message);
}

static SECURITY_STATUS verify(void *opaque, SecBufferDesc *message, ULONG *qop)
{
    const struct neg_context *context = opaque;
    return context->package->verify(context->mech_context, message, qop);
}

static SECURITY_STATUS encrypt(void *opaque, ULONG qop, SecBufferDesc *message)
{
    const struct neg_context *context = opaque;
    return context->package->encrypt(context->mech_context, qop, message);
}

static SECURITY_STATUS decrypt(void *opaque, SecBufferDesc *message, ULONG *qop)
{
    const struct neg_context *context = opaque;
    return context->package->decrypt(context->mech_context, message, qop);
}

/* ---- impersonation --------------------------------------------------------------------------- */

/* The mechanism fills in whose the client is. */
static SECURITY_STATUS impersonate(void *opaque, void *handle, struct sspi_client *client)
{
    const struct neg_credential *credential = opaque;
    const struct neg_context *context = handle;
    if (!context->package->impersonate)
        return SEC_E_UNSUPPORTED_FUNCTION;
    return context->package->impersonate(credential->mech[context->mech->package].state,
                                         context->mech_context, client);
}

static SECURITY_STATUS impersonate_user(void *opaque, const char *user, struct sspi_client *client)
{
    const struct neg_credential *credential = opaque;
    for (enum neg_package p = 0; p < NEG_PACKAGES; p++) {
        const struct sspi_package *package = credential->mech[p].package;
        if (neg_credential_usable(credential, p) && package->impersonate_user)
            return package->impersonate_user(credential->mech[p].state, user, client);
    }
    return SEC_E_UNSUPPORTED_FUNCTION;
}

/* Capabilities and ids: attrfact.package.negotiate.caps, attrfact.package.ids. The largest token
 * is Kerberos' 48000 bytes and room for the framing. */
const struct sspi_package sspi_negotiate_package = {
    .name = "Negotiate",
    .comment = "Microsoft Package Negotiator",
    .capabilities = SECPKG_FLAG_INTEGRITY | SECPKG_FLAG_PRIVACY | SECPKG_FLAG_CONNECTION |
                    SECPKG_FLAG_MULTI_REQUIRED | SECPKG_FLAG_EXTENDED_ERROR |
                    SECPKG_FLAG_IMPERSONATION | SECPKG_FLAG_ACCEPT_WIN32_NAME |
                    SECPKG_FLAG_NEGOTIABLE | SECPKG_FLAG_GSS_COMPATIBLE | SECPKG_FLAG_LOGON |
                    SECPKG_FLAG_READONLY_WITH_CHECKSUM,
    .version = 1,
    .rpc_id = 9,
    .max_token = 48256,
    .acquire = acquire,
    .free_credential = free_credential,
    .credential_name = credential_name,
    .initiate = neg_initiate,
    .accept = neg_accept,
    .free_context = neg_context_free,
    .query = query,
    .sign = sign,
    .verify = verify,
    .encrypt = encrypt,
    .decrypt = decrypt,
    .impersonate = impersonate,
    .impersonate_user = impersonate_user,
};
