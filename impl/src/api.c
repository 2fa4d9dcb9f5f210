/* SPDX-License-Identifier: Apache-2.0
 *
 * The SSPI entry points that come in W and A: their common part, and the W form. api_ansi.c has
 * the A form, api_message.c message protection; the ones without strings stand beside their
 * subject (credential.c, context.c).
 */
#include "api.h"

#include "attributes.h"
#include "error.h"
#include "export.h"
#include "text.h"

/* ---- common -------------------------------------------------------------------------------- */

SECURITY_STATUS sspi_api_enumerate(bool wide, ULONG *count, void **info)
{
    size_t packages = 0;
    if (!count || !info)
        return SEC_E_INVALID_PARAMETER;
    while (sspi_packages[packages])
        packages++;
    void *block = wide ? (void *)sspi_package_info_w(sspi_packages, packages)
                       : sspi_package_info_a(sspi_packages, packages);
    if (!block)
        return SEC_E_INSUFFICIENT_MEMORY;
    *count = (ULONG)packages;
    *info = block;
    return SEC_E_OK;
}

SECURITY_STATUS sspi_api_package_info(bool wide, const char *name, void **info)
{
    const struct sspi_package *package = sspi_package_find(name);
    if (!package)
        return SEC_E_SECPKG_NOT_FOUND;
    if (!info)
        return SEC_E_INVALID_PARAMETER;
    void *block =
        wide ? (void *)sspi_package_info_w(&package, 1) : sspi_package_info_a(&package, 1);
    if (!block)
        return SEC_E_INSUFFICIENT_MEMORY;
    *info = block;
    return SEC_E_OK;
}

/* What the surface knows by itself: the newest attributes, and, for a package that says nothing
 * else (Negotiate does), that the package is itself. */
static SECURITY_STATUS ask(struct sspi_context *context, struct sspi_attribute *attribute)
{
    if (attribute->attribute == SECPKG_ATTR_FLAGS) {
        attribute->value.flags = context->flags;
        return SEC_E_OK;
    }
    SECURITY_STATUS status = context->package->query(context->state, attribute);
    if (status != SEC_E_UNSUPPORTED_FUNCTION)
        return status;
    if (attribute->attribute != SECPKG_ATTR_PACKAGE_INFO &&
        attribute->attribute != SECPKG_ATTR_NEGOTIATION_INFO)
        return status;
    attribute->value.negotiation.package = context->package;
    attribute->value.negotiation.state = context->progress == SSPI_ESTABLISHED
                                             ? SECPKG_NEGOTIATION_COMPLETE
                                             : SECPKG_NEGOTIATION_IN_PROGRESS;
    return SEC_E_OK;
}

SECURITY_STATUS sspi_api_query_context(bool wide, const CtxtHandle *handle, ULONG attribute,
                                       void *structure)
{
    struct sspi_attribute answer = {.attribute = attribute};
    struct sspi_context *context = sspi_context_get(handle);
    SECURITY_STATUS status;

    if (!context)
        return SEC_E_INVALID_HANDLE;
    if (!sspi_attribute_known(attribute, wide))
        status = SEC_E_UNSUPPORTED_FUNCTION;
    else if (!structure)
        status = SEC_E_INVALID_PARAMETER;
    else
        status = ask(context, &answer);
    if (status == SEC_E_OK)
        status = sspi_attribute_write(&answer, wide, structure);
    sspi_context_put(context);
    return status;
}

SECURITY_STATUS sspi_api_query_credential(bool wide, const CredHandle *handle, ULONG attribute,
                                          void *structure)
{
    struct sspi_credential *credential = sspi_credential_get(handle);
    SECURITY_STATUS status = SEC_E_UNSUPPORTED_FUNCTION;
    char *name = NULL;
    void *text;

    if (!credential)
        return SEC_E_INVALID_HANDLE;
    if (attribute != SECPKG_CRED_ATTR_NAMES)
        goto out;
    if (!structure) {
        status = SEC_E_INVALID_PARAMETER;
        goto out;
    }
    status = credential->package->credential_name(credential->state, &name);
    if (status != SEC_E_OK)
        goto out;
    if (sspi_caller_text(name, wide, &text))
        *(void **)structure = text; /* the W and the A structure are one pointer */
    else
        status = SEC_E_INSUFFICIENT_MEMORY;
out:
    sspi_object_release(&credential->object);
    return status;
}

/* ---- the W form ---------------------------------------------------------------------------- */

/* [out] text: NULL for NULL; sspi_free it. invalid: the status for what is not UTF-16. */
static SECURITY_STATUS from_wide(const SEC_WCHAR *wide, char **text, SECURITY_STATUS invalid)
{
    *text = NULL;
    if (!wide)
        return SEC_E_OK;
    size_t units = sspi_utf16_length(wide);
    if (!sspi_utf16_valid(wide, units))
        return invalid;
    *text = sspi_utf8_from_utf16(wide, units);
    return *text ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

SSPI_EXPORT SECURITY_STATUS EnumerateSecurityPackagesW(ULONG *pcPackages,
                                                       PSecPkgInfoW *ppPackageInfo)
{
    return sspi_api_enumerate(true, pcPackages, (void **)ppPackageInfo);
}

SSPI_EXPORT SECURITY_STATUS QuerySecurityPackageInfoW(SEC_WCHAR *pszPackageName,
                                                      PSecPkgInfoW *ppPackageInfo)
{
    char *name;
    SECURITY_STATUS status = from_wide(pszPackageName, &name, SEC_E_SECPKG_NOT_FOUND);
    if (status == SEC_E_OK)
        status = sspi_api_package_info(true, name, (void **)ppPackageInfo);
    sspi_free(name);
    return status;
}

SSPI_EXPORT SECURITY_STATUS
AcquireCredentialsHandleW(SEC_WCHAR *pszPrincipal, SEC_WCHAR *pszPackage, ULONG fCredentialUse,
                          void *pvLogonId, void *pAuthData, SEC_GET_KEY_FN pGetKeyFn,
                          void *pvGetKeyArgument, PCredHandle phCredential, PTimeStamp ptsExpiry)
{
    char *principal = NULL, *package = NULL;
    (void)pGetKeyFn; /* "not used" says every package's page */
    (void)pvGetKeyArgument;

    sspi_error_clear();
    SECURITY_STATUS status = from_wide(pszPrincipal, &principal, SEC_E_UNKNOWN_CREDENTIALS);
    if (status == SEC_E_OK)
        status = from_wide(pszPackage, &package, SEC_E_SECPKG_NOT_FOUND);
    if (status == SEC_E_OK)
        status = sspi_credential_acquire(principal, package, fCredentialUse, pvLogonId, pAuthData,
                                         phCredential, ptsExpiry);
    sspi_free(principal);
    sspi_free(package);
    return status;
}

SSPI_EXPORT SECURITY_STATUS QueryCredentialsAttributesW(PCredHandle phCredential, ULONG ulAttribute,
                                                        void *pBuffer)
{
    return sspi_api_query_credential(true, phCredential, ulAttribute, pBuffer);
}

SSPI_EXPORT SECURITY_STATUS InitializeSecurityContextW(
    PCredHandle phCredential, PCtxtHandle phContext, SEC_WCHAR *pszTargetName, ULONG fContextReq,
    ULONG Reserved1, ULONG TargetDataRep, PSecBufferDesc pInput, ULONG Reserved2,
    PCtxtHandle phNewContext, PSecBufferDesc pOutput, ULONG *pfContextAttr, PTimeStamp ptsExpiry)
{
    char *target;
    (void)Reserved1;
    (void)Reserved2;

    sspi_error_clear();
    SECURITY_STATUS status = from_wide(pszTargetName, &target, SEC_E_TARGET_UNKNOWN);
    if (status != SEC_E_OK)
        return status;
    status = sspi_context_leg(&(struct sspi_leg_call){
        .initiator = true,
        .credential = phCredential,
        .context = phContext,
        .target = target,
        .req = fContextReq,
        .data_rep = TargetDataRep,
        .input = pInput,
        .new_context = phNewContext,
        .output = pOutput,
        .attributes = pfContextAttr,
        .expiry = ptsExpiry,
    });
    sspi_free(target);
    return status;
}

SSPI_EXPORT SECURITY_STATUS QueryContextAttributesW(PCtxtHandle phContext, ULONG ulAttribute,
                                                    void *pBuffer)
{
    return sspi_api_query_context(true, phContext, ulAttribute, pBuffer);
}

/* ---- no strings at all ---------------------------------------------------------------------- */

SSPI_EXPORT SECURITY_STATUS AcceptSecurityContext(PCredHandle phCredential, PCtxtHandle phContext,
                                                  PSecBufferDesc pInput, ULONG fContextReq,
                                                  ULONG TargetDataRep, PCtxtHandle phNewContext,
                                                  PSecBufferDesc pOutput, ULONG *pfContextAttr,
                                                  PTimeStamp ptsExpiry)
{
    sspi_error_clear();
    return sspi_context_leg(&(struct sspi_leg_call){
        .initiator = false,
        .credential = phCredential,
        .context = phContext,
        .req = fContextReq,
        .data_rep = TargetDataRep,
        .input = pInput,
        .new_context = phNewContext,
        .output = pOutput,
        .attributes = pfContextAttr,
        .expiry = ptsExpiry,
    });
}

SSPI_EXPORT SECURITY_STATUS FreeContextBuffer(void *pvContextBuffer)
{
    sspi_free(pvContextBuffer);
    return SEC_E_OK;
}

/* What this library does not have, told apart from handles that do not exist. */
static SECURITY_STATUS unsupported(const CtxtHandle *handle)
{
    struct sspi_context *context = sspi_context_get(handle);
    if (!context)
        return SEC_E_INVALID_HANDLE;
    sspi_context_put(context);
    return SEC_E_UNSUPPORTED_FUNCTION;
}

SSPI_EXPORT SECURITY_STATUS CompleteAuthToken(PCtxtHandle phContext, PSecBufferDesc pToken)
{
    (void)pToken; /* trig.cat.unsupported: only Digest has something to complete */
    return unsupported(phContext);
}

SSPI_EXPORT SECURITY_STATUS ApplyControlToken(PCtxtHandle phContext, PSecBufferDesc pInput)
{
    (void)pInput;
    return unsupported(phContext);
}

SSPI_EXPORT SECURITY_STATUS QuerySecurityContextToken(PCtxtHandle phContext, HANDLE *Token)
{
    (void)Token;
    return unsupported(phContext);
}
