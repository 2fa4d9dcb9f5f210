/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that must pass: seal.c, open.c, sign.c, token.c. Those that must not are in
 * kerberos_refusal_test.c.
 */
#include "kerberos_note.h"

/* ---- both ways, all sizes ------------------------------------------------------------------- */

static void pass_on(void *from, void *to, size_t cksum, ULONG qop)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 31, 32, 33, 1000, 4096};
    size_t token = qop ? 16 + cksum : 48 + cksum;
    uint8_t data[4096];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct note note;
        ULONG told = 0x5a5a;
        note_write(&note, token, data, sizes[i]);
        ASSERT_STATUS(KERBEROS->encrypt(from, qop, &note.desc), SEC_E_OK);
        CU_ASSERT_EQUAL(note.buffers[0].cbBuffer, token);
        CU_ASSERT_EQUAL(note.buffers[1].cbBuffer, sizes[i]);
        if (sizes[i] >= 16)
            CU_ASSERT_EQUAL(note_says(&note, data, sizes[i]), qop != 0);
        ASSERT_STATUS(KERBEROS->decrypt(to, &note.desc, &told), SEC_E_OK);
        CU_ASSERT_TRUE(note_says(&note, data, sizes[i]));
        CU_ASSERT_EQUAL(told, qop);
        note_free(&note);
        note_write(&note, 16 + cksum, data, sizes[i]);
        ASSERT_STATUS(KERBEROS->sign(from, 0, &note.desc), SEC_E_OK);
        CU_ASSERT_EQUAL(note.buffers[0].cbBuffer, 16 + cksum);
        ASSERT_STATUS(KERBEROS->verify(to, &note.desc, &told), SEC_E_OK);
        CU_ASSERT_EQUAL(told, 0);
        note_free(&note);
    }
}

static void both_ways(struct pair *pair, size_t cksum)
{
    pass_on(pair->client, pair->server, cksum, 0);
    pass_on(pair->server, pair->client, cksum, 0);
    pass_on(pair->client, pair->server, cksum, SECQOP_WRAP_NO_ENCRYPT);
    pass_on(pair->server, pair->client, cksum, SECQOP_WRAP_NO_ENCRYPT);
}

static void round_trips(void)
{
    with_every_enctype(SEALS, both_ways);
}

static void round_trips_one_leg(void)
{
    with_every_enctype(ISC_REQ_CONFIDENTIALITY, both_ways);
}

/* ---- the header Windows writes -------------------------------------------------------------- */

static void header_is(void *context, ULONG qop, size_t room, const char *hex)
{
    struct note note;
    char found[17] = "";
    note_write(&note, room, TEXT, sizeof TEXT);
    ASSERT_STATUS(KERBEROS->encrypt(context, qop, &note.desc), SEC_E_OK);
    const uint8_t *bytes = note.buffers[0].pvBuffer;
    for (int i = 0; i < 8; i++)
        snprintf(found + 2 * i, 3, "%02x", bytes[i]);
    CU_ASSERT_STRING_EQUAL(found, hex);
    note_free(&note);
}

static void headers(struct pair *pair, size_t cksum)
{
    (void)cksum;
    header_is(pair->client, 0, 76, "050406ff0000001c");
    header_is(pair->server, 0, 76, "050407ff0000001c");
    header_is(pair->client, SECQOP_WRAP_NO_ENCRYPT, 76, "050404ff000c000c");
    header_is(pair->server, SECQOP_WRAP_NO_ENCRYPT, 76, "050405ff000c000c");
}

static void headers_dce(struct pair *pair, size_t cksum)
{
    (void)cksum;
    header_is(pair->client, 0, 76, "050406ff0010001c");
    header_is(pair->server, 0, 76, "050407ff0010001c");
}

static void as_recorded(void)
{
    with_pair(ENCTYPE_AES256_CTS_HMAC_SHA1_96, SEALS, headers, 12);
    with_pair(ENCTYPE_AES256_CTS_HMAC_SHA1_96, SEALS | ISC_REQ_USE_DCE_STYLE, headers_dce, 12);
}

/* ---- any rotation --------------------------------------------------------------------------- */

/* Turns a token with its standard rotation into one rotated by `rotation`. */
static void rotate(uint8_t *token, size_t size, size_t standard, size_t rotation)
{
    size_t left = size - 16;
    uint8_t *plain = malloc(left);
    for (size_t i = 0; i < left; i++)
        plain[i] = token[16 + (i + standard) % left];
    for (size_t i = 0; i < left; i++)
        token[16 + (i + rotation) % left] = plain[i];
    free(plain);
    token[6] = (uint8_t)(rotation >> 8);
    token[7] = (uint8_t)rotation;
}

static void stream_of(struct pair *pair, size_t room, size_t standard, ULONG qop, size_t rotation)
{
    struct note note;
    note_write(&note, room, TEXT, sizeof TEXT);
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, qop, &note.desc), SEC_E_OK);
    size_t size = room + sizeof TEXT;
    uint8_t *whole = malloc(size);
    memcpy(whole, note.buffers[0].pvBuffer, room);
    memcpy(whole + room, note.buffers[1].pvBuffer, sizeof TEXT);
    rotate(whole, size, standard, rotation);
    SecBuffer buffers[] = {{(ULONG)size, SECBUFFER_STREAM, whole}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    ULONG told = 1;
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &desc, &told), SEC_E_OK);
    CU_ASSERT_EQUAL(told, qop);
    CU_ASSERT_EQUAL_FATAL(buffers[1].cbBuffer, sizeof TEXT);
    CU_ASSERT_EQUAL(memcmp(buffers[1].pvBuffer, TEXT, sizeof TEXT), 0);
    const uint8_t *plain = buffers[1].pvBuffer;
    CU_ASSERT_TRUE(plain >= whole && plain + sizeof TEXT <= whole + size);
    free(whole);
    note_free(&note);
}

static void any_rotation(struct pair *pair, size_t cksum)
{
    for (size_t rotation = 0; rotation < 200; rotation++) {
        stream_of(pair, 48 + cksum, 16 + cksum, 0, rotation);
        stream_of(pair, 16 + cksum, cksum, SECQOP_WRAP_NO_ENCRYPT, rotation);
    }
}

static void streams(void)
{
    with_every_enctype(SEALS, any_rotation);
}

/* TOKEN and DATA cut at another place, as callers do that go by cbSecurityTrailer. */
static void cut_elsewhere(struct pair *pair, size_t cksum)
{
    struct note note, cut;
    size_t room = 48 + cksum;
    note_write(&note, room, TEXT, sizeof TEXT);
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &note.desc), SEC_E_OK);
    uint8_t whole[256];
    memcpy(whole, note.buffers[0].pvBuffer, room);
    memcpy(whole + room, note.buffers[1].pvBuffer, sizeof TEXT);
    note_write(&cut, 20, whole + 20, room + sizeof TEXT - 20);
    memcpy(cut.buffers[0].pvBuffer, whole, 20);
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &cut.desc, NULL), SEC_E_OK);
    CU_ASSERT_TRUE(note_says(&cut, TEXT, sizeof TEXT));
    note_free(&cut);
    note_free(&note);
}

static void cuts(void)
{
    with_every_enctype(SEALS, cut_elsewhere);
}

/* ---- several buffers ------------------------------------------------------------------------ */

static void rpc_layout(struct pair *pair, size_t cksum)
{
    char header[] = "header", body[] = "the body of a request", trailer[] = "tail",
         free_text[] = "x";
    uint8_t token[76];
    SecBuffer buffers[] = {
        {sizeof header, SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, header},
        {sizeof body, SECBUFFER_DATA, body},
        {sizeof trailer, SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, trailer},
        {sizeof free_text, SECBUFFER_DATA | SECBUFFER_READONLY, free_text},
        {sizeof token, SECBUFFER_TOKEN, token},
    };
    SecBufferDesc desc = {SECBUFFER_VERSION, 5, buffers};
    (void)cksum;

    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(header, "header");
    CU_ASSERT_STRING_EQUAL(trailer, "tail");
    CU_ASSERT_NOT_EQUAL(memcmp(body, "the body of a request", sizeof body), 0);
    free_text[0] = 'y'; /* READONLY without checksum is nobody's business */
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &desc, NULL), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(body, "the body of a request");

    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    header[0] = 'H';
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &desc, NULL), SEC_E_MESSAGE_ALTERED);
}

static void readonly_buffers(void)
{
    with_pair(ENCTYPE_AES256_CTS_HMAC_SHA1_96, SEALS, rpc_layout, 12);
    with_pair(ENCTYPE_AES256_CTS_HMAC_SHA1_96, SEALS | ISC_REQ_USE_DCE_STYLE, rpc_layout, 12);
}

static void with_padding(struct pair *pair, size_t cksum)
{
    char body[] = TEXT, padding[16];
    uint8_t token[76];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof body, SECBUFFER_DATA, body},
                           {sizeof padding, SECBUFFER_PADDING, padding}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    (void)cksum;
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[0].cbBuffer, 60); /* 76 were offered */
    CU_ASSERT_EQUAL(buffers[2].cbBuffer, 0);
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &desc, NULL), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(body, TEXT);
}

static void padding_shrinks(void)
{
    with_pair(ENCTYPE_AES256_CTS_HMAC_SHA1_96, SEALS, with_padding, 12);
}

static void list_mic(struct pair *pair, size_t cksum)
{
    struct sspi_blob mic = {NULL, 0};
    struct sspi_view list = {(const uint8_t *)"mechTypes", 9},
                     other = {(const uint8_t *)"mechType", 8};
    ASSERT_STATUS(KERBEROS->make_mic(pair->client, list, &mic), SEC_E_OK);
    CU_ASSERT_EQUAL(mic.size, 16 + cksum);
    ASSERT_STATUS(KERBEROS->check_mic(pair->server, other, sspi_blob_view(&mic)),
                  SEC_E_MESSAGE_ALTERED);
    ASSERT_STATUS(KERBEROS->check_mic(pair->server, list, sspi_blob_view(&mic)), SEC_E_OK);
    ASSERT_STATUS(KERBEROS->check_mic(pair->server, list, sspi_blob_view(&mic)),
                  SEC_E_OUT_OF_SEQUENCE);
    sspi_blob_free(&mic);
}

static void mechlist_mic(void)
{
    with_every_enctype(SEALS, list_mic);
}

SSPI_TESTS({"round trips", round_trips}, {"round trips after one leg", round_trips_one_leg},
           {"headers as recorded", as_recorded}, {"streams of any rotation", streams},
           {"cut elsewhere", cuts}, {"readonly buffers", readonly_buffers},
           {"padding shrinks", padding_shrinks}, {"mechListMIC", mechlist_mic})
