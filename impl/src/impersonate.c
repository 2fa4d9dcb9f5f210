/* SPDX-License-Identifier: Apache-2.0
 *
 * ImpersonateSecurityContext, RevertSecurityContext, and the same for a user who has not come
 * (S4U2Self, which Windows reaches through LsaLogonUser).
 */
#include "impersonate.h"

#include <libsspi.h>

#include "error.h"
#include "export.h"
#include "object.h"

static pthread_key_t of_thread;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_key;

static void release(void *opaque)
{
    struct sspi_client *client = opaque;
    if (client && client->package)
        client->package->release_client(client->state);
    sspi_free(client);
}

static void make_key(void)
{
    has_key = pthread_key_create(&of_thread, release) == 0;
}

/* Threads outlive a library that is unloaded; then nobody must call into it when they end. */
__attribute__((destructor)) static void drop_key(void)
{
    if (has_key)
        pthread_key_delete(of_thread);
}

const struct sspi_client *sspi_impersonated(void)
{
    pthread_once(&once, make_key);
    return has_key ? pthread_getspecific(of_thread) : NULL;
}

/* Takes over client, which may be NULL. */
static SECURITY_STATUS become(struct sspi_client *client)
{
    struct sspi_client *before = (struct sspi_client *)(uintptr_t)sspi_impersonated();
    if (!has_key || pthread_setspecific(of_thread, client) != 0) {
        release(client);
        return SEC_E_INSUFFICIENT_MEMORY;
    }
    release(before);
    return SEC_E_OK;
}

static SECURITY_STATUS take_client(struct sspi_context *context, struct sspi_client *client)
{
    if (!context->package->impersonate)
        return SEC_E_UNSUPPORTED_FUNCTION;
    if (context->initiator || context->progress != SSPI_ESTABLISHED) {
        sspi_error_set("ImpersonateSecurityContext: there is no client yet; it needs a context "
                       "whose last AcceptSecurityContext said SEC_E_OK");
        return SEC_E_NO_IMPERSONATION;
    }
    return context->package->impersonate(context->credential->state, context->state, client);
}

SSPI_EXPORT SECURITY_STATUS ImpersonateSecurityContext(PCtxtHandle phContext)
{
    sspi_error_clear();
    struct sspi_context *context = sspi_context_get(phContext);
    if (!context)
        return SEC_E_INVALID_HANDLE;
    struct sspi_client *client = sspi_alloc(sizeof *client);
    SECURITY_STATUS status = client ? take_client(context, client) : SEC_E_INSUFFICIENT_MEMORY;
    sspi_context_put(context);
    if (status == SEC_E_OK)
        return become(client);
    release(client);
    return status;
}

SSPI_EXPORT SECURITY_STATUS RevertSecurityContext(PCtxtHandle phContext)
{
    struct sspi_context *context = sspi_context_get(phContext);
    if (!context)
        return SEC_E_INVALID_HANDLE;
    sspi_context_put(context);
    return become(NULL);
}

SSPI_EXPORT SECURITY_STATUS libsspi_impersonate_user(PCredHandle phCredential, const char *user)
{
    sspi_error_clear();
    struct sspi_credential *credential = sspi_credential_get(phCredential);
    SECURITY_STATUS status = SEC_E_UNSUPPORTED_FUNCTION;
    if (!credential)
        return SEC_E_INVALID_HANDLE;
    struct sspi_client *client = sspi_alloc(sizeof *client);
    if (!client)
        status = SEC_E_INSUFFICIENT_MEMORY;
    else if (!user || !*user)
        status = SEC_E_INVALID_PARAMETER;
    else if (credential->package->impersonate_user)
        status = credential->package->impersonate_user(credential->state, user, client);
    sspi_object_release(&credential->object);
    if (status == SEC_E_OK)
        return become(client);
    release(client);
    return status;
}

SSPI_EXPORT void libsspi_revert(void)
{
    (void)become(NULL);
}
