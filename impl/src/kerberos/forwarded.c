/* SPDX-License-Identifier: Apache-2.0
 *
 * KRB-CRED and EncKrbCredPart (RFC 4120 5.8.1) as far as krb5_rd_cred trusts them.
 */
#include "forwarded.h"

#include <errno.h>

#include "framing.h"

/* Tags: application 22 and 29, SEQUENCE, context [n]. */
enum {
    KRB_CRED = 0x76,
    ENC_PART = 0x7d,
    SEQUENCE = 0x30,
    OCTETS = 0x04,
    INTEGER = 0x02,
    FIELD = 0xa0
};

/* Fields of a KrbCredInfo that must be there: prealm, pname, srealm, sname. */
#define NAMES (1u << 1 | 1u << 2 | 1u << 8 | 1u << 9)

static bool expect(struct sspi_view *rest, uint8_t wanted, struct sspi_view *inside)
{
    uint8_t tag;
    return sspi_krb_take_element(rest, &tag, inside) && tag == wanted;
}

/* All tickets or KrbCredInfos of a list. */
static bool count_list(struct sspi_view field, size_t *count, bool (*good)(struct sspi_view))
{
    struct sspi_view list, inside;
    uint8_t tag;
    if (!expect(&field, SEQUENCE, &list))
        return false;
    for (*count = 0; list.size; ++*count)
        if (!sspi_krb_take_element(&list, &tag, &inside) || !good(inside))
            return false;
    return true;
}

static bool any(struct sspi_view inside)
{
    (void)inside;
    return true;
}

/* In their order: libkrb5 passes over a field that comes too late. */
static bool has_names(struct sspi_view info)
{
    struct sspi_view inside;
    uint8_t tag, last = FIELD - 1;
    unsigned seen = 0;
    for (; info.size; last = tag) {
        if (!sspi_krb_take_element(&info, &tag, &inside) || tag <= last || tag > FIELD + 30)
            return false;
        seen |= 1u << (tag - FIELD);
    }
    return (seen & NAMES) == NAMES;
}

static bool check_plain(struct sspi_view plain, size_t tickets)
{
    struct sspi_view part, sequence, field;
    size_t count;
    return expect(&plain, ENC_PART, &part) && expect(&part, SEQUENCE, &sequence) &&
           expect(&sequence, FIELD, &field) && count_list(field, &count, has_names) &&
           count == tickets;
}

/* EncryptedData; kvno is nobody's business. */
static bool read_sealed(struct sspi_view field, krb5_enc_data *sealed)
{
    struct sspi_view sequence, inside, value;
    uint8_t tag;
    uint32_t number = 0;
    if (!expect(&field, SEQUENCE, &sequence) || !expect(&sequence, FIELD, &inside) ||
        !expect(&inside, INTEGER, &value) || value.size < 1 || value.size > 4)
        return false;
    number = value.data[0] & 0x80 ? UINT32_MAX : 0;
    for (size_t i = 0; i < value.size; i++)
        number = number << 8 | value.data[i];
    if (!sspi_krb_take_element(&sequence, &tag, &inside) ||
        (tag == FIELD + 1 && !sspi_krb_take_element(&sequence, &tag, &inside)) ||
        tag != FIELD + 2 || !expect(&inside, OCTETS, &value))
        return false;
    *sealed = (krb5_enc_data){
        .enctype = (krb5_enctype)number,
        .ciphertext = {KV5M_DATA, (unsigned)value.size, (char *)(uintptr_t)value.data}};
    return true;
}

/* Checks what one key opens; what it does not open is libkrb5's to refuse. */
static krb5_error_code check_with(krb5_context krb5, const krb5_keyblock *key,
                                  const krb5_enc_data *sealed, size_t tickets)
{
    struct sspi_blob plain = {NULL, 0};
    krb5_error_code error = 0;

    if (!key || !sealed->ciphertext.length)
        return 0;
    if (!sspi_blob_alloc(&plain, sealed->ciphertext.length))
        return ENOMEM;
    krb5_data out = {KV5M_DATA, (unsigned)plain.size, (char *)plain.data};
    if (krb5_c_decrypt(krb5, key, KRB5_KEYUSAGE_KRB_CRED_ENCPART, NULL, sealed, &out) == 0 &&
        !check_plain((struct sspi_view){plain.data, out.length}, tickets))
        error = KRB5_BADMSGTYPE;
    sspi_blob_free(&plain);
    return error;
}

krb5_error_code sspi_krb_check_forwarded(krb5_context krb5, krb5_auth_context auth,
                                         struct sspi_view message)
{
    struct sspi_view cred, sequence, field;
    size_t tickets;
    krb5_enc_data sealed;
    krb5_keyblock *session = NULL, *subkey = NULL;

    if (!expect(&message, KRB_CRED, &cred) || !expect(&cred, SEQUENCE, &sequence) ||
        !expect(&sequence, FIELD, &field) || !expect(&sequence, FIELD + 1, &field) ||
        !expect(&sequence, FIELD + 2, &field) || !count_list(field, &tickets, any) ||
        !expect(&sequence, FIELD + 3, &field) || !read_sealed(field, &sealed))
        return KRB5_BADMSGTYPE;
    if (sealed.enctype == ENCTYPE_NULL) { /* some send it open, since it is in the authenticator */
        struct sspi_view plain = {(const uint8_t *)sealed.ciphertext.data,
                                  sealed.ciphertext.length};
        return check_plain(plain, tickets) ? 0 : KRB5_BADMSGTYPE;
    }
    krb5_error_code error = krb5_auth_con_getkey(krb5, auth, &session);
    if (!error)
        error = krb5_auth_con_getrecvsubkey(krb5, auth, &subkey);
    if (!error)
        error = check_with(krb5, session, &sealed, tickets);
    if (!error)
        error = check_with(krb5, subkey, &sealed, tickets);
    krb5_free_keyblock(krb5, session);
    krb5_free_keyblock(krb5, subkey);
    return error;
}
