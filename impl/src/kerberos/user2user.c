/* SPDX-License-Identifier: Apache-2.0
 *
 * TGT-REQ and TGT-REP, written and read.
 */
#include "user2user.h"

#include <errno.h>
#include <string.h>

/* DER written from its end to its start, so that every length is known when it is its turn. */
struct writer {
    uint8_t *start, *at;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    writer->at -= size;
    memcpy(writer->at, bytes, size);
}

/* The tag and length of all that was put before end. At most 6 bytes. */
static void put_header(struct writer *writer, uint8_t tag, const uint8_t *end)
{
    size_t size = (size_t)(end - writer->at), rest = size;
    uint8_t count = 0;
    if (size >= 0x80)
        for (; rest; rest >>= 8, count++)
            *--writer->at = (uint8_t)rest;
    *--writer->at = count ? 0x80 | count : (uint8_t)size;
    *--writer->at = tag;
}

/* pvno and msg-type, and the SEQUENCE around what was put before. */
static void put_start(struct writer *writer, uint8_t type, const uint8_t *end)
{
    const uint8_t fields[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, type};
    put(writer, fields, sizeof fields);
    put_header(writer, 0x30, end);
}

/* What follows pvno and msg-type names the service; whoever it is, there is one TGT to give. */
static bool is_request(struct sspi_view message)
{
    static const uint8_t start[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 16};
    size_t header = message.size > 1 && message.data[1] >= 0x80 ? 2 + (message.data[1] & 0x7f) : 2;
    return message.size >= header + sizeof start &&
           memcmp(message.data + header, start, sizeof start) == 0;
}

/* room: an upper bound of what will be put. */
static bool begin(struct writer *writer, size_t room)
{
    writer->start = sspi_alloc(room);
    writer->at = writer->start ? writer->start + room : NULL;
    return writer->start;
}

static SECURITY_STATUS finish(struct writer *writer, const uint8_t *end, unsigned id,
                              struct sspi_leg *leg)
{
    struct sspi_view message = {writer->at, (size_t)(end - writer->at)};
    bool good = sspi_krb_frame_user2user(id, message, &leg->output);
    sspi_free(writer->start);
    return good ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS send_tgt(const krb5_data *ticket, struct sspi_leg *leg)
{
    struct writer writer;
    if (!begin(&writer, ticket->length + 32))
        return SEC_E_INSUFFICIENT_MEMORY;
    const uint8_t *end = writer.at;
    put(&writer, ticket->data, ticket->length);
    put_header(&writer, 0xa2, end);
    put_start(&writer, 17, end);
    return finish(&writer, end, SSPI_KRB_TGT_REP, leg);
}

/* The TGT of the client's own realm. [out] tgt: krb5_free_cred_contents. */
static krb5_error_code find_tgt(krb5_context krb5, krb5_ccache tickets, krb5_creds *tgt)
{
    krb5_creds wanted = {0};

    krb5_error_code error = krb5_cc_get_principal(krb5, tickets, &wanted.client);
    if (!error) {
        const krb5_data *realm = &wanted.client->realm;
        error = krb5_build_principal_ext(krb5, &wanted.server, realm->length, realm->data,
                                         KRB5_TGS_NAME_SIZE, KRB5_TGS_NAME, realm->length,
                                         realm->data, 0);
    }
    if (!error)
        error = krb5_cc_retrieve_cred(krb5, tickets, 0, &wanted, tgt);
    krb5_free_cred_contents(krb5, &wanted);
    return error;
}

SECURITY_STATUS sspi_krb_give_tgt(struct sspi_krb_context *context,
                                  struct sspi_krb_credential *credential, struct sspi_krb_lib *lib,
                                  struct sspi_view message, struct sspi_leg *leg)
{
    struct sspi_krb_store *tickets = NULL;
    krb5_creds tgt = {0};

    if (!is_request(message))
        return SEC_E_INVALID_TOKEN;
    SECURITY_STATUS status = sspi_krb_tickets(credential, lib, &tickets);
    if (status == SEC_E_OK)
        status = sspi_krb_explain(lib->krb5, find_tgt(lib->krb5, tickets->tickets, &tgt),
                                  SSPI_KRB_TICKET);
    if (status == SEC_E_NO_CREDENTIALS)
        status = SEC_E_UNSUPPORTED_FUNCTION;
    if (status == SEC_E_OK)
        status = sspi_krb_explain(lib->krb5,
                                  krb5_copy_keyblock(lib->krb5, &tgt.keyblock, &context->tgt_key),
                                  SSPI_KRB_TICKET);
    context->user2user = status == SEC_E_OK;
    if (status == SEC_E_OK)
        status = send_tgt(&tgt.ticket, leg);
    krb5_free_cred_contents(lib->krb5, &tgt);
    sspi_krb_store_release(lib->krb5, tickets);
    return status;
}

/* PrincipalName: { name-type [0], name-string [1] SEQUENCE OF GeneralString }. */
static void put_name(struct writer *writer, int8_t type, krb5_const_principal name)
{
    const uint8_t *end = writer->at;
    for (krb5_int32 i = name->length; i > 0; i--) {
        const uint8_t *behind = writer->at;
        put(writer, name->data[i - 1].data, name->data[i - 1].length);
        put_header(writer, 0x1b, behind);
    }
    put_header(writer, 0x30, end);
    put_header(writer, 0xa1, end);
    const uint8_t number[] = {0xa0, 3, 2, 1, (uint8_t)type};
    put(writer, number, sizeof number);
    put_header(writer, 0x30, end);
}

bool sspi_krb_names_account(const char *target)
{
    return strchr(target, '\\');
}

SECURITY_STATUS sspi_krb_ask_tgt(const struct sspi_krb_context *context, krb5_context krb5,
                                 krb5_ccache tickets, struct sspi_leg *leg)
{
    /* As recorded: type SRV-INST and no realm for a service, MS-PRINCIPAL and the domain as the
     * caller wrote it for an account. */
    const char *backslash = strchr(context->target, '\\');
    size_t domain = backslash ? (size_t)(backslash - context->target) : 0;
    krb5_principal client = NULL, service = NULL;
    struct writer writer;
    SECURITY_STATUS status;

    krb5_error_code error = krb5_cc_get_principal(krb5, tickets, &client);
    if (!error)
        error = sspi_krb_parse_target(krb5, context->target, client, &service);
    size_t room = 64 + 2 * strlen(context->target) + (error ? 0 : 8 * (size_t)service->length);
    if (!error && !begin(&writer, room))
        error = ENOMEM;
    status = sspi_krb_explain(krb5, error, SSPI_KRB_TICKET);
    if (!error) {
        const uint8_t *end = writer.at, *behind = writer.at;
        if (backslash) {
            put(&writer, context->target, domain);
            put_header(&writer, 0x1b, behind);
            put_header(&writer, 0xa3, behind);
            behind = writer.at;
        }
        put_name(&writer, backslash ? -128 : service->length > 1 ? 2 : 1, service);
        put_header(&writer, 0xa2, behind);
        put_start(&writer, 16, end);
        status = finish(&writer, end, SSPI_KRB_TGT_REQ, leg);
    }
    krb5_free_principal(krb5, client);
    krb5_free_principal(krb5, service);
    return status;
}

SECURITY_STATUS sspi_krb_read_tgt(struct sspi_view message, struct sspi_view *ticket)
{
    static const uint8_t start[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 17};
    struct sspi_view inside, content, body;
    uint8_t tag;

    if (!sspi_krb_take_element(&message, &tag, &inside) || tag != 0x30 || message.size ||
        inside.size < sizeof start || memcmp(inside.data, start, sizeof start) != 0)
        return SEC_E_INVALID_TOKEN;
    inside.data += sizeof start;
    inside.size -= sizeof start;
    if (!sspi_krb_take_element(&inside, &tag, &content) || tag != 0xa2)
        return SEC_E_INVALID_TOKEN;
    /* A Ticket is APPLICATION 1; what is in it the KDC has to judge. */
    *ticket = content;
    if (!sspi_krb_take_element(&content, &tag, &body) || tag != 0x61 || content.size)
        return SEC_E_INVALID_TOKEN;
    return SEC_E_OK;
}
