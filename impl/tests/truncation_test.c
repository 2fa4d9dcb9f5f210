/* SPDX-License-Identifier: Apache-2.0
 *
 * Every token of every mechanism and leg, and every message, cut at each octet and handed to the
 * exported functions in memory of exactly that size: nothing of it is taken for the whole, and
 * under AddressSanitizer nothing behind it is read.
 */
#include "kerberos_fixture.h"

#include "exchange.h"
#include "world.h"

#define FLAGS (ISC_REQ_INTEGRITY | ISC_REQ_CONFIDENTIALITY)
#define MUTUAL (FLAGS | ISC_REQ_MUTUAL_AUTH)
#define ASC_FLAGS (ASC_REQ_INTEGRITY | ASC_REQ_CONFIDENTIALITY)

struct row {
    const char *package, *list;
    bool kerberos; /* the tickets of the fixture; else anna's password */
    ULONG isc, asc;
    int tokens; /* in one exchange */
};

static const struct row rows[] = {
    {"NTLM", "", false, FLAGS, ASC_FLAGS, 3},
    {"Negotiate", "!Kerberos", false, FLAGS, ASC_FLAGS, 4},
    {"Negotiate", "NTLM", false, FLAGS, ASC_FLAGS, 3}, /* raw NTLM */
    {"Kerberos", "", true, FLAGS, ASC_FLAGS, 1},
    {"Kerberos", "", true, MUTUAL, ASC_FLAGS, 2},
    {"Kerberos", "", true, MUTUAL | ISC_REQ_USE_DCE_STYLE, ASC_FLAGS, 3},
    {"Negotiate", "!NTLM", true, MUTUAL, ASC_FLAGS, 2},
    {"Negotiate", "!NTLM", true, MUTUAL | ISC_REQ_USE_DCE_STYLE, ASC_FLAGS, 4},
};

static struct side client, server;
static struct world world;

static void acquire(const struct row *row)
{
    bool kerberos = row->kerberos;
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = kerberos ? NULL : (unsigned char *)"anna",
        .UserLength = kerberos ? 0 : 4,
        .Domain = kerberos ? NULL : (unsigned char *)"WORLD",
        .DomainLength = kerberos ? 0 : 5,
        .Password = kerberos ? NULL : (unsigned char *)"Secret123!",
        .PasswordLength = kerberos ? 0 : 10,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)(uintptr_t)row->list,
        .PackageListLength = (ULONG)strlen(row->list),
    };
    struct side *sides[2] = {&client, &server};
    char *package = (char *)(uintptr_t)row->package;
    for (int i = 0; i < 2; i++) {
        memset(sides[i], 0, sizeof *sides[i]);
        bool given = !kerberos || *row->list;
        ASSERT_STATUS(AcquireCredentialsHandleA(
                          NULL, package, i ? SECPKG_CRED_INBOUND : SECPKG_CRED_OUTBOUND, NULL,
                          given ? &identity : NULL, NULL, NULL, &sides[i]->credential, NULL),
                      SEC_E_OK);
    }
}

static void drop(struct side *side)
{
    if (side->has_context)
        ASSERT_STATUS(DeleteSecurityContext(&side->context), SEC_E_OK);
    side->has_context = 0;
}

/* The legs up to the token number `count`, which lies with its sender afterwards. */
static void play(const struct row *row, int count)
{
    drop(&client);
    drop(&server);
    leg(&client, 1, WORLD_SERVICE, row->isc, NULL, 0);
    for (int i = 0; i < count; i++) {
        if (i % 2)
            leg(&client, 1, WORLD_SERVICE, row->isc, server.token, server.size);
        else
            leg(&server, 0, NULL, row->asc, client.token, client.size);
    }
}

/* What a part of a token may come to. */
static bool is_right(const struct row *row, int which, ULONG cut, const struct side *to)
{
    if (to->status < 0)
        return to->status == SEC_E_INVALID_TOKEN;
    if (to->status != SEC_I_CONTINUE_NEEDED)
        return false;
    /* NEGOTIATE is whole without its optional fields (MS-NLMP 2.2.1.1). */
    if (which == 0 && !row->kerberos && strcmp(row->list, "!Kerberos") != 0 && cut >= 16)
        return true;
    /* An acceptor that is asked without a token shows what it has (MS-SPNG 3.2.5.2); and one part
     * of a SPNEGO token makes it wait for the rest (3.1.5.6), in silence. */
    return strcmp(row->package, "Negotiate") == 0 && ((which == 0 && cut == 0) || to->size == 0);
}

static void cut_token(const struct row *row, int which)
{
    struct side *from = which % 2 ? &server : &client, *to = which % 2 ? &client : &server;
    ULONG req = which % 2 ? row->isc : row->asc;
    unsigned wrong = 0;
    play(row, which);
    CU_ASSERT(from->size > 0);
    for (ULONG cut = 0; cut < from->size; cut++) {
        if (which)
            play(row, which);
        else
            drop(&server); /* the first token serves every acceptor */
        if (cut >= from->size)
            break; /* numbers inside a Kerberos token take an octet less now and then */
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, from->token, cut);
        leg(to, which % 2, WORLD_SERVICE, req, part, cut);
        free(part);
        if (!is_right(row, which, cut, to) && !wrong++)
            fprintf(stderr, "  %s %s, token %d cut to %u of %u: 0x%08x\n", row->package, row->list,
                    which + 1, cut, from->size, (unsigned)to->status);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- messages ------------------------------------------------------------------------------- */

enum shape {
    SEALED,
    SIGNED,
    WRAPPED,  /* Kerberos: SECQOP_WRAP_NO_ENCRYPT */
    PROTECTED /* DCE style: sealed, with a header in the clear that is signed */
};

#define HEADER_SIZE 9

struct sealed {
    enum shape shape;
    struct side *from, *to;
    uint8_t bytes[256]; /* token, data */
    uint8_t header[HEADER_SIZE];
    ULONG token, data;
};

/* Header first, as in RPC. */
static SecBuffer header_buffer(const struct sealed *message, uint8_t *header, ULONG size)
{
    bool wanted = message->shape == PROTECTED;
    return (SecBuffer){wanted ? size : 0,
                       wanted ? SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM : SECBUFFER_EMPTY,
                       header};
}

static void make(struct sealed *message)
{
    SecPkgContext_Sizes sizes;
    bool sign = message->shape == SIGNED;
    ASSERT_STATUS(QueryContextAttributesA(&message->from->context, SECPKG_ATTR_SIZES, &sizes),
                  SEC_E_OK);
    ULONG room = sign ? sizes.cbMaxSignature : sizes.cbSecurityTrailer;
    uint8_t text[33] = "so many words, and one after them";
    memcpy(message->header, "a header", HEADER_SIZE);
    SecBuffer buffers[3] = {header_buffer(message, message->header, HEADER_SIZE),
                            {room, SECBUFFER_TOKEN, message->bytes},
                            {sizeof text, SECBUFFER_DATA, text}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    ULONG qop = message->shape == WRAPPED ? SECQOP_WRAP_NO_ENCRYPT : 0;
    ASSERT_STATUS(sign ? MakeSignature(&message->from->context, 0, &desc, 0)
                       : EncryptMessage(&message->from->context, qop, &desc, 0),
                  SEC_E_OK);
    message->token = buffers[1].cbBuffer;
    message->data = sizeof text;
    memcpy(message->bytes + message->token, text, sizeof text);
}

static uint8_t *part(const void *bytes, ULONG size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    return copy;
}

/* Opens it with so much of header, token and data, each in memory of its own. */
static SECURITY_STATUS open_parts(const struct sealed *message, ULONG header, ULONG token,
                                  ULONG data)
{
    uint8_t *clear = part(message->header, header), *signature = part(message->bytes, token),
            *text = part(message->bytes + message->token, data);
    SecBuffer buffers[3] = {header_buffer(message, clear, header),
                            {token, SECBUFFER_TOKEN, signature},
                            {data, SECBUFFER_DATA, text}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 3, buffers};
    CtxtHandle *context = &message->to->context;
    SECURITY_STATUS status = message->shape == SIGNED ? VerifySignature(context, &desc, 0, NULL)
                                                      : DecryptMessage(context, &desc, 0, NULL);
    free(clear);
    free(signature);
    free(text);
    return status;
}

static SECURITY_STATUS open_stream(const struct sealed *message, ULONG size)
{
    uint8_t *whole = part(message->bytes, size);
    SecBuffer buffers[2] = {{size, SECBUFFER_STREAM, whole}, {0, SECBUFFER_DATA, NULL}};
    SecBufferDesc desc = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = DecryptMessage(&message->to->context, &desc, 0, NULL);
    free(whole);
    return status;
}

static bool refused(SECURITY_STATUS status)
{
    return status == SEC_E_INVALID_TOKEN || status == SEC_E_MESSAGE_ALTERED;
}

static void cut_message(struct sealed *message)
{
    make(message);
    bool stream = message->shape == SEALED || message->shape == WRAPPED;
    ULONG header = message->shape == PROTECTED ? HEADER_SIZE : 0;
    for (ULONG size = 0; size < header; size++)
        CU_ASSERT(refused(open_parts(message, size, message->token, message->data)));
    for (ULONG size = 0; size < message->token; size++)
        CU_ASSERT(refused(open_parts(message, header, size, message->data)));
    for (ULONG size = 0; size < message->data; size++)
        CU_ASSERT(refused(open_parts(message, header, message->token, size)));
    for (ULONG size = 0; stream && size < message->token + message->data; size++)
        CU_ASSERT(refused(open_stream(message, size)));
    /* None of it moved the receiver on. */
    ASSERT_STATUS(open_parts(message, header, message->token, message->data), SEC_E_OK);
}

static void cut_messages(const struct row *row)
{
    play(row, row->tokens);
    ASSERT_STATUS(client.status, SEC_E_OK);
    ASSERT_STATUS(server.status, SEC_E_OK);
    int shapes = row->isc & ISC_REQ_USE_DCE_STYLE ? PROTECTED : row->kerberos ? WRAPPED : SIGNED;
    for (int shape = 0; shape <= shapes; shape++)
        for (int way = 0; way < 2; way++) {
            struct sealed message = {.shape = (enum shape)shape,
                                     .from = way ? &server : &client,
                                     .to = way ? &client : &server};
            cut_message(&message);
        }
}

static void cut_row(const struct row *row)
{
    acquire(row);
    for (int which = 0; which < row->tokens; which++)
        cut_token(row, which);
    cut_messages(row);
    finish(&client);
    finish(&server);
}

static void ntlm(void)
{
    world_begin();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!rows[i].kerberos)
            cut_row(&rows[i]);
}

static void kerberos(void)
{
    static const krb5_enctype enctypes[] = {ENCTYPE_AES256_CTS_HMAC_SHA1_96, ENCTYPE_ARCFOUR_HMAC,
                                            ENCTYPE_AES128_CTS_HMAC_SHA256_128};
    for (size_t n = 0; n < sizeof enctypes / sizeof enctypes[0]; n++) {
        world_open(&world, enctypes[n]);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
            if (rows[i].kerberos)
                cut_row(&rows[i]);
        world_close(&world);
    }
}

/* SEC_CHANNEL_BINDINGS: what is not all there is refused on either side. */
static void bindings(void)
{
    struct {
        SEC_CHANNEL_BINDINGS structure;
        uint8_t data[20];
    } whole = {.structure = {.cbApplicationDataLength = sizeof whole.data,
                             .dwApplicationDataOffset = sizeof whole.structure}};
    world_begin();
    acquire(&rows[0]);
    for (ULONG cut = 1; cut < sizeof whole; cut++) {
        CtxtHandle context;
        ULONG attributes;
        uint8_t *part = malloc(cut), out[1024];
        memcpy(part, &whole, cut);
        SecBuffer in = {cut, SECBUFFER_CHANNEL_BINDINGS, part};
        SecBufferDesc input = {SECBUFFER_VERSION, 1, &in};
        SecBuffer token = {sizeof out, SECBUFFER_TOKEN, out};
        SecBufferDesc output = {SECBUFFER_VERSION, 1, &token};
        ASSERT_STATUS(InitializeSecurityContextA(&client.credential, NULL, NULL, 0, 0, 0, &input, 0,
                                                 &context, &output, &attributes, NULL),
                      SEC_E_INVALID_TOKEN);
        ASSERT_STATUS(AcceptSecurityContext(&server.credential, NULL, &input, 0, 0, &context,
                                            &output, &attributes, NULL),
                      SEC_E_INVALID_TOKEN);
        free(part);
    }
    finish(&client);
    finish(&server);
}

SSPI_TESTS({"ntlm", ntlm}, {"kerberos", kerberos}, {"bindings", bindings})
