/* SPDX-License-Identifier: Apache-2.0
 *
 * The contract between the SSPI surface (api.c and its neighbours) and a security package.
 *
 * The surface knows handles, SecBufferDescs, W and A strings, who allocates output. A package
 * knows tokens, keys and policy, and nothing of those: strings are UTF-8, tokens are views and
 * blobs. Negotiate drives the other packages through the same table, so what holds for a
 * caller of SSPI holds for Negotiate.
 */
#ifndef LIBSSPI_PACKAGE_H
#define LIBSSPI_PACKAGE_H

#include <sspi.h>
#include <stdbool.h>

#include "bindings.h"
#include "identity.h"
#include "memory.h"

/* What AcquireCredentialsHandle asked for. Everything is borrowed for the call. */
struct sspi_cred_request {
    const char *principal; /* pszPrincipal, or NULL */
    ULONG use;             /* SECPKG_CRED_INBOUND | SECPKG_CRED_OUTBOUND, as the caller gave it */
    const struct sspi_identity *identity; /* NULL: default credentials */
    const struct sspi_client *client;     /* who has the default credentials; NULL: this process */
};

/* A client whom a server speaks for. */
struct sspi_client {
    const struct sspi_package *package; /* whose state it is; NULL: none yet */
    void *state;                        /* owned; release_client of the package frees it */
};

/* One call of InitializeSecurityContext or AcceptSecurityContext, package-independent. */
struct sspi_leg {
    /* in; borrowed for the call */
    ULONG req;          /* fContextReq: ISC_REQ_* or ASC_REQ_* */
    ULONG data_rep;     /* SECURITY_NATIVE_DREP or SECURITY_NETWORK_DREP */
    const char *target; /* pszTargetName; NULL in an acceptor */
    bool has_token;     /* a TOKEN buffer came in pInput, however short */
    struct sspi_view token;
    const struct sspi_bindings *bindings; /* NULL: the caller gave none */
    size_t max_output; /* room for the token in bytes; SIZE_MAX when libsspi allocates it */
    /* out; zero before the call */
    struct sspi_blob output; /* the token to send; empty is "no token". The surface frees it. */
    ULONG ret;               /* ISC_RET_* or ASC_RET_*, without ALLOCATED_MEMORY */
    bool has_expiry;
    TimeStamp expiry; /* local time */
};

/* One QueryContextAttributes call. The package fills in the member that belongs to `attribute`;
 * blobs and strings become the surface's, which copies them into the caller's W or A structure. */
struct sspi_attribute {
    ULONG attribute; /* in: SECPKG_ATTR_* */
    union {
        SecPkgContext_Sizes sizes;
        struct {
            char *first;  /* NAMES: user; AUTHORITY: authority; NATIVE_NAMES: client;
                             CLIENT_SPECIFIED_TARGET: target; KEY_INFO: signature algorithm */
            char *second; /* NATIVE_NAMES: server; KEY_INFO: encryption algorithm */
            ULONG key_bits, signature_algorithm, encryption_algorithm; /* KEY_INFO */
        } names;
        struct {
            TimeStamp start, end;
        } lifespan; /* LIFESPAN; PASSWORD_EXPIRY uses end */
        struct sspi_blob session_key;
        struct {
            const struct sspi_package *package;
            ULONG state;         /* SECPKG_NEGOTIATION_* */
        } negotiation;           /* PACKAGE_INFO and NEGOTIATION_INFO */
        ULONG flags;             /* FLAGS */
        ULONG last_client_token; /* LAST_CLIENT_TOKEN_STATUS */
    } value;
};

/* A security package. Credentials and contexts are opaque to everybody else.
 *
 * Locking: the surface holds the context's lock during every call on that context. A
 * credential serves many contexts in many threads at once, so it is read-only after acquire
 * or locks by itself.
 *
 * Every function returns a SECURITY_STATUS as the SSPI caller is to see it.
 * SEC_E_INSUFFICIENT_MEMORY when an allocation fails; the context stays deletable after any error.
 */
struct sspi_package {
    const char *name;    /* ASCII */
    const char *comment; /* ASCII */
    ULONG capabilities;  /* SECPKG_FLAG_* */
    USHORT version;
    USHORT rpc_id;
    ULONG max_token; /* bytes */

    SECURITY_STATUS(*acquire)
    (const struct sspi_cred_request *request, void **credential, TimeStamp *expiry);
    void (*free_credential)(void *credential); /* NULL is harmless */
    /* [out] name: the user name of the credential, UTF-8; sspi_free it. */
    SECURITY_STATUS (*credential_name)(void *credential, char **name);

    /* [in/out] *context: NULL on the first leg. A package that creates a context stores it there
     * even when the leg fails; the surface deletes it then. After an error on a later leg the
     * package leaves the context in a state in which further legs answer an error.
     * credential may be NULL from the second leg on. */
    SECURITY_STATUS (*initiate)(void *credential, void **context, struct sspi_leg *leg);
    SECURITY_STATUS (*accept)(void *credential, void **context, struct sspi_leg *leg);
    void (*free_context)(void *context); /* NULL is harmless; wipes keys */

    SECURITY_STATUS (*query)(void *context, struct sspi_attribute *attribute);

    /* Message protection on the caller's own buffers, in place: see message.h for finding them.
     * SEC_E_INVALID_TOKEN without a TOKEN (or DATA) buffer, SEC_E_BUFFER_TOO_SMALL. */
    SECURITY_STATUS (*sign)(void *context, ULONG qop, SecBufferDesc *message);
    SECURITY_STATUS (*verify)(void *context, SecBufferDesc *message, ULONG *qop);
    SECURITY_STATUS (*encrypt)(void *context, ULONG qop, SecBufferDesc *message);
    SECURITY_STATUS (*decrypt)(void *context, SecBufferDesc *message, ULONG *qop);

    /* MessageSeqNo of the call to one of these four that follows. NULL: the package counts. */
    void (*sequence)(void *context, ULONG number);

    /* The MIC over a mechList (RFC 4178 5, MS-SPNG 3.1.5.2). For NTLM the RC4 state is restored
     * afterwards while the sequence number goes on (MS-SPNG 3.3.5.1).
     * make_mic: *mic is the caller's to free. check_mic: SEC_E_MESSAGE_ALTERED when it is wrong. */
    SECURITY_STATUS (*make_mic)(void *context, struct sspi_view data, struct sspi_blob *mic);
    SECURITY_STATUS (*check_mic)(void *context, struct sspi_view data, struct sspi_view mic);
    /* Whether the token exchanged last carried a MIC of its own (NTLM, MsvAvFlags 0x2), so that
     * SPNEGO must exchange mechListMICs. NULL: never. */
    bool (*wants_mechlist_mic)(void *context);

    /* The client of an accepted and finished context, as far as it or the domain let this server
     * speak for it; else SEC_E_NO_IMPERSONATION. NULL: the package has nothing of the kind.
     * [in] credential: the one the context was made with. */
    SECURITY_STATUS (*impersonate)(void *credential, void *context, struct sspi_client *client);
    /* The same of a user who has not come, on the word of the server alone. */
    SECURITY_STATUS(*impersonate_user)
    (void *credential, const char *user, struct sspi_client *client);
    void (*release_client)(void *state);
};

extern const struct sspi_package sspi_negotiate_package;
extern const struct sspi_package sspi_kerberos_package;
extern const struct sspi_package sspi_ntlm_package;

/* All packages, in the order of EnumerateSecurityPackages; NULL at the end. */
extern const struct sspi_package *const sspi_packages[];

/* By name, without case; NULL when there is none. */
const struct sspi_package *sspi_package_find(const char *name);

#endif
