/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO tokens in DER.
 *
 * Read and written by hand: the grammar is four short SEQUENCEs, and what libcrypto offers for it
 * (templates that copy every field, or ASN1_get_object with its error queue) is the larger part
 * of what SPNEGO costs on top of NTLM.
 */
#include "der.h"

#include <string.h>

#include "mechs.h"

/* ---- reading ------------------------------------------------------------------------------- */

/* Identifier octets: class, constructed bit and number at once. DER allows each type only one. */
#define OCTET_STRING 0x04
#define OBJECT 0x06
#define ENUMERATED 0x0a
#define GENERAL_STRING 0x1b
#define SEQUENCE 0x30
#define APPLICATION_0 0x60
#define CONTEXT(n) (0xa0 | (n))

/* The length behind an identifier octet, in one to five octets, longer than DER would have it if
 * need be. 0: there is none, or an indefinite one. */
static inline size_t take_length(const uint8_t *at, size_t room, size_t *length)
{
    if (!room)
        return 0;
    size_t octets = at[0] & 0x7f;
    *length = octets;
    if (at[0] < 0x80)
        return 1;
    if (octets < 1 || octets > 4 || octets >= room)
        return 0;
    *length = 0;
    for (size_t i = 1; i <= octets; i++)
        *length = *length << 8 | at[i];
    return 1 + octets;
}

/* Takes one element off *input: its identifier octet and its contents. Numbers above 30, which take
 * more octets, are in nobody's grammar. */
static inline bool take_any(struct sspi_view *input, int *identifier, struct sspi_view *contents)
{
    size_t length = 0;
    if (!input->size || (input->data[0] & 0x1f) == 0x1f)
        return false;
    size_t header = take_length(input->data + 1, input->size - 1, &length);
    if (!header || length > input->size - 1 - header)
        return false;
    *identifier = input->data[0];
    *contents = (struct sspi_view){input->data + 1 + header, length};
    input->data = contents->data + length;
    input->size -= 1 + header + length;
    return true;
}

static inline bool take(struct sspi_view *input, int identifier, struct sspi_view *contents)
{
    int found;
    struct sspi_view rest = *input;
    if (!take_any(&rest, &found, contents) || found != identifier)
        return false;
    *input = rest;
    return true;
}

/* An element of that type that fills `input`. */
static inline bool take_whole(struct sspi_view input, int identifier, struct sspi_view *contents)
{
    return take(&input, identifier, contents) && input.size == 0;
}

bool neg_unframe(struct sspi_view token, struct sspi_view *oid, struct sspi_view *inner)
{
    struct sspi_view body;
    if (!take(&token, APPLICATION_0, &body) || !take(&body, OBJECT, oid))
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
        if (!take(&list, OBJECT, &oid) || !oid.size)
            return false;
    }
    return true;
}

/* Field [3] is mechListMIC in NegTokenInit and negHints in NegTokenInit2 (MS-SPNG 2.2.1). */
static bool read_field_3(struct sspi_view field, struct neg_init *init)
{
    struct sspi_view value;
    if (take_whole(field, OCTET_STRING, &value)) {
        init->mic = value;
        return true;
    }
    init->hint = take_whole(field, SEQUENCE, &value);
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
            good = take_whole(field, OCTET_STRING, &init->mech_token);
            break;
        case CONTEXT(3):
            good = read_field_3(field, init);
            break;
        case CONTEXT(4):
            good = take_whole(field, OCTET_STRING, &init->mic);
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
    if (!take_whole(field, ENUMERATED, &value) || value.size != 1 ||
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
            good = take_whole(field, OBJECT, &resp->supported_mech) && resp->supported_mech.size;
            break;
        case CONTEXT(2):
            good = take_whole(field, OCTET_STRING, &resp->token);
            break;
        case CONTEXT(3):
            good = take_whole(field, OCTET_STRING, &resp->mic);
            break;
        default:
            break;
        }
        if (!good)
            return false;
    }
    return true;
}

bool neg_init_decode(struct sspi_view token, enum neg_trailing trailing, struct neg_init *init)
{
    memset(init, 0, sizeof *init);
    return read_init(token, trailing, init);
}

bool neg_resp_decode(struct sspi_view token, enum neg_trailing trailing, struct neg_resp *resp)
{
    *resp = (struct neg_resp){.state = NEG_NO_STATE};
    return read_resp(token, trailing, resp);
}

struct sspi_view neg_mechs(struct sspi_view mech_types)
{
    struct sspi_view list = {NULL, 0};
    return take_whole(mech_types, SEQUENCE, &list) ? list : (struct sspi_view){NULL, 0};
}

bool neg_next_mech(struct sspi_view *mechs, struct sspi_view *oid)
{
    return mechs->size && take(mechs, OBJECT, oid);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Tokens are written front to back; the sizes of everything inside are added up first. */

static size_t length_octets(size_t size)
{
    return size < 0x80 ? 1 : size < 0x100 ? 2 : size < 0x10000 ? 3 : size < 0x1000000 ? 4 : 5;
}

/* An element of that many octets of contents. */
static size_t wrapped(size_t size)
{
    return 1 + length_octets(size) + size;
}

static inline void put_header(uint8_t **at, int identifier, size_t size)
{
    size_t more = length_octets(size) - 1;
    *(*at)++ = (uint8_t)identifier;
    *(*at)++ = (uint8_t)(more ? 0x80 | more : size);
    while (more--)
        *(*at)++ = (uint8_t)(size >> 8 * more);
}

static void put_bytes(uint8_t **at, struct sspi_view bytes)
{
    if (bytes.size)
        memcpy(*at, bytes.data, bytes.size);
    *at += bytes.size;
}

static void put_element(uint8_t **at, int identifier, struct sspi_view contents)
{
    put_header(at, identifier, contents.size);
    put_bytes(at, contents);
}

/* [number] EXPLICIT of a primitive type, when the field has data. */
static size_t field_size(struct sspi_view contents)
{
    return contents.data ? wrapped(wrapped(contents.size)) : 0;
}

static void put_field(uint8_t **at, struct sspi_view contents, int number, int type)
{
    if (!contents.data)
        return;
    put_header(at, CONTEXT(number), wrapped(contents.size));
    put_element(at, type, contents);
}

/* Lengths take four octets at most; no token comes near. */
static bool start(size_t size, struct sspi_blob *out)
{
    return size < INT32_MAX / 2 && sspi_blob_alloc(out, size);
}

bool neg_mech_types_encode(const struct sspi_view *oids, size_t count, struct sspi_blob *out)
{
    size_t list = 0;
    for (size_t i = 0; i < count; i++)
        list += wrapped(oids[i].size);
    if (!start(wrapped(list), out))
        return false;
    uint8_t *at = out->data;
    put_header(&at, SEQUENCE, list);
    for (size_t i = 0; i < count; i++)
        put_element(&at, OBJECT, oids[i]);
    return true;
}

/* NegHints { hintName [0] GeneralString }, with the text MS-SPNG 2.2.1 fixes. */
static const char hint_name[] = "not_defined_in_RFC4178@please_ignore";

static size_t hints_size(void)
{
    return wrapped(wrapped(wrapped(wrapped(sizeof hint_name - 1))));
}

static void put_hints(uint8_t **at)
{
    struct sspi_view text = {(const uint8_t *)hint_name, sizeof hint_name - 1};
    size_t name = field_size(text);
    put_header(at, CONTEXT(3), wrapped(name));
    put_header(at, SEQUENCE, name);
    put_field(at, text, 0, GENERAL_STRING);
}

bool neg_init_encode(const struct neg_init *init, struct sspi_blob *out)
{
    size_t fields = (init->mech_types.data ? wrapped(init->mech_types.size) : 0) +
                    field_size(init->mech_token) + (init->hint ? hints_size() : 0);
    size_t sequence = wrapped(fields), choice = wrapped(sequence);
    size_t inside = wrapped(neg_oid_spnego.size) + choice;

    if (!start(wrapped(inside), out))
        return false;
    uint8_t *at = out->data;
    put_header(&at, APPLICATION_0, inside);
    put_element(&at, OBJECT, neg_oid_spnego);
    put_header(&at, CONTEXT(0), sequence);
    put_header(&at, SEQUENCE, fields);
    if (init->mech_types.data)
        put_element(&at, CONTEXT(0), init->mech_types);
    put_field(&at, init->mech_token, 2, OCTET_STRING);
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
    size_t fields = field_size(state) + field_size(resp->supported_mech) + field_size(resp->token) +
                    field_size(resp->mic);
    size_t sequence = wrapped(fields);

    if (!start(wrapped(sequence), out))
        return false;
    uint8_t *at = out->data;
    put_header(&at, CONTEXT(1), sequence);
    put_header(&at, SEQUENCE, fields);
    put_field(&at, state, 0, ENUMERATED);
    put_field(&at, resp->supported_mech, 1, OBJECT);
    put_field(&at, resp->token, 2, OCTET_STRING);
    put_field(&at, resp->mic, 3, OCTET_STRING);
    return true;
}
