/* SPDX-License-Identifier: Apache-2.0
 *
 * Message protection: the buffers are checked here, the package does the rest in place.
 */
#include "export.h"
#include "message.h"
#include "object.h"

/* The context, locked and told the number, if it can protect messages; else NULL and the status why
 * not. A context that is not established has no keys; Windows' pages have no other status for it.
 */
static struct sspi_context *begin(const CtxtHandle *handle, const SecBufferDesc *message,
                                  ULONG number, SECURITY_STATUS *status)
{
    struct sspi_context *context = sspi_context_get(handle);
    *status = SEC_E_OK;
    if (!context || context->progress != SSPI_ESTABLISHED)
        *status = SEC_E_INVALID_HANDLE;
    else
        *status = sspi_message_check(message);
    if (*status == SEC_E_OK) {
        if (context->package->sequence)
            context->package->sequence(context->state, number);
        return context;
    }
    if (context)
        sspi_context_put(context);
    return NULL;
}

SSPI_EXPORT SECURITY_STATUS MakeSignature(PCtxtHandle phContext, ULONG fQOP,
                                          PSecBufferDesc pMessage, ULONG MessageSeqNo)
{
    SECURITY_STATUS status;
    struct sspi_context *context = begin(phContext, pMessage, MessageSeqNo, &status);
    if (!context)
        return status;
    status = context->package->sign(context->state, fQOP, pMessage);
    sspi_context_put(context);
    return status;
}

SSPI_EXPORT SECURITY_STATUS VerifySignature(PCtxtHandle phContext, PSecBufferDesc pMessage,
                                            ULONG MessageSeqNo, ULONG *pfQOP)
{
    SECURITY_STATUS status;
    ULONG unwanted; /* NTLM leaves *pfQOP alone (mp.qop.out.ntlm-untouched) */
    struct sspi_context *context = begin(phContext, pMessage, MessageSeqNo, &status);
    if (!context)
        return status;
    status = context->package->verify(context->state, pMessage, pfQOP ? pfQOP : &unwanted);
    sspi_context_put(context);
    return status;
}

SSPI_EXPORT SECURITY_STATUS EncryptMessage(PCtxtHandle phContext, ULONG fQOP,
                                           PSecBufferDesc pMessage, ULONG MessageSeqNo)
{
    SECURITY_STATUS status;
    struct sspi_context *context = begin(phContext, pMessage, MessageSeqNo, &status);
    if (!context)
        return status;
    status = context->package->encrypt(context->state, fQOP, pMessage);
    sspi_context_put(context);
    return status;
}

SSPI_EXPORT SECURITY_STATUS DecryptMessage(PCtxtHandle phContext, PSecBufferDesc pMessage,
                                           ULONG MessageSeqNo, ULONG *pfQOP)
{
    SECURITY_STATUS status;
    ULONG unwanted;
    struct sspi_context *context = begin(phContext, pMessage, MessageSeqNo, &status);
    if (!context)
        return status;
    status = context->package->decrypt(context->state, pMessage, pfQOP ? pfQOP : &unwanted);
    sspi_context_put(context);
    return status;
}
