/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing and sealing messages.
 */
#include <string.h>

#include "buffers.h"
#include "out_parameters.h"

/* MakeSignature, EncryptMessage */
void call_protect(struct request *r)
{
    protect_fn function = strcmp(r->call, "MakeSignature") == 0 ? r->functions->MakeSignature
                                                                : r->functions->EncryptMessage;
    struct handle_argument context;
    struct buffer_list message;

    request_context(r, &context);
    uint32_t quality = request_u32(r, r->object, "fQOP", 0);
    uint32_t sequence = request_u32(r, r->object, "MessageSeqNo", 0);
    buffers_read(r, "message", "pMessage", &message);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = function(context.pointer, quality, message.pointer, sequence);
    call_end(r, status);
    answer_status(r);
    buffers_answer(r, "message", &message, BUFFERS_WITH_BYTES);
}

/* VerifySignature, DecryptMessage */
void call_unprotect(struct request *r)
{
    unprotect_fn function = strcmp(r->call, "VerifySignature") == 0 ? r->functions->VerifySignature
                                                                    : r->functions->DecryptMessage;
    struct handle_argument context;
    struct buffer_list message;
    struct mask_result quality;

    request_context(r, &context);
    uint32_t sequence = request_u32(r, r->object, "MessageSeqNo", 0);
    mask_result_prepare(r, &quality, "pfQOP");
    buffers_read(r, "message", "pMessage", &message);
    if (!request_ready(r))
        return;
    call_begin(r);
    SECURITY_STATUS status = function(context.pointer, message.pointer, sequence, quality.pointer);
    call_end(r, status);
    answer_status(r);
    mask_result_answer(r, &quality, "qop");
    buffers_answer(r, "message", &message, BUFFERS_WITH_BYTES);
}
