/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of SSPI, by name and as the function table. Included by sspi.h.
 *
 * Every function returns a SECURITY_STATUS (sspi_status.h). Functions that libsspi does not
 * provide yet return SEC_E_UNSUPPORTED_FUNCTION; the README lists them.
 */
#ifndef SSPI_FUNCTIONS_H
#define SSPI_FUNCTIONS_H

/* The packages of this library.
 * [out] pcPackages: their number. [out] ppPackageInfo: an array of that many entries in one
 * block; release it with FreeContextBuffer. */
SECURITY_STATUS SEC_ENTRY EnumerateSecurityPackagesW(ULONG *pcPackages,
                                                     PSecPkgInfoW *ppPackageInfo);
SECURITY_STATUS SEC_ENTRY EnumerateSecurityPackagesA(ULONG *pcPackages,
                                                     PSecPkgInfoA *ppPackageInfo);

/* One package by name, compared without case.
 * [out] ppPackageInfo: one block, release it with FreeContextBuffer.
 * SEC_E_SECPKG_NOT_FOUND: no such package; *ppPackageInfo is not written. */
SECURITY_STATUS SEC_ENTRY QuerySecurityPackageInfoW(SEC_WCHAR *pszPackageName,
                                                    PSecPkgInfoW *ppPackageInfo);
SECURITY_STATUS SEC_ENTRY QuerySecurityPackageInfoA(SEC_CHAR *pszPackageName,
                                                    PSecPkgInfoA *ppPackageInfo);

/* A handle to credentials.
 * [in] pszPackage: "Negotiate", "Kerberos" or "NTLM". [in] fCredentialUse: SECPKG_CRED_INBOUND,
 * OUTBOUND or BOTH. [in] pAuthData: SEC_WINNT_AUTH_IDENTITY_* (copied; the caller keeps and
 * wipes its own) or NULL for the default credentials. [out] phCredential: release it with
 * FreeCredentialsHandle. [out, optional] ptsExpiry: local time.
 * SEC_E_SECPKG_NOT_FOUND, SEC_E_NO_CREDENTIALS, SEC_E_UNKNOWN_CREDENTIALS,
 * SEC_E_INSUFFICIENT_MEMORY. */
SECURITY_STATUS SEC_ENTRY AcquireCredentialsHandleW(SEC_WCHAR *pszPrincipal, SEC_WCHAR *pszPackage,
                                                    ULONG fCredentialUse, void *pvLogonId,
                                                    void *pAuthData, SEC_GET_KEY_FN pGetKeyFn,
                                                    void *pvGetKeyArgument,
                                                    PCredHandle phCredential, PTimeStamp ptsExpiry);
SECURITY_STATUS SEC_ENTRY AcquireCredentialsHandleA(SEC_CHAR *pszPrincipal, SEC_CHAR *pszPackage,
                                                    ULONG fCredentialUse, void *pvLogonId,
                                                    void *pAuthData, SEC_GET_KEY_FN pGetKeyFn,
                                                    void *pvGetKeyArgument,
                                                    PCredHandle phCredential, PTimeStamp ptsExpiry);

/* SEC_E_INVALID_HANDLE: not a credentials handle of this library, or released already. */
SECURITY_STATUS SEC_ENTRY FreeCredentialsHandle(PCredHandle phCredential);

/* [in] ulAttribute: SECPKG_CRED_ATTR_NAMES. [out] pBuffer: its structure. */
SECURITY_STATUS SEC_ENTRY QueryCredentialsAttributesW(PCredHandle phCredential, ULONG ulAttribute,
                                                      void *pBuffer);
SECURITY_STATUS SEC_ENTRY QueryCredentialsAttributesA(PCredHandle phCredential, ULONG ulAttribute,
                                                      void *pBuffer);

/* One leg of the initiator.
 * [in, optional] phCredential: may be NULL from the second leg on. [in, optional] phContext:
 * NULL on the first leg, then the handle of the leg before. [in, optional] pszTargetName: the
 * service principal name. [in] fContextReq: ISC_REQ_*. [in] TargetDataRep: SECURITY_NATIVE_DREP
 * or SECURITY_NETWORK_DREP. [in, optional] pInput: the acceptor's TOKEN, CHANNEL_BINDINGS.
 * [in/out] phNewContext: the context; release it with DeleteSecurityContext as soon as one leg
 * returned SEC_I_CONTINUE_NEEDED or SEC_E_OK. [in/out] pOutput: a TOKEN buffer, the caller's
 * memory, or allocated under ISC_REQ_ALLOCATE_MEMORY. [out] pfContextAttr: ISC_RET_*.
 * [out, optional] ptsExpiry: local time.
 * SEC_E_OK (a token may still have to be sent), SEC_I_CONTINUE_NEEDED, or an error. */
SECURITY_STATUS SEC_ENTRY InitializeSecurityContextW(
    PCredHandle phCredential, PCtxtHandle phContext, SEC_WCHAR *pszTargetName, ULONG fContextReq,
    ULONG Reserved1, ULONG TargetDataRep, PSecBufferDesc pInput, ULONG Reserved2,
    PCtxtHandle phNewContext, PSecBufferDesc pOutput, ULONG *pfContextAttr, PTimeStamp ptsExpiry);
SECURITY_STATUS SEC_ENTRY InitializeSecurityContextA(
    PCredHandle phCredential, PCtxtHandle phContext, SEC_CHAR *pszTargetName, ULONG fContextReq,
    ULONG Reserved1, ULONG TargetDataRep, PSecBufferDesc pInput, ULONG Reserved2,
    PCtxtHandle phNewContext, PSecBufferDesc pOutput, ULONG *pfContextAttr, PTimeStamp ptsExpiry);

/* One leg of the acceptor. Parameters as above with ASC_REQ_* and ASC_RET_*; the initiator's
 * name is not known yet, so there is no target. */
SECURITY_STATUS SEC_ENTRY AcceptSecurityContext(PCredHandle phCredential, PCtxtHandle phContext,
                                                PSecBufferDesc pInput, ULONG fContextReq,
                                                ULONG TargetDataRep, PCtxtHandle phNewContext,
                                                PSecBufferDesc pOutput, ULONG *pfContextAttr,
                                                PTimeStamp ptsExpiry);

/* Only Digest needs this call on Windows; the packages of this library never ask for it. */
SECURITY_STATUS SEC_ENTRY CompleteAuthToken(PCtxtHandle phContext, PSecBufferDesc pToken);

/* Finished or not: SEC_E_OK. SEC_E_INVALID_HANDLE: not a context, or deleted already. */
SECURITY_STATUS SEC_ENTRY DeleteSecurityContext(PCtxtHandle phContext);

SECURITY_STATUS SEC_ENTRY ApplyControlToken(PCtxtHandle phContext, PSecBufferDesc pInput);

/* [in] ulAttribute: SECPKG_ATTR_*. [out] pBuffer: the structure that belongs to it.
 * SEC_E_UNSUPPORTED_FUNCTION: this package does not report the attribute. */
SECURITY_STATUS SEC_ENTRY QueryContextAttributesW(PCtxtHandle phContext, ULONG ulAttribute,
                                                  void *pBuffer);
SECURITY_STATUS SEC_ENTRY QueryContextAttributesA(PCtxtHandle phContext, ULONG ulAttribute,
                                                  void *pBuffer);

SECURITY_STATUS SEC_ENTRY ImpersonateSecurityContext(PCtxtHandle phContext);
SECURITY_STATUS SEC_ENTRY RevertSecurityContext(PCtxtHandle phContext);
SECURITY_STATUS SEC_ENTRY QuerySecurityContextToken(PCtxtHandle phContext, HANDLE *Token);

/* Sign the DATA buffers into the TOKEN buffer (at least cbMaxSignature bytes).
 * [in] fQOP: 0. [in] MessageSeqNo: ignored, the context counts. */
SECURITY_STATUS SEC_ENTRY MakeSignature(PCtxtHandle phContext, ULONG fQOP, PSecBufferDesc pMessage,
                                        ULONG MessageSeqNo);
/* [out, optional] pfQOP. SEC_E_MESSAGE_ALTERED, SEC_E_OUT_OF_SEQUENCE, SEC_E_INVALID_TOKEN. */
SECURITY_STATUS SEC_ENTRY VerifySignature(PCtxtHandle phContext, PSecBufferDesc pMessage,
                                          ULONG MessageSeqNo, ULONG *pfQOP);
/* Encrypt the DATA buffers in place; header into TOKEN (at least cbSecurityTrailer bytes, its
 * cbBuffer tells how many were used). [in] fQOP: 0 or SECQOP_WRAP_NO_ENCRYPT. */
SECURITY_STATUS SEC_ENTRY EncryptMessage(PCtxtHandle phContext, ULONG fQOP, PSecBufferDesc pMessage,
                                         ULONG MessageSeqNo);
/* TOKEN and DATA as EncryptMessage left them, or one STREAM buffer with all of it and an empty
 * DATA buffer, which then points into the stream. */
SECURITY_STATUS SEC_ENTRY DecryptMessage(PCtxtHandle phContext, PSecBufferDesc pMessage,
                                         ULONG MessageSeqNo, ULONG *pfQOP);

/* Release what this library allocated for the caller. NULL is harmless. */
SECURITY_STATUS SEC_ENTRY FreeContextBuffer(void *pvContextBuffer);

/* Slots as on 64-bit Windows; Reserved3 and Reserved4 repeat EncryptMessage and DecryptMessage,
 * as Windows does. A NULL slot is a function this library does not have. */
typedef struct SecurityFunctionTableW {
    ULONG dwVersion;
    SECURITY_STATUS (*EnumerateSecurityPackagesW)(ULONG *, PSecPkgInfoW *);
    SECURITY_STATUS (*QueryCredentialsAttributesW)(PCredHandle, ULONG, void *);
    SECURITY_STATUS(*AcquireCredentialsHandleW)
    (SEC_WCHAR *, SEC_WCHAR *, ULONG, void *, void *, SEC_GET_KEY_FN, void *, PCredHandle,
     PTimeStamp);
    SECURITY_STATUS (*FreeCredentialsHandle)(PCredHandle);
    void *Reserved2;
    SECURITY_STATUS(*InitializeSecurityContextW)
    (PCredHandle, PCtxtHandle, SEC_WCHAR *, ULONG, ULONG, ULONG, PSecBufferDesc, ULONG, PCtxtHandle,
     PSecBufferDesc, ULONG *, PTimeStamp);
    SECURITY_STATUS(*AcceptSecurityContext)
    (PCredHandle, PCtxtHandle, PSecBufferDesc, ULONG, ULONG, PCtxtHandle, PSecBufferDesc, ULONG *,
     PTimeStamp);
    SECURITY_STATUS (*CompleteAuthToken)(PCtxtHandle, PSecBufferDesc);
    SECURITY_STATUS (*DeleteSecurityContext)(PCtxtHandle);
    SECURITY_STATUS (*ApplyControlToken)(PCtxtHandle, PSecBufferDesc);
    SECURITY_STATUS (*QueryContextAttributesW)(PCtxtHandle, ULONG, void *);
    SECURITY_STATUS (*ImpersonateSecurityContext)(PCtxtHandle);
    SECURITY_STATUS (*RevertSecurityContext)(PCtxtHandle);
    SECURITY_STATUS (*MakeSignature)(PCtxtHandle, ULONG, PSecBufferDesc, ULONG);
    SECURITY_STATUS (*VerifySignature)(PCtxtHandle, PSecBufferDesc, ULONG, ULONG *);
    SECURITY_STATUS (*FreeContextBuffer)(void *);
    SECURITY_STATUS (*QuerySecurityPackageInfoW)(SEC_WCHAR *, PSecPkgInfoW *);
    SECURITY_STATUS (*Reserved3)(PCtxtHandle, ULONG, PSecBufferDesc, ULONG);
    SECURITY_STATUS (*Reserved4)(PCtxtHandle, PSecBufferDesc, ULONG, ULONG *);
    void *ExportSecurityContext;
    void *ImportSecurityContextW;
    void *AddCredentialsW;
    void *Reserved8;
    SECURITY_STATUS (*QuerySecurityContextToken)(PCtxtHandle, HANDLE *);
    SECURITY_STATUS (*EncryptMessage)(PCtxtHandle, ULONG, PSecBufferDesc, ULONG);
    SECURITY_STATUS (*DecryptMessage)(PCtxtHandle, PSecBufferDesc, ULONG, ULONG *);
    void *SetContextAttributesW;
} SecurityFunctionTableW, *PSecurityFunctionTableW;

typedef struct SecurityFunctionTableA {
    ULONG dwVersion;
    SECURITY_STATUS (*EnumerateSecurityPackagesA)(ULONG *, PSecPkgInfoA *);
    SECURITY_STATUS (*QueryCredentialsAttributesA)(PCredHandle, ULONG, void *);
    SECURITY_STATUS(*AcquireCredentialsHandleA)
    (SEC_CHAR *, SEC_CHAR *, ULONG, void *, void *, SEC_GET_KEY_FN, void *, PCredHandle,
     PTimeStamp);
    SECURITY_STATUS (*FreeCredentialsHandle)(PCredHandle);
    void *Reserved2;
    SECURITY_STATUS(*InitializeSecurityContextA)
    (PCredHandle, PCtxtHandle, SEC_CHAR *, ULONG, ULONG, ULONG, PSecBufferDesc, ULONG, PCtxtHandle,
     PSecBufferDesc, ULONG *, PTimeStamp);
    SECURITY_STATUS(*AcceptSecurityContext)
    (PCredHandle, PCtxtHandle, PSecBufferDesc, ULONG, ULONG, PCtxtHandle, PSecBufferDesc, ULONG *,
     PTimeStamp);
    SECURITY_STATUS (*CompleteAuthToken)(PCtxtHandle, PSecBufferDesc);
    SECURITY_STATUS (*DeleteSecurityContext)(PCtxtHandle);
    SECURITY_STATUS (*ApplyControlToken)(PCtxtHandle, PSecBufferDesc);
    SECURITY_STATUS (*QueryContextAttributesA)(PCtxtHandle, ULONG, void *);
    SECURITY_STATUS (*ImpersonateSecurityContext)(PCtxtHandle);
    SECURITY_STATUS (*RevertSecurityContext)(PCtxtHandle);
    SECURITY_STATUS (*MakeSignature)(PCtxtHandle, ULONG, PSecBufferDesc, ULONG);
    SECURITY_STATUS (*VerifySignature)(PCtxtHandle, PSecBufferDesc, ULONG, ULONG *);
    SECURITY_STATUS (*FreeContextBuffer)(void *);
    SECURITY_STATUS (*QuerySecurityPackageInfoA)(SEC_CHAR *, PSecPkgInfoA *);
    SECURITY_STATUS (*Reserved3)(PCtxtHandle, ULONG, PSecBufferDesc, ULONG);
    SECURITY_STATUS (*Reserved4)(PCtxtHandle, PSecBufferDesc, ULONG, ULONG *);
    void *ExportSecurityContext;
    void *ImportSecurityContextA;
    void *AddCredentialsA;
    void *Reserved8;
    SECURITY_STATUS (*QuerySecurityContextToken)(PCtxtHandle, HANDLE *);
    SECURITY_STATUS (*EncryptMessage)(PCtxtHandle, ULONG, PSecBufferDesc, ULONG);
    SECURITY_STATUS (*DecryptMessage)(PCtxtHandle, PSecBufferDesc, ULONG, ULONG *);
    void *SetContextAttributesA;
} SecurityFunctionTableA, *PSecurityFunctionTableA;

/* The function table: static, never released. */
PSecurityFunctionTableW SEC_ENTRY InitSecurityInterfaceW(void);
PSecurityFunctionTableA SEC_ENTRY InitSecurityInterfaceA(void);

#endif
