/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of the implementation under test, from its function table and, where that has
 * none, by name. W and A differ only in what their strings point to, hence void * here.
 */
#ifndef PROBE_FUNCTIONS_H
#define PROBE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "library.h"
#include "sspi_header.h"

typedef SECURITY_STATUS(SEC_ENTRY *enumerate_packages_fn)(ULONG *, void **);
typedef SECURITY_STATUS(SEC_ENTRY *query_package_fn)(void *, void **);
typedef SECURITY_STATUS(SEC_ENTRY *acquire_credentials_fn)(void *, void *, ULONG, void *, void *,
                                                           void *, void *, SecHandle *,
                                                           TimeStamp *);
typedef SECURITY_STATUS(SEC_ENTRY *initialize_context_fn)(SecHandle *, SecHandle *, void *, ULONG,
                                                          ULONG, ULONG, SecBufferDesc *, ULONG,
                                                          SecHandle *, SecBufferDesc *, ULONG *,
                                                          TimeStamp *);
typedef SECURITY_STATUS(SEC_ENTRY *accept_context_fn)(SecHandle *, SecHandle *, SecBufferDesc *,
                                                      ULONG, ULONG, SecHandle *, SecBufferDesc *,
                                                      ULONG *, TimeStamp *);
typedef SECURITY_STATUS(SEC_ENTRY *handle_fn)(SecHandle *);
typedef SECURITY_STATUS(SEC_ENTRY *control_token_fn)(SecHandle *, SecBufferDesc *);
typedef SECURITY_STATUS(SEC_ENTRY *query_attribute_fn)(SecHandle *, ULONG, void *);
typedef SECURITY_STATUS(SEC_ENTRY *set_attribute_fn)(SecHandle *, ULONG, void *, ULONG);
typedef SECURITY_STATUS(SEC_ENTRY *query_token_fn)(SecHandle *, void **);
typedef SECURITY_STATUS(SEC_ENTRY *protect_fn)(SecHandle *, ULONG, SecBufferDesc *, ULONG);
typedef SECURITY_STATUS(SEC_ENTRY *unprotect_fn)(SecHandle *, SecBufferDesc *, ULONG, ULONG *);
typedef SECURITY_STATUS(SEC_ENTRY *free_buffer_fn)(void *);

/* A NULL member is a function the implementation does not have. */
struct functions {
    const char *entry;      /* the name of the entry point used; static or from the command line */
    uint32_t table_version; /* dwVersion */
    bool ansi;              /* strings are UTF-8, else UTF-16 */
    enumerate_packages_fn EnumerateSecurityPackages;
    query_attribute_fn QueryCredentialsAttributes;
    acquire_credentials_fn AcquireCredentialsHandle;
    handle_fn FreeCredentialsHandle;
    initialize_context_fn InitializeSecurityContext;
    accept_context_fn AcceptSecurityContext;
    control_token_fn CompleteAuthToken;
    handle_fn DeleteSecurityContext;
    control_token_fn ApplyControlToken;
    query_attribute_fn QueryContextAttributes;
    handle_fn ImpersonateSecurityContext;
    handle_fn RevertSecurityContext;
    protect_fn MakeSignature;
    unprotect_fn VerifySignature;
    free_buffer_fn FreeContextBuffer;
    query_package_fn QuerySecurityPackageInfo;
    query_token_fn QuerySecurityContextToken;
    protect_fn EncryptMessage;
    unprotect_fn DecryptMessage;
    set_attribute_fn SetContextAttributes;
};

/* One function: its name without W or A, and where struct functions keeps it. */
struct function_slot {
    const char *name;
    size_t member; /* offsetof in struct functions */
    unsigned slot; /* in the function table, counted in pointers */
    bool suffixed; /* exported with W or A behind its name */
};

extern const struct function_slot function_slots[];
extern const size_t function_slot_count;

/* Find the entry point (`entry` may be NULL for the usual names) and gather the functions.
 * `path` names the library in messages. On failure says why on stderr. */
bool functions_load(struct functions *functions, const struct library *library, const char *path,
                    const char *entry, bool ansi);

/* Is the function kept at that offset there? */
bool functions_have(const struct functions *functions, size_t member);

#endif
