/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO tokens in DER.
 *
 * ASN1_get_object and ASN1_put_object instead of ASN.1 templates: the grammar is four short
 * SEQUENCEs, and templates would allocate and copy every field of every token, which is the
 * larger part of what SPNEGO costs on top of NTLM.
 */
#include "der.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <string.h>

#include "mechs.h"

/* ---- reading ------------------------------------------------------------------------------- */

/* Identifier octets: class, constructed bit and number at once. DER allows each type only one. */
#define SEQUENCE (V_ASN1_CONSTRUCTED | V_ASN1_SEQUENCE)
#define APPLICATION_0 (V_ASN1_CONSTRUCTED | V_ASN1_APPLICATION)
#define CONTEXT(n) (V_ASN1_CONSTRUCTED | V_ASN1_CONTEXT_SPECIFIC | (n))

/* Takes one element off *input: its (first) identifier octet and its contents. Definite lengths
 * only. A number above 30 is an extension at best: its first octet is none of those above. */
static bool take_any(struct sspi_view *input, int *identifier, struct sspi_view *contents)
{
    const unsigned char *at = input->data;
    long length;
    int number, class;

    if (!input->size || input->size > INT32_MAX)
        return false;
    int kind = ASN1_get_object(&at, &length, &number, &class, (long)input->size);
    if (kind & 0x81) /* an error, or an indefinite length */
        return false;
    *identifier = input->data[0];
    *contents = (struct sspi_view){at, (size_t)length};
    size_t used = (size_t)(at - input->data) + (size_t)length;
    input->data += used;
    input->size -= used;
    return true;
}

static bool take(struct sspi_view *input, int identifier, struct sspi_view *contents)
{
    int found;
    struct sspi_view rest = *input;
    if (!take_any(&rest, &found, contents) || found != identifier)
        return false;
    *input = rest;
    return true;
}

/* An element of that type that fills `input`. */
static bool take_whole(struct sspi_view input, int identifier, struct sspi_view *contents)
{
    return take(&input, identifier, contents) && input.size == 0;
}

static bool unframe(struct sspi_view token, struct sspi_view *oid, struct sspi_view *inner)
{
    struct sspi_view body;
    if (!take(&token, APPLICATION_0, &body) || !take(&body, V_ASN1_OBJECT, oid))
        return false;
    *inner = body;
    return true;
}

/* MechTypeList ::= SEQUENCE OF OID. An empty one counts as none at all. */
static bool read_mech_types(struct sspi_view field, struct neg_init *init)
{
    struct sspi_view list, oid;
    if (!take_whole(field, SEQUENCE, &list))
        return false;
    if (list.size)
        init->mech_types = field;
    while (list.size) {
        if (!take(&list, V_ASN1_OBJECT, &oid) || !oid.size)
            return false;
    }
    return true;
}

/* Field [3] is mechListMIC in NegTokenInit and negHints in NegTokenInit2 (MS-SPNG 2.2.1). */
static bool read_field_3(struct sspi_view field, struct neg_init *init)
{
    struct sspi_view hints;
    if (take_whole(field, V_ASN1_OCTET_STRING, &init->mic))
        return true;
    init->hint = take_whole(field, SEQUENCE, &hints);
    return init->hint;
}

static bool read_init(struct sspi_view token, enum neg_trailing trailing, struct neg_init *init)
{
    struct sspi_view body, fields, field;
    int tag, last = CONTEXT(0) - 1;

    if (!take(&token, CONTEXT(0), &body) || (token.size && trailing == NEG_TRAILING_REFUSED) ||
        !take_whole(body, SEQUENCE, &fields))
        return false;
    while (fields.size) {
        bool good = true;
        if (!take_any(&fields, &tag, &field) || tag <= last)
            return false;
        last = tag;
        switch (tag) {
        case CONTEXT(0):
            good = read_mech_types(field, init);
            break;
        case CONTEXT(2):
            good = take_whole(field, V_ASN1_OCTET_STRING, &init->mech_token);
            break;
        case CONTEXT(3):
            good = read_field_3(field, init);
            break;
        case CONTEXT(4):
            good = take_whole(field, V_ASN1_OCTET_STRING, &init->mic);
            break;
        default: /* reqFlags, which RFC 4178 4.2.1 says to ignore, and later extensions */
            break;
        }
        if (!good)
            return false;
    }
    return true;
}

static bool read_state(struct sspi_view field, enum neg_state *state)
{
    struct sspi_view value;
    if (!take_whole(field, V_ASN1_ENUMERATED, &value) || value.size != 1 ||
        value.data[0] > NEG_REQUEST_MIC)
        return false;
    *state = (enum neg_state)value.data[0];
    return true;
}

static bool read_resp(struct sspi_view token, enum neg_trailing trailing, struct neg_resp *resp)
{
    struct sspi_view body, fields, field;
    int tag, last = CONTEXT(0) - 1;

    if (!take(&token, CONTEXT(1), &body) || (token.size && trailing == NEG_TRAILING_REFUSED) ||
        !take_whole(body, SEQUENCE, &fields))
        return false;
    while (fields.size) {
        bool good = true;
        if (!take_any(&fields, &tag, &field) || tag <= last)
            return false;
        last = tag;
        switch (tag) {
        case CONTEXT(0):
            good = read_state(field, &resp->state);
            break;
        case CONTEXT(1):
            good = take_whole(field, V_ASN1_OBJECT, &resp->supported_mech) &&
                   resp->supported_mech.size;
            break;
        case CONTEXT(2):
            good = take_whole(field, V_ASN1_OCTET_STRING, &resp->token);
            break;
        case CONTEXT(3):
            good = take_whole(field, V_ASN1_OCTET_STRING, &resp->mic);
            break;
        default:
            break;
        }
        if (!good)
            return false;
    }
    return true;
}

/* libcrypto reports bad input in the thread's error queue, which belongs to the application: the
 * three entries leave it as they found it. */
bool neg_unframe(struct sspi_view token, struct sspi_view *oid, struct sspi_view *inner)
{
    ERR_set_mark();
    bool good = unframe(token, oid, inner);
    ERR_pop_to_mark();
    return good;
}

bool neg_init_decode(struct sspi_view token, enum neg_trailing trailing, struct neg_init *init)
{
    memset(init, 0, sizeof *init);
    ERR_set_mark();
    bool good = read_init(token, trailing, init);
    ERR_pop_to_mark();
    return good;
}

bool neg_resp_decode(struct sspi_view token, enum neg_trailing trailing, struct neg_resp *resp)
{
    *resp = (struct neg_resp){.state = NEG_NO_STATE};
    ERR_set_mark();
    bool good = read_resp(token, trailing, resp);
    ERR_pop_to_mark();
    return good;
}

struct sspi_view neg_mechs(struct sspi_view mech_types)
{
    struct sspi_view list = {NULL, 0};
    return take_whole(mech_types, SEQUENCE, &list) ? list : (struct sspi_view){NULL, 0};
}

bool neg_next_mech(struct sspi_view *mechs, struct sspi_view *oid)
{
    return mechs->size && take(mechs, V_ASN1_OBJECT, oid);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Tokens are written front to back; the sizes of everything inside are added up first. */

static size_t wrapped(size_t size, int tag)
{
    return (size_t)ASN1_object_size(1, (int)size, tag);
}

static void put_header(uint8_t **at, int tag, int class, bool constructed, size_t size)
{
    ASN1_put_object(at, constructed, (int)size, tag, class);
}

static void put_bytes(uint8_t **at, struct sspi_view bytes)
{
    if (bytes.size)
        memcpy(*at, bytes.data, bytes.size);
    *at += bytes.size;
}

/* [number] EXPLICIT of a primitive type, when the field has data. */
static size_t field_size(struct sspi_view contents, int number, int type)
{
    return contents.data ? wrapped(wrapped(contents.size, type), number) : 0;
}

static void put_field(uint8_t **at, struct sspi_view contents, int number, int type)
{
    if (!contents.data)
        return;
    put_header(at, number, V_ASN1_CONTEXT_SPECIFIC, true, wrapped(contents.size, type));
    put_header(at, type, V_ASN1_UNIVERSAL, false, contents.size);
    put_bytes(at, contents);
}

/* Lengths are ints in libcrypto; no token comes near. */
static bool start(size_t size, struct sspi_blob *out)
{
    return size < INT32_MAX / 2 && sspi_blob_alloc(out, size);
}

bool neg_mech_types_encode(const struct sspi_view *oids, size_t count, struct sspi_blob *out)
{
    size_t list = 0;
    for (size_t i = 0; i < count; i++)
        list += wrapped(oids[i].size, V_ASN1_OBJECT);
    if (!start(wrapped(list, V_ASN1_SEQUENCE), out))
        return false;
    uint8_t *at = out->data;
    put_header(&at, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, list);
    for (size_t i = 0; i < count; i++) {
        put_header(&at, V_ASN1_OBJECT, V_ASN1_UNIVERSAL, false, oids[i].size);
        put_bytes(&at, oids[i]);
    }
    return true;
}

/* NegHints { hintName [0] GeneralString }, with the text MS-SPNG 2.2.1 fixes. */
static const char hint_name[] = "not_defined_in_RFC4178@please_ignore";

static size_t hints_size(void)
{
    size_t name = wrapped(wrapped(sizeof hint_name - 1, V_ASN1_GENERALSTRING), 0);
    return wrapped(wrapped(name, V_ASN1_SEQUENCE), 3);
}

static void put_hints(uint8_t **at)
{
    struct sspi_view text = {(const uint8_t *)hint_name, sizeof hint_name - 1};
    size_t name = field_size(text, 0, V_ASN1_GENERALSTRING);
    put_header(at, 3, V_ASN1_CONTEXT_SPECIFIC, true, wrapped(name, V_ASN1_SEQUENCE));
    put_header(at, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, name);
    put_field(at, text, 0, V_ASN1_GENERALSTRING);
}

bool neg_init_encode(const struct neg_init *init, struct sspi_blob *out)
{
    size_t fields = (init->mech_types.data ? wrapped(init->mech_types.size, 0) : 0) +
                    field_size(init->mech_token, 2, V_ASN1_OCTET_STRING) +
                    (init->hint ? hints_size() : 0);
    size_t sequence = wrapped(fields, V_ASN1_SEQUENCE), choice = wrapped(sequence, 0);
    size_t oid = wrapped(neg_oid_spnego.size, V_ASN1_OBJECT);

    if (!start(wrapped(oid + choice, 0), out))
        return false;
    uint8_t *at = out->data;
    put_header(&at, 0, V_ASN1_APPLICATION, true, oid + choice);
    put_header(&at, V_ASN1_OBJECT, V_ASN1_UNIVERSAL, false, neg_oid_spnego.size);
    put_bytes(&at, neg_oid_spnego);
    put_header(&at, 0, V_ASN1_CONTEXT_SPECIFIC, true, sequence);
    put_header(&at, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, fields);
    if (init->mech_types.data) {
        put_header(&at, 0, V_ASN1_CONTEXT_SPECIFIC, true, init->mech_types.size);
        put_bytes(&at, init->mech_types);
    }
    put_field(&at, init->mech_token, 2, V_ASN1_OCTET_STRING);
    if (init->hint)
        put_hints(&at);
    return true;
}

bool neg_resp_encode(const struct neg_resp *resp, struct sspi_blob *out)
{
    uint8_t state_octet = (uint8_t)resp->state;
    struct sspi_view state = {&state_octet, 1};
    if (resp->state == NEG_NO_STATE)
        state = (struct sspi_view){NULL, 0};
    size_t fields = field_size(state, 0, V_ASN1_ENUMERATED) +
                    field_size(resp->supported_mech, 1, V_ASN1_OBJECT) +
                    field_size(resp->token, 2, V_ASN1_OCTET_STRING) +
                    field_size(resp->mic, 3, V_ASN1_OCTET_STRING);
    size_t sequence = wrapped(fields, V_ASN1_SEQUENCE);

    if (!start(wrapped(sequence, 1), out))
        return false;
    uint8_t *at = out->data;
    put_header(&at, 1, V_ASN1_CONTEXT_SPECIFIC, true, sequence);
    put_header(&at, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL, true, fields);
    put_field(&at, state, 0, V_ASN1_ENUMERATED);
    put_field(&at, resp->supported_mech, 1, V_ASN1_OBJECT);
    put_field(&at, resp->token, 2, V_ASN1_OCTET_STRING);
    put_field(&at, resp->mic, 3, V_ASN1_OCTET_STRING);
    return true;
}
