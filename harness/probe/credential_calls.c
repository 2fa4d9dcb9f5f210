/* SPDX-License-Identifier: Apache-2.0
 *
 * Packages and credentials.
 */
#include <string.h>

#include "attributes.h"
#include "identity.h"
#include "out_parameters.h"

static void answer_not_read(struct request *r, bool written)
{
    write_open(r->out, '{');
    write_key(r->out, "written");
    write_bool(r->out, written);
    write_close(r->out, '}');
}

static void *untouched_pointer(void)
{
    void *pointer;
    memset(&pointer, PATTERN_BYTE, sizeof pointer);
    return pointer;
}

void call_enumerate_packages(struct request *r)
{
    void *packages = untouched_pointer();
    ULONG count = PATTERN_U32;
    bool without_count = request_says_null(r, "pcPackages");
    bool without = request_says_null(r, "ppPackageInfo");

    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = r->functions->EnumerateSecurityPackages(without_count ? NULL : &count,
                                                                     without ? NULL : &packages);
    call_end(r, status);
    answer_status(r);
    if (without || without_count)
        return;
    write_key(r->out, "packages");
    bool written = packages != untouched_pointer();
    if (status < 0 || !written || !packages || count == PATTERN_U32) {
        answer_not_read(r, written);
        return;
    }
    write_open(r->out, '[');
    for (ULONG i = 0; i < count; i++)
        package_answer(r, (const char *)packages + i * sizeof(SecPkgInfoW));
    write_close(r->out, ']');
    release_buffer(r, packages);
}

void call_query_package(struct request *r)
{
    void *name = request_sspi_string(r, "pszPackageName", false);
    void *package = untouched_pointer();
    bool without = request_says_null(r, "ppPackageInfo");

    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status =
        r->functions->QuerySecurityPackageInfo(name, without ? NULL : &package);
    call_end(r, status);
    answer_status(r);
    if (without)
        return;
    write_key(r->out, "package");
    bool written = package != untouched_pointer();
    if (status < 0 || !written || !package) {
        answer_not_read(r, written);
        return;
    }
    package_answer(r, package);
    release_buffer(r, package);
}

/* FreeContextBuffer of NULL; what an implementation allocated is released where it came up. */
void call_free_nothing(struct request *r)
{
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = r->functions->FreeContextBuffer(NULL);
    call_end(r, status);
    answer_status(r);
}

void call_acquire_credentials(struct request *r)
{
    struct identity identity;
    struct handle_result handle;
    struct time_result expiry;

    struct json *name = request_string(r, r->object, "cred", true);
    void *package = request_sspi_string(r, "pszPackage", false);
    void *principal = request_sspi_string(r, "pszPrincipal", false);
    uint32_t use = request_needed_u32(r, r->object, "fCredentialUse");
    handle_result_prepare(r, &handle, "phCredential");
    time_result_prepare(r, &expiry, "ptsExpiry");
    const struct json *given = json_member(r->object, "pvLogonId");
    uint64_t logon = request_u64(r, r->object, "pvLogonId", 0); /* a LUID, as it lies in memory */
    void *logon_id = given && given->type != JSON_NULL ? &logon : NULL;
    identity_read(r, &identity);
    if (!request_ready(r))
        goto out;
    call_begin(r);
    SECURITY_STATUS status =
        r->functions->AcquireCredentialsHandle(principal, package, use, logon_id, identity.pointer,
                                               NULL, NULL, handle.pointer, expiry.pointer);
    call_end(r, status);
    if (handle_result_written(&handle))
        handles_store(&r->probe->credentials, name->text, name->length, handle.value);
    answer_status(r);
    handle_result_answer(r, &handle, "phCredential");
    time_result_answer(r, &expiry, "expiry");
out:
    identity_wipe(&identity);
}

void call_free_credentials(struct request *r)
{
    struct handle_argument handle;

    request_credential(r, &handle);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = r->functions->FreeCredentialsHandle(handle.pointer);
    call_end(r, status);
    if (status >= 0 && handle.entry)
        handles_forget(&r->probe->credentials, handle.entry);
    answer_status(r);
}
