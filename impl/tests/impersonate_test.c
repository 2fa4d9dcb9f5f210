/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a thread speaks for, over a toy package that counts its clients. The toy takes the place of
 * packages.c when this program is linked.
 */
#include "run.h"

#include <libsspi.h>
#include <pthread.h>
#include <stdatomic.h>

#include "memory.h"
#include "object.h"

static struct {
    SECURITY_STATUS status;         /* of the toy's impersonate functions */
    const struct sspi_client *seen; /* what the newest acquire was given */
    atomic_int clients;
} toy;

static SECURITY_STATUS acquire(const struct sspi_cred_request *request, void **credential,
                               TimeStamp *expiry)
{
    (void)expiry;
    toy.seen = request->client;
    *credential = sspi_alloc(1);
    return SEC_E_OK;
}

static SECURITY_STATUS run_leg(void *credential, void **context, struct sspi_leg *leg)
{
    (void)credential;
    (void)leg;
    if (!*context)
        *context = sspi_alloc(1);
    return toy.status == SEC_I_CONTINUE_NEEDED ? SEC_I_CONTINUE_NEEDED : SEC_E_OK;
}

static const struct sspi_package package;

static SECURITY_STATUS take(struct sspi_client *client)
{
    if (toy.status != SEC_E_OK)
        return toy.status;
    *client = (struct sspi_client){&package, sspi_alloc(1)};
    atomic_fetch_add(&toy.clients, 1);
    return SEC_E_OK;
}

static SECURITY_STATUS impersonate(void *credential, void *context, struct sspi_client *client)
{
    CU_ASSERT_PTR_NOT_NULL(credential);
    CU_ASSERT_PTR_NOT_NULL(context);
    return take(client);
}

static SECURITY_STATUS impersonate_user(void *credential, const char *user,
                                        struct sspi_client *client)
{
    (void)credential;
    CU_ASSERT_STRING_EQUAL(user, "alice");
    return take(client);
}

static void release_client(void *state)
{
    sspi_free(state);
    atomic_fetch_sub(&toy.clients, 1);
}

static const struct sspi_package package = {.name = "Toy",
                                            .comment = "",
                                            .acquire = acquire,
                                            .free_credential = sspi_free,
                                            .initiate = run_leg,
                                            .accept = run_leg,
                                            .free_context = sspi_free,
                                            .impersonate = impersonate,
                                            .impersonate_user = impersonate_user,
                                            .release_client = release_client};

static const struct sspi_package plain = {.name = "Plain",
                                          .comment = "",
                                          .acquire = acquire,
                                          .free_credential = sspi_free,
                                          .accept = run_leg,
                                          .free_context = sspi_free};

const struct sspi_package *const sspi_packages[] = {&package, &plain, NULL};

const struct sspi_package *sspi_package_find(const char *name)
{
    return strcmp(name, "Plain") == 0 ? &plain : &package;
}

/* ---- the calls ------------------------------------------------------------------------------ */

static CredHandle credential;
static CtxtHandle context;

static void begin(const char *name, bool initiator)
{
    ASSERT_STATUS(
        sspi_credential_acquire(NULL, name, SECPKG_CRED_BOTH, NULL, NULL, &credential, NULL),
        SEC_E_OK);
    (void)sspi_context_leg(&(struct sspi_leg_call){
        .initiator = initiator, .credential = &credential, .new_context = &context});
}

static void end(void)
{
    DeleteSecurityContext(&context);
    FreeCredentialsHandle(&credential);
    toy.status = SEC_E_OK;
}

/* Whether a credential that is acquired now is the client's. */
static bool as_client(ULONG use)
{
    CredHandle fresh;
    ASSERT_STATUS(sspi_credential_acquire(NULL, "Toy", use, NULL, NULL, &fresh, NULL), SEC_E_OK);
    FreeCredentialsHandle(&fresh);
    return toy.seen != NULL;
}

static void there_and_back(void)
{
    begin("Toy", false);
    CU_ASSERT_FALSE(as_client(SECPKG_CRED_OUTBOUND));
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_OK);
    CU_ASSERT_TRUE(as_client(SECPKG_CRED_OUTBOUND));
    CU_ASSERT_FALSE(as_client(SECPKG_CRED_INBOUND)); /* the server's keys stay the server's */
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_OK); /* no stack of clients */
    CU_ASSERT_EQUAL(toy.clients, 1);
    ASSERT_STATUS(RevertSecurityContext(&context), SEC_E_OK);
    CU_ASSERT_FALSE(as_client(SECPKG_CRED_OUTBOUND));
    CU_ASSERT_EQUAL(toy.clients, 0);
    ASSERT_STATUS(RevertSecurityContext(&context), SEC_E_OK);
    end();
}

static void outlives_the_context(void)
{
    begin("Toy", false);
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_OK);
    end();
    CU_ASSERT_TRUE(as_client(SECPKG_CRED_OUTBOUND));
    ASSERT_STATUS(RevertSecurityContext(&context), SEC_E_INVALID_HANDLE);
    CU_ASSERT_TRUE(as_client(SECPKG_CRED_OUTBOUND));
    libsspi_revert();
    CU_ASSERT_FALSE(as_client(SECPKG_CRED_OUTBOUND));
    CU_ASSERT_EQUAL(toy.clients, 0);
}

static void refused(void)
{
    CtxtHandle zeroed = {0, 0};
    ASSERT_STATUS(ImpersonateSecurityContext(&zeroed), SEC_E_INVALID_HANDLE);
    begin("Toy", true);
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_NO_IMPERSONATION);
    end();
    toy.status = SEC_I_CONTINUE_NEEDED;
    begin("Toy", false);
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_NO_IMPERSONATION);
    end();
    begin("Plain", false);
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_UNSUPPORTED_FUNCTION);
    ASSERT_STATUS(libsspi_impersonate_user(&credential, "alice"), SEC_E_UNSUPPORTED_FUNCTION);
    end();
}

/* A refusal leaves whoever was impersonated before. */
static void refused_later(void)
{
    begin("Toy", false);
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_OK);
    toy.status = SEC_E_NO_IMPERSONATION;
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_NO_IMPERSONATION);
    CU_ASSERT_TRUE(as_client(SECPKG_CRED_OUTBOUND));
    CU_ASSERT_EQUAL(toy.clients, 1);
    libsspi_revert();
    end();
}

static void absent_user(void)
{
    CredHandle zeroed = {0, 0};
    begin("Toy", false);
    ASSERT_STATUS(libsspi_impersonate_user(&zeroed, "alice"), SEC_E_INVALID_HANDLE);
    ASSERT_STATUS(libsspi_impersonate_user(&credential, ""), SEC_E_INVALID_PARAMETER);
    ASSERT_STATUS(libsspi_impersonate_user(&credential, NULL), SEC_E_INVALID_PARAMETER);
    ASSERT_STATUS(libsspi_impersonate_user(&credential, "alice"), SEC_E_OK);
    CU_ASSERT_TRUE(as_client(SECPKG_CRED_BOTH));
    libsspi_revert();
    CU_ASSERT_EQUAL(toy.clients, 0);
    end();
}

static void *elsewhere(void *found)
{
    CredHandle fresh;
    sspi_credential_acquire(NULL, "Toy", SECPKG_CRED_OUTBOUND, NULL, NULL, &fresh, NULL);
    FreeCredentialsHandle(&fresh);
    *(bool *)found = toy.seen != NULL;
    ImpersonateSecurityContext(&context); /* and the thread ends */
    return NULL;
}

static void threads(void)
{
    pthread_t thread;
    bool client = true;
    begin("Toy", false);
    ASSERT_STATUS(ImpersonateSecurityContext(&context), SEC_E_OK);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, elsewhere, &client), 0);
    pthread_join(thread, NULL);
    CU_ASSERT_FALSE(client);
    CU_ASSERT_EQUAL(toy.clients, 1); /* the other one went with its thread */
    CU_ASSERT_TRUE(as_client(SECPKG_CRED_OUTBOUND));
    libsspi_revert();
    CU_ASSERT_EQUAL(toy.clients, 0);
    end();
}

SSPI_TESTS({"there_and_back", there_and_back}, {"outlives_the_context", outlives_the_context},
           {"refused", refused}, {"refused_later", refused_later}, {"absent_user", absent_user},
           {"threads", threads})
