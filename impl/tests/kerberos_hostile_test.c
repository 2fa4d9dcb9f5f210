/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers that hold the keys: each bit inside what is encrypted is flipped once, in ticket,
 * authenticator, forwarded ticket and AP-REP. Whatever it comes to, it is a status that the peer is
 * to blame for; and who succeeds can protect messages, or never could.
 */
#include "run.h"

#include "exchange.h"
#include "kerberos_sides.h"

#define FLAGS (ISC_REQ_MUTUAL_AUTH | ISC_REQ_CONFIDENTIALITY)

enum {
    MOST = 320 /* more bytes than any layer has */
};

static unsigned blamed, passed; /* the library blames itself; nobody noticed */

static void judge(const struct side *side, const char *what, unsigned bit)
{
    uint8_t text[8] = "so so so", token[128];
    SecBuffer buffers[] = {{sizeof token, SECBUFFER_TOKEN, token},
                           {sizeof text, SECBUFFER_DATA, text}};
    SecBufferDesc both = {SECBUFFER_VERSION, 2, buffers};
    SECURITY_STATUS status = side->status;
    if (status == SEC_E_OK) {
        passed++;
        CtxtHandle context = side->context;
        status = EncryptMessage(&context, 0, &both, 0);
        buffers[0].cbBuffer = sizeof token;
        if (status != SEC_E_INTERNAL_ERROR)
            status = MakeSignature(&context, 0, &both, 0);
    }
    if (status == SEC_E_INTERNAL_ERROR || status == SEC_E_INSUFFICIENT_MEMORY) {
        blamed++;
        fprintf(stderr, "  %s, bit %u: 0x%08x, 0x%08x\n", what, bit, (unsigned)side->status,
                (unsigned)status);
    }
}

/* The token of `from` with that bit of a layer flipped, to the other side. */
static void flip(struct side *from, struct side *to, enum fuzz_layer layer, const char *what,
                 unsigned bit)
{
    const uint8_t step[] = {
        layer, 4, 0, 0, (uint8_t)(bit / 8), (uint8_t)(bit / 8 >> 8), (uint8_t)(1 << bit % 8)};
    struct sspi_blob token = fuzz_kerberos_repair(
        &realm, (struct sspi_view){from->token, from->size}, (struct sspi_view){step, sizeof step});
    CU_ASSERT_FATAL(token.size > 0 && token.size < sizeof from->token);
    leg(to, to == &client, WORLD_SERVICE, to == &client ? FLAGS : ASC_REQ_DELEGATE, token.data,
        (ULONG)token.size);
    judge(to, what, bit);
    sspi_blob_free(&token);
}

static void every_bit(enum fuzz_layer layer, const char *what)
{
    acquire();
    blamed = passed = 0;
    for (unsigned bit = 0; bit < 8 * MOST; bit++) {
        drop(&client);
        drop(&server);
        leg(&client, 1, WORLD_SERVICE, FLAGS, NULL, 0);
        if (layer == FUZZ_REPLY) {
            fuzz_kerberos_note(&realm, (struct sspi_view){client.token, client.size});
            leg(&server, 0, NULL, 0, client.token, client.size);
            flip(&server, &client, layer, what, bit);
        } else {
            flip(&client, &server, layer, what, bit);
        }
    }
    CU_ASSERT_EQUAL(blamed, 0);
    CU_ASSERT(passed > 0 && passed < 8 * MOST);
    release();
}

static void ticket(void)
{
    every_bit(FUZZ_TICKET, "ticket");
}

static void authenticator(void)
{
    every_bit(FUZZ_AUTHENTICATOR, "authenticator");
}

static void checksum(void)
{
    every_bit(FUZZ_CHECKSUM, "checksum");
}

static void authdata(void)
{
    every_bit(FUZZ_AUTHDATA, "authorization data");
}

static void forwarded(void)
{
    every_bit(FUZZ_DELEGATION, "KRB-CRED");
}

static void reply(void)
{
    every_bit(FUZZ_REPLY, "AP-REP");
}

SSPI_TESTS({"ticket", ticket}, {"authenticator", authenticator}, {"checksum", checksum},
           {"authorization data", authdata}, {"forwarded ticket", forwarded}, {"reply", reply})
