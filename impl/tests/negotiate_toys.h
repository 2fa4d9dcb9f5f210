/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of SPNEGO over toy mechanisms, so that every path can be had: a Kerberos that finishes
 * in one, two or three legs, that fails at will, an NTLM with or without a MIC of its own. The toys
 * take the place of packages.c when this program is linked.
 */
#ifndef LIBSSPI_TESTS_NEGOTIATE_TOYS_H
#define LIBSSPI_TESTS_NEGOTIATE_TOYS_H

#include "run.h"

#include "error.h"
#include "memory.h"
#include "negotiate/context.h"
#include "text.h"

/* ---- the toys ------------------------------------------------------------------------------- */

/* Tokens are one letter: K or N for the mechanism, then a digit for the leg. A MIC is the
 * mechanism's letter, a sequence number's place and a checksum of the data. */
static struct {
    unsigned legs; /* calls until the initiator and the acceptor are done, together */
    SECURITY_STATUS initiate, accept, acquire; /* instead of working */
    bool wants_mic, no_integrity;
    const char *error_token; /* beside accept */
    int contexts;            /* alive */
} toys[NEG_PACKAGES];

static const struct sspi_package kerberos, ntlm;

struct toy {
    enum neg_package package;
    unsigned calls;
    bool done;
};

static SECURITY_STATUS toy_leg(enum neg_package p, bool initiator, void **context,
                               struct sspi_leg *leg)
{
    SECURITY_STATUS fault = initiator ? toys[p].initiate : toys[p].accept;
    struct toy *toy = *context;
    if (!toy) {
        *context = toy = sspi_alloc(sizeof *toy);
        toy->package = p;
        toys[p].contexts++;
    }
    if (fault != SEC_E_OK) {
        if (!initiator && toys[p].error_token)
            sspi_blob_copy(&leg->output, toys[p].error_token, strlen(toys[p].error_token));
        return fault;
    }
    unsigned number = 2 * toy->calls++ + !initiator; /* of the token to come */
    char expected[2] = {p == NEG_KERBEROS ? 'K' : 'N', (char)('0' + number - 1)};
    if (toy->done || (number && (leg->token.size != 2 || memcmp(leg->token.data, expected, 2))))
        return SEC_E_INVALID_TOKEN;
    leg->ret = 0x40 + number;
    if (number < toys[p].legs) {
        expected[1] = (char)('0' + number);
        sspi_blob_copy(&leg->output, expected, 2);
    }
    toy->done = number + 1 >= toys[p].legs;
    return toy->done ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
}

static SECURITY_STATUS kerberos_initiate(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_KERBEROS, true, context, leg);
}

static SECURITY_STATUS kerberos_accept(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_KERBEROS, false, context, leg);
}

static SECURITY_STATUS ntlm_initiate(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_NTLM, true, context, leg);
}

static SECURITY_STATUS ntlm_accept(void *c, void **context, struct sspi_leg *leg)
{
    (void)c;
    return toy_leg(NEG_NTLM, false, context, leg);
}

static SECURITY_STATUS kerberos_acquire(const struct sspi_cred_request *r, void **c, TimeStamp *e)
{
    (void)r;
    (void)c;
    e->QuadPart = 1000;
    return toys[NEG_KERBEROS].acquire;
}

static SECURITY_STATUS ntlm_acquire(const struct sspi_cred_request *r, void **c, TimeStamp *e)
{
    (void)r;
    (void)c;
    e->QuadPart = 2000;
    return toys[NEG_NTLM].acquire;
}

static void free_credential(void *credential)
{
    (void)credential;
}

static void free_toy(void *context)
{
    struct toy *toy = context;
    if (toy)
        toys[toy->package].contexts--;
    sspi_free(toy);
}

static SECURITY_STATUS make_mic(void *context, struct sspi_view data, struct sspi_blob *mic)
{
    struct toy *toy = context;
    uint8_t bytes[3] = {toy->package == NEG_KERBEROS ? 'k' : 'n', (uint8_t)data.size, 0};
    if (toys[toy->package].no_integrity)
        return SEC_E_UNSUPPORTED_FUNCTION;
    for (size_t i = 0; i < data.size; i++)
        bytes[2] = (uint8_t)(bytes[2] * 3 + data.data[i]);
    return sspi_blob_copy(mic, bytes, 3) ? SEC_E_OK : SEC_E_INSUFFICIENT_MEMORY;
}

static SECURITY_STATUS check_mic(void *context, struct sspi_view data, struct sspi_view mic)
{
    struct sspi_blob expected = {NULL, 0};
    SECURITY_STATUS status = make_mic(context, data, &expected);
    if (status == SEC_E_OK &&
        (mic.size != expected.size || memcmp(mic.data, expected.data, mic.size) != 0))
        status = SEC_E_MESSAGE_ALTERED;
    sspi_blob_free(&expected);
    return status;
}

static bool ntlm_wants_mic(void *context)
{
    (void)context;
    return toys[NEG_NTLM].wants_mic;
}

static const struct sspi_package kerberos = {.name = "Kerberos",
                                             .acquire = kerberos_acquire,
                                             .free_credential = free_credential,
                                             .initiate = kerberos_initiate,
                                             .accept = kerberos_accept,
                                             .free_context = free_toy,
                                             .make_mic = make_mic,
                                             .check_mic = check_mic};
static const struct sspi_package ntlm = {.name = "NTLM",
                                         .acquire = ntlm_acquire,
                                         .free_credential = free_credential,
                                         .initiate = ntlm_initiate,
                                         .accept = ntlm_accept,
                                         .free_context = free_toy,
                                         .make_mic = make_mic,
                                         .check_mic = check_mic,
                                         .wants_mechlist_mic = ntlm_wants_mic};

const struct sspi_package *const sspi_packages[] = {&kerberos, &ntlm, NULL};

const struct sspi_package *sspi_package_find(const char *name)
{
    return sspi_equal_nocase(name, "Kerberos") ? &kerberos
           : sspi_equal_nocase(name, "NTLM")   ? &ntlm
                                               : NULL;
}

/* ---- the exchange --------------------------------------------------------------------------- */

struct side {
    void *credential, *context;
    struct sspi_leg leg; /* the newest */
    SECURITY_STATUS status;
    unsigned legs;
};

static struct side client, server;
static const char *target;

static void acquire(struct side *side, const char *list)
{
    struct sspi_identity identity = {.package_list = (char *)(uintptr_t)list};
    struct sspi_cred_request request = {.identity = &identity};
    TimeStamp expiry;
    *side = (struct side){0};
    ASSERT_STATUS(sspi_negotiate_package.acquire(&request, &side->credential, &expiry), SEC_E_OK);
}

static void begin(unsigned kerberos_legs, const char *client_list, const char *server_list)
{
    memset(toys, 0, sizeof toys);
    toys[NEG_KERBEROS].legs = kerberos_legs;
    toys[NEG_NTLM].legs = 3;
    toys[NEG_NTLM].wants_mic = true;
    target = "host/x";
    acquire(&client, client_list);
    acquire(&server, server_list);
}

static SECURITY_STATUS step(struct side *side, const struct sspi_view *token, ULONG req)
{
    struct sspi_leg leg = {.req = req, .target = side == &client ? target : NULL};
    if (token) {
        leg.has_token = true;
        leg.token = *token;
    }
    leg.max_output = SIZE_MAX;
    sspi_blob_free(&side->leg.output);
    side->status =
        (side == &client ? sspi_negotiate_package.initiate
                         : sspi_negotiate_package.accept)(side->credential, &side->context, &leg);
    side->leg = leg;
    side->legs++;
    return side->status;
}

static SECURITY_STATUS pass(struct side *from, struct side *to)
{
    struct sspi_view token = sspi_blob_view(&from->leg.output);
    return step(to, &token, 0);
}

static inline void establish(void)
{
    step(&client, NULL, 0);
    for (int i = 0; i < 8 && client.status >= 0 && client.leg.output.size; i++) {
        pass(&client, &server);
        if (server.status < 0 || !server.leg.output.size)
            return;
        pass(&server, &client);
    }
}

static void end(void)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        sspi_blob_free(&sides[i]->leg.output);
        sspi_negotiate_package.free_context(sides[i]->context);
        sspi_negotiate_package.free_credential(sides[i]->credential);
    }
    CU_ASSERT_EQUAL(toys[NEG_KERBEROS].contexts, 0);
    CU_ASSERT_EQUAL(toys[NEG_NTLM].contexts, 0);
}

static struct neg_resp resp_of(const struct side *side)
{
    struct neg_resp resp = {.state = NEG_NO_STATE};
    CU_ASSERT(neg_resp_decode(sspi_blob_view(&side->leg.output), NEG_TRAILING_REFUSED, &resp));
    return resp;
}

static inline SECURITY_STATUS answer(const struct neg_resp *resp)
{
    struct sspi_blob token;
    CU_ASSERT(neg_resp_encode(resp, &token));
    struct sspi_view bytes = sspi_blob_view(&token);
    SECURITY_STATUS status = step(&client, &bytes, 0);
    sspi_blob_free(&token);
    return status;
}

static inline SECURITY_STATUS say(const struct neg_resp *resp)
{
    struct sspi_blob token;
    CU_ASSERT(neg_resp_encode(resp, &token));
    struct sspi_view bytes = sspi_blob_view(&token);
    SECURITY_STATUS status = step(&server, &bytes, 0);
    sspi_blob_free(&token);
    return status;
}

static inline void both_done(const char *name)
{
    struct side *sides[] = {&client, &server};
    for (int i = 0; i < 2; i++) {
        struct sspi_attribute info = {.attribute = SECPKG_ATTR_NEGOTIATION_INFO};
        ASSERT_STATUS(sides[i]->status, SEC_E_OK);
        ASSERT_STATUS(sspi_negotiate_package.query(sides[i]->context, &info), SEC_E_OK);
        CU_ASSERT_STRING_EQUAL(info.value.negotiation.package->name, name);
        CU_ASSERT_EQUAL(info.value.negotiation.state, SECPKG_NEGOTIATION_COMPLETE);
    }
}

#endif
