/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO tokens: round trips, the octets Windows is known to send, truncation at every octet, and
 * every single octet changed. Buffers have exactly the announced size, so that a sanitiser sees
 * one octet too many.
 */
#include "run.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "negotiate/der.h"
#include "negotiate/mechs.h"

static struct sspi_view view(const void *data, size_t size)
{
    return (struct sspi_view){data, size};
}

static bool same(struct sspi_view a, struct sspi_view b)
{
    return a.size == b.size && (!a.size || memcmp(a.data, b.data, a.size) == 0);
}

static struct sspi_blob mech_types(void)
{
    struct sspi_view oids[NEG_MECHS];
    struct sspi_blob list;
    for (size_t i = 0; i < NEG_MECHS; i++)
        oids[i] = neg_mechs_known[i].oid;
    CU_ASSERT(neg_mech_types_encode(oids, NEG_MECHS, &list));
    return list;
}

static struct sspi_blob sample_init(size_t token_size, bool hint)
{
    struct sspi_blob list = mech_types(), out, token;
    CU_ASSERT(sspi_blob_alloc(&token, token_size));
    if (token_size)
        memset(token.data, 0x77, token_size);
    struct neg_init init = {
        .mech_types = sspi_blob_view(&list), .mech_token = sspi_blob_view(&token), .hint = hint};
    if (hint)
        init.mech_token = view(NULL, 0);
    CU_ASSERT(neg_init_encode(&init, &out));
    sspi_blob_free(&list);
    sspi_blob_free(&token);
    return out;
}

static bool decode_init(struct sspi_view token, struct neg_init *init)
{
    struct sspi_view oid, inner;
    return neg_unframe(token, &oid, &inner) && same(oid, neg_oid_spnego) &&
           neg_init_decode(inner, NEG_TRAILING_REFUSED, init);
}

/* Lengths of one, two, three and four octets. */
static void init_round_trip(void)
{
    static const size_t sizes[] = {1, 40, 127, 128, 200, 255, 256, 3000, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sspi_blob token = sample_init(sizes[i], false), list = mech_types();
        struct neg_init init;
        CU_ASSERT(decode_init(sspi_blob_view(&token), &init));
        CU_ASSERT(same(init.mech_types, sspi_blob_view(&list)));
        CU_ASSERT_EQUAL(init.mech_token.size, sizes[i]);
        CU_ASSERT_EQUAL(init.mech_token.data[sizes[i] - 1], 0x77);
        CU_ASSERT_FALSE(init.hint);
        CU_ASSERT_PTR_NULL(init.mic.data);
        struct sspi_view mechs = neg_mechs(init.mech_types), oid;
        for (size_t m = 0; m < NEG_MECHS; m++) {
            CU_ASSERT(neg_next_mech(&mechs, &oid));
            CU_ASSERT(neg_mech_find(oid) == &neg_mechs_known[m]);
        }
        CU_ASSERT_FALSE(neg_next_mech(&mechs, &oid));
        sspi_blob_free(&token);
        sspi_blob_free(&list);
    }
}

static void hint(void)
{
    struct sspi_blob token = sample_init(0, true);
    struct neg_init init;
    static const char name[] = "not_defined_in_RFC4178@please_ignore";
    CU_ASSERT(decode_init(sspi_blob_view(&token), &init));
    CU_ASSERT(init.hint);
    CU_ASSERT_PTR_NULL(init.mic.data); /* the field is the other thing in NegTokenInit */
    CU_ASSERT_PTR_NULL(init.mech_token.data);
    CU_ASSERT(memcmp(token.data + token.size - 36, name, 36) == 0);
    /* [3] { SEQUENCE { [0] { GeneralString: MS-SPNG 2.2.1 */
    CU_ASSERT(memcmp(token.data + token.size - 44, "\xa3\x2a\x30\x28\xa0\x26\x1b\x24", 8) == 0);
    sspi_blob_free(&token);
}

static void resp_round_trip(void)
{
    for (int state = 0; state <= NEG_NO_STATE; state++) {
        for (int fields = 0; fields < 8; fields++) {
            struct neg_resp in = {.state = (enum neg_state)state}, out;
            struct sspi_blob token;
            if (fields & 1)
                in.supported_mech = neg_mechs_known[NEG_MECH_NTLM].oid;
            if (fields & 2)
                in.token = view("token", 5);
            if (fields & 4)
                in.mic = view("0123456789abcdef", 16);
            CU_ASSERT(neg_resp_encode(&in, &token));
            CU_ASSERT(neg_resp_decode(sspi_blob_view(&token), NEG_TRAILING_REFUSED, &out));
            CU_ASSERT_EQUAL(out.state, in.state);
            CU_ASSERT(same(out.supported_mech, in.supported_mech));
            CU_ASSERT(same(out.token, in.token));
            CU_ASSERT(same(out.mic, in.mic));
            CU_ASSERT_EQUAL(!out.mic.data, !in.mic.data);
            sspi_blob_free(&token);
        }
    }
}

/* path.spnego.kerberos.no-mutual and path.spnego.request-mic: the whole tokens. */
static void known_octets(void)
{
    struct sspi_blob token;
    CU_ASSERT(neg_resp_encode(&(struct neg_resp){.state = NEG_ACCEPT_COMPLETED}, &token));
    CU_ASSERT(same(sspi_blob_view(&token), view("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00", 9)));
    sspi_blob_free(&token);
    CU_ASSERT(
        neg_resp_encode(&(struct neg_resp){.state = NEG_REQUEST_MIC,
                                           .supported_mech = neg_mechs_known[NEG_MECH_NTLM].oid},
                        &token));
    CU_ASSERT(same(sspi_blob_view(&token),
                   view("\xa1\x15\x30\x13\xa0\x03\x0a\x01\x03\xa1\x0c\x06\x0a\x2b\x06\x01\x04\x01"
                        "\x82\x37\x02\x02\x0a",
                        23)));
    sspi_blob_free(&token);
}

static void trailing(void)
{
    struct sspi_blob token = sample_init(40, false);
    struct sspi_view oid, inner, longer;
    struct neg_init init;
    CU_ASSERT(neg_unframe(sspi_blob_view(&token), &oid, &inner));
    uint8_t *more = calloc(1, inner.size + 3);
    memcpy(more, inner.data, inner.size);
    longer = view(more, inner.size + 3);
    CU_ASSERT(neg_init_decode(longer, NEG_TRAILING_IGNORED, &init));
    CU_ASSERT_FALSE(neg_init_decode(longer, NEG_TRAILING_REFUSED, &init));
    free(more);
    sspi_blob_free(&token);
}

/* decodes: whatever is found must lie inside the buffer, which the sanitiser watches. */
static void try_all(struct sspi_view token)
{
    struct sspi_view oid, inner, mechs;
    struct neg_init init;
    struct neg_resp resp;
    uint8_t sum = 0;
    if (neg_unframe(token, &oid, &inner)) {
        for (size_t i = 0; i < inner.size; i++)
            sum ^= inner.data[i];
        if (neg_init_decode(inner, NEG_TRAILING_IGNORED, &init)) {
            for (mechs = neg_mechs(init.mech_types); neg_next_mech(&mechs, &oid);)
                sum ^= oid.data[oid.size - 1];
            for (size_t i = 0; i < init.mech_token.size; i++)
                sum ^= init.mech_token.data[i];
            for (size_t i = 0; i < init.mic.size; i++)
                sum ^= init.mic.data[i];
        }
    }
    if (neg_resp_decode(token, NEG_TRAILING_REFUSED, &resp)) {
        for (size_t i = 0; i < resp.token.size; i++)
            sum ^= resp.token.data[i];
        for (size_t i = 0; i < resp.mic.size; i++)
            sum ^= resp.mic.data[i];
    }
    volatile uint8_t used = sum;
    (void)used;
}

static void damage(const struct sspi_blob *token)
{
    struct neg_init init;
    struct neg_resp resp;
    for (size_t cut = 0; cut < token->size; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, token->data, cut);
        CU_ASSERT_FALSE(decode_init(view(part, cut), &init));
        CU_ASSERT_FALSE(neg_resp_decode(view(part, cut), NEG_TRAILING_IGNORED, &resp));
        try_all(view(part, cut));
        free(part);
    }
    uint8_t *copy = malloc(token->size);
    for (size_t at = 0; at < token->size; at++) {
        for (int value = 0; value < 256; value++) {
            memcpy(copy, token->data, token->size);
            copy[at] = (uint8_t)value;
            try_all(view(copy, token->size));
        }
    }
    free(copy);
}

static void hostile(void)
{
    struct sspi_blob init = sample_init(150, false), hints = sample_init(0, true), resp;
    CU_ASSERT(neg_resp_encode(&(struct neg_resp){NEG_ACCEPT_INCOMPLETE, neg_mechs_known[0].oid,
                                                 view("token", 5), view("0123456789abcdef", 16)},
                              &resp));
    damage(&init);
    damage(&hints);
    damage(&resp);
    sspi_blob_free(&init);
    sspi_blob_free(&hints);
    sspi_blob_free(&resp);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0); /* the application's error queue is as it was */
}

static void refused(void)
{
    static const struct {
        const char *why, *token;
        size_t size;
    } bad[] = {
        {"indefinite length", "\xa1\x80\x30\x03\x0a\x01\x00\x00\x00", 9},
        {"state out of range", "\xa1\x07\x30\x05\xa0\x03\x0a\x01\x04", 9},
        {"two octets of state", "\xa1\x08\x30\x06\xa0\x04\x0a\x02\x00\x00", 10},
        {"fields twice", "\xa1\x0c\x30\x0a\xa0\x03\x0a\x01\x00\xa0\x03\x0a\x01\x00", 14},
        {"fields out of order", "\xa1\x0b\x30\x09\xa2\x02\x04\x00\xa0\x03\x0a\x01\x00", 13},
        {"constructed string", "\xa1\x08\x30\x06\xa2\x04\x24\x02\x04\x00", 10},
        {"bytes behind a field", "\xa1\x08\x30\x06\xa0\x04\x0a\x01\x00\x00", 10},
        {"high tag number", "\xbf\x81\x01\x02\x30\x00", 6},
        {"empty OID", "\xa1\x06\x30\x04\xa1\x02\x06\x00", 8},
        {"nothing", "", 0},
    };
    struct neg_resp resp;
    struct neg_init init;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CU_ASSERT_FALSE(
            neg_resp_decode(view(bad[i].token, bad[i].size), NEG_TRAILING_IGNORED, &resp));
    /* No list and an empty one are the same; a list of something else is none. */
    CU_ASSERT(neg_init_decode(view("\xa0\x02\x30\x00", 4), NEG_TRAILING_IGNORED, &init));
    CU_ASSERT_PTR_NULL(init.mech_types.data);
    CU_ASSERT(
        neg_init_decode(view("\xa0\x06\x30\x04\xa0\x02\x30\x00", 8), NEG_TRAILING_IGNORED, &init));
    CU_ASSERT_PTR_NULL(init.mech_types.data);
    CU_ASSERT_FALSE(neg_init_decode(view("\xa0\x08\x30\x06\xa0\x04\x30\x02\x04\x00", 10),
                                    NEG_TRAILING_IGNORED, &init));
}

static void package_lists(void)
{
    static const struct {
        const char *list;
        bool kerberos, ntlm, raw;
    } rows[] = {
        {NULL, true, true, false},
        {"", true, true, false},
        {"NTLM", false, true, true},
        {" ntlm ", false, true, true},
        {"!Kerberos", false, true, false},
        {"Kerberos", true, false, false},
        {"!NTLM", true, false, false},
        {"NTLM,Kerberos", true, true, false},
        {"Kerberos, !NTLM", true, false, false},
        {"NegoExtender", false, false, false},
        {"!NegoExtender", true, true, false},
        {"NTLM,NegoExtender", false, true, false},
        {"!NTLM,!Kerberos", false, false, false},
        {"NTLMssp", false, false, false},
        {",,", true, true, false},
        {"NTLM,,", false, true, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct neg_choice choice = neg_package_list(rows[i].list);
        CU_ASSERT_EQUAL(choice.allowed[NEG_KERBEROS], rows[i].kerberos);
        CU_ASSERT_EQUAL(choice.allowed[NEG_NTLM], rows[i].ntlm);
        CU_ASSERT_EQUAL(choice.raw_ntlm, rows[i].raw);
    }
}

SSPI_TESTS({"init_round_trip", init_round_trip}, {"hint", hint},
           {"resp_round_trip", resp_round_trip}, {"known_octets", known_octets},
           {"trailing", trailing}, {"hostile", hostile}, {"refused", refused},
           {"package_lists", package_lists})
