/* SPDX-License-Identifier: Apache-2.0
 *
 * TGT-REQ in, TGT-REP out.
 */
#include "user2user.h"

#include <string.h>

/* The bytes of a DER length. */
static size_t put_length(size_t size, uint8_t bytes[4])
{
    if (size < 0x80) {
        bytes[0] = (uint8_t)size;
        return 1;
    }
    if (size < 0x100) {
        bytes[0] = 0x81;
        bytes[1] = (uint8_t)size;
        return 2;
    }
    bytes[0] = 0x82;
    bytes[1] = (uint8_t)(size >> 8);
    bytes[2] = (uint8_t)size;
    return 3;
}

/* What follows pvno and msg-type names the service; whoever it is, there is one TGT to give. */
static bool is_request(struct sspi_view message)
{
    static const uint8_t start[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 16};
    size_t header = message.size > 1 && message.data[1] >= 0x80 ? 2 + (message.data[1] & 0x7f) : 2;
    return message.size >= header + sizeof start &&
           memcmp(message.data + header, start, sizeof start) == 0;
}

static bool make_reply(const krb5_data *ticket, struct sspi_blob *message)
{
    static const uint8_t start[] = {0xa0, 3, 2, 1, 5, 0xa1, 3, 2, 1, 17};
    uint8_t field[4], whole[4];

    if (ticket->length > 0xff00) /* more than any token may have */
        return false;
    size_t field_length = put_length(ticket->length, field);
    size_t inside = sizeof start + 1 + field_length + ticket->length;
    size_t whole_length = put_length(inside, whole);
    if (!sspi_blob_alloc(message, 1 + whole_length + inside))
        return false;
    uint8_t *p = message->data;
    *p++ = 0x30;
    memcpy(p, whole, whole_length);
    p += whole_length;
    memcpy(p, start, sizeof start);
    p += sizeof start;
    *p++ = 0xa2;
    memcpy(p, field, field_length);
    memcpy(p + field_length, ticket->data, ticket->length);
    return true;
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
    struct sspi_blob reply = {NULL, 0};
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
    if (status == SEC_E_OK)
        status =
            make_reply(&tgt.ticket, &reply) &&
                    sspi_krb_frame_user2user(SSPI_KRB_TGT_REP, sspi_blob_view(&reply), &leg->output)
                ? SEC_E_OK
                : SEC_E_INSUFFICIENT_MEMORY;
    sspi_blob_free(&reply);
    krb5_free_cred_contents(lib->krb5, &tgt);
    sspi_krb_store_release(lib->krb5, tickets);
    return status;
}
