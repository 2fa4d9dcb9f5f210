/* SPDX-License-Identifier: Apache-2.0
 *
 * The three NTLM messages.
 */
#include "ntlm/messages.h"

#include <string.h>

#include "ntlm/wire.h"

#define SIGNATURE "NTLMSSP" /* with its terminating zero, MS-NLMP 2.2.1.1 */
#define SIGNATURE_SIZE 8
#define TYPE_OFFSET 8

#define NEGOTIATE_MIN 16 /* through NegotiateFlags: what old clients send */
#define NEGOTIATE_SIZE 40
#define NEGOTIATE_FLAGS 12
#define NEGOTIATE_VERSION 32

#define CHALLENGE_MIN 32 /* through ServerChallenge: no target info */
#define CHALLENGE_INFO_MIN 48
#define CHALLENGE_SIZE 56
#define CHALLENGE_NAME 12
#define CHALLENGE_FLAGS 20
#define CHALLENGE_BYTES 24
#define CHALLENGE_INFO 40
#define CHALLENGE_VERSION 48

#define AUTHENTICATE_MIN 64 /* through NegotiateFlags */
#define AUTHENTICATE_SIZE (NTLM_MIC_OFFSET + NTLM_MIC_SIZE)
#define AUTHENTICATE_LM 12
#define AUTHENTICATE_NT 20
#define AUTHENTICATE_DOMAIN 28
#define AUTHENTICATE_USER 36
#define AUTHENTICATE_WORKSTATION 44
#define AUTHENTICATE_KEY 52
#define AUTHENTICATE_FLAGS 60
#define AUTHENTICATE_VERSION 64

uint32_t ntlm_message_type(struct sspi_view token)
{
    if (token.size < TYPE_OFFSET + 4 || memcmp(token.data, SIGNATURE, SIGNATURE_SIZE) != 0)
        return 0;
    uint32_t type = ntlm_get32(token.data + TYPE_OFFSET);
    return type <= NTLM_MESSAGE_AUTHENTICATE ? type : 0;
}

static bool is_message(struct sspi_view token, enum ntlm_message type, size_t least)
{
    return token.size >= least && token.size <= NTLM_MAX_TOKEN && ntlm_message_type(token) == type;
}

/* A field descriptor: length, maximum length (ignored, MS-NLMP 2.2.1), offset. The offset of an
 * empty field means nothing. */
static bool read_field(struct sspi_view token, size_t at, size_t header, struct sspi_view *field)
{
    size_t size = ntlm_get16(token.data + at), offset = ntlm_get32(token.data + at + 4);
    *field = (struct sspi_view){NULL, 0};
    if (size == 0)
        return true;
    if (offset < header || offset > token.size || size > token.size - offset)
        return false;
    *field = (struct sspi_view){token.data + offset, size};
    return true;
}

SECURITY_STATUS ntlm_read_negotiate(struct sspi_view token, uint32_t *flags)
{
    /* Domain and workstation are not looked at: nothing depends on what an unauthenticated peer
     * says there, and Windows leaves them empty (fact.ntlm-version). */
    if (!is_message(token, NTLM_MESSAGE_NEGOTIATE, NEGOTIATE_MIN))
        return SEC_E_INVALID_TOKEN;
    *flags = ntlm_get32(token.data + NEGOTIATE_FLAGS);
    return SEC_E_OK;
}

SECURITY_STATUS ntlm_read_challenge(struct sspi_view token, struct ntlm_challenge *challenge)
{
    memset(challenge, 0, sizeof *challenge);
    if (!is_message(token, NTLM_MESSAGE_CHALLENGE, CHALLENGE_MIN))
        return SEC_E_INVALID_TOKEN;
    challenge->flags = ntlm_get32(token.data + CHALLENGE_FLAGS);
    challenge->challenge = token.data + CHALLENGE_BYTES;
    if (!read_field(token, CHALLENGE_NAME, CHALLENGE_MIN, &challenge->target_name))
        return SEC_E_INVALID_TOKEN;
    if (!(challenge->flags & NTLM_TARGET_INFO))
        return SEC_E_OK;
    if (token.size < CHALLENGE_INFO_MIN ||
        !read_field(token, CHALLENGE_INFO, CHALLENGE_INFO_MIN, &challenge->target_info))
        return SEC_E_INVALID_TOKEN;
    return SEC_E_OK;
}

SECURITY_STATUS ntlm_read_authenticate(struct sspi_view token, struct ntlm_authenticate *message)
{
    memset(message, 0, sizeof *message);
    if (!is_message(token, NTLM_MESSAGE_AUTHENTICATE, AUTHENTICATE_MIN))
        return SEC_E_INVALID_TOKEN;
    const struct {
        size_t at;
        struct sspi_view *field;
    } fields[] = {
        {AUTHENTICATE_LM, &message->lm},
        {AUTHENTICATE_NT, &message->nt},
        {AUTHENTICATE_DOMAIN, &message->domain},
        {AUTHENTICATE_USER, &message->user},
        {AUTHENTICATE_WORKSTATION, &message->workstation},
        {AUTHENTICATE_KEY, &message->session_key},
    };
    message->flags = ntlm_get32(token.data + AUTHENTICATE_FLAGS);
    const uint8_t *payload = token.data + token.size;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!read_field(token, fields[i].at, AUTHENTICATE_MIN, fields[i].field))
            return SEC_E_INVALID_TOKEN;
        if (fields[i].field->size && fields[i].field->data < payload)
            payload = fields[i].field->data;
    }
    message->mic = (size_t)(payload - token.data) >= AUTHENTICATE_SIZE;
    return SEC_E_OK;
}

static void start(uint8_t *at, enum ntlm_message type)
{
    memcpy(at, SIGNATURE, SIGNATURE_SIZE);
    ntlm_put32(at + TYPE_OFFSET, type);
}

/* Descriptor and bytes of a field; *end moves behind the bytes. */
static void put_field(uint8_t *message, size_t at, struct sspi_view field, size_t *end)
{
    ntlm_put16(message + at, (uint16_t)field.size);
    ntlm_put16(message + at + 2, (uint16_t)field.size);
    ntlm_put32(message + at + 4, (uint32_t)*end);
    if (field.size)
        memcpy(message + *end, field.data, field.size);
    *end += field.size;
}

SECURITY_STATUS ntlm_build_negotiate(uint32_t flags, struct sspi_blob *token)
{
    if (!sspi_blob_alloc(token, NEGOTIATE_SIZE))
        return SEC_E_INSUFFICIENT_MEMORY;
    start(token->data, NTLM_MESSAGE_NEGOTIATE);
    ntlm_put32(token->data + NEGOTIATE_FLAGS, flags);
    return SEC_E_OK;
}

void ntlm_set_version(struct sspi_blob *token, const uint8_t version[NTLM_VERSION_SIZE])
{
    static const size_t at[] = {[NTLM_MESSAGE_NEGOTIATE] = NEGOTIATE_VERSION,
                                [NTLM_MESSAGE_CHALLENGE] = CHALLENGE_VERSION,
                                [NTLM_MESSAGE_AUTHENTICATE] = AUTHENTICATE_VERSION};
    memcpy(token->data + at[ntlm_message_type(sspi_blob_view(token))], version, NTLM_VERSION_SIZE);
}

SECURITY_STATUS ntlm_build_challenge(const struct ntlm_challenge *challenge,
                                     struct sspi_blob *token)
{
    size_t end = CHALLENGE_SIZE;
    if (challenge->target_name.size > UINT16_MAX || challenge->target_info.size > UINT16_MAX)
        return SEC_E_INVALID_PARAMETER;
    if (!sspi_blob_alloc(token, end + challenge->target_name.size + challenge->target_info.size))
        return SEC_E_INSUFFICIENT_MEMORY;
    uint8_t *at = token->data;
    start(at, NTLM_MESSAGE_CHALLENGE);
    ntlm_put32(at + CHALLENGE_FLAGS, challenge->flags);
    memcpy(at + CHALLENGE_BYTES, challenge->challenge, 8);
    put_field(at, CHALLENGE_NAME, challenge->target_name, &end);
    put_field(at, CHALLENGE_INFO, challenge->target_info, &end);
    return SEC_E_OK;
}

SECURITY_STATUS ntlm_build_authenticate(const struct ntlm_authenticate *message,
                                        struct sspi_blob *token)
{
    /* The order of the payload is Windows' own; the specification leaves it open. */
    const struct {
        size_t at;
        const struct sspi_view *field;
    } fields[] = {
        {AUTHENTICATE_DOMAIN, &message->domain},
        {AUTHENTICATE_USER, &message->user},
        {AUTHENTICATE_WORKSTATION, &message->workstation},
        {AUTHENTICATE_LM, &message->lm},
        {AUTHENTICATE_NT, &message->nt},
        {AUTHENTICATE_KEY, &message->session_key},
    };
    size_t size = AUTHENTICATE_SIZE, end = AUTHENTICATE_SIZE;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].field->size > UINT16_MAX)
            return SEC_E_INVALID_PARAMETER;
        size += fields[i].field->size;
    }
    if (!sspi_blob_alloc(token, size))
        return SEC_E_INSUFFICIENT_MEMORY;
    uint8_t *at = token->data;
    start(at, NTLM_MESSAGE_AUTHENTICATE);
    ntlm_put32(at + AUTHENTICATE_FLAGS, message->flags);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        put_field(at, fields[i].at, *fields[i].field, &end);
    return SEC_E_OK;
}
