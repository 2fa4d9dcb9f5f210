/* SPDX-License-Identifier: Apache-2.0
 *
 * What is behind the handles: credentials and contexts, and the calls on them that do not depend
 * on the W or A form of strings.
 */
#ifndef LIBSSPI_OBJECT_H
#define LIBSSPI_OBJECT_H

#include <pthread.h>

#include "handle.h"
#include "package.h"

struct sspi_credential {
    struct sspi_object object;
    const struct sspi_package *package;
    ULONG use;   /* SECPKG_CRED_INBOUND, SECPKG_CRED_OUTBOUND */
    void *state; /* the package's; owned */
};

enum sspi_progress {
    SSPI_OPEN, /* legs are outstanding */
    SSPI_ESTABLISHED,
    SSPI_FAILED /* a leg failed; only deleting is left */
};

struct sspi_context {
    struct sspi_object object;
    pthread_mutex_t lock; /* held over every call on the members below */
    const struct sspi_package *package;
    struct sspi_credential *credential; /* a reference: the caller may free his handle first */
    bool initiator;
    enum sspi_progress progress;
    ULONG flags; /* *_RET_* of the newest leg */
    void *state; /* the package's; owned */
};

/* Strings are UTF-8. [in] auth_data: any SEC_WINNT_AUTH_IDENTITY or NULL. [out] handle, expiry
 * (optional): as AcquireCredentialsHandle. */
SECURITY_STATUS sspi_credential_acquire(const char *principal, const char *package, ULONG use,
                                        const void *logon_id, const void *auth_data,
                                        CredHandle *handle, TimeStamp *expiry);
/* NULL: not a live handle. Release &result->object. */
struct sspi_credential *sspi_credential_get(const CredHandle *handle);

/* As InitializeSecurityContext and AcceptSecurityContext; target (UTF-8) is NULL in an acceptor. */
struct sspi_leg_call {
    bool initiator;
    const CredHandle *credential;
    const CtxtHandle *context;
    const char *target;
    ULONG req, data_rep;
    SecBufferDesc *input;
    CtxtHandle *new_context;
    SecBufferDesc *output;
    ULONG *attributes;
    TimeStamp *expiry;
};
SECURITY_STATUS sspi_context_leg(const struct sspi_leg_call *call);

/* NULL: not a live handle. The context comes locked; give it back with sspi_context_put. */
struct sspi_context *sspi_context_get(const CtxtHandle *handle);
void sspi_context_put(struct sspi_context *context);

#endif
