/* SPDX-License-Identifier: Apache-2.0
 *
 * Contexts: the legs of InitializeSecurityContext and AcceptSecurityContext, between the caller's
 * buffers and the package.
 */
#include <string.h>

#include "error.h"
#include "export.h"
#include "message.h"
#include "object.h"

static void destroy(struct sspi_object *object)
{
    struct sspi_context *context = (struct sspi_context *)object;
    context->package->free_context(context->state);
    if (context->credential)
        sspi_object_release(&context->credential->object);
    pthread_mutex_destroy(&context->lock);
    sspi_free(context);
}

struct sspi_context *sspi_context_get(const CtxtHandle *handle)
{
    struct sspi_context *context =
        (struct sspi_context *)sspi_handle_get(SSPI_HANDLE_CONTEXT, handle);
    if (context)
        pthread_mutex_lock(&context->lock);
    return context;
}

void sspi_context_put(struct sspi_context *context)
{
    pthread_mutex_unlock(&context->lock);
    sspi_object_release(&context->object);
}

SSPI_EXPORT SECURITY_STATUS DeleteSecurityContext(PCtxtHandle phContext)
{
    struct sspi_object *object = sspi_handle_remove(SSPI_HANDLE_CONTEXT, phContext);
    sspi_object_release(object);
    return object ? SEC_E_OK : SEC_E_INVALID_HANDLE;
}

/* The context of a first leg, locked. On success it took over the credential reference. */
static struct sspi_context *create(const struct sspi_leg_call *call,
                                   struct sspi_credential *credential)
{
    struct sspi_context *context = sspi_alloc(sizeof *context);
    if (!context)
        return NULL;
    sspi_object_init(&context->object, destroy);
    pthread_mutex_init(&context->lock, NULL);
    pthread_mutex_lock(&context->lock);
    context->package = credential->package;
    context->credential = credential;
    context->initiator = call->initiator;
    return context;
}

static SECURITY_STATUS begin_first(const struct sspi_leg_call *call, struct sspi_context **context)
{
    ULONG needed = call->initiator ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND;
    struct sspi_credential *credential = sspi_credential_get(call->credential);
    SECURITY_STATUS status = SEC_E_OK;

    if (!credential)
        return SEC_E_INVALID_HANDLE;
    if (!call->new_context) {
        status = SEC_E_INVALID_HANDLE;
    } else if (!(credential->use & needed)) {
        sspi_error_set("the credential was acquired for the other direction: %s needs %s",
                       call->initiator ? "InitializeSecurityContext" : "AcceptSecurityContext",
                       call->initiator ? "SECPKG_CRED_OUTBOUND" : "SECPKG_CRED_INBOUND");
        status = SEC_E_NO_CREDENTIALS;
    } else {
        *context = create(call, credential);
        if (!*context)
            status = SEC_E_INSUFFICIENT_MEMORY;
    }
    if (status != SEC_E_OK)
        sspi_object_release(&credential->object);
    return status;
}

/* phCredential may be missing on a later leg (fact.server-cred-null-ok); when it is there it must
 * be the one the context was made with. */
static SECURITY_STATUS begin_later(const struct sspi_leg_call *call, struct sspi_context **out)
{
    SECURITY_STATUS status = SEC_E_OK;
    struct sspi_context *context = sspi_context_get(call->context);
    if (!context)
        return SEC_E_INVALID_HANDLE;
    if (call->credential) {
        struct sspi_credential *credential = sspi_credential_get(call->credential);
        if (!credential)
            status = SEC_E_INVALID_HANDLE;
        else if (credential != context->credential)
            status = SEC_E_WRONG_CREDENTIAL_HANDLE;
        if (credential)
            sspi_object_release(&credential->object);
    }
    if (status == SEC_E_OK && context->initiator != call->initiator)
        status = SEC_E_INVALID_HANDLE;
    /* trig.asc.after-complete, trig.isc.retry-after-fail */
    if (status == SEC_E_OK && context->progress != SSPI_OPEN)
        status = SEC_E_OUT_OF_SEQUENCE;
    if (status != SEC_E_OK) {
        sspi_context_put(context);
        return status;
    }
    *out = context;
    return SEC_E_OK;
}

/* [out] leg, bindings: views of the caller's buffers. */
static SECURITY_STATUS read_input(const struct sspi_leg_call *call, struct sspi_leg *leg,
                                  struct sspi_bindings *bindings)
{
    if (!call->input)
        return SEC_E_OK;
    SECURITY_STATUS status = sspi_message_check(call->input);
    if (status != SEC_E_OK)
        return status;
    const SecBuffer *token = sspi_message_find(call->input, SECBUFFER_TOKEN);
    if (token) {
        leg->has_token = true;
        leg->token = (struct sspi_view){token->pvBuffer, token->cbBuffer};
    }
    const SecBuffer *binding = sspi_message_find(call->input, SECBUFFER_CHANNEL_BINDINGS);
    if (!binding || !binding->cbBuffer)
        return SEC_E_OK;
    status = sspi_bindings_read((struct sspi_view){binding->pvBuffer, binding->cbBuffer}, bindings);
    if (status == SEC_E_OK)
        leg->bindings = bindings;
    return status;
}

static bool allocates(const struct sspi_leg_call *call)
{
    _Static_assert(ISC_REQ_ALLOCATE_MEMORY == ASC_REQ_ALLOCATE_MEMORY &&
                       ISC_RET_ALLOCATED_MEMORY == ASC_RET_ALLOCATED_MEMORY,
                   "one bit for both directions");
    return call->req & ISC_REQ_ALLOCATE_MEMORY;
}

/* [out] buffer: the TOKEN buffer of pOutput, or NULL. inter.null-buffer-no-allocate. */
static SECURITY_STATUS find_output(const struct sspi_leg_call *call, SecBuffer **buffer,
                                   size_t *room)
{
    *room = 0;
    *buffer = sspi_message_room(call->output, SECBUFFER_TOKEN);
    if (!*buffer)
        return SEC_E_OK;
    if (allocates(call)) {
        *room = SIZE_MAX;
        return SEC_E_OK;
    }
    if (!(*buffer)->pvBuffer && (*buffer)->cbBuffer) {
        *buffer = NULL; /* and stays as it is */
        return SEC_E_INTERNAL_ERROR;
    }
    *room = (*buffer)->cbBuffer;
    return SEC_E_OK;
}

/* Gives the caller the leg's token. Too small, missing: trig.isc.ntlm.*; the buffer keeps its
 * cbBuffer then. */
static SECURITY_STATUS write_token(const struct sspi_leg_call *call, SecBuffer *buffer,
                                   struct sspi_leg *leg)
{
    if (leg->output.size == 0) {
        if (buffer) {
            buffer->cbBuffer = 0;
            if (allocates(call))
                buffer->pvBuffer = NULL;
        }
        return SEC_E_OK;
    }
    if (!buffer || leg->output.size > leg->max_output || leg->output.size > UINT32_MAX)
        return SEC_E_BUFFER_TOO_SMALL;
    if (allocates(call)) {
        buffer->pvBuffer = leg->output.data;
        leg->output.data = NULL; /* the caller's now */
    } else {
        memcpy(buffer->pvBuffer, leg->output.data, leg->output.size);
    }
    buffer->cbBuffer = (ULONG)leg->output.size;
    leg->output.size = 0;
    return SEC_E_OK;
}

static bool succeeded(SECURITY_STATUS status)
{
    return status == SEC_E_OK || status == SEC_I_CONTINUE_NEEDED;
}

static SECURITY_STATUS run_package(const struct sspi_leg_call *call, struct sspi_context *context,
                                   struct sspi_leg *leg)
{
    const struct sspi_package *package = context->package;
    void *credential = context->credential->state;
    SECURITY_STATUS status = call->initiator ? package->initiate(credential, &context->state, leg)
                                             : package->accept(credential, &context->state, leg);
    return succeeded(status) && !context->state ? SEC_E_INTERNAL_ERROR : status;
}

/* After a leg that went well: the handle first, because it may still fail, then the rest. */
static SECURITY_STATUS publish(const struct sspi_leg_call *call, struct sspi_context *context,
                               SecBuffer *buffer, struct sspi_leg *leg)
{
    CtxtHandle handle;
    if (call->context)
        handle = *call->context;
    else if (!sspi_handle_add(SSPI_HANDLE_CONTEXT, &context->object, &handle))
        return SEC_E_INSUFFICIENT_MEMORY;
    else
        sspi_object_keep(&context->object); /* sspi_context_leg holds on to its own */
    SECURITY_STATUS status = write_token(call, buffer, leg);
    if (status != SEC_E_OK) {
        if (!call->context)
            DeleteSecurityContext(&handle);
        return status;
    }
    context->flags = leg->ret | (allocates(call) ? ISC_RET_ALLOCATED_MEMORY : 0);
    if (call->new_context)
        *call->new_context = handle;
    if (call->attributes)
        *call->attributes = context->flags;
    if (call->expiry && leg->has_expiry)
        *call->expiry = leg->expiry;
    return SEC_E_OK;
}

/* Ends a failed leg. A token beside an error is for the peer (KRB-ERROR, SPNEGO reject under
 * EXTENDED_ERROR); without one the caller must not send what his buffer held before. */
static void fail(const struct sspi_leg_call *call, struct sspi_context *context, SecBuffer *buffer,
                 struct sspi_leg *leg, SECURITY_STATUS status)
{
    context->progress = SSPI_FAILED;
    if (status == SEC_E_BUFFER_TOO_SMALL)
        return;
    if (leg->output.size > leg->max_output)
        sspi_blob_free(&leg->output);
    (void)write_token(call, buffer, leg);
}

SECURITY_STATUS sspi_context_leg(const struct sspi_leg_call *call)
{
    struct sspi_context *context = NULL;
    struct sspi_bindings bindings;
    struct sspi_leg leg = {.req = call->req, .data_rep = call->data_rep, .target = call->target};
    SecBuffer *buffer = NULL;

    SECURITY_STATUS status =
        call->context ? begin_later(call, &context) : begin_first(call, &context);
    if (status != SEC_E_OK)
        return status;
    status = find_output(call, &buffer, &leg.max_output);
    if (status == SEC_E_OK)
        status = read_input(call, &leg, &bindings);
    if (status == SEC_E_OK)
        status = run_package(call, context, &leg);
    if (succeeded(status)) {
        SECURITY_STATUS published = publish(call, context, buffer, &leg);
        if (published != SEC_E_OK)
            status = published;
        else if (status == SEC_E_OK)
            context->progress = SSPI_ESTABLISHED;
    }
    if (!succeeded(status))
        fail(call, context, buffer, &leg, status);
    sspi_blob_free(&leg.output);
    sspi_context_put(context);
    return status;
}
