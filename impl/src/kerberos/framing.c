/* SPDX-License-Identifier: Apache-2.0
 *
 * GSS framing of Kerberos context tokens.
 */
#include "framing.h"

#include <string.h>

/* 1.2.840.113554.1.2.2. Windows offers 1.2.840.48018.1.2.2 inside SPNEGO, but frames with this. */
static const uint8_t oid[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};

/* The same with an arc more: user-to-user (MS-KILE 3.2.5.8). */
static const uint8_t user_to_user[] = {0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86,
                                       0xf7, 0x12, 0x01, 0x02, 0x02, 0x03};

/* ASN.1 application tags of RFC 4120: AP-REQ 14, AP-REP 15, KRB-ERROR 30. */
enum {
    TAG_AP_REQ = 0x6e,
    TAG_AP_REP = 0x6f,
    TAG_ERROR = 0x7e
};

static size_t length_bytes(size_t size)
{
    size_t bytes = 1;
    if (size >= 0x80)
        for (; size; size >>= 8)
            bytes++;
    return bytes;
}

bool sspi_krb_frame(enum sspi_krb_token id, bool bare, struct sspi_view message,
                    struct sspi_blob *token)
{
    if (bare)
        return sspi_blob_copy(token, message.data, message.size);
    size_t inside = sizeof oid + 2 + message.size, length = length_bytes(inside);
    if (!sspi_blob_alloc(token, 1 + length + inside))
        return false;
    uint8_t *p = token->data;
    *p++ = 0x60;
    if (length == 1) {
        *p++ = (uint8_t)inside;
    } else {
        *p++ = (uint8_t)(0x80 | (length - 1));
        for (size_t i = length - 1; i > 0; i--)
            *p++ = (uint8_t)(inside >> (8 * (i - 1)));
    }
    memcpy(p, oid, sizeof oid);
    p += sizeof oid;
    *p++ = (uint8_t)(id >> 8);
    *p++ = (uint8_t)id;
    if (message.size)
        memcpy(p, message.data, message.size);
    return true;
}

bool sspi_krb_take_element(struct sspi_view *data, uint8_t *tag, struct sspi_view *inside)
{
    if (data->size < 2)
        return false;
    size_t size = data->data[1], header = 2;
    if (size >= 0x80) {
        size_t bytes = size & 0x7f;
        if (bytes == 0 || bytes > 4 || data->size < 2 + bytes)
            return false;
        size = 0;
        for (size_t i = 0; i < bytes; i++)
            size = size << 8 | data->data[2 + i];
        header += bytes;
        if (length_bytes(size) != 1 + bytes)
            return false;
    }
    if (size > data->size - header)
        return false;
    *tag = data->data[0];
    *inside = (struct sspi_view){data->data + header, size};
    *data = (struct sspi_view){data->data + header + size, data->size - header - size};
    return true;
}

/* True when data is one element and nothing else. */
static bool der_spans(struct sspi_view data, struct sspi_view *inside)
{
    uint8_t tag;
    return sspi_krb_take_element(&data, &tag, inside) && data.size == 0;
}

static bool known_tag(uint8_t tag, enum sspi_krb_token *id)
{
    if (tag == TAG_AP_REQ)
        *id = SSPI_KRB_AP_REQ;
    else if (tag == TAG_AP_REP)
        *id = SSPI_KRB_AP_REP;
    else if (tag == TAG_ERROR)
        *id = SSPI_KRB_ERROR;
    else
        return false;
    return true;
}

SECURITY_STATUS sspi_krb_unframe(struct sspi_view token, enum sspi_krb_token *id, bool *bare,
                                 struct sspi_view *message)
{
    struct sspi_view inside, body;
    enum sspi_krb_token told;

    if (!der_spans(token, &inside))
        return SEC_E_INVALID_TOKEN;
    if (token.data[0] != 0x60) {
        *bare = true;
        *message = token;
        return known_tag(token.data[0], id) ? SEC_E_OK : SEC_E_INVALID_TOKEN;
    }
    if (inside.size > sizeof user_to_user &&
        memcmp(inside.data, user_to_user, sizeof user_to_user) == 0)
        return SEC_E_UNSUPPORTED_FUNCTION;
    if (inside.size < sizeof oid + 2 || memcmp(inside.data, oid, sizeof oid) != 0)
        return SEC_E_INVALID_TOKEN;
    told = (enum sspi_krb_token)(inside.data[sizeof oid] << 8 | inside.data[sizeof oid + 1]);
    *message = (struct sspi_view){inside.data + sizeof oid + 2, inside.size - sizeof oid - 2};
    *bare = false;
    /* The id and the tag of the message must tell the same. */
    if (!der_spans(*message, &body) || !known_tag(message->data[0], id) || *id != told)
        return SEC_E_INVALID_TOKEN;
    return SEC_E_OK;
}

static bool is_of_type(struct sspi_view message, uint8_t type)
{
    const uint8_t head[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, type}; /* pvno, msg-type */
    struct sspi_view inside, body;

    return der_spans(message, &inside) && der_spans(inside, &body) && body.size > sizeof head &&
           memcmp(body.data, head, sizeof head) == 0;
}

bool sspi_krb_is_request(struct sspi_view message)
{
    return is_of_type(message, 14);
}

bool sspi_krb_is_reply(struct sspi_view message)
{
    return is_of_type(message, 15);
}

bool sspi_krb_frame_user2user(unsigned id, struct sspi_view message, struct sspi_blob *token)
{
    size_t inside = sizeof user_to_user + 2 + message.size, length = length_bytes(inside);
    if (!sspi_blob_alloc(token, 1 + length + inside))
        return false;
    uint8_t *p = token->data;
    *p++ = 0x60;
    *p++ = (uint8_t)(length == 1 ? inside : 0x80 | (length - 1));
    for (size_t i = length - 1; i > 0; i--)
        *p++ = (uint8_t)(inside >> (8 * (i - 1)));
    memcpy(p, user_to_user, sizeof user_to_user);
    p += sizeof user_to_user;
    *p++ = (uint8_t)(id >> 8);
    *p++ = (uint8_t)id;
    if (message.size)
        memcpy(p, message.data, message.size);
    return true;
}

SECURITY_STATUS sspi_krb_unframe_user2user(struct sspi_view token, unsigned *id,
                                           struct sspi_view *message)
{
    static const struct {
        unsigned id;
        uint8_t tag;
    } rows[] = {{SSPI_KRB_AP_REQ, TAG_AP_REQ},
                {SSPI_KRB_AP_REP, TAG_AP_REP},
                {SSPI_KRB_ERROR, TAG_ERROR},
                {SSPI_KRB_TGT_REQ, 0x30},
                {SSPI_KRB_TGT_REP, 0x30}};
    struct sspi_view inside, body;

    if (!der_spans(token, &inside) || token.data[0] != 0x60 ||
        inside.size < sizeof user_to_user + 2 ||
        memcmp(inside.data, user_to_user, sizeof user_to_user) != 0)
        return SEC_E_INVALID_TOKEN;
    const uint8_t *rest = inside.data + sizeof user_to_user;
    *id = (unsigned)rest[0] << 8 | rest[1];
    *message = (struct sspi_view){rest + 2, inside.size - sizeof user_to_user - 2};
    if (!der_spans(*message, &body))
        return SEC_E_INVALID_TOKEN;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].id == *id && rows[i].tag == message->data[0])
            return SEC_E_OK;
    return SEC_E_INVALID_TOKEN;
}

bool sspi_krb_ticket_in(struct sspi_view request, struct sspi_view *ticket)
{
    struct sspi_view inside, fields;
    uint8_t tag;

    /* RFC 4120 5.5.1: AP-REQ is a SEQUENCE in which the ticket is [3]. */
    if (!sspi_krb_take_element(&request, &tag, &inside) ||
        !sspi_krb_take_element(&inside, &tag, &fields) || tag != 0x30)
        return false;
    while (sspi_krb_take_element(&fields, &tag, ticket))
        if (tag == 0xa3)
            return true;
    return false;
}
