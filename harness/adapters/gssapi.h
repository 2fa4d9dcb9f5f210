/* SPDX-License-Identifier: Apache-2.0
 *
 * MIT's GSSAPI dressed as an SSPI library, so that the suite can be run against it. What each
 * notion of SSPI becomes:
 *
 *   AcquireCredentialsHandle     gss_acquire_cred or gss_acquire_cred_with_password, at the first
 *                                leg: SSPI does not go to the KDC before; usage by fCredentialUse
 *   Kerberos, NTLM, Negotiate    the Kerberos mechanism (RFC 4121); gss-ntlmssp, where
 *                                GSS_MECH_CONFIG names it; SPNEGO with what is there of the two
 *   package lists                gss_set_neg_mechs
 *   InitializeSecurityContext    gss_init_sec_context, the target as a Kerberos principal name
 *                                where there is nothing but Kerberos, else as service@host
 *   AcceptSecurityContext        gss_accept_sec_context
 *   requirements, attributes     the GSS flags DELEG to CONF, INTEG, DCE_STYLE, IDENTIFY,
 *                                EXTENDED_ERROR (MS-KILE, RFC 4757), gss-ntlmssp's flag for
 *                                datagrams; the others have no GSS flag
 *   SECBUFFER_CHANNEL_BINDINGS   gss_channel_bindings_t
 *   EncryptMessage, Decrypt...   gss_wrap_iov, gss_unwrap_iov: TOKEN is HEADER, no TRAILER; for
 *                                NTLM gss_wrap, gss_unwrap: TOKEN is the first 16 bytes
 *   MakeSignature, Verify...     gss_get_mic, gss_verify_mic
 *   SECPKG_ATTR_NAMES, SESSION_KEY, SIZES, FLAGS
 *                                gss_inquire_context, GSS_C_INQ_SSPI_SESSION_KEY,
 *                                gss_wrap_iov_length or gss_wrap_size_limit
 *
 * What GSSAPI cannot say: fragments, null sessions, an initiator without a target, memory that the
 * caller supplies, an expiry of credentials that were not asked for, impersonation.
 * Statuses are chosen here from GSS major and MIT minor codes: such a choice is the adapter's, not
 * GSSAPI's. Every function takes what SSPI says; handles are addresses and checked against a list.
 */
#ifndef ADAPTER_GSSAPI_H
#define ADAPTER_GSSAPI_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdbool.h>

#include "sspi.h"

enum package {
    KERBEROS,
    NTLM,
    NEGOTIATE,
    NO_PACKAGE
};
extern const char *const package_names[];

struct credential {
    struct credential *next;
    ULONG use;
    enum package package;
    unsigned mechanisms; /* 1 << KERBEROS, 1 << NTLM: those that may be used */
    bool has_identity;
    char *user, *password; /* owned; UTF-8; the user as user@REALM */
    gss_cred_id_t initiate, accept;
};

struct context {
    struct context *next;
    gss_ctx_id_t gss;
    CredHandle owner; /* the credential of the first leg, which may be gone by now */
    bool complete;
    bool ntlm;        /* what is inside, once complete */
    ULONG attributes; /* as last returned */
};

gss_OID mechanism_of(enum package package);

/* Whether MIT has the mechanism. */
bool has_package(enum package package);

/* NO_PACKAGE when there is none of this name, or its mechanism is missing. */
enum package package_called(const SEC_WCHAR *name);

/* The object of a handle; NULL when it is none of ours (any more). */
struct credential *credential_of(const CredHandle *handle);
struct context *context_of(const CtxtHandle *handle);

/* The GSS credentials of one direction, acquired on first use; they stay the credential's. */
SECURITY_STATUS credential_for(struct credential *credential, gss_cred_usage_t usage,
                               gss_cred_id_t *found);

/* What a Windows caller would be told. `otherwise`: for what neither code decides. */
SECURITY_STATUS status_of(OM_uint32 major, OM_uint32 minor, SECURITY_STATUS otherwise);

/* The first buffer of a type, NULL when there is none. */
SecBuffer *buffer_of(const SecBufferDesc *list, ULONG type);

/* UTF-16 to UTF-8 and back; the caller frees. `length` counts characters. NULL: out of memory. */
char *narrow(const SEC_WCHAR *text, size_t length);
SEC_WCHAR *widen(const char *text, size_t length);
size_t wide_length(const SEC_WCHAR *text);

SECURITY_STATUS acquire_credentials(SEC_WCHAR *principal, SEC_WCHAR *package, ULONG use,
                                    void *logon_id, void *identity, SEC_GET_KEY_FN get_key,
                                    void *argument, PCredHandle handle, PTimeStamp expiry);
SECURITY_STATUS free_credentials(PCredHandle handle);
SECURITY_STATUS initialize_context(PCredHandle credential, PCtxtHandle context, SEC_WCHAR *target,
                                   ULONG requirements, ULONG reserved1, ULONG data_rep,
                                   PSecBufferDesc input, ULONG reserved2, PCtxtHandle new_context,
                                   PSecBufferDesc output, ULONG *attributes, PTimeStamp expiry);
SECURITY_STATUS accept_context(PCredHandle credential, PCtxtHandle context, PSecBufferDesc input,
                               ULONG requirements, ULONG data_rep, PCtxtHandle new_context,
                               PSecBufferDesc output, ULONG *attributes, PTimeStamp expiry);
SECURITY_STATUS delete_context(PCtxtHandle handle);
SECURITY_STATUS query_context(PCtxtHandle handle, ULONG attribute, void *buffer);
SECURITY_STATUS make_signature(PCtxtHandle handle, ULONG qop, PSecBufferDesc message, ULONG number);
SECURITY_STATUS verify_signature(PCtxtHandle handle, PSecBufferDesc message, ULONG number,
                                 ULONG *qop);
SECURITY_STATUS encrypt_message(PCtxtHandle handle, ULONG qop, PSecBufferDesc message,
                                ULONG number);
SECURITY_STATUS decrypt_message(PCtxtHandle handle, PSecBufferDesc message, ULONG number,
                                ULONG *qop);

/* Whether a buffer claims bytes at no address. */
bool is_nowhere(const SecBuffer *buffer);

/* The DATA buffers in one piece; the caller frees. */
SECURITY_STATUS joined_data(const SecBufferDesc *message, gss_buffer_desc *data);

/* Tell a datagram context of gss-ntlmssp the number of the message that comes next. */
void number_message(struct context *context, ULONG number);

/* Messages of gss-ntlmssp; the buffers that are needed are there. */
SECURITY_STATUS encrypt_ntlm(struct context *context, SecBufferDesc *message);
SECURITY_STATUS decrypt_ntlm(struct context *context, SecBufferDesc *message);

#endif
