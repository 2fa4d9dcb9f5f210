/* SPDX-License-Identifier: Apache-2.0
 *
 * The A form of the entry points. "ANSI" is UTF-8 here, as it is in a UTF-8 process on Windows.
 */
#include "api.h"
#include "error.h"
#include "export.h"
#include "text.h"

SSPI_EXPORT SECURITY_STATUS EnumerateSecurityPackagesA(ULONG *pcPackages,
                                                       PSecPkgInfoA *ppPackageInfo)
{
    return sspi_api_enumerate(false, pcPackages, (void **)ppPackageInfo);
}

SSPI_EXPORT SECURITY_STATUS QuerySecurityPackageInfoA(SEC_CHAR *pszPackageName,
                                                      PSecPkgInfoA *ppPackageInfo)
{
    return sspi_api_package_info(false, pszPackageName, (void **)ppPackageInfo);
}

SSPI_EXPORT SECURITY_STATUS AcquireCredentialsHandleA(SEC_CHAR *pszPrincipal, SEC_CHAR *pszPackage,
                                                      ULONG fCredentialUse, void *pvLogonId,
                                                      void *pAuthData, SEC_GET_KEY_FN pGetKeyFn,
                                                      void *pvGetKeyArgument,
                                                      PCredHandle phCredential,
                                                      PTimeStamp ptsExpiry)
{
    (void)pGetKeyFn;
    (void)pvGetKeyArgument;
    sspi_error_clear();
    if (pszPrincipal && !sspi_utf8_valid(pszPrincipal))
        return SEC_E_UNKNOWN_CREDENTIALS;
    return sspi_credential_acquire(pszPrincipal, pszPackage, fCredentialUse, pvLogonId, pAuthData,
                                   phCredential, ptsExpiry);
}

SSPI_EXPORT SECURITY_STATUS QueryCredentialsAttributesA(PCredHandle phCredential, ULONG ulAttribute,
                                                        void *pBuffer)
{
    return sspi_api_query_credential(false, phCredential, ulAttribute, pBuffer);
}

SSPI_EXPORT SECURITY_STATUS InitializeSecurityContextA(
    PCredHandle phCredential, PCtxtHandle phContext, SEC_CHAR *pszTargetName, ULONG fContextReq,
    ULONG Reserved1, ULONG TargetDataRep, PSecBufferDesc pInput, ULONG Reserved2,
    PCtxtHandle phNewContext, PSecBufferDesc pOutput, ULONG *pfContextAttr, PTimeStamp ptsExpiry)
{
    (void)Reserved1;
    (void)Reserved2;
    sspi_error_clear();
    if (pszTargetName && !sspi_utf8_valid(pszTargetName))
        return SEC_E_TARGET_UNKNOWN;
    return sspi_context_leg(&(struct sspi_leg_call){
        .initiator = true,
        .credential = phCredential,
        .context = phContext,
        .target = pszTargetName,
        .req = fContextReq,
        .data_rep = TargetDataRep,
        .input = pInput,
        .new_context = phNewContext,
        .output = pOutput,
        .attributes = pfContextAttr,
        .expiry = ptsExpiry,
    });
}

SSPI_EXPORT SECURITY_STATUS QueryContextAttributesA(PCtxtHandle phContext, ULONG ulAttribute,
                                                    void *pBuffer)
{
    return sspi_api_query_context(false, phContext, ulAttribute, pBuffer);
}
