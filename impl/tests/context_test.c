/* SPDX-License-Identifier: Apache-2.0
 *
 * What the surface does with a leg's answer, over a toy package that answers as it is told. The
 * toy takes the place of packages.c when this program is linked.
 */
#include "run.h"

#include <stdlib.h>

#include "memory.h"
#include "object.h"
#include "text.h"

static struct {
    SECURITY_STATUS status;
    const char *output;
    bool no_context;
    struct sspi_leg seen; /* the newest leg's input */
    char token[32];
    int contexts, credentials;
} toy;

static SECURITY_STATUS acquire(const struct sspi_cred_request *request, void **credential,
                               TimeStamp *expiry)
{
    (void)request;
    *credential = sspi_alloc(1);
    toy.credentials++;
    expiry->QuadPart = 77;
    return SEC_E_OK;
}

static void free_credential(void *credential)
{
    toy.credentials -= credential != NULL;
    sspi_free(credential);
}

static SECURITY_STATUS run_leg(void *credential, void **context, struct sspi_leg *leg)
{
    CU_ASSERT_PTR_NOT_NULL(credential);
    toy.seen = *leg;
    memcpy(toy.token, leg->token.data ? leg->token.data : (const uint8_t *)"",
           leg->token.size < sizeof toy.token ? leg->token.size : sizeof toy.token);
    if (!*context && !toy.no_context) {
        *context = sspi_alloc(1);
        toy.contexts++;
    }
    if (toy.output)
        sspi_blob_copy(&leg->output, toy.output, strlen(toy.output));
    leg->ret = ISC_RET_INTEGRITY;
    leg->has_expiry = true;
    leg->expiry.QuadPart = 88;
    return toy.status;
}

static void free_context(void *context)
{
    toy.contexts -= context != NULL;
    sspi_free(context);
}

static SECURITY_STATUS query(void *context, struct sspi_attribute *attribute)
{
    (void)context;
    (void)attribute;
    return SEC_E_UNSUPPORTED_FUNCTION;
}

static const struct sspi_package package = {.name = "Toy",
                                            .comment = "",
                                            .acquire = acquire,
                                            .free_credential = free_credential,
                                            .initiate = run_leg,
                                            .accept = run_leg,
                                            .free_context = free_context,
                                            .query = query};

const struct sspi_package *const sspi_packages[] = {&package, NULL};

const struct sspi_package *sspi_package_find(const char *name)
{
    return sspi_equal_nocase(name, "Toy") ? &package : NULL;
}

/* ---- the call ------------------------------------------------------------------------------- */

static CredHandle credential;
static CtxtHandle context;
static uint8_t room[64];
static SecBuffer buffer;
static SecBufferDesc output;
static ULONG attributes;
static TimeStamp expiry;

static void begin(SECURITY_STATUS status, const char *token)
{
    memset(&toy, 0, sizeof toy);
    memset(&context, 0xaa, sizeof context);
    memset(room, 0xaa, sizeof room);
    toy.status = status;
    toy.output = token;
    buffer = (SecBuffer){sizeof room, SECBUFFER_TOKEN, room};
    output = (SecBufferDesc){SECBUFFER_VERSION, 1, &buffer};
    attributes = 0xaaaaaaaa;
    expiry.QuadPart = -1;
    ASSERT_STATUS(
        sspi_credential_acquire(NULL, "toy", SECPKG_CRED_BOTH, NULL, NULL, &credential, NULL),
        SEC_E_OK);
}

static void end(void)
{
    FreeCredentialsHandle(&credential);
    CU_ASSERT_EQUAL(toy.contexts, 0);
    CU_ASSERT_EQUAL(toy.credentials, 0);
}

static SECURITY_STATUS leg(const CtxtHandle *old, ULONG req, SecBufferDesc *input)
{
    return sspi_context_leg(&(struct sspi_leg_call){.initiator = true,
                                                    .credential = &credential,
                                                    .context = old,
                                                    .req = req,
                                                    .input = input,
                                                    .new_context = &context,
                                                    .output = &output,
                                                    .attributes = &attributes,
                                                    .expiry = &expiry});
}

/* ---- the rules ------------------------------------------------------------------------------ */

static void going_well(void)
{
    begin(SEC_I_CONTINUE_NEEDED, "token");
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 5);
    CU_ASSERT(memcmp(room, "token\xaa", 6) == 0);
    CU_ASSERT_EQUAL(attributes, ISC_RET_INTEGRITY);
    CU_ASSERT_EQUAL(expiry.QuadPart, 88);
    CU_ASSERT_EQUAL(toy.seen.max_output, sizeof room);
    CU_ASSERT_FALSE(toy.seen.has_token);
    toy.status = SEC_E_OK;
    toy.output = NULL; /* nothing to send: pOutput may be missing */
    output.cBuffers = 0;
    ASSERT_STATUS(leg(&context, 0, NULL), SEC_E_OK);
    /* The toy would go on for ever; the surface does not. */
    ASSERT_STATUS(leg(&context, 0, NULL), SEC_E_OUT_OF_SEQUENCE);
    ASSERT_STATUS(DeleteSecurityContext(&context), SEC_E_OK);
    end();
}

static void failing_first(void)
{
    CtxtHandle untouched;
    begin(SEC_E_LOGON_DENIED, NULL);
    untouched = context;
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_E_LOGON_DENIED);
    CU_ASSERT(memcmp(&context, &untouched, sizeof context) == 0);
    CU_ASSERT_EQUAL(attributes, 0xaaaaaaaa);
    CU_ASSERT_EQUAL(expiry.QuadPart, -1);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 0);
    CU_ASSERT_EQUAL(toy.contexts, 0);
    end();
}

static void failing_later(void)
{
    begin(SEC_I_CONTINUE_NEEDED, NULL);
    leg(NULL, 0, NULL);
    toy.status = SEC_E_LOGON_DENIED;
    ASSERT_STATUS(leg(&context, 0, NULL), SEC_E_LOGON_DENIED);
    toy.status = SEC_E_OK;
    ASSERT_STATUS(leg(&context, 0, NULL), SEC_E_OUT_OF_SEQUENCE);
    CU_ASSERT_EQUAL(toy.contexts, 1); /* until it is deleted */
    ASSERT_STATUS(DeleteSecurityContext(&context), SEC_E_OK);
    end();
}

/* An error token reaches the caller with the error. */
static void error_token(void)
{
    begin(SEC_E_TIME_SKEW, "KRB-ERROR");
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_E_TIME_SKEW);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 9);
    CU_ASSERT(memcmp(room, "KRB-ERROR", 9) == 0);
    buffer.cbBuffer = 3; /* no room: the status stays the package's, and there is no token */
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_E_TIME_SKEW);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 0);
    end();
}

static void too_small(void)
{
    begin(SEC_I_CONTINUE_NEEDED, "token");
    buffer.cbBuffer = 4;
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_E_BUFFER_TOO_SMALL);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 4);
    CU_ASSERT_EQUAL(room[0], 0xaa);
    CU_ASSERT_EQUAL(toy.contexts, 0);
    buffer.cbBuffer = 5;
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_I_CONTINUE_NEEDED);
    buffer.cbBuffer = 4;
    ASSERT_STATUS(leg(&context, 0, NULL), SEC_E_BUFFER_TOO_SMALL);
    buffer.cbBuffer = 5;
    ASSERT_STATUS(leg(&context, 0, NULL), SEC_E_OUT_OF_SEQUENCE);
    DeleteSecurityContext(&context);
    end();
}

static void allocating(void)
{
    begin(SEC_I_CONTINUE_NEEDED, "token");
    ASSERT_STATUS(leg(NULL, ISC_REQ_ALLOCATE_MEMORY, NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(toy.seen.max_output, SIZE_MAX);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 5);
    CU_ASSERT_PTR_NOT_EQUAL(buffer.pvBuffer, room);
    CU_ASSERT_EQUAL(attributes, ISC_RET_INTEGRITY | ISC_RET_ALLOCATED_MEMORY);
    FreeContextBuffer(buffer.pvBuffer);
    toy.output = NULL;
    ASSERT_STATUS(leg(&context, ISC_REQ_ALLOCATE_MEMORY, NULL), SEC_I_CONTINUE_NEEDED);
    CU_ASSERT_EQUAL(buffer.cbBuffer, 0);
    CU_ASSERT_PTR_NULL(buffer.pvBuffer); /* nothing stale to free */
    DeleteSecurityContext(&context);
    end();
}

static void input(void)
{
    uint8_t bindings[40] = {0};
    SecBuffer in[] = {{5, SECBUFFER_TOKEN | SECBUFFER_READONLY, "input"},
                      {sizeof bindings, SECBUFFER_CHANNEL_BINDINGS, bindings}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, in};
    bindings[24] = 8; /* cbApplicationDataLength, dwApplicationDataOffset */
    bindings[28] = 32;
    begin(SEC_E_OK, NULL);
    ASSERT_STATUS(leg(NULL, 0, &desc), SEC_E_OK);
    CU_ASSERT(toy.seen.has_token);
    CU_ASSERT_STRING_EQUAL(toy.token, "input");
    CU_ASSERT_PTR_NOT_NULL(toy.seen.bindings);
    DeleteSecurityContext(&context);
    bindings[28] = 33;
    ASSERT_STATUS(leg(NULL, 0, &desc), SEC_E_INVALID_TOKEN);
    in[1].cbBuffer = 0; /* none */
    ASSERT_STATUS(leg(NULL, 0, &desc), SEC_E_OK);
    CU_ASSERT_PTR_NULL(toy.seen.bindings);
    DeleteSecurityContext(&context);
    in[0].pvBuffer = NULL;
    ASSERT_STATUS(leg(NULL, 0, &desc), SEC_E_INVALID_TOKEN);
    in[0].cbBuffer = 0; /* path.negotiate.empty-first-input */
    ASSERT_STATUS(leg(NULL, 0, &desc), SEC_E_OK);
    CU_ASSERT(toy.seen.has_token);
    DeleteSecurityContext(&context);
    end();
}

/* A package that says it went well and has no context does not get away with it. */
static void no_context(void)
{
    begin(SEC_E_OK, NULL);
    toy.no_context = true;
    ASSERT_STATUS(leg(NULL, 0, NULL), SEC_E_INTERNAL_ERROR);
    end();
}

static void package_by_default(void)
{
    SecPkgContext_NegotiationInfoA info;
    begin(SEC_I_CONTINUE_NEEDED, NULL);
    leg(NULL, 0, NULL);
    ASSERT_STATUS(QueryContextAttributesA(&context, SECPKG_ATTR_NEGOTIATION_INFO, &info), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(info.PackageInfo->Name, "Toy");
    CU_ASSERT_EQUAL(info.NegotiationState, SECPKG_NEGOTIATION_IN_PROGRESS);
    FreeContextBuffer(info.PackageInfo);
    ASSERT_STATUS(QueryContextAttributesA(&context, SECPKG_ATTR_SIZES, &info),
                  SEC_E_UNSUPPORTED_FUNCTION);
    ASSERT_STATUS(QueryContextAttributesA(&context, SECPKG_ATTR_FLAGS, NULL),
                  SEC_E_INVALID_PARAMETER);
    DeleteSecurityContext(&context);
    end();
}

SSPI_TESTS({"going_well", going_well}, {"failing_first", failing_first},
           {"failing_later", failing_later}, {"error_token", error_token}, {"too_small", too_small},
           {"allocating", allocating}, {"input", input}, {"no_context", no_context},
           {"package_by_default", package_by_default})
