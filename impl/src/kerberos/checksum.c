/* SPDX-License-Identifier: Apache-2.0
 *
 * The 0x8003 checksum and the AP options.
 */
#include "checksum.h"

#include <errno.h>
#include <string.h>

#include "../text.h"

#define AD_CLIENT_TARGET 144 /* MS-KILE 2.2.11, KERB_AUTH_DATA_CLIENT_TARGET */
#define AP_OPTIONS_CBT 0x00004000u
#define AP_OPTIONS_UNVERIFIED_TARGET_NAME 0x00008000u

static void put32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

bool sspi_krb_checksum_write(const struct sspi_krb_checksum *checksum, struct sspi_blob *bytes)
{
    bool delegates = checksum->flags & SSPI_KRB_DELEG;
    if (checksum->delegation.size > 0xffff ||
        !sspi_blob_alloc(bytes, 24 + (delegates ? 4 + checksum->delegation.size : 0)))
        return false;
    put32(bytes->data, 16); /* Lgth */
    memcpy(bytes->data + 4, checksum->bindings, 16);
    put32(bytes->data + 20, checksum->flags);
    if (delegates) {
        /* DlgOpt 1 and Dlgth, 16 bits each, then the KRB-CRED. */
        put32(bytes->data + 24, 1 | (uint32_t)checksum->delegation.size << 16);
        memcpy(bytes->data + 28, checksum->delegation.data, checksum->delegation.size);
    }
    return true;
}

SECURITY_STATUS sspi_krb_checksum_read(struct sspi_view bytes, struct sspi_krb_checksum *checksum)
{
    *checksum = (struct sspi_krb_checksum){0};
    if (bytes.size < 24 || get32(bytes.data) != 16)
        return SEC_E_INVALID_TOKEN;
    memcpy(checksum->bindings, bytes.data + 4, 16);
    checksum->flags = get32(bytes.data + 20);
    if (!(checksum->flags & SSPI_KRB_DELEG))
        return SEC_E_OK; /* what follows are extensions, which are to be ignored */
    if (bytes.size < 28)
        return SEC_E_INVALID_TOKEN;
    uint32_t option = get32(bytes.data + 24);
    size_t size = option >> 16;
    if ((option & 0xffff) != 1 || size > bytes.size - 28)
        return SEC_E_INVALID_TOKEN;
    checksum->delegation = (struct sspi_view){bytes.data + 28, size};
    return SEC_E_OK;
}

/* Bits that mean the same on all three sides. */
static const struct {
    uint32_t flag;
    ULONG isc_req, isc_ret, asc_ret;
} same[] = {
    {SSPI_KRB_DELEG, 0, ISC_RET_DELEGATE, ASC_RET_DELEGATE},
    {SSPI_KRB_MUTUAL, ISC_REQ_MUTUAL_AUTH, ISC_RET_MUTUAL_AUTH, ASC_RET_MUTUAL_AUTH},
    {SSPI_KRB_REPLAY, ISC_REQ_REPLAY_DETECT, ISC_RET_REPLAY_DETECT, ASC_RET_REPLAY_DETECT},
    {SSPI_KRB_SEQUENCE, ISC_REQ_SEQUENCE_DETECT, ISC_RET_SEQUENCE_DETECT, ASC_RET_SEQUENCE_DETECT},
    {SSPI_KRB_CONF, ISC_REQ_CONFIDENTIALITY, ISC_RET_CONFIDENTIALITY, ASC_RET_CONFIDENTIALITY},
    {SSPI_KRB_INTEG, ISC_REQ_INTEGRITY, ISC_RET_INTEGRITY, ASC_RET_INTEGRITY},
    {SSPI_KRB_DCE_STYLE, ISC_REQ_USE_DCE_STYLE, ISC_RET_USED_DCE_STYLE, ASC_RET_USED_DCE_STYLE},
    {SSPI_KRB_IDENTIFY, ISC_REQ_IDENTIFY, ISC_RET_IDENTIFY, ASC_RET_IDENTIFY},
    {SSPI_KRB_EXTENDED_ERROR, ISC_REQ_EXTENDED_ERROR, ISC_RET_EXTENDED_ERROR,
     ASC_RET_EXTENDED_ERROR},
};

uint32_t sspi_krb_flags_from_request(ULONG isc_req)
{
    uint32_t flags = 0;
    /* NO_INTEGRITY makes INTEGRITY be ignored, says its page; what brings integrity along still
     * does: replay and sequence detection have it as their condition. */
    if (isc_req & ISC_REQ_NO_INTEGRITY)
        isc_req &= ~(ULONG)ISC_REQ_INTEGRITY;
    if (isc_req & (ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT))
        isc_req |= ISC_REQ_INTEGRITY;
    /* Three legs have the acceptor's proof among them. */
    if (isc_req & ISC_REQ_USE_DCE_STYLE)
        isc_req |= ISC_REQ_MUTUAL_AUTH;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (isc_req & same[i].isc_req)
            flags |= same[i].flag;
    return flags;
}

ULONG sspi_krb_isc_ret(uint32_t flags, ULONG isc_req)
{
    /* CONNECTION says nothing to the peer: whoever asks has it. */
    ULONG ret = isc_req & ISC_REQ_CONNECTION ? ISC_RET_CONNECTION : 0;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (flags & same[i].flag)
            ret |= same[i].isc_ret;
    return ret;
}

ULONG sspi_krb_asc_ret(uint32_t flags, ULONG asc_req)
{
    /* The services are the initiator's choice, which the checksum tells; an acceptor that wants
     * more finds the bit missing. The acceptor's own are CONNECTION, EXTENDED_ERROR, which is
     * about the tokens it will send itself, and ALLOW_CONTEXT_REPLAY. */
    ULONG ret = 0;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (flags & same[i].flag)
            ret |= same[i].asc_ret;
    if (asc_req & ASC_REQ_CONNECTION)
        ret |= ASC_RET_CONNECTION;
    if (asc_req & ASC_REQ_EXTENDED_ERROR)
        ret |= ASC_RET_EXTENDED_ERROR;
    if (asc_req & ASC_REQ_ALLOW_CONTEXT_REPLAY)
        ret |= ASC_RET_ALLOW_CONTEXT_REPLAY;
    return ret;
}

krb5_error_code sspi_krb_authdata_make(krb5_context krb5, krb5_const_principal target,
                                       ULONG isc_req, krb5_authdata ***data)
{
    uint8_t options[4];
    struct sspi_blob name = {NULL, 0};
    char *text = NULL;

    bool unverified = isc_req & ISC_REQ_UNVERIFIED_TARGET_NAME;
    put32(options, AP_OPTIONS_CBT | (unverified ? AP_OPTIONS_UNVERIFIED_TARGET_NAME : 0));
    krb5_error_code error = krb5_unparse_name(krb5, target, &text);
    if (error)
        return error;
    if (!sspi_utf16_blob(text, &name)) {
        error = ENOMEM;
        goto out;
    }
    krb5_authdata announce = {KV5M_AUTHDATA, KRB5_AUTHDATA_AP_OPTIONS, 4, options};
    krb5_authdata named = {KV5M_AUTHDATA, AD_CLIENT_TARGET, (unsigned)name.size, name.data};
    krb5_authdata *inside[] = {&announce, &named, NULL};
    error = krb5_encode_authdata_container(krb5, KRB5_AUTHDATA_IF_RELEVANT, inside, data);
out:
    krb5_free_unparsed_name(krb5, text);
    sspi_blob_free(&name);
    return error;
}

krb5_error_code sspi_krb_authdata_read(krb5_context krb5, krb5_authdata **data,
                                       struct sspi_krb_announced *announced)
{
    krb5_authdata **found = NULL;

    *announced = (struct sspi_krb_announced){false, NULL};
    krb5_error_code error = krb5_find_authdata(krb5, NULL, data, KRB5_AUTHDATA_AP_OPTIONS, &found);
    if (error)
        return error;
    if (found && found[0] && found[0]->length == 4)
        announced->bindings = get32(found[0]->contents) & AP_OPTIONS_CBT;
    krb5_free_authdata(krb5, found);

    found = NULL;
    error = krb5_find_authdata(krb5, NULL, data, AD_CLIENT_TARGET, &found);
    if (error)
        return error;
    /* A name that is no UTF-16 is no reason to refuse: nobody has vouched for it. */
    if (found && found[0] && found[0]->length % 2 == 0 &&
        sspi_utf16_valid((const SEC_WCHAR *)(const void *)found[0]->contents,
                         found[0]->length / 2)) {
        struct sspi_view name = {found[0]->contents, found[0]->length};
        announced->target = sspi_utf8_from_bytes(name);
        error = announced->target ? 0 : ENOMEM;
    }
    krb5_free_authdata(krb5, found);
    return error;
}
