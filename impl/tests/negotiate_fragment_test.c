/* SPDX-License-Identifier: Apache-2.0
 *
 * SPNEGO tokens in pieces, over the real NTLM package: cut by one side, gathered by the other, and
 * what becomes of senders that do not keep to it (MS-SPNG 3.1.5.6, 3.1.5.9).
 */
#include "run.h"

#include "exchange.h"
#include "world.h"

static struct side client, server;
static ULONG room;    /* of both sides' output buffers */
static int fragments; /* pieces that were not the last of their token */

static void begin(void)
{
    SEC_WINNT_AUTH_IDENTITY_EXA identity = {
        .Version = SEC_WINNT_AUTH_IDENTITY_VERSION,
        .Length = sizeof identity,
        .User = (unsigned char *)"anna",
        .UserLength = 4,
        .Domain = (unsigned char *)"WORLD",
        .DomainLength = 5,
        .Password = (unsigned char *)"Secret123!",
        .PasswordLength = 10,
        .Flags = SEC_WINNT_AUTH_IDENTITY_ANSI,
        .PackageList = (unsigned char *)"!Kerberos",
        .PackageListLength = 9,
    };
    char name[] = "Negotiate";
    world_begin();
    fragments = 0;
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_OUTBOUND, NULL, &identity, NULL,
                                            NULL, &client.credential, NULL),
                  SEC_E_OK);
    ASSERT_STATUS(AcquireCredentialsHandleA(NULL, name, SECPKG_CRED_INBOUND, NULL, NULL, NULL, NULL,
                                            &server.credential, NULL),
                  SEC_E_OK);
}

static void end(void)
{
    finish(&client);
    finish(&server);
}

/* One leg with `room` bytes for the token; the token comes from memory of exactly its size. */
static SECURITY_STATUS small_leg(struct side *side, bool fit, const uint8_t *token, ULONG size)
{
    uint8_t *exact = malloc(size ? size : 1), *output = malloc(room);
    SecBuffer in = {size, SECBUFFER_TOKEN, exact}, out = {room, SECBUFFER_TOKEN, output};
    SecBufferDesc input = {SECBUFFER_VERSION, 1, &in}, result = {SECBUFFER_VERSION, 1, &out};
    CtxtHandle *context = side->has_context ? &side->context : NULL;
    ULONG bit = 0;

    if (size)
        memcpy(exact, token, size);
    side->attributes = 0;
    if (side == &client) {
        bit = ISC_RET_FRAGMENT_ONLY;
        side->status = InitializeSecurityContextA(
            &side->credential, context, NULL, ISC_REQ_CONFIDENTIALITY | (fit ? bit : 0), 0,
            SECURITY_NATIVE_DREP, token ? &input : NULL, 0, &side->context, &result,
            &side->attributes, &side->expiry);
    } else {
        bit = ASC_RET_FRAGMENT_ONLY;
        side->status =
            AcceptSecurityContext(&side->credential, context, token ? &input : NULL,
                                  ASC_REQ_CONFIDENTIALITY | (fit ? bit : 0), SECURITY_NATIVE_DREP,
                                  &side->context, &result, &side->attributes, &side->expiry);
    }
    side->has_context |= side->status >= 0;
    side->size = side->status < 0 ? 0 : out.cbBuffer;
    memcpy(side->token, output, side->size);
    if (side->attributes & bit) {
        fragments++;
        CU_ASSERT_EQUAL(side->size, room);
        ASSERT_STATUS(side->status, SEC_I_CONTINUE_NEEDED);
    }
    free(exact);
    free(output);
    return side->status;
}

static void run_exchange(void)
{
    static const uint8_t nothing[1];
    struct side *side = &client, *other = &server;
    small_leg(side, true, NULL, 0);
    for (int i = 0; i < 4000 && side->status >= 0; i++) {
        if (other->has_context && other->status == SEC_E_OK)
            break;
        small_leg(other, true, side->size ? side->token : nothing, side->size);
        struct side *next = other;
        other = side;
        side = next;
    }
}

static void seals(void)
{
    uint8_t data[5] = "hello", token[64];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof data, SECBUFFER_DATA, data}};
    SecBufferDesc message = {SECBUFFER_VERSION, 2, buffers};
    ASSERT_STATUS(EncryptMessage(&client.context, 0, &message, 0), SEC_E_OK);
    ASSERT_STATUS(DecryptMessage(&server.context, &message, 0, NULL), SEC_E_OK);
    CU_ASSERT(memcmp(data, "hello", 5) == 0);
}

/* Every size of buffer ends in the same context; the smaller, the more pieces. */
static void every_room(void)
{
    int before = 1 << 20;
    for (room = 5; room < 700; room += room < 64 ? 1 : 37) {
        begin();
        run_exchange();
        ASSERT_STATUS(client.status, SEC_E_OK);
        ASSERT_STATUS(server.status, SEC_E_OK);
        CU_ASSERT(fragments <= before);
        before = fragments;
        seals();
        end();
    }
    CU_ASSERT_EQUAL(before, 0);
}

/* Nobody asked for pieces, or there is no room for a header. */
static void not_cut(void)
{
    for (room = 0; room < 40; room += 3) {
        begin();
        ASSERT_STATUS(small_leg(&client, room < 5, NULL, 0), SEC_E_BUFFER_TOO_SMALL);
        ASSERT_STATUS(small_leg(&server, room < 5, NULL, 0), SEC_E_BUFFER_TOO_SMALL);
        end();
    }
}

/* The peer speaks although pieces are left. */
static void interrupted(void)
{
    static const uint8_t anything[] = {0xa1, 0x02, 0x30, 0x00};
    room = 20;
    begin();
    ASSERT_STATUS(small_leg(&client, true, NULL, 0), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(small_leg(&client, true, anything, sizeof anything), SEC_E_INVALID_TOKEN);
    ASSERT_STATUS(small_leg(&server, true, NULL, 0), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(small_leg(&server, true, anything, sizeof anything), SEC_E_INVALID_TOKEN);
    end();
}

/* A state is shown for what it is while pieces of the last token are left. */
static void not_complete_yet(void)
{
    SecPkgContext_NegotiationInfoA info;
    room = 600;
    begin();
    small_leg(&client, true, NULL, 0);
    small_leg(&server, true, client.token, client.size);
    small_leg(&client, true, server.token, server.size);
    room = 16;
    ASSERT_STATUS(small_leg(&server, true, client.token, client.size), SEC_I_CONTINUE_NEEDED);
    ASSERT_STATUS(QueryContextAttributesA(&server.context, SECPKG_ATTR_NEGOTIATION_INFO, &info),
                  SEC_E_OK);
    CU_ASSERT_EQUAL(info.NegotiationState, SECPKG_NEGOTIATION_IN_PROGRESS);
    FreeContextBuffer(info.PackageInfo);
    end();
}

static void bad_pieces(void)
{
    static const struct {
        const char *first, *second;
        ULONG first_size, second_size;
    } rows[] = {
        {"\x60\x10\x06\x06", "", 4, 0},                   /* breaks off */
        {"\x60\x05\x06\x06", "\x2b\x06\x01\x05", 4, 4},   /* runs over */
        {"\x60\x06\x06\x03", "\x2b\x06\x01\x05", 4, 4},   /* whole, and no token */
        {"\xa0\x03\x30", "\x05\x00", 3, 2},               /* the same, bare */
        {"\x60\x84\x7f\xff\xff\xff\x06", NULL, 7, 0},     /* more than any */
        {"\x60\x83\x02\x00\x00\x06", NULL, 6, 0},         /* just too many */
        {"\x60\x85\x01\x00\x00\x00\x00\x06", NULL, 8, 0}, /* five octets */
        {"\x60\x80\x06\x06\x2b\x06\x01\x05", NULL, 8, 0}, /* indefinite */
        {"\x60\x82\x01", NULL, 3, 0},                     /* header not whole */
        {"\x30\x10\x06", NULL, 3, 0},
        {"\x6e\x10\x06\x01", NULL, 4, 0}, /* not SPNEGO's */
    };
    room = 600;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        SECURITY_STATUS status =
            small_leg(&server, false, (const uint8_t *)rows[i].first, rows[i].first_size);
        if (rows[i].second) {
            ASSERT_STATUS(status, SEC_I_CONTINUE_NEEDED);
            CU_ASSERT_EQUAL(server.size, 0);
            status =
                small_leg(&server, false, (const uint8_t *)rows[i].second, rows[i].second_size);
        }
        ASSERT_STATUS(status, SEC_E_INVALID_TOKEN);
        end();
    }
}

SSPI_TESTS({"every_room", every_room}, {"not_cut", not_cut}, {"interrupted", interrupted},
           {"not_complete_yet", not_complete_yet}, {"bad_pieces", bad_pieces})
