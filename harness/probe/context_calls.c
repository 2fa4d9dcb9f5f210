/* SPDX-License-Identifier: Apache-2.0
 *
 * The legs of a handshake and what else takes a context.
 */
#include <string.h>

#include "buffers.h"
#include "out_parameters.h"

#define ALLOCATE_MEMORY 0x100u /* ISC_REQ_ALLOCATE_MEMORY and ASC_REQ_ALLOCATE_MEMORY */

/* What both sides of a handshake have in common. */
struct leg {
    struct handle_argument credential;
    struct handle_argument context;
    struct json *name; /* under which phNewContext is kept */
    struct handle_result new_context;
    struct mask_result attributes;
    struct time_result expiry;
    struct buffer_list input;
    struct buffer_list output;
    uint32_t requirements;
    uint32_t representation;
};

static void leg_read(struct request *r, struct leg *leg)
{
    request_credential(r, &leg->credential);
    request_leg_context(r, &leg->context, &leg->name);
    leg->requirements = request_needed_u32(r, r->object, "fContextReq");
    leg->representation = request_u32(r, r->object, "TargetDataRep", SECURITY_NATIVE_DREP);
    handle_result_prepare(r, &leg->new_context, "phNewContext");
    mask_result_prepare(r, &leg->attributes, "pfContextAttr");
    time_result_prepare(r, &leg->expiry, "ptsExpiry");
    buffers_read(r, "input", "pInput", &leg->input);
    buffers_read(r, "output", "pOutput", &leg->output);
}

/* Some implementations hand out another handle on a later leg: whatever was written counts. */
static void leg_answer(struct request *r, struct leg *leg)
{
    if (handle_result_written(&leg->new_context))
        handles_store(&r->probe->contexts, leg->name->text, leg->name->length,
                      leg->new_context.value);
    answer_status(r);
    handle_result_answer(r, &leg->new_context, "phNewContext");
    mask_result_answer(r, &leg->attributes, "attributes");
    time_result_answer(r, &leg->expiry, "expiry");
    buffers_answer(r, "output", &leg->output,
                   leg->requirements & ALLOCATE_MEMORY ? BUFFERS_ALLOCATED : BUFFERS_WITH_BYTES);
    buffers_answer(r, "input", &leg->input, BUFFERS_WITHOUT_BYTES);
}

void call_initialize_context(struct request *r)
{
    struct leg leg;

    leg_read(r, &leg);
    void *target = request_sspi_string(r, "pszTargetName", false);
    uint32_t reserved1 = request_u32(r, r->object, "Reserved1", 0);
    uint32_t reserved2 = request_u32(r, r->object, "Reserved2", 0);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = r->functions->InitializeSecurityContext(
        leg.credential.pointer, leg.context.pointer, target, leg.requirements, reserved1,
        leg.representation, leg.input.pointer, reserved2, leg.new_context.pointer,
        leg.output.pointer, leg.attributes.pointer, leg.expiry.pointer);
    call_end(r, status);
    leg_answer(r, &leg);
}

void call_accept_context(struct request *r)
{
    struct leg leg;

    leg_read(r, &leg);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = r->functions->AcceptSecurityContext(
        leg.credential.pointer, leg.context.pointer, leg.input.pointer, leg.requirements,
        leg.representation, leg.new_context.pointer, leg.output.pointer, leg.attributes.pointer,
        leg.expiry.pointer);
    call_end(r, status);
    leg_answer(r, &leg);
}

/* CompleteAuthToken, ApplyControlToken */
void call_control_token(struct request *r)
{
    control_token_fn function = strcmp(r->call, "CompleteAuthToken") == 0
                                    ? r->functions->CompleteAuthToken
                                    : r->functions->ApplyControlToken;
    struct handle_argument context;
    struct buffer_list input;

    request_context(r, &context);
    buffers_read(r, "input", "pInput", &input);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = function(context.pointer, input.pointer);
    call_end(r, status);
    answer_status(r);
    buffers_answer(r, "input", &input, BUFFERS_WITH_BYTES);
}

/* ImpersonateSecurityContext, RevertSecurityContext */
void call_context_only(struct request *r)
{
    handle_fn function = strcmp(r->call, "ImpersonateSecurityContext") == 0
                             ? r->functions->ImpersonateSecurityContext
                             : r->functions->RevertSecurityContext;
    struct handle_argument context;

    request_context(r, &context);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = function(context.pointer);
    call_end(r, status);
    answer_status(r);
}

void call_delete_context(struct request *r)
{
    struct handle_argument context;

    request_context(r, &context);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = r->functions->DeleteSecurityContext(context.pointer);
    call_end(r, status);
    if (status >= 0 && context.entry)
        handles_forget(&r->probe->contexts, context.entry);
    answer_status(r);
}
