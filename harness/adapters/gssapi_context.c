/* SPDX-License-Identifier: Apache-2.0
 * Legs: requirements to GSS flags, GSS flags to attributes, tokens and channel bindings. */
#include "gssapi.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ALL_FLAGS = 0x1F,        /* DELEGATE to CONFIDENTIALITY have the same values in SSPI and GSS */
    DATAGRAM_FLAG = 0x10000, /* gss-ntlmssp's own */
};

static struct context *contexts;

/* The bits that differ between the two sides of SSPI. */
struct side {
    ULONG integrity, identify, extended_error, allocate;
};

static const struct side initiator = {ISC_REQ_INTEGRITY, ISC_REQ_IDENTIFY, ISC_REQ_EXTENDED_ERROR,
                                      ISC_REQ_ALLOCATE_MEMORY};
static const struct side acceptor = {ASC_REQ_INTEGRITY, ASC_REQ_IDENTIFY, ASC_REQ_EXTENDED_ERROR,
                                     ASC_REQ_ALLOCATE_MEMORY};

struct context *context_of(const CtxtHandle *handle)
{
    struct context *one = contexts;
    while (one && (!handle || (uintptr_t)one != handle->dwLower))
        one = one->next;
    return one;
}

SECURITY_STATUS delete_context(PCtxtHandle handle)
{
    struct context *one = context_of(handle), **place = &contexts;
    OM_uint32 minor;

    if (!one)
        return SEC_E_INVALID_HANDLE;
    while (*place != one)
        place = &(*place)->next;
    *place = one->next;
    gss_delete_sec_context(&minor, &one->gss, GSS_C_NO_BUFFER);
    free(one);
    return SEC_E_OK;
}

static OM_uint32 flags_of(ULONG requirements, const struct side *side)
{
    return (requirements & ALL_FLAGS) | (requirements & side->integrity ? GSS_C_INTEG_FLAG : 0) |
           (requirements & side->identify ? GSS_C_IDENTIFY_FLAG : 0) |
           (requirements & side->extended_error ? GSS_C_EXTENDED_ERROR_FLAG : 0) |
           (requirements & ISC_REQ_USE_DCE_STYLE ? GSS_C_DCE_STYLE : 0) |
           (requirements & ISC_REQ_DATAGRAM ? DATAGRAM_FLAG : 0);
}

static ULONG attributes_of(OM_uint32 flags, ULONG requirements, const struct side *side)
{
    return (flags & ALL_FLAGS) | (flags & GSS_C_INTEG_FLAG ? side->integrity : 0) |
           (flags & GSS_C_IDENTIFY_FLAG ? side->identify : 0) |
           (flags & GSS_C_EXTENDED_ERROR_FLAG ? side->extended_error : 0) |
           (flags & GSS_C_DCE_STYLE ? ISC_RET_USED_DCE_STYLE : 0) |
           (flags & DATAGRAM_FLAG ? ISC_RET_DATAGRAM : 0) |
           (requirements & (side->allocate | ISC_REQ_CONNECTION));
}

/* A part of the bindings, or false when it lies outside the buffer. */
static bool part_of(const SecBuffer *buffer, ULONG offset, ULONG length, gss_buffer_desc *part)
{
    if (length && (offset > buffer->cbBuffer || length > buffer->cbBuffer - offset))
        return false;
    *part = (gss_buffer_desc){length, length ? (char *)buffer->pvBuffer + offset : NULL};
    return true;
}

/* `found` stays NULL without bindings. */
static SECURITY_STATUS bindings_of(const SecBufferDesc *input,
                                   struct gss_channel_bindings_struct *made,
                                   gss_channel_bindings_t *found)
{
    const SecBuffer *buffer = buffer_of(input, SECBUFFER_CHANNEL_BINDINGS);
    SEC_CHANNEL_BINDINGS in;

    *found = GSS_C_NO_CHANNEL_BINDINGS;
    if (!buffer || !buffer->pvBuffer || !buffer->cbBuffer)
        return SEC_E_OK;
    if (buffer->cbBuffer < sizeof in)
        return SEC_E_INVALID_TOKEN;
    memcpy(&in, buffer->pvBuffer, sizeof in);
    memset(made, 0, sizeof *made);
    made->initiator_addrtype = in.dwInitiatorAddrType;
    made->acceptor_addrtype = in.dwAcceptorAddrType;
    if (!part_of(buffer, in.dwInitiatorOffset, in.cbInitiatorLength, &made->initiator_address) ||
        !part_of(buffer, in.dwAcceptorOffset, in.cbAcceptorLength, &made->acceptor_address) ||
        !part_of(buffer, in.dwApplicationDataOffset, in.cbApplicationDataLength,
                 &made->application_data))
        return SEC_E_INVALID_TOKEN;
    *found = made;
    return SEC_E_OK;
}

/* Put a token where the caller wants it; frees it. */
static SECURITY_STATUS put_token(gss_buffer_desc *token, SecBuffer *buffer, bool allocate)
{
    SECURITY_STATUS status = SEC_E_OK;
    OM_uint32 minor;

    if (!buffer) {
        status = token->length ? SEC_E_BUFFER_TOO_SMALL : SEC_E_OK;
    } else if (allocate && token->length) {
        buffer->pvBuffer = malloc(token->length);
        status = buffer->pvBuffer ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
    } else if (token->length > buffer->cbBuffer || (token->length && !buffer->pvBuffer)) {
        status = SEC_E_BUFFER_TOO_SMALL;
    }
    if (buffer && status == SEC_E_OK) {
        if (token->length)
            memcpy(buffer->pvBuffer, token->value, token->length);
        buffer->cbBuffer = (ULONG)token->length;
    }
    gss_release_buffer(&minor, token);
    return status;
}

/* SSPI tells local time; GSSAPI tells seconds from now. */
static void put_expiry(PTimeStamp expiry, OM_uint32 seconds)
{
    time_t now = time(NULL);
    struct tm local;

    if (!expiry)
        return;
    expiry->QuadPart = INT64_MAX;
    if (seconds != GSS_C_INDEFINITE && localtime_r(&now, &local))
        expiry->QuadPart = ((int64_t)now + seconds + local.tm_gmtoff + 11644473600) * 10000000;
}

/* What both kinds of leg need. */
struct leg {
    struct context *context;
    struct credential *owner;
    gss_cred_id_t credential;
    struct gss_channel_bindings_struct bindings;
    gss_channel_bindings_t given;
    gss_buffer_desc input;
    bool fresh;
};

static SECURITY_STATUS begin(struct leg *leg, PCredHandle credential, PCtxtHandle handle,
                             const SecBufferDesc *input, bool is_initiator)
{
    struct context *found = context_of(handle);
    /* After the first leg the credential may be left away. */
    struct credential *cred = credential_of(found && !credential ? &found->owner : credential);
    const SecBuffer *token = buffer_of(input, SECBUFFER_TOKEN);
    SECURITY_STATUS status;

    memset(leg, 0, sizeof *leg);
    leg->context = found;
    leg->owner = cred;
    leg->fresh = !handle;
    if ((handle && !leg->context) || !cred)
        return SEC_E_INVALID_HANDLE;
    if (leg->context && leg->context->complete)
        return SEC_E_OUT_OF_SEQUENCE;
    if (token && token->pvBuffer)
        leg->input = (gss_buffer_desc){token->cbBuffer, token->pvBuffer};
    /* SPNEGO's acceptor may speak first (MS-SPNG NegTokenInit2), and that of datagrams does. */
    if ((handle || (!is_initiator && cred->package == KERBEROS)) && !leg->input.length)
        return SEC_E_INVALID_TOKEN;
    status = bindings_of(input, &leg->bindings, &leg->given);
    if (status == SEC_E_OK)
        status =
            credential_for(cred, is_initiator ? GSS_C_INITIATE : GSS_C_ACCEPT, &leg->credential);
    if (status != SEC_E_OK || !leg->fresh)
        return status;
    leg->context = calloc(1, sizeof *leg->context);
    if (!leg->context)
        return SEC_E_INSUFFICIENT_MEMORY;
    leg->context->owner = *credential;
    leg->context->next = contexts;
    contexts = leg->context;
    return SEC_E_OK;
}

/* What a refusal means that no code explains: gss-ntlmssp has one for all answers that are wrong.
 */
static SECURITY_STATUS otherwise(const struct leg *leg)
{
    bool answers = leg->input.length && !leg->fresh &&
                   memmem(leg->input.value, leg->input.length, "NTLMSSP\0\3", 9);
    return answers ? SEC_E_LOGON_DENIED : SEC_E_INVALID_TOKEN;
}

static bool is_ntlm(gss_ctx_id_t context)
{
    gss_OID mechanism = GSS_C_NO_OID;
    OM_uint32 minor;
    OM_uint32 major =
        gss_inquire_context(&minor, context, NULL, NULL, NULL, &mechanism, NULL, NULL, NULL);
    return !GSS_ERROR(major) && mechanism && gss_oid_equal(mechanism, mechanism_of(NTLM));
}

static SECURITY_STATUS finish(struct leg *leg, OM_uint32 major, OM_uint32 minor,
                              gss_buffer_desc *token, OM_uint32 flags, OM_uint32 seconds,
                              const struct side *side, ULONG requirements, PCtxtHandle new_context,
                              const SecBufferDesc *output, ULONG *attributes, PTimeStamp expiry)
{
    SecBuffer *buffer = buffer_of(output, SECBUFFER_TOKEN);
    SECURITY_STATUS status = GSS_ERROR(major) ? status_of(major, minor, otherwise(leg))
                             : major & GSS_S_CONTINUE_NEEDED ? SEC_I_CONTINUE_NEEDED
                                                             : SEC_E_OK;
    bool refused = status < 0;
    SECURITY_STATUS put = put_token(token, buffer, requirements & side->allocate);
    CtxtHandle handle = {(uintptr_t)leg->context, 0};

    status = put == SEC_E_OK || refused ? status : put;
    if (status < 0) {
        if (leg->fresh)
            delete_context(&handle);
        return status;
    }
    leg->context->complete = status == SEC_E_OK;
    leg->context->ntlm = status == SEC_E_OK && is_ntlm(leg->context->gss);
    leg->context->attributes = attributes_of(flags, requirements, side);
    if (new_context)
        *new_context = handle;
    if (attributes)
        *attributes = leg->context->attributes;
    put_expiry(expiry, seconds);
    return status;
}

/* Kerberos takes a target as it stands, with or without a realm; the other mechanisms of GSSAPI
 * know a target only as service@host. */
static bool name_of(const struct credential *credential, const SEC_WCHAR *target, gss_name_t *name)
{
    bool principal = credential->mechanisms == 1u << KERBEROS;
    gss_buffer_desc text = {0, narrow(target, wide_length(target))};
    char *slash = text.value && !principal ? strchr(text.value, '/') : NULL;
    OM_uint32 minor, major = GSS_S_BAD_NAME;

    text.length = text.value ? strlen(text.value) : 0;
    if (slash)
        *slash = '@';
    if (text.length)
        major = gss_import_name(
            &minor, &text,
            principal ? (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME : GSS_C_NT_HOSTBASED_SERVICE, name);
    free(text.value);
    return !GSS_ERROR(major);
}

SECURITY_STATUS initialize_context(PCredHandle credential, PCtxtHandle context, SEC_WCHAR *target,
                                   ULONG requirements, ULONG reserved1, ULONG data_rep,
                                   PSecBufferDesc input, ULONG reserved2, PCtxtHandle new_context,
                                   PSecBufferDesc output, ULONG *attributes, PTimeStamp expiry)
{
    struct leg leg;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 major, minor, ignored, wanted, flags = 0, seconds = 0;
    SECURITY_STATUS status = begin(&leg, credential, context, input, true);

    (void)reserved1, (void)data_rep, (void)reserved2;
    if (status != SEC_E_OK)
        return status;
    if (!name_of(leg.owner, target, &name)) {
        if (leg.fresh)
            delete_context(&(CtxtHandle){(uintptr_t)leg.context, 0});
        return SEC_E_TARGET_UNKNOWN;
    }
    wanted = flags_of(requirements, &initiator);
    if (!(leg.owner->mechanisms & 1u << NTLM))
        wanted &= ~(OM_uint32)DATAGRAM_FLAG;
    major = gss_init_sec_context(&minor, leg.credential, &leg.context->gss, name,
                                 mechanism_of(leg.owner->package), wanted, GSS_C_INDEFINITE,
                                 leg.given, &leg.input, NULL, &token, &flags, &seconds);
    gss_release_name(&ignored, &name);
    return finish(&leg, major, minor, &token, flags, seconds, &initiator, requirements, new_context,
                  output, attributes, expiry);
}

SECURITY_STATUS accept_context(PCredHandle credential, PCtxtHandle context, PSecBufferDesc input,
                               ULONG requirements, ULONG data_rep, PCtxtHandle new_context,
                               PSecBufferDesc output, ULONG *attributes, PTimeStamp expiry)
{
    struct leg leg;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor = 0, flags = 0, seconds = 0;
    SECURITY_STATUS status = begin(&leg, credential, context, input, false);

    (void)data_rep;
    if (status != SEC_E_OK)
        return status;
    major = gss_accept_sec_context(&minor, &leg.context->gss, leg.credential, &leg.input, leg.given,
                                   NULL, NULL, &token, &flags, &seconds, NULL);
    /* MIT lets a client pass that does not know of bindings; SSPI has a flag for that. */
    if (major == GSS_S_COMPLETE && leg.given && !(flags & GSS_C_CHANNEL_BOUND_FLAG) &&
        !(requirements & ASC_REQ_ALLOW_MISSING_BINDINGS))
        major = GSS_S_BAD_BINDINGS;
    return finish(&leg, major, minor, &token, flags, seconds, &acceptor, requirements, new_context,
                  output, attributes, expiry);
}
