/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages of RC4 contexts: rc4.c.
 */
#include "kerberos/rc4.h"

#include "kerberos_note.h"

#define RC4 ENCTYPE_ARCFOUR_HMAC
#define DCE (SEALS | ISC_REQ_USE_DCE_STYLE)

/* ---- MS-KILE 4.5 ---------------------------------------------------------------------------- */

static size_t unhex(const char *hex, uint8_t *bytes)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++)
        sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
    return size;
}

static struct sspi_krb_context *example(bool initiator)
{
    struct sspi_krb_context *context = sspi_alloc(sizeof *context);
    context->initiator = initiator;
    context->state = SSPI_KRB_DONE;
    context->flags = SSPI_KRB_CONF | SSPI_KRB_INTEG | SSPI_KRB_DCE_STYLE;
    context->enctype = sspi_krb_enctype(RC4);
    context->send_sequence = context->receive_sequence = 1623960787;
    MUST(krb5_init_keyblock(NULL, RC4, 16, &context->session_key));
    unhex("81a2cb90af7fc2d19554a150d8185359", context->session_key->contents);
    return context;
}

/* The example of the specification: GSS_WrapEx with a known confounder. */
static void specification(void)
{
    static const char token_hex[] =
        "602b06092a864886f712010202020111001000ffffe29e8bbc6348e740ebaa61"
        "9244a156a13b5cf65e3c21b9aa";
    uint8_t plain[15], data[15], token[45], wanted[45], confounder[8], pad[1];
    struct sspi_krb_context *sender = example(true), *receiver = example(false);
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data},
                           {sizeof pad, SECBUFFER_PADDING, pad}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    ULONG qop = 1;

    unhex("112233445566778899aabbccddeeff", plain);
    memcpy(data, plain, sizeof data);
    CU_ASSERT_EQUAL(unhex(token_hex, wanted), sizeof wanted);
    unhex("5256f3fb630cf12a", confounder);
    CU_ASSERT_TRUE(libsspi_test_random(confounder, sizeof confounder));
    ASSERT_STATUS(sspi_krb_encrypt(sender, 0, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[0].cbBuffer, sizeof wanted);
    CU_ASSERT_EQUAL(memcmp(token, wanted, sizeof wanted), 0);
    CU_ASSERT_EQUAL(buffers[2].cbBuffer, 1);
    CU_ASSERT_NOT_EQUAL(memcmp(data, plain, sizeof data), 0);
    ASSERT_STATUS(sspi_krb_decrypt(receiver, &desc, &qop), SEC_E_OK);
    CU_ASSERT_EQUAL(qop, 0);
    CU_ASSERT_EQUAL(memcmp(data, plain, sizeof data), 0);
    CU_ASSERT_EQUAL(pad[0], 1);
    sspi_krb_free_context(sender);
    sspi_krb_free_context(receiver);
}

/* ---- both ways ------------------------------------------------------------------------------ */

static void pass_on(void *from, void *to, size_t dce, ULONG qop)
{
    static const size_t sizes[] = {0, 1, 15, 16, 83, 84, 85, 211, 212, 213, 4096, 70000};
    static uint8_t data[70000];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct note note;
        ULONG told = 0x5a5a;
        note_write(&note, SSPI_KRB_RC4_WRAP_MAX, data, sizes[i]);
        ASSERT_STATUS(KERBEROS->encrypt(from, qop, &note.desc), SEC_E_OK);
        size_t more = dce || sizes[i] + 43 < 128 ? 0
                      : sizes[i] + 43 < 256      ? 1
                      : sizes[i] < 65000         ? 2
                                                 : 3;
        CU_ASSERT_EQUAL(note.buffers[0].cbBuffer, 45 + more);
        CU_ASSERT_EQUAL(note.buffers[1].cbBuffer, sizes[i]);
        if (sizes[i] >= 16)
            CU_ASSERT_EQUAL(note_says(&note, data, sizes[i]), qop != 0);
        ASSERT_STATUS(KERBEROS->decrypt(to, &note.desc, &told), SEC_E_OK);
        CU_ASSERT_TRUE(note_says(&note, data, sizes[i]));
        CU_ASSERT_EQUAL(told, qop);
        note_free(&note);
        note_write(&note, 37, data, sizes[i]);
        ASSERT_STATUS(KERBEROS->sign(from, 0, &note.desc), SEC_E_OK);
        CU_ASSERT_EQUAL(note.buffers[0].cbBuffer, 37);
        ASSERT_STATUS(KERBEROS->verify(to, &note.desc, &told), SEC_E_OK);
        CU_ASSERT_EQUAL(told, 0);
        note_free(&note);
    }
}

static void both_ways(struct pair *pair, size_t dce)
{
    pass_on(pair->client, pair->server, dce, 0);
    pass_on(pair->server, pair->client, dce, 0);
    pass_on(pair->client, pair->server, dce, SECQOP_WRAP_NO_ENCRYPT);
    pass_on(pair->server, pair->client, dce, SECQOP_WRAP_NO_ENCRYPT);
}

static void round_trips(void)
{
    with_pair(RC4, SEALS, both_ways, 0);
    with_pair(RC4, ISC_REQ_CONFIDENTIALITY, both_ways, 0);
    with_pair(RC4, DCE, both_ways, 1);
}

/* TOKEN, DATA and PADDING one behind the other are a token of GSS_Wrap. */
static void padded_stream(struct pair *pair, size_t dce)
{
    uint8_t whole[SSPI_KRB_RC4_WRAP_MAX + sizeof TEXT + 1], token[SSPI_KRB_RC4_WRAP_MAX], pad[4];
    char text[] = TEXT;
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof text, SECBUFFER_DATA, text},
                           {sizeof pad, SECBUFFER_PADDING, pad}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    (void)dce;
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[2].cbBuffer, 1);
    size_t size = 0;
    for (int i = 0; i < 3; i++) {
        memcpy(whole + size, buffers[i].pvBuffer, buffers[i].cbBuffer);
        size += buffers[i].cbBuffer;
    }
    SecBuffer stream[] = {{(ULONG)size, SECBUFFER_STREAM, whole}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc in = {SECBUFFER_VERSION, 2, stream};
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &in, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL_FATAL(stream[1].cbBuffer, sizeof TEXT);
    CU_ASSERT_STRING_EQUAL(stream[1].pvBuffer, TEXT);

    /* No room for the byte; a token that is cut elsewhere. */
    buffers[0].cbBuffer = sizeof token;
    buffers[2].cbBuffer = 0;
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_BUFFER_TOO_SMALL);
    buffers[2].cbBuffer = 1;
    buffers[0].cbBuffer = 44;
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_BUFFER_TOO_SMALL);
    buffers[0].cbBuffer = sizeof token;
    memcpy(text, TEXT, sizeof text);
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    size = 0;
    for (int i = 0; i < 3; i++) {
        memcpy(whole + size, buffers[i].pvBuffer, buffers[i].cbBuffer);
        size += buffers[i].cbBuffer;
    }
    SecBuffer cut[] = {{20, SECBUFFER_TOKEN, whole},
                       {(ULONG)size - 20, SECBUFFER_DATA, whole + 20}};
    in = (SecBufferDesc){SECBUFFER_VERSION, 2, cut};
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &in, NULL), SEC_E_OK);
    CU_ASSERT_EQUAL(cut[1].cbBuffer, sizeof TEXT);
    CU_ASSERT_STRING_EQUAL(cut[1].pvBuffer, TEXT);
}

static void padding(void)
{
    with_pair(RC4, SEALS, padded_stream, 0);
}

static void rpc(struct pair *pair, size_t dce)
{
    char header[] = "header", body[] = "the body of a request", trailer[] = "tail";
    uint8_t token[45];
    SecBuffer buffers[] = {
        {sizeof header, SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, header},
        {sizeof body, SECBUFFER_DATA, body},
        {sizeof trailer, SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM, trailer},
        {sizeof token, SECBUFFER_TOKEN, token},
    };
    SecBufferDesc desc = {SECBUFFER_VERSION, 4, buffers};
    (void)dce;
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    CU_ASSERT_EQUAL(buffers[3].cbBuffer, 45); /* as recorded in an RPC connection */
    CU_ASSERT_EQUAL(token[1], 43);
    CU_ASSERT_STRING_EQUAL(header, "header");
    CU_ASSERT_NOT_EQUAL(memcmp(body, "the body of a request", sizeof body), 0);
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &desc, NULL), SEC_E_OK);
    CU_ASSERT_STRING_EQUAL(body, "the body of a request");
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &desc), SEC_E_OK);
    trailer[0] = 'T';
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &desc, NULL), SEC_E_MESSAGE_ALTERED);
}

static void readonly_buffers(void)
{
    with_pair(RC4, DCE, rpc, 1);
}

/* ---- what must not pass --------------------------------------------------------------------- */

static SECURITY_STATUS protect(void *context, int how, struct note *note)
{
    return how == 2 ? KERBEROS->sign(context, 0, &note->desc)
                    : KERBEROS->encrypt(context, how ? SECQOP_WRAP_NO_ENCRYPT : 0, &note->desc);
}

static SECURITY_STATUS unprotect(void *context, int how, struct note *note)
{
    return how == 2 ? KERBEROS->verify(context, &note->desc, NULL)
                    : KERBEROS->decrypt(context, &note->desc, NULL);
}

static void copy_of(const struct note *from, size_t size, struct note *to)
{
    note_write(to, size, from->buffers[1].pvBuffer, from->buffers[1].cbBuffer);
    memcpy(to->buffers[0].pvBuffer, from->buffers[0].pvBuffer,
           size < from->buffers[0].cbBuffer ? size : from->buffers[0].cbBuffer);
}

static void every_bit(struct pair *pair, size_t dce)
{
    (void)dce;
    for (int how = 0; how < 3; how++) {
        struct note note, copy;
        note_write(&note, SSPI_KRB_RC4_WRAP_MAX, TEXT, sizeof TEXT);
        ASSERT_STATUS(protect(pair->client, how, &note), SEC_E_OK);
        size_t room = note.buffers[0].cbBuffer;
        for (size_t bit = 0; bit < 8 * (room + sizeof TEXT); bit++) {
            copy_of(&note, room, &copy);
            uint8_t *part = copy.buffers[bit / 8 < room ? 0 : 1].pvBuffer;
            part[bit / 8 < room ? bit / 8 : bit / 8 - room] ^= (uint8_t)(1 << bit % 8);
            /* The checksum does not cover the number; where it is no part of a key, another one
             * is another place in the order. */
            size_t number = room - (how == 2 ? 16 : 24), byte = bit / 8;
            bool order = how && byte >= number && byte < number + 4;
            ASSERT_STATUS(unprotect(pair->server, how, &copy),
                          order ? SEC_E_OUT_OF_SEQUENCE : SEC_E_MESSAGE_ALTERED);
            note_free(&copy);
        }
        for (size_t size = 0; size < room + 8; size++) {
            if (size == room)
                continue;
            copy_of(&note, size, &copy);
            ASSERT_STATUS(unprotect(pair->server, how, &copy),
                          size < 16 ? SEC_E_INVALID_TOKEN : SEC_E_MESSAGE_ALTERED);
            note_free(&copy);
        }
        /* One's own message sent back, the right one, and the right one again. */
        copy_of(&note, room, &copy);
        ASSERT_STATUS(unprotect(pair->client, how, &copy), SEC_E_MESSAGE_ALTERED);
        note_free(&copy);
        copy_of(&note, room, &copy);
        ASSERT_STATUS(unprotect(pair->server, how, &copy), SEC_E_OK);
        ASSERT_STATUS(unprotect(pair->server, how, &note), SEC_E_OUT_OF_SEQUENCE);
        note_free(&copy);
        note_free(&note);
    }
}

static void alterations(void)
{
    with_pair(RC4, SEALS, every_bit, 0);
    with_pair(RC4, DCE, every_bit, 1);
}

static void gap(struct pair *pair, size_t dce)
{
    struct note first, second, copy;
    (void)dce;
    note_write(&first, 45, "one", 4);
    note_write(&second, 45, "two", 4);
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &first.desc), SEC_E_OK);
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &second.desc), SEC_E_OK);
    copy_of(&second, 45, &copy);
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &copy.desc, NULL), SEC_E_OUT_OF_SEQUENCE);
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &first.desc, NULL), SEC_E_OK);
    ASSERT_STATUS(KERBEROS->decrypt(pair->server, &second.desc, NULL), SEC_E_OK);
    note_free(&copy);
    note_free(&first);
    note_free(&second);
}

static void order(void)
{
    with_pair(RC4, SEALS, gap, 0);
}

/* Every cut of a stream, and lengths that promise something else. */
static void cut_streams(struct pair *pair, size_t dce)
{
    struct note note;
    (void)dce;
    note_write(&note, SSPI_KRB_RC4_WRAP_MAX, TEXT, sizeof TEXT);
    ASSERT_STATUS(KERBEROS->encrypt(pair->client, 0, &note.desc), SEC_E_OK);
    size_t room = note.buffers[0].cbBuffer, size = room + sizeof TEXT;
    for (size_t cut = 0; cut < size; cut++)
        for (unsigned length = 0; length < 256; length++) {
            uint8_t *shorter = malloc(cut ? cut : 1);
            memcpy(shorter, note.buffers[0].pvBuffer, cut < room ? cut : room);
            if (cut > room)
                memcpy(shorter + room, note.buffers[1].pvBuffer, cut - room);
            if (cut > 1 && length)
                shorter[1] = (uint8_t)length;
            SecBuffer buffers[] = {{(ULONG)cut, SECBUFFER_STREAM, shorter},
                                   {0, SECBUFFER_DATA, NULL}};
            SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
            CU_ASSERT_TRUE(KERBEROS->decrypt(pair->server, &desc, NULL) < 0);
            free(shorter);
        }
    note_free(&note);
}

static void streams(void)
{
    with_pair(RC4, SEALS, cut_streams, 0);
    with_pair(RC4, DCE, cut_streams, 1);
}

static void reports(struct pair *pair, size_t dce)
{
    struct sspi_attribute sizes = {.attribute = SECPKG_ATTR_SIZES};
    (void)dce;
    ASSERT_STATUS(KERBEROS->query(pair->client, &sizes), SEC_E_OK);
    CU_ASSERT_EQUAL(sizes.value.sizes.cbMaxSignature, 37);
    CU_ASSERT_EQUAL(sizes.value.sizes.cbSecurityTrailer, 49);
    CU_ASSERT_EQUAL(sizes.value.sizes.cbBlockSize, 1);
    /* As recorded: the AP-REP of an RC4 exchange repeats the initiator's subkey. */
    const struct sspi_krb_context *client = pair->client, *server = pair->server;
    CU_ASSERT_EQUAL(client->session_key->length, 16);
    CU_ASSERT_EQUAL(memcmp(client->session_key->contents, server->session_key->contents, 16), 0);
}

static void attributes(void)
{
    with_pair(RC4, SEALS, reports, 0);
}

SSPI_TESTS({"MS-KILE 4.5", specification}, {"round trips", round_trips}, {"padding", padding},
           {"readonly buffers", readonly_buffers}, {"every bit matters", alterations},
           {"order", order}, {"cut streams", streams}, {"attributes", attributes})
