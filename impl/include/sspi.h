/* SPDX-License-Identifier: Apache-2.0
 *
 * sspi.h: the Security Support Provider Interface with the binary layout of 64-bit Windows.
 *
 * Source written against this header compiles unchanged against Windows' own sspi.h with
 * SECURITY_WIN32 defined. Sizes and offsets are held by the _Static_asserts at the end.
 * All lengths are in bytes unless the comment says characters. Strings of the W functions are
 * zero-terminated UTF-16LE (SEC_WCHAR is 16 bits wide, never wchar_t), those of the A functions
 * are zero-terminated UTF-8.
 *
 * Ownership: whatever a function of this interface allocates for the caller (package
 * information, tokens under *_REQ_ALLOCATE_MEMORY, strings and keys inside the answers of
 * QueryContextAttributes) is released with FreeContextBuffer, and only with it.
 */
#ifndef SSPI_H
#define SSPI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEC_ENTRY

typedef int32_t SECURITY_STATUS;
typedef uint16_t SEC_WCHAR;
typedef char SEC_CHAR;
typedef uint32_t ULONG;
typedef uint16_t USHORT;
typedef void *HANDLE;

#include "sspi_status.h"

/* ---- basic types ------------------------------------------------------------------------ */

/* 100-nanosecond intervals since 1601-01-01; aligned at 8 as on Windows. */
typedef union {
    struct {
        uint32_t LowPart;
        int32_t HighPart;
    };
    int64_t QuadPart;
} SECURITY_INTEGER, *PSECURITY_INTEGER, TimeStamp, *PTimeStamp;

/* An opaque handle. The values are no addresses; a stale one is refused with SEC_E_INVALID_HANDLE.
 */
typedef struct {
    uintptr_t dwLower;
    uintptr_t dwUpper;
} SecHandle, *PSecHandle, CredHandle, *PCredHandle, CtxtHandle, *PCtxtHandle;

#define SecInvalidateHandle(x) ((x)->dwLower = (x)->dwUpper = ((uintptr_t)((intptr_t)-1)))
#define SecIsValidHandle(x)                                                                        \
    (((x)->dwLower != ((uintptr_t)(intptr_t)-1)) && ((x)->dwUpper != ((uintptr_t)(intptr_t)-1)))

typedef struct {
    ULONG cbBuffer;   /* bytes at pvBuffer; on return the bytes used */
    ULONG BufferType; /* SECBUFFER_*, with the bits of SECBUFFER_ATTRMASK */
    void *pvBuffer;
} SecBuffer, *PSecBuffer;

typedef struct {
    ULONG ulVersion; /* SECBUFFER_VERSION */
    ULONG cBuffers;
    PSecBuffer pBuffers;
} SecBufferDesc, *PSecBufferDesc;

#define SECBUFFER_VERSION 0

#define SECBUFFER_EMPTY 0
#define SECBUFFER_DATA 1
#define SECBUFFER_TOKEN 2
#define SECBUFFER_PKG_PARAMS 3
#define SECBUFFER_MISSING 4
#define SECBUFFER_EXTRA 5
#define SECBUFFER_STREAM_TRAILER 6
#define SECBUFFER_STREAM_HEADER 7
#define SECBUFFER_NEGOTIATION_INFO 8
#define SECBUFFER_PADDING 9
#define SECBUFFER_STREAM 10
#define SECBUFFER_MECHLIST 11
#define SECBUFFER_MECHLIST_SIGNATURE 12
#define SECBUFFER_TARGET 13
#define SECBUFFER_CHANNEL_BINDINGS 14
#define SECBUFFER_CHANGE_PASS_RESPONSE 15
#define SECBUFFER_TARGET_HOST 16
#define SECBUFFER_ALERT 17

#define SECBUFFER_ATTRMASK 0xF0000000u
#define SECBUFFER_READONLY 0x80000000u
#define SECBUFFER_READONLY_WITH_CHECKSUM 0x10000000u

/* Followed by the address and application data; offsets count from the start of the structure. */
typedef struct {
    ULONG dwInitiatorAddrType;
    ULONG cbInitiatorLength;
    ULONG dwInitiatorOffset;
    ULONG dwAcceptorAddrType;
    ULONG cbAcceptorLength;
    ULONG dwAcceptorOffset;
    ULONG cbApplicationDataLength;
    ULONG dwApplicationDataOffset;
} SEC_CHANNEL_BINDINGS, *PSEC_CHANNEL_BINDINGS;

/* ---- packages --------------------------------------------------------------------------- */

typedef struct {
    ULONG fCapabilities; /* SECPKG_FLAG_* */
    USHORT wVersion;
    USHORT wRPCID;
    ULONG cbMaxToken;
    SEC_WCHAR *Name;
    SEC_WCHAR *Comment;
} SecPkgInfoW, *PSecPkgInfoW;

typedef struct {
    ULONG fCapabilities;
    USHORT wVersion;
    USHORT wRPCID;
    ULONG cbMaxToken;
    SEC_CHAR *Name;
    SEC_CHAR *Comment;
} SecPkgInfoA, *PSecPkgInfoA;

#define SECPKG_FLAG_INTEGRITY 0x00000001
#define SECPKG_FLAG_PRIVACY 0x00000002
#define SECPKG_FLAG_TOKEN_ONLY 0x00000004
#define SECPKG_FLAG_DATAGRAM 0x00000008
#define SECPKG_FLAG_CONNECTION 0x00000010
#define SECPKG_FLAG_MULTI_REQUIRED 0x00000020
#define SECPKG_FLAG_CLIENT_ONLY 0x00000040
#define SECPKG_FLAG_EXTENDED_ERROR 0x00000080
#define SECPKG_FLAG_IMPERSONATION 0x00000100
#define SECPKG_FLAG_ACCEPT_WIN32_NAME 0x00000200
#define SECPKG_FLAG_STREAM 0x00000400
#define SECPKG_FLAG_NEGOTIABLE 0x00000800
#define SECPKG_FLAG_GSS_COMPATIBLE 0x00001000
#define SECPKG_FLAG_LOGON 0x00002000
#define SECPKG_FLAG_ASCII_BUFFERS 0x00004000
#define SECPKG_FLAG_FRAGMENT 0x00008000
#define SECPKG_FLAG_MUTUAL_AUTH 0x00010000
#define SECPKG_FLAG_DELEGATION 0x00020000
#define SECPKG_FLAG_READONLY_WITH_CHECKSUM 0x00040000
#define SECPKG_FLAG_RESTRICTED_TOKENS 0x00080000
#define SECPKG_FLAG_APPCONTAINER_CHECKS 0x00800000
#define SECPKG_FLAG_APPLY_LOOPBACK 0x02000000

/* ---- credentials ------------------------------------------------------------------------ */

#define SECPKG_CRED_INBOUND 0x00000001
#define SECPKG_CRED_OUTBOUND 0x00000002
#define SECPKG_CRED_BOTH 0x00000003
#define SECPKG_CRED_DEFAULT 0x00000004
#define SECPKG_CRED_AUTOLOGON_RESTRICTED 0x00000010
#define SECPKG_CRED_PROCESS_POLICY_ONLY 0x00000020

#define SEC_WINNT_AUTH_IDENTITY_ANSI 0x1
#define SEC_WINNT_AUTH_IDENTITY_UNICODE 0x2
#define SEC_WINNT_AUTH_IDENTITY_MARSHALLED 0x4 /* all in one piece of memory */

/* Lengths are in characters without the terminating zero. */
typedef struct {
    USHORT *User;
    ULONG UserLength;
    USHORT *Domain;
    ULONG DomainLength;
    USHORT *Password;
    ULONG PasswordLength;
    ULONG Flags; /* SEC_WINNT_AUTH_IDENTITY_UNICODE or _ANSI */
} SEC_WINNT_AUTH_IDENTITY_W, *PSEC_WINNT_AUTH_IDENTITY_W;

typedef struct {
    unsigned char *User;
    ULONG UserLength;
    unsigned char *Domain;
    ULONG DomainLength;
    unsigned char *Password;
    ULONG PasswordLength;
    ULONG Flags;
} SEC_WINNT_AUTH_IDENTITY_A, *PSEC_WINNT_AUTH_IDENTITY_A;

#define SEC_WINNT_AUTH_IDENTITY_VERSION 0x200
#define SEC_WINNT_AUTH_IDENTITY_VERSION_2 0x201

/* PackageList: comma-separated package names for Negotiate, an exclamation mark excludes one. */
typedef struct {
    ULONG Version; /* SEC_WINNT_AUTH_IDENTITY_VERSION */
    ULONG Length;  /* sizeof the structure, in bytes */
    USHORT *User;
    ULONG UserLength;
    USHORT *Domain;
    ULONG DomainLength;
    USHORT *Password;
    ULONG PasswordLength;
    ULONG Flags;
    USHORT *PackageList;
    ULONG PackageListLength;
} SEC_WINNT_AUTH_IDENTITY_EXW, *PSEC_WINNT_AUTH_IDENTITY_EXW;

typedef struct {
    ULONG Version;
    ULONG Length;
    unsigned char *User;
    ULONG UserLength;
    unsigned char *Domain;
    ULONG DomainLength;
    unsigned char *Password;
    ULONG PasswordLength;
    ULONG Flags;
    unsigned char *PackageList;
    ULONG PackageListLength;
} SEC_WINNT_AUTH_IDENTITY_EXA, *PSEC_WINNT_AUTH_IDENTITY_EXA;

/* One piece of memory: offsets count from the start of this structure, lengths are in bytes, and
 * strings are UTF-16 without terminating zero, whatever Flags says. Offset and length 0: not given.
 */
typedef struct {
    ULONG Version; /* SEC_WINNT_AUTH_IDENTITY_VERSION_2 */
    USHORT cbHeaderLength;
    ULONG cbStructureLength; /* with everything that follows */
    ULONG UserOffset;
    USHORT UserLength;
    ULONG DomainOffset;
    USHORT DomainLength;
    ULONG PackedCredentialsOffset; /* SEC_WINNT_AUTH_PACKED_CREDENTIALS */
    USHORT PackedCredentialsLength;
    ULONG Flags;
    ULONG PackageListOffset;
    USHORT PackageListLength;
} SEC_WINNT_AUTH_IDENTITY_EX2, *PSEC_WINNT_AUTH_IDENTITY_EX2;

/* As on Windows, whoever packs credentials defines this before including. */
#ifdef _SEC_WINNT_AUTH_TYPES
#ifndef GUID_DEFINED
#define GUID_DEFINED
typedef struct {
    ULONG Data1;
    USHORT Data2, Data3;
    unsigned char Data4[8];
} GUID;
#endif

typedef struct {
    ULONG ByteArrayOffset; /* from the start of the packed credentials */
    USHORT ByteArrayLength;
} SEC_WINNT_AUTH_BYTE_VECTOR, *PSEC_WINNT_AUTH_BYTE_VECTOR;

typedef struct {
    GUID CredType; /* SEC_WINNT_AUTH_DATA_TYPE_* */
    SEC_WINNT_AUTH_BYTE_VECTOR CredData;
} SEC_WINNT_AUTH_DATA, *PSEC_WINNT_AUTH_DATA;

typedef struct {
    USHORT cbHeaderLength;
    USHORT cbStructureLength; /* with the data */
    SEC_WINNT_AUTH_DATA AuthData;
} SEC_WINNT_AUTH_PACKED_CREDENTIALS, *PSEC_WINNT_AUTH_PACKED_CREDENTIALS;

/* The data is the password in UTF-16. */
static const GUID SEC_WINNT_AUTH_DATA_TYPE_PASSWORD = {
    0x28bfc32f, 0x10f6, 0x4738, {0x98, 0xd1, 0x1a, 0xc0, 0x61, 0xdf, 0x71, 0x6a}};
/* The data is a keytab file of MIT's format: Kerberos only. */
static const GUID SEC_WINNT_AUTH_DATA_TYPE_KEYTAB = {
    0xd587aae8, 0xf78f, 0x4455, {0xa1, 0x12, 0xc9, 0x34, 0xbe, 0xee, 0x7c, 0xe1}};
#endif

#define SECPKG_CRED_ATTR_NAMES 1

typedef struct {
    SEC_WCHAR *sUserName;
} SecPkgCredentials_NamesW, *PSecPkgCredentials_NamesW;

typedef struct {
    SEC_CHAR *sUserName;
} SecPkgCredentials_NamesA, *PSecPkgCredentials_NamesA;

/* ---- context requirements and returned attributes --------------------------------------- */

#include "sspi_flags.h"

#define SECURITY_NATIVE_DREP 0x00000010
#define SECURITY_NETWORK_DREP 0x00000000

#define SECQOP_WRAP_NO_ENCRYPT 0x80000001u
#define SECQOP_WRAP_OOB_DATA 0x40000000u

/* ---- context attributes ----------------------------------------------------------------- */

#include "sspi_attributes.h"

/* ---- functions -------------------------------------------------------------------------- */

typedef void (*SEC_GET_KEY_FN)(void *Arg, void *Principal, ULONG KeyVer, void **Key,
                               SECURITY_STATUS *Status);

#include "sspi_functions.h"

/* ---- the Windows x64 layout ------------------------------------------------------------- */

#if UINTPTR_MAX == UINT64_MAX && !defined(__cplusplus)
_Static_assert(sizeof(SECURITY_STATUS) == 4 && sizeof(ULONG) == 4 && sizeof(SEC_WCHAR) == 2,
               "scalar sizes");
_Static_assert(sizeof(SecHandle) == 16 && _Alignof(SecHandle) == 8, "SecHandle");
_Static_assert(sizeof(TimeStamp) == 8 && _Alignof(TimeStamp) == 8, "TimeStamp");
_Static_assert(sizeof(SecBuffer) == 16 && offsetof(SecBuffer, pvBuffer) == 8, "SecBuffer");
_Static_assert(sizeof(SecBufferDesc) == 16 && offsetof(SecBufferDesc, pBuffers) == 8,
               "SecBufferDesc");
_Static_assert(sizeof(SecPkgInfoW) == 32 && offsetof(SecPkgInfoW, Name) == 16, "SecPkgInfo");
_Static_assert(sizeof(SEC_WINNT_AUTH_IDENTITY_W) == 48 &&
                   offsetof(SEC_WINNT_AUTH_IDENTITY_W, Flags) == 44,
               "SEC_WINNT_AUTH_IDENTITY");
_Static_assert(sizeof(SEC_WINNT_AUTH_IDENTITY_EXW) == 72 &&
                   offsetof(SEC_WINNT_AUTH_IDENTITY_EXW, PackageList) == 56,
               "SEC_WINNT_AUTH_IDENTITY_EX");
_Static_assert(sizeof(SEC_WINNT_AUTH_IDENTITY_EX2) == 48 &&
                   offsetof(SEC_WINNT_AUTH_IDENTITY_EX2, PackageListLength) == 44,
               "SEC_WINNT_AUTH_IDENTITY_EX2");
#ifdef _SEC_WINNT_AUTH_TYPES
_Static_assert(sizeof(SEC_WINNT_AUTH_PACKED_CREDENTIALS) == 28,
               "SEC_WINNT_AUTH_PACKED_CREDENTIALS");
#endif
_Static_assert(sizeof(SEC_CHANNEL_BINDINGS) == 32, "SEC_CHANNEL_BINDINGS");
_Static_assert(offsetof(SecurityFunctionTableW, InitializeSecurityContextW) == 48 &&
                   offsetof(SecurityFunctionTableW, EncryptMessage) == 200 &&
                   offsetof(SecurityFunctionTableW, SetContextAttributesW) == 216,
               "SecurityFunctionTable");
#endif

#ifdef __cplusplus
}
#endif
#endif
