/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials: acquiring, looking up, releasing.
 */
#include "env.h"
#include "error.h"
#include "export.h"
#include "impersonate.h"
#include "object.h"

static void destroy(struct sspi_object *object)
{
    struct sspi_credential *credential = (struct sspi_credential *)object;
    credential->package->free_credential(credential->state);
    sspi_free(credential);
}

static SECURITY_STATUS check_request(const struct sspi_package *package, ULONG use,
                                     const void *logon_id, const CredHandle *handle)
{
    if (!handle)
        return SEC_E_INVALID_HANDLE;
    if (!package)
        return SEC_E_SECPKG_NOT_FOUND;
    /* There are no logon sessions here to act for. */
    if (logon_id) {
        sspi_error_set("AcquireCredentialsHandle: pvLogonId names a logon session; "
                       "there are none on this system, pass NULL");
        return SEC_E_NOT_OWNER;
    }
    /* The policy says "ask the user": trig.ach.policy-only. */
    if (use & SECPKG_CRED_PROCESS_POLICY_ONLY)
        return SEC_E_NO_CREDENTIALS;
    if (!(use & SECPKG_CRED_BOTH)) {
        sspi_error_set("AcquireCredentialsHandle: fCredentialUse is neither inbound nor outbound");
        return SEC_E_UNKNOWN_CREDENTIALS;
    }
    return SEC_E_OK;
}

SECURITY_STATUS sspi_credential_acquire(const char *principal, const char *package_name, ULONG use,
                                        const void *logon_id, const void *auth_data,
                                        CredHandle *handle, TimeStamp *expiry)
{
    const struct sspi_package *package = sspi_package_find(package_name);
    struct sspi_identity identity = {0};
    struct sspi_credential *credential = NULL;
    struct sspi_cred_request request = {.principal = principal, .use = use};
    TimeStamp until = {.QuadPart = INT64_MAX};

    SECURITY_STATUS status = check_request(package, use, logon_id, handle);
    if (status != SEC_E_OK)
        return status;
    if (auth_data) {
        status = sspi_identity_read(auth_data, &identity);
        if (status != SEC_E_OK)
            goto out;
        request.identity = &identity;
    }
    credential = sspi_alloc(sizeof *credential);
    if (!credential) {
        status = SEC_E_INSUFFICIENT_MEMORY;
        goto out;
    }
    sspi_object_init(&credential->object, destroy);
    credential->package = package;
    credential->use = use & SECPKG_CRED_BOTH;
    if (use & SECPKG_CRED_OUTBOUND)
        request.client = sspi_impersonated();
    status = package->acquire(&request, &credential->state, &until);
    if (status != SEC_E_OK)
        goto out;
    if (!sspi_handle_add(SSPI_HANDLE_CREDENTIAL, &credential->object, handle)) {
        status = SEC_E_INSUFFICIENT_MEMORY;
        goto out;
    }
    credential = NULL; /* the table's now */
    if (expiry)
        *expiry = until;
out:
    if (credential)
        sspi_object_release(&credential->object);
    sspi_identity_free(&identity);
    return status;
}

struct sspi_credential *sspi_credential_get(const CredHandle *handle)
{
    return (struct sspi_credential *)sspi_handle_get(SSPI_HANDLE_CREDENTIAL, handle);
}

SSPI_EXPORT SECURITY_STATUS FreeCredentialsHandle(PCredHandle phCredential)
{
    struct sspi_object *object = sspi_handle_remove(SSPI_HANDLE_CREDENTIAL, phCredential);
    sspi_object_release(object);
    return object ? SEC_E_OK : SEC_E_INVALID_HANDLE;
}
